"""The hundredth of the trial of broken songs that every test run makes."""

from collections import Counter
from pathlib import Path

from trials.audio_fuzz import FORMATS, AudioFuzz


def test_every_broken_song_ends_as_sound_or_as_a_sentence(tmp_path: Path):
    trial = AudioFuzz(tmp_path / "trial", seed=3)
    outcomes = [trial.read(suffix, count=12) for suffix in FORMATS]
    counts = Counter()
    for outcome in outcomes:
        counts.update(outcome.counts)
        assert (outcome.tracebacks, outcome.leftovers) == ([], [])
    assert sum(counts.values()) == 12 * len(FORMATS)
    assert counts["read"] > 12 and counts["refused"] > 12, counts
