"""Peers: what other ACE-Step trainers keep beside a song, read so that nobody types it twice, and never written.

For `song.wav`, the first of these files that says something of a field is believed:

    song.json          keys that our own sidecar does not have: `language`, `key`, `signature`, …
    song.caption.txt   the caption, whole (ACE-Step's dataset builder)
    song.lyrics.txt    the lyrics, whole (ACE-Step's dataset builder)
    song.txt           `key: value` lines (Side-Step), else the lyrics, whole (older datasets of ACE-Step)
    *.csv              a table of the folder with the columns File, BPM, Key, Caption, as DJ software exports

Two fields have stand-ins for when no file gives them: tags, a prompt or a genre serve as caption, and a song that is
said to be instrumental has the lyrics `[Instrumental]`. Sidecar keys that are ours already are read by `sidecar.py`
and not here.

Source: ACE-Step 1.5, acestep/training/dataset_builder_modules and docs/en/LoRA_Training_Tutorial.md; Side-Step,
sidestep_engine/data/dataset_builder.py and assets/example_sidecar.txt. Where the two rank files differently (ACE-Step
believes the table most, Side-Step its `song.txt`) the order above holds.
"""

import csv
import io
import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from structure.errors import StudioError
from structure.sidecar import SIDECAR_FIELDS, read_sidecar

INSTRUMENTAL = "[Instrumental]"
MOST_TEXT = 1_000_000  # bytes; no song has a megabyte of words
MOST_TABLE = 64_000_000  # bytes; a table may describe ten thousand songs

_STYLE, _INSTRUMENTAL, _OTHER = "(style)", "(instrumental)", "(other)"  # what is said besides the fields
_YES = ("true", "yes", "1")

_JSON_KEYS = {
    "language": "vocal_language",
    "key": "keyscale",
    "time_signature": "timesignature",
    "signature": "timesignature",
    "tags": _STYLE,
    "prompt": _STYLE,
    "genre": _STYLE,
    "genres": _STYLE,
    "is_instrumental": _INSTRUMENTAL,
    "instrumental": _INSTRUMENTAL,
}
_TXT_KEYS = {
    "caption": "caption",
    "genre": _STYLE,
    "bpm": "bpm",
    "tempo": "bpm",
    "key": "keyscale",
    "keyscale": "keyscale",
    "scale": "keyscale",
    "signature": "timesignature",
    "timesignature": "timesignature",
    "time_signature": "timesignature",
    "sig": "timesignature",
    "language": "vocal_language",
    "lang": "vocal_language",
    "vocal_language": "vocal_language",
    "is_instrumental": _INSTRUMENTAL,
    "lyrics": "lyrics",
    **dict.fromkeys(
        ("tags", "custom_tag", "trigger", "prompt_override", "repeat", "repeats", "duration"), _OTHER
    ),  # Side-Step's `tags` are a trigger word, no caption
}
_CSV_COLUMNS = {"bpm": "bpm", "key": "keyscale", "caption": "caption"}
_LABEL_TRACK = re.compile(r"\s*[+-]?\d+(?:[.,]\d+)?\t[+-]?\d+(?:[.,]\d+)?(?:\t|\n|$)")

T = TypeVar("T")
Said = dict[str, str]  # field, or one of the three extras: what a file says of it
Table = dict[str, Said]  # as the File column names a song: what its row says


@dataclass(frozen=True)
class PeerWords:
    """What the files of other programs say of one song.

    Attributes:
        fields: any of `SIDECAR_FIELDS` but the duration; `bpm` is a number of beats per minute, the others are text,
            and none is empty.
        sources: the name of the file that each field came from.
        problems: a sentence for each file, or tempo, that could not be understood and counts as absent.
    """

    fields: dict[str, Any]
    sources: dict[str, str]
    problems: tuple[str, ...]


