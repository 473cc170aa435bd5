"""Cards of the takes: what was asked, what was heard and how well it fits, each a small picture with its buttons."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.colours import section_colour
from generation.history import Take
from structure.events import Event, sections

CSS = """
.sst-takes { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 8px; max-height: 320px;
  overflow: auto; }
.sst-take { border: 1px solid var(--border-color-primary); border-radius: 6px; padding: 6px 8px; font-size: 12px;
  cursor: pointer; display: grid; gap: 4px; }
.sst-take:hover, .sst-take:focus-visible { border-color: var(--color-accent); }
.sst-take[data-shown="a"] { box-shadow: inset 0 0 0 2px var(--color-accent); }
.sst-take[data-shown="b"] { box-shadow: inset 0 0 0 2px var(--body-text-color-subdued); }
.sst-take header { display: flex; gap: 8px; align-items: baseline; }
.sst-take header b { font-size: 14px; }
.sst-take header span { color: var(--body-text-color-subdued); margin-left: auto; }
.sst-take i { display: flex; height: 8px; border-radius: 2px; overflow: hidden; }
.sst-take i b { display: block; }
.sst-take p { margin: 0; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.sst-take-acts { display: flex; gap: 4px; }
.sst-take button { font: inherit; color: inherit; background: none; border: 1px solid var(--border-color-primary);
  border-radius: 5px; padding: 1px 7px; cursor: pointer; }
.sst-take button[aria-pressed="true"] { color: var(--color-accent); border-color: currentColor; }
.sst-take button:last-child { margin-left: auto; }
"""
JS = """
const act = (e) => {
  const card = e.target.closest('.sst-take'), button = e.target.closest('button');
  if (!card) return;
  if (button?.dataset.act === 'delete' && button.dataset.sure !== 'yes') {
    button.dataset.sure = 'yes';
    button.textContent = 'Really?';
    return;
  }
  trigger('select', { take: card.dataset.take, act: button ? button.dataset.act : 'open' });
};
element.addEventListener('click', act);
element.addEventListener('keydown', (e) => {
  if (e.key === 'Enter' && e.target.classList.contains('sst-take')) act(e);
});
"""


class TakeCards(gr.HTML):
    """Value: see `cards_html`. `.select` has `take`, its name, and `act`: open, compare, favourite or delete."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(value="", css_template=CSS, js_on_load=JS, apply_default_css=False, **settings)


def cards_html(takes: Iterable[Take], shown: str | None = None, other: str | None = None) -> str:
    """Cards, in the order given; `shown` is on the player, `other` the one that it is compared with."""
    cards = "".join(_card(take, "a" if take.name == shown else "b" if take.name == other else "") for take in takes)
    return f'<div class="sst-takes">{cards}</div>' if cards else ""


def score_text(score: float | None) -> str:
    """A score as the page writes it."""
    return "" if score is None else f"{100 * score:.0f} %"


def _card(take: Take, shown: str) -> str:
    adapter = take.made.get("adapter")
    facts = [
        f"seed {take.made.get('seed')}",
        f"{take.duration:.0f} s",
        Path(str(adapter)).name if adapter else "no adapter",
    ]
    star = "★" if take.favourite else "☆"
    when = str(take.made.get("made", ""))[:16].replace("T", " ")
    heard = f"<i title='heard'>{_bars(take.heard, take.duration)}</i>" if take.heard is not None else ""
    title = escape(", ".join(facts))
    return (
        f'<article class="sst-take" tabindex="0" data-take="{escape(take.name)}" data-shown="{shown}" title="{title}">'
        f"<header><b>{score_text(take.score) or 'not judged'}</b><span>{escape(when)}</span></header>"
        f'<i title="asked">{_bars(take.events, take.duration)}</i>{heard}'
        f"<p>{escape(', '.join(facts[:2]))}</p><p>{escape(take.caption) or '&nbsp;'}</p>"
        '<div class="sst-take-acts"><button type="button" data-act="compare" '
        'title="Switch between this one and the one that is open">Compare</button>'
        f'<button type="button" data-act="favourite" aria-pressed="{str(take.favourite).lower()}" '
        f'title="Keep it, whatever room is needed">{star}</button>'
        '<button type="button" data-act="delete">Delete</button></div></article>'
    )


def _bars(events: Sequence[Event], duration: float) -> str:
    """Sections as coloured blocks, gaps between them empty."""
    blocks, at = [], 0.0
    for part in sections(events):
        if part.start > at:
            blocks.append(f'<b style="flex:{part.start - at:g}"></b>')
        colour = section_colour(part.type)
        blocks.append(
            f'<b style="flex:{max(part.duration, 0.01):g};background:{colour}" title="{escape(part.type)}"></b>'
        )
        at = part.end
    if duration > at:
        blocks.append(f'<b style="flex:{duration - at:g}"></b>')
    return "".join(blocks)
