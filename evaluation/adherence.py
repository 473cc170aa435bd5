"""Is the request obeyed apart from its structure: the tempo and the key. `caption_probe.py` asks after the caption.

    tempo_right(samples, sample_rate, 128)
    key_score(samples, sample_rate, "A minor")

A share means little alone. Take the same figures of real songs as the ceiling,
and of the songs against each other's requests as chance; for that, what is
*heard* (`heard_tempo`, `heard_key`) and how it is *compared* stand apart.
"""

from __future__ import annotations

import math
import re

import numpy as np

from evaluation.features import FRAME_RATE, SAMPLE_RATE, log_mel
from structure.errors import StudioError

TEMPO_TOLERANCE = 0.04  # of the tempo asked for, as MIREX has it
CHROMA_RATE = 10.0  # chroma frames per second

_SHORTEST = 3.0  # seconds in which a tempo or a style can be heard
_WINDOW = 8.0  # seconds: beats need to keep step only so long, since sections may begin between two beats
_N_FFT = 4096  # of onset envelopes; longer than a window, so that tempi lie close
_TEMPI = 60.0 * 2 ** (np.arange(600) / 600)  # BPM, one octave
_LEVELS = (1, 2, 4, 8)  # a tempo is heard together with its doubles
_PITCHES = np.arange(40, 100)  # MIDI, E2 to E♭7: lower semitones cannot be told apart in half a second
_CHROMA_FFT = 8192  # 0.5 s at 16 kHz
_BLOCK = 256  # chroma frames computed at once
_TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_KEY = re.compile(r"([A-Ga-g])([#♯b♭]?)[\s-]*((?i:major|maj|minor|min)|M|m)?")
# Krumhansl, Cognitive Foundations of Musical Pitch, 1990: how well each semitone above the tonic fits the key
_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


class AdherenceError(StudioError):
    """A request that cannot be read, or songs in which it cannot be looked for."""


def heard_tempo(samples: np.ndarray, sample_rate: int) -> float | None:
    """The tempo of a song, folded into one octave.

    The onsets' periodicities (a Fourier tempogram) are summed over the tempi b, 2b, 4b and 8b for each b from 60 to
    120 BPM; the strongest b wins. Which of its doubles is *the* beat is a matter of taste, and not decided.

    Args:
        samples: float (samples,) or (samples, channels), 3 s or longer.
        sample_rate: Hz.

    Returns:
        BPM in [60, 120); None where nothing begins or ends.

    Raises:
        AdherenceError: the song is shorter than 3 s.

    Source: cyclic tempogram, Grosche, Müller and Kurth, ICASSP 2010.
    """
    check_length(samples, sample_rate)
    rates, strengths = tempogram(onsets(log_mel(samples, sample_rate)).mean(axis=1, keepdims=True))
    strength = sum(np.interp(_TEMPI / 60 * level, rates, strengths[:, 0]) for level in _LEVELS)
    return float(_TEMPI[strength.argmax()]) if strength.max() > 1e-6 else None


def tempo_distance(heard: float | None, bpm: float) -> float:
    """How far two tempi lie apart, octaves left out: |log2(heard / bpm)| to the nearest whole number.

    Returns:
        Octaves, 0 (equal, half or double) to 0.5 (as far as can be; also where no tempo is heard). 4 % off is 0.057,
        three beats against two 0.415.

    Raises:
        AdherenceError: `bpm` is not positive.
    """
    if not (math.isfinite(bpm) and bpm > 0):
        raise AdherenceError(f"A tempo is in beats a minute and must be positive, got {bpm}.")
    if heard is None:
        return 0.5
    octaves = math.log2(heard / bpm)
    return abs(octaves - round(octaves))


def tempo_error(samples: np.ndarray, sample_rate: int, bpm: float) -> float:
    """`tempo_distance` of what is heard in a song to the tempo asked for.

    Args:
        samples: float (samples,) or (samples, channels), 3 s or longer.
        sample_rate: Hz.
        bpm: beats a minute.

    Raises:
        AdherenceError: `bpm` is not positive, or the song is shorter than 3 s.
    """
    return tempo_distance(heard_tempo(samples, sample_rate), bpm)


def tempo_right(samples: np.ndarray, sample_rate: int, bpm: float) -> bool:
    """Whether `tempo_error` is within 4 %. A tempo drawn blindly from an octave is right one time in nine.

    Source: accuracy 2 of Gouyon et al., IEEE TASLP 2006, without its factors of three.
    """
    return tempo_error(samples, sample_rate, bpm) <= math.log2(1 + TEMPO_TOLERANCE)


def heard_key(samples: np.ndarray, sample_rate: int) -> str | None:
    """The key of a song: the one whose profile correlates best with how strong each pitch class is.

    Args:
        samples: float (samples,) or (samples, channels), tuned to A = 440 Hz within about 30 cents.
        sample_rate: Hz.

    Returns:
        Such as "Eb minor"; None where no pitch class stands out, as in silence.

    Source: Krumhansl and Schmuckler's algorithm (Krumhansl 1990, chapter 4), on compressed chroma.
    """
    classes = chroma(samples, sample_rate)
    # quiet passages count like loud ones, near silence does not
    level = np.maximum(classes.mean(axis=1, keepdims=True), 0.1 * classes.mean() + 1e-12)
    strength = np.log1p(classes / level).sum(axis=0)
    if np.ptp(strength) < 1e-6:
        return None
    fits = {
        f"{tonic} {mode}": np.corrcoef(strength, np.roll(profile, shift))[0, 1]
        for mode, profile in _PROFILES.items()
        for shift, tonic in enumerate(_TONICS)
    }
    return max(fits, key=lambda key: fits[key])


