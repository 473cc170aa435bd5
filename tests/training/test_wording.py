"""Sections told in words alone: by their label or their type's name, and how often."""

import numpy as np

from structure.events import Event
from structure.plan import frame_words
from training.wording import in_other_words

SONG = [
    Event(type="verse", start=0, end=4, label="muted guitar", intensity=0.4),
    Event(type="chorus", start=4, end=8),
    Event(type="crash", start=4, end=4),
]


def test_nothing_is_hidden_where_nobody_asks_for_it_and_times_stay():
    for seed in range(20):
        told = in_other_words(SONG, 0.0, np.random.default_rng(seed))
        assert [event.type for event in told] == ["verse", "chorus", "crash"]
        assert [(event.start, event.end) for event in told] == [(event.start, event.end) for event in SONG]
        assert told[0].label in ("muted guitar", None)


def test_a_section_in_words_alone_has_no_column_and_keeps_the_rest():
    told = in_other_words(SONG, 1.0, np.random.default_rng(0))
    texts, which = frame_words(told, n_frames=80, frame_rate=10.0)
    assert texts == ["muted guitar", "chorus section"]
    assert which.tolist() == [1] * 40 + [2] * 40
    assert not told[0].is_moment and told[0].intensity == 0.4
    assert told[2] == SONG[2]


def test_the_share_is_kept():
    rng = np.random.default_rng(3)
    hidden = [event.type != "verse" for _ in range(1000) for event in in_other_words(SONG[:1], 0.3, rng)]
    assert 0.25 < np.mean(hidden) < 0.35
