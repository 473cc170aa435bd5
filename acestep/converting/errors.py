"""What can be wrong with a checkpoint that is to be converted."""

from collections.abc import Collection

from structure.errors import StudioError

MOST_NAMED = 5


class ConversionError(StudioError):
    """A checkpoint that cannot be converted, and what to do."""


def some_of(names: Collection[str]) -> str:
    """The first five names in order, and how many more there are."""
    named = ", ".join(sorted(names)[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
