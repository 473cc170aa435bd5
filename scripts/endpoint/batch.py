"""Many songs from an endpoint: `python batch.py requests.csv SONGS` makes what SONGS has not got yet.

A song that is there whole is not asked for again, so a batch that was stopped, killed or cut off from its endpoint
goes on where it was. Exit status 0: all songs are there; 1: some are not, and SONGS/failed.jsonl says why; 2: the batch
could not begin; 130: stopped by Ctrl+C.
"""

import argparse
import json
import os
import queue
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))  # the clients travel as one folder, wherever it is copied

from arguments import add_endpoint_flags, add_patience_flag, add_song_flags, endpoint_of, inputs_of, patience_of
from client import Endpoint
from errors import ClientError, EndpointError
from folder_lock import only_batch_in
from patience import Patience, ask_patiently
from request_files import Request, read_requests
from song_files import Place, State, finish_interrupted, state_of, write_part, write_song

LISTED = "failed.jsonl"


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="batch.py", description=__doc__.split("\n")[0])
    parser.add_argument("requests", type=Path, help=".csv with a header, or .jsonl; one song a line")
    parser.add_argument("folder", type=Path, help="where the songs go")
    parser.add_argument("--concurrency", type=int, default=2, help="songs asked for at a time (default: 2)")
    parser.add_argument("--overwrite", action="store_true", help="make a song again whose line has changed")
    add_patience_flag(parser)
    add_song_flags(parser)
    add_endpoint_flags(parser)
    return parser


@dataclass
class Batch:
    """A batch under way; `run` is called once, with the folder's lock held.

    Attributes:
        endpoint: where songs come from.
        folder: where they go.
        patience: with the endpoint, for each song.
        overwrite: songs of other requests may be replaced.
        failed: requests without a song, and why.
    """

    endpoint: Endpoint
    folder: Path
    patience: Patience
    overwrite: bool
    failed: list[tuple[Request, str]] = field(default_factory=list)
    made: int = 0
    waiting_for: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _done: queue.Queue[tuple[Request, str]] = field(default_factory=queue.Queue)

    def run(self, requests: Sequence[Request], concurrency: int) -> None:
        """Make what is not there.

        Args:
            requests: all songs of the batch.
            concurrency: how many are asked for at a time.

        Raises:
            ClientError: the list of failures cannot be written.
        """
        missing: queue.SimpleQueue[Request] = queue.SimpleQueue()
        for request in requests:
            state = state_of(self.place_of(request), request.inputs)
            if state is State.MADE:
                self.made += 1
            elif state is State.ABSENT or self.overwrite:
                missing.put(request)
            else:
                self._note(request, f"{state.value} lies there. Add --overwrite, or give the line another name.")
        self._list_failures()
        for number in range(min(concurrency, missing.qsize())):
            # Daemons: at Ctrl+C nobody waits minutes for an answer that is no longer wanted.
            threading.Thread(target=self._work, args=(missing, random.Random(number)), daemon=True).start()
        started, counted = time.monotonic(), self.made
        while self.made + len(self.failed) < len(requests):
            self._show(len(requests), started, self.made - counted)
            try:
                request, why = self._done.get(timeout=0.5)  # a time limit, or Windows hears no Ctrl+C
            except queue.Empty:
                continue
            if why:
                self._note(request, why)
                self._list_failures()
            else:
                self.made += 1
                _clear_line()
                print(self.place_of(request).audio, flush=True)
        _clear_line()

    def halt(self) -> None:
        """Stop between two files: a song is there whole or not at all. No thread writes after this."""
        self._stop.set()
        self._writing.acquire()

    def place_of(self, request: Request) -> Place:
        """Where a request's song goes."""
        return Place(self.folder / f"{request.name}.{request.inputs['format']}")

    def _work(self, missing: "queue.SimpleQueue[Request]", chance: random.Random) -> None:
        while True:
            try:
                request = missing.get_nowait()
            except queue.Empty:
                return
            self._done.put((request, self._make(request, chance)))

    def _make(self, request: Request, chance: random.Random) -> str:
        """Make one song; why not, where that fails."""
        if self._stop.is_set():
            return f"not asked for: {self.waiting_for}"
        try:
            answer = ask_patiently(
                self.endpoint, request.inputs, self.patience, self._on_wait, stop=self._stop, chance=chance
            )
            with self._writing:
                write_song(self.place_of(request), answer, request.inputs, self.endpoint.url)
        except EndpointError as problem:
            if problem.concerns == "endpoint":  # the next song would wait as long and hear the same
                self.waiting_for = str(problem)
                self._stop.set()
            return str(problem)
        except ClientError as problem:
            return str(problem)
        except Exception as problem:  # ours; a thread that died silently would leave the batch waiting for ever
            return f"{type(problem).__name__} in the client: {problem}"
        self.waiting_for = ""
        return ""

    def _on_wait(self, problem: EndpointError, seconds: float) -> None:
        if self.waiting_for != str(problem):
            self.waiting_for = str(problem)
            _say(f"waiting {seconds:.1f} s or more: {problem}")

    def _note(self, request: Request, why: str) -> None:
        self.failed.append((request, why))
        _say(f"failed: {request.name} (line {request.line}): {why}")

    def _list_failures(self) -> None:
        listed = self.folder / LISTED
        lines = [json.dumps({"name": r.name, **r.inputs, "error": why}) + "\n" for r, why in self.failed]
        try:
            if lines:
                os.replace(write_part(listed, "".join(lines).encode()), listed)
            else:
                listed.unlink(missing_ok=True)
        except OSError as problem:
            raise ClientError(f"{listed}: cannot be written ({problem.strerror or problem}).") from problem

    def _show(self, total: int, started: float, made: int) -> None:
        """The progress line, where somebody looks."""
        if sys.stderr.isatty():
            rate = f", {(time.monotonic() - started) / made:.1f} s a song" if made else ""
            line = f"{self.made}/{total} songs, {len(self.failed)} failed{rate}"
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)


def _clear_line() -> None:
    """Take the progress line away, so that the next line stands alone."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    _clear_line()
    print(text, file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Make a batch of songs."""
    arguments = get_parser().parse_args(argv)
    try:
        if not 1 <= arguments.concurrency <= 64:
            raise ClientError(f"--concurrency {arguments.concurrency}: give 1 to 64.")
        endpoint, patience = endpoint_of(arguments), patience_of(arguments)
        requests = read_requests(arguments.requests, inputs_of(arguments))
        with only_batch_in(arguments.folder):
            finish_interrupted(arguments.folder)
            batch = Batch(endpoint, arguments.folder, patience, arguments.overwrite)
            try:
                batch.run(requests, arguments.concurrency)
            finally:
                batch.halt()  # while the folder is still ours
    except ClientError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on from here.", file=sys.stderr)
        return 130
    print(f"{batch.made} of {len(requests)} songs are in {arguments.folder}.", file=sys.stderr)
    return 1 if batch.failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a container's stop is a person's Ctrl+C
    sys.exit(main())
