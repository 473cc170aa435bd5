"""Do songs keep the structure asked for? Held-out structures, generated and decoded, judged by a probe.

    python -m benchmarks.control --trained RUN --plain RUN

Twelve structures from songs that nothing was trained on are asked of each arm with the same captions and seeds: the
shipped adapter, a freshly trained one (`--trained`), none, and a LoRA trained without events (`--plain`). Two more
arms need no generation: the real songs with those very structures, and the same after the codec, which is the best
that any adapter of this model can do.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotate.audio import read_audio, write_audio
from benchmarks.record import WORK, Bar, exit_status, record, run, table
from evaluation.judging import Judge
from evaluation.reference import JudgedFolder, read_folder
from evaluation.report import ScoreReport, report_on
from structure.sidecar import Sidecar, read_sidecar, save_sidecar, sidecar_path, with_fields

REFERENCE_SEED, HELD_OUT_SEED = 31_415, 27_182  # sets of songs; neither the demo set nor the recipe shares a song
REFERENCE_SONGS = 60
FIELDS = ("caption", "lyrics", "bpm", "keyscale", "timesignature", "duration")


def make_songs(folder: Path, count: int, seed: int) -> Path:
    """Procedural songs in `folder`, unless they are there."""
    if len(list(folder.glob("*.wav"))) < count:
        run("-m", "acestep.starter", "songs", folder, "--count", str(count), "--seed", str(seed))
    return folder


def write_requests(held_out: Path, file: Path, steps: int | None) -> Path:
    """One line a held-out song: its structure and description as a person would ask for them, seed 1, 2 …"""
    lines = []
    for number, audio in enumerate(sorted(held_out.glob("*.wav")), start=1):
        sidecar = read_sidecar(audio)
        line: dict[str, Any] = {key: sidecar.get(key) for key in FIELDS if sidecar.get(key) is not None}
        line |= {"events": [event.to_dict() for event in sidecar.events], "seed": number, "output": audio.name}
        if steps:
            line["steps"] = steps
        lines.append(json.dumps(line, ensure_ascii=False))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def generate(requests: Path, model: str, adapter: str, folder: Path) -> tuple[Path, float]:
    """Make every song of `requests` with a model and an adapter; the folder and the seconds it took."""
    begin = time.perf_counter()
    command = ["-m", "generation", "make", "--requests", requests, "--model", model, "--adapter", adapter]
    command += ["--output", folder]
    run(*command, "--overwrite")
    return folder, time.perf_counter() - begin


def through_codec(held_out: Path, folder: Path) -> Path:
    """The real songs, encoded and decoded by the starter's codec."""
    import torch

    from acestep.loading import STARTER_DIR
    from acestep.starter.codec import StarterCodec

    codec = StarterCodec.from_pretrained(STARTER_DIR / "vae", use_safetensors=True)
    rate = codec.config.sampling_rate
    for audio in sorted(held_out.glob("*.wav")):
        samples, _ = read_audio(audio, sample_rate=rate, mono=True)
        with torch.no_grad():
            latents = codec.encode(torch.from_numpy(samples.T)[None]).latent_dist.mode()
            decoded = codec.decode(latents).sample[0].T
        decoded = decoded[: len(samples)]
        write_audio(folder / audio.name, (decoded / decoded.abs().max().clamp(min=1)).numpy(), rate)
        copied = Sidecar(sidecar_path(folder / audio.name), read_sidecar(audio).data)
        save_sidecar(with_fields(copied, duration=len(decoded) / rate), overwrite=True)
    return folder


def score_arms(folders: dict[str, Path], reference: JudgedFolder) -> dict[str, ScoreReport]:
    """Each arm's report by one judge."""
    judge = Judge(reference)
    return {name: report_on(judge, judge.score(read_folder(folder))) for name, folder in folders.items()}


