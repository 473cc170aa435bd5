"""Section tags: the order of a song's sections, written into its lyrics the way ACE-Step was trained to read them."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from structure.events import SECTION_TYPES, Event, normalise_type, sections

UNSUNG_TYPES: tuple[str, ...] = (
    "intro",
    "instrumental",
    "solo",
    "breakdown",
    "build-up",
    "drop",
    "interlude",
    "outro",
    "silence",
)
"""Section types that usually have no words."""

_TAGS = {"build-up": "Build", "pre-chorus": "Pre-Chorus", "post-chorus": "Post-Chorus"}  # ACE-Step's own spelling
_TAG_LINE = re.compile(r"^\s*\[([^\[\]\n]+)\]\s*$", re.MULTILINE)
_TAG_BEGINS = re.compile(r"^\s*\[[^\]\n]+\]", re.MULTILINE)
_NO_VOICE = "[instrumental]"


def section_tags(events: Iterable[Event]) -> str:
    """One tag per section, in order of time: `[Intro]`, `[Verse]`, … each on a line of its own."""
    return "\n".join(_tag(e) for e in sections(events))


def has_section_tags(lyrics: str) -> bool:
    """Whether a line of the lyrics is a section tag.

    `[Verse 2]` and `[Chorus - loud]` are. A lone `[Instrumental]` is not: it says that nobody sings, not where the
    parts are.
    """
    if lyrics.strip().lower() == _NO_VOICE:
        return False
    return any(
        normalise_type(re.split(r"\s[-–—:|]\s|[:|]", tag)[0]) in SECTION_TYPES for tag in _TAG_LINE.findall(lyrics)
    )


def lyric_blocks(lyrics: str, n_sections: int) -> list[str] | None:
    """The lyrics cut before each tag, one block a section: None where nothing is tagged or the numbers differ."""
    begins = [match.start() for match in _TAG_BEGINS.finditer(lyrics)]
    if not has_section_tags(lyrics) or len(begins) != n_sections:
        return None
    return [lyrics[a:b].rstrip() for a, b in pairwise([*begins, len(lyrics)])]


def song_lyrics(lyrics: str, events: Iterable[Event]) -> str:
    """The lyrics of a song some of whose sections carry theirs: each section's tag and words, in order of time.

    What stands on sections is nearer to the song than what is written for all of it; where nothing does, `lyrics` is
    returned as it is. Tags among a section's words are dropped, so that there is one a section.
    """
    parts = sections(events)
    words = [_TAG_LINE.sub("", part.sung).strip("\n") for part in parts]
    if not any(w.strip() for w in words):
        return lyrics
    return "\n".join(line for part, w in zip(parts, words, strict=True) for line in [_tag(part), *([w] if w else [])])


def lyrics_with_tags(lyrics: str, events: Sequence[Event]) -> str:
    """The lyrics with a tag for every section; as they are where they carry tags already, or there are no sections.

    Stanzas (separated by blank lines) go in order to the sections that are usually sung. Where there are more
    stanzas than such sections, neighbours share one; where nothing is usually sung, all words follow the tags.
    """
    parts = sections(events)
    if not parts or has_section_tags(lyrics) or any(_tag(part) in lyrics.splitlines() for part in parts):
        return lyrics
    if lyrics.strip().lower() == _NO_VOICE:
        return f"{lyrics.strip()}\n\n{section_tags(parts)}"
    stanzas = [s.strip("\n") for s in re.split(r"\n\s*\n", lyrics.strip()) if s.strip()]
    if not stanzas:
        return section_tags(parts)
    sung = [i for i, part in enumerate(parts) if part.type not in UNSUNG_TYPES]
    if not sung:
        return "\n".join([section_tags(parts), *stanzas])
    words: dict[int, list[str]] = {}
    for n, stanza in enumerate(stanzas):
        at = n if len(stanzas) <= len(sung) else n * len(sung) // len(stanzas)
        words.setdefault(sung[at], []).append(stanza)
    return "\n".join(line for i, part in enumerate(parts) for line in [_tag(part), *words.get(i, [])])


def without_section_tags(lyrics: str) -> str:
    """The words alone: lines that tag a section are gone, `[Instrumental]` for the whole song stays."""
    if not has_section_tags(lyrics):
        return lyrics
    bare = [line for line in lyrics.splitlines() if not _TAG_LINE.match(line) or line.strip().lower() == _NO_VOICE]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(bare)).strip("\n")


def _tag(event: Event) -> str:
    words = event.type.replace("[", "").replace("]", "").split()
    return f"[{_TAGS.get(event.type) or ' '.join(w[0].upper() + w[1:] for w in words)}]"
