"""The components of a pipeline as empty models, each with the tensors of the original that will fill it."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AceStepTransformer1DModel, AutoencoderOobleck
from diffusers.pipelines.ace_step import AceStepAudioTokenDetokenizer, AceStepAudioTokenizer, AceStepConditionEncoder
from transformers import Qwen3Config, Qwen3Model

from acestep.converting.errors import ConversionError, some_of
from acestep.converting.names import component_settings, place, text_encoder_name
from acestep.converting.original import Original, read_settings, weight_files
from acestep.converting.silence import SILENCE, read_silence
from acestep.converting.weights import Source, open_weights, renamed, require_match

CLASSES = {
    "transformer": AceStepTransformer1DModel,
    "condition_encoder": AceStepConditionEncoder,
    "audio_tokenizer": AceStepAudioTokenizer,
    "audio_token_detokenizer": AceStepAudioTokenDetokenizer,
}


@dataclass(frozen=True)
class Component:
    """A model without numbers (on torch's meta device), and where each of its tensors comes from."""

    model: torch.nn.Module
    stem: str
    sources: dict[str, Source]

    def save_settings(self, folder: Path) -> None:
        """Write its `config.json`."""
        if isinstance(self.model, Qwen3Model):
            self.model.config.architectures = [type(self.model).__name__]
            self.model.config.save_pretrained(folder)
        else:
            self.model.save_config(folder)


def open_components(original: Original, opened: ExitStack) -> dict[str, Component]:
    """Everything that has weights, checked tensor by tensor against the settings; `opened` closes the files.

    Raises:
        ConversionError: something is missing, unknown, of another shape or no safetensors file.
    """
    components = _model(original.model, opened)
    components["vae"] = _vae(original.vae, opened)
    width = components["condition_encoder"].model.config.text_hidden_dim
    components["text_encoder"] = _text_encoder(original.text_encoder, width, opened)
    return components


def _model(folder: Path, opened: ExitStack) -> dict[str, Component]:
    """The components that the original keeps in one file."""
    settings = component_settings(read_settings(folder / "config.json"))
    with _empty(folder):
        models = {name: made(**settings[name]) for name, made in CLASSES.items()}
    stored = open_weights(weight_files(folder, "model"), opened)
    unknown = [key for key in stored if place(key) is None]
    if unknown:
        raise ConversionError(
            f"{folder}: {len(unknown)} of its tensors have names that no ACE-Step 1.5 release has ({some_of(unknown)})."
        )
    placed = renamed(stored, place, str(folder))
    silence = read_silence(folder, tuple(models["condition_encoder"].silence_latent.shape))
    placed["condition_encoder", "silence_latent"] = Source(
        SILENCE, tuple(silence.shape), silence.dtype, lambda: silence
    )
    components = {}
    for name, model in models.items():
        sources = {inner: source for (component, inner), source in placed.items() if component == name}
        require_match(sources, model.state_dict(), f"{folder}, {name}")
        components[name] = Component(model, "diffusion_pytorch_model", sources)
    return components


def _vae(folder: Path, opened: ExitStack) -> Component:
    """The codec: the original has it in diffusers' layout."""
    settings = read_settings(folder / "config.json")
    if settings.get("_class_name", "AutoencoderOobleck") != "AutoencoderOobleck":
        raise ConversionError(f"{folder}: ACE-Step 1.5 has an AutoencoderOobleck, this is {settings['_class_name']}.")
    with _empty(folder):
        model = AutoencoderOobleck(**{name: value for name, value in settings.items() if not name.startswith("_")})
    sources = open_weights(weight_files(folder, "diffusion_pytorch_model"), opened)
    require_match(sources, model.state_dict(), str(folder))
    return Component(model, "diffusion_pytorch_model", sources)


def _text_encoder(folder: Path, width: int, opened: ExitStack) -> Component:
    """The text encoder: as the original has it, or as a language model with an output layer, which is left out."""
    settings = read_settings(folder / "config.json")
    if settings.get("model_type") != "qwen3" or settings.get("hidden_size") != width:
        raise ConversionError(
            f"{folder}: this model takes the text of a Qwen3 of width {width} (Qwen3-Embedding-0.6B), and this is a "
            f"{settings.get('model_type')} of width {settings.get('hidden_size')}."
        )
    with _empty(folder):
        model = Qwen3Model(Qwen3Config.from_dict(settings))
    stored = open_weights(weight_files(folder, "model"), opened)
    sources = renamed(stored, text_encoder_name, str(folder))
    require_match(sources, model.state_dict(), str(folder))
    return Component(model, "model", sources)


@contextmanager
def _empty(folder: Path) -> Iterator[None]:
    """Models made inside have shapes and no numbers; settings that make no model become a sentence."""
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the codec's weight norm, whose names the release has too
            yield
    except (TypeError, ValueError, RuntimeError, IndexError, ZeroDivisionError) as problem:
        raise ConversionError(f"{folder / 'config.json'}: these settings make no model ({problem}).") from problem
