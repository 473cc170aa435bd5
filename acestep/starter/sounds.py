"""Synth voices, drum hits, reverb and master of the procedural songs; every noise has a fixed seed.

The timbres are chosen for a small codec of fixed oscillators (up to 6 kHz) and filtered
noise: few partials, clear envelopes, noise only in drums, no vibrato, moderate reverb.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import signal

SAMPLE_RATE = 24_000
HIGHEST_PARTIAL = 6_000.0  # Hz; above it only noise sounds
CEILING = 10 ** (-1.0 / 20)  # peak of the master, -1 dBFS
KNEE = 0.6  # the soft limiter leaves samples below it as they are


@dataclass(frozen=True)
class Voice:
    """A pitched sound: harmonic amplitudes and one envelope; times in seconds, rates in 1/s."""

    partials: tuple[float, ...]
    attack: float
    decay: float  # of the whole note
    damp: float  # extra decay per harmonic number: high partials die first
    length: float
    release: float = 0.03
    detune: float = 0.0  # cents between two copies


@dataclass(frozen=True)
class Kit:
    """A drum kit: what differs between styles; times in seconds, frequencies in Hz."""

    kick: float  # where the sweep ends
    kick_decay: float
    snare: float  # pitch of the shell
    snare_decay: float
    snare_noise: tuple[float, float]  # noise band
    hat: float  # lower edge of the hats' noise
    hat_decay: float
    clap: bool = False
    seed: int = 0


@lru_cache(maxsize=600)
def tone(voice: Voice, midi: int) -> np.ndarray:
    """A whole undamped note, float32 (samples,).

    Every harmonic k is z**k with z = exp((2 pi i f - damp) t), so the sum is a polynomial in z (Horner).
    """
    n = int(voice.length * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    frequency = 440.0 * 2 ** ((midi - 69) / 12)
    count = max(1, min(len(voice.partials), int(HIGHEST_PARTIAL // frequency)))
    k = np.arange(1, count + 1)
    amplitudes = np.asarray(voice.partials[:count])
    # quadratic phases keep the crest low
    coefficients = (amplitudes * np.exp(1j * np.pi * k**2 / count) / np.linalg.norm(amplitudes)).astype(np.complex64)
    # the second copy is softer, so that beats never cancel a partial
    copies = ((0.0, 0.9), (voice.detune, 0.45)) if voice.detune else ((0.0, 1.0),)
    out = np.zeros(n, np.float32)
    for cents, gain in copies:
        phase = (2 * np.pi * ((frequency * 2 ** (cents / 1200) * t) % 1.0)).astype(np.float32)
        z = np.empty(n, np.complex64)
        z.real, z.imag = np.cos(phase), np.sin(phase)
        z *= np.exp(-voice.damp * t).astype(np.float32)
        total = np.full(n, coefficients[-1], np.complex64)
        for c in coefficients[-2::-1]:
            total *= z
            total += c
        total *= z
        out += gain * total.imag
    envelope = np.minimum(t / voice.attack, 1.0) * np.exp(-voice.decay * t)
    return out * envelope.astype(np.float32)


@lru_cache(maxsize=64)
def _fade(n: int) -> np.ndarray:
    return (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, n))).astype(np.float32)


def note(voice: Voice, midi: int, n_samples: int) -> np.ndarray:
    """`tone` cut to `n_samples` with the voice's release inside, float32 (<= n_samples,)."""
    out = tone(voice, midi)[:n_samples].copy()
    release = min(len(out), int(voice.release * SAMPLE_RATE))
    out[len(out) - release :] *= _fade(release)
    return out


