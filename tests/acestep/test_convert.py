"""An original release, made here from tiny random models by the inverse of the mapping, and its way back."""

import json
import re
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AceStepTransformer1DModel, AutoencoderOobleck
from diffusers.pipelines.ace_step import AceStepAudioTokenDetokenizer, AceStepAudioTokenizer, AceStepConditionEncoder
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import Qwen3Config, Qwen3Model

from acestep.__main__ import main
from acestep.converting.components import CLASSES
from acestep.converting.conversion import convert
from acestep.converting.errors import ConversionError
from acestep.converting.names import component_settings
from acestep.loading import load_pipeline
from acestep.starter.base_training import train_tokenizer

ROOT = Path(__file__).parents[2]
CHANNELS, TEXT_WIDTH = 8, 24
ENCODER = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}
XL_DECODER = {"hidden_size": 40, "intermediate_size": 72, "num_attention_heads": 6, "num_key_value_heads": 2}
EVERYWHERE = {"head_dim": 8, "rope_theta": 1000000, "sliding_window": 4, "rms_norm_eps": 1e-06}
LAYERS = ["sliding_attention", "full_attention"] * 2

CONFIG = {
    "architectures": ["AceStepConditionGenerationModel"],
    "auto_map": {"AutoModel": "modeling_acestep_v15_base.AceStepConditionGenerationModel"},
    "model_type": "acestep",
    "hidden_act": "silu",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "use_sliding_window": True,
    "layer_types": LAYERS,
    "num_hidden_layers": 4,
    "in_channels": 3 * CHANNELS,
    "audio_acoustic_hidden_dim": CHANNELS,
    "timbre_hidden_dim": CHANNELS,
    "text_hidden_dim": TEXT_WIDTH,
    "patch_size": 2,
    "pool_window_size": 5,
    "fsq_dim": 32,
    "fsq_input_levels": [8, 8, 8, 5, 5, 5],
    "fsq_input_num_quantizers": 1,
    "num_lyric_encoder_hidden_layers": 3,
    "num_timbre_encoder_hidden_layers": 2,
    "num_attention_pooler_hidden_layers": 2,
    "dtype": "bfloat16",
    **EVERYWHERE,
}
CONFIGS = {
    "base": {**CONFIG, **ENCODER, "is_turbo": False, "model_version": "base"},
    "turbo": {**CONFIG, **ENCODER, "is_turbo": True, "model_version": "turbo"},
    "xl-base": {**CONFIG, **XL_DECODER, **{f"encoder_{name}": size for name, size in ENCODER.items()}},
}
"""What `config.json` says in the three layouts, with the published names and tiny sizes."""

Release = namedtuple("Release", "folder models")


def tiny_models(layout: str) -> dict[str, torch.nn.Module]:
    """Diffusers' own classes with random weights that bf16 holds exactly."""
    torch.manual_seed(0)
    decoder = XL_DECODER if layout.startswith("xl") else ENCODER
    pooler = {**ENCODER, **EVERYWHERE, "audio_acoustic_hidden_dim": CHANNELS, "layer_types": LAYERS[:2]}
    models = {
        "transformer": AceStepTransformer1DModel(
            **decoder, **EVERYWHERE, num_hidden_layers=4, in_channels=3 * CHANNELS, layer_types=LAYERS,
            audio_acoustic_hidden_dim=CHANNELS, encoder_hidden_size=32, is_turbo=layout == "turbo",
        ),
        "condition_encoder": AceStepConditionEncoder(
            **ENCODER, **EVERYWHERE, text_hidden_dim=TEXT_WIDTH, timbre_hidden_dim=CHANNELS,
            num_lyric_encoder_hidden_layers=3, num_timbre_encoder_hidden_layers=2,
        ),
        "audio_tokenizer": AceStepAudioTokenizer(**pooler, fsq_dim=32, fsq_input_levels=[8, 8, 8, 5, 5, 5]),
        "audio_token_detokenizer": AceStepAudioTokenDetokenizer(**pooler),
        "vae": AutoencoderOobleck(
            encoder_hidden_size=2 * CHANNELS, decoder_channels=4, decoder_input_channels=CHANNELS,
            channel_multiples=[1] * 5, downsampling_ratios=[2, 4, 4, 6, 10], sampling_rate=48_000,
        ),
        "text_encoder": Qwen3Model(
            Qwen3Config(
                vocab_size=300, hidden_size=TEXT_WIDTH, intermediate_size=32, num_hidden_layers=1,
                num_attention_heads=2, num_key_value_heads=1, head_dim=8,
            )
        ),
    }  # fmt: skip
    models["condition_encoder"].silence_latent.normal_()
    return {name: model.to(torch.bfloat16).float().eval() for name, model in models.items()}


