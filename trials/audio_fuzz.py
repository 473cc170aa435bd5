"""Broken songs: whatever a visitor uploads ends as sound or as a sentence, and the page goes on.

    python -m trials.audio_fuzz --count 1000

Songs in eight formats are damaged in seeded ways: bits, header fields, lengths, cuts, splices, repeats, zeros. Each is
given to a page's own functions for a new song, which read its header and decode it into the cache. One process for each
format stands for the page; it must live, and stay small. Then decoders are ended (SIGSEGV, SIGKILL) or stopped with
SIGSTOP in the middle of a sound song: that song gets a sentence, and the next one is read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.record import ROOT, WORK, Bar, BenchmarkError, record
from structure.errors import StudioError

RATE = 22_050  # Hz, of what libsndfile writes
BY_SNDFILE = ("wav", "flac", "ogg", "mp3", "aiff")
BY_AV = {"opus": ("libopus", 48_000), "m4a": ("aac", 22_050), "wma": ("wmav2", 44_100)}
FORMATS = (*BY_SNDFILE, *BY_AV)
FATES = {"crashed": "decoder crashed", "hung": "did not end", "grew": "too much memory"}
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1)
DEATHS = (signal.SIGSEGV, signal.SIGKILL, signal.SIGSTOP) if os.name != "nt" else ()
SLOWEST = 60.0  # seconds for one song: two deadlines, and a busy machine
MOST_MEMORY = 200.0  # megabytes that a page may grow by


@dataclass
class Outcome:
    """What became of the songs of one format: how many of each kind, what was no sentence, the slowest, megabytes."""

    counts: dict[str, int] = field(default_factory=dict)
    tracebacks: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    slowest: float = 0.0
    megabytes: float = 0.0


def write_song(path: Path, seconds: float = 2.0) -> Path:
    """A falling tone in noise, in the format of the path's ending."""
    suffix = path.suffix[1:]
    codec, rate = BY_AV.get(suffix, ("", RATE))
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(7).standard_normal(len(t))
    samples = (0.3 * np.sin(2 * np.pi * (800 - 100 * t) * t) + 0.05 * noise).astype(np.float32)
    if not codec:
        import soundfile

        soundfile.write(path, samples, rate)
        return path
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono", bit_rate=64_000)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        packed = av.AudioResampler(stream.format, stream.layout, rate, frame_size=stream.frame_size or None)
        for piece in [*packed.resample(frame), None]:
            container.mux(stream.encode(piece))
    return path


def write_long_song(path: Path, seconds: int) -> Path:
    """Noise, a second at a time: what stands for the page must not grow by it."""
    import soundfile

    noise = 0.2 * np.random.default_rng(seconds).standard_normal(44_100)
    with soundfile.SoundFile(path, "w", 44_100, 1) as file:
        for _ in range(seconds):
            file.write(noise)
    return path


