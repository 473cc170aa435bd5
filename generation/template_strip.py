"""The strip of templates: small pictures of structures, each a button."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import gradio as gr

from annotate.colours import section_colour
from generation.templates import TEMPLATES, template_events
from structure.events import Event

CSS = """
.sst-templates { display: flex; flex-wrap: wrap; gap: 6px; }
.sst-templates button {
  width: 126px; padding: 4px 7px; font: inherit; font-size: 12px; line-height: 1.3; text-align: left; cursor: pointer;
  color: var(--body-text-color); background: transparent; border: 1px solid var(--border-color-primary);
  border-radius: 6px;
}
.sst-templates button:hover, .sst-templates button:focus-visible { border-color: var(--color-accent); }
.sst-templates i { display: flex; height: 9px; border-radius: 2px; overflow: hidden; margin-bottom: 3px; }
.sst-templates i b { display: block; }
"""
JS = """
element.addEventListener('click', (e) => {
  const button = e.target.closest('button');
  if (button) trigger('select', { template: button.dataset.template });
});
"""


class SuggestionStrip(gr.HTML):
    """Buttons for structures that the planner suggests; a click is `.select`, with its text as `template`.

    Value: see `suggestions_html`.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(value="", css_template=CSS, js_on_load=JS, apply_default_css=False, **settings)


class TemplateStrip(gr.HTML):
    """Buttons for `TEMPLATES`; a click is `.select`, with the template's name as the event's `template`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(html_template=_html(), css_template=CSS, js_on_load=JS, apply_default_css=False, **settings)


def suggestions_html(suggestions: Iterable[tuple[str, Sequence[Event], str]]) -> str:
    """Buttons for structures: text, events, and what stands under the picture."""
    return _strip(_button(text, events, text, under) for text, events, under in suggestions)


def _html() -> str:
    return _strip(_button(name, template_events(name), text, name) for name, text in TEMPLATES.items())


def _strip(buttons: Iterable[str]) -> str:
    return f'<div class="sst-templates">{"".join(buttons)}</div>'


def _button(key: str, events: Sequence[Event], structure: str, under: str) -> str:
    """One structure: its sections as wide as they are long, words below."""
    parts = "".join(
        f'<b style="flex:{event.duration:g};background:{section_colour(event.type)}"></b>'
        for event in events
        if event.is_section
    )
    key, structure, under = escape(key), escape(structure), escape(under)
    return f'<button type="button" data-template="{key}" title="{structure}"><i>{parts}</i>{under}</button>'
