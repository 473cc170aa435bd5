"""One part changed, the rest the same samples; structure and sound stay together."""

import numpy as np
import pytest

from generation.editing import (
    FADE,
    assemble,
    continued,
    lay_in,
    lengthened,
    made_again,
    removed,
    repeated,
    shortened,
    swapped,
)
from structure.errors import StudioError
from structure.events import Event, problems, sections
from structure.language import parse_structure

RATE = 8_000
HALF = round(FADE * RATE / 2)
DURATION = 20.0
EVENTS = parse_structure("intro 0-4, verse 4-10, chorus 10-16, outro 16-20, fill 9-10, crash @10, riser 13-16")
SONG = np.random.default_rng(0).integers(-20_000, 20_000, (int(DURATION * RATE), 2)).astype(np.int16)


def shape(events: list[Event]) -> list[tuple[str, float, float]]:
    return [(e.type, e.start, e.end) for e in events]


def heard(edit) -> tuple[np.ndarray, list[tuple[int, int]]]:
    assert problems(edit.events, edit.duration) == []
    song, spans = assemble(SONG, RATE, edit.pieces)
    assert len(song) == round(edit.duration * RATE)
    return song, spans


def cut(begin: float, end: float) -> np.ndarray:
    return SONG[round(begin * RATE) : round(end * RATE)]


def same(song: np.ndarray, at: float, begin: float, end: float) -> None:
    """From `at` on, the new song has the old one's samples from `begin` to `end`, but for half a cross-fade."""
    first = round(at * RATE)
    old = cut(begin, end)
    np.testing.assert_array_equal(song[first + HALF : first + len(old) - HALF], old[HALF:-HALF])


def test_a_part_made_again_leaves_every_other_sample():
    edit = made_again(EVENTS, DURATION, 2)
    song, ((first, last),) = heard(edit)
    assert (edit.events, first, last) == (sorted(EVENTS, key=lambda e: (e.start, e.end)), 10 * RATE, 16 * RATE)
    made = np.full((last - first + 2 * HALF, 2), 0.5, np.float32)
    lay_in(song, (first, last), first - HALF, made, RATE)
    np.testing.assert_array_equal(song[: first - HALF], SONG[: first - HALF])
    np.testing.assert_array_equal(song[last + HALF :], SONG[last + HALF :])
    assert (song[first + HALF : last - HALF] == round(0.5 * 32767)).all()
    assert not np.array_equal(song[first - HALF : first + HALF], SONG[first - HALF : first + HALF])


def test_the_first_and_the_last_part_can_be_made_again():
    for place, (begin, end) in ((0, (0, 4)), (3, (16, 20))):
        song, ((first, last),) = heard(made_again(EVENTS, DURATION, place))
        assert (first, last) == (begin * RATE, end * RATE)
        low, high = max(0, first - HALF), min(len(song), last + HALF)
        lay_in(song, (first, last), low, np.zeros((high - low, 2), np.float32), RATE)
        assert not song[first + (HALF if first else 0) : last - (HALF if last < len(song) else 0)].any()


def test_a_cross_fade_keeps_the_power_of_noise():
    song, _ = heard(swapped(EVENTS, DURATION, 1))
    joined = song[round(10 * RATE) - HALF : round(10 * RATE) + HALF].astype(float)
    assert joined.std() == pytest.approx(SONG.astype(float).std(), rel=0.1)


def test_a_longer_part_is_made_on_and_what_follows_comes_later():
    edit = lengthened(EVENTS, DURATION, 1, 2.0)
    song, spans = heard(edit)
    assert spans == [(10 * RATE, 12 * RATE)]
    assert shape(edit.events) == [
        *[("intro", 0, 4), ("verse", 4, 12), ("fill", 9, 10), ("crash", 12, 12), ("chorus", 12, 18)],
        *[("riser", 15, 18), ("outro", 18, 22)],
    ]
    same(song, 0, 0, 10)
    same(song, 12, 10, 20)


def test_a_shorter_part_and_one_less():
    edit = shortened(EVENTS, DURATION, 1, 2.0)
    song, spans = heard(edit)
    assert spans == [] and shape(sections(edit.events))[1:3] == [("verse", 4, 8), ("chorus", 8, 14)]
    same(song, 0, 0, 8)
    same(song, 8, 10, 20)
    gone = removed(EVENTS, DURATION, 2)
    song, _ = heard(gone)
    assert shape(gone.events) == [("intro", 0, 4), ("verse", 4, 10), ("fill", 9, 10), ("outro", 10, 14)]
    same(song, 10, 16, 20)
    first = heard(removed(EVENTS, DURATION, 0))[0]
    np.testing.assert_array_equal(first, SONG[4 * RATE :])


def test_a_part_twice_with_its_moments():
    edit = repeated(EVENTS, DURATION, 1)
    song, _ = heard(edit)
    assert shape(edit.events)[1:7] == [
        *[("verse", 4, 10), ("fill", 9, 10), ("verse", 10, 16), ("fill", 15, 16), ("crash", 16, 16), ("chorus", 16, 22)]
    ]
    same(song, 10, 4, 10)
    same(song, 16, 10, 20)


def test_two_parts_change_places_and_take_their_moments_along():
    edit = swapped(EVENTS, DURATION, 1)
    song, _ = heard(edit)
    assert shape(edit.events) == [
        *[("intro", 0, 4), ("crash", 4, 4), ("chorus", 4, 10), ("riser", 7, 10), ("verse", 10, 16)],
        *[("fill", 15, 16), ("outro", 16, 20)],
    ]
    same(song, 4, 10, 16)
    same(song, 10, 4, 10)
    np.testing.assert_array_equal(song[16 * RATE + HALF :], SONG[16 * RATE + HALF :])


def test_a_song_goes_on():
    edit = continued(EVENTS, DURATION, parse_structure("chorus 4s, outro 2s, crash @0"))
    song, spans = heard(edit)
    assert spans == [(20 * RATE, 26 * RATE)] and shape(edit.events)[-3:] == [
        *[("crash", 20, 20), ("chorus", 20, 24), ("outro", 24, 26)]
    ]
    np.testing.assert_array_equal(song[: 20 * RATE], SONG)


def test_a_rest_too_short_to_be_cut_out_goes_with_its_neighbour():
    events = parse_structure("verse 0-10, chorus 10-19.9")
    assert [p.length for p in made_again(events, DURATION, 1).pieces] == [10, 10]
    assert removed(events, DURATION, 0).duration == pytest.approx(10.0)
    assert made_again(parse_structure("verse 0.1-10"), 10.0, 0).pieces[0].source is None


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda: made_again(EVENTS, DURATION, 9), "There is no part 10: the song has 4."),
        (lambda: shortened(EVENTS, DURATION, 0, 4.0), "cannot be cut from it"),
        (lambda: lengthened(EVENTS, DURATION, 0, float("nan")), "expected 0.2 to 300 seconds"),
        (lambda: swapped(EVENTS, DURATION, 3), "nothing to swap it with"),
        (lambda: removed(parse_structure("verse 0-20"), DURATION, 0), "all there is of the song"),
        (lambda: continued(EVENTS, DURATION, []), "Say how the song goes on"),
    ],
)
def test_what_cannot_be_done_is_said(edit, told):
    with pytest.raises(StudioError, match=told):
        edit()
