"""A song made here, changed in one part: its samples edited, and what is new made by the model that hears the rest."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotate.audio import content_hash
from generation.editing import FADE, FULL_SCALE, Edit, Piece, assemble, lay_in
from generation.jobs import Job, RequestError
from generation.service import OnStep, Song, check_target, facts_of, write_song
from generation.warm import DeviceGate, loaded
from structure.sidecar import Sidecar, read_sidecar

if TYPE_CHECKING:
    import numpy as np

NOTED_LATER = ("heard", "score", "favourite")  # what is noted of a song after it was made


@dataclass(frozen=True)
class Source:
    """The song that is changed: int16 (n, channels), and what its sidecar says."""

    audio: Path
    samples: "np.ndarray"
    sample_rate: int
    sidecar: Sidecar

    @property
    def made(self) -> Mapping[str, Any]:
        return self.sidecar.get("generation")

    @property
    def gain(self) -> float:
        """The factor that peak normalisation once took on what the codec gave."""
        return 10 ** (float(self.made["gain_db"]) / 20)


def read_source(audio: Path) -> Source:
    """A song that was made here, ready to be changed.

    Raises:
        RequestError: it was not made here, or is no WAV file of 16 bit any more.
        SidecarError: its sidecar cannot be read.
    """
    import soundfile

    sidecar = read_sidecar(audio)
    if not isinstance(sidecar.get("generation"), Mapping) or "gain_db" not in sidecar.get("generation"):
        raise RequestError(f"{audio.name}: only songs that were made here can be changed part by part.")
    try:
        if soundfile.info(str(audio)).subtype != "PCM_16":
            raise RequestError(f"{audio.name}: is no WAV file of 16 bit any more, so its samples cannot be kept.")
        samples, rate = soundfile.read(str(audio), dtype="int16", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as problem:
        raise RequestError(f"{audio.name}: cannot be read ({problem}).") from problem
    return Source(audio, samples, rate, sidecar)


def rework_song(
    source: Source,
    edit: Edit,
    job: Job,
    *,
    model: str = "starter",
    device: str = "auto",
    output: Path | None = None,
    overwrite: bool = False,
    on_step: OnStep | None = None,
    on_wait: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    gate: DeviceGate | None = None,
    check: Callable[[Mapping[str, Any]], None] | None = None,
) -> Song:
    """Write the changed song beside its sidecar, which remembers the first one whole.

    Args:
        source: as `read_source` gives it; it stays as it is.
        edit: what becomes of it.
        job: how new spans are asked for: caption, lyrics, seed, guidance, adapter. Its events are `edit`'s.
        model, device, output, overwrite, on_step, on_wait, cancelled, gate, check: as for `generate_song`.

    Raises:
        StudioError: the request, the model, the adapter or the disk is at fault.
        Cancelled: `cancelled` said so; nothing was written.
    """
    target = check_target(output, overwrite)
    stopped = cancelled or (lambda: False)
    job = job.model_copy(update={"events": edit.events, "structure": "", "duration": round(edit.duration, 6)})
    song, spans = assemble(source.samples, source.sample_rate, edit.pieces)
    started = time.perf_counter()
    with loaded(model, job, device, gate, on_wait, stopped) as pipeline:
        if pipeline.sample_rate != source.sample_rate:
            raise RequestError(
                f"{source.audio.name}: has {source.sample_rate} Hz, but {model} makes {pipeline.sample_rate} Hz. "
                "Change it with the model that made it."
            )
        request = pipeline.complete(job.song_request())
        for number, span in enumerate(spans):
            _make_anew(pipeline, request, song, span, source.gain, _counted(on_step, number, len(spans)), stopped)
        facts = facts_of(pipeline, job, request, float(source.made["gain_db"]))
    facts |= {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_seconds": round(time.perf_counter() - started, 3),
        "edit": {"what": edit.what, "pieces": [[piece.length, piece.source] for piece in edit.pieces]},
        "parent": {"audio_hash": content_hash(source.audio), "sidecar": first_version(source.sidecar)},
    }
    if check is not None:
        check(facts)
    return write_song(target, song, source.sample_rate, request, facts)


def edit_in(made: Mapping[str, Any], sidecar: Sidecar) -> Edit:
    """The edit that a changed song's sidecar remembers.

    Raises:
        RequestError: it cannot be read.
    """
    try:
        pieces = tuple(Piece(float(n), None if at is None else float(at)) for n, at in made["edit"]["pieces"])
        return Edit(str(made["edit"]["what"]), pieces, list(sidecar.events))
    except (KeyError, TypeError, ValueError) as problem:
        raise RequestError(f"{sidecar.path.name}: `generation.edit` cannot be read.") from problem


def first_version(sidecar: Sidecar) -> dict[str, Any]:
    """A sidecar's content as it was when the song was made: without what was noted of it later."""
    made = {name: value for name, value in sidecar.get("generation").items() if name not in NOTED_LATER}
    return dict(sidecar.data) | {"generation": made}


def _make_anew(
    pipeline: Any,
    request: Any,
    song: "np.ndarray",
    span: tuple[int, int],
    gain: float,
    on_step: OnStep | None,
    stopped: Callable[[], bool],
) -> None:
    """Let the model make one span of the song, and lay it in."""
    import numpy as np

    from acestep.repaint import repaint

    rate = pipeline.sample_rate
    heard = song.astype(np.float32) / (FULL_SCALE * gain)
    start, end = span[0] / rate, span[1] / rate
    made = repaint(pipeline, request, heard, start, end, round(FADE * rate / 2) / rate, on_step, stopped)
    lay_in(song, span, made.first, made.samples * gain, rate)


def _counted(on_step: OnStep | None, number: int, spans: int) -> OnStep | None:
    """Steps of one span as steps of all of them."""
    return on_step and (lambda done, total: on_step(number * total + done, spans * total))
