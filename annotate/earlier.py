"""Earlier states of the open song: a list with times, what each held beside what there is now, and the way back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import gradio as gr

from annotate.desk import NO_DESK, Desk, count_events
from annotate.page_errors import or_error
from annotate.timeline import Timeline, timeline_value
from structure.errors import StudioError
from structure.events import read_events
from structure.history import State
from structure.markdown import escaped
from structure.sidecar import read_sidecar


@dataclass(frozen=True)
class EarlierStates:
    """What the tab listens to: `chosen` is a state's number, or None; `back` brings it back."""

    chosen: gr.Dropdown
    back: gr.Button


def earlier_states(desk: gr.State, timeline: Timeline) -> EarlierStates:
    """A fold that lists the states when it is opened, and shows the chosen one under the song as it is now."""

    def listed(desk: Desk | None, value: dict[str, Any] | None) -> tuple[Any, ...]:
        return or_error(lambda: _listed(desk, value))

    def shown(desk: Desk | None, value: dict[str, Any] | None, number: int | None) -> tuple[Any, ...]:
        return or_error(lambda: _shown(desk, value, number))

    with gr.Accordion("Earlier states of this song", open=False, elem_id="annotate-earlier") as fold:
        said = gr.Markdown()
        chosen = gr.Dropdown([], label="State", visible=False, elem_id="annotate-state")
        both = Timeline(visible=False)
        back = gr.Button("Bring it back", size="sm", visible=False, elem_id="annotate-bring-back")
    outputs = [said, chosen, both, back]
    hidden = {"show_progress": "hidden", "api_visibility": "private"}
    fold.expand(listed, [desk, timeline], outputs, **hidden)
    chosen.input(shown, [desk, timeline, chosen], outputs, **hidden)
    return EarlierStates(chosen, back)


def _listed(desk: Desk | None, value: dict[str, Any] | None) -> tuple[Any, ...]:
    """The states of the song that is open now."""
    if desk is None:
        raise StudioError(NO_DESK)
    name = (value or {}).get("song") or ""
    found = [(label, state.number) for state in desk.states(name) if (label := _label(state))]
    number = len(found)
    said = f"{number} state{'s' * (number != 1)}, newest first." if number else "Nothing of this song was replaced yet."
    hidden = gr.update(visible=False)
    return said, gr.update(choices=found, value=None, visible=bool(found)), hidden, hidden


def _shown(desk: Desk | None, value: dict[str, Any] | None, number: int | None) -> tuple[Any, ...]:
    """The song as it is now over the chosen state, and in words what else differs."""
    if desk is None:
        raise StudioError(NO_DESK)
    if number is None:  # the list was opened and left
        return (gr.skip(),) * 4
    name = (value or {}).get("song") or ""
    now, then = desk.held(name), desk.earlier(name, number)
    keys = [key for key in {**now, **then.data} if key != "events" and now.get(key) != then.data.get(key)]
    also = f" Also differs: {', '.join(map(escaped, keys))}." if keys else ""
    events = read_events(now["events"])
    duration = max([now["duration"], *(event.end for event in then.events)])
    picture = timeline_value(duration, events, compare=then.events, names=("now", "then"))
    said = f"Top row: now. Bottom row: then.{also} What there is now is kept as well."
    return said, gr.skip(), gr.update(value=picture, visible=True), gr.update(visible=True)


def _label(state: State) -> str:
    """`28 Nov 12:03:05, 9 sections`; empty where the state cannot be read."""
    try:
        held = read_sidecar(state.path)
    except StudioError:
        return ""
    return f"{datetime.fromtimestamp(state.saved):%d %b %H:%M:%S}, {count_events(held.events)}"
