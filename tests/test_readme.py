"""What a Hugging Face Space is started by, and the commands of docs/deploy.md: they must be true."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import lora_train
from deployment import decide, get_parser

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


def commands(program: str) -> list[list[str]]:
    """The arguments of each `python PROGRAM …` that docs/deploy.md has in a block."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = "\n".join(re.findall(r"^```(?:bash)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(rf"python {re.escape(program)}(.*)$", blocks, re.MULTILINE)
    return [
        shlex.split(line.replace("$((7860 + gpu))", "7861").replace("$gpu", "1").removesuffix("&"), comments=True)
        for line in lines
    ]


def test_the_page_starts_with_every_line_of_the_deployment_page():
    found = commands("app.py")
    assert len(found) >= 3
    for arguments in found:
        told = {"STUDIO_AUTH": "me:secret"} if "$(hostname)" in arguments else {}  # that batch file exports it
        decide(get_parser(told).parse_args(arguments), told)


def test_the_batch_files_are_shell_and_train_by_options_that_there_are(tmp_path):
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    scripts = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(scripts) == 3
    for script in scripts:
        assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr == ""
    for line in re.findall(r"ask=\((.*)\)", text):
        lora_train.get_parser().parse_args(shlex.split(line))


def test_every_variable_that_it_names_is_read():
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    known = get_parser({}).format_help()
    names = set(re.findall(r"(?<!STRUCTURE_)STUDIO_([A-Z_]+)", text))
    assert [name for name in names if f"--{name.lower().replace('_', '-')}" not in known] == []
