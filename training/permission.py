"""What nobody may do on this machine, said where somebody tries."""

from collections.abc import Callable
from typing import TypeVar

from structure.errors import StudioError

Result = TypeVar("Result")


def permitted(refusal: str, action: Callable[[], Result]) -> Result:
    """What `action` returns, where nothing speaks against it.

    Raises:
        StudioError: why nobody may; or the action's own.
    """
    if refusal:
        raise StudioError(refusal)
    return action()
