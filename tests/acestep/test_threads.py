"""Whoever imports torch through a room of ours has threads that sleep while they wait."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WATCH = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ.get("OMP_WAIT_POLICY"))
            sys.exit(0)
sys.meta_path.insert(0, Watch())
import {module}
"""


@pytest.mark.parametrize("module", ["training.loop", "acestep.pipeline", "acestep.starter.codec"])
def test_threads_are_told_to_sleep_before_torch_starts_them(module):
    code = WATCH.replace("{module}", module)
    environment_free = [sys.executable, "-c", "import os; os.environ.pop('OMP_WAIT_POLICY', None)\n" + code]
    said = subprocess.run(environment_free, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "PASSIVE"