def rows(reports: dict[str, ScoreReport]) -> list[list[str]]:
    """The table of arms, with a heading."""
    body = []
    for name, report in reports.items():
        error, hits = report.mean("median_error"), report.mean("boundary_f_500ms")
        share = hits / report.mean("boundary_f_500ms", "ceiling")
        figures = [report.mean("frame_accuracy"), report.mean("frame_accuracy", "control"), hits, share]
        body.append(
            [
                name,
                *("-" if value is None else f"{value:.2f}" for value in figures),
                "-" if error is None else f"{error:.2f} s",
                f"{report.judged.distance:.1f}",
            ]
        )
    return [["arm", "frames", "control", "F 0.5 s", "of ceiling", "median error", "distance"], *body]


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.control", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="starter", help="starter, or a diffusers folder (default starter)")
    parser.add_argument("--trained", type=Path, default=WORK / "trained", help="a freshly trained adapter")
    parser.add_argument("--plain", type=Path, default=WORK / "plain", help="a LoRA trained with --no-events")
    parser.add_argument("--songs", type=int, default=12, help="held-out structures (default 12)")
    parser.add_argument("--steps", type=int, help="denoising steps (default: the model's)")
    parser.add_argument("--arms", nargs="+", help="only these arms, such as: shipped none")
    parser.add_argument("--work", type=Path, default=WORK / "control", help="folder for the songs")
    return parser


def measure(options: argparse.Namespace) -> None:
    """Generate, judge, print and record."""
    work: Path = options.work
    reference_folder = make_songs(work / "reference", REFERENCE_SONGS, REFERENCE_SEED)
    held_out = make_songs(work / f"held-out-{options.songs}", options.songs, HELD_OUT_SEED)
    requests = write_requests(held_out, work / "requests.jsonl", options.steps)

    adapters = {"shipped": "default", "trained": str(options.trained), "plain LoRA": str(options.plain), "none": "none"}
    for arm, folder in (("trained", options.trained), ("plain LoRA", options.plain)):
        if not (folder / "adapter.json").exists():
            print(f"{arm}: no adapter in {folder}, left out. `python -m benchmarks.training` makes one.")
            del adapters[arm]
    wanted = [arm for arm in adapters if not options.arms or arm in options.arms]
    folders, seconds = {"real songs": held_out}, {}
    if not options.arms or "codec" in options.arms:
        folders["real songs, codec"] = through_codec(held_out, work / "codec")
    for arm in wanted:
        folders[arm], seconds[arm] = generate(requests, options.model, adapters[arm], work / arm.replace(" ", "-"))
        print(f"{arm}: {options.songs} songs in {seconds[arm]:.0f} s", flush=True)

    reports = score_arms(folders, read_folder(reference_folder))
    any_report = next(iter(reports.values()))
    chance, ceiling = (any_report.mean("frame_accuracy", kind) for kind in ("chance", "ceiling"))
    print(table(rows(reports)))
    print(f"chance {chance:.2f} (the real songs), ceiling {ceiling:.2f}, judge fitted on {REFERENCE_SONGS} songs\n")
    bars = [Bar("frames by chance", chance, most=0.35)]
    for arm in ("shipped", "trained"):
        if arm in reports:
            report = reports[arm]
            share = report.mean("boundary_f_500ms") / report.mean("boundary_f_500ms", "ceiling")
            bars.append(Bar(f"control of frames, {arm}", report.mean("frame_accuracy", "control") or 0.0, least=0.85))
            bars.append(Bar(f"boundary F 0.5 s of the ceiling's, {arm}", share, least=0.8))
    record(
        "control",
        bars,
        {
            arm: {key: value for key, value in report.to_dict().items() if key not in ("songs", "notes")}
            | {"seconds": seconds.get(arm)}
            for arm, report in reports.items()
        },
        {
            "model": options.model,
            "songs": options.songs,
            "steps": options.steps or "default",
            "reference_songs": REFERENCE_SONGS,
            "reference_seed": REFERENCE_SEED,
            "held_out_seed": HELD_OUT_SEED,
        },
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where a command failed."""
    options = get_parser().parse_args(arguments)
    return exit_status(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
