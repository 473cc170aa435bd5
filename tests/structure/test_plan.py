"""Frame plan: identities that fail for a wrong origin, a hard-wired rate, or a moment that vanishes."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from structure.events import Event, rebase
from structure.plan import DEFAULT_VOCABULARY, boundary_proximity, frame_plan, frame_words, plan_channels, plan_columns

SONG = [
    Event(type="intro", start=0, end=7.96),
    Event(type="verse", start=7.96, end=24, intensity=0.25),
    Event(type="chorus", start=26.02, end=40, intensity=0.0),
    Event(type="my own word", start=40, end=44),
    Event(type="crash", start=26.02, end=26.02),
    Event(type="riser", start=22, end=26.02),
]


def column(plan: np.ndarray, name: str) -> np.ndarray:
    return plan[:, plan_columns().index(name)]


def test_a_section_worked_by_hand() -> None:
    plan = frame_plan([Event(type="verse", start=0.2, end=0.6, intensity=0.5)], n_frames=8, frame_rate=10.0)
    assert plan.shape == (8, plan_channels()) and plan.dtype == np.float32
    for name in ("verse", "known", "rated"):
        np.testing.assert_array_equal(column(plan, name), [0, 0, 1, 1, 1, 1, 0, 0])
    np.testing.assert_allclose(column(plan, "progress"), [0, 0, 0.125, 0.375, 0.625, 0.875, 0, 0], atol=1e-6)
    np.testing.assert_allclose(column(plan, "intensity"), [0, 0, 0.5, 0.5, 0.5, 0.5, 0, 0])
    d = np.array([0.05, 0.15, 0.25, 0.35])
    np.testing.assert_allclose(column(plan, "since 0.5 s")[2:6], np.exp(-d / 0.5), rtol=1e-5)
    np.testing.assert_allclose(column(plan, "until 0.1 s")[2:6], np.exp(-d[::-1] / 0.1), rtol=1e-5)
    assert column(plan, "since 0.5 s")[:2].max() == 0  # no boundary lies before
    others = [c for c, name in enumerate(plan_columns()[:-8]) if name != "verse"]
    assert not plan[:, others].any()


def test_frames_without_a_section_are_unknown() -> None:
    plan = frame_plan(SONG, n_frames=1200, frame_rate=25.0)
    gap = slice(600, 650)  # 24 s to 26 s
    sections = [c for c, name in enumerate(plan_columns()) if name not in ("riser",) and "0." not in name]
    assert not plan[gap][:, sections].any()
    assert column(plan, "riser")[gap].all()  # moments lie on top of gaps too
    assert not frame_plan([], 10, 25.0).any()


def test_an_untrained_type_still_tells_its_boundaries() -> None:
    plan = frame_plan(SONG, n_frames=1100, frame_rate=25.0)
    own = slice(1000, 1100)
    assert not plan[own, : len(DEFAULT_VOCABULARY)].any()
    assert column(plan, "known")[own].all()
    assert column(plan, "since 0.1 s")[1000] > 0.8


@pytest.mark.parametrize("frame_rate", [5.0, 12.5, 25.0, 21.5, 43.07])
@pytest.mark.parametrize("skip", [0, 1, 50, 333])
def test_a_crop_hears_the_same_events_as_the_whole_song(frame_rate: float, skip: int) -> None:
    n_frames = int(44 * frame_rate)
    skip = min(skip, n_frames // 2)
    whole = frame_plan(SONG, n_frames, frame_rate)
    crop = frame_plan(rebase(SONG, skip / frame_rate), n_frames - skip, frame_rate)
    np.testing.assert_allclose(crop, whole[skip:], atol=1e-5)


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=6),
    st.integers(0, 200),
    st.sampled_from([10.0, 25.0, 50.0]),
)
def test_any_crop_at_any_offset(lengths: list[int], skip: int, frame_rate: float) -> None:
    edges = np.cumsum([0, *lengths]) * 0.02  # on and off the frame centres
    song = [Event(type="verse", start=a, end=b) for a, b in itertools.pairwise(edges)]
    song += [Event(type="crash", start=t, end=t) for t in edges]
    whole = frame_plan(song, 300, frame_rate)
    np.testing.assert_allclose(
        frame_plan(rebase(song, skip / frame_rate), 300 - skip, frame_rate), whole[skip:], atol=1e-4
    )


def test_the_plan_means_the_same_time_at_every_rate() -> None:
    slow, fast = frame_plan(SONG, 440, 10.0), frame_plan(SONG, 2200, 50.0)
    at_slow = fast[2::5]  # the fast frame with the same centre
    inside = [c for c, name in enumerate(plan_columns()) if name != "crash"]
    np.testing.assert_allclose(slow[:, inside], at_slow[:, inside], atol=1e-5)


@pytest.mark.parametrize("t", [0.0, 0.019, 0.02, 0.021, 1.0, 1.9799, 3.99])
@pytest.mark.parametrize("length", [0.0, 0.001, 0.03])
def test_a_short_moment_reaches_exactly_one_frame(t: float, length: float) -> None:
    plan = frame_plan([Event(type="crash", start=t, end=t + length)], n_frames=100, frame_rate=25.0)
    hit = np.flatnonzero(column(plan, "crash"))
    assert len(hit) == 1 and abs((hit[0] + 0.5) / 25 - t) <= 0.04
    assert not np.delete(plan, plan_columns().index("crash"), axis=1).any()


def test_moments_may_overlap_and_a_family_moves_a_type() -> None:
    plan = frame_plan(
        [
            Event(type="riser", start=0, end=2),
            Event(type="fill", start=1, end=2),
            Event(type="drop", start=1, end=2, family="moment"),
        ],
        n_frames=20,
        frame_rate=10.0,
    )
    assert column(plan, "riser").sum() == 20 and column(plan, "fill").sum() == column(plan, "drop").sum() == 10
    assert not column(plan, "known").any() and not column(plan, "since 0.5 s").any()


def test_a_vocabulary_of_its_own() -> None:
    words = ("chorus", "my own word")
    plan = frame_plan(SONG, 1100, 25.0, words)
    assert plan.shape[1] == plan_channels(words) == 2 + 8
    assert plan[700, 0] == plan[1050, 1] == 1 and not plan[:600, :2].any()


def test_everything_stays_between_0_and_1() -> None:
    plan = frame_plan(SONG, 1200, 25.0)
    assert plan.min() >= 0 and plan.max() <= 1 and np.isfinite(plan).all()
    assert frame_plan(SONG, 0, 25.0).shape == (0, plan_channels())


def test_slips_of_the_caller_are_named() -> None:
    with pytest.raises(ValueError, match="latent frames per second and must be positive, got 0"):
        frame_plan(SONG, 10, 0)
    with pytest.raises(ValueError, match="a verse ends at 1.0 s, before it starts at 2.0 s"):
        frame_plan([Event(type="verse", start=2, end=1)], 10, 25.0)


def test_proximity_alone_follows_its_scales() -> None:
    near = boundary_proximity([Event(type="intro", start=0, end=1)], n_frames=1, frame_rate=1.0, scales=(1.0, 2.0, 4.0))
    np.testing.assert_allclose(near, np.exp(-0.5 / np.array([[1.0, 2.0, 4.0, 1.0, 2.0, 4.0]])), rtol=1e-6)


def test_labels_and_types_without_a_column_are_said_in_words() -> None:
    song = [
        Event(type="intro", start=0, end=1),
        Event(type="chorus", start=1, end=2, label="full drums"),
        Event(type="whale song", start=2, end=3),
        Event(type="whale song", start=3, end=4, label="far away"),
        Event(type="verse", start=4, end=5, label="full drums"),
        Event(type="crash", start=4, end=4, label="not a section"),
    ]
    texts, which = frame_words(song, n_frames=60, frame_rate=10.0)
    assert texts == ["full drums", "whale song", "whale song: far away"]
    assert which.tolist() == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 10 + [1] * 10 + [0] * 10
