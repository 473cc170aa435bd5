"""What each section type plays: the arrangement that makes a chorus a chorus in every style.

Styles change tempo, sound and pattern; the signature of a type (which instruments, which
register, which drums, how loud) is the same in all of them, so that it can be heard, and
learned, from a second of sound. A section's intensity moves its level and the weight of its drums, never the
signature.

| type | drums | bass | chords | line | level |
|---|---|---|---|---|---|
| intro | closed hats | none | soft pad | arpeggio, middle | low |
| verse | kick, snare, closed hats | yes | muted keys, middle | none | middle |
| chorus | full, open hats | busy | wide, bright | lead in octaves | full |
| bridge | toms, half time | long notes | low pad | none | middle |
| breakdown | none | none | none | high soft plucks over air | lowest |
| build-up | snare roll, ever denser | none | stabs that climb bar by bar | none | rising |
| drop | four on the floor, noise off the beat | heavy riff | chopped to the riff, wide | none | full |
| solo | kick, snare, sixteenth hats | yes | one soft stab a bar | dense high lead | high |
| outro | ride | none | long low chords, falling | none | low |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acestep.starter.instruments import BASSES, KEYS, KITS, LEADS, PADS, PLUCKS
from acestep.starter.sounds import SAMPLE_RATE, Voice, drum, note
from acestep.starter.styles import Style

STEPS = 16  # sixteenths in a bar of 4/4
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
# scale degrees from 0, one chord a bar
PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 5, 4), (0, 2, 3, 4), (3, 0, 4, 5), (1, 4, 0, 5)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 6), (0, 6, 5, 6), (5, 6, 0, 2), (0, 2, 6, 3), (0, 3, 0, 4), (3, 0, 6, 2)),
}
LEVELS = {  # LUFS of each type before the master
    "intro": -19.6,
    "verse": -16.2,
    "chorus": -13.4,
    "bridge": -17.2,
    "build-up": -16.8,
    "drop": -13.4,
    "breakdown": -21.2,
    "solo": -14.5,
    "outro": -19.2,
}
_ARPEGGIOS = ((0, 1, 2, 3, 2, 1, 2, 1), (0, 2, 1, 2, 3, 2, 1, 2), (0, 1, 2, 1, 3, 1, 2, 1), (3, 2, 1, 0, 1, 2, 3, 2))
_TOMS = ("1..1..2...3.2.3.", "1.....2.2...3.3.", "2..2..3...1.2.3.")
_LEAD_RHYTHMS = ("x..x..x.x...x...", "x...x.x.x..x..x.", "x.x.x...x..x..x.", "..x.x.x.x...x.x.")
_RIFFS = ("x..x..x...x.x...", "x.x..x..x.x..x..", "x...x..x..x...x.", "x..x.xx...x..x..")
_SOLO_RHYTHMS = ("xxxxx.x.xxxxx.x.", "x.xxx.xxx.xxx.xx", "xxx.xxx.xxx.xxxx")


@dataclass(frozen=True)
class Motif:
    """A bar of melody: (step, length in steps, scale degrees above the chord's root)."""

    notes: tuple[tuple[int, float, int], ...]


@dataclass(frozen=True)
class Band:
    """Who plays: a name of each of the lists in `instruments`."""

    kit: str
    bass: str
    keys: str
    pad: str
    pluck: str
    lead: str


@dataclass(frozen=True)
class Theme:
    """All that the sections of one song share: band, key, chords, motifs, and which pattern of the style it took."""

    style: Style
    band: Band
    root: int  # pitch class, 0 is C
    mode: str
    progressions: dict[str, tuple[int, ...]]
    chorus_motifs: tuple[Motif, Motif]
    solo_motifs: tuple[Motif, Motif, Motif]
    arpeggio: tuple[int, ...]
    plucks: tuple[int, ...]
    toms: str
    riff: str
    kick: str
    snare: str
    hats: str
    bass: str
    comp: str
    strum: str

    def pitch(self, degree: int) -> int:
        """MIDI number of a scale degree; degree 0 is the key's root in the octave of middle C."""
        return 60 + self.root + 12 * (degree // 7) + SCALES[self.mode][degree % 7]

    def chord(self, degree: int, low: int, seventh: bool = False) -> list[int]:
        """The triad (or seventh chord) on a degree, all notes within the octave above `low`, rising."""
        steps = (0, 2, 4, 6) if seventh else (0, 2, 4)
        return sorted(low + (self.pitch(degree + s) - low) % 12 for s in steps)

    def near(self, degree: int, low: int) -> int:
        """The degree's note within the octave above `low`."""
        return low + (self.pitch(degree) - low) % 12


def _motif(rng: np.random.Generator, rhythm: str, span: tuple[int, int], leap: float) -> Motif:
    """A melody that steps through the scale and stands on chord tones at the beats."""
    steps = [i for i, c in enumerate(rhythm) if c != "."]
    at, notes = int(rng.choice([0, 2, 4])), []
    for step, following in zip(steps, [*steps[1:], STEPS], strict=True):
        if step:
            at += int(rng.choice([-3, -2, 2, 3] if rng.random() < leap else [-1, 1]))
        if step % 4 == 0:  # nearest chord tone
            at = min((o + 7 * k for o in (0, 2, 4) for k in (-1, 0, 1)), key=lambda tone: abs(tone - at))
        at = min(max(at, span[0]), span[1])
        notes.append((step, (following - step) * 0.95, at))
    return Motif(tuple(notes))


def make_band(rng: np.random.Generator, style: Style) -> Band:
    """One instrument of each kind that the style likes."""
    kinds = (style.kits, style.basses, style.keys, style.pads, style.plucks, style.leads)
    return Band(*(names[int(rng.integers(len(names)))] for names in kinds))


def make_theme(rng: np.random.Generator, style: Style, band: Band, root: int, mode: str) -> Theme:
    """Draw one song's material."""

    def pick(options):
        return options[int(rng.integers(len(options)))]

    chords = [PROGRESSIONS[mode][i] for i in rng.permutation(len(PROGRESSIONS[mode]))]
    shared, chorus, bridge, last = chords[:4]
    lead, other = pick(_LEAD_RHYTHMS), pick(_LEAD_RHYTHMS)
    return Theme(
        style=style,
        band=band,
        root=root,
        mode=mode,
        progressions={
            "intro": shared,
            "verse": shared,
            "chorus": chorus,
            "bridge": bridge,
            "build-up": chorus,
            "drop": pick((shared, chorus)),
            "breakdown": chorus,
            "solo": pick((shared, chorus)),
            "outro": last,
        },
        chorus_motifs=(_motif(rng, lead, (-1, 7), 0.35), _motif(rng, other, (-1, 7), 0.35)),
        solo_motifs=tuple(_motif(rng, pick(_SOLO_RHYTHMS), (-2, 9), 0.15) for _ in range(3)),
        arpeggio=pick(_ARPEGGIOS),
        plucks=pick(_ARPEGGIOS),
        toms=pick(_TOMS),
        riff=pick(_RIFFS),
        kick=pick(style.kicks),
        snare=pick(style.snares),
        hats=pick(style.hats),
        bass=pick(style.bass_lines),
        comp=pick(style.comps),
        strum=pick(style.strums),
    )


class Section:
    """One section while it is played: two buses (music, drums) and the kicks' places; nothing sounds past its end."""

    def __init__(
        self, theme: Theme, kind: str, intensity: float, n_samples: int, bar: float, last: bool,
        rng: np.random.Generator,
    ):  # fmt: skip
        self.theme, self.style, self.kind, self.last, self.rng = theme, theme.style, kind, last, rng
        self.intensity = intensity
        self.kit = KITS[theme.band.kit]
        self.bass_voice, self.keys = BASSES[theme.band.bass], KEYS[theme.band.keys]
        self.pad, self.pluck, self.lead = PADS[theme.band.pad], PLUCKS[theme.band.pluck], LEADS[theme.band.lead]
        self.music = np.zeros(n_samples, np.float32)
        self.drums = np.zeros(n_samples, np.float32)
        self.kicks: list[int] = []
        self.step = bar / STEPS * SAMPLE_RATE  # samples
        self.n_bars = max(1, int(np.ceil(n_samples / (bar * SAMPLE_RATE) - 0.01)))

    def degree(self, bar: int) -> int:
        """The chord of a bar."""
        chords = self.theme.progressions[self.kind]
        if self.last and bar == self.n_bars - 1:
            return 0  # the song comes home
        return chords[bar % len(chords)]

    def _start(self, bar: int, step: float) -> int:
        late = self.style.swing if step % 2 == 1 else 0.0
        return round((bar * STEPS + step + late) * self.step)

    def play(self, voice: Voice, midi: int, bar: int, step: float, length: float, gain: float) -> None:
        """Add a note; `step` and `length` in sixteenths."""
        start = self._start(bar, step)
        n = min(round(length * self.step), len(self.music) - start)
        if n > 0:
            sound = note(voice, midi, n)
            self.music[start : start + len(sound)] += gain * sound

    def hit(self, name: str, bar: int, step: int, gain: float) -> None:
        """Add a drum hit."""
        start = self._start(bar, step)
        sound = drum(self.kit, name)[: max(0, len(self.drums) - start)]
        self.drums[start : start + len(sound)] += gain * sound
        if name == "kick":
            self.kicks.append(start)

    def beat(self, name: str, pattern: str, bar: int, gain: float) -> None:
        """Play one bar of a drum pattern with a touch of human unevenness."""
        for step, mark in enumerate(pattern):
            if mark != ".":
                self.hit(name, bar, step, gain * (1.0 if mark == "x" else 0.5) * self.rng.uniform(0.9, 1.05))

    def bass(self, pattern: str, bar: int, gain: float) -> None:
        """Roots on a pattern, the last note of a bar sometimes a fifth or an octave up."""
        steps = [i for i, c in enumerate(pattern) if c != "."]
        root = self.theme.near(self.degree(bar), 36)
        for step, following in zip(steps, [*steps[1:], STEPS], strict=True):
            lift = int(self.rng.choice([0, 7, 12])) if step == steps[-1] and len(steps) > 3 else 0
            self.play(self.bass_voice, root + lift, bar, step, (following - step) * 0.9, gain)

    def line(self, motif: Motif, voice: Voice, low: int, bar: int, gain: float, octaves: tuple[int, ...]) -> None:
        """A bar of melody over the bar's chord."""
        degree = self.degree(bar)
        base = self.theme.near(degree, low) - self.theme.pitch(degree)
        for step, length, offset in motif.notes:
            midi = self.theme.pitch(degree + offset) + base
            for octave in octaves:
                self.play(voice, midi + octave, bar, step, length, gain * (0.6 if octave else 1.0))


def _intro(s: Section, bar: int) -> None:
    for midi in s.theme.chord(s.degree(bar), 55):
        s.play(s.pad, midi, bar, 0, STEPS, 0.16)
    tones = [*s.theme.chord(s.degree(bar), 64), s.theme.chord(s.degree(bar), 64)[0] + 12]
    for i, index in enumerate(s.theme.arpeggio):
        s.play(s.pluck, tones[index], bar, 2 * i, 3, 0.5)
    s.beat("hat", "x.o.x.o.x.o.x.o.", bar, 0.7)


def _verse(s: Section, bar: int) -> None:
    s.beat("kick", s.theme.kick, bar, 0.8)
    s.beat("snare", s.theme.snare, bar, 0.7)
    s.beat("hat", s.theme.hats, bar, 0.45)
    s.bass(s.theme.bass, bar, 0.6)
    tones = s.theme.chord(s.degree(bar), 53, s.style.sevenths)
    for step, mark in enumerate(s.theme.comp):
        if mark == "x":
            for midi in tones:
                s.play(s.keys, midi, bar, step, 1.1, 0.3)


def _chorus(s: Section, bar: int) -> None:
    s.beat("kick", s.theme.kick if s.theme.kick.count("x") > 2 else "x.....x.x.....x.", bar, 0.85)
    s.beat("snare", s.theme.snare, bar, 0.9)
    s.beat("open", "..x...x...x...x.", bar, 0.75)
    s.beat("hat", "x...x...x...x...", bar, 0.7)
    s.bass("x.x.x.x.x.x.x.x.", bar, 0.6)
    tones = s.theme.chord(s.degree(bar), 55, s.style.sevenths) + s.theme.chord(s.degree(bar), 67)
    for midi in tones:
        s.play(s.pad, midi, bar, 0, STEPS, 0.17)
    for step, mark in enumerate(s.theme.strum):
        if mark == "x":
            for midi in tones:
                s.play(s.keys, midi, bar, step, 4, 0.16)
    first, second = s.theme.chorus_motifs
    s.line(second if bar % 4 == 3 else first, s.lead, 64, bar, 0.45, (0, 12))


def _bridge(s: Section, bar: int) -> None:
    s.hit("kick", bar, 0, 0.8)
    for step, mark in enumerate(s.theme.toms):
        if mark != ".":
            s.hit(f"tom{mark}", bar, step, 0.6 * s.rng.uniform(0.85, 1.05))
    s.play(s.bass_voice, s.theme.near(s.degree(bar), 36), bar, 0, 8, 0.5)
    s.play(s.bass_voice, s.theme.near(s.degree(bar), 36), bar, 8, 8, 0.45)
    for midi in s.theme.chord(s.degree(bar), 45):
        s.play(s.pad, midi, bar, 0, STEPS, 0.32)


def _breakdown(s: Section, bar: int) -> None:
    tones = [*s.theme.chord(s.degree(bar), 79), s.theme.chord(s.degree(bar), 79)[0] + 12]
    for i, index in enumerate(s.theme.plucks):
        if i != 5:  # a breath
            s.play(s.pluck, tones[index], bar, 2 * i, 4, 0.45)
    for midi in s.theme.chord(s.degree(bar), 74)[:2]:
        s.play(s.pad, midi, bar, 0, STEPS, 0.07)


def _solo(s: Section, bar: int) -> None:
    s.beat("kick", s.theme.kick, bar, 0.8)
    s.beat("snare", s.theme.snare, bar, 0.75)
    s.beat("hat", "xoooxoooxoooxooo", bar, 0.6)
    s.bass(s.theme.bass, bar, 0.55)
    first, second, third = s.theme.solo_motifs
    s.line((first, second, first, third)[bar % 4], s.lead, 72, bar, 0.6, (0,))
    for midi in s.theme.chord(s.degree(bar), 55):  # a short stab keeps the harmony
        s.play(s.keys, midi, bar, 0, 3, 0.12)


def _build_up(s: Section, bar: int) -> None:
    root = s.theme.chord(s.degree(0), 52 + min(12, round(12 * bar / max(1, s.n_bars - 1))))
    for beat in range(4):
        done = (bar + beat / 4) / s.n_bars
        gain = 0.3 + 0.7 * done
        every = 4 if done < 0.25 else 2 if done < 0.6 else 1  # sixteenths between two strokes
        for step in range(4 * beat, 4 * beat + 4, every):
            s.hit("snare", bar, step, 0.6 * gain * s.rng.uniform(0.9, 1.05))
        for midi in root:
            s.play(s.keys, midi, bar, 4 * beat, 2, 0.3 * gain)
            s.play(s.keys, midi + 12, bar, 4 * beat + 2, 1.5, 0.2 * gain)


def _drop(s: Section, bar: int) -> None:
    s.beat("kick", "x...x...x...x...", bar, 1.0)
    s.beat("snare", "....x.......x...", bar, 0.8)
    s.beat("wash", "..x...x...x...x.", bar, 0.9)
    root = s.theme.near(s.degree(bar), 33)
    chord = s.theme.chord(s.degree(bar), 57, s.style.sevenths)
    steps = [i for i, c in enumerate(s.theme.riff) if c != "."]
    for number, (step, following) in enumerate(zip(steps, [*steps[1:], STEPS], strict=True)):
        length = (following - step) * 0.85
        s.play(s.bass_voice, root + (0, 0, 7, 0, 12)[number % 5], bar, step, length, 0.75)
        for midi in chord:
            s.play(s.pad, midi, bar, step, length, 0.3)
            s.play(s.keys, midi + 12, bar, step, 1.2, 0.18)


def _outro(s: Section, bar: int) -> None:
    tones = s.theme.chord(s.degree(bar), 48 - 2 * min(bar, 2))
    fall = s.theme.chord(s.degree(bar), 40)
    for midi in tones:
        s.play(s.keys, midi, bar, 0, 8, 0.4)
    for i, midi in enumerate(reversed(fall)):
        s.play(s.keys, midi, bar, 8 + 2 * i, 8 - 2 * i, 0.42)
    s.beat("ride", "x...x...x...x...", bar, 1.3)


PLAYERS: dict[str, Callable[[Section, int], None]] = {
    "intro": _intro,
    "verse": _verse,
    "chorus": _chorus,
    "bridge": _bridge,
    "build-up": _build_up,
    "drop": _drop,
    "breakdown": _breakdown,
    "solo": _solo,
    "outro": _outro,
}


def play_section(
    theme: Theme, kind: str, intensity: float, n_samples: int, bar: float, last: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One section's music and drums, float32 (n_samples,) each, before levels.

    Args:
        intensity: 0 to 1; weighs the drums, and above 0.8 adds a shaker where they play.
        bar: seconds.
        last: whether the song ends with it, and comes home.
    """
    section = Section(theme, kind, intensity, n_samples, bar, last, rng)
    for i in range(section.n_bars):
        PLAYERS[kind](section, i)
        if intensity > 0.8 and section.kicks:
            section.beat("shaker", "xoxoxoxoxoxoxoxo", i, 0.8)
    if theme.style.duck:
        dip = 1 - theme.style.duck * np.exp(-np.arange(int(0.25 * SAMPLE_RATE)) / (0.08 * SAMPLE_RATE))
        for start in section.kicks:
            part = section.music[start : start + len(dip)]
            part *= dip[: len(part)].astype(np.float32)
    return section.music, section.drums * np.float32(0.6 + 0.6 * intensity)
