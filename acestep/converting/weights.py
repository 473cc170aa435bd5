"""Tensors on their way from file to file: opened, matched against a model, written part by part."""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from acestep.converting.errors import ConversionError, some_of

Name = TypeVar("Name", bound=Hashable)
PRECISIONS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class Source:
    """A tensor that is not read yet."""

    key: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    read: Callable[[], torch.Tensor]

    def size(self, dtype: torch.dtype | None) -> int:
        """Bytes in a precision, None for its own."""
        return torch.Size(self.shape).numel() * (dtype or self.dtype).itemsize


def open_weights(files: Iterable[Path], opened: ExitStack) -> dict[str, Source]:
    """Every tensor of some safetensors files by its name; `opened` closes the files.

    Raises:
        ConversionError: a file is damaged or a pickle, a name occurs twice, or numbers are quantised.
    """
    sources: dict[str, Source] = {}
    for path in files:
        try:
            file = opened.enter_context(safe_open(path, framework="pt"))
            keys = file.keys()
        except (SafetensorError, OSError) as problem:
            raise ConversionError(_unreadable(path, problem)) from problem
        for key in keys:
            if key in sources:
                raise ConversionError(f"{path}: {key} is in another shard as well; download the model again.")
            header = file.get_slice(key)
            if header.get_dtype() not in PRECISIONS:
                raise ConversionError(
                    f"{path}: {key} has numbers of type {header.get_dtype()}; only {', '.join(PRECISIONS)} convert."
                )
            shape, dtype = tuple(header.get_shape()), PRECISIONS[header.get_dtype()]
            sources[key] = Source(key, shape, dtype, lambda file=file, key=key: file.get_tensor(key))
    return sources


def _unreadable(path: Path, problem: Exception) -> str:
    with path.open("rb") as handle:
        start = handle.read(2)
    if start == b"PK" or start[:1] == b"\x80":
        return f"{path}: this is a pickle named safetensors, which can run code when opened; take the original file."
    return f"{path}: this safetensors file is damaged or cut short ({problem}); download it again."


def renamed(stored: Mapping[str, Source], rename: Callable[[str], Name | None], where: str) -> dict[Name, Source]:
    """The tensors under other names, without those that get None.

    Args:
        where: what to call the place in a sentence.

    Raises:
        ConversionError: two get the same name.
    """
    sources: dict[Name, Source] = {}
    for key, source in stored.items():
        name = rename(key)
        if name is None:
            continue
        if name in sources:
            raise ConversionError(f"{where}: {sources[name].key} and {key} are one tensor under two names.")
        sources[name] = source
    return sources


def require_match(found: Mapping[str, Source], wanted: Mapping[str, torch.Tensor], where: str) -> None:
    """Every tensor of a model is there once, with its shape, and nothing else is.

    Args:
        found: by the model's own names.
        wanted: the model's state, of which only shapes are looked at.
        where: what to call the place in a sentence.

    Raises:
        ConversionError: it is not so.
    """
    unknown = [found[name].key for name in found.keys() - wanted.keys()]
    if unknown:
        raise ConversionError(
            f"{where}: {len(unknown)} of its tensors are not of ACE-Step 1.5 as its config.json describes it "
            f"({some_of(unknown)})."
        )
    missing = wanted.keys() - found.keys()
    if missing:
        raise ConversionError(f"{where}: {len(missing)} tensors are missing ({some_of(missing)}); download it again.")
    for name, source in found.items():
        if source.shape != tuple(wanted[name].shape):
            raise ConversionError(
                f"{where}: {source.key} has shape {source.shape}, and config.json makes it {tuple(wanted[name].shape)}."
            )


def write_weights(
    folder: Path, stem: str, sources: Mapping[str, Source], dtype: torch.dtype | None, part_bytes: int
) -> Iterator[str]:
    """Write safetensors files as diffusers and transformers read them; says what it wrote after each.

    No more than one part is in memory.

    Args:
        folder: made when it is not there.
        stem: `model` or `diffusion_pytorch_model`.
        dtype: precision of the numbers, None for their own.
        part_bytes: size of a file at most, unless one tensor is larger.
    """
    folder.mkdir(exist_ok=True)
    parts = _parts(sources, dtype, part_bytes)
    weight_map: dict[str, str] = {}
    for i, part in enumerate(parts, start=1):
        name = f"{stem}-{i:05d}-of-{len(parts):05d}.safetensors" if len(parts) > 1 else f"{stem}.safetensors"
        _save(folder / name, {key: sources[key] for key in part}, dtype)
        weight_map |= dict.fromkeys(part, name)
        yield f"{folder.name}/{name}: {len(part)} tensors, {sum(sources[key].size(dtype) for key in part) / 1e9:.2f} GB"
    if len(parts) > 1:
        index = {"metadata": {"total_size": sum(source.size(dtype) for source in sources.values())}}
        text = json.dumps({**index, "weight_map": weight_map}, indent=2, sort_keys=True)
        (folder / f"{stem}.safetensors.index.json").write_text(text + "\n", encoding="utf-8")


def _save(path: Path, sources: Mapping[str, Source], dtype: torch.dtype | None) -> None:
    """One file; a function of its own, so that its tensors are gone before the next are read."""
    tensors = {name: source.read().to(dtype or source.dtype) for name, source in sources.items()}
    save_file(tensors, path, metadata={"format": "pt"})


def _parts(sources: Mapping[str, Source], dtype: torch.dtype | None, part_bytes: int) -> list[list[str]]:
    """Names in order, cut wherever the next tensor would not fit."""
    parts: list[list[str]] = [[]]
    filled = 0
    for name, source in sources.items():
        size = source.size(dtype)
        if parts[-1] and filled + size > part_bytes:
            parts.append([])
            filled = 0
        parts[-1].append(name)
        filled += size
    return parts
