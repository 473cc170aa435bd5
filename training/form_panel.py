"""What the next run will be: a preset, or another run's settings, with the few numbers one changes. Part of the tab."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from training.again import nearest_preset, settings_of
from training.page_errors import or_error
from training.runs import find_run
from training.settings import PRESETS, Preset, TrainingSettings, make_settings, preset_for

TRAIN, TRAIN_LATER = "Train", "Add to the line"

Updates = dict[Any, Any]


@dataclass(frozen=True)
class FormPanel:
    """The components; `like` holds the name of the run whose settings lie under the form, "" for the preset's."""

    like: gr.State
    like_row: gr.Row
    like_text: gr.HTML
    unlike: gr.Button
    preset: gr.Radio
    train: gr.Button
    stop: gr.Button
    more: gr.Accordion
    steps: gr.Number
    seed: gr.Number
    rank: gr.Number
    songs: gr.Number
    events: gr.Checkbox

    def outputs(self) -> list[gr.blocks.Block]:
        """All of them."""
        return [getattr(self, field.name) for field in fields(self)]


def lay_out(presets: Sequence[Preset]) -> FormPanel:
    """Presets, the button, and the numbers in a fold."""
    usual = _settings_of(presets[0].name)
    like = gr.State("")
    choices = [(f"{p.title} · {p.time} · {p.memory}", p.name) for p in presets]
    preset = gr.Radio(choices, value=presets[0].name, label="How")
    with gr.Row(visible=False, elem_classes=["tr-beside", "tr-line"]) as like_row:
        like_text = gr.HTML(min_width=220, padding=False)
        unlike = gr.Button("Preset alone", size="sm", scale=0, min_width=130)
    with gr.Row():
        train = gr.Button(TRAIN, variant="primary", scale=3)
        stop = gr.Button("Stop", variant="stop", scale=1, visible=False)
    with gr.Accordion("More", open=False) as more, gr.Row():
        steps = gr.Number(usual.max_steps or 0, label="Steps", precision=0, info="0: 50 passes over the songs")
        seed = gr.Number(42, label="Seed", precision=0, minimum=0)
        rank = gr.Number(usual.lora_rank, label="LoRA rank", precision=0, minimum=1)
        songs = gr.Number(
            presets[0].songs,
            label="A song each so many steps",
            precision=0,
            minimum=0,
            info="to hear how it comes along; 0: none",
        )
        events = gr.Checkbox(True, label="Teach the timed events", info="off: a plain LoRA, to compare with")
    return FormPanel(like, like_row, like_text, unlike, preset, train, stop, more, steps, seed, rank, songs, events)


def wire(
    form: FormPanel,
    again: gr.Button,
    shown: gr.State,
    dataset: gr.State,
    runs_root: Path,
    presets: Sequence[Preset],
    model: str,
) -> None:
    """Let a preset fill the form, and `again` the run on display.

    Args:
        form: laid out.
        again: the button for that.
        shown: its value is the name of the run on display.
        dataset: its value is the folder that the next run would learn from.
        runs_root: where run folders lie.
        presets: those to choose from.
        model: what the next run would be trained on.
    """
    private = {"show_progress": "hidden", "api_visibility": "private"}
    by_preset = [form.preset.input, form.unlike.click]
    gr.on(by_preset, partial(_by_preset, form), form.preset, form.outputs(), queue=False, **private)
    again.click(partial(_by_run, form, runs_root, presets, model), [shown, dataset], form.outputs(), **private)


def presets_of(model: str) -> list[Preset]:
    """What makes sense for a model, its own preset first."""
    own = preset_for(model)
    return [own, *([PRESETS["quick"]] if own.name == "starter" else [])]


def _settings_of(preset: str) -> TrainingSettings:
    return make_settings(preset, dataset_dir="")


def _by_preset(form: FormPanel, preset: str) -> Updates:
    settings = _settings_of(preset)
    return {
        form.steps: settings.max_steps or 0,
        form.rank: settings.lora_rank,
        form.songs: PRESETS[preset].songs,
        form.like: "",
        form.like_row: gr.Row(visible=False),
    }


def _by_run(
    form: FormPanel, runs_root: Path, presets: Sequence[Preset], model: str, name: str, dataset: str
) -> Updates:
    """What the form shows is the run's, and so is, later, what it does not show."""
    settings = or_error(lambda: settings_of(find_run(runs_root, name)))
    said = f"Like <b>{escape(name)}</b>, with what you change."
    if dataset and Path(dataset).resolve() != settings.dataset_dir.resolve():
        said += f" On the songs open now; it learned from {escape(settings.dataset_dir.name)}."
    if settings.base_model != model:
        said += f" On the model of this page; it learned on {escape(settings.model_name)}."
    return {
        form.like: name,
        form.like_row: gr.Row(visible=True),
        form.like_text: f'<p class="tr-question">{said}</p>',
        form.preset: nearest_preset(settings, presets).name,
        form.more: gr.Accordion(open=True),
        form.steps: settings.max_steps or 0,
        form.seed: settings.seed,
        form.rank: settings.lora_rank,
        form.songs: settings.sample_every_steps,
        form.events: settings.events,
    }
