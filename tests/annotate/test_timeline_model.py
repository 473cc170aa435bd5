"""The editing model, tested where it runs: in JavaScript."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here; the browser tests edit through the page")
def test_the_editing_model():
    script = Path(__file__).with_name("timeline_model.test.js")
    done = subprocess.run(["node", "--test", str(script)], capture_output=True, text=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
