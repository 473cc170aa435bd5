"""Two versions of one song's sidecar, to choose from: both as timelines, and what else differs in words."""

import html
from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotate.conflict import Conflict
from annotate.timeline import Timeline, timeline_value
from structure.events import Event


@dataclass(frozen=True)
class ConflictPanel:
    """Hidden until there is something to choose."""

    group: gr.Group
    difference: gr.HTML
    both: Timeline
    keep: gr.Button
    join: gr.Button
    take: gr.Button

    def outputs(self) -> list[gr.blocks.Block]:
        return [self.group, self.difference, self.both]


def conflict_panel() -> ConflictPanel:
    """Lay it out."""
    with gr.Group(visible=False, elem_id="annotate-conflict") as group:
        difference = gr.HTML()
        both = Timeline()
        with gr.Row():
            keep = gr.Button("Keep mine", variant="primary", size="sm")
            join = gr.Button("Keep both where they do not collide", size="sm")
            take = gr.Button("Load theirs", size="sm")
    return ConflictPanel(group, difference, both, keep, join, take)


def conflict_updates(panel: ConflictPanel, conflict: Conflict | None) -> dict[Any, Any]:
    """The panel with both versions of a conflict, or hidden where there is none."""
    if conflict is None:
        return {panel.group: gr.update(visible=False)}
    mine, theirs = conflict.mine, conflict.theirs
    keys = [k for k in {**mine.data, **theirs.data} if k != "events" and mine.data.get(k) != theirs.data.get(k)]
    lines = [
        f"`{theirs.path.name}` changed on disk since it was read. Choose one version, or both: until then nothing of "
        "this song is saved.",
        "Top row: yours. Bottom row: the file on disk. What you do not choose stays among the earlier states.",
    ]
    lines += [f"{key}: yours {mine.get(key, '')!s:.80} · on disk {theirs.get(key, '')!s:.80}" for key in keys]
    events: list[list[Event]] = [mine.events, theirs.events]
    duration = max([e.end for version in events for e in version], default=1.0)
    return {
        panel.group: gr.update(visible=True),
        panel.difference: "".join(f"<p>{html.escape(line)}</p>" for line in lines),
        panel.both: timeline_value(duration, events[0], compare=events[1], names=("yours", "on disk")),
    }
