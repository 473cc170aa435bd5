"""The training loop: read the dataset, encode it, then data, forward, backward, update, log, save until done.

Everything random about step n follows from the seed and n (see `crops.stream`), so a run that goes on from a checkpoint
ends with the same weights as one that was never interrupted.
"""

import math
import shutil
import signal
import threading
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import psutil
import torch
from torch import Tensor

from acestep.adapter import save_adapter
from acestep.conditioning import masked_cross_attention
from acestep.flow import velocity_loss
from acestep.loading import choose_device, load_pipeline
from structure.errors import StudioError
from training.batch import Batch, BatchMaker
from training.checkpoint import find_checkpoint, load_checkpoint, save_checkpoint
from training.crops import DROPOUT, Crop, draw_crops, stream
from training.dataset import DatasetReport, TrainingSong, read_dataset, require_songs
from training.device_lock import DeviceBusy, DeviceLock, device_key, holder, try_lock
from training.latents import LatentCache
from training.model import adapter_card, learning_rate_factor, make_optimizer, make_trainable, vocabulary_of
from training.run_folder import (
    STOP_FILE,
    RunLog,
    RunState,
    append_metric,
    stop_asked,
    take_over_metrics,
    write_config,
    write_state,
)
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline

WAIT_FOR_DEVICE = 120.0  # seconds; a song being generated is done by then
FREE_SPACE = 200 * 2**20  # bytes that have to be free beyond what the run will write


class TrainingError(StudioError):
    """A run that cannot start or go on; the message says what to change."""


class Stopped(Exception):
    """Somebody asked the run to stop before there was anything to save."""


@dataclass
class Progress:
    """Writes the run's state: the only place that knows where the run stands.

    Args:
        folder: of the run.
        log: where sentences go.
    """

    folder: Path
    log: RunLog
    state: RunState = field(default_factory=RunState)
    _signalled: threading.Event = field(default_factory=threading.Event)
    _written: float = 0.0

    def __post_init__(self) -> None:
        now = time.time()
        me = psutil.Process()
        self.state = RunState(pid=me.pid, pid_started=me.create_time(), started=now)

    def at(self, status: str, message: str, **values: Any) -> None:
        """Say what is going on now, in the state and in the log."""
        self.state = self.state.model_copy(update={"status": status, "message": message, **values})
        write_state(self.folder, self.state)
        self.log(message)

    def step(self, **values: Any) -> None:
        """Note where the loop is; on disk at most once a second."""
        self.state = self.state.model_copy(update=values)
        if time.time() - self._written > 1.0:
            self._written = time.time()
            write_state(self.folder, self.state)

    def stopping(self) -> bool:
        """Whether a signal or the stop file asks for an end."""
        return self._signalled.is_set() or stop_asked(self.folder)

    def listen(self) -> None:
        """Let SIGTERM and SIGINT (Ctrl+C) end the run after its current step."""

        def asked(number: int, frame: FrameType | None) -> None:
            self._signalled.set()

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, asked)
            signal.signal(signal.SIGINT, asked)


def train(settings: TrainingSettings) -> RunState:
    """Train, and leave an adapter in `settings.output_dir`.

    Returns:
        the final state: `done`, or `stopped` when somebody asked for that.

    Raises:
        StudioError: something the person can change; the run's state then says `failed` with the same words.
    """
    folder = settings.output_dir
    progress = _open_run(folder, settings)
    try:
        report = read_dataset(settings.dataset_dir, settings.events, settings.held_out, settings.seed)
        for line in report.lines():
            progress.log(line)
        require_songs(report, settings.events)
        device = device_key(choose_device(settings.device))
        with _take_device(device, progress):
            _train_on(device, settings, report, progress)
    except Stopped:
        progress.at("stopped", "Stopped before the first step; there is nothing to save.")
    except (torch.OutOfMemoryError, MemoryError) as problem:
        sentence = (
            f"Out of memory on {settings.device}: lower --batch-size (now {settings.batch_size}) or the crop length, "
            "or turn on --gradient-checkpointing."
        )
        progress.at("failed", sentence)
        raise TrainingError(sentence) from problem
    except BaseException as problem:
        known = isinstance(problem, StudioError)
        progress.at("failed", str(problem) if known else f"{type(problem).__name__}: {problem}")
        raise
    return progress.state


