"""Adapters that a song may be made with: their names, what they are, and which one somebody means."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from acestep.loading import STARTER_DIR, fingerprint
from generation.jobs import DEFAULT_ADAPTER, NO_ADAPTER, RequestError
from generation.warm import adapter_folder
from structure.errors import StudioError
from structure.markdown import escaped
from structure.places import writing_folder

if TYPE_CHECKING:
    from acestep.adapter import AdapterCard

AdapterList = Callable[[], list[tuple[str, str]]]  # (name for a person, folder), newest first

STARTER_NOTE = (
    "The starter is a toy-sized instrument: you can hear its parts change, but it knows only the demo songs' sounds "
    "and sings no words. Music of your own needs a real ACE-Step checkpoint (`--model`)."
)
UNHEARD_NOTE = "**Without an event adapter the structure will not be followed.**"


class AdapterRow(TypedDict):
    """An adapter in a list; `base_model` is empty where its files do not say it, `problem` where nothing is wrong."""

    name: str
    base_model: str
    has_events: bool
    problem: str


def list_rows(model: str, adapters: AdapterList) -> list[AdapterRow]:
    """Every adapter of the chooser, under the name by which `find_adapter` knows it."""
    return [_row(model, _name(title, value), value) for title, value in adapter_choices(model, adapters)]


def find_adapter(model: str, adapters: AdapterList, name: str) -> str:
    """What a job calls the adapter of this name: one of the chooser, or one on the shelf.

    Raises:
        RequestError: there is none.
    """
    for title, value in adapter_choices(model, adapters):
        if name in (_name(title, value), value):
            return value
    place = shelf() / name
    if place.name == name and place.parent == shelf() and not name.startswith(".") and place.is_dir():
        return str(place)
    raise RequestError(f"There is no adapter `{name[:80]}` here: `list_adapters` tells their names.")


def shelf() -> Path:
    """Where adapters lie that somebody sent."""
    return writing_folder("data") / "adapters"


def sent_adapters() -> list[tuple[str, str]]:
    """The adapters on the shelf, newest first: (name, folder)."""
    folders = [path for path in shelf().glob("*") if path.is_dir() and not path.name.startswith(".")]
    return [(path.name, str(path)) for path in sorted(folders, key=lambda path: path.stat().st_mtime_ns, reverse=True)]


def read_adapter(model: str, adapter: str) -> "AdapterCard | None":
    """The card of an adapter; None where none acts, or it has no card.

    Raises:
        StudioError: it is gone, or its card is damaged.
    """
    from acestep.adapter import read_card

    folder = adapter_folder(model, adapter)
    return None if folder is None else read_card(folder)


def describe_adapter(model: str, adapter: str) -> str:
    """What to expect of this model with this adapter, in the words of the page."""
    remarks = []
    try:
        card = read_adapter(model, adapter)
        if card is not None and (base := base_hash(model)) and card.base_hash != base:
            remarks.append(
                f"**It was trained on {escaped(card.base_model[:100])} ({escaped(card.base_hash[:20])}) and does not "
                f"fit {escaped(model)} ({base}).**"
            )
        if card is None or not card.has_events:
            remarks.append(UNHEARD_NOTE)
        elif card.trained_types:
            remarks.append(f"Knows {escaped(', '.join(card.trained_types)[:400])}.")
        if card is not None:
            remarks.append(_card_in_words(card))
    except StudioError as problem:
        remarks.append(escaped(str(problem)))
    if model == "starter":
        remarks.append(STARTER_NOTE)
    return "\n\n".join(remarks)


def _card_in_words(card: "AdapterCard") -> str:
    """Base, size and scores of an adapter, as far as its card says them."""
    facts = [f"base {card.base_model[:100]}", f"rank {card.rank}"]
    facts += [f"{card.scores['step']} steps"] if "step" in card.scores else []
    scores = {name: value for name, value in card.scores.items() if name != "step" and isinstance(value, float)}
    facts += [f"{name.replace('_', ' ')} {value:.2f}" for name, value in scores.items()]
    return escaped(f"{card.name or 'Adapter'}: {', '.join(facts)}.")[:600]


@cache
def base_hash(model: str) -> str:
    """Identity of a model whose files are here; empty where they are not."""
    folder = STARTER_DIR if model == "starter" else Path(model).expanduser()
    return fingerprint(folder) if (folder / "transformer").is_dir() else ""


def adapter_choices(model: str, adapters: AdapterList) -> list[tuple[str, str]]:
    """What ships with the model, what training made, and none."""
    shipped = "Shipped with the starter" if model == "starter" else "The model as it is"
    return [(shipped, DEFAULT_ADAPTER), *adapters(), *([("None", NO_ADAPTER)] if model == "starter" else [])]


def _name(title: str, value: str) -> str:
    """A run's adapter goes by its title, since its folder says where this machine keeps things."""
    return value if value in (DEFAULT_ADAPTER, NO_ADAPTER) else title


def _row(model: str, name: str, value: str) -> AdapterRow:
    base, has_events, problem = "", False, ""
    try:
        if card := read_adapter(model, value):
            base, has_events = card.base_model, card.has_events
            hashed = base_hash(model)
            problem = f"It does not fit {Path(model).name}." if hashed and card.base_hash != hashed else ""
    except StudioError as trouble:
        problem = str(trouble)
    return AdapterRow(name=name, base_model=base, has_events=has_events, problem=problem)
