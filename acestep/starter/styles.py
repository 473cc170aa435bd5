"""The styles of the procedural songs: tempo, kit, voices, patterns and the words a caption may use.

Patterns have sixteen steps, one bar of 4/4: `x` loud, `o` soft, `.` silent.
"""

from __future__ import annotations

from dataclasses import dataclass

from acestep.starter.sounds import Kit, Voice


@dataclass(frozen=True)
class Style:
    """All that two songs of one style share."""

    genre: tuple[str, ...]
    tempo: tuple[int, int]  # BPM, both ends included
    major: float  # share of major keys
    sevenths: bool
    swing: float  # how far every second sixteenth comes late, in sixteenths
    duck: float  # how far a kick pushes the music down, 0 to 1
    room: float  # reverb decay in seconds
    kit: Kit
    bass: Voice
    keys: Voice
    pad: Voice
    pluck: Voice
    lead: Voice
    kicks: tuple[str, ...]
    snares: tuple[str, ...]
    hats: str
    bass_lines: tuple[str, ...]
    comps: tuple[str, ...]  # muted keys of the verse
    strums: tuple[str, ...]  # chords of the chorus
    moods: tuple[str, ...]
    instruments: tuple[str, ...]


_SAW = (1.0, 0.55, 0.4, 0.3, 0.22, 0.17, 0.13, 0.1)
_SQUARE = (1.0, 0.05, 0.5, 0.04, 0.3, 0.03, 0.2)
_BELL = (1.0, 0.12, 0.3, 0.05, 0.12)
_SOFT = (1.0, 0.3, 0.12, 0.05)
_STRING = (1.0, 0.7, 0.45, 0.35, 0.22, 0.15, 0.1)