def _open_run(folder: Path, settings: TrainingSettings) -> Progress:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_config(folder, settings)
        (folder / STOP_FILE).unlink(missing_ok=True)
        progress = Progress(folder, RunLog(folder))
        progress.listen()
        progress.at("preparing", "Reading the dataset.")
    except OSError as problem:
        raise TrainingError(
            f"{folder}: the run folder cannot be written ({problem.strerror}); choose another one."
        ) from problem
    return progress


def _take_device(device: str, progress: Progress) -> DeviceLock:
    """Wait for a song that is being generated there; another run would take too long.

    Raises:
        DeviceBusy: the device is not to be had.
        Stopped: somebody asked the run to stop meanwhile.
    """
    deadline = time.monotonic() + WAIT_FOR_DEVICE
    while (lock := try_lock(device, f"training {progress.folder.name}", lasting=True)) is None:
        owner = holder(device)
        if owner is not None:
            if owner.lasting or time.monotonic() > deadline:
                raise DeviceBusy(f"{owner.sentence()} Wait for it to end, stop it, or choose another --device.")
            if progress.state.status != "waiting":
                progress.at("waiting", owner.sentence())
        if progress.stopping():
            raise Stopped
        time.sleep(0.2)
    return lock


def _train_on(device: str, settings: TrainingSettings, report: DatasetReport, progress: Progress) -> None:
    """Everything that needs the device."""
    folder = settings.output_dir

    # ---- model
    _quiet_libraries()
    progress.at("preparing", f"Loading {settings.base_model} on {device}.")
    dtype = {"auto": None, "fp32": torch.float32, "bf16": torch.bfloat16}[settings.precision]
    pipeline = load_pipeline(settings.base_model, device=device, dtype=dtype)
    transformer = pipeline.pipe.transformer
    vocabulary = vocabulary_of(report.everything)
    learned = make_trainable(pipeline, vocabulary, settings)
    optimizer, remark = make_optimizer(learned, settings)
    if remark:
        progress.log(remark)
    n_learned = sum(p.numel() for p in learned.values())
    progress.log(f"{n_learned / 1e6:.2f} M of {_count(transformer) / 1e6:.1f} M parameters learn.")
    check_disk(folder, bytes_to_write=n_learned * 4 * 4 * (settings.keep_checkpoints + 2))

    # ---- data
    songs, held_out, latents = _encode(pipeline, report, settings, progress)
    everything = [*songs, *held_out]
    maker = BatchMaker(pipeline, everything, latents, vocabulary, settings)
    for sentence in maker.cut_off():
        progress.log(sentence)
    song_frames = [len(latent) for latent in latents[: len(songs)]]
    total = settings.total_steps(len(songs))
    interval = settings.checkpoint_interval(len(songs))
    measure = held_out_batches(maker, len(songs), settings)

    # ---- where to begin
    first_step = 0
    if settings.resume_from is not None:
        found = find_checkpoint(settings.resume_from)
        first_step = load_checkpoint(found, learned, optimizer)
        take_over_metrics(folder, found.parent.parent, first_step)
        progress.log(f"Going on from {found}, step {first_step}.")
    else:
        take_over_metrics(folder, folder, 0)

    def write_adapter(target: Path) -> None:
        scores = {"step": step, "loss": loss, "held_out_loss": held_loss}
        card = adapter_card(pipeline, songs, vocabulary, settings, scores)
        save_adapter(target, transformer, pipeline.conditioning.encoder, card)

    # ---- loop
    progress.at("training", f"Training for {total} steps.", max_steps=total, step=first_step)
    transformer.train()
    step, loss, held_loss = first_step, math.nan, math.nan
    since_log: list[Tensor] = []
    began, step_seconds = time.perf_counter(), 0.0
    while True:
        last = step >= total or progress.stopping()

        # measure and save: first of all, so that a run always ends measured and saved
        if last or (interval and step > first_step and step % interval == 0):
            began_saving = time.perf_counter()
            held_loss = mean_loss(pipeline, measure, settings) if measure else math.nan
            if measure:
                append_metric(folder, {"step": step, "held_out_loss": held_loss})
            save_checkpoint(folder, step, learned, optimizer, write_adapter, settings.keep_checkpoints)
            began += time.perf_counter() - began_saving
            progress.log(f"Step {step}: saved" + (f", held-out loss {held_loss:.4f}." if measure else "."))
        if last:
            break

        # data
        crops = draw_crops(song_frames, step, pipeline.frame_rate, transformer.config.patch_size, settings)
        batches = maker.step_batches(crops, step)
        torch.manual_seed(int(stream(settings.seed, DROPOUT, step).integers(2**62)))  # for dropout inside the LoRA

        # forward and backward
        step_loss = backward(pipeline, batches, settings)

        # update
        torch.nn.utils.clip_grad_norm_(learned.values(), settings.max_grad_norm)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * learning_rate_factor(step, total, settings)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1

        # log
        since_log.append(step_loss)
        if step % settings.log_every == 0 or step == total or step == first_step + 1:
            loss = torch.stack(since_log).mean().item()
            if not math.isfinite(loss):
                raise TrainingError(
                    f"The loss is no number any more at step {step}: lower --learning-rate "
                    f"(now {settings.learning_rate:g}). The last checkpoint is untouched."
                )
            step_seconds = (time.perf_counter() - began) / len(since_log)
            eta = step_seconds * (total - step)
            point = {"step": step, "loss": loss, "lr": optimizer.param_groups[0]["lr"]}
            append_metric(folder, {**point, "seconds": step_seconds, "eta": eta})
            progress.log(f"Step {step}/{total}: loss {loss:.4f}, {step_seconds:.2f} s a step, {eta:.0f} s left.")
            since_log.clear()
            began = time.perf_counter()
        progress.step(
            step=step,
            loss=loss if math.isfinite(loss) else None,
            step_seconds=step_seconds,
            eta=step_seconds * (total - step),
        )

    # ---- the adapter into the folder's root
    progress.at("saving", "Saving the adapter.", step=step)
    write_adapter(folder)
    if step >= total:
        progress.at("done", f"Done: the adapter is in {folder}.", step=step, eta=0.0)
    else:
        progress.at("stopped", f"Stopped after step {step} of {total}; the adapter so far is in {folder}.", eta=None)


