"""Two real processes on the CPU: the same adapter as one makes, one writer, and one end for both."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed import HashStore

from training.processes import ALONE, Processes, ProcessesError
from training.run_folder import has_adapter, read_log, read_metrics, read_state
from training.settings import make_settings

PROGRAM = Path(__file__).parents[2] / "lora_train.py"
# Three crops do not divide by two; arrangements, held-out songs and the average have to come out the same too.
SHARED = {"preset": "starter", "device": "cpu", "lora_rank": 2, "batch_size": 3, "rearrange": 0.5, "ema_decay": 0.9}
SHARED |= {"held_out": 1, "max_steps": 4, "save_every_steps": 2, "log_every": 1}
ROUNDING = 1e-4  # of the change that training made; on one machine it was 4e-6


def flags(**settings: object) -> list[str]:
    names = {"lora_rank": "--rank", "base_model": "--model"}
    pairs = ((names.get(name, "--" + name.replace("_", "-")), value) for name, value in settings.items())
    return [str(part) for pair in pairs for part in pair]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def processes(machine: dict[str, str], *commands: list[object]) -> Iterator[list[subprocess.Popen[str]]]:
    """One process a command, told who it is as torchrun tells it, which would need seconds of its own to start."""
    common = {**machine, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    common |= {"WORLD_SIZE": str(len(commands))}
    started = [
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=PROGRAM.parent,
        )
        for rank, command in enumerate(commands)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def ended(started: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Exit status, standard output and errors of each."""
    said = [process.communicate(timeout=300) for process in started]
    return [(process.returncode, *words) for process, words in zip(started, said, strict=True)]


def wait_for(step: int, folder: Path, started: list[subprocess.Popen[str]]) -> None:
    deadline = time.monotonic() + 240
    while read_state(folder).step < step:
        assert time.monotonic() < deadline, "waited too long"
        assert all(process.poll() is None for process in started), read_log(folder)
        time.sleep(0.05)


def difference(one: Path, other: Path, step: int) -> float:
    """How far two runs' numbers lie apart at a step, as a share of what the first run learned until then."""
    first, second = (load_file(run / f"checkpoints/step-{step:06d}/trainer.safetensors") for run in (one, other))
    start = load_file(one / "checkpoints/step-000000/trainer.safetensors")
    assert first.keys() == second.keys()
    learned = [name for name in first if "weight." in name]  # weights and their average
    apart = sum(float((first[name] - second[name]).square().sum()) for name in learned)
    change = sum(float((first[name] - start[name]).square().sum()) for name in learned)
    return (apart / change) ** 0.5


@pytest.fixture(scope="module")
def given(songs: Path, tiny_model: Path) -> dict[str, object]:
    return {**SHARED, "dataset_dir": songs, "base_model": str(tiny_model)}


def train_alone(machine: dict[str, str], **settings: object) -> Path:
    """A run in this process."""
    from training.loop import train

    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("STRUCTURE_STUDIO_LOCK_DIR", "STRUCTURE_STUDIO_CACHE"):
            patch.setenv(name, machine[name])
        train(made := make_settings(**settings))
    for number, handler in kept.items():
        signal.signal(number, handler)
    return made.output_dir


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, given: dict, machine: dict[str, str]) -> Path:
    """Four steps of one process."""
    return train_alone(machine, **given, output_dir=tmp_path_factory.mktemp("alone") / "run")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, given: dict, machine: dict[str, str]) -> tuple[Path, list, Path]:
    """The same four steps of two processes; the run, what each process said, and their own cache."""
    folder = tmp_path_factory.mktemp("shared")
    settings = {**given, "output_dir": folder / "run", "cache_dir": folder / "cache"}
    with processes(machine, *[[PROGRAM, *flags(**settings)]] * 2) as started:
        main = started[0].pid
        said = ended(started)
    assert [status for status, _, _ in said] == [0, 0], said
    assert read_state(folder / "run").pid == main
    return folder / "run", said, folder / "cache"


@pytest.mark.training
def test_two_processes_make_the_adapter_that_one_makes(alone: Path, shared: tuple[Path, list, Path]):
    run, _, _ = shared
    for key in ("loss", "held_out_loss"):
        points, expected = ([(p["step"], p[key]) for p in read_metrics(f) if key in p] for f in (run, alone))
        assert len(points) == {"loss": 4, "held_out_loss": 2}[key]
        torch.testing.assert_close(torch.tensor(points), torch.tensor(expected), rtol=1e-4, atol=0)
    assert difference(alone, run, 2) < ROUNDING
    assert difference(alone, run, 4) < ROUNDING
    assert "did not end with the same weights" not in read_log(run)


@pytest.mark.training
def test_one_of_them_writes_and_speaks_and_each_song_is_encoded_once(alone: Path, shared: tuple[Path, list, Path]):
    run, said, cache = shared
    assert said[1] == (0, "", "")
    spoken = [line[10:] for line in read_log(run, 200).splitlines()]
    assert [line[10:] for line in said[0][1].splitlines()] == spoken
    for once in ("Training for 4 steps.", "2 processes share the 3 crops of each step.", "Saving the adapter."):
        assert spoken.count(once) == 1
    assert "3 songs encoded, 0 found in the cache." in spoken
    assert len(list(cache.glob("*.safetensors"))) == 7  # two songs at three gains, one held out
    written = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) for folder in (run, alone)]
    assert written[0] == written[1]