def original_name(component: str, name: str) -> str:
    """Diffusers' name back to the released one."""
    if name == "null_condition_emb":
        return name
    name = re.sub(r"\.to_([qkv])\.", r".\1_proj.", name)
    name = re.sub(r"\.norm_([qk])\.", r".\1_norm.", name)
    name = name.replace(".to_out.0.", ".o_proj.").replace("_conv.", ".1.")
    prefix = {"transformer": "decoder", "condition_encoder": "encoder", "audio_tokenizer": "tokenizer"}
    return f"{prefix.get(component, 'detokenizer')}.{name}"


def released_tensors(models: dict[str, torch.nn.Module]) -> dict[str, torch.Tensor]:
    """What `model.safetensors` of the release holds, in bf16."""
    return {
        original_name(component, name): tensor.to(torch.bfloat16)
        for component in ("transformer", "condition_encoder", "audio_tokenizer", "audio_token_detokenizer")
        for name, tensor in models[component].state_dict().items()
        if name != "silence_latent"
    }


def make_release(checkpoints: Path, layout: str) -> Release:
    """The release's `checkpoints` folder with one model in it."""
    models = tiny_models(layout)
    folder = checkpoints / f"acestep-v15-{layout}"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIGS[layout]))
    save_file(released_tensors(models), folder / "model.safetensors", metadata={"format": "pt"})
    torch.save(models["condition_encoder"].silence_latent.transpose(1, 2).contiguous(), folder / "silence_latent.pt")
    models["vae"].save_pretrained(checkpoints / "vae")
    models["text_encoder"].to(torch.bfloat16).save_pretrained(checkpoints / "Qwen3-Embedding-0.6B")
    models["text_encoder"].float()
    train_tokenizer(["# Caption warm house"] * 20, 300).save_pretrained(checkpoints / "Qwen3-Embedding-0.6B")
    return Release(folder, models)


@pytest.fixture(scope="module", params=CONFIGS)
def any_release(request, tmp_path_factory) -> Release:
    return make_release(tmp_path_factory.mktemp("release") / "checkpoints", request.param)


@pytest.fixture(scope="module")
def base_release(tmp_path_factory) -> Release:
    return make_release(tmp_path_factory.mktemp("release") / "checkpoints", "base")


@pytest.fixture
def release(base_release, tmp_path) -> Release:
    """A base release that a test may damage."""
    shutil.copytree(base_release.folder.parent, tmp_path / "checkpoints")
    return Release(tmp_path / "checkpoints" / base_release.folder.name, base_release.models)


def velocity(transformer: AceStepTransformer1DModel) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    t = torch.tensor([0.7])
    return transformer(
        hidden_states=torch.randn(1, 51, CHANNELS, generator=generator),
        timestep=t,
        timestep_r=t,
        encoder_hidden_states=torch.randn(1, 9, 32, generator=generator),
        context_latents=torch.randn(1, 51, 2 * CHANNELS, generator=generator),
        return_dict=False,
    )[0]


