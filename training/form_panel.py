"""What the next run will be: a preset, or another run's settings, with what one changes. Part of the tab.

Under the presets stands what such a run will need; a fold holds the numbers one changes most, and a line that takes any
other setting as the command line does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.page_errors import or_error
from structure.errors import StudioError
from training.again import nearest_preset, settings_of
from training.asked import Told, settings_told, shown_settings, told
from training.dataset import is_large, read_dataset
from training.expecting import expected, in_words
from training.fitting import nearest_memory
from training.machine import find_device
from training.presets import AIMS, MEMORY_GB, NOT_YET_RUN, PRESETS, Preset, preset_for
from training.runs import find_run, list_runs
from training.settings import TrainingSettings

TRAIN, TRAIN_LATER = "Train", "Add to the line"
THRIFT = [
    ("Less memory, a third slower", "gradient_checkpointing"),
    ("int8 base", "quantise"),
    ("Compile first", "compile"),
]

Updates = dict[Any, Any]


@dataclass(frozen=True)
class FormPanel:
    """The components; `like` holds the name of the run whose settings lie under the form, "" for the preset's."""

    like: gr.State
    like_row: gr.Row
    like_text: gr.HTML
    unlike: gr.Button
    preset: gr.Radio
    memory: gr.Dropdown
    needs: gr.HTML
    train: gr.Button
    stop: gr.Button
    more: gr.Accordion
    steps: gr.Number
    seed: gr.Number
    rank: gr.Number
    songs: gr.Number
    events: gr.Checkbox
    batch: gr.Number
    optimizer: gr.Dropdown
    adapter: gr.Dropdown
    thrift: gr.CheckboxGroup
    other: gr.Textbox

    def outputs(self) -> list[gr.blocks.Block]:
        """All of them."""
        return [getattr(self, field.name) for field in fields(self)]

    def asked(self) -> list[gr.blocks.Block]:
        """What `told` reads, in its order."""
        return [
            self.like, self.preset, self.memory, self.steps, self.seed, self.rank, self.songs, self.events,
            self.batch, self.optimizer, self.adapter, self.thrift, self.other,
        ]  # fmt: skip


def lay_out(presets: Sequence[Preset], model: str = "starter") -> FormPanel:
    """Presets, what they need, the button, and the numbers in a fold."""
    is_starter = preset_for(model).name == "starter"
    memory_gb = None if is_starter else nearest_memory(find_device())
    usual = shown_settings(model, presets[0].name, memory_gb)
    like = gr.State("")
    with gr.Row(elem_classes=["tr-beside"]):
        choices = [(p.title, p.name) for p in presets]
        preset = gr.Radio(choices, value=presets[0].name, label="How", info=presets[0].remark or None, scale=3)
        sizes = [(f"{size} GB", size) for size in MEMORY_GB]
        memory = gr.Dropdown(
            sizes, value=memory_gb, label="Memory to fit into", visible=not is_starter, scale=1, min_width=140
        )
    needs = gr.HTML(padding=False)
    with gr.Row(visible=False, elem_classes=["tr-beside", "tr-line"]) as like_row:
        like_text = gr.HTML(min_width=220, padding=False)
        unlike = gr.Button("Preset alone", size="sm", scale=0, min_width=130)
    with gr.Row():
        train = gr.Button(TRAIN, variant="primary", scale=3)
        stop = gr.Button("Stop", variant="stop", scale=1, visible=False)
    with gr.Accordion("More", open=False) as more:
        with gr.Row():
            steps = gr.Number(
                usual.max_steps or 0, label="Steps", precision=0, info="0: 50 passes over the songs", min_width=120
            )
            seed = gr.Number(42, label="Seed", precision=0, minimum=0, min_width=120)
            rank = gr.Number(usual.lora_rank, label="LoRA rank", precision=0, minimum=1, min_width=120)
            batch = gr.Number(usual.batch_size, label="Batch", precision=0, minimum=1, min_width=120)
        with gr.Row():
            optimizer = gr.Dropdown(
                [("AdamW", "adamw"), ("AdamW, 8 bits", "adamw_8bit"), ("Prodigy, no rate to choose", "prodigy")],
                value=usual.optimizer, label="Optimizer", min_width=160,
            )  # fmt: skip
            adapter = gr.Dropdown(
                [("LoRA", "lora"), ("LoKr, for here and peft only", "lokr")],
                value=usual.adapter, label="Adapter", min_width=160,
            )  # fmt: skip
            songs = gr.Number(
                presets[0].songs, label="A song each so many steps", precision=0, minimum=0, min_width=160,
                info="to hear how it comes along; 0: none",
            )  # fmt: skip
            events = gr.Checkbox(True, label="Teach the timed events", info="off: a plain LoRA, to compare with")
        thrift = gr.CheckboxGroup(THRIFT, value=_thrift_of(usual), label="Memory and speed")
        other = gr.Textbox(
            label="Any other setting, as on the command line", placeholder="--learning-rate 3e-4 --lora-dora", lines=1
        )
    return FormPanel(
        like, like_row, like_text, unlike, preset, memory, needs, train, stop, more, steps, seed, rank, songs, events,
        batch, optimizer, adapter, thrift, other,
    )  # fmt: skip


