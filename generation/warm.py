"""The model that stays loaded between songs, with its adapters, and whose turn it is on the device.

One model stays warm per process, since loading costs seconds; `release` gives its memory back.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from generation.jobs import DEFAULT_ADAPTER, NO_ADAPTER, Beside, Job, RequestError

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline

PURPOSE = "making a song"


class Cancelled(Exception):
    """The person stopped the song; nothing was written."""


class DeviceGate(Protocol):
    """Who may use the device: the page and training runs take turns (a module with these functions will do)."""

    def try_lock(self, device: str, purpose: str) -> AbstractContextManager[Any] | None:
        """Take the device, or None while somebody else has it."""

    def holder(self, device: str) -> Any:
        """Who has it (with `.sentence()` for a person), or None."""


class _Warm:
    """The one model that this process keeps loaded, and the lock that its single user holds."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.pipeline: StructuredPipeline | None = None
        self.key: tuple[str, str] | None = None  # (model, device)
        self.adapters: tuple[str | None, ...] | None = None  # folders, the first one's None where there is none


_warm = _Warm()


@contextmanager
def loaded(
    model: str,
    job: Job,
    device: str = "auto",
    gate: DeviceGate | None = None,
    on_wait: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> "Iterator[StructuredPipeline]":
    """The warm model with the job's adapter at its strength, for this block alone; waits for the device first.

    Args:
        model, device, gate, on_wait, cancelled: as for `generate_song`.
        job: which adapter, and how strong.

    Raises:
        StudioError: the model or the adapter cannot be loaded.
        Cancelled: `cancelled` said so, before or within the block.
    """
    with _warm.lock, _device_turn(gate, device, on_wait, cancelled):
        pipeline = warm_pipeline(model, job.adapter, device, [other.adapter for other in acting(job)])
        from acestep import pipeline as model_layer

        if cancelled():
            raise Cancelled
        pipeline.set_strength(job.strength, [other.strength for other in acting(job)])
        try:
            yield pipeline
        except model_layer.Cancelled as problem:
            raise Cancelled from problem
        except (RuntimeError, MemoryError) as problem:
            from acestep.memory import is_out_of_memory

            if not is_out_of_memory(problem):
                raise
            release()
            raise RequestError(
                f"Out of memory on {pipeline.device}: ask for a shorter song, or choose a smaller model. Nothing was "
                "written."
            ) from problem


def warm_pipeline(
    model: str, adapter: str = DEFAULT_ADAPTER, device: str = "auto", beside: Sequence[str] = ()
) -> "StructuredPipeline":
    """The loaded model with the adapter asked for; loads or swaps only what differs from the last call.

    Args:
        model: `starter`, a diffusers folder or a hub id.
        adapter: a folder, `none`, or `default`: the one that ships with the model, if any.
        device: torch's name, or `auto`.
        beside: adapters whose LoRAs act too.

    Raises:
        ModelError: the model or the adapter cannot be loaded or does not fit.
    """
    from acestep.loading import load_pipeline

    with _warm.lock:
        if _warm.pipeline is None or _warm.key != (model, device):
            release()
            _warm.pipeline = load_pipeline(model, device)
            _warm.key, _warm.adapters = (model, device), None
        folder = adapter_folder(model, adapter)
        others = [found for name in beside if (found := adapter_folder(model, name)) is not None]
        wanted = tuple(None if f is None else f"{f.resolve()}@{_changed(f)}" for f in (folder, *others))
        if _warm.adapters != wanted:
            _warm.adapters = None
            _warm.pipeline.unload_adapter()
            if folder is not None:
                _warm.pipeline.load_adapter(folder)
            for other in others:
                _warm.pipeline.add_adapter(other)
            _warm.adapters = wanted
        return _warm.pipeline


def release() -> None:
    """Forget the warm model and give its memory back; does nothing while a song is being made."""
    import gc
    import sys

    if not _warm.lock.acquire(blocking=False):
        return
    try:
        if _warm.pipeline is None:
            return
        _warm.pipeline = _warm.key = _warm.adapters = None
        gc.collect()
        sys.modules["torch"].cuda.empty_cache()  # does nothing on a machine without CUDA
    finally:
        _warm.lock.release()


def release_adapter() -> bool:
    """Take the adapters off the warm model, which stays; False where none lay on it, or a song is being made."""
    if not _warm.lock.acquire(blocking=False):
        return False
    try:
        if _warm.pipeline is None or _warm.pipeline.adapter_folder is None:
            return False
        _warm.adapters = None
        _warm.pipeline.unload_adapter()
        return True
    finally:
        _warm.lock.release()


def adapter_folder(model: str, adapter: str) -> Path | None:
    """The folder that `adapter` means for this model; None for no adapter.

    Raises:
        RequestError: the folder does not exist.
    """
    if adapter == NO_ADAPTER:
        return None
    if adapter == DEFAULT_ADAPTER:
        if model != "starter":
            return None
        from acestep.loading import STARTER_ADAPTER

        return STARTER_ADAPTER if (STARTER_ADAPTER / "adapter.json").exists() else None
    folder = Path(adapter).expanduser()
    if not folder.is_dir():
        raise RequestError(f"{adapter}: there is no such adapter folder. Give a folder, `none` or `default`.")
    return folder


def acting(job: Job) -> list[Beside]:
    """The adapters beside the first that are any."""
    return [other for other in job.beside if other.adapter != NO_ADAPTER]


def _device_turn(
    gate: DeviceGate | None, device: str, on_wait: Callable[[str], None] | None, stopped: Callable[[], bool]
) -> AbstractContextManager[Any]:
    """Wait for the device; a person can cancel the wait."""
    if gate is None:
        return nullcontext()
    from acestep.loading import choose_device

    name = choose_device(device)
    while (turn := gate.try_lock(name, PURPOSE)) is None:
        release()  # whoever has the device gets the memory too
        owner = gate.holder(name)
        if owner is not None and on_wait is not None:
            on_wait(owner.sentence())
        if stopped():
            raise Cancelled
        time.sleep(0.3)
    return turn


def _changed(folder: Path) -> int:
    """When the adapter's files last changed (ns), so that an adapter trained again is read again."""
    return max((path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()), default=0)
