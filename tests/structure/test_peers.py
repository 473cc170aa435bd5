"""Other trainers' files: each layout is read, the right one is believed, what is broken is said, nothing is written."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structure.peers import INSTRUMENTAL, MOST_TEXT, PeerReader, PeerWords, read_peer_words

SIDE_STEP = """\
# Metadata of a song
# key: value, one a line
#
caption: A slow ambient piece, warm pads
# ── tempo and key: ──
genre: ambient, lo-fi
bpm: 85
key: C minor
signature: 4/4
language: en
is_instrumental: false
custom_tag: mytag
repeat: 3
duration: 61
lyrics:
[Verse]
She said: stay
# one
key: of my heart

[Chorus]
Away
"""
SUNG = "[Verse]\nShe said: stay\n# one\nkey: of my heart\n\n[Chorus]\nAway"


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A song whose folder holds nothing else yet, not even its audio."""
    return tmp_path / "song.wav"


def beside(song: Path, ending: str, content: str | bytes | dict) -> Path:
    path = song.with_name(f"{song.stem}{ending}")
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(song: Path, content: str | bytes, name: str = "key_bpm.csv") -> Path:
    path = song.with_name(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def fields(song: Path) -> dict:
    words = read_peer_words(song)
    assert words.problems == ()
    assert words.fields.keys() == words.sources.keys()
    return words.fields


def test_a_song_alone_has_no_words(song: Path) -> None:
    assert read_peer_words(song) == PeerWords({}, {}, ())
    assert read_peer_words(song.parent / "no" / "such" / "folder.wav") == PeerWords({}, {}, ())
    assert read_peer_words(song.with_name("n" * 250 + ".wav")) == PeerWords({}, {}, ())  # too long for `.caption.txt`


def test_the_builder_of_ace_step(song: Path) -> None:
    own = {"caption": "ours", "bpm": 190, "keyscale": "D major", "timesignature": "4", "language": "ja"}
    beside(song, ".json", own)
    beside(song, ".caption.txt", "\nfast pop, synthesizers\n")
    beside(song, ".lyrics.txt", "[Verse]\nline\n")
    words = read_peer_words(song)
    assert words.fields == {"caption": "fast pop, synthesizers", "lyrics": "[Verse]\nline", "vocal_language": "ja"}
    assert words.sources == {
        "caption": "song.caption.txt",
        "lyrics": "song.lyrics.txt",
        "vocal_language": "song.json",
    }


def test_side_step(song: Path) -> None:
    beside(song, ".txt", SIDE_STEP)
    assert fields(song) == {
        "caption": "A slow ambient piece, warm pads",
        "bpm": 85,
        "keyscale": "C minor",
        "timesignature": "4/4",
        "vocal_language": "en",
        "lyrics": SUNG,
    }


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=200))
def test_side_steps_lyrics_and_a_file_of_lyrics_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, sung: str
) -> None:
    song = tmp_path_factory.mktemp("songs") / "song.wav"
    beside(song, ".txt", f"caption: c\nlyrics:\n{sung}\n")
    whole = song.with_name("other.wav")
    beside(whole, ".lyrics.txt", f"{sung}\n")
    assert fields(song).get("lyrics") == fields(whole).get("lyrics")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Caption: a\n  b\nTempo: 92.5", {"caption": "a\nb", "bpm": 92.5}),
        ("bpm: 92", {"bpm": 92}),
        ("bpm:\nkey:\ncaption: \nlyrics: \n", {}),
        (
            "scale: A minor\nsig: 3\nlang: de\nmood: sad",
            {"keyscale": "A minor", "timesignature": "3", "vocal_language": "de"},
        ),
        ("caption: a\nbpm: 92\nstray\nkey: C", {"caption": "a", "bpm": 92, "keyscale": "C"}),
        ("bpm: 92\ngenre: rock,\nmetal", {"caption": "rock,\nmetal", "bpm": 92}),
        ("tags: my trigger\ncaption:", {}),
        ("lyrics: la\nbpm: 92", {"lyrics": "la\nbpm: 92"}),
        ("", {}),
    ],
)
def test_key_value_lines(song: Path, text: str, expected: dict) -> None:
    beside(song, ".txt", text)
    assert fields(song) == expected


@pytest.mark.parametrize(
    "text",
    [
        "[Verse]\nbpm: 92\ncaption: no",
        "Title: Mine\nKey: A minor\n[Verse]\nla",
        "Key: A minor\nBPM: 92\n\n[Verse]\nla la",
        "# A heading\nHello: it's me",
        "the key\nto my heart",
        "12 bars\n3\t4",
    ],
)
def test_any_other_text_is_lyrics(song: Path, text: str) -> None:
    beside(song, ".txt", text)
    assert fields(song) == {"lyrics": text}


