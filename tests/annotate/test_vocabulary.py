"""Names that a dataset is marked with: kept in its folder, ours where there are none."""

import json
from pathlib import Path

import pytest

from annotate.vocabulary import VOCABULARIES, VocabularyError, read_vocabulary, save_vocabulary


def test_names_are_kept_beside_what_else_the_folder_says(tmp_path: Path):
    assert read_vocabulary(tmp_path) == VOCABULARIES["Ours"]
    (tmp_path / ".structure-studio.json").write_text('{"mine": 1}')
    assert save_vocabulary(tmp_path, ["Intro", "Build", "refrain", "Chorus", "wobble"]) == (
        "intro",
        "build-up",
        "chorus",
        "wobble",
    )
    assert read_vocabulary(tmp_path) == ("intro", "build-up", "chorus", "wobble")
    assert json.loads((tmp_path / ".structure-studio.json").read_text())["mine"] == 1
    assert [p.name for p in tmp_path.iterdir()] == [".structure-studio.json"]


@pytest.mark.parametrize("names", [[], ["a" * 61], [3], ["  "], [f"n{i}" for i in range(41)]])
def test_names_that_cannot_be_used_change_nothing(tmp_path: Path, names: list):
    save_vocabulary(tmp_path, ["verse"])
    with pytest.raises(VocabularyError):
        save_vocabulary(tmp_path, names)
    assert read_vocabulary(tmp_path) == ("verse",)


def test_settings_that_cannot_be_read_are_not_written_over(tmp_path: Path):
    (tmp_path / ".structure-studio.json").write_text("{ not json")
    assert read_vocabulary(tmp_path) == VOCABULARIES["Ours"]
    with pytest.raises(VocabularyError, match="put it right"):
        save_vocabulary(tmp_path, ["verse"])
    assert (tmp_path / ".structure-studio.json").read_text() == "{ not json"
