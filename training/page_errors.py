"""A person's slip, as the page shows it. Handlers that use it stay in Gradio's queue: outside it no error appears."""

from collections.abc import Callable
from typing import TypeVar

import gradio as gr

from structure.errors import StudioError

Result = TypeVar("Result")


def or_error(action: Callable[[], Result]) -> Result:
    """What `action` returns.

    Raises:
        gr.Error: the sentence of its `StudioError`; anything else is ours and gets logged.
    """
    try:
        return action()
    except StudioError as problem:
        raise gr.Error(str(problem), print_exception=False) from problem


def permitted(refusal: str, action: Callable[[], Result]) -> Result:
    """What `action` returns, where nothing speaks against it.

    Raises:
        StudioError: why nobody may; or the action's own.
    """
    if refusal:
        raise StudioError(refusal)
    return action()
