"""A process is the one that was written down, whatever became of its number and of the clock."""

import os
import subprocess
import sys

import psutil
import pytest

from structure.processes import process_alive, process_start


def test_a_later_process_with_the_same_number_is_another():
    assert process_alive(os.getpid(), process_start(os.getpid()))
    assert not process_alive(os.getpid(), process_start(os.getpid()) - 3600)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no zombies")
def test_a_process_that_ended_is_gone_though_nobody_has_asked_how():
    process = subprocess.Popen([sys.executable, "-c", ""])
    started = process_start(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert not process_alive(process.pid, started)
    process.wait()
    assert not process_alive(process.pid, started)


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux counts a process's start from the system's own")
@pytest.mark.parametrize("hours", [-1, 5])
def test_a_clock_that_is_set_leaves_a_process_what_it_was(hours: int, monkeypatch: pytest.MonkeyPatch):
    written, create_time, boot_time = process_start(os.getpid()), psutil.Process.create_time, psutil.boot_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) + 3600 * hours)
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time() + 3600 * hours)
    assert process_alive(os.getpid(), written)
