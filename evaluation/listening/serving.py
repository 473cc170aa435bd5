"""The listening server as a process of its own: started, found again and ended by what it wrote on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from evaluation.listening.store import ListeningError
from structure.json_reading import read_json
from structure.places import PROGRAM
from structure.processes import process_alive

SERVER_FILE = "server.json"
LOG_FILE = "server.log"
START_SECONDS = 60.0  # a busy machine imports Gradio slowly


def link(url: str, token: str) -> str:
    """A listener's own address."""
    return f"{url}/?listener={token}"


def server_url(folder: Path) -> str | None:
    """Where a test is served now; None where it is not."""
    found = _running(folder)
    return found[1] if found else None


def start_server(folder: Path) -> str:
    """Serve a test on a free port of this machine, in a process that outlives this one; its address.

    Raises:
        ListeningError: it does not start.
    """
    if url := server_url(folder):
        return url
    (folder / SERVER_FILE).unlink(missing_ok=True)
    with (folder / LOG_FILE).open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "evaluation", "listen", "serve", str(folder.resolve()), "--port", "0"],
            cwd=PROGRAM,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=os.name != "nt",
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if url := server_url(folder):
            return url
        if process.poll() is not None:
            said = (folder / LOG_FILE).read_text().strip().splitlines()
            raise ListeningError(f"The listening server ended at once: {said[-1] if said else 'it said nothing'}")
        time.sleep(0.1)
    process.terminate()
    raise ListeningError(f"The listening server did not start within {START_SECONDS:.0f} s. Try again.")


def stop_server(folder: Path) -> None:
    """End the process that serves a test, if there is one."""
    if found := _running(folder):
        found[0].terminate()
        psutil.wait_procs([found[0]], timeout=10)


def _running(folder: Path) -> tuple[psutil.Process, str] | None:
    try:
        wrote = read_json(folder / SERVER_FILE)
        pid, started, url = int(wrote["pid"]), float(wrote["started"]), str(wrote["url"])
        return (psutil.Process(pid), url) if process_alive(pid, started) else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):  # never started, half written, or gone
        return None
