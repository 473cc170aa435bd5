"""Two ways of making four songs, and a test made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from evaluation.listening.make import make_test
from evaluation.listening.store import ListeningTest
from tests.evaluation.listening.people import SECONDS, write_song


@pytest.fixture(scope="session")
def arms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same four songs by two arms that differ in all that could give them away: format, rate, length and level."""
    folder = tmp_path_factory.mktemp("arms")
    for n in range(4):
        write_song(folder / "secretours" / f"hushedsong{n}.wav", n, gain=0.05)
        write_song(folder / "secrettheirs" / f"hushedsong{n}.flac", n + 10, 22_050, 2, 0.4, seconds=SECONDS + 0.1)
    return {"oursname": folder / "secretours", "theirsname": folder / "secrettheirs"}


@pytest.fixture
def made(arms: Mapping[str, Path], tmp_path: Path) -> ListeningTest:
    """A preference test of four trials, two of them repeated, for two listeners."""
    return make_test(arms, tmp_path / "test", listeners=["Ann", "Bob"], repeats=2, seed=1)
