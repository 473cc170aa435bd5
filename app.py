"""Structure Studio: `python app.py` opens the page on this machine.

Only the command line is here; `lora_ui.py` composes the page. Whatever a run needs that is slow to import (torch,
diffusers, librosa) loads when it is first used.
"""

import argparse
import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from structure.errors import StudioError

PORT = 7860
PORTS_TRIED = 50
DEMO_SECONDS = 60.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ROOT = Path(__file__).resolve().parent
QUIET = {  # nobody asked for usage statistics; read by the libraries when they are imported
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


class StartError(StudioError):
    """The page cannot start as asked."""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Structure Studio for ACE-Step: mark sections, train, ask, hear.")
    parser.add_argument("--dataset", type=Path, help="folder of songs and sidecars (default: demo songs, made here)")
    parser.add_argument("--model", default="starter", help="starter, a diffusers folder or a hub id (default: starter)")
    parser.add_argument("--host", help="address to listen on; any but this machine's needs --auth (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help=f"port to listen on (default: {PORT}, or the next free one)")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="ask visitors to log in")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")
    return parser


def parse_auth(text: str | None) -> tuple[str, str] | None:
    """`USER:PASSWORD` as a pair.

    Raises:
        StartError: one of the two is missing.
    """
    if text is None:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise StartError("--auth wants USER:PASSWORD, both not empty.")
    return user, password


def choose_host(host: str | None, auth: tuple[str, str] | None) -> str:
    """The address to listen on: this machine's own unless asked; a Hugging Face Space brings its own gate.

    Raises:
        StartError: other machines could reach the page and nobody would have to log in.
    """
    if host is None:
        return "0.0.0.0" if os.environ.get("SPACE_ID") else LOOPBACK[0]
    if host not in LOOPBACK and auth is None:
        raise StartError(
            f"--host {host} opens the page to other machines, so it needs a login: add --auth USER:PASSWORD."
        )
    return host


def choose_port(host: str, port: int | None) -> int:
    """The port asked for, else the first free one from the usual one on.

    Raises:
        StartError: the port asked for is taken, or none is free.
    """
    wanted = [port] if port is not None else range(PORT, PORT + PORTS_TRIED)
    for number in wanted:
        if not 0 < number < 65536:
            raise StartError(f"--port {number}: a port is a number from 1 to 65535.")
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            if os.name != "nt":  # there it would let two programs share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, number))
            except OSError as problem:
                if port is not None:
                    raise StartError(f"--port {number} on {host} cannot be used ({problem.strerror}).") from problem
                continue
        if port is None and number != PORT:
            print(f"Port {PORT} is taken: using {number}.")
        return number
    raise StartError(f"No free port from {PORT} to {PORT + PORTS_TRIED - 1}: choose one with --port.")


def check_model(model: str) -> str:
    """The model as given, a folder by its whole path, refused at once where it can be neither a folder nor a hub id.

    Raises:
        StartError: it is neither.
    """
    if model != "starter" and (folder := Path(model).expanduser()).is_dir():
        return str(folder.resolve())  # runs are processes that begin elsewhere
    if model == "starter" or re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        return model
    raise StartError(
        f"--model {model}: there is no such folder, and a hub id reads OWNER/NAME. `starter` ships with this."
    )


def choose_dataset(folder: Path | None) -> tuple[Path, subprocess.Popen | None]:
    """The songs to open on: the folder given, else the demo dataset.

    Returns:
        The folder, and the process that is still making its songs, if any.

    Raises:
        StartError: the folder given does not exist, or the demo's cannot be made.
    """
    if folder is not None:
        if not folder.expanduser().is_dir():
            raise StartError(f"--dataset {folder}: there is no such folder.")
        return folder.expanduser().resolve(), None
    from acestep.starter.demo import demo_folder, is_whole

    demo = demo_folder()
    if is_whole(demo):
        return demo, None
    try:
        demo.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StartError(f"{demo}: cannot be made ({problem.strerror}). Choose songs with --dataset.") from problem
    # Its own process: the songs take seconds of one core, and the page must not wait for them.
    command = [sys.executable, "-m", "acestep.starter.demo", str(demo)]
    return demo, subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)


def wait_for(process: subprocess.Popen | None) -> None:
    """Return once the demo songs are made, or after a while in any case: the page then shows what there is."""
    if process is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DEMO_SECONDS)


def has_screen() -> bool:
    """Whether a browser window can be opened here."""
    return os.name == "nt" or sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def main(argv: Sequence[str] | None = None) -> int:
    """Start the page and serve it until interrupted; 2 where it cannot start as asked."""
    arguments = get_parser().parse_args(argv)
    try:
        auth = parse_auth(arguments.auth)
        host = choose_host(arguments.host, auth)
        model = check_model(arguments.model)
        port = choose_port(host, arguments.port)
        dataset, making = choose_dataset(arguments.dataset)
    except StudioError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from lora_ui import build_app, launch

    local = host in LOOPBACK
    page = build_app(dataset, model, local, ready=partial(wait_for, making))
    launch(page, host, port, auth, open_browser=local and has_screen() and not arguments.no_browser)
    return 0


if __name__ == "__main__":
    sys.exit(main())
