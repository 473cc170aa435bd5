"""Re-ordered songs: whole sections change places in the latents, and events and lyrics go with them.

A song is cut into *pieces* where its sections start. A piece is a section and whatever follows it up to the next one,
so a gap belongs to the section before it; what lies before the first section belongs to that one. A section nearer
than a cross-fade to the cut before it, or to the end, makes no cut: it goes with the piece before it.

The first piece and the last keep their places, since an intro in the middle is not what an intro is. Those between come
in a new order, some left out, some heard again, and never are there more frames than before. Pieces that stay
neighbours make one *stretch* of the original, in which nothing changes; between stretches is a *splice*.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from structure.events import Event, clip, moments, sections
from structure.lyrics import lyric_blocks
from structure.plan import first_frame
from training.dataset import TrainingSong

FADE_SECONDS = 0.4  # cross-fade at a splice; 10 frames at 25 Hz, the size of ACE-Step's own when it repaints
FEWEST_PIECES = 4  # opening, ending, and two between them that can change places
DROPPED = 0.2  # share of the pieces between that are left out
REPEATED = 0.5  # share of those kept that are heard again, where what was left out makes room


@dataclass(frozen=True)
class Arranged:
    """A song as it is heard in one training example.

    Attributes:
        song: its events and lyrics fit the latents.
        latents: float32 (frames, channels).
        mask: float32 (frames,), 1 where the loss counts and 0 where a splice is cross-faded.
    """

    song: TrainingSong
    latents: Tensor
    mask: Tensor


@dataclass(frozen=True)
class _Stretch:
    """Frames `first` to `last` (not included) of the original, heard from frame `place` on."""

    first: int
    last: int
    place: int


def rearrange(song: TrainingSong, latents: Tensor, frame_rate: float, rng: np.random.Generator) -> Arranged:
    """The song with its sections in a new order.

    Events keep their distance from the first frame of their piece, so the frame plan of a section goes with its frames.
    Where sections start between two frames, an end may reach into the section that now follows; it is cut there, by
    less than a frame. A moment goes with the piece in which it starts and is cut at a splice, not at the end of a piece
    whose neighbour stayed; what is heard of it behind its own stretch is not told.

    At a splice, the frames after the cut of what came before fade linearly into those before the cut of what comes,
    half of the fade on either side.

    Args:
        song: events past the end of the latents are left out.
        latents: float32 (frames, channels); they may hold the song's beginning only.
        frame_rate: latent frames per second.
        rng: all the randomness there is.

    Returns:
        the song in an order that is not its own, at most as long as before; song and latents themselves where there
        are fewer than 4 pieces.
    """
    n_frames, fade = len(latents), max(1, round(FADE_SECONDS * frame_rate))
    events = clip(song.events, n_frames / frame_rate)
    cuts = _cuts(events, n_frames, frame_rate, fade)
    if len(cuts) - 1 < FEWEST_PIECES:
        return Arranged(song, latents, torch.ones(n_frames, device=latents.device))
    stretches = _stretches(_new_order(np.diff(cuts), rng), cuts)
    spliced, mask = _splice(latents, stretches, fade)
    heard = replace(
        song,
        duration=len(spliced) / frame_rate,
        lyrics=_moved_lyrics(song, stretches, n_frames, frame_rate),
        events=tuple(_moved_events(events, stretches, n_frames, frame_rate)),
    )
    return Arranged(heard, spliced, mask)


def _first_frame(event: Event, n_frames: int, frame_rate: float) -> int:
    """The event's first frame, as `frame_plan` has it, or the last frame there is."""
    return min(first_frame(event.start, frame_rate), n_frames - 1)


def _cuts(events: Iterable[Event], n_frames: int, frame_rate: float, shortest: int) -> list[int]:
    """Where pieces begin and end, 0 and `n_frames` included; no piece has fewer than `shortest` frames."""
    cuts = [0]
    starts = sorted({_first_frame(section, n_frames, frame_rate) for section in sections(events)})
    for frame in starts[1:]:
        if frame - cuts[-1] >= shortest and n_frames - frame >= shortest:
            cuts.append(frame)
    return [*cuts, n_frames]


