"""Where an original release keeps what: folders, settings and weight files.

The release's `checkpoints` folder holds a folder for each model (`acestep-v15-base`, `-sft`, `-turbo`, `-xl-…`) and,
once for all of them, `vae` and `Qwen3-Embedding-0.6B`.

Source: github.com/ace-step/ACE-Step-1.5, acestep/handler.py and model_downloader.py at f30aee4.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acestep.converting.errors import ConversionError, some_of
from acestep.converting.silence import SILENCE
from structure.json_reading import read_json

TEXT_ENCODER = "Qwen3-Embedding-0.6B"
MODELS = "acestep-v15-*"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class Original:
    """Folders of one model and of what stands around it."""

    model: Path
    vae: Path
    text_encoder: Path


def find_original(folder: Path, vae: Path | None = None, text_encoder: Path | None = None) -> Original:
    """The three folders that make one pipeline.

    Args:
        folder: a model's folder, or the folder around it where only one model lies there.
        vae: the codec's folder, where it is not beside the model's.
        text_encoder: the text encoder's folder, where it is not beside the model's.

    Raises:
        ConversionError: one of them is not there, or it is not clear which model is meant.
    """
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise ConversionError(f"{folder}: there is no such folder; give a model's, like checkpoints/acestep-v15-base.")
    if (folder / "model_index.json").exists():
        raise ConversionError(f"{folder}: this is in diffusers' layout already and loads as it is.")
    models = [path for path in sorted(folder.glob(MODELS)) if (path / "config.json").is_file()]
    if len(models) > 1:
        raise ConversionError(
            f"{folder}: several models are there ({some_of([path.name for path in models])}); give the folder of one."
        )
    model = models[0] if models else folder
    if not (model / "config.json").is_file():
        raise ConversionError(
            f"{model}: no config.json there; give a model's folder, like checkpoints/acestep-v15-base."
        )
    return Original(
        model=model,
        vae=_beside(model, "vae", vae, "--vae"),
        text_encoder=_beside(model, TEXT_ENCODER, text_encoder, "--text-encoder"),
    )


def _beside(model: Path, name: str, given: Path | None, option: str) -> Path:
    folder = given.expanduser().absolute() if given else model.parent / name
    if not folder.is_dir():
        where = "there is no such folder" if given else f"no {name} beside {model.name}"
        raise ConversionError(f"{folder}: {where}; it comes with ACE-Step/Ace-Step1.5, and {option} says where it is.")
    return folder


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        ConversionError: not there, or something else.
    """
    try:
        settings = read_json(path)
    except (OSError, ValueError) as problem:
        raise ConversionError(f"{path}: these settings cannot be read ({problem}).") from problem
    if not isinstance(settings, dict):
        raise ConversionError(f"{path}: settings are a JSON object, this is a {type(settings).__name__}.")
    return settings


def weight_files(folder: Path, stem: str) -> list[Path]:
    """The safetensors files that hold the weights: one, or the shards that an index lists.

    Args:
        stem: `model` as transformers names its files, `diffusion_pytorch_model` as diffusers does.

    Raises:
        ConversionError: they are pickles, or not there, or not all there.
    """
    whole, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if whole.is_file():
        return [whole]
    if not index.is_file():
        pickles = [path.name for path in folder.iterdir() if path.suffix in PICKLES and path.name != SILENCE]
        if pickles:
            raise ConversionError(
                f"{folder}: the weights are pickles ({some_of(pickles)}), which can run code when opened; "
                f"download {whole.name} of the release instead."
            )
        raise ConversionError(f"{folder}: no {whole.name} there, and no {index.name} that lists its shards.")
    listed = read_settings(index).get("weight_map")
    names = set(listed.values()) if isinstance(listed, dict) else set()
    if not names or any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise ConversionError(f"{index}: this does not list the shards beside it; download it again.")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ConversionError(f"{folder}: shards are missing ({some_of(missing)}); download them as well.")
    return [folder / name for name in sorted(names)]
