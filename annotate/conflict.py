"""A conflict: a sidecar that changed on disk while a visitor was editing it."""

from dataclasses import dataclass, replace

from structure.sidecar import Sidecar


@dataclass(frozen=True)
class Conflict:
    """What there is to choose from.

    Attributes:
        name: the song.
        base: what this visitor began with.
        mine: what this visitor wanted to save; as `base` where that is nothing yet.
        theirs: what the file holds now.
    """

    name: str
    base: Sidecar
    mine: Sidecar
    theirs: Sidecar

    @property
    def kept(self) -> Sidecar:
        """The version on disk with what this visitor changed; where that is nothing, what the visitor sees."""
        if self.mine.data == self.base.data:
            return replace(self.theirs, data=self.mine.data)
        missing = object()
        changed = {key: value for key, value in self.mine.data.items() if self.base.data.get(key, missing) != value}
        return replace(self.theirs, data=self.theirs.data | changed)