def condition(encoder: AceStepConditionEncoder) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return encoder(
        text_hidden_states=torch.randn(1, 7, TEXT_WIDTH, generator=generator),
        text_attention_mask=torch.ones(1, 7, dtype=torch.long),
        lyric_hidden_states=torch.randn(1, 11, TEXT_WIDTH, generator=generator),
        lyric_attention_mask=torch.ones(1, 11, dtype=torch.long),
        refer_audio_acoustic_hidden_states_packed=encoder.silence_latent[:, :30],
        refer_audio_order_mask=torch.zeros(1, dtype=torch.long),
    )[0]


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def written_types(folder: Path) -> set[str]:
    found = set()
    for path in folder.rglob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            found |= {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118  it is no dict
    return found


@torch.no_grad()
def test_what_comes_out_computes_what_went_in_bit_for_bit(any_release, tmp_path):
    out = convert(any_release.folder, tmp_path / "out")
    loaded = load_pipeline(str(out), device="cpu")
    assert torch.equal(velocity(loaded.pipe.transformer), velocity(any_release.models["transformer"]))
    assert torch.equal(condition(loaded.pipe.condition_encoder), condition(any_release.models["condition_encoder"]))
    for name, model in any_release.models.items():
        assert same_weights(getattr(loaded.pipe, name), model), name
        if name != "text_encoder":
            ours = {key: value for key, value in getattr(loaded.pipe, name).config.items() if key[0] != "_"}
            theirs = {key: value for key, value in model.config.items() if key[0] != "_"}
            assert ours | {"model_version": None} == theirs | {"model_version": None}, name
    turbo = "turbo" in any_release.folder.name
    assert (loaded.pipe.is_turbo, loaded.defaults.steps) == (turbo, 8 if turbo else 50)
    assert (loaded.pipe.scheduler.config.shift, loaded.pipe.scheduler.config.num_train_timesteps) == (1.0, 1)
    ids = loaded.pipe.tokenizer("# Caption warm").input_ids
    assert loaded.pipe.tokenizer.decode(ids) == "# Caption warm"


def test_only_safetensors_and_settings_come_out(release, tmp_path):
    out = convert(release.folder, tmp_path / "out")
    assert {path.suffix for path in out.rglob("*") if path.is_file()} == {".json", ".safetensors"}
    assert written_types(out / "transformer") == {"BF16"}  # as it was
    assert written_types(out / "vae") == {"F32"}


def test_shards_in_and_parts_out(release, tmp_path):
    tensors = load_file(release.folder / "model.safetensors")
    whole = convert(release.folder, tmp_path / "whole")
    (release.folder / "model.safetensors").unlink()
    shards = {f"model-{i + 1:05d}-of-00003.safetensors": sorted(tensors)[i::3] for i in range(3)}
    for name, keys in shards.items():
        save_file({key: tensors[key] for key in keys}, release.folder / name)
    listed = {key: name for name, keys in shards.items() for key in keys}
    (release.folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": listed}))
    lines: list[str] = []
    out = convert(release.folder, tmp_path / "out", part_bytes=20_000, say=lines.append)
    parts = sorted((out / "transformer").glob("*.safetensors"))
    assert len(parts) > 2
    assert all(path.stat().st_size < 20_000 + 10_000 for path in parts)  # a part's header comes on top
    assert sum(line.startswith("transformer/") for line in lines) == len(parts)
    one, other = (load_pipeline(str(folder), device="cpu").pipe for folder in (whole, out))
    for name in release.models:
        assert same_weights(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize(("dtype", "written"), [("bf16", "BF16"), ("fp32", "F32")])
def test_precision_is_what_was_asked_for(release, tmp_path, dtype, written):
    out = convert(release.folder, tmp_path / "out", dtype=dtype)
    assert written_types(out) == {written}
    rounded = load_file(out / "condition_encoder" / "diffusion_pytorch_model.safetensors")["silence_latent"]
    assert torch.equal(rounded.float(), release.models["condition_encoder"].silence_latent)  # bf16 held it exactly


def test_a_language_model_serves_as_text_encoder_without_its_head(release, tmp_path):
    beside = release.folder.parent / "Qwen3-Embedding-0.6B"
    elsewhere = tmp_path / "language-model"
    beside.rename(elsewhere)
    tensors = load_file(elsewhere / "model.safetensors")
    as_language_model = {f"model.{key}": tensor for key, tensor in tensors.items()}
    as_language_model["lm_head.weight"] = tensors["embed_tokens.weight"].clone()
    save_file(as_language_model, elsewhere / "model.safetensors")
    with pytest.raises(ConversionError, match="no Qwen3-Embedding-0.6B beside .* --text-encoder says where it is"):
        convert(release.folder, tmp_path / "out")
    out = convert(release.folder, tmp_path / "out", text_encoder=elsewhere)
    assert same_weights(load_pipeline(str(out), device="cpu").pipe.text_encoder, release.models["text_encoder"])


def test_the_folder_around_a_single_model_will_do(release, tmp_path):
    assert convert(release.folder.parent, tmp_path / "out").is_dir()
    shutil.copytree(release.folder, release.folder.with_name("acestep-v15-sft"))
    with pytest.raises(ConversionError, match=r"several models are there \(acestep-v15-base, acestep-v15-sft\)"):
        convert(release.folder.parent, tmp_path / "other")


def test_the_2_b_layout_has_as_many_tensors_as_the_release():
    published = {"head_dim": 128, "text_hidden_dim": 1024, "num_hidden_layers": 24, "layer_types": LAYERS * 6}
    layers = {"num_lyric_encoder_hidden_layers": 8, "num_timbre_encoder_hidden_layers": 4}
    settings = component_settings({**CONFIGS["base"], **published, **layers})
    with torch.device("meta"):
        models = [made(**settings[name]) for name, made in CLASSES.items()]
    silence = 1  # comes from a file of its own
    assert sum(len(model.state_dict()) for model in models) - silence == 677


def change_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return damage


def change_config(**settings: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps({**CONFIGS["base"], **settings}))

    return damage


def cut_short(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def pickle_only(folder: Path) -> None:
    torch.save({"x": torch.ones(1)}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def pickle_in_disguise(folder: Path) -> None:
    torch.save({"x": torch.ones(1)}, folder / "model.safetensors")


class Hostile:
    """Unpickled, it would run a command."""

    def __reduce__(self):
        return (subprocess.getoutput, ("touch was-run",))


def lost_shard(folder: Path) -> None:
    listed = {"decoder.norm_out.weight": "model-00001-of-00002.safetensors", "x": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": listed}))


def same_tensor_in_two_shards(folder: Path) -> None:
    tensor = {"decoder.norm_out.weight": load_file(folder / "model.safetensors")["decoder.norm_out.weight"]}
    lost_shard(folder)
    save_file(tensor, folder / "model-00002-of-00002.safetensors")


def shard_elsewhere(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "../vae/x.safetensors"}}))


DAMAGES = {
    "a missing tensor": (
        change_weights(lambda tensors: tensors.pop("decoder.layers.1.cross_attn.o_proj.weight")),
        r"1 tensors are missing \(layers\.1\.cross_attn\.to_out\.0\.weight\)",
    ),
    "null condition missing": (
        change_weights(lambda tensors: tensors.pop("null_condition_emb")),
        r"condition_encoder: 1 tensors are missing \(null_condition_emb\)",
    ),
    "unknown tensors": (
        change_weights(lambda tensors: tensors.update({f"extra.{i}": torch.ones(1) for i in range(7)})),
        r"7 of its tensors have names .* \(extra\.0, extra\.1, extra\.2, extra\.3, extra\.4 and 2 more\)",
    ),
    "an unknown tensor of a known part": (
        change_weights(lambda tensors: tensors.update({"decoder.layers.9.mlp.up_proj.weight": torch.ones(1)})),
        r"1 of its tensors .* config\.json describes it \(decoder\.layers\.9\.mlp\.up_proj\.weight\)",
    ),
    "one tensor under two names": (
        change_weights(
            lambda tensors: tensors.update({"decoder.layers.0.self_attn.to_q.weight": torch.ones(32, 32)}),
        ),
        r"decoder\.layers\.0\.self_attn\.\w+\.weight and decoder\.\S+\.weight are one tensor under two names",
    ),
    "another shape": (
        change_weights(lambda tensors: tensors.update({"decoder.norm_out.weight": torch.ones(33)})),
        r"decoder\.norm_out\.weight has shape \(33,\), and config\.json makes it \(32,\)",
    ),
    "quantised numbers": (
        change_weights(lambda tensors: tensors.update({"decoder.norm_out.weight": torch.ones(32, dtype=torch.int8)})),
        r"decoder\.norm_out\.weight has numbers of type I8; only F32, F16, BF16 convert",
    ),
    "a file cut short": (cut_short, r"model\.safetensors: this safetensors file is damaged or cut short"),
    "an empty file": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "damaged or cut short"),
    "pickled weights": (pickle_only, r"the weights are pickles \(pytorch_model\.bin\), which can run code"),
    "a pickle in disguise": (pickle_in_disguise, r"model\.safetensors: this is a pickle named safetensors"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), r"no model\.safetensors there, and no"),
    "a shard missing": (lost_shard, r"shards are missing \(model-00002-of-00002\.safetensors\)"),
    "a shard twice": (same_tensor_in_two_shards, r"decoder\.norm_out\.weight is in another shard as well"),
    "a shard elsewhere": (shard_elsewhere, "this does not list the shards beside it"),
    "no settings": (lambda folder: (folder / "config.json").unlink(), r"no config\.json there; give a model's folder"),
    "settings of something else": (lambda folder: (folder / "config.json").write_text("{}"), "config.json has no"),
    "settings that are no JSON": (
        lambda folder: (folder / "config.json").write_text("{"),
        "these settings cannot be read",
    ),
    "settings that make no model": (change_config(head_dim=-1), "these settings make no model"),
    "a setting of another kind": (change_config(layer_types=7), "a setting is of another kind"),
    "another activation": (change_config(hidden_act="gelu"), "hidden_act is gelu; diffusers' ACE-Step only knows silu"),
    "other layers": (change_config(layer_types=["full_attention"] * 4), "layer_types do not alternate"),
    "no silence": (lambda folder: (folder / "silence_latent.pt").unlink(), r"no silence_latent\.pt there"),
    "silence of another shape": (
        lambda folder: torch.save(torch.zeros(1, 15000, CHANNELS), folder / "silence_latent.pt"),
        r"one tensor of shape \(1, 8, 15000\) is needed, this is \(1, 15000, 8\)",
    ),
    "silence that is no number": (
        lambda folder: torch.save(torch.full((1, CHANNELS, 15000), torch.nan), folder / "silence_latent.pt"),
        "a latent has finite decimal numbers",
    ),
    "silence that is no tensor": (
        lambda folder: torch.save({"silence": 1}, folder / "silence_latent.pt"),
        "this is dict",
    ),
    "silence that runs code": (
        lambda folder: torch.save(Hostile(), folder / "silence_latent.pt"),
        "this holds something other than one tensor",
    ),
    "no codec": (lambda folder: shutil.rmtree(folder.parent / "vae"), "no vae beside acestep-v15-base"),
    "another codec": (
        lambda folder: (folder.parent / "vae" / "config.json").write_text('{"_class_name": "AutoencoderDC"}'),
        "has an AutoencoderOobleck, this is AutoencoderDC",
    ),
    "another text encoder": (
        lambda folder: (folder.parent / "Qwen3-Embedding-0.6B" / "config.json").write_text('{"model_type": "bert"}'),
        "text of a Qwen3 of width 24 .*, and this is a bert of width None",
    ),
    "no tokenizer": (
        lambda folder: (folder.parent / "Qwen3-Embedding-0.6B" / "tokenizer.json").unlink(),
        "its tokenizer does not load",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_release_gives_a_sentence_and_leaves_nothing(name, release, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    damage, sentence = DAMAGES[name]
    damage(release.folder)
    with pytest.raises(ConversionError, match=sentence):
        convert(release.folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]


@pytest.mark.parametrize("problem", [KeyboardInterrupt, RuntimeError])
def test_stopped_halfway_it_leaves_nothing(release, tmp_path, problem):
    def stop_at_the_codec(line: str) -> None:
        if line.startswith("vae/"):
            assert (tmp_path / "out.unfinished" / "transformer" / "config.json").exists()
            raise problem

    with pytest.raises(problem):
        convert(release.folder, tmp_path / "out", say=stop_at_the_codec)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]


def test_a_disk_that_fills_up_gives_a_sentence_and_leaves_nothing(release, tmp_path, monkeypatch):
    def full(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("acestep.converting.weights.save_file", full)
    with pytest.raises(ConversionError, match="could not be written .*No space left on device"):
        convert(release.folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]


def test_space_is_looked_for_before_anything_is_written(release, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: namedtuple("Usage", "free")(10**6))
    with pytest.raises(ConversionError, match=r"this takes 0\.1 GB, and 0\.0 GB are free"):
        convert(release.folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]


def test_nothing_is_overwritten(release, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(ConversionError, match="nothing is overwritten"):
        convert(release.folder, tmp_path / "out")
    (tmp_path / "other.unfinished").mkdir()
    with pytest.raises(ConversionError, match="another conversion is writing there, or one was killed"):
        convert(release.folder, tmp_path / "other")
    assert not list((tmp_path / "out").iterdir())
    assert not list((tmp_path / "other.unfinished").iterdir())


def test_wrong_paths_get_a_sentence(release, tmp_path):
    with pytest.raises(ConversionError, match="there is no such folder; give a model's"):
        convert(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ConversionError, match="there is no such folder to make out in"):
        convert(release.folder, tmp_path / "nowhere" / "out")
    with pytest.raises(ConversionError, match="in diffusers' layout already"):
        convert(convert(release.folder, tmp_path / "out"), tmp_path / "again")


def test_the_command_tells_what_it_writes_and_ends_with_2_on_a_problem(release, tmp_path, capsys):
    assert main(["convert", str(release.folder), str(tmp_path / "out"), "--dtype", "bf16"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{release.folder}: checking"
    assert re.fullmatch(r"transformer/diffusion_pytorch_model\.safetensors: \d+ tensors, 0\.00 GB", said[1])
    assert said[-1] == f"{tmp_path / 'out'}: done; give this folder as the model"
    assert main(["convert", str(release.folder), str(tmp_path / "out")]) == 2
    refused = capsys.readouterr()
    assert refused.out == ""
    assert refused.err.count("\n") == 1


def test_help_does_not_wait_for_torch():
    asks = "import sys, acestep.__main__ as command\ntry:\n command.main(['convert', '--help'])\n"
    code = asks + "finally:\n assert 'torch' not in sys.modules"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "ORIGINAL" in shown.stdout


def test_pickles_are_opened_in_one_place_only():
    rooms = ("acestep", "annotate", "evaluation", "generation", "structure", "training")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")] + list(ROOT.glob("*.py"))
    opening = re.compile(r"torch\.load\(|pickle\.loads?\(|allow_pickle=True|weights_only")
    found = [path.relative_to(ROOT).as_posix() for path in files if opening.search(path.read_text(encoding="utf-8"))]
    assert found == ["acestep/converting/silence.py"]
    assert (ROOT / found[0]).read_text(encoding="utf-8").count("torch.load(") == 1
