"""What is in a file's samples: any sound at all, numbers only, clipped or not.

Every sample has to be read to know that, so what was found is kept beside the latents until the file's size or time of
change differs; asking again costs one small file. The content's hash is kept with it, so that a dataset that did not
change is not read again to find its latents.
"""

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from annotate.audio import AudioError, audio_blocks, audio_info, content_hash
from structure.files import write_whole
from structure.json_reading import read_json

SILENT_PEAK = 10 ** (-60 / 20)
"""A song that never gets louder than -60 dB of full scale is silent."""

CLIPPED_SHARE = 1e-3
"""A song is clipped where more of its samples than this lie on a flat top."""

_FULL_SCALE = 0.9995
HEARD = "heard"


@dataclass(frozen=True)
class Sound:
    """What reading all of a file found.

    Attributes:
        content: hash of the file's bytes.
        sample_rate: Hz.
        channels: as stored.
        duration: seconds that could be decoded, whatever the header says.
        peak: largest magnitude, 1 is full scale; of the samples that are numbers.
        clipped: share of samples that lie at full scale together with the sample before.
        not_numbers: samples that are NaN or infinite.
    """

    content: str
    sample_rate: int
    channels: int
    duration: float
    peak: float
    clipped: float
    not_numbers: int

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear."""
        return self.peak < SILENT_PEAK

    @property
    def is_clipped(self) -> bool:
        """Whether flat tops are frequent enough to be heard."""
        return self.clipped > CLIPPED_SHARE


def listen(audio: Path, folder: Path) -> Sound:
    """Read a file's samples, or remember what was found in them.

    Args:
        audio: any file that `annotate.audio` reads.
        folder: where findings are kept.

    Raises:
        AudioError: the file is missing, empty, damaged or no audio.
    """
    found = heard_before(audio, folder)
    if found is None:
        stamp = _stamp(audio)  # before reading: a change while it is read is seen next time
        found = _read_all(audio)
        with contextlib.suppress(OSError):  # a note that cannot be kept is made again
            _keep(_place(audio, folder), {**stamp, **asdict(found)})
    return found


def heard_before(audio: Path, folder: Path) -> Sound | None:
    """What `listen` found in this file as it is now, None where it has to be read first."""
    try:
        kept = read_json(_place(audio, folder))
        if any(kept.pop(key) != value for key, value in _stamp(audio).items()):
            return None
        return Sound(**kept)
    except (OSError, AudioError, ValueError, KeyError, TypeError):  # not heard yet, or the note is spoilt
        return None


def _read_all(audio: Path) -> Sound:
    info = audio_info(audio)
    frames = at_top = not_numbers = 0
    peak = 0.0
    before = np.zeros((1, info.channels), dtype=bool)  # whether the sample before the block was at full scale
    for block in audio_blocks(audio):
        loud = np.abs(block)
        finite = np.isfinite(loud)
        not_numbers += int(loud.size - finite.sum())
        peak = max(peak, float(loud.max(initial=0.0, where=finite)))
        top = loud >= _FULL_SCALE
        at_top += int((top & np.concatenate([before, top[:-1]])).sum())
        before = top[-1:]
        frames += len(block)
    return Sound(
        content=content_hash(audio),
        sample_rate=info.sample_rate,
        channels=info.channels,
        duration=frames / info.sample_rate,
        peak=peak,
        clipped=at_top / max(1, frames * info.channels),
        not_numbers=not_numbers,
    )


def _stamp(audio: Path) -> dict[str, int]:
    try:
        status = audio.stat()
    except OSError as problem:
        raise AudioError(f"`{audio.name}` is not there any more ({problem.strerror}).") from problem
    return {"size": status.st_size, "changed_ns": status.st_mtime_ns}


def _place(audio: Path, folder: Path) -> Path:
    name = hashlib.blake2b(str(audio.resolve()).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    return folder / HEARD / f"{name}.json"


def _keep(path: Path, note: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(note).encode(), durable=False)