@pytest.mark.parametrize("text", ["0.000000\t8.000000\tintro\n8.0\t32.0\tverse\n", "\n0,5\t0,5\n"])
def test_audacitys_labels_are_not_sung(song: Path, text: str) -> None:
    beside(song, ".txt", text)
    assert fields(song) == {}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"key": "A minor", "time_signature": 3}, {"keyscale": "A minor", "timesignature": "3"}),
        ({"signature": "6/8", "language": " ", "key": None}, {"timesignature": "6/8"}),
        ({"tags": ["rock", "loud"], "prompt": "unused"}, {"caption": "rock, loud"}),
        ({"tags": "", "prompt": "a rock song"}, {"caption": "a rock song"}),
        ({"tags": "rock", "caption": "ours"}, {}),
        ({"instrumental": True, "caption": "", "genre": "pop"}, {"caption": "pop", "lyrics": INSTRUMENTAL}),
        ({"is_instrumental": True, "lyrics": "ours"}, {}),
        ({"is_instrumental": False}, {}),
        ({"key": 5, "prompt": {"node": 1}, "tags": [1], "language": True, "signature": 4.5}, {}),
        ({"caption": "ours", "lyrics": "ours", "bpm": 92, "keyscale": "C", "timesignature": "4", "duration": 3}, {}),
    ],
)
def test_keys_of_the_sidecar_that_are_not_ours(song: Path, data: dict, expected: dict) -> None:
    beside(song, ".json", data)
    assert fields(song) == expected


@pytest.mark.parametrize("yes", ["true", "True", "1", "yes"])
def test_an_instrumental_without_lyrics(song: Path, yes: str) -> None:
    beside(song, ".txt", f"caption: c\nis_instrumental: {yes}\nlyrics:\n")
    words = read_peer_words(song)
    assert words.fields == {"caption": "c", "lyrics": "[Instrumental]"}
    assert words.sources["lyrics"] == "song.txt"
    beside(song, ".lyrics.txt", "la")
    assert fields(song)["lyrics"] == "la"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_of_the_folder(song: Path, separator: str) -> None:
    rows = [
        ["FILE", "Artist", "bpm", "Key", "caption "],
        ["song.wav", "me", "92.0", "A minor", '"soft, slow; ""warm"""'],
        ["other", "me", "120,5", "", ""],
    ]
    table(song, "\n".join(separator.join(row) for row in rows if separator != "," or row[0] != "other"))
    assert fields(song) == {"bpm": 92, "keyscale": "A minor", "caption": 'soft, slow; "warm"'}
    assert read_peer_words(song).sources["bpm"] == "key_bpm.csv"
    assert fields(song.with_name("other.flac")) == ({} if separator == "," else {"bpm": 120.5})
    assert fields(song.with_name("third.wav")) == {}


def test_a_songs_first_row_counts_and_the_first_table_that_says_anything(song: Path) -> None:
    table(song, "File,BPM,Key,Caption\nsong.wav,92,,\n\nsong.wav,120,C major,second\nsong,121\n", "a.csv")
    table(song, "File,Caption,BPM\nsong,from b,99\n", "B.CSV")
    table(song, "File,Caption\nsong.wav,from c\n", "c.csv")
    words = read_peer_words(song)
    assert words.fields == {"bpm": 99, "caption": "from b"}  # capitals sort before
    table(song, "File,Caption,BPM\nsong,from b,\n", "B.CSV")
    words = read_peer_words(song)
    assert words.fields == {"bpm": 92, "caption": "from b"}
    assert words.sources == {"bpm": "a.csv", "caption": "B.CSV"}


@pytest.mark.parametrize("text", ["", "\n", "File\nsong.wav", "name,bpm\nsong.wav,92", "File,BPM", "File,BPM\n,92"])
def test_tables_about_something_else_say_nothing(song: Path, text: str) -> None:
    table(song, text)
    assert fields(song) == {}


def test_the_order_of_belief(song: Path) -> None:
    """Each file that is taken away leaves the word to the next."""
    caption = {"caption": "c"}
    table(song, "File,BPM,Key,Caption\nsong.wav,1,one,one")
    txt = beside(song, ".txt", "caption: two\nbpm: 2\nkey: two\nlanguage: two\nlyrics: two")
    lyrics = beside(song, ".lyrics.txt", "three")
    captions = beside(song, ".caption.txt", "three")
    sidecar = beside(song, ".json", {**caption, "key": "four", "language": "four", "tags": "unused"})
    seen = [read_peer_words(song).fields]
    for path in (sidecar, captions, lyrics, txt):
        path.unlink()
        seen.append(read_peer_words(song).fields)
    four = {"keyscale": "four", "vocal_language": "four"}
    two = {"caption": "two", "lyrics": "two", "bpm": 2, "keyscale": "two", "vocal_language": "two"}
    assert seen == [
        {**two, "caption": "three", "lyrics": "three", **four},
        {**two, "caption": "three", "lyrics": "three"},
        {**two, "lyrics": "three"},
        two,
        {"caption": "one", "bpm": 1, "keyscale": "one"},
    ]


