"""Section tags in lyrics."""

import pytest

from structure.events import Event
from structure.lyrics import has_section_tags, lyric_blocks, lyrics_with_tags, section_tags, song_lyrics

SONG = [
    Event(type=kind, start=8 * i, end=8 * i + 8)
    for i, kind in enumerate(["intro", "verse", "pre-chorus", "chorus", "build-up", "chorus", "my own part"])
] + [Event(type="crash", start=24, end=24)]
TAGS = "[Intro]\n[Verse]\n[Pre-Chorus]\n[Chorus]\n[Build]\n[Chorus]\n[My Own Part]"


def test_one_tag_a_section_in_order_of_time() -> None:
    assert section_tags(reversed(SONG)) == TAGS
    assert section_tags([]) == ""


@pytest.mark.parametrize("lyrics", ["[Verse]\na", "a\n  [chorus 2] \nb", "[Chorus - loud]\na", "[Guitar Solo]", TAGS])
def test_lyrics_with_tags_stay_as_they_are(lyrics: str) -> None:
    assert has_section_tags(lyrics)
    assert lyrics_with_tags(lyrics, SONG) == lyrics


@pytest.mark.parametrize("lyrics", ["", "a [verse] b", "[laughs]\na", "[Instrumental]", " [instrumental]\n"])
def test_lyrics_without_tags_are_told_apart(lyrics: str) -> None:
    assert not has_section_tags(lyrics)


def test_tags_come_to_lyrics_that_have_none() -> None:
    assert lyrics_with_tags("", SONG) == TAGS
    assert lyrics_with_tags("[Instrumental]", SONG) == f"[Instrumental]\n\n{TAGS}"
    assert lyrics_with_tags("some words", []) == "some words"


def test_tags_come_only_once() -> None:
    own = [Event(type="my own part", start=0, end=8)]
    for lyrics in ("", "words\n\nmore"):
        for events in (own, SONG):
            once = lyrics_with_tags(lyrics, events)
            assert lyrics_with_tags(once, events) == once != lyrics


def test_stanzas_go_to_the_parts_that_are_sung() -> None:
    assert lyrics_with_tags("one\nline\n\ntwo\n \n\nthree\n", SONG) == (
        "[Intro]\n[Verse]\none\nline\n[Pre-Chorus]\ntwo\n[Chorus]\nthree\n[Build]\n[Chorus]\n[My Own Part]"
    )
    many = lyrics_with_tags("1\n\n2\n\n3\n\n4\n\n5\n\n6", SONG)
    assert many == "[Intro]\n[Verse]\n1\n2\n[Pre-Chorus]\n3\n[Chorus]\n4\n[Build]\n[Chorus]\n5\n[My Own Part]\n6"
    assert lyrics_with_tags("words", [Event(type="solo", start=0, end=8)]) == "[Solo]\nwords"


def test_words_on_sections_stand_for_the_songs_own() -> None:
    told = [
        Event(**SONG[i].to_dict(), lyrics="\n[Verse 1]\none\ntwo\n") if i == 1 else part for i, part in enumerate(SONG)
    ]
    lyrics = song_lyrics("other words", reversed(told))
    assert lyrics.splitlines()[:4] == ["[Intro]", "[Verse]", "one", "two"]
    assert len(lyric_blocks(lyrics, 7) or []) == 7 and lyrics_with_tags(lyrics, told) == lyrics
    assert song_lyrics("other words", SONG) == "other words"
    blank = [Event(type="verse", start=0, end=8, lyrics=" \n"), Event(type="chorus", start=8, end=9, lyrics=7)]
    assert song_lyrics("other words", blank) == "other words"
