"""An item of a structure prompt: its text, and the error that names its place."""

from typing import NamedTuple

from structure.errors import StudioError


class PromptError(StudioError):
    """An item of a structure prompt that cannot be meant.

    Attributes:
        item: its number, from 1; None where the whole text is at fault.
        line: of the slip, from 1.
        column: character in that line, from 1.
    """

    def __init__(self, message: str, item: int | None = None, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.item, self.line, self.column = item, line, column


class Item(NamedTuple):
    """A stretch of the prompt between two separators."""

    number: int
    text: str
    offset: int  # of `text` in the prompt
    prompt: str

    def error(self, expected: str, at: int = 0) -> PromptError:
        """`expected`, after the item's number, text and place; `at` counts in the item's text."""
        line, column = _place(self.prompt, self.offset + at)
        where = f"line {line}, character {column}" if "\n" in self.prompt.strip() else f"character {column}"
        return PromptError(
            f"Item {self.number} `{shorten(self.text)}` ({where}): {expected}", self.number, line, column
        )


def shorten(text: str, limit: int = 40) -> str:
    """One line of at most `limit` characters."""
    text = " ".join(text[: 4 * limit].split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