class PeerReader:
    """Reads the words of many songs, and the tables of each folder only once.

    A table that changes later is not read again, so make one reader for one pass over a dataset.
    """

    def __init__(self) -> None:
        self._tables: dict[Path, list[tuple[str, Table]]] = {}

    def words(self, audio: Path) -> PeerWords:
        """What lies beside a song, which need not be there itself.

        A table that cannot be read is named with the first song of its folder, and not again with each of the others.
        """
        audio = Path(audio)
        said, problems = _read_all((audio.with_name(f"{audio.stem}{ending}"), read) for ending, read in _BESIDE)
        if audio.parent not in self._tables:
            tables, wrong = _read_all((path, _table) for path in _csv_files(audio.parent))
            self._tables[audio.parent] = tables
            problems += wrong
        for name, table in self._tables[audio.parent]:
            said.append((name, table.get(audio.name) or table.get(audio.stem) or {}))
        return _merge(audio.name, said, problems)


def read_peer_words(audio: Path) -> PeerWords:
    """What lies beside one song. For a whole folder a `PeerReader` is quicker."""
    return PeerReader().words(audio)


def _read_all(files: Iterable[tuple[Path, Callable[[Path], T]]]) -> tuple[list[tuple[str, T]], list[str]]:
    """What each file that is there holds, by its name, and a sentence for each that cannot be read."""
    held: list[tuple[str, T]] = []
    problems: list[str] = []
    for path, read in files:
        if os.path.exists(path):  # false, too, for a name that is too long for the disk, where pathlib may raise
            try:
                held.append((path.name, read(path)))
            except StudioError as problem:
                problems.append(str(problem))
    return held, problems


def _merge(song: str, said: Iterable[tuple[str, Said]], problems: list[str]) -> PeerWords:
    """The first file that says something of a field is believed; stand-ins come last."""
    found: dict[str, tuple[Any, str]] = {}
    wrong = list(problems)
    for source, words in said:
        for field, text in words.items():
            value: Any = text.strip()
            if not value or field in found:
                continue
            if field == "bpm" and (value := _tempo(text)) is None:
                wrong.append(
                    f"`{source}`: the tempo of {song} is `{text.strip()[:60]}`. Write a number of beats per minute "
                    "above 0, or nothing; until then it counts as unknown."
                )
                continue
            found[field] = (value, source)
    if _STYLE in found:
        found.setdefault("caption", found[_STYLE])
    if _INSTRUMENTAL in found and found[_INSTRUMENTAL][0].lower() in _YES:
        found.setdefault("lyrics", (INSTRUMENTAL, found[_INSTRUMENTAL][1]))
    fields = [field for field in SIDECAR_FIELDS if field in found]
    return PeerWords({f: found[f][0] for f in fields}, {f: found[f][1] for f in fields}, tuple(wrong))


def _tempo(text: str) -> int | float | None:
    """A positive number, whole where it can be; a decimal comma is read too."""
    try:
        bpm = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    if not (math.isfinite(bpm) and bpm > 0):
        return None
    return int(bpm) if bpm == int(bpm) else bpm


def _foreign_keys(path: Path) -> Said:
    """The keys of a JSON sidecar that are not ours. Values of another shape are another program's business."""
    sidecar = read_sidecar(path)
    said: Said = {}
    for key, field in _JSON_KEYS.items():
        if text := _as_text(sidecar.get(key), field):
            said.setdefault(field, text)
    for own, stand_in in (("caption", _STYLE), ("lyrics", _INSTRUMENTAL)):
        if sidecar.get(own):
            said.pop(stand_in, None)
    return said


