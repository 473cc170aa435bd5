"""The words of a model card: what an adapter is, learnt from, can and cannot do, as Markdown with YAML on top."""

from collections.abc import Mapping
from typing import Any

from acestep.adapter import AdapterCard
from structure.markdown import escaped, table, yaml_text
from training.card_usage import usage
from training.licences import licence_lines
from training.origin import Origin
from training.presets import preset_for
from training.run_folder import RunState
from training.settings import PLACES, TrainingSettings, make_settings

PICTURE_FILE = "loss.svg"
MARK = "<!-- Written from the run. Delete this line to keep your own changes: the file is then left as it is. -->"
NO_LICENCE = "nobody has stated one: ask whoever made it before using it."
NO_RIGHTS = "nobody has stated whose they are and by what right they are used."
FEW_SONGS = 20
_PICTURE_SHOWS = "Loss over steps: each step, the running mean, and held-out songs as dots"
_SONGS = ("sample_every_steps", "sample_structure", "sample_caption")  # they change no weight
_NOT_A_RECIPE = {*PLACES, *_SONGS, "base_model", "device", "license", "rights", "tracker"}


def card_text(
    name: str,
    settings: TrainingSettings,
    card: AdapterCard,
    origin: Origin | None,
    state: RunState,
    picture: str = "",
    song_names: bool = False,
) -> str:
    """The whole card as Markdown with YAML front matter.

    Args:
        name: of the adapter, one line.
        settings: of the run.
        card: `adapter.json`.
        origin: songs and versions; None where nothing was kept.
        state: of the run: the steps that it was to take, and its best checkpoint.
        picture: not empty where there is a picture of the loss beside the card.
        song_names: name the songs' files.
    """
    parts = [
        _front_matter(settings),
        MARK,
        f"# {escaped(name)}",
        _what_it_is(settings, card, state.max_steps),
        f"**Licence:** {escaped(settings.license) or NO_LICENCE}",
        f"**Songs:** {escaped(settings.rights) or NO_RIGHTS}",
        "## What it learnt from",
        _songs(origin, song_names),
        "## How it was trained",
        _differences(settings),
        *([f"![{_PICTURE_SHOWS}]({PICTURE_FILE})"] if picture else []),
        _scores(card.scores),
        *_best(card, state),
        "## How to use it",
        usage(settings.model_name if _is_local(settings) else settings.base_model, card.has_events, card.kind),
        "## What it cannot do",
        "\n".join(f"- {sentence}" for sentence in _limits(settings, card, origin)),
        "## Versions",
        _versions(card, origin),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(settings: TrainingSettings) -> str:
    """Licence, base and tags; a base that is no repository of the hub stays out, since the hub would refuse it."""
    lines = licence_lines(settings.license)
    if settings.base_model != "starter" and not _is_local(settings):
        lines += [f"base_model: {yaml_text(settings.base_model)}", "base_model_relation: adapter"]
    lines += ["library_name: diffusers", "pipeline_tag: text-to-audio", "tags:"]
    tags = ["music", "ace-step", "lora", "peft", *(["timed-events", "song-structure"] if settings.events else [])]
    return "\n".join(["---", *lines, *(f"- {tag}" for tag in tags), "---"])


def _is_local(settings: TrainingSettings) -> bool:
    """Whether the base model is a folder of the machine that trained; settings keep those with their full path."""
    return settings.base_model != "starter" and (
        settings.base_model.count("/") != 1 or settings.base_model.startswith(("/", "."))
    )


def _what_it_is(settings: TrainingSettings, card: AdapterCard, max_steps: int | None) -> str:
    base = escaped(settings.model_name)
    kind = (
        f"An event LoRA for {base}: it tells the model *when*, so that a song's sections begin and end at the seconds "
        "that were asked for."
        if card.has_events
        else f"A LoRA for {base}. It was not taught timed events."
    )
    step = card.scores.get("step", 0)
    early = f" The run was stopped early, after step {step} of {max_steps}." if step < (max_steps or 0) else ""
    return f"{kind} Made with Structure Studio.{early}"


def _songs(origin: Origin | None, names: bool) -> str:
    """How much music, what structure; names only where asked."""
    if origin is None:
        return "Nothing was kept about the songs."
    count, held = len(origin.songs) + len(origin.held_out), len(origin.held_out)
    parts = [f"{count} {'song' if count == 1 else 'songs'}, {origin.minutes:.1f} minutes, {held} of them held out."]
    if origin.sections:
        by_time = sorted(origin.sections.items(), key=lambda item: -item[1].seconds)
        rows = [[escaped(kind), str(found.count), f"{found.seconds:.0f}"] for kind, found in by_time]
        parts.append(table(["section", "count", "seconds"], rows))
    if origin.moments:
        counted = ", ".join(f"{n} {escaped(kind)}" for kind, n in sorted(origin.moments.items()))
        parts.append(f"Moments: {counted}.")
    if names:
        parts.append("\n".join(f"- {escaped(song)}" for song in (*origin.songs, *origin.held_out)))
    return "\n\n".join(parts)


def _differences(settings: TrainingSettings) -> str:
    """The settings that are not the preset's, beside those that are."""
    preset = preset_for(settings.base_model)
    usual = make_settings(preset.name, dataset_dir=settings.dataset_dir, base_model=settings.base_model).to_dict()
    rows = [
        [f"`{key}`", escaped(str(value)), escaped(str(usual[key]))]
        for key, value in settings.to_dict().items()
        if key not in _NOT_A_RECIPE and value != usual[key]
    ]
    if not rows:
        return f"With the preset `{preset.name}` as it is."
    return f"With the preset `{preset.name}`, but for:\n\n" + table(["setting", "here", "preset"], rows)


def _scores(scores: Mapping[str, Any]) -> str:
    rows = [[escaped(name.replace("_", " ")), f"{value:.6g}"] for name, value in scores.items() if _is_number(value)]
    return table(["at the end", ""], rows) if rows else "No scores were kept."


def _best(card: AdapterCard, state: RunState) -> list[str]:
    """Which checkpoint of the run is its best, where that was measured."""
    if state.best_step is None:
        return []
    which = "This is" if state.best_step == card.scores.get("step") else f"That of step {state.best_step} is"
    return [f"{which} the best checkpoint of the run: {escaped(state.best_said)}."]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _limits(settings: TrainingSettings, card: AdapterCard, origin: Origin | None) -> list[str]:
    """What a reader would otherwise find out by being disappointed."""
    said = [f"It fits the base it was trained on (`{card.base_hash}`) and is refused on another."]
    if card.has_events:
        said.append("Times need Structure Studio: a plain diffusers pipeline loads the LoRA and knows of no seconds.")
        heard = {*card.trained_types, *(origin.moments if origin else ())}
        if missing := [kind for kind in card.vocabulary if kind not in heard]:
            said.append(f"It never heard these marked, and guesses at them: {escaped(', '.join(missing))}.")
    if origin is not None and len(origin.songs) < FEW_SONGS:
        said.append(f"It was trained on few songs ({len(origin.songs)}), so what it makes may come near to them.")
    if "held_out_loss" not in card.scores:
        said.append("No song was held out, so its loss says nothing about songs that it has not heard.")
    if card.has_events:
        said.append("A loss does not measure structure: `python -m evaluation score` does, beside chance and ceiling.")
    if settings.base_model == "starter":
        said.append("The starter is a toy-sized instrument that knows synthetic songs alone; nobody sings.")
    return said


def _versions(card: AdapterCard, origin: Origin | None) -> str:
    kept = {} if origin is None else {**origin.versions, **({"device": origin.device} if origin.device else {})}
    kept = {"frame plan": str(card.plan_version), **kept}
    return table(["what", "version"], [[escaped(name), escaped(version)] for name, version in kept.items()])
