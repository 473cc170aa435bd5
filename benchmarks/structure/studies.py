"""Each study: what is trained, what is asked, and which figures are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from benchmarks.structure import rows
from benchmarks.structure.store import Store
from benchmarks.structure.trial import (
    FIRM,
    FRESH,
    GUIDED,
    NO_EVENTS,
    ONE_PASS,
    STRONG,
    Ask,
    Trained,
    Trial,
    figures,
    generate,
    held_out,
    real_songs,
    score,
    starter,
    train,
)

if TYPE_CHECKING:
    from acestep.pipeline import GeneratedSong

TRAINED_ON = 12  # songs of the recipe's trials


@dataclass(frozen=True)
class Options:
    """What a person may change about a study; None takes the study's own."""

    rows: tuple[str, ...] = ()
    seeds: int | None = None
    structures: int | None = None
    steps: int | None = None

    def chosen(self, trials: Sequence[Trial]) -> list[Trial]:
        """The trials whose name holds one of `rows`; all of them where none is named."""
        return [trial for trial in trials if not self.rows or any(word in trial.name for word in self.rows)]


@lru_cache(maxsize=1)
def trained_recipe(seed: int) -> Trained:
    """The recipe's adapter, trained once where several studies ask for it one after another."""
    return train(rows.RECIPE, seed)


def screen(options: Options) -> Store:
    """One factor of the event path at a time: short runs, one seed, eight structures."""
    steps = options.steps or 200
    trials = [replace(trial, settings={"max_steps": steps} | trial.settings) for trial in options.chosen(rows.SCREEN)]
    return _measure("screen", trials, (ONE_PASS, GUIDED), options, 1, 8, {"steps": steps}, first=0)


def confirm(options: Options) -> Store:
    """The best of the screen at full length, asked in several ways, with moments and intensity."""
    from benchmarks.structure.moments import moments_and_intensity

    trials = options.chosen(rows.CONFIRM)
    return _measure("confirm", trials, rows.CONFIRM_ASKS, options, 3, 12, also=moments_and_intensity, first=0)


def recipe(options: Options) -> Store:
    """The default recipe: three seeds, 24 structures, five ways of asking."""
    store = _measure("recipe", [rows.RECIPE], (ONE_PASS, STRONG, GUIDED, FIRM, NO_EVENTS), options, 3, 24)
    store.keep("real songs, codec", 0, None, figures(score(real_songs(starter(), options.structures or 24))))
    return store


def controls(options: Options) -> Store:
    """What should not do as well: no adapter, a baseline LoRA, events of other songs."""
    store = _measure("controls", rows.CONTROLS, (ONE_PASS,), options, 1, 24)
    bare, asked = starter(), held_out(options.structures or 24)
    for ask in (NO_EVENTS, ONE_PASS):  # without an adapter, events are no more than section tags
        store.keep("no adapter", 0, ask, figures(score(generate(bare, asked, ask))))
    return store


def songs(options: Options) -> Store:
    """How few songs: 2, 4, 8, 16, 32."""
    return _measure("songs", options.chosen(rows.SONGS), (ONE_PASS, GUIDED), options, 1, 12)


def steps(options: Options) -> Store:
    """How few steps: 50 to 2000."""
    return _measure("steps", options.chosen(rows.STEPS), (ONE_PASS, GUIDED), options, 1, 12)


def guidance(options: Options) -> Store:
    """One adapter asked at several scales and intervals."""
    return _measure("guidance", [rows.RECIPE], rows.ASKS, options, 1, 12)


def lengths(options: Options) -> Store:
    """One adapter asked for songs of 20, 60 and 120 s."""
    count = options.structures or 8
    store = _store("structure-lengths", {"structures": count})
    for seed in range(options.seeds or 1):
        trained = trained_recipe(seed)
        for seconds in (20.0, 60.0, 120.0):
            for ask in (ONE_PASS, GUIDED):
                found = figures(score(generate(trained.pipeline, held_out(count, seconds), ask)))
                store.keep(f"{seconds:g} s", seed, ask, found)
    return store