def parse_key(keyscale: str) -> str:
    """The spelling that this module uses: "a min", "G#m" and "D♭" to "A minor", "Ab minor" and "C# major".

    Raises:
        AdherenceError: it is no major or minor key.
    """
    found = _KEY.fullmatch(keyscale.strip())
    if not found:
        raise AdherenceError(f'The key "{keyscale}" cannot be read. Write it like "A minor", "Eb major" or "C#".')
    letter, accidental, mode = found.groups()
    semitone = _TONICS.index(letter.upper()) + {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[accidental]
    minor = mode == "m" or (mode or "").lower().startswith("min")
    return f"{_TONICS[semitone % 12]} {'minor' if minor else 'major'}"


def key_agreement(heard: str | None, keyscale: str) -> float:
    """MIREX's weighted key score: 1 for the key itself, 0.5 for the one a fifth above, 0.3 relative, 0.2 parallel.

    Args:
        heard: of `heard_key`; None agrees with no key.
        keyscale: the key asked for; without a word for the mode it is major.

    Raises:
        AdherenceError: `keyscale` is no major or minor key.

    Source: mir_eval.key (Raffel et al., ISMIR 2014).
    """
    from mir_eval.key import weighted_score

    asked = parse_key(keyscale)
    return float(weighted_score(asked, heard)) if heard else 0.0


def key_score(samples: np.ndarray, sample_rate: int, keyscale: str) -> float:
    """`key_agreement` of what is heard in a song with the key asked for. A key drawn blindly scores 0.08.

    Raises:
        AdherenceError: `keyscale` is no major or minor key.
    """
    return key_agreement(heard_key(samples, sample_rate), keyscale)


def key_right(samples: np.ndarray, sample_rate: int, keyscale: str) -> bool:
    """Whether the key heard is the one asked for, tonic and mode.

    Raises:
        AdherenceError: `keyscale` is no major or minor key.
    """
    return key_score(samples, sample_rate, keyscale) == 1.0


def onsets(mel: np.ndarray) -> np.ndarray:
    """What rises from one spectrum of `features.log_mel` to the next; both (frames, bands)."""
    return np.maximum(np.diff(mel, axis=0, prepend=mel[:1]), 0)


def tempogram(rises: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How strong each periodicity is, on average over windows of 8 s, or over the whole of a shorter song.

    Args:
        rises: float (frames, columns) of `onsets`, or sums of its columns.

    Returns:
        float (rates,) in Hz, and float (rates, columns).
    """
    size = min(round(_WINDOW * FRAME_RATE), len(rises))
    taper = np.hanning(size)[:, None]
    windows = [rises[i : i + size] for i in range(0, len(rises) - size + 1, size // 2)]
    spectra = [np.abs(np.fft.rfft((window - window.mean(axis=0)) * taper, _N_FFT, axis=0)) for window in windows]
    return np.fft.rfftfreq(_N_FFT, 1 / FRAME_RATE), np.mean(spectra, axis=0)


def chroma(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """How strong each pitch class is: magnitudes under a bell 0.3 semitones wide round each note from E2 to E♭7.

    Args:
        samples: float (samples,) or (samples, channels).
        sample_rate: Hz.

    Returns:
        float32 (frames, 12), C first, `CHROMA_RATE` a second; frame i is centred on i / CHROMA_RATE seconds.
    """
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    if sample_rate != SAMPLE_RATE:
        import soxr

        mono = soxr.resample(mono, sample_rate, SAMPLE_RATE)
    hop = round(SAMPLE_RATE / CHROMA_RATE)
    n_frames = max(1, round(len(mono) / hop))
    padded = np.zeros((n_frames - 1) * hop + _CHROMA_FFT, np.float32)
    padded[_CHROMA_FFT // 2 :][: len(mono)] = mono[: len(padded) - _CHROMA_FFT // 2]
    frames = np.lib.stride_tricks.sliding_window_view(padded, _CHROMA_FFT)[::hop]
    window, bells = np.hanning(_CHROMA_FFT).astype(np.float32), _chroma_bells()
    return np.concatenate(
        [np.abs(np.fft.rfft(frames[i : i + _BLOCK] * window)) @ bells for i in range(0, n_frames, _BLOCK)]
    )


def check_length(samples: np.ndarray, sample_rate: int) -> None:
    """Refuse a song shorter than 3 s.

    Raises:
        AdherenceError: with its length.
    """
    if len(samples) < _SHORTEST * sample_rate:
        raise AdherenceError(
            f"The song lasts {len(samples) / sample_rate:.1f} s, too short for a rhythm to be heard. "
            f"Take one of {_SHORTEST:g} s or more."
        )


def _chroma_bells() -> np.ndarray:
    """float32 (_CHROMA_FFT // 2 + 1, 12); every note weighs 1."""
    bins = np.fft.rfftfreq(_CHROMA_FFT, 1 / SAMPLE_RATE)
    semitones = 69 + 12 * np.log2(np.maximum(bins, 1e-3) / 440)
    bells = np.exp(-0.5 * ((semitones[:, None] - _PITCHES) / 0.3) ** 2)
    bells /= bells.sum(axis=0)
    octaves = bells.reshape(len(bins), -1, 12).sum(axis=1)
    return np.roll(octaves, _PITCHES[0] % 12, axis=1).astype(np.float32)
