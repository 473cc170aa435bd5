"""The endpoint: what the handler costs, 64 clients at once, and a flood of requests that are none.

    python -m benchmarks.serving

Everything runs on this machine: the server listens on 127.0.0.1, and each flood is bounded in count and time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import acestep  # noqa: F401  before torch
from benchmarks.record import ROOT, WORK, Bar, BenchmarkError, exit_status, record

SECONDS = 10.0  # of the song whose handling is timed
STRUCTURE = "intro 0-2, verse 2-6, chorus 6-10"
CAPTION = "Uplifting synthwave, driving: analog pads, a pulsing bass, gated drums and a bright lead."
MEGABYTE = 2**20


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="songs each way, in turn (default 15)")
    parser.add_argument("--clients", type=int, default=64, help="clients at once (default 64)")
    parser.add_argument("--seconds", type=float, default=120.0, help="that they ask for (default 120)")
    parser.add_argument("--requests", type=int, default=10_000, help="random ones (default 10000)")
    return parser


def handling(rounds: int) -> dict[str, list[float]]:
    """Seconds of one song by the handler and by the bare pipeline call, in turn; the model is warm."""
    from acestep.pipeline import SongRequest
    from generation.warm import warm_pipeline
    from handler import EndpointHandler
    from structure.language import parse_structure

    handler = EndpointHandler("")
    asked = {"inputs": {"structure": STRUCTURE, "prompt": CAPTION, "seed": 1}}
    request = SongRequest(events=parse_structure(STRUCTURE), prompt=CAPTION, seed=1)
    pipeline = warm_pipeline("starter")
    ways = {"handler": lambda: handler(asked), "pipeline": lambda: pipeline.generate(request)}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            if number:  # the first call pays for allocations
                taken[name].append(time.perf_counter() - begin)
    return taken


@dataclass
class Served:
    """A server that is ready."""

    url: str
    process: psutil.Process
    log: Path

    @property
    def megabytes(self) -> float:
        """Of memory that it holds now."""
        return self.process.memory_info().rss / MEGABYTE


@contextmanager
def served(*options: str, **variables: str) -> Iterator[Served]:
    """`scripts/endpoint/serve.py` in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    WORK.mkdir(parents=True, exist_ok=True)
    log = WORK / "endpoint.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "scripts/endpoint/serve.py", "--port", str(port), *options],
            cwd=ROOT, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + 120
        while not _is_ready(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchmarkError(f"The endpoint did not start: {log.read_text()[-500:]}")
            time.sleep(0.2)
        yield Served(url, psutil.Process(process.pid), log)
    finally:
        process.kill()
        process.wait()


async def crowd(endpoint: Served, clients: int, seconds: float) -> dict[str, Any]:
    """Many clients that ask again as soon as they are answered, and after a 429 when they were told to."""
    told: Counter[str] = Counter()
    mixed: list[str] = []
    memory: list[float] = []
    until = time.monotonic() + seconds

    async def client(number: int, http: httpx.AsyncClient) -> None:
        rng = np.random.default_rng(number)
        asked = 0
        while time.monotonic() < until:
            cut = round(float(rng.uniform(0.5, 1.5)), 2)
            identity = f"{number}-{asked}"
            wanted = {"structure": f"intro 0-{cut}, verse {cut}-2", "steps": 4, "seed": number, "id": identity}
            asked += 1
            answer = await http.post(endpoint.url, json={"inputs": wanted})
            told[str(answer.status_code)] += 1
            if answer.status_code == 429:
                await asyncio.sleep(min(2.0, float(answer.headers["retry-after"])) * rng.uniform(0.5, 1.0))
                continue
            if answer.status_code != 200:
                continue
            said = answer.json()
            times = [(event["start"], event["end"]) for event in said["events"]]
            if said["id"] != identity or said["seed"] != number or times != [(0.0, cut), (cut, 2.0)]:
                mixed.append(identity)
            if not said["audio_base64_wav"]:
                told["empty"] += 1

    async def watch() -> None:
        while time.monotonic() < until:
            memory.append(endpoint.megabytes)
            await asyncio.sleep(1.0)

    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(timeout=120, limits=limits) as http:
        await asyncio.gather(watch(), *(client(number, http) for number in range(clients)))
    return {"answers": dict(told), "mixed up": mixed, "memory, MB": [round(one, 1) for one in memory]}


def flood(endpoint: Served, count: int) -> dict[str, Any]:
    """Random JSON and random bytes; every answer must be a song or a sentence."""
    told: Counter[str] = Counter()
    odd = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=12,
    )
    paths = st.sampled_from(
        ["../../etc/passwd", "/etc/passwd", "%2e%2e%2f", "..\\..\\", "a\0b", "~root", "file:///etc"]
    )
    names = st.sampled_from(
        ["structure", "events", "prompt", "lyrics", "duration", "adapter", "beside", "format", "id", "sample_rate",
         "output", "model", "event_interval", "steps", "seed"]
    )  # fmt: skip
    inputs = st.dictionaries(names, odd | paths, max_size=6)
    body = st.binary(max_size=200) | (odd | st.fixed_dictionaries({"inputs": odd | inputs})).map(_as_json)
    with httpx.Client(timeout=120) as http:

        @given(body=body)
        @settings(
            max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        def send(body: bytes) -> None:
            answer = http.post(endpoint.url, content=body, headers={"Content-Type": "application/json"})
            told[str(answer.status_code)] += 1
            said = answer.json()
            if answer.status_code != 200 and (list(said) != ["error"] or "\n" in said["error"]):
                told["no sentence"] += 1

        send()
    return {"answers": dict(told), "tracebacks": endpoint.log.read_text().count("Traceback")}


def measure(options: argparse.Namespace) -> None:
    """Measure, print and record."""
    taken = handling(options.rounds)
    cost = float(np.median(np.divide(taken["handler"], taken["pipeline"])))
    with served("--queue", "8") as endpoint:
        many = asyncio.run(crowd(endpoint, options.clients, options.seconds))
    before = _files()
    with served(ACE_MAX_DURATION="1", ACE_MAX_STEPS="1") as endpoint:
        hostile = flood(endpoint, options.requests)
    written = sorted(_files() - before)
    memory = many["memory, MB"]
    late, early = statistics.median(memory[-10:]), statistics.median(memory[len(memory) // 4 :][:10])
    lost = sum(count for told, count in many["answers"].items() if told not in ("200", "429"))
    record(
        "serving",
        [
            Bar("handler against the bare pipeline call, a warm song of 10 s", cost, "times", most=1.03),
            Bar(f"{options.clients} clients: songs", many["answers"].get("200", 0)),
            Bar(f"{options.clients} clients: told to come again", many["answers"].get("429", 0)),
            Bar(f"{options.clients} clients: answered otherwise or not at all", lost, most=0),
            Bar(f"{options.clients} clients: answers mixed up", len(many["mixed up"]), most=0),
            Bar(f"{options.clients} clients: memory at the end against the first quarter's", late / early, most=1.05),
            Bar("random requests answered", sum(n for told, n in hostile["answers"].items() if told.isdigit())),
            Bar("random requests: status 500 or more", _faults(hostile["answers"]), most=0),
            Bar("random requests: answers that are no sentence", hostile["answers"].get("no sentence", 0), most=0),
            Bar("random requests: tracebacks in the log", hostile["tracebacks"], most=0),
            Bar("random requests: files that appeared in the program's folder", len(written), most=0),
        ],
        {"taken": taken, "clients": many, "random": hostile, "written": written},
        {"seconds": options.seconds, "rounds": options.rounds, "model": "starter", "device": "cpu"},
    )


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _faults(answers: dict[str, int]) -> int:
    return sum(count for told, count in answers.items() if told.isdigit() and int(told) >= 500)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _files() -> set[str]:
    """Files of the program's folder but for what is no part of it."""
    left_out = {".git", ".venv", "cache", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}
    return {str(p) for p in ROOT.rglob("*") if not left_out & set(p.relative_to(ROOT).parts)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where the endpoint did not start."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