def words(options: Options) -> Store:
    """One adapter asked in descriptions and types that it never saw."""
    from benchmarks.structure.words import words_study

    count = options.structures or 4
    store = _store("structure-words", {"songs": count})
    for seed in range(options.seeds or 1):
        trained = trained_recipe(seed)
        for ask in (ONE_PASS, GUIDED):
            for name, share in words_study(trained.pipeline, ask, count).items():
                store.keep(name, seed, ask, {"heard as meant": share})
    return store


def moments(options: Options) -> Store:
    """Moments found where they were asked for, loudness against intensity, beside real songs."""
    from benchmarks.structure.moments import moments_and_intensity

    count = options.structures or 40
    store = _store("structure-moments", {"structures": count})
    for seed in range(options.seeds or 1):
        trained = trained_recipe(seed)
        for ask in (ONE_PASS, GUIDED):
            generated = generate(trained.pipeline, held_out(count, 30.0), ask)
            store.keep("recipe", seed, ask, moments_and_intensity(generated))
    store.keep("real songs, codec", 0, None, moments_and_intensity(real_songs(trained.pipeline, count, 30.0)))
    return store


def besides(options: Options) -> Store:
    """Style, tempo, key, variety and copies, with events, without them, and without an adapter."""
    from benchmarks.structure.besides import besides as measured
    from benchmarks.structure.besides import real_songs as real

    count = options.structures or 24
    store = _store("structure-besides", {"structures": count})
    store.keep("real songs", 0, None, real(count, TRAINED_ON))
    store.keep("no adapter", 0, None, measured(starter(), NO_EVENTS, count, TRAINED_ON))
    for seed in range(options.seeds or 1):
        trained = trained_recipe(seed)
        for ask in (NO_EVENTS, ONE_PASS, GUIDED):
            store.keep("recipe", seed, ask, measured(trained.pipeline, ask, count, TRAINED_ON))
    return store


def base(options: Options) -> Store:
    """What the base does without any adapter: sections by tags and captions, and repaint."""
    from benchmarks.structure.obedience import repainted, sections_by_words

    pipeline, count = starter(), options.structures or 6
    store = _store("structure-base", {"songs": count})
    for name, share in sections_by_words(pipeline, count).items():
        store.keep(name, 0, None, {"heard as meant": share})
    for name, alike in repainted(pipeline, count).items():
        store.keep(name, 0, None, {"r of levels": alike})
    return store


def widths(options: Options) -> Store:
    """Which learning rate suits the event path on bases of four widths."""
    from benchmarks.structure.widths import widths_study

    store = Store("structure-widths", {})
    for row in widths_study():
        name = f"width {row['width']}, {row['outputs']}, rate {row['rate']:g}"
        store.keep(name, 0, None, {"error taken away, %": 100 * row["gain"]})
    return store


STUDIES: dict[str, Callable[[Options], Store]] = {
    study.__name__: study
    for study in (
        screen,
        confirm,
        recipe,
        controls,
        songs,
        steps,
        guidance,
        lengths,
        words,
        moments,
        besides,
        base,
        widths,
    )
}


def _store(name: str, settings: dict) -> Store:
    """Rows of this base only: another base's do not belong beside them."""
    return Store(name, settings | {"base": starter().model_hash})


def _measure(
    name: str, trials: Sequence[Trial], asks: Sequence[Ask], options: Options, seeds: int, structures: int,
    settings: dict | None = None, also: Callable[[Sequence[GeneratedSong]], dict] = lambda songs: {},
    first: int = FRESH,
) -> Store:  # fmt: skip
    """Train each trial with each seed and keep what each way of asking gives, unless the store has it."""
    count = options.structures or structures
    store = _store(f"structure-{name}", {"structures": count} | (settings or {}))
    for trial in trials:
        for seed in range(options.seeds or seeds):
            missing = [ask for ask in asks if not store.has(trial.name, seed, ask)]
            if not missing:
                continue
            trained = trained_recipe(seed) if trial is rows.RECIPE else train(trial, seed)
            cost = {"seconds": trained.seconds, "steps": trained.steps, "event parameters": trained.event_parameters}
            for ask in missing:
                generated = generate(trained.pipeline, held_out(count, first=first), ask)
                store.keep(trial.name, seed, ask, figures(score(generated)) | also(generated) | cost)
    return store
