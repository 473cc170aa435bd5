"""The instruments of the procedural songs, by the names that captions call them.

Every voice is a few partials and one envelope, so that the starter's codec can render it; what tells two instruments
apart is which partials are strong, how fast they come, and how fast the high ones die.
"""

from acestep.starter.sounds import Kit, Voice

_SAW = (1.0, 0.55, 0.4, 0.3, 0.22, 0.17, 0.13, 0.1)
_SQUARE = (1.0, 0.05, 0.5, 0.04, 0.3, 0.03, 0.2)
_STRING = (1.0, 0.7, 0.45, 0.35, 0.22, 0.15, 0.1)
_REED = (0.6, 1.0, 0.8, 0.5, 0.3, 0.2, 0.1)

BASSES: dict[str, Voice] = {
    "picked bass": Voice((1, 0.6, 0.35, 0.2, 0.1), 0.004, 1.2, 0.8, 2.0),
    "round bass": Voice((1, 0.3, 0.12, 0.05), 0.01, 1.3, 0.8, 2.0),
    "upright bass": Voice((1, 0.5, 0.25, 0.12), 0.006, 2.4, 1.4, 1.6),
    "synth bass": Voice(_SAW, 0.004, 1.6, 1.6, 1.6),
    "sub bass": Voice((1, 0.18, 0.05), 0.012, 0.4, 0.3, 2.4),
    "slap bass": Voice((0.8, 0.7, 0.7, 0.5, 0.4, 0.3, 0.2), 0.002, 3.2, 1.8, 1.2),
}
KEYS: dict[str, Voice] = {
    "electric guitar": Voice(_STRING, 0.003, 1.6, 0.9, 3.2),
    "acoustic guitar": Voice((1, 0.6, 0.35, 0.2, 0.15, 0.08), 0.003, 2.2, 1.0, 3.2),
    "electric piano": Voice((1, 0.35, 0.1, 0.12, 0.03, 0.05), 0.004, 1.2, 0.7, 3.2),
    "piano": Voice((1, 0.55, 0.3, 0.25, 0.12, 0.1, 0.05), 0.002, 1.8, 0.6, 3.2),
    "organ": Voice((1, 0.6, 0.5, 0.35, 0.05, 0.2), 0.006, 0.1, 0.05, 3.2),
    "synth stabs": Voice(_SAW, 0.004, 2.2, 1.2, 2.6),
    "clavinet": Voice((0.7, 1, 0.6, 0.6, 0.4, 0.35, 0.25), 0.002, 3.6, 1.2, 1.6),
}
PADS: dict[str, Voice] = {
    "strings": Voice((1, 0.6, 0.4, 0.25, 0.15), 0.05, 0.05, 0.03, 3.6, detune=6),
    "analog synth pad": Voice(_SAW, 0.03, 0.05, 0.04, 3.6, detune=8),
    "warm pad": Voice((1, 0.3, 0.15, 0.08), 0.04, 0.05, 0.05, 3.6, detune=6),
    "glassy pad": Voice((1, 0.05, 0.45, 0.05, 0.2), 0.04, 0.1, 0.05, 3.6, detune=4),
}
PLUCKS: dict[str, Voice] = {
    "bells": Voice((1.0, 0.12, 0.3, 0.05, 0.12), 0.003, 2.6, 1.0, 1.8),
    "music box": Voice((1.0, 0.02, 0.05, 0.25), 0.002, 4.0, 1.2, 1.4),
    "synth plucks": Voice(_SQUARE, 0.003, 4.0, 2.0, 1.2),
    "fingerpicked guitar": Voice((1, 0.5, 0.3, 0.15, 0.08), 0.003, 2.4, 1.2, 1.8),
    "marimba": Voice((1.0, 0.04, 0.02, 0.3), 0.002, 6.0, 3.0, 1.0),
}
LEADS: dict[str, Voice] = {
    "guitar lead": Voice((1, 0.6, 0.6, 0.3, 0.25, 0.12), 0.008, 0.4, 0.1, 2.5),
    "square-wave lead": Voice(_SQUARE, 0.01, 0.2, 0.1, 2.5, detune=5),
    "saw lead": Voice(_SAW[:6], 0.005, 0.6, 0.5, 2.2),
    "flute": Voice((1, 0.25, 0.18, 0.05, 0.04), 0.03, 0.2, 0.1, 2.5),
    "whistle": Voice((1, 0.06, 0.03), 0.02, 0.15, 0.05, 2.5),
    "trumpet": Voice(_REED, 0.02, 0.2, 0.12, 2.5),
}
KITS: dict[str, Kit] = {
    "live rock drums": Kit(62, 0.11, 190, 0.09, (900, 9_000), 6_500, 0.03, seed=1),
    "a gated drum machine": Kit(56, 0.13, 170, 0.16, (700, 8_000), 7_000, 0.025, seed=2),
    "club drums with claps": Kit(56, 0.14, 220, 0.1, (1_100, 7_000), 7_500, 0.028, clap=True, seed=3),
    "dusty drums": Kit(60, 0.1, 240, 0.06, (1_200, 5_500), 5_500, 0.022, seed=4),
    "brushed drums": Kit(70, 0.08, 210, 0.07, (1_500, 8_000), 6_000, 0.04, seed=5),
    "booming 808 drums": Kit(48, 0.24, 200, 0.08, (1_400, 9_000), 8_000, 0.018, clap=True, seed=6),
    "tight funk drums": Kit(68, 0.07, 230, 0.05, (1_300, 9_500), 7_000, 0.02, seed=7),
}
