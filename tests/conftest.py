"""What every room's tests share: folders of their own, a browser, and the product running with its network guarded."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("STRUCTURE_STUDIO_HOME", "STRUCTURE_STUDIO_CACHE", "STRUCTURE_STUDIO_LOCK_DIR")
START_SECONDS = 90.0  # a busy two-core machine imports Gradio slowly

# Before any room is imported: nothing that a test does may lie in the repository or meet a page that is in use.
_scratch = Path(tempfile.mkdtemp(prefix="structure-studio-tests-"))
for _place in PLACES:
    os.environ[_place] = str(_scratch / _place.rsplit("_", 1)[-1].lower())
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# As many processes test as there are cores; threads of their own would wait for one another, burning time. Measured
# beside other work: scoring a folder takes 25 s of processor with one thread, 98 s with two.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

GUARD = '''
"""Refuses every connection that would leave this machine, and notes who asked for it."""
import os, socket

def refuse(self_or_host, address):
    with open(os.environ["NETWORK_GUARD_LOG"], "a") as log:
        log.write(f"{address}\\n")
    raise OSError("the test's network guard allows this machine only")

def inside(host):
    return host in (None, "", "localhost", "::1", "0.0.0.0", "::") or str(host).startswith("127.")

def guarded(name):
    original = getattr(socket.socket, name)
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not inside(address[0]):
            refuse(self, address)
        return original(self, address)
    setattr(socket.socket, name, connect)

guarded("connect")
guarded("connect_ex")
look_up = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    if not inside(host.decode() if isinstance(host, bytes) else host):
        refuse(None, host)
    return look_up(host, *rest, **more)
socket.getaddrinfo = getaddrinfo
'''


LONG = ("trials", "test_newcomer.py", "experiment", "training")  # rooms and files whose tests take longest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser test that fails is tried once more, and counted; long tests go first.

    Taps, drags and play heads happen in real time, and a busy machine can stall the browser for a second. The closing
    line says how many were tried again ("2 rerun"), `-rR` names them, and a defect fails twice.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    # Whichever process ends last is then busy with short ones.
    items.sort(key=lambda item: not set(LONG) & set(item.path.relative_to(ROOT).parts))


def pytest_sessionfinish() -> None:
    """Leave nothing behind."""
    shutil.rmtree(_scratch, ignore_errors=True)


@dataclass(frozen=True)
class Studio:
    """`python app.py`, running. `home` is where it writes, `refused` lists what it asked of other machines."""

    url: str
    home: Path
    guard_log: Path
    process: subprocess.Popen

    @property
    def refused(self) -> list[str]:
        return self.guard_log.read_text().splitlines() if self.guard_log.exists() else []


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """Starts `python app.py` with options in a process of its own, and waits until the page answers."""
    yield from _starting(tmp_path)


@pytest.fixture(scope="module")
def shared_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Studio]]:
    """The same, for a module whose tests look at one page."""
    yield from _starting(tmp_path_factory.mktemp("studio"))


def _starting(folder: Path) -> Iterator[Callable[..., Studio]]:
    running = []

    def start(*options: str) -> Studio:
        guard, home = folder / "guard", folder / "home"
        guard.mkdir()
        (guard / "sitecustomize.py").write_text(GUARD)
        log = guard / "refused.txt"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "PYTHONPATH": str(guard),
            "NETWORK_GUARD_LOG": str(log),
            "STRUCTURE_STUDIO_HOME": str(home),
        }
        command = [sys.executable, "app.py", "--port", str(port), "--no-browser", *options]
        with (guard / "output.txt").open("w") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        running.append(process)
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            said = (guard / "output.txt").read_text()
            assert process.poll() is None, f"the page ended at once:\n{said}"
            assert time.monotonic() < deadline, f"the page does not answer:\n{said}"
            time.sleep(0.1)
        return Studio(url, home, log, process)

    yield start
    for process in running:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=10)
    except urllib.error.HTTPError:  # it answers, if only to ask for a login
        return True
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium, headless and quiet; `CHROME` names another one."""
    sync_api = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = os.environ.get("CHROME") or next(filter(None, map(shutil.which, names)), None)
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_api.sync_playwright() as playwright:
        if found is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chrome or Chromium here: `make test` installs one where it can")
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", *quiet])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a starter with random weights: the real classes, in a second, with nothing trained."""
    from acestep.starter.base_training import train_tokenizer, untrained_pipeline
    from acestep.starter.codec import StarterCodec

    texts = ["# Caption warm house track # Metas bpm 120 keyscale A minor [Verse] [Chorus]"] * 20
    codec = StarterCodec(decoder_blocks=1, decoder_width=32)
    folder = tmp_path_factory.mktemp("random-model")
    untrained_pipeline(codec, train_tokenizer(texts, 300), 64, seed=0).save_pretrained(folder)
    return folder