STYLES: dict[str, Style] = {
    "pop-rock": Style(
        genre=("pop rock", "indie rock", "guitar pop"),
        tempo=(112, 150),
        major=0.65,
        sevenths=False,
        swing=0.0,
        duck=0.0,
        room=0.45,
        kit=Kit(62, 0.11, 190, 0.09, (900, 9_000), 6_500, 0.03, seed=1),
        bass=Voice((1, 0.6, 0.35, 0.2, 0.1), 0.004, 1.2, 0.8, 2.0),
        keys=Voice(_STRING, 0.003, 1.6, 0.9, 3.2),
        pad=Voice((1, 0.6, 0.4, 0.25, 0.15), 0.03, 0.1, 0.05, 3.2, detune=6),
        pluck=Voice(_STRING, 0.003, 2.5, 1.5, 1.6),
        lead=Voice((1, 0.6, 0.6, 0.3, 0.25, 0.12), 0.008, 0.4, 0.1, 2.5),
        kicks=("x.....x.x.......", "x.......x.x.....", "x..x....x..x...."),
        snares=("....x.......x...", "....x.......x..o"),
        hats="x.o.x.o.x.o.x.o.",
        bass_lines=("x.x.x.x.x.x.x.x.", "x..x..x.x..x..x."),
        comps=("x.x.x.x.x.x.x.x.", "x.xx..x.x.xx..x."),
        strums=("x...x.x...x.x...", "x.....x.x.....x."),
        moods=("driving", "hopeful", "energetic", "confident", "bittersweet"),
        instruments=("strummed electric guitar", "picked bass", "a live rock drum kit", "a singing guitar lead"),
    ),
    "synthwave": Style(
        genre=("synthwave", "retro electro", "eighties synth pop"),
        tempo=(92, 116),
        major=0.3,
        sevenths=False,
        swing=0.0,
        duck=0.35,
        room=0.6,
        kit=Kit(56, 0.13, 170, 0.16, (700, 8_000), 7_000, 0.025, seed=2),
        bass=Voice(_SAW, 0.004, 2.5, 2.5, 1.2),
        keys=Voice(_SAW, 0.004, 2.2, 1.2, 2.6),
        pad=Voice(_SAW, 0.03, 0.05, 0.04, 3.2, detune=8),
        pluck=Voice(_SQUARE, 0.003, 4.0, 2.0, 1.2),
        lead=Voice(_SQUARE, 0.01, 0.2, 0.1, 2.5, detune=5),
        kicks=("x.......x.......", "x.......x.x.....", "x...x...x...x..."),
        snares=("....x.......x...",),
        hats="x.x.x.x.x.x.x.x.",
        bass_lines=("x.x.x.x.x.x.x.x.", "xxx.xxx.xxx.xxx."),
        comps=("..x...x...x...x.", "x..x..x...x..x.."),
        strums=("x.......x.......", "x.....x.....x..."),
        moods=("nostalgic", "neon-lit", "dreamy", "cinematic", "cool"),
        instruments=("analog synth pads", "a pulsing synth bass", "gated drum machine", "a square-wave lead"),
    ),
    "house": Style(
        genre=("house", "deep house", "club dance"),
        tempo=(118, 130),
        major=0.25,
        sevenths=True,
        swing=0.08,
        duck=0.55,
        room=0.4,
        kit=Kit(56, 0.14, 220, 0.1, (1_100, 7_000), 7_500, 0.028, clap=True, seed=3),
        bass=Voice((1, 0.35, 0.3, 0.12), 0.005, 3.0, 1.5, 1.0),
        keys=Voice((1, 0.5, 0.35, 0.3, 0.15, 0.1), 0.003, 3.5, 1.5, 2.0),
        pad=Voice((1, 0.5, 0.35, 0.2, 0.12), 0.03, 0.05, 0.05, 2.4, detune=7),
        pluck=Voice(_BELL, 0.003, 4.5, 1.5, 1.2),
        lead=Voice(_SAW[:6], 0.005, 1.0, 0.8, 2.0),
        kicks=("x...x...x...x...",),
        snares=("....x.......x...", "....x.......x.o."),
        hats="..x...x...x...x.",
        bass_lines=("..x...x...x...x.", "..xx..x...xx..x.", ".xx..xx..xx..xx."),
        comps=("x..x..x...x..x..", "..x..x....x..x.."),
        strums=("x..x..x...x..x..", "..x...x...x...x."),
        moods=("groovy", "uplifting", "late-night", "warm", "hypnotic"),
        instruments=(
            "organ chord stabs",
            "an offbeat bass",
            "four-on-the-floor drums with claps",
            "a bright synth lead",
        ),
    ),
    "lo-fi": Style(
        genre=("lo-fi hip hop", "chillhop", "lo-fi beats"),
        tempo=(80, 94),
        major=0.45,
        sevenths=True,
        swing=0.28,
        duck=0.15,
        room=0.4,
        kit=Kit(60, 0.1, 240, 0.06, (1_200, 5_500), 5_500, 0.022, seed=4),
        bass=Voice((1, 0.3, 0.12, 0.05), 0.01, 1.3, 0.8, 2.0),
        keys=Voice((1, 0.35, 0.1, 0.12, 0.03, 0.05), 0.004, 1.2, 0.7, 3.2),
        pad=Voice((1, 0.3, 0.15, 0.08), 0.04, 0.05, 0.05, 3.2, detune=6),
        pluck=Voice(_BELL, 0.004, 2.6, 1.0, 1.6),
        lead=Voice((1, 0.25, 0.18, 0.05, 0.04), 0.02, 0.3, 0.1, 2.5),
        kicks=("x......x..x.....", "x..x......x.....", "x.....x...x....."),
        snares=("....x.......x...", "....x..o....x..."),
        hats="x.o.x.o.x.o.x.oo",
        bass_lines=("x.....x.x.....x.", "x..x..x.x..x..x."),
        comps=("x..x..x.x..x..x.", "..x..x....x..x.."),
        strums=("x.....x...x.....", "x...x..x..x....."),
        moods=("mellow", "cosy", "rainy-day", "relaxed", "wistful"),
        instruments=("electric piano", "a round bass", "dusty swung drums", "a soft flute-like lead"),
    ),
    "folk-ballad": Style(
        genre=("folk ballad", "acoustic folk", "singer-songwriter folk"),
        tempo=(84, 110),
        major=0.6,
        sevenths=False,
        swing=0.0,
        duck=0.0,
        room=0.55,
        kit=Kit(70, 0.08, 210, 0.07, (1_500, 8_000), 6_000, 0.04, seed=5),
        bass=Voice((1, 0.45, 0.2, 0.1), 0.006, 1.8, 1.0, 2.0),
        keys=Voice((1, 0.6, 0.35, 0.2, 0.15, 0.08), 0.003, 1.8, 0.8, 3.2),
        pad=Voice((1, 0.4, 0.3, 0.15, 0.08), 0.05, 0.03, 0.03, 3.2, detune=5),
        pluck=Voice((1, 0.5, 0.3, 0.15, 0.08), 0.003, 2.4, 1.2, 1.8),
        lead=Voice((1, 0.5, 0.2, 0.1, 0.05), 0.025, 0.15, 0.05, 2.5),
        kicks=("x.......x.......", "x.........x.....", "x.....x.x......."),
        snares=("....x.......x...", "....o..o....o..o"),
        hats="o.o.x.o.o.o.x.o.",
        bass_lines=("x.......x.......", "x.....x.x.....x."),
        comps=("x.x.x.x.x.x.x.x.", "x..x..x.x..x..x."),
        strums=("x...x.x.x...x.x.", "x.x.x.x.x.x.x.x."),
        moods=("tender", "heartfelt", "pastoral", "gentle", "yearning"),
        instruments=("fingerpicked acoustic guitar", "upright bass", "light brushed drums", "a whistle melody"),
    ),
}
