"""The judge hears a procedural song's own parts, and says nothing where it has nothing to go by."""

import pytest

from acestep.starter.songs import write_songs
from evaluation.hearing import listen
from structure.errors import StudioError
from structure.sidecar import read_sidecar


def test_a_song_is_heard_as_it_was_made(tmp_path):
    write_songs(tmp_path / "known", 8, seed=21)
    (new,) = write_songs(tmp_path / "new", 1, seed=22)
    heard = listen(new, read_sidecar(new).events, tmp_path / "known")
    assert heard.score.frame_accuracy > 0.7
    assert "Heard as asked" in heard.sentence()


def test_two_songs_teach_nobody(tmp_path):
    known = write_songs(tmp_path, 2, seed=23)
    with pytest.raises(StudioError, match="at least"):
        listen(known[0], read_sidecar(known[0]).events, tmp_path)
