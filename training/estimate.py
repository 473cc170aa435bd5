"""What a run will need before it begins: memory and time, reckoned from the model's sizes and the settings.

Memory is what lies there all along (weights, what learns, optimizer), and on top the larger of two: the codec at work,
or a step's activations. Time is the work of a step, in multiplications and additions, over the rate at which this
machine did such work: in earlier runs of the same model, else in a short trial of matrix products (`speed.py`).

The constants of activations were fitted to peaks measured on the starter on a CPU (in float32) and on both layouts of
the real checkpoints on a GPU (in bfloat16), see benchmarks/estimates.py and benchmarks/layouts.py.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from structure.plan import DEFAULT_VOCABULARY, plan_channels
from training.latents import CONTEXT_SECONDS, TILE_SECONDS
from training.machine import Device
from training.run_folder import read_metrics
from training.settings import TrainingSettings
from training.sizes import BaseSizes, sizes_of

if TYPE_CHECKING:
    from training.dataset import DatasetReport
    from training.runs import Run

LIBRARIES = 0.50e9  # bytes of torch, diffusers, transformers and peft in the machine's memory
ON_CUDA = 0.7e9  # bytes that CUDA itself and gaps between tensors take beside them
START_SECONDS = 2.0  # from the beginning, with everything imported, to the songs
TOKENS = 512  # of a condition: caption and lyrics of a song
HIDDEN, REACH = 192, 7  # of the event encoder, as `acestep.event_encoder` has them; that file brings torch
OPTIMIZER_BYTES = {"adamw": 8, "adamw_8bit": 2, "prodigy": 16}  # a learned number, beside itself and its gradient
_FITS = 1.1  # a run is refused when even its estimate over this does not fit: nobody is turned away by a rounding


@dataclass(frozen=True)
class Songs:
    """What of a dataset decides time and memory; lengths in seconds, as far as they are used.

    Attributes:
        one_pass: songs in a pass, repeats counted.
        count: songs to encode.
        mean: length of one.
        longest: the longest one.
    """

    one_pass: int
    count: int
    mean: float
    longest: float

    @classmethod
    def of(cls, report: "DatasetReport", settings: TrainingSettings) -> "Songs":
        """Those of a report; a usual song of four minutes where there are none."""
        lengths = [min(song.duration, settings.max_duration_sec) for song in report.everything]
        if not lengths:
            return cls(1, 0, settings.max_duration_sec, settings.max_duration_sec)
        one_pass = sum(song.repeats for song in report.songs)
        return cls(max(1, one_pass), len(lengths), statistics.fmean(lengths), max(lengths))


@dataclass(frozen=True)
class Rate:
    """How fast this machine works: `per_second` multiplications and additions; `measured`: in a run like this one."""

    per_second: float
    measured: bool


@dataclass(frozen=True)
class Estimate:
    """What a run will need.

    Attributes:
        memory: bytes, of the device on CUDA, else of the machine.
        seconds: from start to end; None where nobody knows how fast this machine is.
        steps: how many.
        device: where.
        like_before: whether earlier runs told the time.
        known: whether the model's own files told its sizes.
    """

    memory: float
    seconds: float | None
    steps: int
    device: Device
    like_before: bool
    known: bool

    @property
    def room(self) -> float:
        """Bytes that have to be there for the run."""
        return self.memory + (ON_CUDA if self.device.kind == "cuda" else 0.0)

    @property
    def fits(self) -> bool:
        """Whether the device can hold it at all, were it empty."""
        return self.room / _FITS <= self.device.memory


def estimate(settings: TrainingSettings, songs: Songs, device: Device, earlier: "Iterable[Run]" = ()) -> Estimate:
    """What a run with these settings will need here.

    Args:
        settings: of the run.
        songs: what it learns from.
        device: where it will compute.
        earlier: runs on this machine, newest first.
    """
    sizes = sizes_of(settings.base_model)
    steps = settings.total_steps(songs.one_pass)
    runs = [run for run in earlier if run.settings is not None]
    rate = rate_of(settings, runs, device)
    seconds = None
    if rate is not None:
        seconds = START_SECONDS + steps * step_work(sizes, settings, songs) / rate.per_second
        if not any(_same_audio(run.settings, settings) and run.state.step > 0 for run in runs if run.settings):
            seconds += encoding_work(sizes, settings, songs) / rate.per_second
        seconds += sizes.parameters * number_bytes(settings, device.kind) / 1e9  # read at a gigabyte a second
    return Estimate(
        memory_needed(sizes, settings, songs, device.kind),
        seconds,
        steps,
        device,
        rate is not None and rate.measured,
        sizes.known,
    )


# ---- memory


def number_bytes(settings: TrainingSettings, kind: str) -> int:
    """Bytes of a number of the frozen model as it is loaded."""
    return 2 if settings.precision == "bf16" or (settings.precision == "auto" and kind == "cuda") else 4


def learned_parameters(sizes: BaseSizes, settings: TrainingSettings) -> tuple[int, int]:
    """Numbers that learn: of the LoRA or LoKr, and of the event encoder."""
    rank, lora = settings.lora_rank, 0
    for n_in, n_out in _targets(sizes, settings):
        if settings.adapter == "lokr":
            lora += _lokr_parameters(rank, n_in, n_out)
        else:
            lora += rank * (n_in + n_out) + (n_out if settings.lora_dora else 0)
    return lora * sizes.layers, _encoder_parameters(sizes) if settings.events else 0


def memory_needed(sizes: BaseSizes, settings: TrainingSettings, songs: Songs, kind: str) -> float:
    """Bytes at the peak of a run; on CUDA those of tensors there, else all that the process holds."""
    number = number_bytes(settings, kind)
    learned = sum(learned_parameters(sizes, settings))
    each = 4 + 4 + _optimizer_bytes(settings.optimizer) + (8 if settings.ema_decay else 0)
    loaded = (sizes.parameters + sizes.around) * number
    lasting = loaded + learned * each
    if settings.quantise == "int8":
        lasting -= sizes.layers * sum(n_in * n_out for n_in, n_out in _all_linear(sizes)) * (number - 1)
    if kind != "cuda":
        latents = songs.count * songs.mean * sizes.frame_rate * sizes.channels * 4 * len(settings.gains_db)
        lasting += LIBRARIES + latents
    audio = min(songs.longest, TILE_SECONDS + 2 * CONTEXT_SECONDS)
    working = max(audio * sizes.codec_values * number, activations(sizes, settings, songs, number, kind))
    return max(lasting + working, loaded)  # numbers are made small only once they are there


def _optimizer_bytes(optimizer: str) -> int:
    """8-bit AdamW is replaced by the plain one where its package is missing."""
    missing = optimizer == "adamw_8bit" and find_spec("bitsandbytes") is None
    return OPTIMIZER_BYTES["adamw" if missing else optimizer]


def activations(sizes: BaseSizes, settings: TrainingSettings, songs: Songs, number: int, kind: str) -> float:
    """Bytes that the forward pass leaves for the backward pass, at most.

    Args:
        sizes: of the base.
        settings: batch, crop, checkpointing.
        songs: lengths where whole songs are learned.
        number: bytes of a number.
        kind: of the device; the processor's memory comes in pieces that are not all given back between blocks.
    """
    tokens = settings.batch_size * _crop_seconds(settings, songs)[1] * sizes.frame_rate / sizes.patch_size
    block = tokens * number * (45 * sizes.hidden + 5 * sizes.intermediate)
    if settings.lora_dora or settings.adapter == "lokr":  # which make whole matrices of their small ones
        block += sum(2 * 4 * n_in * n_out for n_in, n_out in _targets(sizes, settings))
    if settings.gradient_checkpointing:
        held = block * (1 if kind == "cuda" else 3) + sizes.layers * tokens * sizes.hidden * number
    else:
        held = block * sizes.layers
    if settings.events:
        held += 1.2 * tokens * sizes.hidden * _places(sizes) * number
    return held


# ---- time


def step_work(sizes: BaseSizes, settings: TrainingSettings, songs: Songs) -> float:
    """Multiplications and additions of one step, and what costs as much time.

    Gradients of the frozen layers' inputs cost what the forward pass costs, gradient checkpointing that once more;
    what learns costs three times its forward pass. Numbers that are only read and written count as ten, a block's
    calls as the constant found on the starter.
    """
    lora, events = learned_parameters(sizes, settings)
    crops = settings.batch_size * settings.grad_accum
    seconds = _crop_seconds(settings, songs)[0]
    each = seconds * sizes.frame_rate / sizes.patch_size  # tokens of a crop
    tokens, heard = crops * each, crops * min(TOKENS, 10 * seconds)
    h, q, kv, i = sizes.hidden, sizes.query_width, sizes.key_width, sizes.intermediate
    linear = 2 * (tokens * (4 * h * q + 2 * h * kv + 3 * h * i) + heard * 2 * h * kv)
    attention = 4 * tokens * q * (each + heard / crops)
    other = 10 * tokens * (22 * h + 5 * i)
    passes = 3 if settings.gradient_checkpointing else 2
    frozen = sizes.layers * (passes * linear + (passes + 0.5) * attention + (passes + 1) * other)
    learned = tokens * 2 * (lora * (passes + 1) + events * 3)
    whole = sizes.layers * sum(n_in * n_out for n_in, n_out in _targets(sizes, settings))
    if settings.lora_dora:
        learned += settings.grad_accum * 4 * settings.lora_rank * whole
    if settings.adapter == "lokr":  # a whole matrix, with a gradient, in place of two narrow ones
        learned += 4 * tokens * whole
    return frozen + learned + settings.grad_accum * sizes.layers * _CALLS + crops * _CROP


_CALLS = 1.0e9  # of one block's forward and backward pass, whatever the batch
_CROP = 4.0e8  # of making one crop: its words, its plan, its copy


def encoding_work(sizes: BaseSizes, settings: TrainingSettings, songs: Songs) -> float:
    """The same for the codec, over all songs and the gains at which they are heard."""
    return songs.count * songs.mean * len(settings.gains_db) * sizes.codec_values * 150


def rate_of(settings: TrainingSettings, earlier: "Sequence[Run]", device: Device) -> Rate | None:
    """How fast this machine trains: as in the runs before on the same model and device, else as a trial says.

    Args:
        settings: of the run to come.
        earlier: runs of this machine, newest first; the three most like it tell.
        device: where it will compute.
    """
    sizes = sizes_of(settings.base_model)
    found: list[tuple[float, float]] = []  # how unlike, rate
    for run in earlier:
        before = run.settings
        if before is None or before.base_model != settings.base_model or before.device != settings.device:
            continue
        seconds = usual_step_seconds(run)
        if seconds is None or run.state.songs is None:
            continue
        work = step_work(sizes, before, Songs(*run.state.songs))
        unlike = sum(
            getattr(before, name) != getattr(settings, name)
            for name in ("batch_size", "crop_max_sec", "gradient_checkpointing", "lora_dora", "events", "precision")
        )
        found.append((unlike, work / seconds))
    if found:
        found.sort(key=lambda pair: pair[0])
        return Rate(statistics.median(rate for unlike, rate in found[:3] if unlike == found[0][0]), True)
    from training.speed import trial_rate

    trial = trial_rate(device, sizes.hidden)
    return None if trial is None else Rate(trial, False)


def usual_step_seconds(run: "Run") -> float | None:
    """Seconds that a step of a run took, in the middle; None where it took too few to tell."""
    taken = [point["seconds"] for point in read_metrics(run.folder) if point.get("seconds")]
    return statistics.median(taken) if len(taken) >= 3 else None


def _same_audio(before: TrainingSettings, settings: TrainingSettings) -> bool:
    """Whether an earlier run has left its encoded songs in the cache."""
    alike = ("dataset_dir", "base_model", "quieter_db", "max_duration_sec", "cache_dir")
    return all(str(getattr(before, name)) == str(getattr(settings, name)) for name in alike)


def _crop_seconds(settings: TrainingSettings, songs: Songs) -> tuple[float, float]:
    """Mean and longest seconds of an example."""
    if settings.crops is None:
        return songs.mean, songs.longest
    shortest, longest = settings.crops
    return min(songs.mean, (shortest + longest) / 2), min(songs.longest, longest)


def _targets(sizes: BaseSizes, settings: TrainingSettings) -> list[tuple[int, int]]:
    return [shape for part in settings.lora_targets.split(",") for shape in sizes.linear_shapes[part]]


def _all_linear(sizes: BaseSizes) -> list[tuple[int, int]]:
    return [shape for shapes in sizes.linear_shapes.values() for shape in shapes]


def _lokr_parameters(rank: int, n_in: int, n_out: int) -> int:
    """Of peft's LoKr for one layer: a small matrix, and another that is narrow where the rank is small."""
    (in_m, in_n), (out_m, out_n) = _near_square(n_in), _near_square(n_out)
    right = out_n * in_n if rank >= max(out_n, in_n) / 2 else rank * (out_n + in_n)
    return out_m * in_m + right


def _near_square(number: int) -> tuple[int, int]:
    """Two factors, the smaller first and as large as it can be."""
    small = next(n for n in range(math.isqrt(number), 0, -1) if number % n == 0)
    return small, number // small


def _places(sizes: BaseSizes) -> int:
    """Blocks that hear the events."""
    return max(1, round(0.75 * sizes.layers))


def _encoder_parameters(sizes: BaseSizes) -> int:
    windows = REACH * sizes.patch_size * plan_channels(DEFAULT_VOCABULARY)
    return (windows + 1) * HIDDEN + sizes.text_width * HIDDEN + HIDDEN * sizes.hidden * _places(sizes)
