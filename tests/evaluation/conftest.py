"""Folders of procedural songs, made once: twenty that teach a judge, three to be judged."""

from pathlib import Path

import pytest

from acestep.starter.songs import write_songs


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    write_songs(folder, count=20, seed=2_000)
    return folder


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    write_songs(folder, count=3, seed=9_000)
    return folder