def _noise(seed: int, length: float, low: float, high: float, decay: float) -> np.ndarray:
    """Decaying white noise between `low` and `high` Hz (edges a third of an octave wide), RMS 1 before the decay."""
    n = int(length * SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    octave = np.log2(np.maximum(np.fft.rfftfreq(n, 1 / SAMPLE_RATE), 1.0))
    spectrum *= np.clip((octave - np.log2(low)) * 3 + 1, 0, 1) * np.clip((np.log2(high) - octave) * 3 + 1, 0, 1)
    out = np.fft.irfft(spectrum, n)
    return out / out.std() * np.exp(-np.arange(n) / SAMPLE_RATE / decay)


def _sweep(length: float, start: float, end: float, fall: float, decay: float) -> np.ndarray:
    """A sine gliding from `start` to `end` Hz with time constant `fall`."""
    t = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * (end * t + (start - end) * fall * (1 - np.exp(-t / fall)))
    return np.sin(phase) * np.exp(-t / decay)


def _mix(*layers: np.ndarray) -> np.ndarray:
    out = np.zeros(max(map(len, layers)))
    for layer in layers:
        out[: len(layer)] += layer
    return out


@lru_cache(maxsize=256)
def drum(kit: Kit, name: str) -> np.ndarray:
    """One hit, float32 (samples,): kick, snare, hat, open, crash, ride, tom1 (high) to tom3 (low), shaker, wash."""
    seed = 1000 * kit.seed + sum(map(ord, name))
    if name == "kick":
        hit = _mix(
            _sweep(0.4, kit.kick * 4, kit.kick, 0.022, kit.kick_decay),
            0.12 * _noise(seed, 0.02, 1500, 5000, 0.004),
        )
    elif name == "snare":
        low, high = kit.snare_noise
        noise = _noise(seed, 0.4, low, high, kit.snare_decay)
        if kit.clap:  # three quick bursts before the tail
            t = np.arange(len(noise)) / SAMPLE_RATE
            noise *= np.where(t < 0.03, np.exp(-(t % 0.01) / 0.004), 1.0)
        hit = _mix(0.3 * noise, 0.45 * _sweep(0.25, kit.snare * 1.5, kit.snare, 0.015, 0.06))
    elif name == "hat":
        hit = 0.2 * _noise(seed, 0.12, kit.hat, 11_500, kit.hat_decay)
    elif name == "open":
        hit = 0.25 * _noise(seed, 0.45, kit.hat * 0.85, 11_500, 0.16)
    elif name == "crash":
        hit = 0.3 * _noise(seed, 1.6, 2_800, 11_500, 0.45)
    elif name == "ride":
        bell = sum(_sweep(0.8, f, f, 0.1, 0.22) for f in (2_637.0, 3_951.0, 5_274.0))
        hit = _mix(0.06 * bell, 0.07 * _noise(seed, 0.8, 4_500, 10_000, 0.2))
    elif name in ("tom1", "tom2", "tom3"):
        pitch = {"tom1": 165.0, "tom2": 125.0, "tom3": 92.0}[name]
        hit = _mix(_sweep(0.5, pitch * 1.6, pitch, 0.04, 0.16), 0.08 * _noise(seed, 0.06, 400, 2_500, 0.02))
    elif name == "shaker":
        hit = 0.12 * _noise(seed, 0.1, 5_000, 10_000, 0.035)
    elif name == "wash":
        hit = 0.22 * _noise(seed, 0.3, 1_800, 10_000, 0.12)
        hit *= np.minimum(1, np.arange(len(hit)) / (0.02 * SAMPLE_RATE))
    else:
        raise ValueError(f"no drum is called {name!r}")
    hit[:24] *= np.linspace(0, 1, 24)  # 1 ms
    return hit.astype(np.float32)


@lru_cache(maxsize=64)
def sweep_up(n_samples: int) -> np.ndarray:
    """A riser: noise whose band climbs from 300 Hz to 9 kHz while it swells, float32 (n_samples,), RMS 1 at its end."""
    block, hop = 1024, 256
    noise = np.random.default_rng(9).standard_normal(n_samples + 2 * block)
    frames = np.lib.stride_tricks.sliding_window_view(noise, block)[::hop] * np.hanning(block)
    done = np.clip(np.arange(len(frames)) * hop / max(1, n_samples), 0, 1)[:, None]
    octave = np.log2(np.maximum(np.fft.rfftfreq(block, 1 / SAMPLE_RATE), 1.0))
    centre = np.log2(300.0) + done * np.log2(30.0)
    spectrum = np.fft.rfft(frames) * np.exp(-(((octave - centre) / 0.7) ** 2))
    shaped = np.fft.irfft(spectrum, block)
    shaped /= np.maximum(np.sqrt((shaped**2).mean(axis=1, keepdims=True)), 1e-9)  # every block as loud
    out = np.zeros(len(frames) * hop + block)
    for i, frame in enumerate(shaped):
        out[i * hop : i * hop + block] += frame * np.hanning(block)
    out = out[block // 2 : block // 2 + n_samples] * np.linspace(0.1, 1, n_samples) ** 1.5
    out[-48:] *= np.linspace(1, 0, len(out[-48:]))
    return (out / np.sqrt((out[-n_samples // 4 :] ** 2).mean())).astype(np.float32)


@lru_cache(maxsize=8)
def _room(decay: float) -> np.ndarray:
    """Impulse response of a small room, energy 1: no direct sound, darker and softer with time."""
    response = _noise(77, decay * 2.5, 250, 5_000, decay / 2)
    response[: int(0.012 * SAMPLE_RATE)] = 0
    return (response / np.linalg.norm(response)).astype(np.float32)


def reverb(samples: np.ndarray, decay: float) -> np.ndarray:
    """The room's answer to `samples` (same shape); `decay` in seconds."""
    return signal.oaconvolve(samples, _room(decay))[: len(samples)].astype(np.float32)


@lru_cache(maxsize=1)
def _k_weighting() -> np.ndarray:
    """Second-order sections close to ITU-R BS.1770's shelf (+4 dB from 1.7 kHz) and 38 Hz high-pass at 24 kHz."""
    gain, w = 10 ** (4.0 / 40), 2 * np.pi * 1_681.97 / SAMPLE_RATE
    alpha, cos = np.sin(w) / 2 / 0.7072, np.cos(w)
    root = 2 * np.sqrt(gain) * alpha
    shelf = np.array(
        [
            gain * ((gain + 1) + (gain - 1) * cos + root),
            -2 * gain * ((gain - 1) + (gain + 1) * cos),
            gain * ((gain + 1) + (gain - 1) * cos - root),
            (gain + 1) - (gain - 1) * cos + root,
            2 * ((gain - 1) - (gain + 1) * cos),
            (gain + 1) - (gain - 1) * cos - root,
        ]
    )
    return np.vstack([shelf / shelf[3], signal.butter(2, 38.1, "highpass", fs=SAMPLE_RATE, output="sos")])


def loudness(samples: np.ndarray) -> float:
    """Integrated loudness in LUFS of mono samples (n,), with the gates of ITU-R BS.1770-4."""
    power = np.append(0.0, np.cumsum(signal.sosfilt(_k_weighting(), samples).astype(np.float64) ** 2))
    block, hop = min(len(samples), int(0.4 * SAMPLE_RATE)), int(0.1 * SAMPLE_RATE)
    starts = np.arange(0, len(samples) - block + 1, hop)
    blocks = (power[starts + block] - power[starts]) / block + 1e-12
    blocks = blocks[blocks > 10 ** ((-70 + 0.691) / 10)]
    if not len(blocks):
        return -70.0
    blocks = blocks[blocks > blocks.mean() / 10]
    return float(-0.691 + 10 * np.log10(blocks.mean()))


def master(samples: np.ndarray) -> np.ndarray:
    """High-pass at 32 Hz, soft limiter at -1 dBFS, 50 ms fade at the end; float32, same shape."""
    out = signal.sosfilt(signal.butter(2, 32.0, "highpass", fs=SAMPLE_RATE, output="sos"), samples).astype(np.float32)
    loud = np.abs(out) > KNEE
    room = CEILING - KNEE
    out[loud] = np.sign(out[loud]) * (KNEE + room * np.tanh((np.abs(out[loud]) - KNEE) / room))
    end = min(len(out), int(0.05 * SAMPLE_RATE))
    out[len(out) - end :] *= _fade(end)
    return out
