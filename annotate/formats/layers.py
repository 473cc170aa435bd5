"""Layers: several annotations of one song in one file, of which one is read."""

from collections.abc import Mapping
from typing import TypeVar

from annotate.formats.annotation import FormatError

_Layer = TypeVar("_Layer")


def choose_layer(layers: Mapping[str, _Layer], asked: str | None) -> tuple[_Layer, list[str]]:
    """The layer that was asked for, else the first; and a sentence on the others, where there are any.

    Raises:
        FormatError: there is no layer of that name.
    """
    names = list(layers)
    wanted = names[0] if asked is None else next((n for n in names if n.lower() == asked.strip().lower()), None)
    if wanted is None:
        raise FormatError(f"There is no layer `{asked}`. There is {_listing(names)}.")
    others = [name for name in names if name != wanted]
    if asked is not None or not others:
        return layers[wanted], []
    return layers[wanted], [f"Only the layer `{wanted}` was read; --layer reads {_listing(others)} instead."]


def numbered(name: str, taken: Mapping[str, object]) -> str:
    """The name, with a number where another layer has it already."""
    fresh, count = name, 1
    while fresh in taken:
        count += 1
        fresh = f"{name} #{count}"
    return fresh


def _listing(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names[:12]] + ([f"{len(names) - 12} more"] if len(names) > 12 else [])
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
