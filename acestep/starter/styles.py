"""The styles of the procedural songs: tempo, instruments, patterns and the words a caption may use.

A style lists what it likes; a song takes one of each. Patterns have sixteen steps, one bar of 4/4: `x` loud, `o` soft,
`.` silent.
"""

from __future__ import annotations

from dataclasses import dataclass

from acestep.starter.instruments import BASSES, KEYS, KITS, LEADS, PADS, PLUCKS


@dataclass(frozen=True)
class Style:
    """All that two songs of one style share."""

    genre: tuple[str, ...]
    moods: tuple[str, ...]
    tempo: tuple[int, int]  # BPM, both ends included
    major: float  # share of major keys
    sevenths: bool
    swing: float  # how far every second sixteenth comes late, in sixteenths
    duck: float  # how far a kick pushes the music down, 0 to 1
    room: float  # reverb decay in seconds
    kits: tuple[str, ...]
    basses: tuple[str, ...]
    keys: tuple[str, ...]
    pads: tuple[str, ...]
    plucks: tuple[str, ...]
    leads: tuple[str, ...]
    kicks: tuple[str, ...]
    snares: tuple[str, ...]
    hats: tuple[str, ...]
    bass_lines: tuple[str, ...]
    comps: tuple[str, ...]  # muted keys of the verse
    strums: tuple[str, ...]  # chords of the chorus

    def __post_init__(self) -> None:
        for names, known in (
            (self.kits, KITS),
            (self.basses, BASSES),
            (self.keys, KEYS),
            (self.pads, PADS),
            (self.plucks, PLUCKS),
            (self.leads, LEADS),
        ):
            if unknown := set(names) - set(known):
                raise ValueError(f"{self.genre[0]}: there is no instrument {', '.join(sorted(unknown))}")


