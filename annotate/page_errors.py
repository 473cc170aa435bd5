"""A person's slip, as the page shows it. Handlers that use it stay in Gradio's queue: outside it no error appears."""

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import gradio as gr

from structure.errors import StudioError

Result = TypeVar("Result")


@contextmanager
def errors_shown() -> Iterator[None]:
    """Let a `StudioError` appear on the page; anything else is ours and gets logged.

    Raises:
        gr.Error: its sentence.
    """
    try:
        yield
    except StudioError as problem:
        raise page_error(problem) from problem


def page_error(problem: StudioError) -> gr.Error:
    """A slip to be raised. Gradio shows HTML, and would fetch a picture that a label names: here it is only text."""
    return gr.Error(html.escape(str(problem), quote=False), print_exception=False)


def or_error(action: Callable[[], Result]) -> Result:
    """What `action` returns.

    Raises:
        gr.Error: as `errors_shown`.
    """
    with errors_shown():
        return action()
