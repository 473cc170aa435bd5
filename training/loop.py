"""The training loop: read the dataset, encode it, then data, forward, backward, update, log, save until done.

Everything random about step n follows from the seed and n (see `crops.stream`), so a run that goes on from a checkpoint
ends with the same weights as one that was never interrupted.
"""

import contextlib
import math
import shutil
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from torch import Tensor

from acestep.adapter import save_adapter
from acestep.loading import choose_device, load_pipeline
from structure.errors import StudioError
from training.batch import BatchMaker
from training.checkpoint import find_checkpoint, load_checkpoint, save_checkpoint
from training.crops import DROPOUT, draw_crops, stream
from training.dataset import DatasetReport, TrainingSong, read_dataset, require_songs
from training.device_lock import DeviceBusy, DeviceLock, device_key, holder, try_lock
from training.latents import LatentCache
from training.model import adapter_card, learning_rate_factor, make_optimizer, make_trainable, vocabulary_of
from training.progress import Progress, Stopped
from training.run_folder import STOP_FILE, RunLog, RunState, append_metrics, take_over_metrics, write_config
from training.runs import refuse_to_replace
from training.settings import TrainingSettings
from training.step import backward, held_out_batches, mean_loss

if TYPE_CHECKING:
    from acestep.pipeline import StructuredPipeline

WAIT_FOR_DEVICE = 120.0  # seconds; a song being generated is done by then
FREE_SPACE = 200 * 2**20  # bytes that have to be free beyond what the run will write


class TrainingError(StudioError):
    """A run that cannot start or go on; the message says what to change."""


def train(settings: TrainingSettings) -> RunState:
    """Train, and leave an adapter in `settings.output_dir`.

    Returns:
        the final state: `done`, or `stopped` when somebody asked for that.

    Raises:
        StudioError: something the person can change; the run's state then says `failed` with the same words.
    """
    refuse_to_replace(settings)
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
    except (OSError, SafetensorError) as problem:
        where, why = getattr(problem, "filename", None) or folder, getattr(problem, "strerror", None) or problem
        sentence = f"{where}: {why}. Make room or give write access there, then start again."
        with contextlib.suppress(OSError):  # the state may lie on the same full disk
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
    not_logged: list[Tensor] = []  # reading a loss waits for the device, so losses are read together
    began, step_seconds = time.perf_counter(), 0.0
    while True:
        last = step >= total or progress.stopping()
        saving = last or bool(interval and step > first_step and step % interval == 0)

        # log
        if not_logged and (saving or step % settings.log_every == 0 or step == first_step + 1):
            losses = torch.stack(not_logged).tolist()
            loss = sum(losses) / len(losses)
            if not math.isfinite(loss):
                raise TrainingError(
                    f"The loss is no number any more at step {step}: lower --learning-rate "
                    f"(now {settings.learning_rate:g}). The last checkpoint is untouched."
                )
            step_seconds = (time.perf_counter() - began) / len(losses)
            eta = step_seconds * (total - step)
            timing = {"lr": optimizer.param_groups[0]["lr"], "seconds": step_seconds, "eta": eta}
            first = step - len(losses) + 1
            append_metrics(folder, [{"step": first + i, "loss": value, **timing} for i, value in enumerate(losses)])
            progress.log(f"Step {step}/{total}: loss {loss:.4f}, {step_seconds:.2f} s a step, {eta:.0f} s left.")
            progress.step(loss=loss, step_seconds=step_seconds)
            not_logged.clear()
            began = time.perf_counter()
        progress.step(step=step, eta=step_seconds * (total - step))

        # measure and save: before the loop may end, so that a run always ends measured and saved
        if saving:
            if measure:
                held_loss = mean_loss(pipeline, measure, settings)
                append_metrics(folder, [{"step": step, "held_out_loss": held_loss}])
            save_checkpoint(folder, step, learned, optimizer, write_adapter, settings.keep_checkpoints)
            progress.log(f"Step {step}: saved" + (f", held-out loss {held_loss:.4f}." if measure else "."))
            began = time.perf_counter()
        if last:
            break

        # data
        crops = draw_crops(song_frames, step, pipeline.frame_rate, transformer.config.patch_size, settings)
        batches = maker.step_batches(crops, step)
        torch.manual_seed(int(stream(settings.seed, DROPOUT, step).integers(2**62)))  # for dropout inside the LoRA

        # forward and backward
        not_logged.append(backward(pipeline, batches, settings))

        # update
        torch.nn.utils.clip_grad_norm_(learned.values(), settings.max_grad_norm)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * learning_rate_factor(step, total, settings)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1

    # ---- the adapter into the folder's root
    progress.at("saving", "Saving the adapter.", step=step)
    write_adapter(folder)
    if step >= total:
        progress.at("done", f"Done: the adapter is in {folder}.", step=step, eta=0.0)
    else:
        progress.at("stopped", f"Stopped after step {step} of {total}; the adapter so far is in {folder}.", eta=None)


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