def damaged(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """A file with one to three things wrong with it; `others` are of other formats."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        size = max(len(data), 1)
        place = rng.randrange(min(size, 256)) if rng.random() < 0.6 else rng.randrange(size)
        length = rng.choice((1, 4, 64, 1024, size // 4 + 1))
        kind = rng.choice(("bits", "field", "field", "cut", "splice", "repeat", "zeros", "lost", "noise"))
        if kind == "bits":
            for _ in range(rng.randrange(1, 20)):
                data[rng.randrange(place, size)] ^= 1 << rng.randrange(8)
        elif kind == "field":
            width = rng.choice((1, 2, 4, 8))
            value = rng.choice(EXTREMES) & ((1 << 8 * width) - 1)
            data[place : place + width] = value.to_bytes(width, rng.choice(("little", "big")))
        elif kind == "cut":
            del data[place if rng.random() < 0.2 else rng.randrange(size) :]
        elif kind == "splice":
            other = rng.choice([content, *others])
            data[place:] = other[rng.randrange(len(other)) :]
        elif kind == "repeat":
            data[place:place] = data[place : place + length] * rng.choice((1, 2, 50))
        elif kind == "zeros":
            data[place : place + length] = bytes(length)
        elif kind == "lost":
            del data[place : place + length]
        else:
            data[place : place + length] = rng.randbytes(length)
        if not data:
            break
    return bytes(data)


class AudioFuzz:
    """Broken songs of one format, and the page's own functions that meet them.

    Args:
        folder: for the songs.
        seed: of the damage.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder, self.seed = folder, seed
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.sound = {name: write_song(folder / f"sound.{name}").read_bytes() for name in FORMATS}

    def read(self, suffix: str, count: int) -> Outcome:
        """Give `count` damaged songs to the page, one after another."""
        from annotate.apart import decode_apart

        decode_apart()
        rng = random.Random(f"{self.seed} {suffix}")
        others = [content for name, content in self.sound.items() if name != suffix]
        outcome, counts = Outcome(), Counter()
        path = self.folder / f"broken.{suffix}"
        for number in range(count):
            path.write_bytes(damaged(self.sound[suffix], others, rng))
            begun = time.monotonic()
            try:
                counts[self._opened(path)] += 1
            except Exception as problem:  # a traceback in the page: the very thing that is looked for
                counts["traceback"] += 1
                outcome.tracebacks.append(f"{suffix} {number}: {type(problem).__name__}: {problem}")
            outcome.slowest = max(outcome.slowest, time.monotonic() - begun)
            outcome.leftovers += self._left()
        outcome.counts = dict(counts)
        return outcome

    def die(self, rounds: int) -> Outcome:
        """End or stop the decoder in the middle of a sound song, `rounds` times each; the next song must be read."""
        from annotate.apart import decode_apart, page_decoders

        decode_apart()
        rng = random.Random(self.seed)
        outcome, counts = Outcome(), Counter()
        for number, death in enumerate(DEATHS * rounds):
            song = write_long_song(self.folder / f"sound-{number}.flac", seconds=600 - number)
            said: list[str] = []
            reading = threading.Thread(target=lambda song=song, said=said: said.append(self._opened(song)))
            before = set(page_decoders().pids())
            reading.start()
            while not self._left():  # the copy has begun
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.1))
            for pid in page_decoders().pids() or before:
                os.kill(pid, death)
            begun = time.monotonic()
            reading.join(SLOWEST)
            outcome.slowest = max(outcome.slowest, time.monotonic() - begun)
            counts[said[0] if said else "traceback"] += 1
            counts["next song read"] += self._opened(self.folder / "sound.flac") == "read"
            outcome.leftovers += self._left()
            song.unlink()
        outcome.counts = dict(counts)
        return outcome

    def _opened(self, path: Path) -> str:
        """What the page does with a new song, and how it ended."""
        from annotate.dataset import read_song
        from annotate.track import is_track, register_track, track_audio, track_envelope, track_reading

        known = read_song(path, self.folder)  # problems are sentences in it
        try:
            track = register_track(path)
            while (reading := track_reading(track)) and not reading.trouble:  # it said that it is long
                time.sleep(0.02)
            said = reading.trouble if reading else ""
        except StudioError as refused:
            said = str(refused)
        else:
            if not said:
                if known.duration is None or not is_track(track) or track_envelope(track)[1] <= 0:
                    raise BenchmarkError(f"{track} is no sound, and nobody said so.")
                track_audio(track).unlink()
                return "read"
        if f"`{path.name}`" not in said and str(path) not in said:
            raise BenchmarkError(f"no sentence: {said}")
        return next((fate for fate, words in FATES.items() if words in said), "refused")

    @staticmethod
    def _left() -> list[str]:
        from annotate.track import CACHE_DIR

        return [path.name for path in CACHE_DIR.glob("*.tmp")]


