"""The process that decodes for a page: `python -m annotate.decoder MEGABYTES`, which `annotate.apart` starts.

It reads requests, one JSON object a line, and answers each with JSON lines, the last of which says how it `end`ed;
`bytes` in a line says how many follow it. It ends when its input does, so that no page leaves one behind.
"""

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

import numpy as np

from annotate.decoding import AudioError, read_blocks, read_info

TOLD_EVERY = 0.1  # seconds: how often it says how far it is
Answer = tuple[dict[str, Any], bytes | memoryview]


def answers(request: dict[str, Any]) -> Iterator[Answer]:
    """What is said to one request, but for its last line.

    Raises:
        AudioError: the file cannot be read.
    """
    paths = list(map(Path, request["paths"]))
    if request["do"] == "infos":
        for path in paths:
            yield info_or_why(path), b""
    elif request["do"] == "blocks":
        for block in read_blocks(paths[0], request["block_frames"]):
            block = np.ascontiguousarray(block)
            yield {"shape": block.shape}, block.data.cast("B") if block.size else b""
    elif request["do"] == "copy":
        from annotate.copies import write_copy

        told = 0.0
        for share in write_copy(*paths):
            if monotonic() - told > TOLD_EVERY:
                told = monotonic()
                yield {"share": share}, b""
    elif request["do"] == "sketch":
        from annotate.copies import sketch

        rows = sketch(paths[0])
        yield {"shape": rows.shape}, rows.tobytes()


def info_or_why(path: Path) -> dict[str, Any]:
    """A header as JSON, or why there is none."""
    try:
        info = read_info(path)
    except AudioError as refused:
        return {"why": str(refused)}
    return {"info": [info.sample_rate, info.channels, info.frames, info.duration]}


def serve(requests: Iterator[bytes], out: BinaryIO) -> None:
    """Answer until there is nobody to answer."""

    def say(told: dict[str, Any], body: bytes | memoryview = b"") -> None:
        size = {"bytes": len(body)} if len(body) else {}
        out.write(json.dumps(told | size).encode() + b"\n")
        out.write(body)
        out.flush()

    for line in requests:
        try:
            for told, body in answers(json.loads(line)):
                say(told, body)
            last = {"end": "done"}
        except AudioError as refused:
            last = {"end": "refused", "why": str(refused)}
        except MemoryError:
            last = {"end": "memory"}
        except BrokenPipeError:
            return
        except Exception:  # a slip of ours: for whoever reads the log; the page has a sentence for it
            traceback.print_exc()
            last = {"end": "crashed"}
        say(last)


def limit_memory(megabytes: int) -> None:
    """Where the system can: a decoder that asks for more is refused it, and the machine stays usable."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))


def main() -> None:
    limit_memory(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the page
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not come between
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        os._exit(0)  # the page is gone, whatever is being decoded

    threading.Thread(target=listen, daemon=True).start()
    serve(iter(lines.get, b""), out)


if __name__ == "__main__":
    main()
