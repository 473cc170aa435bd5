"""How a page answers programs: by a function's name, with types and words, and a sentence where something is wrong.

A piece of every tab that has such functions, and of `api.py`.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import pydantic
from gradio.utils import get_function_description, get_function_params, get_upload_folder

from structure.errors import StudioError
from structure.places import lies_in


def serve(function: Callable[..., Any], **settings: Any) -> None:
    """Let programs call a function by its name.

    Args:
        function: typed, with a Google docstring: its first part, one line for each argument and one for each value that
            it returns stand in Gradio's description of the page. A `StudioError` from it is told, not logged.
        settings: as `gr.api` takes them.
    """
    checked = pydantic.validate_call(function)

    @functools.wraps(function)
    def answer(*given: Any, **named: Any) -> Any:
        try:
            return checked(*given, **named)
        except pydantic.ValidationError as problem:
            if problem.title.rpartition(".")[2] != function.__name__:  # not the program's arguments: a fault of ours
                raise
            raise gr.Error(_slip(function, problem), print_exception=False) from problem
        except StudioError as problem:
            raise gr.Error(str(problem), print_exception=False) from problem

    called = gr.api(answer, api_name=function.__name__, **settings)
    _describe(function, gr.context.Context.root_block.fns[called["id"]])


def file_for_program(path: Path) -> dict[str, Any]:
    """A file as Gradio hands it over: what the program gets is the path of its own copy."""
    return gr.FileData(path=str(path)).model_dump()


def uploaded(files: Sequence[gr.FileData]) -> list[Path]:
    """Files that a program sent with its call.

    Raises:
        StudioError: something else of this machine is named.
    """
    folder = Path(get_upload_folder())
    found = [Path(file.path) for file in files]
    for path in found:
        if not (lies_in(folder, path) and path.is_file()):
            raise StudioError(f"`{path.name[:80]}` was not sent with this call: wrap its path in `handle_file(…)`.")
    if not found:
        raise StudioError("No files were sent: give a list of `handle_file(…)`.")
    return found


def _slip(function: Callable[..., Any], problem: pydantic.ValidationError) -> str:
    """The first wrong argument, by its name."""
    first = problem.errors()[0]
    where, *inside = first["loc"] or ("request",)
    if isinstance(where, int):
        names = [name for name, *_ in get_function_params(function)]
        where = names[where] if where < len(names) else where
    place = ".".join(str(part) for part in (where, *inside))
    return f"`{place}` is {first['input']!r:.60}: {first['msg'][:1].lower()}{first['msg'][1:]}."


def _describe(function: Callable[..., Any], block_function: Any) -> None:
    """Put the docstring's words beside the types; Gradio itself takes only its first part."""
    _, arguments, returns = get_function_description(function)
    names = [name for name, *_ in get_function_params(function)]
    for name, block in zip(names, block_function.inputs, strict=True):
        block._api_info = {**block._api_info, "additional_description": arguments[name]}
    words = returns if len(block_function.outputs) > 1 else [" ".join(returns)]
    for said, block in zip(words, block_function.outputs, strict=True):
        block._api_info = {**block._api_info, "description": said}
