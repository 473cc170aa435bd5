"""The clients as a person runs them, and a small endpoint for them to talk to."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.endpoint.small_endpoint import SmallEndpoint

CLIENTS = Path(__file__).resolve().parents[2] / "scripts" / "endpoint"
sys.path.append(str(CLIENTS))  # they are a folder of scripts, and import one another so

TOKEN = "hf_Nobody0Should1Ever2Read3This4"


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for what a running client brings about."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)


@pytest.fixture
def endpoint() -> Iterator[SmallEndpoint]:
    """An endpoint that asks for no token."""
    endpoint = SmallEndpoint()
    yield endpoint
    endpoint.stop()


@pytest.fixture
def guarded() -> Iterator[SmallEndpoint]:
    """An endpoint that asks for a token."""
    endpoint = SmallEndpoint(TOKEN)
    yield endpoint
    endpoint.stop()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address, token or proxy of the person who runs the tests."""
    for name in ("ACE_ENDPOINT_URL", "ACE_TOKEN", "HF_TOKEN", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a client as a process of its own: `start("batch.py", "songs.csv", "songs", ACE_TOKEN=…)`."""
    running: list[subprocess.Popen[str]] = []

    def begin(script: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(CLIENTS / script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start: Start) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a client to its end; `text` is what is typed."""

    def finish(script: str, *arguments: object, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        process = start(script, *arguments, **environment)
        out, err = process.communicate(text, timeout=20)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return finish