def test_a_stand_in_waits_until_no_file_has_a_caption(song: Path) -> None:
    beside(song, ".json", {"tags": "rock"})
    beside(song, ".txt", "genre: pop\nbpm: 92")
    assert read_peer_words(song).fields["caption"] == "rock"
    table(song, "File,Caption\nsong,a whole sentence")
    assert read_peer_words(song).fields["caption"] == "a whole sentence"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_windows_and_macs(song: Path, encoding: str, line_end: str) -> None:
    def encoded(text: str) -> bytes:
        return text.replace("\n", line_end).encode(encoding)

    other, third = song.with_name("other.wav"), song.with_name("third.wav")
    beside(song, ".txt", encoded("caption: Käse “warm”\nbpm: 92\nlyrics:\nÉté\n\nà\n"))
    beside(other, ".caption.txt", encoded("Käse “warm”\n"))
    beside(other, ".lyrics.txt", encoded("Été\n\nà"))
    table(song, encoded("File,BPM,Caption\nsong,1,\nother.wav,92,\nthird,92,Käse “warm”"))
    expected = {"caption": "Käse “warm”", "bpm": 92, "lyrics": "Été\n\nà"}
    assert fields(song) == expected
    assert fields(other) == expected
    assert fields(third) == {"caption": "Käse “warm”", "bpm": 92}


def test_bytes_that_no_windows_knows_are_latin_1(song: Path) -> None:
    beside(song, ".caption.txt", b"a\x81b\xe4")
    assert fields(song) == {"caption": "a\x81bä"}


@pytest.mark.parametrize(
    ("ending", "content", "sentence"),
    [
        (".caption.txt", "no".encode("utf-16"), "`song.caption.txt` holds NUL bytes"),
        (".lyrics.txt", b"la " * (MOST_TEXT // 3 + 1), "`song.lyrics.txt` has more than 1 MB"),
        (".txt", b"bpm: 92\n\0", "`song.txt` holds NUL bytes"),
        (".json", "{", "`song.json` is not JSON"),
        (".json", "[]", "`song.json` holds no JSON object"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_ignored(
    song: Path, ending: str, content: str | bytes, sentence: str
) -> None:
    beside(song, ending, content)
    table(song, "File,Key\nsong,C major")
    words = read_peer_words(song)
    assert words.fields == {"keyscale": "C major"}
    assert [problem.startswith(sentence) for problem in words.problems] == [True]


def test_a_folder_in_a_files_place(song: Path) -> None:
    song.with_name("song.txt").mkdir()
    song.with_name("song.csv").mkdir()
    words = read_peer_words(song)
    assert words.fields == {}
    assert [p.split(" is ")[0] for p in words.problems] == ["`song.txt`", "`song.csv`"]


@pytest.mark.parametrize("said", ["fast", "0", "-92", "nan", "inf", "92 bpm"])
def test_a_tempo_that_is_no_number(song: Path, said: str) -> None:
    beside(song, ".txt", f"caption: c\nbpm: {said}")
    words = read_peer_words(song)
    assert words.fields == {"caption": "c"}
    assert words.problems == (
        f"`song.txt`: the tempo of song.wav is `{said}`. Write a number of beats per minute above 0, or nothing; until "
        "then it counts as unknown.",
    )
    table(song, "File,BPM\nsong,92")
    assert read_peer_words(song).fields == {"caption": "c", "bpm": 92}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"File,BPM\nsong,92\0", "`key_bpm.csv` holds NUL bytes"),
        (b"File,Caption\nsong," + b"x" * 200_000, "`key_bpm.csv` is no table that can be read: field larger than"),
    ],
)
def test_a_broken_table_is_named_once_for_all_songs_of_its_folder(song: Path, content: bytes, sentence: str) -> None:
    table(song, content)
    table(song, "File,BPM\nsong,92", "other.csv")
    table(song, b"\0", "._other.csv")  # what a Mac leaves on other people's disks
    reader = PeerReader()
    first, second = reader.words(song), reader.words(song.with_name("next.wav"))
    assert [problem.startswith(sentence) for problem in first.problems] == [True]
    assert first.fields == {"bpm": 92}
    assert second == PeerWords({}, {}, ())


def test_one_reader_reads_the_tables_of_each_folder_once(tmp_path: Path) -> None:
    songs = [tmp_path / folder / "song.wav" for folder in ("a", "b")]
    for bpm, song in enumerate(songs, 90):
        song.parent.mkdir()
        table(song, f"File,BPM\nsong,{bpm}")
    reader = PeerReader()
    assert [reader.words(song).fields for song in songs] == [{"bpm": 90}, {"bpm": 91}]
    table(songs[0], "File,BPM\nsong,120")
    assert reader.words(songs[0]).fields == {"bpm": 90}
    assert PeerReader().words(songs[0]).fields == {"bpm": 120}


def test_nothing_in_the_folder_changes(song: Path) -> None:
    song.write_bytes(b"RIFF")
    beside(song, ".json", {"language": "ja", "tags": "rock"})
    beside(song, ".caption.txt", "caption\r\n")
    beside(song, ".lyrics.txt", b"\xff\0")
    beside(song, ".txt", SIDE_STEP)
    table(song, "File,BPM\nsong,x")

    def state() -> dict[str, tuple[bytes, int]]:
        return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in song.parent.iterdir()}

    before = state()
    assert len(read_peer_words(song).fields) == 6
    assert state() == before
