"""The strip of templates: small pictures of structures, each a button."""

from html import escape
from typing import Any

import gradio as gr

from annotate.colours import section_colour
from generation.templates import TEMPLATES, template_events

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


class TemplateStrip(gr.HTML):
    """Buttons for `TEMPLATES`; a click is `.select`, with the template's name as the event's `template`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(html_template=_html(), css_template=CSS, js_on_load=JS, apply_default_css=False, **settings)


def _html() -> str:
    return f'<div class="sst-templates">{"".join(_button(*item) for item in TEMPLATES.items())}</div>'


def _button(name: str, structure: str) -> str:
    """One template: its sections as wide as they are long, its name below."""
    parts = "".join(
        f'<b style="flex:{event.duration:g};background:{section_colour(event.type)}"></b>'
        for event in template_events(name)
        if event.is_section
    )
    name, structure = escape(name), escape(structure)
    return f'<button type="button" data-template="{name}" title="{structure}"><i>{parts}</i>{name}</button>'
