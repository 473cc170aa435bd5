"""Device lock: one owner at a time, and a dead owner is none."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training.device_lock import DeviceBusy, device_lock, holder, try_lock


def test_a_held_device_is_refused_until_it_is_given_back(tmp_path: Path):
    with device_lock("cpu", "generating a song", folder=tmp_path):
        assert try_lock("cpu", "training", folder=tmp_path) is None
        assert "generating a song" in holder("cpu", tmp_path).sentence()
        with pytest.raises(DeviceBusy, match="generating a song"), device_lock("cpu", "training", folder=tmp_path):
            pass
    assert holder("cpu", tmp_path) is None
    with device_lock("cpu", "training", folder=tmp_path):
        assert holder("cpu", tmp_path).purpose == "training"


def test_two_names_of_one_device_are_one_lock_and_two_devices_are_two(tmp_path: Path):
    with device_lock("cuda", "training", folder=tmp_path):
        assert try_lock("cuda:0", "generating", folder=tmp_path) is None
        with device_lock("cuda:1", "generating", folder=tmp_path):
            pass


def test_the_lock_of_a_process_that_was_killed_is_broken(tmp_path: Path):
    code = (
        "import sys, time; from pathlib import Path; from training.device_lock import try_lock\n"
        "lock = try_lock('cpu', 'training', folder=Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert other.stdout.readline().strip() == "held"
    assert try_lock("cpu", "generating", folder=tmp_path) is None
    other.kill()
    other.wait()
    other.stdout.close()
    with device_lock("cpu", "generating", folder=tmp_path) as lock:
        assert lock.holder.pid == os.getpid()


def test_a_later_process_with_the_same_number_is_not_the_owner(tmp_path: Path):
    with device_lock("cpu", "training", folder=tmp_path) as lock:
        old = json.loads(lock.path.read_text())
    lock.path.write_text(json.dumps({**old, "started": old["started"] - 3600}))
    assert holder("cpu", tmp_path) is None


def test_waiting_ends_when_the_owner_is_done(tmp_path: Path):
    code = (
        "import sys, time; from pathlib import Path; from training.device_lock import device_lock\n"
        "with device_lock('cpu', 'generating', folder=Path(sys.argv[1])): print('held', flush=True); time.sleep(0.5)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert other.stdout.readline().strip() == "held"
    began = time.monotonic()
    with device_lock("cpu", "training", wait_seconds=10, folder=tmp_path):
        assert time.monotonic() - began < 5
    other.wait()
    other.stdout.close()


def test_a_lock_file_of_garbage_holds_nothing(tmp_path: Path):
    with device_lock("cpu", "training", folder=tmp_path) as lock:
        pass
    lock.path.write_text("{half")
    assert holder("cpu", tmp_path) is None
    with device_lock("cpu", "training", folder=tmp_path):
        pass
