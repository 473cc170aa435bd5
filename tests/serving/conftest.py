"""The endpoint's server in a process of its own, as a person starts it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0


@dataclass(frozen=True)
class Endpoint:
    """A server that is ready."""

    url: str
    process: subprocess.Popen
    log: Path

    def ask(self, inputs: Any, token: str | None = None, timeout: float = 60.0) -> tuple[int, dict, dict[str, str]]:
        """Status, answer and headers of one request."""
        return self.send(json.dumps({"inputs": inputs}).encode(), token, timeout)

    def send(self, body: bytes, token: str | None = None, timeout: float = 60.0) -> tuple[int, dict, dict[str, str]]:
        """The same with any body."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        return fetch(urllib.request.Request(self.url, body, headers), timeout)


def fetch(request: urllib.request.Request | str, timeout: float = 60.0) -> tuple[int, dict, dict[str, str]]:
    """Status, JSON and headers."""
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read()), dict(answer.headers)
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read() or b"{}"), dict(refused.headers)


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Endpoint]]:
    """Starts `scripts/endpoint/serve.py` with options and variables, and waits until it is ready."""
    running = []

    def start(*options: str, port: int | None = None, **variables: str) -> Endpoint:
        if port is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
        log = tmp_path_factory.mktemp("endpoint") / "log.txt"
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "scripts/endpoint/serve.py", "--port", str(port), *options],
                cwd=ROOT, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        running.append(process)
        endpoint = Endpoint(f"http://127.0.0.1:{port}/", process, log)
        deadline = time.monotonic() + START_SECONDS
        ready = urllib.request.Request(
            f"{endpoint.url}ready", headers={"Authorization": f"Bearer {variables.get('ACE_TOKEN', '')}"}
        )
        while True:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            try:
                if fetch(ready)[0] == 200:
                    return endpoint
            except OSError:
                pass
            time.sleep(0.1)

    yield start
    for process in running:
        process.kill()
        process.wait(30)