def be_the_page(options: argparse.Namespace) -> None:
    """Read the songs of one format in this process, and write down what became of them."""
    from benchmarks.timeline import resident

    trial = AudioFuzz(options.work / options.page, options.seed)
    trial._opened(options.work / options.page / "sound.wav")  # what is loaded once, whatever the song
    before = resident(os.getpid())
    outcome = trial.die(options.deaths) if options.page == "deaths" else trial.read(options.page, options.count)
    outcome.megabytes = resident(os.getpid(), "VmHWM") - before
    (options.work / f"{options.page}.json").write_text(json.dumps(asdict(outcome)))


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trials.audio_fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="broken songs of each format (default 1000)")
    parser.add_argument("--deaths", type=int, default=4, help="decoders ended by each signal (default 4)")
    parser.add_argument("--seed", type=int, default=0, help="of the damage (default 0)")
    parser.add_argument("--work", type=Path, default=WORK / "audio-fuzz", help="folder for the songs")
    parser.add_argument("--page", choices=[*FORMATS, "deaths"], help="only be the page for these, and write no result")
    return parser


def measure(options: argparse.Namespace) -> int:
    """Do the trial and record the counts; 1 where the page suffered."""
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    pages = {name: _page(name, options) for name in (*FORMATS, "deaths")}
    outcomes = {name: page for name, page in pages.items() if page is not None}
    total = Counter()
    for name, outcome in outcomes.items():
        total.update(outcome.counts if name != "deaths" else {})
    died = Counter(outcomes["deaths"].counts if "deaths" in outcomes else {})
    tried, deaths = options.count * len(FORMATS), options.deaths * len(DEATHS)
    tracebacks = [line for outcome in outcomes.values() for line in outcome.tracebacks]
    leftovers = [line for outcome in outcomes.values() for line in outcome.leftovers]
    bars = [
        Bar(f"broken songs of {tried} that ended as sound", total["read"]),
        Bar("that ended as a refusal", total["refused"]),
        Bar("decoder crashes survived", total["crashed"]),
        Bar("decoder hangs survived", total["hung"]),
        Bar("decoders that wanted too much memory, survived", total["grew"]),
        Bar("page crashes", len(pages) - len(outcomes), most=0),
        Bar("tracebacks in the page", len(tracebacks), most=0),
        Bar("half-made files left in the cache", len(leftovers), most=0),
        Bar("the slowest song", max((o.slowest for o in outcomes.values()), default=0), "s", most=SLOWEST),
        Bar("a page's growth", max((o.megabytes for o in outcomes.values()), default=0), "MB", most=MOST_MEMORY),
        Bar(f"decoders of {deaths} ended or stopped on purpose", died["crashed"] + died["hung"], least=deaths),
        Bar("songs read right after them", died["next song read"], least=deaths),
    ]
    record(
        "audio_fuzz",
        bars,
        {
            "formats": {name: asdict(outcome) for name, outcome in outcomes.items()},
            "tracebacks": tracebacks,
            "leftovers": leftovers,
        },
        {"count": options.count, "deaths": options.deaths, "seed": options.seed},
    )
    return 0 if all(bar.met is not False for bar in bars) else 1


def _page(name: str, options: argparse.Namespace) -> Outcome | None:
    """A process that stands for the page; None where it died."""
    command = ["-m", "trials.audio_fuzz", "--page", name, "--work", str(options.work), "--seed", str(options.seed)]
    command += ["--count", str(options.count), "--deaths", str(options.deaths)]
    cache = {"STRUCTURE_STUDIO_CACHE": str(options.work / "cache")}
    with (options.work / f"{name}.log").open("w") as log:
        done = subprocess.run([sys.executable, *command], cwd=ROOT, env=os.environ | cache, stdout=log, stderr=log)
    if done.returncode < 0 or not (options.work / f"{name}.json").exists():
        print(name, "the page ended:", (options.work / f"{name}.log").read_text()[-500:], flush=True)
        return None
    outcome = Outcome(**json.loads((options.work / f"{name}.json").read_text()))
    print(name, outcome.counts, f"slowest {outcome.slowest:.1f} s, {outcome.megabytes:.0f} MB", flush=True)
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where the page suffered, 2 where the trial could not be made."""
    options = get_parser().parse_args(arguments)
    try:
        if options.page:
            be_the_page(options)
            return 0
        return measure(options)
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
