"""How what was heard in a song just made keeps to what was asked, for a person: in a sentence, change by change."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.hearing import Heard
from evaluation.scores import score_structure
from structure.events import Event, sections


def heard_sentence(asked: Sequence[Event], heard: Sequence[Event]) -> str:
    """For a person: how much is where it was asked, and how far off the changes are."""
    return Heard(list(heard), score_structure(sections(asked), heard)).sentence()


@dataclass(frozen=True)
class Boundary:
    """Where one part was asked to change to the next, and how many seconds later the change is heard."""

    time: float
    into: str
    late: float

    @property
    def is_hit(self) -> bool:
        """Within half a second, as boundary scores count it."""
        return abs(self.late) <= 0.5


def boundaries(asked: Sequence[Event], heard: Sequence[Event]) -> list[Boundary]:
    """Every change of part that was asked for, beside the nearest that is heard; none where nothing is heard."""
    edges = [edge for part in sections(heard) for edge in (part.start, part.end)]
    return [
        Boundary(part.start, part.type, min((edge - part.start for edge in edges), key=abs))
        for part in sections(asked)
        if edges and part.start > 0
    ]