STYLES: dict[str, Style] = {
    "pop-rock": Style(
        genre=("pop rock", "indie rock", "guitar pop"),
        moods=("driving", "hopeful", "energetic", "confident", "bittersweet"),
        tempo=(112, 150),
        major=0.65,
        sevenths=False,
        swing=0.0,
        duck=0.0,
        room=0.45,
        kits=("live rock drums", "tight funk drums"),
        basses=("picked bass", "round bass"),
        keys=("electric guitar", "piano", "organ"),
        pads=("strings", "warm pad"),
        plucks=("fingerpicked guitar", "bells"),
        leads=("guitar lead", "trumpet", "saw lead"),
        kicks=("x.....x.x.......", "x.......x.x.....", "x..x....x..x...."),
        snares=("....x.......x...", "....x.......x..o"),
        hats=("x.o.x.o.x.o.x.o.", "x...x...x...x..."),
        bass_lines=("x.x.x.x.x.x.x.x.", "x..x..x.x..x..x."),
        comps=("x.x.x.x.x.x.x.x.", "x.xx..x.x.xx..x."),
        strums=("x...x.x...x.x...", "x.....x.x.....x."),
    ),
    "synthwave": Style(
        genre=("synthwave", "retro electro", "eighties synth pop"),
        moods=("nostalgic", "neon-lit", "dreamy", "cinematic", "cool"),
        tempo=(92, 116),
        major=0.3,
        sevenths=False,
        swing=0.0,
        duck=0.35,
        room=0.6,
        kits=("a gated drum machine", "booming 808 drums"),
        basses=("synth bass", "sub bass"),
        keys=("synth stabs", "electric piano"),
        pads=("analog synth pad", "glassy pad"),
        plucks=("synth plucks", "bells"),
        leads=("square-wave lead", "saw lead", "whistle"),
        kicks=("x.......x.......", "x.......x.x.....", "x...x...x...x..."),
        snares=("....x.......x...",),
        hats=("x.x.x.x.x.x.x.x.", "..x...x...x...x."),
        bass_lines=("x.x.x.x.x.x.x.x.", "xxx.xxx.xxx.xxx."),
        comps=("..x...x...x...x.", "x..x..x...x..x.."),
        strums=("x.......x.......", "x.....x.....x..."),
    ),
    "house": Style(
        genre=("house", "deep house", "club dance"),
        moods=("groovy", "uplifting", "late-night", "warm", "hypnotic"),
        tempo=(118, 130),
        major=0.25,
        sevenths=True,
        swing=0.08,
        duck=0.55,
        room=0.4,
        kits=("club drums with claps", "booming 808 drums"),
        basses=("round bass", "synth bass", "sub bass"),
        keys=("organ", "electric piano", "synth stabs"),
        pads=("warm pad", "strings", "analog synth pad"),
        plucks=("synth plucks", "marimba", "bells"),
        leads=("saw lead", "flute", "square-wave lead"),
        kicks=("x...x...x...x...",),
        snares=("....x.......x...", "....x.......x.o."),
        hats=("..x...x...x...x.", "o.x.o.x.o.x.o.x."),
        bass_lines=("..x...x...x...x.", "..xx..x...xx..x.", ".xx..xx..xx..xx."),
        comps=("x..x..x...x..x..", "..x..x....x..x.."),
        strums=("x..x..x...x..x..", "..x...x...x...x."),
    ),
    "lo-fi": Style(
        genre=("lo-fi hip hop", "chillhop", "lo-fi beats"),
        moods=("mellow", "cosy", "rainy-day", "relaxed", "wistful"),
        tempo=(74, 94),
        major=0.45,
        sevenths=True,
        swing=0.28,
        duck=0.15,
        room=0.4,
        kits=("dusty drums", "brushed drums"),
        basses=("round bass", "upright bass"),
        keys=("electric piano", "piano", "acoustic guitar"),
        pads=("warm pad", "strings"),
        plucks=("bells", "music box", "marimba"),
        leads=("flute", "trumpet", "whistle"),
        kicks=("x......x..x.....", "x..x......x.....", "x.....x...x....."),
        snares=("....x.......x...", "....x..o....x..."),
        hats=("x.o.x.o.x.o.x.oo", "x.o.x.o.x.o.x.o."),
        bass_lines=("x.....x.x.....x.", "x..x..x.x..x..x."),
        comps=("x..x..x.x..x..x.", "..x..x....x..x.."),
        strums=("x.....x...x.....", "x...x..x..x....."),
    ),
    "folk-ballad": Style(
        genre=("folk ballad", "acoustic folk", "singer-songwriter folk"),
        moods=("tender", "heartfelt", "pastoral", "gentle", "yearning"),
        tempo=(84, 110),
        major=0.6,
        sevenths=False,
        swing=0.0,
        duck=0.0,
        room=0.55,
        kits=("brushed drums", "live rock drums"),
        basses=("upright bass", "picked bass"),
        keys=("acoustic guitar", "piano"),
        pads=("strings", "warm pad"),
        plucks=("fingerpicked guitar", "music box"),
        leads=("whistle", "flute", "guitar lead"),
        kicks=("x.......x.......", "x.........x.....", "x.....x.x......."),
        snares=("....x.......x...", "....o..o....o..o"),
        hats=("o.o.x.o.o.o.x.o.", "x...o...x...o..."),
        bass_lines=("x.......x.......", "x.....x.x.....x."),
        comps=("x.x.x.x.x.x.x.x.", "x..x..x.x..x..x."),
        strums=("x...x.x.x...x.x.", "x.x.x.x.x.x.x.x."),
    ),
    "funk": Style(
        genre=("funk", "disco funk", "seventies groove"),
        moods=("playful", "sunny", "strutting", "sly", "exuberant"),
        tempo=(98, 120),
        major=0.5,
        sevenths=True,
        swing=0.1,
        duck=0.0,
        room=0.3,
        kits=("tight funk drums", "live rock drums"),
        basses=("slap bass", "picked bass"),
        keys=("clavinet", "electric guitar", "organ"),
        pads=("strings", "glassy pad"),
        plucks=("marimba", "synth plucks"),
        leads=("trumpet", "flute", "guitar lead"),
        kicks=("x..x......x..x..", "x.....x..x......", "x..x...x..x....."),
        snares=("....x..o.o..x...", "....x.......x..o"),
        hats=("xoxoxoxoxoxoxoxo", "x.ox.xo.x.ox.xo."),
        bass_lines=("x..x..x.x.xx..x.", "x.x..xx..x.x..xx"),
        comps=("..x.xx.x..x.x.xx", "x.xx.x.xx.x..x.x"),
        strums=("x..x..x.x..x..x.", "..x..x.x..x..x.x"),
    ),
    "trap": Style(
        genre=("trap", "dark hip hop", "southern hip hop"),
        moods=("brooding", "menacing", "icy", "tense", "swaggering"),
        tempo=(124, 148),
        major=0.1,
        sevenths=False,
        swing=0.0,
        duck=0.25,
        room=0.5,
        kits=("booming 808 drums", "dusty drums"),
        basses=("sub bass", "synth bass"),
        keys=("piano", "synth stabs", "electric piano"),
        pads=("glassy pad", "strings"),
        plucks=("bells", "music box"),
        leads=("flute", "square-wave lead", "whistle"),
        kicks=("x......x..x.....", "x.....x.....x...", "x..x......x....."),
        snares=("........x.......",),
        hats=("x.x.x.xxx.x.xxxx", "x.xxx.x.x.xxx.x."),
        bass_lines=("x......x..x.....", "x.....x.....x..."),
        comps=("x.......x...x...", "x...x.....x....."),
        strums=("x.......x.......", "x.....x....x...."),
    ),
    "techno": Style(
        genre=("techno", "electro", "warehouse rave"),
        moods=("relentless", "mechanical", "euphoric", "stark", "feverish"),
        tempo=(126, 142),
        major=0.15,
        sevenths=False,
        swing=0.0,
        duck=0.45,
        room=0.5,
        kits=("club drums with claps", "a gated drum machine"),
        basses=("synth bass", "sub bass"),
        keys=("synth stabs", "organ"),
        pads=("analog synth pad", "glassy pad"),
        plucks=("synth plucks", "marimba"),
        leads=("saw lead", "square-wave lead"),
        kicks=("x...x...x...x...",),
        snares=("....x.......x...", "....x..o....x..."),
        hats=("..x...x...x...x.", "x.xxx.xxx.xxx.xx"),
        bass_lines=(".xxx.xxx.xxx.xxx", "..xx..xx..xx..xx", "x.xx.xx.x.xx.xx."),
        comps=("x..x..x..x..x...", "..x..x..x..x..x."),
        strums=("x..x..x..x..x...", "x.....x.....x..."),
    ),
}
