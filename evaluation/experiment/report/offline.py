"""What pages that work offline share: templates that escape, and a policy that runs no script but those it names."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

HERE = Path(__file__).resolve().parent


def templates(*folders: Path) -> jinja2.Environment:
    """Templates of these folders, and the pieces that lie here; names and captions in them are text, never markup."""
    loader = jinja2.FileSystemLoader([*folders, HERE])
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)


def as_script(code: str) -> Markup:
    """Code as the browser will hash it: its parser reads every line end as one."""
    return Markup(code.replace("\r\n", "\n").replace("\r", "\n"))


def policy_of(scripts: Sequence[str]) -> str:
    """The part of a content security policy that runs these scripts and no other."""
    return " ".join(["script-src", *(f"'{_hash(script)}'" for script in scripts)])


def as_data(text: str) -> Markup:
    """JSON for a script element, which a `</script>` inside a text would end."""
    return Markup(text.replace("<", "\\u003c"))


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
