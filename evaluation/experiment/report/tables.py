"""Tables of the experiment's report, as rows of cells; `page.html` draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluation.experiment.values import (
    NOTHING,
    interval,
    items,
    listed,
    name_of,
    part,
    show,
    show_bounds,
    show_p,
    show_span,
    word,
)
from evaluation.intervals import Interval
from structure.json_reading import number

SURE = 0.05
"""p below which two arms are said to differ."""

CREATIVITY: Mapping[str, str] = {
    "variety": "variety",
    "vendi": "Vendi score",
    "distance": "distance to real songs",
    "near_copies": "near copies of training songs",
    "nearest_training": "distance to the nearest training song",
    "tempo": "tempo kept",
    "key": "key kept",
    "caption": "caption kept",
}


@dataclass(frozen=True)
class Cell:
    """What stands in a table: a figure, smaller lines under it, a word that marks it, and how dark it is (0 to 1)."""

    text: str
    details: Sequence[str] = ()
    mark: str = ""
    shade: float | None = None


@dataclass(frozen=True)
class Table:
    """Rows under a head; the first column names the row. `apart` rows are no arms: chance, ceiling, real songs."""

    head: Sequence[str]
    rows: list[list[Cell]] = field(default_factory=list)
    apart: list[list[Cell]] = field(default_factory=list)


def arms_table(results: Mapping[str, Any]) -> Table:
    """Measures by arms with control, chance and ceiling; the best arm of each measure is marked in words."""
    arms, measures = items(results, "arms"), items(results, "measures")
    others = {name: known for name in ("chance", "ceiling") if (known := part(results, name))}
    table = Table(["", *(name_of(arm) for arm in arms), *others])
    if not arms:
        return table
    for measure in measures:
        key, best = word(measure, "key"), _best(arms, measure)
        row = [Cell(_measure_head(measure))]
        for arm in arms:
            control = interval(part(arm, "control").get(key))
            under = [f"control {show(control.mean)}"] if control else []
            row.append(_interval_cell(part(arm, "scores").get(key), measure, under, arm is best))
        table.rows.append([*row, *(_interval_cell(known.get(key), measure) for known in others.values())])
    for name, key in (("training", "training_seconds"), ("generating", "generation_seconds")):
        took = [show_span(arm.get(key)) for arm in arms]
        if any(one != NOTHING for one in took):
            table.apart.append([Cell(name), *map(Cell, took), *(Cell("") for _ in others)])
    return table


def abouts(results: Mapping[str, Any]) -> dict[str, str]:
    """What each arm is, by its name."""
    return {name_of(arm): str(arm["about"]) for arm in items(results, "arms") if arm.get("about")}


def comparisons_table(results: Mapping[str, Any]) -> Table:
    """Paired tests between two arms, read in words."""
    names = {word(arm, "key"): name_of(arm) for arm in items(results, "arms")}
    measures = {word(measure, "key"): measure for measure in items(results, "measures")}
    table = Table(["measure", "first", "second", "first minus second", "p", "p, adjusted", "reads"])
    for test in items(results, "tests"):
        measure = measures.get(word(test, "measure"), {"name": test.get("measure")})
        first, second = (names.get(word(test, side), word(test, side) or NOTHING) for side in ("first", "second"))
        difference = interval(test.get("difference"))
        figure = Cell(
            show(difference.mean if difference else None, word(measure, "unit"), signed=True),
            [bounds] if (bounds := show_bounds(difference, signed=True)) else [],
        )
        words = Cell(_reading(test, difference, measure, first, second))
        p_values = [Cell(show_p(test.get("p"))), Cell(show_p(test.get("p_adjusted")))]
        table.rows.append([Cell(name_of(measure)), Cell(first), Cell(second), figure, *p_values, words])
    return table


def creativity_table(results: Mapping[str, Any]) -> Table:
    """Arms by what else a song should be, with real songs beside them."""
    arms, reference = items(results, "arms"), part(results, "creativity_reference")
    known = [key for key in CREATIVITY if any(interval(part(owner, "creativity").get(key)) for owner in arms)]
    table = Table(["", *(CREATIVITY[key] for key in known)])
    if known:
        table.rows.extend(
            [[Cell(name_of(a)), *(_interval_cell(part(a, "creativity").get(k)) for k in known)] for a in arms]
        )
    if known and reference:
        table.apart.append([Cell("real songs"), *(_interval_cell(reference.get(key)) for key in known)])
    return table


def arrangement_table(results: Mapping[str, Any]) -> Table:
    """Genres by arms: how well parts come when the genre has them, left free and asked for."""
    genres, arms = genre_names(results), items(results, "arms")
    reference = part(results, "arrangement_reference")
    table = Table(["genre", *(name_of(arm) for arm in arms), "chance", "ceiling"])
    for genre in genres:
        row = [Cell(genre)]
        for arm in arms:
            free, asked = (number(part(part(arm, "arrangement"), way).get(genre)) for way in ("free", "asked"))
            row.append(Cell(show(asked), [f"free {show(free)}"]))
        row += [Cell(show(number(part(reference, key).get(genre)))) for key in ("chance", "ceiling")]
        table.rows.append(row)
    return table


def genre_names(results: Mapping[str, Any]) -> list[str]:
    """Every genre that any arm was scored in, in order of appearance."""
    ways = [part(part(arm, "arrangement"), way) for arm in items(results, "arms") for way in ("free", "asked")]
    return list(dict.fromkeys(genre for way in ways for genre in way))


def confusion_tables(results: Mapping[str, Any]) -> list[tuple[str, Table]]:
    """Per arm: of the time under each part asked for (rows), the share heard as each part (columns)."""
    tables = []
    for arm in items(results, "arms"):
        confusion = part(arm, "confusion")
        types, seconds = listed(confusion, "types"), listed(confusion, "seconds")
        if not types or len(seconds) != len(types) or not all(isinstance(row, list) for row in seconds):
            continue
        table = Table(["asked", *map(str, types)])
        for kind, row in zip(types, seconds, strict=True):
            heard = [number(value) or 0.0 for value in row]
            whole = sum(heard)
            shares = [value / whole if whole else None for value in heard]
            cells = [Cell(NOTHING if share is None else f"{share:.0%}"[:-1], shade=share or 0.0) for share in shares]
            table.rows.append([Cell(str(kind), [f"{whole:.0f} s"]), *cells])
        tables.append((name_of(arm), table))
    return tables


def _measure_head(measure: Mapping[str, Any]) -> str:
    return f"{name_of(measure)}{' (lower is better)' if measure.get('better') == 'lower' else ''}"


def _best(arms: Sequence[Mapping[str, Any]], measure: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The arm with the best mean; None with fewer than two to choose from."""
    scored = [(score.mean, arm) for arm in arms if (score := interval(part(arm, "scores").get(word(measure, "key"))))]
    if len(scored) < 2:
        return None
    choose = min if measure.get("better") == "lower" else max
    return choose(scored, key=lambda pair: pair[0])[1]


def _interval_cell(
    value: Any, measure: Mapping[str, Any] | None = None, under: Sequence[str] = (), best: bool = False
) -> Cell:
    known = interval(value)
    unit = word(measure or {}, "unit")
    bounds = show_bounds(known)
    return Cell(
        show(known.mean if known else None, unit), [*([bounds] if bounds else []), *under], "best" if best else ""
    )


def _reading(
    test: Mapping[str, Any], difference: Interval | None, measure: Mapping[str, Any], first: str, second: str
) -> str:
    p = next((known for key in ("p_adjusted", "p") if (known := number(test.get(key))) is not None), None)
    if difference is None or p is None:
        return NOTHING
    if p >= SURE:
        return "no difference shown"
    ahead = (difference.mean > 0) != (measure.get("better") == "lower")
    return f"{first if ahead else second} is better"
