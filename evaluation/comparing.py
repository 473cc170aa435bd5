"""Two annotations of one song, or of a folder of songs: every score, the first taken as the truth.

With another person's annotation as the second, the same scores say how good "perfect" can be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from annotate.audio import AUDIO_SUFFIXES
from annotate.formats.annotation import Asked
from annotate.formats.convert import read_text
from annotate.formats.registry import read_annotation
from evaluation.intervals import mean_interval
from evaluation.moments import MomentCount, moments_found
from evaluation.scores import SHARES, confusion, score_structure
from evaluation.segments import ScoreError, boundary_f, deviation, known, pairwise_f, v_measure
from structure.errors import StudioError
from structure.events import Event, moments, sections

TOLERANCES = (0.5, 3.0)
TIMINGS = ("median_error", "median_error_back")


def compare(
    reference: Sequence[Event], estimate: Sequence[Event], tolerances: Sequence[float] = TOLERANCES
) -> dict[str, Any]:
    """All scores of an estimate against a reference, ready for JSON.

    Args:
        reference: taken as the truth.
        estimate: held against it.
        tolerances: seconds within which a boundary is hit.

    Raises:
        ScoreError: one of them has no section, or a tolerance is not positive.
    """
    known(reference)
    if not sections(estimate):
        raise ScoreError("The estimate has no section, so there is nothing to compare.")
    found: dict[str, Any] = score_structure(reference, estimate).to_dict()
    found["boundaries"] = {
        f"{tolerance:g}": {
            "untrimmed": asdict(boundary_f(reference, estimate, tolerance)),
            "trimmed": asdict(boundary_f(reference, estimate, tolerance, trim=True)),
        }
        for tolerance in tolerances
    }
    for name, trim in (("trimmed", True), ("untrimmed", False)):
        there, back = deviation(reference, estimate, trim)
        found[f"deviation_{name}"] = {"reference_to_estimate": there, "estimate_to_reference": back}
    found["pairwise"], found["v"] = asdict(pairwise_f(reference, estimate)), asdict(v_measure(reference, estimate))
    found["confusion"] = confusion(reference, estimate)
    if moments(reference) or moments(estimate):
        score = moments_found(reference, estimate)
        found["moments"] = {"all": _count(score.overall), **{k: _count(c) for k, c in score.by_type.items()}}
    return found


def compare_paths(reference: Path, estimate: Path, tolerances: Sequence[float] = TOLERANCES) -> dict[str, Any]:
    """Two files, or two folders whose files are paired by name.

    Returns:
        For files, `compare`. For folders, `songs` (name to `compare`), `shares` and `seconds` (measure to its mean
        with interval over songs), and `left_out` (a sentence each).

    Raises:
        ScoreError: a path is missing or unreadable, or no two files have one name.
    """
    if reference.is_dir() != estimate.is_dir():
        raise ScoreError(f"Give two files or two folders: only one of {reference} and {estimate} is a folder.")
    if not reference.is_dir():
        return compare(read_events(reference), read_events(estimate), tolerances)
    ours, theirs = _by_stem(reference), _by_stem(estimate)
    songs, left_out = {}, [f"`{name}` has no partner." for name in sorted(ours.keys() ^ theirs.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        try:
            songs[name] = compare(read_events(ours[name]), read_events(theirs[name]), tolerances)
        except StudioError as problem:
            left_out.append(f"`{name}`: {problem}")
    if not songs:
        why = f" First: {left_out[0]}" if left_out else ""
        raise ScoreError(f"No two annotations in {reference} and {estimate} can be compared.{why}")
    return {
        "songs": songs,
        "shares": _means(songs, SHARES),
        "seconds": _means(songs, TIMINGS),
        "left_out": left_out,
    }


def read_events(path: Path) -> list[Event]:
    """The events of a sidecar or of an annotation file in any format that `annotate` reads.

    Raises:
        ScoreError: the file is missing or cannot be read.
    """
    if not path.is_file():
        raise ScoreError(f"There is no file {path}.")
    try:
        return list(read_annotation(read_text(path), path.suffix, Asked(None, None)).events)
    except StudioError as problem:
        raise ScoreError(f"`{path}` cannot be read: {problem}") from problem


def comparison_lines(found: Mapping[str, Any]) -> list[str]:
    """The result of `compare_paths` for a person."""
    if "songs" in found:
        rows = {**SHARES, TIMINGS[0]: "median error, s", TIMINGS[1]: "median error the other way, s"}
        figures = {**found["shares"], **found["seconds"]}
        lines = [f"{len(found['songs'])} songs, means with 95 % intervals"]
        lines += [f"{name:<45} {_interval_words(figures[key])}" for key, name in rows.items()]
        return [*lines, *(f"Note: {sentence}" for sentence in found["left_out"])]
    lines = [f"{name:<45} {_number(found[key])}" for key, name in SHARES.items()]
    for tolerance, kinds in found["boundaries"].items():
        for kind, hits in kinds.items():
            name = f"boundaries within {tolerance} s, {kind}"
            lines.append(
                f"{name:<45} precision {hits['precision']:.2f}, recall {hits['recall']:.2f}, F {hits['f']:.2f}"
            )
    there, back = found["deviation_trimmed"].values()
    lines.append(f"{'median deviation, song ends left out':<45} {_number(there)} s, the other way {_number(back)} s")
    lines.append(f"{'changes of part in time':<45} " + _within(found["within"]))
    if "moments" in found:
        lines.append(f"{'moments found within 0.25 s, F':<45} {_number(found['moments']['all']['f'])}")
    return [*lines, *_confusions(found["confusion"])]


def _by_stem(folder: Path) -> dict[str, Path]:
    """Annotation files of a folder and those in it, by their path without extension."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() not in AUDIO_SUFFIXES)
    return {
        str(path.relative_to(folder).with_suffix("")): path
        for path in files
        if not path.name.startswith(".") and path.suffix != ".bak"
    }


def _means(songs: Mapping[str, Mapping[str, Any]], keys: Sequence[str] | Mapping[str, str]) -> dict[str, Any]:
    means = {}
    for key in keys:
        values = [song[key] for song in songs.values() if song[key] is not None]
        means[key] = mean_interval(values).to_dict() if values else None
    return means


def _count(count: MomentCount) -> dict[str, Any]:
    return {"found": count.found, "asked": count.asked, "heard": count.heard, "f": count.f}


def _confusions(seconds: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One line a type that was ever called something else."""
    lines = []
    for kind, heard in sorted(seconds.items()):
        wrong = {other: s for other, s in sorted(heard.items(), key=lambda item: -item[1]) if other != kind}
        if wrong:
            said = ", ".join(f"{other or 'nothing'} {s:.1f} s" for other, s in wrong.items())
            lines.append(f"{kind}: {heard.get(kind, 0.0):.1f} s right; {said}")
    return lines


def _within(shares: Mapping[str, float | None]) -> str:
    return ", ".join(f"{_number(share)} within {limit} s" for limit, share in shares.items())


def _interval_words(interval: Mapping[str, Any] | None) -> str:
    if interval is None:
        return "-"
    low, high = interval["low"], interval["high"]
    return f"{interval['mean']:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
