"""Re-ordered songs: what is said about a frame goes with it, and the loss counts wherever a frame is still itself.

Most latents here hold their own frame number, so that an arrangement shows which frames it was made from.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from structure.events import MOMENT_TYPES, SECTION_TYPES, Event, clip, moments, problems, sections
from structure.plan import DEFAULT_VOCABULARY, frame_plan, plan_columns
from training.crops import cut_lyrics
from training.dataset import TrainingSong
from training.rearrange import FADE_SECONDS, Arranged, rearrange

RATE = 25.0
STEADY = settings(derandomize=True, deadline=None, database=None)  # a busy machine fails no example
BEFORE = 5  # frames of a fade before the splice, at 25 Hz
PROGRESS = plan_columns().index("progress")
SINCE = plan_columns().index("known") + 1


def song_of(*parts: tuple[str, float, float], duration: float | None = None, lyrics: str = "") -> TrainingSong:
    events = tuple(Event(type=kind, start=start, end=end) for kind, start, end in parts)
    end = max(e.end for e in events) if duration is None else duration
    return TrainingSong(audio=Path("song.wav"), duration=end, caption="Rock", bpm=120, lyrics=lyrics, events=events)


SHORT = song_of(("intro", 0, 2), ("verse", 2, 5), ("chorus", 5, 9), ("outro", 9, 11))
LONG = song_of(
    ("intro", 0, 3), ("verse", 3, 7), ("chorus", 7, 11), ("bridge", 11, 14), ("solo", 14, 18), ("outro", 18, 20)
)


def numbered(seconds: float, rate: float = RATE) -> Tensor:
    """Latents (frames, 2) whose first channel is the frame's number."""
    frame = torch.arange(round(seconds * rate), dtype=torch.float32)
    return torch.stack([frame, frame.sin()], dim=1)


def arranged(song: TrainingSong, seed: int = 0, latents: Tensor | None = None) -> Arranged:
    return rearrange(song, numbered(song.duration) if latents is None else latents, RATE, np.random.default_rng(seed))


def order(song: TrainingSong) -> list[str]:
    return [e.type for e in sections(song.events)]


def first_that(song: TrainingSong, fits: Callable[[list[str]], bool]) -> Arranged:
    """The arrangement of the first seed whose order of sections fits."""
    return next(a for seed in range(500) if fits(order((a := arranged(song, seed)).song)))


def follows(one: str, other: str) -> Callable[[list[str]], bool]:
    return lambda kinds: (one, other) in pairwise(kinds)


def times(song: TrainingSong) -> list[tuple[str, float, float]]:
    return [(e.type, round(e.start, 6), round(e.end, 6)) for e in song.events]


