"""A batch through kills, refusals and an endpoint that goes away: every song exactly once."""

import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import batch
import pytest
from client import Endpoint
from errors import ClientError
from folder_lock import only_batch_in
from patience import Patience
from request_files import read_requests

from tests.endpoint.conftest import TOKEN, until
from tests.endpoint.small_endpoint import song


def write_jsonl(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def songs(count: int) -> list[dict]:
    return [{"name": f"s{seed}", "seed": seed} for seed in range(count)]


def check_whole(folder: Path, count: int) -> None:
    """Every song once, with its own audio and sidecar, and nothing else."""
    expected = {f"s{seed}.{ending}" for seed in range(count) for ending in ("wav", "json")}
    assert set(os.listdir(folder)) == expected | {".batch.lock"}
    for seed in range(count):
        assert (folder / f"s{seed}.wav").read_bytes() == song(seed)
        assert json.loads((folder / f"s{seed}.json").read_text())["generation"]["seed"] == seed


def test_a_table_becomes_songs_and_is_not_made_twice(endpoint, tmp_path, capsys):
    table = tmp_path / "songs.csv"
    table.write_text('name,key,Seed,lyrics\ns0,A minor,0,\ns1,,1,"La, la\nla"\ns2,,2,\n', encoding="utf-8-sig")
    command = [str(table), str(tmp_path / "out"), "--url", endpoint.url, "--steps", "4"]
    assert batch.main(command) == 0
    assert endpoint.count(seed=0, keyscale="A minor", steps=4) == endpoint.count(lyrics="La, la\nla", seed=1) == 1
    check_whole(tmp_path / "out", 3)
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3 and "3 of 3 songs" in said.err
    endpoint.asked.clear()
    assert batch.main(command) == 0
    assert endpoint.asked == []


def test_killed_again_and_again_it_still_makes_every_song_once(endpoint, start, tmp_path):
    write_jsonl(tmp_path / "songs.jsonl", songs(18))
    chance = random.Random(5)
    for _ in range(3):
        before = len(endpoint.asked)
        endpoint.misdeeds = ["good"] * 5 + ["hang"] * 3  # however slow this process is, something is left to do
        process = start("batch.py", "songs.jsonl", "out", "--url", endpoint.url, "--concurrency", 3)
        until(lambda before=before: len(endpoint.asked) >= before + 4, process)
        time.sleep(chance.uniform(0, 0.02))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    whole = {path.stem for path in (tmp_path / "out").glob("s*.json")}
    assert 0 < len(whole) < 18
    endpoint.asked.clear()
    endpoint.misdeeds.clear()
    assert start("batch.py", "songs.jsonl", "out", "--url", endpoint.url).wait(20) == 0
    check_whole(tmp_path / "out", 18)
    again = {f"s{inputs['seed']}" for inputs in endpoint.asked}
    assert len(endpoint.asked) == len(again) and not again & whole and len(again | whole) >= 17


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_clean_and_quick(endpoint, start, tmp_path, sign):
    write_jsonl(tmp_path / "songs.jsonl", songs(6))
    endpoint.misdeeds = ["good", "hang"]
    process = start("batch.py", "songs.jsonl", "out", "--url", endpoint.url, "--concurrency", 1)
    until(lambda: len(endpoint.asked) == 2, process)
    started = time.monotonic()
    process.send_signal(sign)
    _, err = process.communicate(timeout=10)
    assert time.monotonic() - started < 10
    assert process.returncode == 130 and "goes on from here" in err and "Traceback" not in err
    assert set(os.listdir(tmp_path / "out")) == {".batch.lock", "s0.wav", "s0.json"}


def test_failures_are_listed_and_the_list_can_be_asked_again(endpoint, tmp_path, capsys):
    rows = songs(3)
    rows[1]["caption"] = "refuse me"
    table = write_jsonl(tmp_path / "songs.jsonl", rows)
    out = tmp_path / "out"
    assert batch.main([str(table), str(out), "--url", endpoint.url]) == 1
    failed = [json.loads(line) for line in (out / "failed.jsonl").read_text().splitlines()]
    assert [(row["name"], row["caption"]) for row in failed] == [("s1", "refuse me")]
    assert "cannot be sung" in failed[0]["error"]
    failed[0]["caption"] = "dusk"
    mended = write_jsonl(tmp_path / "mended.jsonl", failed)
    assert batch.main([str(mended), str(out), "--url", endpoint.url]) == 0
    check_whole(out, 3)  # and the list of failures is gone


def test_an_endpoint_that_goes_away_is_waited_for(endpoint, tmp_path, capsys):
    def go_and_come_back() -> None:
        while len(endpoint.asked) < 4:
            time.sleep(0.001)
        endpoint.die()
        time.sleep(0.2)
        endpoint.misdeeds = [(429, {"Retry-After": "0"}), "cut", "half a song", "other id"]
        endpoint.come_back()

    endpoint.seconds = 0.02
    requests = read_requests(write_jsonl(tmp_path / "songs.jsonl", songs(12)), {})
    away = threading.Thread(target=go_and_come_back)
    away.start()
    with only_batch_in(tmp_path / "out"):
        under_way = batch.Batch(Endpoint(endpoint.url), tmp_path / "out", Patience(10, 0.01, 0.05), False)
        under_way.run(requests, concurrency=2)
    away.join()
    assert under_way.failed == [] and "nothing listens" in capsys.readouterr().err
    check_whole(tmp_path / "out", 12)


def test_an_endpoint_that_stays_away_ends_the_batch_once_and_not_for_every_song(endpoint, tmp_path, capsys):
    endpoint.die()
    table = write_jsonl(tmp_path / "songs.jsonl", songs(50))
    started = time.monotonic()
    assert batch.main([str(table), str(tmp_path / "out"), "--url", endpoint.url, "--patience", "0.1"]) == 1
    assert time.monotonic() - started < 10
    failed = (tmp_path / "out" / "failed.jsonl").read_text().splitlines()
    assert len(failed) == 50 and "nothing listens" in failed[0]
    assert sum("not asked for" in line for line in failed) >= 48  # two were under way
    endpoint.come_back()


def test_a_changed_line_is_made_again_only_when_told(endpoint, tmp_path, capsys):
    table, out = tmp_path / "songs.jsonl", tmp_path / "out"
    command = [str(table), str(out), "--url", endpoint.url]
    write_jsonl(table, songs(2))
    assert batch.main(command) == 0
    write_jsonl(table, [{"name": "s0", "seed": 0}, {"name": "s1", "seed": 9, "format": "flac"}])
    assert batch.main(command) == 1
    assert "a song made here of another request lies there. Add --overwrite" in capsys.readouterr().err
    assert (out / "s1.wav").read_bytes() == song(1)
    endpoint.asked.clear()
    assert batch.main([*command, "--overwrite"]) == 0
    assert [inputs["seed"] for inputs in endpoint.asked] == [9]
    assert set(os.listdir(out)) == {".batch.lock", "s0.wav", "s0.json", "s1.flac", "s1.json"}


def test_songs_of_somebody_else_stay(endpoint, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "s0.wav").write_bytes(b"my own")
    table = write_jsonl(tmp_path / "songs.jsonl", songs(2))
    assert batch.main([str(table), str(out), "--url", endpoint.url]) == 1
    assert (out / "s0.wav").read_bytes() == b"my own" and (out / "s1.wav").read_bytes() == song(1)


def test_a_second_batch_in_the_folder_is_refused(endpoint, start, run, tmp_path):
    write_jsonl(tmp_path / "songs.jsonl", songs(2))
    endpoint.misdeeds = ["hang", "hang"]
    first = start("batch.py", "songs.jsonl", "out", "--url", endpoint.url)
    until(lambda: len(endpoint.asked) >= 2, first)
    second = run("batch.py", "songs.jsonl", "out", "--url", endpoint.url)
    assert second.returncode == 2 and "another batch writes there" in second.stderr
    assert len(endpoint.asked) == 2


def test_a_wrong_token_ends_the_batch_and_is_not_told(guarded, run, tmp_path):
    write_jsonl(tmp_path / "songs.jsonl", songs(6))
    wrong = run("batch.py", "songs.jsonl", "out", "--url", guarded.url, ACE_TOKEN=TOKEN[::-1])
    assert wrong.returncode == 1 and "refuses the token" in wrong.stderr
    right = run("batch.py", "songs.jsonl", "out", "--url", guarded.url, ACE_TOKEN=TOKEN)
    assert right.returncode == 0
    check_whole(tmp_path / "out", 6)
    words = wrong.stdout + wrong.stderr + right.stdout + right.stderr
    words += "".join(path.read_text(errors="replace") for path in (tmp_path / "out").iterdir())
    assert TOKEN not in words and TOKEN[::-1] not in words


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.jsonl", '{"name": "x"}\n\n{"name": "X"}\n', "line 3: `X` is also the name of line 1"),
        ("a.jsonl", '{"name": "x", "format": "wav"}\n{"name": "x.wav"}\n', "is also the name of line 1"),
        ("a.jsonl", '{"name": "../x"}\n', "line 1: '../x' cannot be a file's name"),
        ("a.jsonl", '{"name": "CON"}\n', "cannot be a file's name"),
        ("a.jsonl", '{"name": ".x"}\n', "cannot be a file's name"),
        ("a.jsonl", '{"capton": "x"}\n', "line 1: `capton` is no field of a request. Did you mean `caption`?"),
        ("a.jsonl", '{"caption": "x", "prompt": "y"}\n', "`prompt` says `caption` for the second time"),
        ("a.jsonl", '{"caption": "x"}\n{"caption"\n', "line 2: is not JSON"),
        ("a.jsonl", "[1]\n", "line 1: is no JSON object"),
        ("a.jsonl", "\n", "holds no requests"),
        ("a.jsonl", '{"format": "aiff"}\n', "`format` is 'aiff': give one of wav, flac, mp3, ogg"),
        ("a.csv", "name,seed\nx,one\n", "line 2: `seed` is 'one': give a whole number"),
        ("a.csv", "name,seed\nx,1,2\n", "line 2: there are more cells than the header has"),
        ("a.csv", 'name,caption\nx,"a\n', "after line"),
        ("a.csv", "name,instrumental\nx,perhaps\n", "`instrumental` is 'perhaps': give yes or no"),
        ("a.txt", "x", "requests are read from .csv or .jsonl"),
    ],
)
def test_a_slip_in_the_table_is_told_before_anything_is_asked(tmp_path, name, text, sentence):
    (tmp_path / name).write_text(text)
    with pytest.raises(ClientError) as caught:
        read_requests(tmp_path / name, {})
    assert str(caught.value).startswith(f"{tmp_path / name}: ") and sentence in str(caught.value)
    assert batch.main([str(tmp_path / name), str(tmp_path / "out"), "--url", "http://127.0.0.1:9"]) == 2
    assert not (tmp_path / "out").exists()


def test_tables_of_half_of_europe_and_songs_without_names(tmp_path):
    (tmp_path / "a.csv").write_text("caption;seed;events\na, b;1;\n\nc;;[]\n")
    (tmp_path / "b.csv").write_text("id\tbpm\nx\t90\n")
    assert [(r.name, r.inputs["bpm"]) for r in read_requests(tmp_path / "b.csv", {})] == [("x", 90)]
    first, second = read_requests(tmp_path / "a.csv", {"seed": 5, "steps": 3})
    assert (first.name, first.inputs) == ("001", {"caption": "a, b", "seed": 1, "steps": 3, "format": "wav"})
    assert (second.name, second.inputs["seed"], second.inputs["events"], second.line) == ("002", 5, [], 4)
