"""`python -m annotate check PATH…`, `convert IN OUT`, `propose AUDIO…`, `stats DIR`, `compare A B`, `merge A B`,
`export DIR OUT` and `import FILE… DIR`."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from annotate.audio import AUDIO_SUFFIXES, audio_info
from annotate.dataset import DatasetError, add_songs, read_song, scan
from annotate.export import ExportError, export_dataset, require_token, upload
from annotate.formats.convert import audio_beside, convert
from annotate.formats.registry import FORMATS
from annotate.lint import lint_song
from annotate.proposals import ABOVE, proposal_json, proposal_text, propose, save_proposal
from annotate.stats import dataset_stats, stats_text
from annotate.two_people import compared, compared_lines, merge_files
from structure.errors import StudioError
from structure.sidecar import SidecarError, read_sidecar


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m annotate", description="Check, convert, propose and count songs' annotations."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="print every problem of songs and sidecars, one a line",
        description="Print every problem, one a line. Exit status 0: none, 1: some, 2: a path cannot be checked.",
    )
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder of songs, audio file or sidecar")
    check.add_argument(
        "--lint",
        action="store_true",
        help="listen too, some seconds a song, and note what is worth a second look: boundaries off the beat, sections "
        "of one bar, gaps, parts unlike others of their type; notes leave the exit status as it is",
    )
    names = ", ".join(f.name for f in FORMATS)
    other = commands.add_parser(
        "convert",
        help="carry an annotation from one file format into another, or into a sidecar",
        description="Read an annotation file and write another. A .json file is a sidecar, new or existing: its "
        "sections are replaced, its moments and everything else are kept. The version before stays as OUT.bak. "
        f"Formats: {names}.",
    )
    other.add_argument("source", type=Path, metavar="IN", help="annotation file or sidecar")
    other.add_argument("target", type=Path, metavar="OUT", help="file to write, or sidecar to put the sections into")
    other.add_argument("--from", dest="source_format", metavar="FORMAT", help="format of IN (default: found)")
    other.add_argument("--to", dest="target_format", metavar="FORMAT", help="format of OUT (default: by extension)")
    other.add_argument("--layer", metavar="NAME", help="which of several layers of IN (default: the most telling)")
    guess = commands.add_parser(
        "propose",
        help="propose a song's parts from what is heard, with the probability of each",
        description="Hear where a song's parts begin, without any downloaded model, and print them. Parts that sound "
        "alike get one name; which name is a guess. Exit status 1: some song could not be heard or saved.",
    )
    guess.add_argument("songs", nargs="+", type=Path, metavar="AUDIO", help="audio files")
    guess.add_argument(
        "--above", type=_share, default=ABOVE, metavar="P", help="least probability of a boundary, 0 to 1 (%(default)s)"
    )
    guess.add_argument("--json", action="store_true", help="print the events as sidecars have them, one song a line")
    guess.add_argument("--save", action="store_true", help="put them into the sidecars of songs that have no events")
    count = commands.add_parser(
        "stats",
        help="count songs, minutes, sections and moments by type, and what is left to mark",
        description="Count what a folder of songs holds. Median lengths are of sections of a type, in seconds.",
    )
    count.add_argument("folder", type=Path, metavar="DIR", help="folder of songs")
    count.add_argument("--json", action="store_true", help="print one JSON object")
    both = commands.add_parser(
        "compare",
        help="how far two people's annotations agree, and where they differ",
        description="Compare two annotations of a song, in any format that convert reads, or two folders whose "
        "songs have the same names. A song's ends agree by themselves, so that the figures without them count: pairs "
        "of people of the SALAMI corpus reach an F of 0.64 within 0.5 s and 0.73 within 3 s. Precision is the share "
        "of B's boundaries that A has, recall that of A's that B has. Who made them is shown where a sidecar says so "
        "under the key annotator.",
    )
    both.add_argument("first", type=Path, metavar="A", help="sidecar, annotation file or folder")
    both.add_argument("second", type=Path, metavar="B", help="the other one")
    both.add_argument("--json", action="store_true", help="print one JSON object")
    join = commands.add_parser(
        "merge",
        help="put two people's annotations of a song into one sidecar",
        description="All of A, and of B what does not collide with it; boundaries within 0.07 s are the same. Exit "
        "status 1: the two collide somewhere, and something was left out.",
    )
    join.add_argument("first", type=Path, metavar="A", help="sidecar or annotation file whose word counts")
    join.add_argument("second", type=Path, metavar="B", help="the other one")
    join.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="sidecar to write (.json)")
    join.add_argument("--theirs", action="store_true", help="where the two collide, take B's")
    join.add_argument("--force", action="store_true", help="write over another file than A; it stays as OUT.bak")
    out = commands.add_parser(
        "export",
        help="write a Hugging Face AudioFolder, or the annotations alone",
        description="Write the marked songs of a folder as `datasets` reads them. Songs with problems are left out.",
    )
    out.add_argument("folder", type=Path, metavar="DIR", help="folder of songs")
    out.add_argument("target", type=Path, metavar="OUT", help="folder to make, or archive with --zip")
    out.add_argument(
        "--annotations-only", action="store_true", help="sidecars without the audio, where rights forbid to share it"
    )
    out.add_argument("--zip", action="store_true", help="make one zip archive instead of a folder")
    out.add_argument("--hub", metavar="REPO_ID", help="upload it to this dataset of the hub, private unless --public")
    out.add_argument("--public", action="store_true", help="everybody may see the dataset on the hub")
    bring = commands.add_parser(
        "import",
        help="copy songs with their sidecars into a dataset",
        description="From audio files, folders or zip archives. Nothing that is there is overwritten. Exit status 1: "
        "something was there already or was refused.",
    )
    bring.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio, folders, zip archives")
    bring.add_argument("folder", type=Path, metavar="DIR", help="dataset, made where it is missing")
    return parser


def _share(text: str) -> float:
    share = float(text)  # argparse says so where it is no number
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no probability: give 0 to 1")
    return share


def propose_songs(songs: Sequence[Path], above: float, as_json: bool, save: bool) -> int:
    """Print, and perhaps save, a proposal for each song; the exit status."""
    status = 0
    for song in songs:
        try:
            found = propose(song, above)
            print(proposal_json(song, found) if as_json else proposal_text(song, found))
            if save:
                save_proposal(song, found)
        except StudioError as problem:
            print(f"annotate: {' '.join(str(problem).split())}", file=sys.stderr)
            status = 1
    return status


def export_folder(
    folder: Path, target: Path, annotations_only: bool, as_zip: bool, hub: str | None, public: bool
) -> None:
    """Write, perhaps upload, and say what became of it.

    Raises:
        StudioError: what was asked for does not fit together, cannot be written, or cannot be uploaded.
    """
    if as_zip and hub:
        raise ExportError("The hub takes the folder, not an archive of it. Leave out --zip or --hub.")
    if public and not hub:
        raise ExportError("--public is about the hub. Say with --hub where to upload.")
    if hub:
        require_token()
    for line in export_dataset(folder, target, annotations_only, as_zip):
        print(f"annotate: {line}", file=sys.stderr)
    print(f"Written to {target}", flush=True)
    if hub:
        print(upload(target, hub, public))


def check_path(path: Path) -> Iterator[str]:
    """Every problem of a folder's songs, of one song, or of one sidecar, a line each.

    Raises:
        StudioError: there is nothing here that could be checked.
    """
    if path.is_dir():
        for song in scan(path):
            yield from _lines(song.audio, song.problems)
    elif not path.is_file():
        raise DatasetError(f"There is no file or folder `{path}`. Check the spelling.")
    elif path.suffix.lower() in AUDIO_SUFFIXES:
        yield from _lines(path, read_song(path, path.parent).problems)
    elif path.suffix.lower() == ".json":
        audio = audio_beside(path)
        try:
            yield from _lines(path, read_sidecar(path).problems(audio_info(audio).duration if audio else None))
        except SidecarError as problem:
            yield from _lines(path, [str(problem)])
    else:
        raise DatasetError(f"`{path}` is neither a folder, nor audio, nor a sidecar (.json).")


def lint_path(path: Path) -> Iterator[str]:
    """What is worth a second look in what `check_path` has checked, a line each."""
    if path.is_dir():
        for song in scan(path):
            if song.owner is None:
                yield from lint_path(song.audio)
        return
    audio = audio_beside(path) if path.suffix.lower() == ".json" else path
    try:
        found = lint_song(audio, read_sidecar(path), audio_info(audio).duration if audio else None)
    except StudioError:  # a problem, which `check_path` tells
        return
    yield from _lines(path, [f"note: {note.text}" for note in found])


def _lines(path: Path, sentences: Sequence[str]) -> Iterator[str]:
    yield from (f"{path}: {line}" for sentence in sentences for line in sentence.splitlines())


def main(arguments: Sequence[str] | None = None) -> int:
    asked = get_parser().parse_args(arguments)
    try:
        if asked.command == "convert":
            done = convert(asked.source, asked.target, asked.source_format, asked.target_format, asked.layer)
            for note in done.notes:
                print(f"annotate: {note}", file=sys.stderr)
            print(done.summary)
            return 0
        if asked.command == "propose":
            return propose_songs(asked.songs, asked.above, asked.json, asked.save)
        if asked.command == "compare":
            pairs = compared(asked.first, asked.second)
            for line in pairs.left_out:
                print(f"annotate: {line}", file=sys.stderr)
            for line in [json.dumps(pairs.to_dict(), ensure_ascii=False)] if asked.json else compared_lines(pairs):
                print(line)
            return 0
        if asked.command == "merge":
            said, left = merge_files(asked.first, asked.second, asked.output, asked.theirs, asked.force)
            for line in left:
                print(f"annotate: {line}", file=sys.stderr)
            print(said)
            return 1 if left else 0
        if asked.command == "export":
            export_folder(asked.folder, asked.target, asked.annotations_only, asked.zip, asked.hub, asked.public)
            return 0
        if asked.command == "import":
            added, refused = add_songs(asked.folder, asked.files)
            for line in refused:
                print(f"annotate: {line}", file=sys.stderr)
            print(f"{asked.folder}: {len(added)} song{'s' * (len(added) != 1)} added")
            return 1 if refused else 0
        if asked.command == "stats":
            found = dataset_stats(scan(asked.folder))
            print(json.dumps(found.to_dict(), ensure_ascii=False) if asked.json else stats_text(found))
            return 0
        status = 0
        for path in asked.paths:
            for line in check_path(path):
                print(line)
                status = 1
            for line in lint_path(path) if asked.lint else ():
                print(line)
        return status
    except StudioError as problem:
        print(f"annotate: {' '.join(str(problem).split())}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