def _as_text(value: object, field: str) -> str:
    """Text, or a list of texts, as text; a whole number and a truth only where the field may be one; else nothing."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(item.strip() for item in value)
    if isinstance(value, bool):
        return str(value) if field == _INSTRUMENTAL else ""
    return str(value) if isinstance(value, int) and field in ("timesignature", _INSTRUMENTAL) else ""


def _caption(path: Path) -> Said:
    return {"caption": _read_text(path)}


def _lyrics(path: Path) -> Said:
    return {"lyrics": _read_text(path)}


def _song_txt(path: Path) -> Said:
    """A file that means three things: `key: value` lines, lyrics, or labels that Audacity exported (no words)."""
    text = _read_text(path)
    if _LABEL_TRACK.match(text):
        return {}
    said = _key_values(text)
    return {"lyrics": text} if said is None else said


_BESIDE: tuple[tuple[str, Callable[[Path], Said]], ...] = (
    (".json", _foreign_keys),
    (".caption.txt", _caption),
    (".lyrics.txt", _lyrics),
    (".txt", _song_txt),
)


def _key_values(text: str) -> Said | None:
    """Side-Step's `key: value` lines, or None where the text is anything else, that is, lyrics.

    Lyrics may hold colons, and a sheet of lyrics may begin with `Key: A minor`. So the text is Side-Step's only if its
    first line, blank ones and `#` comments aside, is one of Side-Step's keys with a colon, and then either a caption
    or `lyrics:` is among the keys, or every line is `key: value`. A caption and a genre may run over several lines;
    `lyrics:` takes all that follows to the end of the file, whatever it looks like.
    """
    said: Said = {}
    field = ""
    lines = text.split("\n")
    strays = False
    for number, line in enumerate(lines, 1):
        key, colon, value = line.partition(":")
        known = _TXT_KEYS.get(key.strip().lower()) if colon else None
        if known == "lyrics":
            return {**said, "lyrics": "\n".join([value, *lines[number:]])}
        if known:
            field = known
            said[field] = value.strip() or said.get(field, "")
        elif not line.strip() or line.lstrip().startswith("#"):
            continue
        elif not field:
            return None
        elif field in ("caption", _STYLE):
            said[field] += f"\n{line.strip()}"
        else:
            strays = strays or not colon
    return None if strays and "caption" not in said else said


def _csv_files(folder: Path) -> list[Path]:
    """The folder's tables by name, without hidden ones; none where there is no such folder."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [folder / name for name in sorted(names) if name.lower().endswith(".csv") and not name.startswith(".")]


def _table(path: Path) -> Table:
    """What a table says of each song; nothing where it has no File column, being about something else.

    A song's first row counts.
    """
    text = _read_text(path, MOST_TABLE).lstrip("\n")
    table: Table = {}
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.partition("\n")[0]))
        header = [name.strip().lower() for name in next(rows, [])]
        if "file" not in header:
            return {}
        for cells in rows:
            row = dict(zip(header, cells, strict=False))
            if song := row.get("file", "").strip():
                table.setdefault(song, {field: row.get(column, "") for column, field in _CSV_COLUMNS.items()})
    except csv.Error as problem:
        raise StudioError(
            f"`{path.name}` is no table that can be read: {problem}. Save it anew as CSV; until then it is ignored."
        ) from problem
    return table


def _delimiter(header: str) -> str:
    """What separates the columns. Only the header is asked: captions are full of commas."""
    try:
        return csv.Sniffer().sniff(header, delimiters=",;\t|").delimiter
    except csv.Error:  # a single column
        return ","


def _read_text(path: Path, most: int = MOST_TEXT) -> str:
    r"""A text file with `\n` line ends: UTF-8 with or without byte order mark, else Windows' Latin-1.

    Raises:
        StudioError: it cannot be opened, is no text, or is longer than `most` bytes.
    """
    if not path.is_file():
        raise StudioError(f"`{path.name}` is no file but something else of that name. Rename it; it is ignored.")
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as problem:
        raise StudioError(
            f"`{path.name}` cannot be read: {problem.strerror or problem}. Give read access; until then it is ignored."
        ) from problem
    if len(content) > most:
        raise StudioError(
            f"`{path.name}` has more than {most // 1_000_000} MB, too much for words about songs. Move it away or "
            "shorten it; until then it is ignored."
        )
    if b"\0" in content:
        raise StudioError(
            f"`{path.name}` holds NUL bytes, so it is no text in UTF-8. Save it as UTF-8; until then it is ignored."
        )
    return _decode(content).replace("\r\n", "\n").replace("\r", "\n")


def _decode(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")  # takes any byte, the five that Windows leaves undefined too