def _new_order(lengths: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Numbers of pieces as they will be heard, together no longer than all of them.

    Args:
        lengths: int (pieces,), frames of each.
        rng: draws until the order is not the old one.
    """
    inner = np.arange(1, len(lengths) - 1)
    while True:
        kept = inner[rng.random(len(inner)) >= DROPPED]
        room = lengths[inner].sum() - lengths[kept].sum()
        again = []
        for piece in rng.permutation(kept[rng.random(len(kept)) < REPEATED]):
            if lengths[piece] <= room:
                again.append(piece)
                room -= lengths[piece]
        order = [0, *rng.permutation([*kept, *again]).tolist(), len(lengths) - 1]
        if order != list(range(len(lengths))):
            return order


def _stretches(order: Iterable[int], cuts: Sequence[int]) -> list[_Stretch]:
    """Pieces laid end to end, those that are neighbours in the original as one."""
    laid: list[_Stretch] = []
    place = 0
    for piece in order:
        first, last = cuts[piece], cuts[piece + 1]
        if laid and laid[-1].last == first:
            laid[-1] = replace(laid[-1], last=last)
        else:
            laid.append(_Stretch(first, last, place))
        place += last - first
    return laid


def _splice(latents: Tensor, stretches: Sequence[_Stretch], fade: int) -> tuple[Tensor, Tensor]:
    """Latents of the stretches with cross-faded splices, and the mask; every stretch has `fade` frames at least."""
    spliced = torch.cat([latents[s.first : s.last] for s in stretches])
    mask = torch.ones(len(spliced), device=latents.device)
    rise = ((torch.arange(fade, device=latents.device) + 0.5) / fade)[:, None].to(latents.dtype)
    before = fade // 2
    for earlier, later in pairwise(stretches):
        here, out, into = (slice(at - before, at - before + fade) for at in (later.place, earlier.last, later.first))
        spliced[here] = torch.lerp(latents[out], latents[into], rise)
        mask[here] = 0
    return spliced, mask


def _moved_events(
    events: Sequence[Event], stretches: Sequence[_Stretch], n_frames: int, frame_rate: float
) -> list[Event]:
    """What happens in each stretch, at its new time; sections, then moments, by start."""
    parts: list[Event] = []
    on_top: list[Event] = []
    next_section = math.inf
    for stretch in reversed(stretches):  # from the end, since a section has to know where the next one begins
        own = [e for e in events if stretch.first <= _first_frame(e, n_frames, frame_rate) < stretch.last]
        later = (stretch.place - stretch.first) / frame_rate
        begin, end = stretch.place / frame_rate, (stretch.place + stretch.last - stretch.first) / frame_rate
        moved = [_between(e, e.start + later, min(e.end + later, next_section)) for e in sections(own)]
        on_top += [_between(e, max(e.start + later, begin), min(e.end + later, end)) for e in moments(own)]
        next_section = moved[0].start
        parts += moved
    return sections(parts) + moments(on_top)


def _between(event: Event, start: float, end: float) -> Event:
    return event.model_copy(update={"start": start, "end": max(start, end)})


def _moved_lyrics(song: TrainingSong, stretches: Sequence[_Stretch], n_frames: int, frame_rate: float) -> str:
    """Each section's block of lyrics where the section is now; as they are where blocks and sections do not match."""
    parts = sections(song.events)
    blocks = lyric_blocks(song.lyrics, len(parts))
    if blocks is None:  # nobody can say which line belongs where
        return song.lyrics
    heard = [
        (block, _first_frame(part, n_frames, frame_rate))
        for block, part in zip(blocks, parts, strict=True)
        if part.start < n_frames / frame_rate
    ]
    return "\n".join(block for s in stretches for block, frame in heard if s.first <= frame < s.last)
