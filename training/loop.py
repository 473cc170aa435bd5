"""The training loop: read the dataset, encode it, then data, forward, backward, update, log, save until done.

Everything random about step n follows from the seed and n (see `crops.stream`), so a run that goes on from a checkpoint
ends with the same weights as one that was never interrupted, and the data of the next step can be made while this one
computes.
"""

import contextlib
import math
import os
import shutil
import time
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from acestep.adapter import save_adapter
from acestep.broken_device import first_words, is_broken_device
from acestep.loading import choose_device, load_pipeline
from acestep.memory import is_out_of_memory
from structure.errors import StudioError
from training.bands import band_edges
from training.batch import Batch, BatchMaker
from training.checkpoint import (
    best_checkpoint,
    find_checkpoint,
    forget_later_checkpoints,
    list_checkpoints,
    load_checkpoint,
    prune_checkpoints,
    save_checkpoint,
    step_of,
)
from training.crops import DROPOUT, stream
from training.dataset import DatasetReport, read_dataset, require_songs
from training.device_lock import device_key
from training.expecting import expected, in_words, noted, require_memory, used
from training.frozen import compile_blocks
from training.latents import default_cache
from training.learner import Learner
from training.meter import Meter
from training.model import adapter_card, learning_rate_factor, make_optimizer, make_trainable, vocabulary_of
from training.model_card import leave_card
from training.packages import require_packages
from training.preparing import encode_songs, listen_together, listening, name_of
from training.processes import Processes, together
from training.progress import Progress, Stopped
from training.refusals import TrainingError, check_disk, refuse_broken_numbers
from training.run_folder import (
    CHECKPOINTS,
    RunLog,
    RunState,
    append_metrics,
    forget_stop,
    read_metrics,
    take_over_metrics,
    working_process,
    write_config,
)
from training.runs import list_runs, refuse_to_replace
from training.sample_files import forget_later_samples
from training.samples import Sampler, sample_request
from training.settings import TrainingSettings
from training.taking import take_device
from training.trackers import Send, require_tracker, sending_on
from training.validation import held_out_batches, held_out_losses


def train(settings: TrainingSettings) -> RunState:
    """Train, and leave an adapter in `settings.output_dir`.

    Returns:
        the final state: `done`, or `stopped` when somebody asked for that.

    Raises:
        StudioError: something the person can change; the run's state then says `failed` with the same words.
    """
    with together() as processes:
        return _train(settings, processes)


def _train(settings: TrainingSettings, processes: Processes) -> RunState:
    folder = settings.output_dir
    progress = _open_run(folder, settings, processes)
    try:
        processes.exchange(None)  # before, a stop file may be one of an earlier run
        require_tracker(settings.tracker)
        require_packages(settings)
        hear = listening(settings.cache_dir or default_cache(), progress)
        listen_together(settings, hear, processes)
        report = read_dataset(
            settings.dataset_dir,
            settings.events,
            settings.held_out,
            settings.seed,
            hear,
            settings.max_duration_sec,
        )
        for line in report.lines():
            progress.log(line)
        require_songs(report, settings.events)
        sample_request(settings, report)  # a slip in it is told before anything slow
        likely = expected(settings, report, list_runs(folder.resolve().parent))
        progress.log(f"Estimate: {in_words(likely)}")
        progress.step(**noted(likely, settings, report))
        require_memory(likely, settings)
        device = device_key(processes.device(choose_device(settings.device)))
        tracker = settings.tracker if processes.main else "none"
        with (
            take_device(device, progress) if processes.holds(device) else contextlib.nullcontext(),
            sending_on(settings.model_copy(update={"tracker": tracker}), progress.log) as send,
        ):
            processes.agree("Kind of device", device.partition(":")[0])
            _train_on(device, settings, report, progress, send, processes)
        processes.exchange(None)  # so that all end as the main one does
    except Stopped as asked:
        processes.leave(asked)
        progress.at("stopped", "Stopped before the first step; there is nothing to save.")
    except (OSError, SafetensorError) as problem:
        where, why = getattr(problem, "filename", None) or folder, getattr(problem, "strerror", None) or problem
        sentence = f"{where}: {why}. Make room or give write access there, then start again."
        with contextlib.suppress(OSError):  # the state may lie on the same full disk
            progress.at("failed", sentence)
        raise TrainingError(sentence) from problem
    except BaseException as problem:
        if is_out_of_memory(problem):
            sentence = (
                f"Out of memory on {settings.device}: lower --batch-size (now {settings.batch_size}) or the length of "
                "what is trained on (--crop-max-sec, --max-duration-sec), or turn on --gradient-checkpointing."
            )
            progress.at("failed", sentence)
            raise TrainingError(sentence) from problem
        if is_broken_device(problem):
            sentence = (
                f"The device {settings.device} failed ({first_words(problem)}). What was saved before is whole: see "
                f"that the device works again, or choose another --device, and go on with --resume-from {folder}."
            )
            progress.at("failed", sentence)
            raise TrainingError(sentence) from problem
        known = isinstance(problem, StudioError)
        with contextlib.suppress(OSError):
            progress.at("failed", str(problem) if known else f"{type(problem).__name__}: {problem}")
        raise
    return progress.state


