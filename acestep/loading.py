"""Loads a checkpoint: the starter that ships here, a diffusers-format ACE-Step folder, or a hub id.

Weights come from safetensors only; a pickle is never opened.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from structure.errors import StudioError

if TYPE_CHECKING:
    import torch

    from acestep.pipeline import StructuredPipeline

STARTER_DIR = Path(__file__).parent / "starter" / "weights" / "model"
STARTER_ADAPTER = Path(__file__).parent / "starter" / "weights" / "adapter"


class ModelError(StudioError):
    """A checkpoint that cannot be loaded, and what to do."""


@dataclass(frozen=True)
class SamplingDefaults:
    """How a kind of checkpoint samples when nobody says otherwise.

    The three that speak of events were measured on the starter (docs/structure-control.md), real checkpoints take the
    same: towards music, and at more guidance, songs keep their structure little better and their key much worse.
    """

    steps: int
    shift: float
    guidance_scale: float
    event_guidance: float
    event_interval: tuple[float, float] = (0.5, 0.9)
    event_strength: float = 1.0


STARTER = SamplingDefaults(steps=25, shift=2.0, guidance_scale=2.0, event_guidance=3.0)
BASE = SamplingDefaults(steps=50, shift=1.0, guidance_scale=7.0, event_guidance=3.0)
TURBO = SamplingDefaults(steps=8, shift=3.0, guidance_scale=1.0, event_guidance=3.0)


def sampling_defaults(model: str) -> SamplingDefaults:
    """How a model samples unless told otherwise, from its files alone; a hub id that is not here yet counts as a base.

    Args:
        model: `starter`, a diffusers folder or a hub id.
    """
    if model == "starter":
        return STARTER
    try:
        config = json.loads((Path(model).expanduser() / "transformer" / "config.json").read_text(encoding="utf-8"))
        codec = json.loads((Path(model).expanduser() / "vae" / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return BASE
    if codec.get("_class_name") == "StarterCodec":
        return STARTER
    return TURBO if config.get("is_turbo") else BASE


def choose_device(device: str = "auto") -> str:
    """`auto` becomes cuda, mps or cpu, whichever is there first.

    Raises:
        ModelError: CUDA is asked for and is not there.
    """
    import torch

    if device != "auto":
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ModelError(f"{device}: there is no CUDA device that this torch can use. Choose --device auto or cpu.")
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def fingerprint(folder: Path) -> str:
    """Identity of a checkpoint's transformer: config, and size, head and tail of each weight file.

    A whole hash of a 10 GB checkpoint would take longer than loading it.
    """
    digest = hashlib.sha256()
    files = sorted((folder / "transformer").glob("*.json")) + sorted((folder / "transformer").glob("*.safetensors"))
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}".encode())
        with path.open("rb") as handle:
            digest.update(handle.read(1 << 20))
            handle.seek(max(0, size - (1 << 20)))
            digest.update(handle.read())
    return digest.hexdigest()[:16]


def load_pipeline(
    model: str = "starter", device: str = "auto", dtype: "torch.dtype | None" = None
) -> "StructuredPipeline":
    """A checkpoint ready to generate with timed events.

    Args:
        model: "starter", a folder in diffusers' ACE-Step layout, or a hub id.
        device: auto, cpu, cuda, cuda:1, mps …
        dtype: default bfloat16 on CUDA, float32 elsewhere.

    Raises:
        ModelError: no such checkpoint, or not an ACE-Step one.
    """
    import diffusers
    import torch
    import transformers
    from diffusers import AceStepPipeline
    from safetensors import SafetensorError

    from acestep.pipeline import StructuredPipeline

    folder = STARTER_DIR if model == "starter" else Path(model).expanduser()
    if not folder.is_dir():
        folder = _downloaded(model)
    if not (folder / "model_index.json").exists():
        raise ModelError(
            f"{model}: no model_index.json there. Give a folder in diffusers' ACE-Step layout, such as a download of "
            "ACE-Step/acestep-v15-xl-base-diffusers, convert the upstream release's own files with `python -m acestep "
            "convert`, or take `starter`."
        )
    device = choose_device(device)
    dtype = dtype or (torch.bfloat16 if device.startswith("cuda") else torch.float32)
    defaults = sampling_defaults(model if model == "starter" else str(folder))
    is_starter = defaults is STARTER
    for library in (diffusers, transformers):  # their bars and remarks would bury our own lines in a run's log
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    try:
        parts = {"vae": _starter_codec(folder)} if is_starter else {}
        pipe = AceStepPipeline.from_pretrained(folder, dtype=dtype, use_safetensors=True, **parts)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as problem:
        raise ModelError(f"{model}: this is not an ACE-Step checkpoint that loads ({problem}).") from problem
    pipe.set_progress_bar_config(disable=True)
    return StructuredPipeline(pipe.to(device), model, fingerprint(folder), defaults)


def _starter_codec(folder: Path) -> "torch.nn.Module":
    from acestep.starter.codec import StarterCodec

    return StarterCodec.from_pretrained(folder / "vae", use_safetensors=True)


def _downloaded(model: str) -> Path:
    """Folder of a hub snapshot, fetched when it is not in the cache yet."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model"]))
    except HFValidationError as problem:
        raise ModelError(f"{model}: there is no such folder, and it is no hub id either (OWNER/NAME).") from problem
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as problem:
        raise ModelError(f"{model}: no such folder, and it could not be fetched from the hub ({problem}).") from problem