@pytest.mark.training
def test_two_go_on_from_where_one_was_and_one_from_where_two_were(
    alone: Path, shared: tuple[Path, list, Path], given: dict, tmp_path: Path, machine: dict[str, str]
):
    again = flags(resume_from=alone / "checkpoints/step-000002", output_dir=tmp_path / "two")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launcher, str(PROGRAM), *again],
        env={**machine, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Going on from" in done.stdout and "2 processes share" in done.stdout
    one = train_alone(machine, **given, output_dir=tmp_path / "one", resume_from=shared[0] / "checkpoints/step-000002")
    for gone_on in (tmp_path / "two", one):
        assert [point["step"] for point in read_metrics(gone_on) if "loss" in point] == [1, 2, 3, 4]
        assert difference(alone, gone_on, 4) < ROUNDING


@pytest.mark.training
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process can answer; it has the stop file")
def test_whoever_is_asked_to_stop_all_stop_after_the_same_step(given: dict, tmp_path: Path, machine: dict[str, str]):
    run = tmp_path / "run"
    command = [PROGRAM, *flags(**{**given, "output_dir": run, "max_steps": 100_000, "held_out": 0})]
    with processes(machine, command, command) as started:
        wait_for(2, run, started)
        started[1].send_signal(signal.SIGTERM)
        said = ended(started)
    assert [status for status, _, _ in said] == [0, 0], said
    state = read_state(run)
    assert (state.status, has_adapter(run)) == ("stopped", True)
    assert (run / f"checkpoints/step-{state.step:06d}").is_dir()


@pytest.mark.training
@pytest.mark.skipif(os.name == "nt", reason="kills a process")
def test_a_process_that_is_killed_ends_the_others_with_a_sentence(given: dict, tmp_path: Path, machine: dict[str, str]):
    run = tmp_path / "run"
    command = [PROGRAM, *flags(**{**given, "output_dir": run, "max_steps": 100_000, "held_out": 0})]
    with processes(machine, command, command) as started:
        wait_for(2, run, started)
        started[1].kill()
        status, _, errors = ended(started)[0]
    assert (status, len(errors.strip().splitlines())) == (2, 1), errors
    assert read_state(run).status == "failed"
    assert "gone without a word" in read_state(run).message


@pytest.mark.training
@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a GPU that is not there")
def test_an_error_of_one_is_said_once_and_ends_both(given: dict, tmp_path: Path, machine: dict[str, str]):
    run = tmp_path / "run"
    command = [PROGRAM, *flags(**{**given, "output_dir": run})]
    with processes(machine, command, [*command, "--device", "cuda"]) as started:
        main, other = ended(started)
    assert (main[0], len(main[2].strip().splitlines())) == (2, 1), main
    assert other == (2, "", "")
    assert read_state(run).status == "failed"
    assert "Process 1 of 2" in read_state(run).message and "no CUDA device" in read_state(run).message


MEETING = """
import sys, torch
from training.processes import together
rank = int(sys.argv[1])
with together() as here:
    assert here.main == (rank == 0) and here.several
    assert here.exchange(rank) == [0, 1] and here.any(rank == 1) and here.from_main(lambda: rank) == 0
    mine = [number for number, _ in here.deal("songs", "abcdefgh")]
    assert sorted(sum(here.exchange(mine), [])) == list(range(8))
    both, one, nobody = (torch.zeros(2, 2) for _ in range(3))
    both.grad = torch.full((2, 2), 1.0 + rank)
    if rank == 1:
        one.grad = torch.ones(2, 2)
    measured = here.add_up([both, one, nobody], torch.tensor([10.0, rank]))
    assert both.grad.tolist() == [[3, 3], [3, 3]] and one.grad.tolist() == [[1, 1], [1, 1]] and nobody.grad is None
    assert measured.tolist() == [20, 1]
    here.agree("Songs", "the same")
    print("met", flush=True)
    here.agree("Songs", f"those of {rank}")
"""


def test_processes_exchange_add_up_and_refuse_to_differ(machine: dict[str, str]):
    with processes(machine, ["-c", MEETING, 0], ["-c", MEETING, 1]) as started:
        main, other = ended(started)
    assert (main[1], other[1]) == ("met\n", "met\n"), (main, other)
    assert "ProcessesError: Songs: process 1" in main[2] and "has those of 1" in main[2]
    assert main[0] != 0 and other[0] == 2


def test_crops_are_shared_out_evenly_and_none_twice():
    lengths = [400, 400, 250, 400, 400, 100, 400]
    for count in (1, 2, 3, 7, 9):
        shares = [Processes(rank, count).share(lengths) for rank in range(count)]
        assert sorted(index for share in shares for index in share) == list(range(len(lengths)))
        frames = [sum(lengths[index] for index in share) for share in shares]
        assert max(frames) - min(frames) <= max(lengths)
    assert ALONE.share(lengths) == list(range(len(lengths)))


def test_each_takes_and_locks_a_device_of_its_own_and_too_few_are_refused():
    assert ALONE.device("cuda:1") == "cuda:1" and ALONE.holds("mps")
    assert [Processes(3, 4, local).holds("cpu") for local in (0, 1)] == [True, False]
    assert Processes(3, 4, 1).holds("cuda:1")
    with pytest.raises(ProcessesError, match="--device cuda:1 is one device, and 4 processes were started"):
        Processes(3, 4, 1).device("cuda:1")
    there = torch.cuda.device_count()
    with pytest.raises(ProcessesError, match=f"finds {there} GPUs there"):
        Processes(there, there + 2, there).device("cuda")


def test_whoever_is_free_takes_the_next_song_until_another_leaves():
    store = HashStore()
    one, other = (Processes(rank, 2, rank, store) for rank in range(2))
    mine, theirs = one.deal("songs", "abcd"), other.deal("songs", "abcd")
    assert [next(mine), next(theirs), next(theirs)] == [(0, "a"), (1, "b"), (2, "c")]
    store.set("leaving", "")
    assert list(mine) == []
