"""Prove a real checkpoint: one command, resumable, that ends in one HTML file to send back.

    python -m benchmarks.real --model FOLDER [--dataset SONGS] [--out FILE.html]

Checks that the checkpoint stays itself bit for bit, that adapters load, what memory and time it takes; trains an event
LoRA for 200 steps, makes songs and judges their structure. The same command goes on where it was. What fails is noted,
and the rest goes on. Nothing is sent anywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import acestep  # noqa: F401  before torch
from benchmarks.real.running import Perform, in_own_process, run_stages
from benchmarks.real.settings import Proof, begin, require_checkpoint
from benchmarks.record import WORK, BenchmarkError
from structure.errors import StudioError


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path, help="the checkpoint's folder, in diffusers' layout")
    parser.add_argument("--dataset", type=Path, help="annotated songs, six or more (default: songs that are composed)")
    parser.add_argument("--out", type=Path, default=Path("real.html"), help="the report (default real.html)")
    parser.add_argument("--work", type=Path, help="what the stages leave (default: a folder in cache/bench/real)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default auto)")
    parser.add_argument("--quick", action="store_true", help="rehearse with few steps; figures then say nothing")
    parser.add_argument("--read", type=Path, metavar="FILE", help="print the JSON of a report, and do nothing else")
    return parser


def prove(options: argparse.Namespace, perform: Perform = in_own_process) -> int:
    """Run the stages and write the report; 1 where a stage failed or something is not as it should be.

    Raises:
        StudioError: there is nothing to begin with.
    """
    from benchmarks.real.report import write_report

    if options.model is None:
        raise BenchmarkError("--model is missing: give the checkpoint's folder.")
    model = options.model.expanduser().absolute()
    require_checkpoint(model)
    dataset = options.dataset.expanduser().absolute() if options.dataset else None
    if dataset is not None and not dataset.is_dir():
        raise BenchmarkError(f"{dataset}: there is no such folder; give the one with the annotated songs.")
    work = options.work or WORK / "real" / (model.name + ("-quick" if options.quick else ""))
    proof = Proof(model=model, dataset=dataset, work=work.absolute(), device=options.device, quick=options.quick)
    begin(proof)
    results = run_stages(proof, perform, lambda line: print(line, flush=True))
    print(f"Written: {write_report(proof, results, options.out.absolute())}. Please send this file back.")
    sound = all(one["status"] == "done" and one["figures"].get("passed") for one in results.values())
    return 0 if sound else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all as it should be, 1 something is not, 2 nothing could be begun."""
    options = get_parser().parse_args(arguments)
    try:
        if options.read is not None:
            from benchmarks.real.report import read_everything

            print(json.dumps(read_everything(options.read), indent=1, ensure_ascii=False))
            return 0
        return prove(options)
    except (StudioError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
