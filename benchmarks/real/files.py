"""What the checkpoint is: its kind, the layout of each part, and the hash of every file."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

from benchmarks.real.settings import Proof

PARTS = ("transformer", "condition_encoder", "vae", "text_encoder", "audio_tokenizer", "audio_token_detokenizer")
_LONGEST_HEADER = 100_000_000  # bytes, as safetensors itself has it


def files(proof: Proof) -> dict[str, Any]:
    """Everything about the folder that needs no model; takes as long as its files take to be read."""
    from acestep.loading import BASE, STARTER, fingerprint, sampling_defaults

    defaults = sampling_defaults(str(proof.model))
    listed = []
    for path in sorted(path for path in proof.model.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        listed.append(
            {"file": path.relative_to(proof.model).as_posix(), "bytes": path.stat().st_size, "sha256": digest}
        )
    return {
        "passed": True,
        "kind": "starter" if defaults is STARTER else "base" if defaults is BASE else "turbo",
        "fingerprint": fingerprint(proof.model),
        "parts": {name: _part(proof.model / name) for name in PARTS if (proof.model / name).is_dir()},
        "files": listed,
    }


def _part(folder: Path) -> dict[str, Any]:
    """Parameters by the precision they are kept in, and the config."""
    counts: dict[str, int] = {}
    for path in sorted(folder.glob("*.safetensors")):
        for tensor in _header(path).values():
            counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + math.prod(tensor["shape"])
    config = folder / "config.json"
    return {"parameters": counts, "config": json.loads(config.read_text("utf-8")) if config.exists() else {}}


def _header(path: Path) -> dict[str, Any]:
    """Names, shapes and precisions of a safetensors file, without its numbers."""
    with path.open("rb") as file:
        length = min(struct.unpack("<Q", file.read(8))[0], _LONGEST_HEADER)
        header = json.loads(file.read(length))
    return {name: tensor for name, tensor in header.items() if name != "__metadata__"}