def backward(pipeline: "StructuredPipeline", batches: Sequence[Batch], settings: TrainingSettings) -> Tensor:
    """Gradients of the mean loss over every real frame of the step, however its crops are batched.

    Returns:
        that loss, a scalar without gradient.
    """
    frames = sum(batch.frames for batch in batches)
    total = torch.zeros((), device=pipeline.device)
    for batch in batches:
        with told(pipeline, batch, settings):
            loss = batch_loss(pipeline, batch) * (batch.frames / frames)
            loss.backward()  # inside: gradient checkpointing runs the hooked forward pass once more
        total += loss.detach()
    return total


def told(pipeline: "StructuredPipeline", batch: Batch, settings: TrainingSettings) -> ExitStack:
    """What surrounds a forward pass: events, the mask of padded conditions, and the precision."""
    stack = ExitStack()
    transformer = pipeline.pipe.transformer
    if transformer.dtype != torch.float32:
        stack.enter_context(torch.autocast(pipeline.device.type, transformer.dtype))
    if batch.plan is not None:
        stack.enter_context(pipeline.conditioning.training(batch.plan, batch.hears_events))
    if batch.condition_mask is not None:
        stack.enter_context(masked_cross_attention(transformer, batch.condition_mask))
    return stack


def batch_loss(pipeline: "StructuredPipeline", batch: Batch) -> Tensor:
    """Flow-matching loss of one batch, all of whose frames are real."""
    mask = torch.ones(batch.x_0.shape[:2], device=batch.x_0.device)
    return velocity_loss(
        pipeline.pipe.transformer, batch.x_0, batch.condition, batch.context, mask, batch.t, batch.noise
    )


