"""One call from an original release to a folder that loads: find, check, make room, write, rename."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from acestep.converting.errors import ConversionError
from acestep.converting.original import find_original

if TYPE_CHECKING:
    import torch

    from acestep.converting.components import Component

Dtype = Literal["keep", "bf16", "fp32"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
PART_BYTES = 2_000_000_000
SMALL_FILES = 50_000_000  # bytes of tokenizer and settings, generously


def convert(
    original: Path,
    out: Path,
    *,
    vae: Path | None = None,
    text_encoder: Path | None = None,
    dtype: Dtype = "keep",
    part_bytes: int = PART_BYTES,
    say: Callable[[str], object] = lambda line: None,
) -> Path:
    """Write a release of ACE-Step 1.5 in diffusers' layout; `out` appears whole or not at all.

    Args:
        original: a model's folder, such as `checkpoints/acestep-v15-base`, with `vae` and `Qwen3-Embedding-0.6B`
            beside it.
        out: a folder that does not exist yet, in one that does.
        vae: the codec's folder, where it is not beside the model's.
        text_encoder: the text encoder's folder, likewise.
        dtype: precision of the written numbers.
        part_bytes: size of a weight file at most; one part is in memory at a time.
        say: gets a line after each file.

    Returns:
        `out`, absolute.

    Raises:
        ConversionError: what is wrong with the original, or with `out`.
    """
    out = out.expanduser().absolute()
    if out.exists() or out.is_symlink():
        raise ConversionError(f"{out}: there is something of that name already; nothing is overwritten, give another.")
    if not out.parent.is_dir():
        raise ConversionError(f"{out.parent}: there is no such folder to make {out.name} in.")
    found = find_original(original, vae, text_encoder)

    say(f"{found.model}: checking")
    import torch  # not before: a wrong path is told at once

    from acestep.converting.components import open_components

    precision = {"keep": None, "bf16": torch.bfloat16, "fp32": torch.float32}[dtype]
    with ExitStack() as opened:
        components = open_components(found, opened)
        tokenizer = _tokenizer(found.text_encoder)
        _require_space(out.parent, components, precision)
        with _whole_or_not_at_all(out) as folder:
            _write(folder, components, tokenizer, precision, part_bytes, say)
    return out


def _write(
    folder: Path,
    components: "dict[str, Component]",
    tokenizer: Any,
    dtype: "torch.dtype | None",
    part_bytes: int,
    say: Callable[[str], object],
) -> None:
    from diffusers import AceStepPipeline, FlowMatchEulerDiscreteScheduler
    from safetensors import SafetensorError

    from acestep.converting.weights import write_weights

    # The pipeline computes shifted sigmas in [0, 1] itself: the scheduler must neither scale nor shift them again.
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0)
    try:
        for name, component in components.items():
            for line in write_weights(folder / name, component.stem, component.sources, dtype, part_bytes):
                say(line)
            component.save_settings(folder / name)
        tokenizer.save_pretrained(folder / "tokenizer")
        scheduler.save_pretrained(folder / "scheduler")
        models = {name: component.model for name, component in components.items()}
        AceStepPipeline(**models, tokenizer=tokenizer, scheduler=scheduler).save_config(folder)
    except (OSError, SafetensorError) as problem:
        raise ConversionError(f"{folder}: this could not be written ({problem}).") from problem


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as problem:  # transformers promises no kinds of error here
        raise ConversionError(f"{folder}: its tokenizer does not load ({problem}).") from problem


def _require_space(folder: Path, components: "dict[str, Component]", dtype: "torch.dtype | None") -> None:
    needed = SMALL_FILES + sum(
        source.size(dtype) for component in components.values() for source in component.sources.values()
    )
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ConversionError(
            f"{folder}: this takes {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free; make room or give a folder "
            "on another disk."
        )


@contextmanager
def _whole_or_not_at_all(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its name when all went well, and goes when anything did not."""
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        unfinished.mkdir()
    except FileExistsError as problem:
        raise ConversionError(
            f"{unfinished}: another conversion is writing there, or one was killed; in that case delete the folder."
        ) from problem
    except OSError as problem:
        raise ConversionError(f"{unfinished}: this folder cannot be made ({problem}).") from problem
    try:
        yield unfinished
        unfinished.rename(out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
