"""Decoding apart: what a page reads is decoded by processes of their own.

A decoder is C code that meets whatever a visitor uploads. Where it crashes,
never ends or asks for too much memory, its process is gone and the page is
not: the visitor gets a sentence, and the next file another process. The
processes (`annotate.decoder`) start when there is something to read and stay
warm; one file that hangs occupies one of them until its deadline.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np

from annotate.decoding import AudioError, AudioInfo

MOST = 4  # processes: a long recording or two never keep the others waiting
DEADLINE = 15.0  # seconds without a word from a decoder; a sleeping disk takes ten
MEMORY = 1024  # megabytes of address space, a quarter of which the libraries take
_ROOT = Path(__file__).resolve().parents[1]
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_FATES = {
    "crashed": "its decoder crashed",
    "hung": "its decoder did not end",
    "memory": "its decoder asked for too much memory",
}


class _Lost(Exception):
    """The decoder has died of a request, or gave it up; the argument says how, one of `_FATES`."""


class _Decoder:
    """One process, which answers one request at a time."""

    def __init__(self, memory: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "annotate.decoder", str(memory)],
            cwd=_ROOT, env=os.environ | _ONE_THREAD, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdin and self._process.stdout
        self._to, self._from = self._process.stdin, self._process.stdout
        self._waiting_since: float | None = None
        self._hung = False
        self.at_rest = True

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, do: str, *paths: Path, **more: Any) -> Iterator[dict[str, Any]]:
        """What it answers, but for the last line; a body is under `block`, float32 or int8 of the shape told.

        Raises:
            AudioError: its own refusal.
            _Lost: it died.
        """
        self.at_rest = False
        request = {"do": do, "paths": [str(path.absolute()) for path in paths], **more}
        told = self._told(request)
        while "end" not in told:
            yield told
            told = self._told()
        self.at_rest = True
        if told["end"] == "refused":
            raise AudioError(told["why"])
        if told["end"] != "done":
            raise _Lost(told["end"])

    def _told(self, request: dict[str, Any] | None = None) -> dict[str, Any]:
        """The next line of an answer, after a request where there is one."""
        self._waiting_since = monotonic()
        try:
            if request is not None:
                self._to.write(json.dumps(request).encode() + b"\n")
                self._to.flush()
            told = json.loads(self._from.readline())
            return told | {"block": self._block(told)} if "shape" in told else told
        except (OSError, ValueError) as broken:  # no line, half a one, or none that it would say
            raise _Lost("hung" if self._hung else "crashed") from broken
        finally:
            self._waiting_since = None

    def _block(self, told: dict[str, Any]) -> np.ndarray:
        size = told.get("bytes", 0)
        cells = int(np.prod(told["shape"]))
        block = np.empty(told["shape"], np.float32 if size == 4 * cells else np.int8)
        if size != block.nbytes or self._from.readinto(block.data.cast("B") if size else b"") != size:
            raise ValueError("half a block")
        return block

    def check(self, deadline: float) -> None:
        """End it where it has said nothing for too long."""
        since = self._waiting_since
        if since is not None and monotonic() - since > deadline:
            self._hung = True
            self._process.kill()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._from.close()
        with contextlib.suppress(OSError):  # what was not sent yet cannot be
            self._to.close()


class Decoders:
    """Processes that decode, shared by all threads of this one.

    Args:
        most: how many there may be.
        deadline: seconds without a word after which one is ended.
        memory: megabytes of address space that each may take, where the system can limit that.
    """

    def __init__(self, most: int = MOST, deadline: float = DEADLINE, memory: int = MEMORY) -> None:
        self._most, self._deadline, self._memory = most, deadline, memory
        self._free: deque[_Decoder] = deque()
        self._busy: set[_Decoder] = set()
        self._starting = 0
        self._changed = threading.Condition()
        self._watching = False

    def infos(self, paths: Sequence[Path]) -> list[AudioInfo | AudioError]:
        """The header of each file, or why it has none."""
        found: list[AudioInfo | AudioError] = []
        while len(found) < len(paths):
            try:
                with self._one() as decoder:
                    for told in decoder.ask("infos", *paths[len(found) :]):
                        found.append(AudioInfo(*told["info"]) if "info" in told else AudioError(told["why"]))
            except _Lost as lost:
                found += [_sentence(path, lost) for path in paths[len(found) :][:1]]
        return found

    def blocks(self, path: Path, block_frames: int) -> Iterator[np.ndarray]:
        """As `annotate.decoding.read_blocks`."""
        for told in self._asked(path, "blocks", path, block_frames=block_frames):
            yield told["block"]

    def copy(self, audio: Path, wav: Path, peaks: Path) -> Iterator[float]:
        """As `annotate.copies.write_copy`."""
        for told in self._asked(audio, "copy", audio, wav, peaks):
            yield told["share"]

    def sketch(self, audio: Path) -> np.ndarray:
        """As `annotate.copies.sketch`."""
        (told,) = self._asked(audio, "sketch", audio)
        return told["block"]

    def pids(self) -> list[int]:
        """Of the processes there are."""
        with self._changed:
            return [decoder.pid for decoder in [*self._free, *self._busy]]

    def close(self) -> None:
        """End those that have nothing to do."""
        with self._changed:
            while self._free:
                self._free.pop().end()

    def _asked(self, path: Path, do: str, *paths: Path, **more: Any) -> Iterator[dict[str, Any]]:
        try:
            with self._one() as decoder:
                yield from decoder.ask(do, *paths, **more)
        except _Lost as lost:
            raise _sentence(path, lost) from lost

    @contextmanager
    def _one(self) -> Iterator[_Decoder]:
        """A process that has nothing to do; one that is in the middle of something afterwards is ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._free or len(self._busy) + self._starting < self._most)
            decoder = self._free.pop() if self._free else None
            self._starting += 1
        try:
            if decoder is not None and not decoder.alive:
                decoder.end()
                decoder = None
            decoder = decoder or _Decoder(self._memory)
        finally:
            with self._changed:
                self._starting -= 1
        with self._changed:
            self._busy.add(decoder)
            self._watch()
        try:
            yield decoder
        finally:
            if not decoder.at_rest:
                decoder.end()
            with self._changed:
                self._busy.discard(decoder)
                if decoder.at_rest:
                    self._free.append(decoder)
                self._changed.notify()

    def _watch(self) -> None:
        """Have the deadlines kept as long as anything is being decoded; called with the lock held."""

        def watch() -> None:
            while True:
                sleep(self._deadline / 8)
                with self._changed:
                    if not self._busy:
                        self._watching = False
                        return
                    busy = list(self._busy)
                for decoder in busy:
                    decoder.check(self._deadline)

        if not self._watching:
            self._watching = True
            threading.Thread(target=watch, daemon=True).start()


def _sentence(path: Path, lost: _Lost) -> AudioError:
    return AudioError(f"`{path.name}`: {_FATES[str(lost)]}. Convert it to WAV.")


_of_the_page = Decoders()
_decode_apart = False


def decode_apart() -> None:
    """Read every sound file in processes of their own from now on: for a process that many people depend on."""
    global _decode_apart
    _decode_apart = True


def decoders() -> Decoders | None:
    """Who reads sound files for this process; None where it reads them itself."""
    return _of_the_page if _decode_apart else None


def page_decoders() -> Decoders:
    """Those that make decoded copies, which only a page does."""
    return _of_the_page