def origins(result: Arranged, fade: int) -> np.ndarray:
    """Which original frame each frame is, int (frames,), for numbered latents; a fade is half of either side."""
    value, hidden = result.latents[:, 0].double().numpy(), result.mask.numpy() == 0
    origin, share, step = np.rint(value).astype(int), 0.5 / fade, np.arange(fade)
    frame = 0
    while frame < len(origin):
        if not hidden[frame]:
            frame += 1
            continue
        out = origin[frame - 1] + 1
        into = round((value[frame] - (1 - share) * out) / share)
        origin[frame : frame + fade] = np.where(step < fade // 2, out, into) + step
        frame += fade
    return origin


def test_a_song_worked_by_hand():
    result = first_that(SHORT, lambda kinds: kinds == ["intro", "chorus", "verse", "outro"])
    assert times(result.song) == [("intro", 0, 2), ("chorus", 2, 6), ("verse", 6, 9), ("outro", 9, 11)]
    faded = [*range(45, 55), *range(145, 155), *range(220, 230)]  # splices at frames 50, 150 and 225
    assert np.flatnonzero(result.mask.numpy() == 0).tolist() == faded
    frame = result.latents[:, 0]
    assert frame[:45].tolist() == list(range(45))  # the intro
    assert frame[55:145].tolist() == list(range(130, 220))  # the chorus began at frame 125
    assert frame[155:220].tolist() == list(range(55, 120))  # the verse began at frame 50
    assert frame[230:].tolist() == list(range(230, 275))
    # frame 45 is one twentieth into the fade from the intro to what led to the chorus, frame 54 nineteen twentieths
    np.testing.assert_allclose(frame[[45, 54]], [0.95 * 45 + 0.05 * 120, 0.05 * 54 + 0.95 * 129], rtol=1e-6)


@pytest.mark.parametrize("shift", [0, 0.012, 0.02, 0.032], ids=lambda s: f"boundaries {s * RATE:g} frames late")
def test_the_whole_plan_goes_with_the_frames_where_all_sections_start_alike_in_their_frame(shift: float):
    late = [(e.type, e.start and e.start + shift, e.end + shift) for e in LONG.events]
    song = song_of(*late, duration=21)
    old = frame_plan(song.events, 525, RATE)
    for seed in range(30):
        result = arranged(song, seed)
        new = frame_plan(result.song.events, len(result.latents), RATE)
        np.testing.assert_allclose(new, old[origins(result, 10)], atol=1e-5)


def test_sections_that_start_between_frames_keep_their_place_in_the_frame():
    between = song_of(("intro", 0, 3.012), ("verse", 3.012, 7.033), ("chorus", 7.033, 11.016), ("outro", 11.016, 14))
    result = first_that(between, lambda kinds: kinds == ["intro", "chorus", "verse", "outro"])
    # In frames, the sections start at 0, 75.3, 175.825 and 275.4, so the pieces begin with frames 0, 75, 176 and 275.
    # The chorus, 99 frames long, starts 0.175 before frame 75, where the intro is cut; the verse starts 0.3 after frame
    # 174, where the chorus is cut, and its end at 274.825 leaves a gap in which no frame has its centre.
    assert times(result.song) == [
        ("intro", 0, 2.993),
        ("chorus", 2.993, 6.972),
        ("verse", 6.972, 10.993),
        ("outro", 11.016, 14),
    ]
    assert problems(result.song.events) == []


def test_neighbours_that_stay_neighbours_are_not_faded():
    result = first_that(LONG, lambda kinds: kinds == ["intro", "chorus", "bridge", "verse", "outro"])
    bridge = next(e for e in result.song.events if e.type == "bridge")
    at = round(bridge.start * RATE)
    assert result.mask[at - 2 * BEFORE : at + 2 * BEFORE].min() == 1
    assert (result.mask == 0).sum() == 3 * 10  # before chorus, verse and outro


def test_opening_and_ending_stay_and_the_order_between_is_always_new():
    seen = [order(arranged(LONG, seed).song) for seed in range(200)]
    assert all(kinds[0] == "intro" and kinds[-1] == "outro" for kinds in seen)
    assert all("intro" not in kinds[1:] and "outro" not in kinds[:-1] for kinds in seen)
    assert order(LONG) not in seen
    assert len({tuple(kinds) for kinds in seen}) > 50
    repeated = [kinds for kinds in seen if len(set(kinds)) < len(kinds)]
    dropped = [kinds for kinds in seen if set(kinds) < set(order(LONG))]
    assert 20 < len(repeated) < 180 and 20 < len(dropped) < 180


def test_the_same_randomness_gives_the_same_song():
    one, other = arranged(LONG, 7), arranged(LONG, 7)
    assert one.song == other.song
    assert torch.equal(one.latents, other.latents) and torch.equal(one.mask, other.mask)


def test_the_original_and_the_rest_of_the_song_are_left_alone():
    latents = numbered(20)
    song = replace(LONG, keyscale="A minor", repeats=3, weight=0.5)
    result = arranged(song, 1, latents)
    assert torch.equal(latents, numbered(20))
    assert replace(result.song, duration=song.duration, events=song.events) == song
    assert result.song.duration == len(result.latents) / RATE


@pytest.mark.parametrize(
    "song",
    [
        song_of(("intro", 0, 4), ("verse", 4, 8), ("outro", 8, 12)),
        replace(SHORT, events=()),
        song_of(("intro", 0, 4), ("verse", 4, 8), ("fill", 6, 7), ("crash", 8, 8), ("outro", 8, 12)),
        song_of(("intro", 0, 4), ("verse", 4, 8), ("chorus", 8, 11.9), ("outro", 11.9, 12)),  # shorter than a fade
    ],
    ids=["three sections", "no sections", "moments make no pieces", "a sliver makes no piece"],
)
def test_fewer_than_four_pieces_stay_as_they_are(song: TrainingSong):
    latents = numbered(song.duration)
    result = arranged(song, 0, latents)
    assert result.song is song and result.latents is latents
    assert result.mask.tolist() == [1.0] * len(latents)


def test_a_gap_goes_with_the_section_before_it():
    song = song_of(("intro", 1, 3), ("verse", 3, 5), ("chorus", 7, 9), ("outro", 9, 11), duration=12)
    result = first_that(song, lambda kinds: kinds == ["intro", "chorus", "verse", "outro"])
    assert times(result.song) == [("intro", 1, 3), ("chorus", 3, 5), ("verse", 5, 7), ("outro", 9, 11)]
    assert len(result.latents) == 300


def test_sections_that_start_within_one_fade_stay_together():
    song = song_of(("intro", 0, 3), ("verse", 3, 6), ("silence", 6, 6.2), ("chorus", 6.2, 9), ("outro", 9, 12))
    for seed in range(20):
        kinds = order(arranged(song, seed).song)
        assert all((one == "silence") == (other == "chorus") for one, other in pairwise(kinds))


def with_moment(kind: str, start: float, end: float) -> TrainingSong:
    return replace(LONG, events=(*LONG.events, Event(type=kind, start=start, end=end)))


def test_a_moment_moves_with_its_section():
    result = first_that(with_moment("fill", 8, 9), follows("intro", "chorus"))
    fill = moments(result.song.events)[0]
    assert (round(fill.start, 6), round(fill.end, 6)) == (4, 5)


def test_a_moment_is_cut_only_where_what_follows_has_changed():
    song = with_moment("riser", 9, 12)  # from the chorus into the bridge
    together = first_that(song, lambda kinds: follows("chorus", "bridge")(kinds) and len(kinds) == len(set(kinds)))
    assert moments(together.song.events)[0].duration == pytest.approx(3)
    apart = first_that(song, follows("chorus", "outro"))
    chorus = sections(apart.song.events)[-2]
    last = moments(apart.song.events)[-1]
    assert (last.duration, last.end) == (pytest.approx(2), pytest.approx(chorus.end))


def test_a_crash_just_before_the_frame_on_which_its_section_begins_goes_with_the_section():
    song = with_moment("crash", 6.99, 6.99)  # the chorus begins at 7 s
    result = first_that(song, follows("bridge", "chorus"))
    chorus = next(e for e in sections(result.song.events) if e.type == "chorus")
    assert moments(result.song.events)[0].start == pytest.approx(chorus.start)
    dropped = first_that(song, lambda kinds: "chorus" not in kinds)
    assert moments(dropped.song.events) == []


def test_unknown_keys_of_events_stay():
    events = tuple(e.model_copy(update={"colour": e.type[0], "intensity": 0.5}) for e in LONG.events)
    result = arranged(replace(LONG, events=events))
    assert all(e.to_dict()["colour"] == e.type[0] and e.intensity == 0.5 for e in result.song.events)


TAGGED = "[Intro]\n[Verse]\nMorning light\nOver town\n\n[Chorus]\nSing it loud\n[Bridge]\nLow\n[Solo]\n[Outro]\nBye"


def test_blocks_of_lyrics_go_with_their_sections():
    words = {"verse": "Over town", "chorus": "Sing it loud", "bridge": "Low", "outro": "Bye"}
    for seed in range(30):
        song = arranged(replace(LONG, lyrics=TAGGED), seed).song
        for part in sections(song.events):
            block = cut_lyrics(song.lyrics, song.events, part.start, part.end)
            assert block.strip().lower().startswith(f"[{part.type}]")
            assert {kind for kind, line in words.items() if line in block} == {part.type} & set(words)


@pytest.mark.parametrize(
    "lyrics", ["", "[Instrumental]", "Morning light\n\nSing it loud", "[Verse]\nMorning light\n[Chorus]\nSing it loud"]
)
def test_lyrics_that_nobody_can_place_stay_as_they_are(lyrics: str):
    assert arranged(replace(LONG, lyrics=lyrics)).song.lyrics == lyrics


def test_what_was_not_encoded_is_not_told():
    latents = numbered(16)  # the solo is cut at 16 s and becomes the ending; the outro was never encoded
    song = replace(LONG, lyrics=TAGGED, events=(*LONG.events, Event(type="crash", start=18, end=18)))
    for seed in range(20):
        result = arranged(song, seed, latents)
        last = sections(result.song.events)[-1]
        assert (last.type, last.duration) == ("solo", pytest.approx(2))
        assert "outro" not in order(result.song) and "Bye" not in result.song.lyrics
        assert not moments(result.song.events)
        assert problems(result.song.events, result.song.duration) == []


@st.composite
def any_song(draw: st.DrawFn, on_frames: bool) -> tuple[TrainingSong, float, int]:
    """A sound song, its frame rate, and how many of its frames are encoded."""
    rate = draw(st.sampled_from([25.0, 12.5, 21.533203125]))
    unit = 1 / rate if on_frames else 0.001
    time = st.integers(0, 4 * round(1 / unit)).map(lambda n: n * unit)
    events, at = [], 0.0
    for _ in range(draw(st.integers(0, 9))):
        start = at + draw(time | st.just(0.0))
        at = start + draw(time) + unit
        intensity = draw(st.none() | st.sampled_from([0.25, 1.0]))
        kind = draw(st.sampled_from([*SECTION_TYPES, "rap"]))
        events.append(Event(type=kind, start=start, end=at, intensity=intensity))
    for kind in draw(st.lists(st.sampled_from(MOMENT_TYPES), max_size=4)):
        start = draw(st.integers(0, 1000)) / 1000 * at
        events.append(Event(type=kind, start=start, end=min(at, start + draw(time | st.just(0.0)))))
    duration = at + draw(time) + 1
    encoded = draw(st.just(1.0) | st.floats(0.3, 1.0))
    song = TrainingSong(audio=Path("song.wav"), duration=duration, events=tuple(draw(st.permutations(events))))
    return song, rate, max(1, int(duration * rate * encoded))


@STEADY
@given(any_song(on_frames=False), st.integers(0, 2**32 - 1))
def test_every_arrangement_is_made_of_original_frames_and_says_the_truth_about_them(
    drawn: tuple[TrainingSong, float, int], seed: int
):
    song, rate, n_frames = drawn
    latents, fade = numbered(n_frames / rate, rate), round(FADE_SECONDS * rate)
    result = rearrange(song, latents, rate, np.random.default_rng(seed))
    length = len(result.latents)
    assert length <= n_frames and result.mask.shape == (length,)
    assert result.latents.dtype == result.mask.dtype == torch.float32
    if result.song is song:
        return
    assert problems(result.song.events, result.song.duration) == []

    origin = origins(result, fade)
    counts = result.mask.numpy() == 1
    assert set(result.mask.tolist()) <= {0.0, 1.0}
    assert torch.equal(result.latents[counts], latents[origin[counts]])
    splices = np.flatnonzero(np.diff(origin) != 1) + 1
    assert len(splices) > 0
    around = np.isin(np.arange(length), (splices[:, None] + np.arange(fade) - fade // 2))
    np.testing.assert_array_equal(~counts, around)

    old = frame_plan(clip(song.events, n_frames / rate), n_frames, rate)
    new = frame_plan(result.song.events, length, rate)
    parts = [c for c, name in enumerate(plan_columns()) if c < SINCE and name not in MOMENT_TYPES]
    exact = [*parts, PROGRESS + 1, PROGRESS + 2]
    np.testing.assert_array_equal(new[:, exact], old[origin][:, exact])
    told = [c for c, name in enumerate(DEFAULT_VOCABULARY) if name in MOMENT_TYPES]
    first = np.isin(np.arange(length), [0, *splices])  # a point just before a cut is told on its section's first frame
    assert (new[:, told] <= old[origin][:, told])[~first].all()


@STEADY
@given(any_song(on_frames=True), st.integers(0, 2**32 - 1))
def test_on_frames_the_plan_of_sections_is_exactly_the_old_one(drawn: tuple[TrainingSong, float, int], seed: int):
    song, rate, n_frames = drawn
    song = replace(song, events=tuple(e for e in sections(song.events) if e.end <= n_frames / rate))
    result = rearrange(song, numbered(n_frames / rate, rate), rate, np.random.default_rng(seed))
    origin = origins(result, round(FADE_SECONDS * rate))
    old, new = frame_plan(song.events, n_frames, rate), frame_plan(result.song.events, len(origin), rate)
    told = [c for c in range(old.shape[1]) if not SINCE <= c < PROGRESS]
    np.testing.assert_allclose(new[:, told], old[origin][:, told], atol=1e-4)
