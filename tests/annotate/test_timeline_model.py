"""The editing model and the beat grid, tested where they run: in JavaScript."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here; the browser tests edit through the page")
@pytest.mark.parametrize("name", ["timeline_model", "timeline_grid"])
def test_in_javascript(name: str):
    script = Path(__file__).with_name(f"{name}.test.js")
    done = subprocess.run(["node", "--test", str(script)], capture_output=True, text=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
