"""Command line of generation: `python -m generation make …` writes songs, `parse …` shows what a structure says.

Many songs cost one start of the model with `--requests FILE.jsonl`: one JSON object a line, with the keys `structure`
(or `events`), `caption`, `lyrics`, `duration`, `bpm`, `keyscale`, `seed`, `steps`, `guidance`, `event_guidance`,
`adapter`, `output` and the rest of the flags' names; what a line leaves out comes from the flags.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from structure import language
from structure.errors import StudioError
from structure.events import MOMENT_TYPES, SECTION_TYPES, Event
from structure.tempo import Tempo, read_meter


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m generation", description="Make songs whose sections lie in time.")
    commands = parser.add_subparsers(dest="command", required=True)

    make = commands.add_parser("make", help="make a song, or many, each with its sidecar", epilog=__doc__)
    make.add_argument("structure", nargs="?", default="", help="such as 'intro 0-4, verse 4-12, crash @12'")
    make.add_argument("--caption", default="", help="what it should sound like")
    make.add_argument("--negative", default="", help="a caption to keep away from; costs no more time (default: none)")
    make.add_argument("--lyrics", default="", help="text to sing; [Instrumental] for none")
    make.add_argument("--lyrics-file", type=Path, help="read the lyrics from this UTF-8 file")
    make.add_argument("--duration", type=float, help="length in seconds (default: where the structure ends)")
    make.add_argument("--bpm", type=int, help="beats per minute (default: left to the model)")
    make.add_argument("--key", dest="keyscale", default="", help="such as 'A minor' (default: left to the model)")
    make.add_argument("--timesignature", default="4", help="beats in a bar (default: 4)")
    make.add_argument("--language", dest="vocal_language", default="en", help="language of the lyrics (default: en)")
    make.add_argument("--seed", type=int, default=0, help="same seed, same song (default: 0)")
    make.add_argument("--steps", type=int, help="denoising steps (default: the model's)")
    make.add_argument("--shift", type=float, help="shift of the noise levels (default: the model's)")
    make.add_argument("--guidance", type=float, help="guidance on caption and lyrics, 1 is off (default: the model's)")
    make.add_argument(
        "--event-guidance", type=float, help="guidance on the structure, 1 is off (default: the adapter's)"
    )
    make.add_argument(
        "--event-interval",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="noise levels, 0 to 1, between which the structure is guided (default: the adapter's)",
    )
    make.add_argument(
        "--event-strength",
        type=float,
        help="factor on the structure itself, which costs no time: 1.4 where it is not guided (default: the model's)",
    )
    make.add_argument(
        "--no-events", dest="use_events", action="store_false", help="do not tell the model the times, only the text"
    )
    make.add_argument(
        "--no-section-tags", dest="section_tags", action="store_false", help="add no [Verse] tags to the lyrics"
    )
    make.add_argument("--model", default="starter", help="starter, a diffusers folder or a hub id (default: starter)")
    make.add_argument("--adapter", default="default", help="adapter folder, none, or default: the model's own")
    make.add_argument("--strength", type=float, default=1.0, help="of the adapter, 0 is off, 1 as trained (default: 1)")
    make.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="FOLDER[@STRENGTH]",
        help="one more adapter, whose LoRA acts too; times are told by --adapter's alone; may be repeated",
    )
    make.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: auto)")
    make.add_argument("--output", type=Path, help="WAV file; with --requests a folder (default: outputs)")
    make.add_argument("--requests", type=Path, metavar="FILE", help="make every song of this .jsonl file")
    make.add_argument("--overwrite", action="store_true", help="replace a song that was not made here")
    make.add_argument("--json", action="store_true", help="print one JSON object a song instead of its path")

    remake = commands.add_parser("remake", help="make a song again from its sidecar, to the bit on the same machine")
    remake.add_argument("song", type=Path, help="the song, or its sidecar")
    remake.add_argument("--output", type=Path, required=True, help="WAV file")
    remake.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: auto)")
    remake.add_argument("--overwrite", action="store_true", help="replace a song that was not made here")

    suggest = commands.add_parser("suggest", help="print structures as songs of a kind have them, the likeliest first")
    suggest.add_argument("--bpm", type=float, default=120.0, help="beats per minute (default: 120)")
    suggest.add_argument("--meter", default="4", help="beats in a bar: 4, 3/4, 6/8 (default: 4)")
    suggest.add_argument("--duration", type=float, default=120.0, help="length of the song in seconds (default: 120)")
    suggest.add_argument("--caption", default="", help="a word of its genre is looked for in it")
    suggest.add_argument("--dataset", type=Path, help="annotated songs of your own, which count most")
    suggest.add_argument("--count", type=int, default=3, help="how many (default: 3)")
    suggest.add_argument("--seed", type=int, default=0, help="another one, others (default: 0)")

    parse = commands.add_parser(
        "parse",
        help="print a structure's events",
        description=language.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parse.add_argument("structure", help="such as 'intro 0-4, verse 4-12'; - reads standard input")
    parse.add_argument("--duration", type=float, help="length of the song in seconds: parts without a length share it")
    parse.add_argument("--bpm", type=float, help="beats per minute, where bars or beats are counted")
    parse.add_argument("--meter", default="4", help="beats in a bar: 4, 3/4, 6/8 (default: 4)")
    parse.add_argument(
        "--to", choices=WAYS, default="json", help="json: a list of events; text: the language; lyrics: timed tags"
    )
    return parser


def parse_command(arguments: argparse.Namespace) -> None:
    """Print what a structure says: as a JSON list of events, as text, or as lyrics with timed tags."""
    from generation.jobs import make_job

    tempo = None if arguments.bpm is None else _tempo(arguments.bpm, arguments.meter)
    duration = make_job({"duration": arguments.duration}).duration
    text = sys.stdin.read() if arguments.structure == "-" else arguments.structure
    events = language.parse_structure(text, duration, tempo)
    print(WAYS[arguments.to](events))
    if strange := sorted({e.type for e in events} - {*SECTION_TYPES, *MOMENT_TYPES}):
        print(f"note: no shipped adapter was taught {' or '.join(strange)}.", file=sys.stderr)


def remake_command(arguments: argparse.Namespace) -> None:
    """Make a song again from what its sidecar remembers."""
    from generation.remaking import remake_song
    from structure.sidecar import read_sidecar

    print(remake_song(read_sidecar(arguments.song), arguments.output, arguments.device, arguments.overwrite).audio)


def suggest_command(arguments: argparse.Namespace) -> None:
    """Print suggested structures: the likelihood of their choices, and their text in bars."""
    from generation.suggesting import suggest
    from structure.language import format_structure

    tempo = _tempo(arguments.bpm, arguments.meter)
    for suggestion in suggest(
        tempo, arguments.duration, arguments.caption, arguments.dataset, arguments.count, arguments.seed
    ):
        print(f"{suggestion.likelihood:.2f}", format_structure(suggestion.events(tempo), tempo))


def _beside(text: str) -> dict[str, str]:
    """`FOLDER@0.5` to an adapter and its strength, which is 1 where none is given."""
    folder, at, strength = text.rpartition("@")
    return {"adapter": folder, "strength": strength} if at else {"adapter": text}


def _tempo(bpm: float, meter: str) -> Tempo:
    if not 20 <= bpm <= 400:
        raise StudioError(f"--bpm {bpm:g}: expected 20 to 400 beats per minute.")
    return Tempo(bpm, read_meter(meter))


def _as_json(events: Sequence[Event]) -> str:
    return json.dumps([event.to_dict() for event in events], ensure_ascii=False)


WAYS = {"json": _as_json, "text": language.format_structure, "lyrics": language.format_lyrics}


def make_command(arguments: argparse.Namespace) -> None:
    """Make the song, or all songs, that the flags ask for; everything is checked before the model loads."""
    from generation.jobs import Job, RequestError, make_job, read_jobs
    from generation.service import generate_song, output_folder

    flags = vars(arguments)
    defaults: dict[str, Any] = {name: flags[name] for name in Job.model_fields if name in flags and name != "output"}
    defaults["beside"] = [_beside(text) for text in arguments.beside]
    if arguments.lyrics_file is not None:
        try:
            defaults["lyrics"] = arguments.lyrics_file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as problem:
            raise RequestError(f"{arguments.lyrics_file}: cannot be read as UTF-8 text ({problem}).") from problem
    if arguments.requests is not None:
        folder = arguments.output or output_folder()
        jobs = read_jobs(arguments.requests, defaults)
        outputs = [folder / (job.output or f"{number:03d}.wav") for number, job in enumerate(jobs, start=1)]
        twice = {path for path in outputs if outputs.count(path) > 1}
        if twice:
            raise RequestError(f"{arguments.requests.name}: two songs would be written to {sorted(twice)[0]}.")
    else:
        jobs, outputs = [make_job(defaults)], [arguments.output]
        jobs[0].timed_events()
    for job, output in zip(jobs, outputs, strict=True):
        song = generate_song(
            job, model=arguments.model, device=arguments.device, output=output, overwrite=arguments.overwrite
        )
        if arguments.json:
            print(json.dumps({"audio": str(song.audio), "sidecar": str(song.sidecar), **song.made}), flush=True)
        else:
            print(song.audio, flush=True)
        if untaught := song.made["untaught"]:
            print(f"note: the adapter was never taught {' or '.join(untaught)}.", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 when done, 2 with one line on stderr when a person can put it right."""
    arguments = get_parser().parse_args(argv)
    try:
        if arguments.command == "parse":
            parse_command(arguments)
        elif arguments.command == "remake":
            remake_command(arguments)
        elif arguments.command == "suggest":
            suggest_command(arguments)
        else:
            make_command(arguments)
    except StudioError as problem:
        print("error:", *str(problem).split(), file=sys.stderr)  # one line, whatever a library said
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