def wire(
    form: FormPanel,
    again: gr.Button,
    shown: gr.State,
    dataset: gr.State,
    runs_root: Path,
    presets: Sequence[Preset],
    model: str,
) -> None:
    """Let a preset fill the form, and `again` the run on display; say what the form's run will need.

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
    by_preset = [form.preset.input, form.memory.input, form.unlike.click]
    fill = partial(_by_preset, form, model)
    filled = gr.on(by_preset, fill, [form.preset, form.memory], form.outputs(), queue=False, **private)
    by_run = partial(_by_run, form, runs_root, presets, model)
    filled_again = again.click(by_run, [shown, dataset], form.outputs(), **private)

    say, asked = partial(_needs, runs_root, model), [dataset, *form.asked()]
    numbers = [form.steps, form.rank, form.events, form.batch, form.optimizer, form.adapter, form.thrift]
    changes = [*(number.input for number in numbers), form.other.submit, form.other.blur]
    if isinstance(gr.context.Context.block, gr.Tab):
        changes.append(gr.context.Context.block.select)  # a run may have ended meanwhile, and tells the time better
    gr.on(changes, say, asked, form.needs, trigger_mode="always_last", **private)
    unasked = partial(_needs_unasked, runs_root, model)
    arrivals = [gr.context.Context.root_block.load, dataset.change]
    gr.on(arrivals, unasked, asked, form.needs, trigger_mode="always_last", **private)
    for before in (filled, filled_again):
        before.then(say, asked, form.needs, **private)


def presets_of(model: str) -> list[Preset]:
    """What makes sense for a model, its own preset first: the starter's recipes, or aims."""
    own = preset_for(model)
    if own.name == "starter":
        return [own, PRESETS["quick"]]
    aims = [Preset(name=name, title=aim.title, remark=NOT_YET_RUN, values=aim.values) for name, aim in AIMS.items()]
    return sorted(aims, key=lambda aim: aim.name != "standard")


def _thrift_of(settings: TrainingSettings) -> list[str]:
    on = {
        "gradient_checkpointing": settings.gradient_checkpointing,
        "quantise": settings.quantise != "none",
        "compile": settings.compile,
    }
    return [name for name, is_on in on.items() if is_on]


def _knobs(form: FormPanel, settings: TrainingSettings) -> Updates:
    return {
        form.steps: settings.max_steps or 0,
        form.rank: settings.lora_rank,
        form.batch: settings.batch_size,
        form.optimizer: settings.optimizer,
        form.adapter: settings.adapter,
        form.thrift: _thrift_of(settings),
    }


def _by_preset(form: FormPanel, model: str, preset: str, memory_gb: float | None) -> Updates:
    settings = shown_settings(model, preset, memory_gb)
    songs = PRESETS[preset].songs if preset in PRESETS else 0
    return {**_knobs(form, settings), form.songs: songs, form.like: "", form.like_row: gr.Row(visible=False)}


def _needs(runs_root: Path, model: str, dataset: str, *asked: Any) -> str:
    """What the run of this form will need, or why there can be none; nothing before a folder is open."""
    if not dataset:
        return ""
    try:
        form: Told = told(*asked)
        settings = settings_told(form, runs_root, model, Path(dataset), runs_root / "next")
        said = in_words(expected(settings, read_dataset(settings.dataset_dir, settings.events), list_runs(runs_root)))
        said = said[0].upper() + said[1:]
    except StudioError as problem:
        said = str(problem)
    return f'<p class="tr-needs">{escape(said)}</p>'


def _needs_unasked(runs_root: Path, model: str, dataset: str, *asked: Any) -> str:
    """The same before anybody has looked at the form: nothing of a folder that is large."""
    return "" if dataset and is_large(Path(dataset)) else _needs(runs_root, model, dataset, *asked)


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
        **_knobs(form, settings),
        form.seed: settings.seed,
        form.songs: settings.sample_every_steps,
        form.events: settings.events,
    }
