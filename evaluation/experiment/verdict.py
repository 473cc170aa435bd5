"""Which arm keeps time better: paired tests over structures, and the answer in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.intervals import FEWEST_PAIRS, compare_pairs, holm
from evaluation.judging import JudgedSet
from evaluation.measures import MEASURES, Ratio, SongReport, mean_ratio

MAIN = "frame_accuracy"
TESTED = (MAIN, "boundary_f_500ms", "section_order", "within_0.5")
SIGNIFICANT = 0.05


def structure_of(name: str) -> str:
    """The structure that a song was asked for, from its file's name: songs of one are not independent."""
    return Path(name).name.split(".seed-")[0]


def paired_tests(sets: Mapping[str, JudgedSet]) -> list[dict[str, Any]]:
    """The event LoRA against each other arm, structure by structure, seeds averaged first.

    p is of a sign-flip test; `p_adjusted` holds for all comparisons of one measure together (Holm).
    """
    tests: list[dict[str, Any]] = []
    if "events" not in sets:
        return tests
    for measure in MEASURES:
        if measure.key not in TESTED:
            continue
        values = {key: _by_structure(judged, measure.of) for key, judged in sets.items()}
        rows = []
        for key in sets:
            common = sorted(values["events"].keys() & values[key].keys())
            if key != "events" and common:
                found = compare_pairs([values["events"][s] for s in common], [values[key][s] for s in common])
                rows.append(
                    {"measure": measure.key, "first": "events", "second": key, "p": found.p}
                    | {"difference": found.difference.to_dict()}
                )
        adjusted = holm([row["p"] for row in rows])
        tests += [row | {"p_adjusted": p} for row, p in zip(rows, adjusted, strict=True)]
    return tests


def answer(sets: Mapping[str, JudgedSet], tests: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The first question of the research in one sentence: is the event LoRA better than the baseline LoRA?

    Without a baseline it is held against whatever arm there is. Nothing is claimed of fewer than six structures.
    """
    rivals = [test for test in tests if test["measure"] == MAIN]
    if not rivals:
        return {
            "verdict": "undecided",
            "sentence": "Without an event LoRA and a second arm there is nothing to compare.",
        }
    test = next((t for t in rivals if t["second"] == "baseline"), rivals[0])
    names = {"baseline": "the baseline LoRA", "none": "the base model", "shuffled": "the LoRA with shuffled events"}
    rival = names.get(test["second"], "the LoRA with section tags")
    means = {key: sets[key].figures[MAIN].score for key in ("events", test["second"])}
    first, second = (f"{one.mean:.0%}" if one else "-" for one in means.values())
    gap, p = test["difference"], test["p"]
    span = f" ({gap['low']:+.2f} to {gap['high']:+.2f})" if gap["low"] is not None else ""
    facts = f"{first} of the time is under the part asked for, with {rival} {second}: {gap['mean']:+.2f}{span}"
    n = gap["n"]
    if n < FEWEST_PAIRS:
        return {
            "verdict": "undecided",
            "sentence": f"With the event LoRA {facts}. On {n} structures no test can tell this from luck: hold out "
            f"{FEWEST_PAIRS} or more.",
        }
    if p >= SIGNIFICANT:
        verdict, words = "undecided", "This experiment cannot tell the two apart"
    elif gap["mean"] > 0:
        verdict, words = "better", "Yes, the event LoRA keeps time better"
    else:
        verdict, words = "worse", "No, the event LoRA keeps time worse"
    return {"verdict": verdict, "sentence": f"{words}. With it {facts}; {n} structures, p = {_show_p(p)}."}


def cost(arms: Sequence[Mapping[str, Any]]) -> list[str]:
    """What keeping time costs in variety, in a sentence; none where it was not measured.

    Args:
        arms: as in the results.
    """
    varied = {arm["key"]: arm["creativity"]["variety"] for arm in arms}
    own, rival = varied.get("events"), varied.get("baseline") or varied.get("none")
    if not own or not rival or rival["mean"] <= 0:
        return []
    share = own["mean"] / rival["mean"]
    return [
        f"What it costs: songs of one structure differ {share:.0%} as much with the event LoRA as without events "
        f"(variety {own['mean']:.2f} and {rival['mean']:.2f}, from {own['n']} structures)."
    ]


def _by_structure(judged: JudgedSet, of: Callable[[SongReport], Ratio]) -> dict[str, float]:
    """A measure of each structure, songs of all seeds pooled."""
    groups: dict[str, list[Ratio]] = {}
    for song in judged.songs:
        groups.setdefault(structure_of(song.name), []).append(of(song))
    pooled = {name: mean_ratio(ratios) for name, ratios in groups.items()}
    return {name: top / bottom for name, (top, bottom) in pooled.items() if bottom > 0}


def _show_p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "below 0.001"
