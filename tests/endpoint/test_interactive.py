"""A session typed into the prompt, from a file as in these tests or by a person."""

import json
from pathlib import Path

from tests.endpoint.conftest import TOKEN
from tests.endpoint.small_endpoint import song

NO_PLAYER = "/nowhere"


def test_ask_change_go_back_and_keep(endpoint, run, tmp_path):
    lines = [
        "structure intro 0-4, verse 4-12",
        "caption warm piano",
        "set bpm 96",
        "seed 1",
        "make",
        "seed 2",
        "make",
        "undo",  # the second song
        "undo",  # the second seed
        "save first.wav",
        "seed next",
        "set bpm",
        "show",
        "make",
        "quit",
    ]
    done = run("interactive.py", "--url", endpoint.url, "--steps", 4, text="\n".join(lines), PATH=NO_PLAYER)
    assert (done.returncode, done.stderr) == (0, "The last song was not saved.\n")
    first, second, third = endpoint.asked
    common = {"structure": "intro 0-4, verse 4-12", "caption": "warm piano", "steps": 4, "format": "wav"}
    assert first == common | {"bpm": 96, "seed": 1, "id": first["id"]}
    assert second == first | {"seed": 2, "id": second["id"]}
    assert third == common | {"seed": third["seed"], "id": third["id"]} and third["seed"] not in (1, 2)
    assert (tmp_path / "first.wav").read_bytes() == song(1)
    assert json.loads((tmp_path / "first.json").read_text())["generation"]["request"]["seed"] == 1
    assert "The request has changed since" in done.stdout and '"bpm"' not in done.stdout.rsplit("steps", 1)[-1]


def test_slips_are_told_and_the_session_goes_on(endpoint, run, tmp_path):
    (tmp_path / "mine.wav").write_bytes(b"my own")
    endpoint.misdeeds = [(400, {})]
    lines = ["play", "sing", "", "undo", "set bmp 3", "set bpm many", "set", "make", "make", "save", "save mine.wav"]
    done = run("interactive.py", "--url", endpoint.url, text="\n".join([*lines, "help", "help make"]), PATH=NO_PLAYER)
    said = done.stderr.splitlines()
    parts = ("no song yet", "`sing` is no command", "nothing to undo", "Did you mean `bpm`", "give a whole number")
    parts += ("say which field", "answered 400: as told", "say where", "add --overwrite")
    assert len(said) == len(parts) + 1 and said[-1] == "The last song was not saved."
    assert all(part in line and line.startswith("error: ") for part, line in zip(parts, said[:-1], strict=True))
    assert (tmp_path / "mine.wav").read_bytes() == b"my own"
    assert "make: ask the endpoint for the song" in done.stdout and "EOF" not in done.stdout
    assert done.returncode == 1


def test_a_song_is_played_by_what_is_installed_which_never_sees_the_token(guarded, run, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    player = tools / "aplay"
    player.write_text(f'#!/bin/sh\n[ -f "$2" ] && echo "$1 $2 [$ACE_TOKEN]" > {tmp_path}/played\n')
    player.chmod(0o755)
    done = run("interactive.py", "--url", guarded.url, text="make\nplay\n", PATH=str(tools), ACE_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    flag, audio, token = (tmp_path / "played").read_text().split()
    assert (flag, Path(audio).suffix, token) == ("-q", ".wav", "[]")
    assert not Path(audio).exists()  # songs that were not saved go with the session
    silent = run("interactive.py", "--url", guarded.url, text="make\nplay\n", PATH=NO_PLAYER, ACE_TOKEN=TOKEN)
    assert "No player was found" in silent.stdout and ".wav" in silent.stdout
    assert TOKEN not in done.stdout + done.stderr + silent.stdout + silent.stderr


def test_a_session_that_cannot_begin(run):
    done = run("interactive.py", "--url", "music.org")
    assert done.returncode == 2 and done.stderr.startswith("error: --url")
