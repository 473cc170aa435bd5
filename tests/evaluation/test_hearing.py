"""The judge hears a procedural song's own parts, and says nothing where it has nothing to go by."""

import pytest

from acestep.starter.songs import write_songs
from evaluation import hearing, probe
from evaluation.hearing import listen
from structure.errors import StudioError
from structure.sidecar import read_sidecar


def test_a_song_is_heard_as_it_was_made_and_whether_to_trust_the_judge_is_found_out_once(tmp_path, monkeypatch):
    monkeypatch.setattr("annotate.track.CACHE_DIR", tmp_path / "cache" / "tracks")
    known = write_songs(tmp_path / "known", 8, seed=21)
    (new,) = write_songs(tmp_path / "new", 1, seed=22)
    asked = read_sidecar(new).events
    heard = listen(new, asked, tmp_path / "known")
    assert heard.score.frame_accuracy > 0.7
    assert "Heard as asked" in heard.sentence()

    hearing._judge.cache_clear()  # as in another process
    monkeypatch.setattr(probe, "held_out_labels", lambda songs: pytest.fail("found out a second time"))
    assert listen(new, asked, tmp_path / "known").events == heard.events
    sidecar = known[1].with_suffix(".json")
    sidecar.write_text(sidecar.read_text().replace('"verse"', '"chorus"'))
    with pytest.raises(pytest.fail.Exception):  # other marks are another judge's
        listen(new, asked, tmp_path / "known")


def test_two_songs_teach_nobody(tmp_path):
    known = write_songs(tmp_path, 2, seed=23)
    with pytest.raises(StudioError, match="at least"):
        listen(known[0], read_sidecar(known[0]).events, tmp_path)
