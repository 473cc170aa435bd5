"""What do the picture and the beats of a song cost beside the libraries they stand on? In turns, in one run.

    python -m benchmarks.reading

Until its waveform can be drawn, a song is decoded, written as a playable copy and drawn: against `soundfile.read` of
the same file, which decodes alone. Beats, beat ones and grid are found in the copy: against `librosa.beat.beat_track`
of the same samples, which finds beats alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.page import make_dataset
from benchmarks.record import Bar, exit_status, record


def in_turns(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each action, once a round, forwards and backwards in turns; a round before them is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(rounds + 1):
        for name in list(actions) if turn % 2 == 0 else reversed(list(actions)):
            begin = time.perf_counter()
            actions[name]()
            if turn:
                taken[name].append(time.perf_counter() - begin)
    return taken


def ratio(taken: dict[str, list[float]], ours: str, bare: str) -> float:
    """The median of each round's ratio: a machine that slows down slows both."""
    return statistics.median(a / b for a, b in zip(taken[ours], taken[bare], strict=True))


def measure_waveform(song: Path, rounds: int) -> dict[str, list[float]]:
    """A track made anew each time, beside the bare decoder."""
    import soundfile

    from annotate.track import register_track, sweep

    def waveform() -> None:
        sweep(limit=0)
        register_track(song)

    return in_turns({"waveform": waveform, "soundfile": lambda: soundfile.read(song, dtype="float32")}, rounds)


def measure_beats(song: Path, rounds: int) -> dict[str, list[float]]:
    """The beats of a track, forgotten each time, beside librosa's."""
    import librosa

    from annotate.grid import track_beats, track_beats_path, track_grid
    from annotate.track import register_track, track_audio, track_grid_path

    track = register_track(song)

    def beats() -> None:
        track_grid_path(track).unlink(missing_ok=True)
        track_beats.cache_clear()
        track_beats_path(track).unlink(missing_ok=True)
        track_grid(track)

    def bare() -> None:
        samples, rate = librosa.load(track_audio(track))
        librosa.beat.beat_track(y=samples, sr=rate)

    return in_turns({"beats": beats, "librosa": bare}, rounds)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each, in turns (default 5)")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Read, print and record."""
    with tempfile.TemporaryDirectory(prefix="structure-studio-") as temporary:
        os.environ["STRUCTURE_STUDIO_CACHE"] = str(Path(temporary, "cache"))  # before tracks are imported
        songs = Path(temporary, "songs")
        songs.mkdir()
        by_format = {name: measure_waveform(songs / name, options.rounds) for name in make_dataset(songs)}
        beats = measure_beats(songs / "long.flac", options.rounds)
    waveforms = {name: ratio(taken, "waveform", "soundfile") for name, taken in by_format.items()}
    record(
        "reading",
        [
            *(
                Bar(f"{Path(name).suffix[1:]}, 5 minutes: waveform against bare soundfile.read", found, "times")
                for name, found in waveforms.items()
            ),
            Bar("beats, 5 minutes, against bare librosa.beat.beat_track", ratio(beats, "beats", "librosa"), "times"),
        ],
        {"waveform_seconds": by_format, "beats_seconds": beats},
        {"rounds": options.rounds},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where something failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