def held_out_batches(maker: BatchMaker, first: int, settings: TrainingSettings) -> list[Batch]:
    """The same few examples at every measurement: each held-out song's middle at five spread-out timesteps.

    Args:
        maker: knows all songs.
        first: number of the first held-out song.
        settings: crop length.
    """
    quantiles = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
    t = torch.sigmoid(settings.timestep_mu + settings.timestep_sigma * math.sqrt(2) * torch.erfinv(2 * quantiles - 1))
    generator = torch.Generator().manual_seed(settings.seed)
    patch_size = maker.pipeline.pipe.transformer.config.patch_size
    batches = []
    for song in range(first, len(maker.songs)):
        frames = len(maker.latents[song])
        if settings.crop_max_sec is not None:
            longest = round(settings.crop_max_sec * maker.pipeline.frame_rate / patch_size) * patch_size
            frames = min(frames, max(patch_size, longest))
        crop = Crop(song, (len(maker.latents[song]) - frames) // 2, frames)
        noise = torch.randn(len(t), frames, maker.latents[song].shape[1], generator=generator)
        batches.append(maker.batch([crop] * len(t), noise, t))
    return batches


@torch.no_grad()
def mean_loss(pipeline: "StructuredPipeline", batches: Sequence[Batch], settings: TrainingSettings) -> float:
    """Mean loss over batches, without dropout."""
    pipeline.pipe.transformer.eval()
    total = torch.zeros((), device=pipeline.device)
    for batch in batches:
        with told(pipeline, batch, settings):
            total += batch_loss(pipeline, batch) * batch.frames
    pipeline.pipe.transformer.train()
    return total.item() / sum(batch.frames for batch in batches)


def check_disk(folder: Path, bytes_to_write: int) -> None:
    """Refuse a run that would fill the disk.

    Raises:
        TrainingError: less is free than the run will write and a reserve.
    """
    free = shutil.disk_usage(folder).free
    needed = bytes_to_write + FREE_SPACE
    if free < needed:
        raise TrainingError(
            f"{folder}: {free / 2**20:.0f} MB are free on that disk, and the run needs {needed / 2**20:.0f} MB. "
            "Free some space, choose another --output-dir, or lower --keep-checkpoints."
        )


def _encode(
    pipeline: "StructuredPipeline", report: DatasetReport, settings: TrainingSettings, progress: Progress
) -> tuple[list[TrainingSong], list[TrainingSong], list[Tensor]]:
    """Latents of every song; a song whose audio cannot be encoded is named and left out."""
    cache = LatentCache(
        pipeline.pipe.vae, pipeline.sample_rate, pipeline.frame_rate, settings.max_duration_sec, settings.cache_dir
    )
    progress.at("preparing", f"Encoding {len(report.everything)} songs.")
    kept: dict[bool, list[TrainingSong]] = {False: [], True: []}
    latents: dict[bool, list[Tensor]] = {False: [], True: []}
    for number, song in enumerate(report.everything):
        if progress.stopping():
            raise Stopped
        held = number >= len(report.songs)
        try:
            latents[held].append(cache.load(song.audio))
            kept[held].append(song)
        except StudioError as problem:
            progress.log(f"Left out: {problem}")
        progress.step(message=f"Encoded {number + 1} of {len(report.everything)} songs.")
    progress.log(f"{cache.encoded} songs encoded, {len(report.everything) - cache.encoded} found in the cache.")
    if not kept[False]:
        raise TrainingError(f"{report.root}: no song could be encoded; the log names each with its reason.")
    return kept[False], kept[True], latents[False] + latents[True]


def _quiet_libraries() -> None:
    """Progress bars and remarks about our own codec class would fill the log that the page shows."""
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module="diffusers")


def _count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