def _open_run(folder: Path, settings: TrainingSettings, processes: Processes) -> Progress:
    if not processes.main:
        progress = Progress(folder, lambda sentence: None, silent=True)
        progress.listen()
        return progress
    refuse_to_replace(settings)
    if working_process(folder) not in (None, os.getpid()):
        raise TrainingError(f"{folder}: a run is going on there; stop it or choose another --output-dir.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _in_place(settings):  # at most the untrained beginning of a run that failed there
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        write_config(folder, settings)
        progress = Progress(folder, RunLog(folder))
        progress.listen()
        forget_stop(folder)  # a later one is meant for this process
        progress.at("preparing", "Reading the dataset.")
    except OSError as problem:
        raise TrainingError(
            f"{folder}: the run folder cannot be written ({problem.strerror}); choose another one."
        ) from problem
    return progress


def _in_place(settings: TrainingSettings) -> bool:
    """Whether a run goes on in its own folder."""
    source = settings.resume_from
    return source is not None and source.resolve().is_relative_to(settings.output_dir.resolve())


def _train_on(
    device: str,
    settings: TrainingSettings,
    report: DatasetReport,
    progress: Progress,
    send: Send,
    processes: Processes,
) -> None:
    """Everything that needs the device."""
    folder = settings.output_dir

    # ---- model
    _quiet_libraries()
    if settings.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs to repeat itself
        torch.use_deterministic_algorithms(True)
    progress.at("preparing", f"Loading {settings.base_model} on {device}.")
    dtype = {"auto": None, "fp32": torch.float32, "bf16": torch.bfloat16}[settings.precision]
    pipeline = load_pipeline(settings.base_model, device=device, dtype=dtype)
    transformer = pipeline.pipe.transformer
    vocabulary = vocabulary_of(report.everything)
    learned = make_trainable(pipeline, vocabulary, settings)
    optimizer, remark = make_optimizer(learned, settings)
    if remark:
        progress.log(remark)
    if settings.compile and (missing := compile_blocks(transformer)):
        progress.log(missing)
    learner = Learner.of(learned, optimizer, settings)
    n_learned = sum(p.numel() for p in learned.values())
    if pipeline.pipe.is_turbo != (settings.timesteps == "schedule"):
        progress.log(
            "A turbo checkpoint is asked at its sampler's own steps: train it with --timesteps schedule --shift 3."
            if pipeline.pipe.is_turbo
            else "This is no turbo checkpoint: it is asked at all times, and trains best with --timesteps logit_normal."
        )
    progress.log(f"{n_learned / 1e6:.2f} M of {_count(transformer) / 1e6:.1f} M parameters learn.")
    if processes.several:
        crops = settings.batch_size * settings.grad_accum
        idle = f"; {processes.count - crops} have none: raise --batch-size or --grad-accum"
        said = idle if crops < processes.count else ""
        progress.log(f"{processes.count} processes share the {crops} crops of each step{said}.")
    if processes.main:
        check_disk(folder, bytes_to_write=n_learned * 4 * 5 * (settings.keep_checkpoints + 3))

    # ---- data
    training_set = encode_songs(pipeline, report, settings, progress, processes)
    maker = BatchMaker(pipeline, training_set, vocabulary, settings, processes)
    for sentence in maker.cut_off():
        progress.log(sentence)
    total = settings.total_steps(len(training_set.one_pass))
    interval = settings.checkpoint_interval(len(training_set.one_pass))
    measure: list[Batch] = []  # held-out examples, made when first needed
    data = name_of(training_set)

    # ---- where to begin
    step = first_step = _go_on(settings, learner, data, progress, processes)
    if processes.several:
        processes.agree("Songs, step and weights to begin with", f"{data} {step} {learner.digest()}")
    if processes.main:
        forget_later_samples(folder, step)
    saved = [step_of(path) for path in list_checkpoints(folder)]
    best = best_checkpoint(folder, settings.best_by)
    loss, held_loss = (_last(read_metrics(folder), key) for key in ("loss", "held_out_loss"))

    def write_adapter(target: Path) -> None:
        scores = {"step": step, "loss": loss, "held_out_loss": held_loss}
        scores |= {} if score is None else {"structure_score": score}
        card = adapter_card(pipeline, training_set.songs, vocabulary, settings, scores)
        with learner.averaged():
            save_adapter(target, transformer, pipeline.conditioning.encoder, card)

    sampler = (
        Sampler.of(pipeline, report, training_set.songs, vocabulary, settings, progress) if processes.main else None
    )

    def keep(point: dict[str, Any]) -> None:
        append_metrics(folder, [point], durable=True)
        send([point])

    # ---- loop
    facts = best.facts() if best else {}
    progress.at("training", f"Training for {total} steps.", max_steps=total, step=first_step, **facts)
    transformer.train()
    meter = Meter(pipeline.device, band_edges(settings))
    with ThreadPoolExecutor(1, "next-batches") as ahead:
        coming = ahead.submit(maker.step, step)
        while True:
            stopping = processes.any(progress.stopping())
            last = step >= total or stopping
            due = last or not saved or bool(interval and step % interval == 0)
            saving = processes.main and due and step not in saved
            singing = bool(sampler) and not stopping and step > first_step and sampler.due(step, saving)

            # log
            if meter and (saving or singing or step % settings.log_every == 0 or step == first_step + 1):
                points = meter.look(step, total)
                loss = sum(point["loss"] for point in points) / len(points)
                refuse_broken_numbers(learner, loss, step, settings)
                if processes.main:
                    append_metrics(folder, points, durable=saving)
                    send(points)
                eta = points[-1]["eta"]
                progress.log(
                    f"Step {step}/{total}: loss {loss:.4f}, {meter.step_seconds:.2f} s a step, {eta:.0f} s left."
                )
                progress.step(step=step, loss=loss, step_seconds=meter.step_seconds, eta=eta)
            else:
                progress.step(step=step, eta=meter.step_seconds * (total - step))

            # a song to hear: before the save, which keeps its score
            score = None
            if singing:
                wait([coming])  # tokenizers allow no two
                score = sampler.make(step, learner)
                if score is not None:
                    keep({"step": step, "structure_score": score})
                meter.restart()

            # measure and save: before the loop may end, so that a run always ends saved (and, unless it is in a hurry,
            # measured); and before the first step, so that there is always something to go on from and a folder
            # without room shows at once
            if saving:
                measured = None
                if training_set.held_out and step > 0 and not stopping:
                    measure = measure or ahead.submit(held_out_batches, maker).result()  # the maker is for one thread
                    with learner.averaged():
                        point = {"step": step, **held_out_losses(pipeline, measure, settings)}
                    measured = held_loss = point["held_out_loss"]
                    keep(point)
                refuse_broken_numbers(learner, measured, step, settings)
                save_checkpoint(folder, step, learner, write_adapter, measured, data, score)
                prune_checkpoints(folder, settings.keep_checkpoints, settings.best_by)
                best = best_checkpoint(folder, settings.best_by)
                progress.step(**(best.facts() if best else {}))
                saved.append(step)
                if step > 0:
                    said = "" if measured is None else f", held-out loss {measured:.4f}"
                    progress.log(f"Step {step}: saved{said}.")
                meter.restart()
            if last:
                break

            # data
            batches = coming.result()
            if step + 1 < total:
                coming = ahead.submit(maker.step, step + 1)

            # forward, backward and update
            seeds = stream(settings.seed, DROPOUT, step).integers(2**62, size=processes.count)
            torch.manual_seed(int(seeds[processes.rank]))  # for dropout inside the LoRA
            meter.backward(pipeline, batches, processes, list(learner.parameters.values()))
            norm = learner.update(learning_rate_factor(step, total, settings), settings.max_grad_norm)
            meter.updated(norm, optimizer.param_groups[0]["lr"])
            step += 1

    # ---- the adapter into the folder's root
    if processes.several and len(set(processes.exchange(learner.digest()))) > 1:
        progress.log("The processes did not end with the same weights: kinds of device or versions differ among them.")
    if not processes.main:
        return
    progress.step(**used(progress.state, device, time.time()))
    progress.at("saving", "Saving the adapter.", step=step)
    if step > 0:
        write_adapter(folder)
        leave_card(folder, report, device, progress.log)
    if best is not None and best.step != step:
        progress.log(f"The best is {best.folder.name}: {best.said}; that adapter is kept in {best.folder}.")
    if step >= total:
        progress.at("done", f"Done: the adapter is in {folder}.", step=step, eta=0.0)
    else:
        so_far = f"; the adapter so far is in {folder}" if step > 0 else ""
        progress.at("stopped", f"Stopped after step {step} of {total}{so_far}.", eta=None)


def _go_on(settings: TrainingSettings, learner: Learner, data: str, progress: Progress, processes: Processes) -> int:
    """Load what the settings say to go on from; the steps that were done before, and their curve.

    Raises:
        CheckpointError: it is of another run or damaged.
    """
    folder = settings.output_dir
    source = settings.resume_from
    found, damaged = processes.from_main(lambda: find_checkpoint(source) if source is not None else (None, []))
    card = {"step": 0} if found is None else load_checkpoint(found, learner)
    if not processes.main:
        return card["step"]
    if source is None:
        take_over_metrics(folder, folder, 0)
        return 0
    for path in damaged:
        progress.log(f"{path.name} is damaged, as by a crash, and is passed over.")
    if found is None:
        progress.log(f"{source} was stopped before it had saved anything: it begins anew.")
        take_over_metrics(folder, folder, 0)
        return 0
    if _in_place(settings):
        forget_later_checkpoints(folder, card["step"])
    take_over_metrics(folder, found.parent.parent, card["step"])
    progress.log(f"Going on from {found}, step {card['step']}.")
    if card["data"] != data:
        progress.log("The dataset is not the one that this run began with: it goes on, but not as it would have.")
    return card["step"]


def _last(points: list[dict[str, Any]], key: str) -> float:
    """The newest value of a curve, NaN where it has none."""
    return next((point[key] for point in reversed(points) if key in point), math.nan)


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
