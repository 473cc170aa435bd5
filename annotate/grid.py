"""The beat grid of a track: where beats are, and how probably each is a bar's beat one.

Kept in the cache beside the track's decoded copy, since the page asks whenever the song is opened.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from annotate.track import track_audio, track_beats_path, track_grid_path
from structure.files import write_whole
from structure.json_reading import read_json

if TYPE_CHECKING:
    from annotate.beats import Beats


def track_grid(track: str) -> dict[str, Any]:
    """The beats of a track that `is_track`.

    Returns:
        `times`, seconds of each beat, and `phases`: how probably beats 0, 4, 8 … are beat one, or 1, 5, 9 … and so on.
        Both are empty where no beat can be heard.

    Raises:
        OSError: the cache cannot be written.
    """
    kept = track_grid_path(track)
    try:
        return read_json(kept)
    except (OSError, ValueError):  # not there yet, or spoilt on disk
        found = _grid(track)
    write_whole(kept, json.dumps(found).encode(), durable=False)
    return found


@lru_cache(maxsize=64)  # songs that people have open: what sounds alike is asked for after every edit
def track_beats(track: str) -> Beats | None:
    """A track beat by beat; None where no beat can be heard. Kept in the cache, where that can be written."""
    from annotate.beats import Beats, BeatsError, find_beats

    kept = track_beats_path(track)
    try:
        with np.load(kept, allow_pickle=False) as arrays:
            return Beats(**{**arrays, "tempo": float(arrays["tempo"])})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):  # not there yet, or spoilt on disk
        pass
    try:
        found = find_beats(track_audio(track))
    except BeatsError:
        return None
    content = io.BytesIO()
    np.savez(content, **vars(found))
    with contextlib.suppress(OSError):
        write_whole(kept, content.getbuffer(), durable=False)
    return found


def _grid(track: str) -> dict[str, Any]:
    from annotate.boundaries import boundary_probabilities

    beats = track_beats(track)
    if beats is None:
        return {"times": [], "phases": []}
    _, phases = boundary_probabilities(beats)
    return {
        "times": [round(float(t), 3) for t in beats.edges[:-1]],
        "phases": [round(float(p), 4) for p in phases],
    }
