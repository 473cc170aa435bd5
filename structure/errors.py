"""The one base class of every error that a person can cause."""

from collections.abc import Mapping
from typing import Any


class StudioError(ValueError):
    """Something a person can put right: the message names what, where, and what to do.

    Every room derives its own errors from this class. A command line catches exactly this and exits with status 2; a
    tab shows it. Anything else that is raised is a fault of ours and keeps its traceback.
    """


def in_short(problem: Exception, most: int = 200) -> str:
    """Another library's error as part of a sentence: one line, of pydantic's many only the first."""
    listed = getattr(problem, "errors", None)
    if callable(listed) and (first := listed()[0]):
        where = ".".join(map(str, first["loc"]))
        said = f"{where}: {_said(first)}" if where else _said(first)
    else:
        said = str(problem)
    said = " ".join(said[: 4 * most].split())
    return said if len(said) <= most else said[: most - 1] + "…"


def _said(first: Mapping[str, Any]) -> str:
    return first["msg"].lower().removeprefix("value error, ")
