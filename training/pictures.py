"""What the Train tab shows as HTML: the dataset card, a run's progress. File names and labels appear as text only."""

import shlex
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

from annotate.colours import section_colour
from training.curve import band_curve, loss_curve, small_curves
from training.dataset import DatasetReport
from training.expecting import compared
from training.last_words import last_lines, reason
from training.line import place_in_words, places
from training.points import read_curves
from training.recovery import taken_up_in_words
from training.run_folder import CONFIG_FILE
from training.runs import PROGRAM, Run

STYLE = f"<style>{(Path(__file__).parent / 'tab.css').read_text(encoding='utf-8')}</style>"
MANY = 6  # sentences shown before the rest folds away

_NOW = (("crops_a_second", "{:.3g} crops a second"), ("memory_mb", "{:.0f} MB"), ("grad_norm", "gradients {:.2g}"))
IN_WORDS = {
    "starting": "Starting",
    "waiting": "Waiting for the device",
    "preparing": "Preparing",
    "training": "Training",
    "saving": "Saving",
    "done": "Done",
    "stopped": "Stopped",
    "failed": "Failed",
    "died": "Died",
}


def dataset_card(report: DatasetReport, under_way: str = "") -> str:
    """Songs, minutes, sections by type as a bar of colours, what is wrong, and what is still being looked at."""
    count = len(report.everything)
    facts = [f"<b>{count}</b> {'song' if count == 1 else 'songs'}", f"<b>{report.minutes:.1f}</b> minutes"]
    if report.held_out:
        names = escape(", ".join(song.name for song in report.held_out))
        facts.append(f'<span title="{names}"><b>{len(report.held_out)}</b> held out to measure with</span>')
    if report.moments_by_type:
        said = ", ".join(f"{n} {name}" for name, n in sorted(report.moments_by_type.items()))
        facts.append(f'<span title="{escape(said)}"><b>{sum(report.moments_by_type.values())}</b> moments</span>')
    body = f'<p class="tr-facts">{" · ".join(facts)}</p>' + _bar(report)
    body += _sentences("to put right", report.problems) + _sentences("left out", report.skipped)
    body += _sentences("to know", report.notes)
    body += f"<p>{escape(under_way)}</p>" if under_way else ""
    return f'{STYLE}<div class="tr-card">{body}</div>'


def message_card(sentence: str) -> str:
    """A card with one sentence."""
    return f'{STYLE}<div class="tr-card"><p>{escape(sentence)}</p></div>'


def progress_card(run: Run | None, place: int | None = None) -> str:
    """How far the run is, how long it takes, its curve, and how it died if it did.

    Args:
        run: None: there is none, and the card is empty.
        place: in the line, 1 for the next; None: it is not behind another run.
    """
    if run is None:
        return ""
    state = run.state
    total = state.max_steps
    steps = f"step {state.step} of {total}" if total else "no step yet"
    facts = [f"<b>{_status_in_words(run, place)}</b>", escape(run.name), steps]
    if run.running and state.eta is not None:
        facts.append(f"{duration_in_words(state.eta)} left")
    if state.step_seconds:
        facts.append(f"{state.step_seconds:.2f} s a step")
    if state.loss is not None:
        facts.append(f"loss {state.loss:.4f}")
    curves = read_curves(run.folder)
    if run.running:
        facts += [form.format(line.latest[1]) for name, form in _NOW if (line := curves[name]).latest]
    bar = f'<progress max="{total or 1}" value="{state.step}"></progress>'
    wrong = " tr-wrong" if state.status in ("failed", "died") else ""
    said = f'<p class="tr-said{wrong}">{escape(reason(run))}</p>'
    for sentence in (taken_up_in_words(run), compared(state)):
        said += f'<p class="tr-said">{escape(sentence)}</p>' if sentence else ""
    tail = last_lines(run)
    said += f'<pre class="tr-tail" aria-label="The end of its log">{escape(tail)}</pre>' if tail else ""
    curve = loss_curve(curves, total)
    return f'<div class="tr-card"><p class="tr-facts">{" · ".join(facts)}</p>{bar}{said}{curve}</div>'


def closer_card(run: Run | None) -> str:
    """What moves beside the loss: its bands, gradients, learning rate, pace, memory; empty where nothing is known."""
    if run is None:
        return ""
    curves, total = read_curves(run.folder), run.state.max_steps
    drawn = band_curve(curves, total) + small_curves(curves, total)
    return f'<div class="tr-card">{drawn}</div>' if drawn else ""


def run_rows(runs: Sequence[Run]) -> list[list[str]]:
    """The table: name, state or place in line, steps, loss, when, base model, whether it was taught events."""
    rows, in_line = [], places(runs)
    for run in runs:
        state = run.state
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(state.started)) if state.started else ""
        rows.append(
            [
                run.name,
                _status_in_words(run, in_line.get(run.name)),
                f"{state.step} / {state.max_steps}" if state.max_steps else "",
                f"{state.loss:.3f}" if state.loss is not None else "",
                when,
                run.settings.model_name if run.settings else "?",
                ("events" if run.settings.events else "plain LoRA") if run.settings else "?",
            ]
        )
    return rows


RUN_HEADERS = ["Run", "State", "Steps", "Loss", "Started", "Model", "Taught"]


def command_of(run: Run) -> str:
    """What one would type to do the same by hand."""
    return shlex.join(["python", PROGRAM.name, "--config", str(run.folder / CONFIG_FILE)])


def duration_in_words(seconds: float) -> str:
    """`3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _status_in_words(run: Run, place: int | None) -> str:
    return place_in_words(place) if place else IN_WORDS[run.state.status]


def _bar(report: DatasetReport) -> str:
    total = sum(report.seconds_by_type.values())
    if not total:
        return ""
    spans = []
    for name, seconds in sorted(report.seconds_by_type.items(), key=lambda item: -item[1]):
        tip = escape(f"{name}: {report.count_by_type[name]} sections, {duration_in_words(seconds)}", quote=True)
        spans.append(
            f'<span style="flex-grow:{seconds / total:.4f};background:{section_colour(name)};'
            f'color:{_ink(section_colour(name))}" title="{tip}">'
            f"{escape(name)}</span>"
        )
    return f'<div class="tr-bar">{"".join(spans)}</div>'


def _ink(colour: str) -> str:
    """Black or white, whichever reads better on `#rrggbb`. Source: WCAG 2.2, relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return "#10151c" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else "#ffffff"


def _sentences(what: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    is_open = " open" if len(sentences) <= MANY else ""
    return f'<details{is_open}><summary>{len(sentences)} {what}</summary><ul class="tr-list">{items}</ul></details>'
