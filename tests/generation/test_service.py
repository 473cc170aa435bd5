"""The service, with the real classes and random weights: what lies on disk afterwards, and what never does."""

import json
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from generation.jobs import Job, RequestError, make_job
from generation.service import adapter_title, generate_song
from generation.warm import Cancelled, release, warm_pipeline
from structure.errors import StudioError
from structure.sidecar import read_sidecar

STRUCTURE = "intro 0-1, verse 1-2.5, chorus 2.5-4, crash @2.5"


@pytest.fixture(autouse=True)
def no_model_left():
    yield
    release()


def ask(**more) -> Job:
    return make_job({"structure": STRUCTURE, "steps": 2, "caption": "folk", "bpm": 90, **more})


def test_a_song_and_its_sidecar_say_what_was_asked_and_what_made_it(random_model, tmp_path):
    song = generate_song(ask(seed=7), model=str(random_model), output=tmp_path / "new" / "song.wav")
    samples, rate = soundfile.read(song.audio)
    assert len(samples) / rate == pytest.approx(4.0, abs=0.01) and np.abs(samples).max() > 0.1
    sidecar = read_sidecar(song.audio)
    assert [(e.type, e.start, e.end) for e in sidecar.events] == [
        ("intro", 0, 1), ("verse", 1, 2.5), ("chorus", 2.5, 4), ("crash", 2.5, 2.5),
    ]  # fmt: skip
    assert (sidecar.get("caption"), sidecar.get("bpm"), sidecar.get("duration")) == ("folk", 90, 4.0)
    made = sidecar.get("generation")
    assert (made["seed"], made["steps"], made["adapter"]) == (7, 2, None)
    assert made["model_hash"] and isinstance(made["gain_db"], float)


def test_the_same_request_makes_the_same_song_again(random_model, tmp_path):
    first, again, other = (
        generate_song(ask(seed=seed), model=str(random_model), output=tmp_path / f"{number}.wav").audio.read_bytes()
        for number, seed in enumerate((1, 1, 2))
    )
    assert first == again != other


def test_a_misspelt_type_is_a_slip_and_a_word_of_ones_own_is_not(random_model, tmp_path):
    with pytest.raises(RequestError, match=r"`intr` at 0\.0 s .* Did you mean `intro`\?"):
        generate_song(ask(structure="intr 0-1, verse 1-2"), model=str(random_model), output=tmp_path / "song.wav")
    assert list(tmp_path.iterdir()) == []
    own = ask(structure="mosh pit 0-1, verse 1-2")
    song = generate_song(own, model=str(random_model), output=tmp_path / "song.wav")
    assert [event.type for event in song.events] == ["mosh pit", "verse"]


def test_the_model_stays_warm_until_it_is_released(random_model):
    first = warm_pipeline(str(random_model))
    assert warm_pipeline(str(random_model)) is first
    release()
    assert warm_pipeline(str(random_model)) is not first


def test_a_cancelled_song_leaves_nothing(random_model, tmp_path):
    stop = threading.Event()
    with pytest.raises(Cancelled):
        generate_song(
            ask(steps=50),
            model=str(random_model),
            output=tmp_path / "song.wav",
            on_step=lambda done, total: stop.set(),
            cancelled=stop.is_set,
        )
    assert list(tmp_path.iterdir()) == []


def test_what_was_made_here_is_replaced_and_what_was_not_is_kept(random_model, tmp_path):
    target = tmp_path / "song.wav"
    generate_song(ask(seed=1), model=str(random_model), output=target)
    generate_song(ask(seed=2), model=str(random_model), output=target)
    assert read_sidecar(target).get("generation")["seed"] == 2
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"caption": "my song"}))
    with pytest.raises(RequestError, match="was not made here"):
        generate_song(ask(), model=str(random_model), output=tmp_path / "mine.wav")
    assert json.loads(mine.read_text()) == {"caption": "my song"}


def test_a_song_waits_for_whoever_has_the_device(random_model, tmp_path):
    gate = Gate(busy=2)
    said: list[str] = []
    generate_song(ask(), model=str(random_model), output=tmp_path / "song.wav", gate=gate, on_wait=said.append)
    assert said == ["training folk songs", "training folk songs"]
    assert gate.taken == gate.given_back == 1


def test_a_wait_can_be_given_up(random_model, tmp_path):
    gate = Gate(busy=1_000)
    with pytest.raises(Cancelled):
        generate_song(
            ask(), model=str(random_model), output=tmp_path / "song.wav", gate=gate, cancelled=lambda: gate.asked > 1
        )
    assert gate.taken == 0 and list(tmp_path.iterdir()) == []


def test_running_out_of_memory_is_said_and_the_next_song_is_made(random_model, tmp_path, monkeypatch):
    from acestep.pipeline import StructuredPipeline

    def full(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    with monkeypatch.context() as patched:
        patched.setattr(StructuredPipeline, "sample", full)
        with pytest.raises(RequestError, match="Out of memory on cpu: ask for a shorter song"):
            generate_song(ask(), model=str(random_model), output=tmp_path / "song.wav")
    assert list(tmp_path.iterdir()) == []
    assert generate_song(ask(), model=str(random_model), output=tmp_path / "song.wav").audio.exists()


def test_a_part_shorter_than_a_frame_is_refused(random_model, tmp_path):
    with pytest.raises(StudioError, match="The verse at 0 s lasts 0.01 s, less than one of the model's frames"):
        generate_song(ask(structure="verse 0-0.01, chorus 0.01-2"), model=str(random_model), output=tmp_path / "x.wav")


class Gate:
    """A device that somebody else has for the first `busy` times that it is asked for."""

    def __init__(self, busy: int) -> None:
        self.busy = busy
        self.asked = self.taken = self.given_back = 0

    def try_lock(self, device: str, purpose: str):
        self.asked += 1
        return None if self.asked <= self.busy else self._hold()

    @contextmanager
    def _hold(self):
        self.taken += 1
        yield
        self.given_back += 1

    def holder(self, device: str) -> "Gate":
        return self

    def sentence(self) -> str:
        return "training folk songs"


def test_a_folder_that_cannot_be_written_is_told(random_model, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(RequestError, match="cannot be written"):
        generate_song(ask(), model=str(random_model), output=in_the_way / "song.wav")


def test_files_get_names_that_nobody_guesses(random_model):
    songs = [generate_song(ask(), model=str(random_model)) for _ in range(2)]
    assert songs[0].audio != songs[1].audio and all(len(Path(s.audio).stem) > 25 for s in songs)


def test_the_starter_brings_an_adapter_and_says_what_it_was_never_taught(tmp_path):
    song = generate_song(make_job({"structure": "verse 0-2, interlude 2-4", "steps": 2}), output=tmp_path / "song.wav")
    assert song.made["model"] == "starter" and song.made["adapter_has_events"]
    assert song.made["untaught"] == ["interlude"]
    bare = generate_song(
        make_job({"structure": "verse 0-2, interlude 2-4", "steps": 2, "adapter": "none"}), output=tmp_path / "bare.wav"
    )
    assert bare.made["adapter"] is None and not bare.made["adapter_has_events"]


@pytest.mark.parametrize(
    ("folder", "title"),
    [("adapters/rock", "rock"), ("runs/monday/checkpoints/step-000300", "monday, step-000300")],
)
def test_a_checkpoint_is_called_by_its_run_too(folder: str, title: str):
    assert adapter_title(Path(folder)) == title
