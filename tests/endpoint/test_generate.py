"""One song from the command line: what is written, and what is never written over."""

import json
import os

import pytest
from generate import main
from song_files import Place, State, finish_interrupted, request_hash, state_of

from structure.sidecar import read_sidecar
from tests.endpoint.conftest import TOKEN, until
from tests.endpoint.small_endpoint import song


def test_a_song_and_its_sidecar(endpoint, run, tmp_path):
    (tmp_path / "words.txt").write_text("\ufeffLa la\n", encoding="utf-8")
    flags = ("--caption", "dusk", "--lyrics-file", "words.txt", "--bpm", 96, "--key", "A minor", "--seed", 7)
    done = run("generate.py", "intro 0-0.1", *flags, "--output", "a/song.wav", ACE_ENDPOINT_URL=endpoint.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a/song.wav\n", "")
    assert (tmp_path / "a/song.wav").read_bytes() == song(7)
    assert sorted(os.listdir(tmp_path / "a")) == ["song.json", "song.wav"]
    sidecar = read_sidecar(tmp_path / "a/song.wav")  # as the annotation page does
    assert sidecar.problems() == [] and [e.type for e in sidecar.events] == ["intro"]
    assert (sidecar.get("caption"), sidecar.get("lyrics"), sidecar.get("bpm")) == ("dusk", "La la\n", 96)
    assert sidecar.get("timesignature") == "4"  # which the endpoint filled in
    made = sidecar.get("generation")
    asked = {"structure": "intro 0-0.1", "caption": "dusk", "lyrics": "La la\n", "bpm": 96, "keyscale": "A minor"}
    assert made["request"] == asked | {"seed": 7, "format": "wav"}
    assert made["endpoint"] == endpoint.url and made["versions"] == {"model": "starter"} and made["seed"] == 7


def test_every_flag_reaches_the_endpoint_under_its_name(endpoint, tmp_path, capsys):
    flags = "--duration 9 --steps 8 --guidance 2 --event-guidance 3 --event-interval 0.2 0.8 --event-strength 1.4"
    more = "--adapter rock --strength 0.5 --shift 3 --no-events --no-section-tags --instrumental --sample-rate 44100"
    rest = f"--negative noise --timesignature 3/4 --language de --format flac --output {tmp_path}/x.flac"
    assert main([*f"{flags} {more} {rest}".split(), "--url", endpoint.url]) == 0
    del endpoint.asked[0]["id"]
    assert endpoint.asked[0] == {
        "duration": 9,
        "steps": 8,
        "guidance": 2,
        "event_guidance": 3,
        "event_interval": [0.2, 0.8],
        "event_strength": 1.4,
        "adapter": "rock",
        "strength": 0.5,
        "shift": 3,
        "use_events": False,
        "section_tags": False,
        "instrumental": True,
        "sample_rate": 44100,
        "negative": "noise",
        "timesignature": "3/4",
        "vocal_language": "de",
        "format": "flac",
    }
    assert (tmp_path / "x.flac").read_bytes().startswith(b"fLaC")


@pytest.mark.parametrize("there", ["song.wav", "song.json"])
def test_nothing_is_overwritten_unless_told(endpoint, tmp_path, capsys, there):
    mine = tmp_path / there
    mine.write_bytes(b"my own")
    command = ["--url", endpoint.url, "--output", str(tmp_path / "song.wav")]
    assert main(command) == 2
    assert "add --overwrite" in capsys.readouterr().err
    assert mine.read_bytes() == b"my own" and endpoint.asked == []
    assert main([*command, "--overwrite"]) == 0
    assert (tmp_path / "song.wav").read_bytes() == song(42)
    assert main(command) == 2


def test_a_file_that_appears_while_the_song_is_made_is_left_alone(endpoint, start, tmp_path):
    endpoint.misdeeds = ["hang"]
    process = start("generate.py", "--url", endpoint.url, "--output", "song.wav")
    until(lambda: endpoint.asked, process)
    (tmp_path / "song.wav").write_bytes(b"my own")
    endpoint.released.set()
    assert process.wait(20) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["song.wav"] and (tmp_path / "song.wav").read_bytes() == b"my own"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--output", "song.aiff"], "must end in one of .wav, .flac, .mp3, .ogg"),
        (["--output", "song.wav", "--format", "mp3"], "the name says wav, --format says mp3"),
        (["--lyrics", "a", "--lyrics-file", "b"], "both given"),
        (["--lyrics-file", "nowhere.txt"], "nowhere.txt: cannot be read"),
        (["--url", "music.org"], "begins neither with http"),
        (["--patience", "nan"], "--patience nan: give seconds"),
        (["--timeout", "0"], "--timeout 0: give seconds"),
    ],
)
def test_a_slip_is_told_before_anything_is_asked(tmp_path, monkeypatch, capsys, flags, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(flags) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and sentence in said
    assert list(tmp_path.iterdir()) == []


def test_a_song_that_is_refused_leaves_nothing(endpoint, tmp_path, capsys):
    command = ["--url", endpoint.url, "--output", str(tmp_path / "song.wav"), "--caption", "refuse me"]
    assert main(command) == 1
    assert "this caption cannot be sung" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_told_and_left_clean(endpoint, tmp_path, capsys):
    (tmp_path / "folder").write_text("a file where the folder should be")
    assert main(["--url", endpoint.url, "--output", str(tmp_path / "folder" / "song.wav")]) == 2
    assert "the song cannot be written" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_the_token_is_in_no_file_and_no_word(guarded, tmp_path, monkeypatch, capsys):
    guarded.misdeeds = ["good", (500, {}), "error as 200", (307, {"Location": f"http://x/{TOKEN}"}), "indiscreet"]
    monkeypatch.setenv("ACE_TOKEN", TOKEN)
    command = ["--url", guarded.url, "--overwrite", "--output", str(tmp_path / "song.wav")]
    assert [main(command) for _ in range(5)] == [0, 1, 1, 1, 0]
    monkeypatch.setenv("ACE_TOKEN", TOKEN[::-1])
    assert main(command) == 1
    words = "".join(capsys.readouterr())
    assert "the token *** is wrong" in words and set(guarded.tokens) == {TOKEN}
    words += "".join(path.read_bytes().decode("latin-1") for path in tmp_path.iterdir())
    assert TOKEN not in words and TOKEN[::-1] not in words


def test_a_request_has_one_name_however_it_is_ordered():
    assert request_hash({"seed": 1, "caption": "é"}) == request_hash({"caption": "é", "seed": 1})
    assert request_hash({"seed": 1}) != request_hash({"seed": 2})


def test_what_lies_there_is_told_apart(endpoint, tmp_path):
    place, inputs = Place(tmp_path / "song.wav"), {"seed": 1, "format": "wav"}
    assert state_of(place, inputs) is State.ABSENT
    assert main(["--url", endpoint.url, "--seed", "1", "--output", str(place.audio)]) == 0
    assert state_of(place, inputs) is State.MADE
    assert state_of(place, inputs | {"seed": 2}) is State.CHANGED
    place.audio.write_bytes(b"cut by hand")
    assert state_of(place, inputs) is State.EDITED
    place.audio.unlink()
    assert state_of(place, inputs) is State.ABSENT
    place.sidecar.write_text(json.dumps({"events": []}))
    assert state_of(place, inputs) is State.FOREIGN
    place.sidecar.write_text("{")
    assert state_of(place, inputs) is State.FOREIGN


def test_a_writer_killed_between_its_two_files_is_finished_for(endpoint, tmp_path):
    place, inputs = Place(tmp_path / "song.wav"), {"format": "wav"}
    assert main(["--url", endpoint.url, "--output", str(place.audio)]) == 0
    place.sidecar.rename(tmp_path / ".song.json.0123abcd.part")
    (tmp_path / ".other.json.0123abcd.part").write_text('{"generation": {"audio": "song.wav"')
    (tmp_path / ".third.wav.0123abcd.part").write_bytes(b"RIFF")
    finish_interrupted(tmp_path)
    assert state_of(place, inputs) is State.MADE
    assert sorted(os.listdir(tmp_path)) == ["song.json", "song.wav"]
