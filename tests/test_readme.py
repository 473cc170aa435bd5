"""The README's first lines are what a Hugging Face Space is started by, so they must be true."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def front_matter() -> dict[str, str]:
    """The block between the first two rules: one `key: value` a line."""
    _, block, _ = (ROOT / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    pairs = (line.split(": ", 1) for line in block.splitlines())
    return {key: value.strip('"') for key, value in pairs}


def test_a_space_starts_what_this_repository_pins():
    told = front_matter()
    pinned = re.search(r"^gradio==(.+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert told["sdk"] == "gradio" and told["sdk_version"] == pinned[1]
    assert (ROOT / told["app_file"]).is_file()
    project = (ROOT / "pyproject.toml").read_text()
    assert told["license"] == re.search(r'^license = "(.+)"$', project, re.MULTILINE)[1].lower()
    oldest = re.search(r'^requires-python = ">=(.+)"$', project, re.MULTILINE)[1]
    newest = sys.version_info[:2]  # tests run on it
    assert tuple(map(int, oldest.split("."))) <= tuple(map(int, told["python_version"].split("."))) <= newest
    assert told["title"] and len(told["emoji"]) == 1
