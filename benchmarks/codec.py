"""The starter's codec on songs that it never saw: `python -m benchmarks.codec`.

Distances alone cannot rank codecs (two draws of one noise differ by 6 dB), so two figures catch what they
hide: the comb, energy on multiples of the decoder's step rate, heard as a buzz; and texture, how alive the
treble is from moment to moment, where plastic sound has too little.
"""

from __future__ import annotations

import sys

import librosa
import numpy as np

from benchmarks.record import Bar, exit_status, record

SEEDS = range(300_000, 300_012)
SECONDS = 20.0
STEP_RATE = 100.0  # decoder steps a second, Hz


def log_mel(samples: np.ndarray, rate: int) -> np.ndarray:
    """Natural log of an 80-band mel spectrum (bands, frames), floor 1e-4."""
    power = librosa.feature.melspectrogram(y=samples, sr=rate, n_fft=1024, hop_length=240, n_mels=80, power=1.0)
    return np.log(power + 1e-4)


def onset_correlation(a: np.ndarray, b: np.ndarray, rate: int) -> float:
    """Correlation of onset strength: whether the drums still hit."""
    strengths = [librosa.onset.onset_strength(y=x, sr=rate, hop_length=240) for x in (a, b)]
    return float(np.corrcoef(*strengths)[0, 1])


def chroma_correlation(a: np.ndarray, b: np.ndarray, rate: int) -> float:
    """Correlation of chroma: whether chords are still those chords."""
    chromas = [librosa.feature.chroma_stft(y=x, sr=rate, n_fft=4096, hop_length=960).ravel() for x in (a, b)]
    return float(np.corrcoef(*chromas)[0, 1])


def comb_db(samples: np.ndarray, rate: int) -> float:
    """Energy at multiples of the step rate against their neighbours 20 to 40 Hz away, 1 to 8 kHz, in dB."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate)
    centres = np.arange(1000, 8000, STEP_RATE)
    on, off = [], []
    for centre in centres:
        distance = np.abs(hz - centre)
        on.append(spectrum[distance < 2].mean())
        off.append(spectrum[(distance > 20) & (distance < 40)].mean())
    return float(np.median(10 * np.log10(np.array(on) / np.array(off))))


def texture(samples: np.ndarray, rate: int) -> float:
    """Deviation over time of log magnitudes above 4 kHz within 100 ms; noise has 0.6, a frozen spectrum 0."""
    spectrum = np.log(np.abs(librosa.stft(samples, n_fft=512, hop_length=256))[int(4000 / rate * 512) :] + 1e-5)
    frames = spectrum.shape[1] // 10 * 10
    return float(spectrum[:, :frames].reshape(len(spectrum), -1, 10).std(2).mean())


def measure() -> None:
    """Measure, print, write the result file."""
    import torch

    from acestep.loading import STARTER_DIR
    from acestep.starter.codec import StarterCodec
    from acestep.starter.songs import SAMPLE_RATE, make_song

    codec = StarterCodec.from_pretrained(STARTER_DIR / "vae", use_safetensors=True)
    rows = []
    for seed in SEEDS:
        song = make_song(seed, SECONDS).samples
        with torch.no_grad():
            latents = codec.encode(torch.from_numpy(song)[None, None]).latent_dist.mode()
            heard = codec.decode(latents).sample[0, 0, : len(song)].numpy()
        rows.append(
            {
                "mel L1": float(np.abs(log_mel(song, SAMPLE_RATE) - log_mel(heard, SAMPLE_RATE)).mean()),
                "onset correlation": onset_correlation(song, heard, SAMPLE_RATE),
                "chroma correlation": chroma_correlation(song, heard, SAMPLE_RATE),
                "comb": comb_db(heard, SAMPLE_RATE),
                "comb of the original": comb_db(song, SAMPLE_RATE),
                "texture": texture(heard, SAMPLE_RATE),
                "texture of the original": texture(song, SAMPLE_RATE),
                "loudness change": float(20 * np.log10(heard.std() / song.std())),
                "latent deviation": float(latents.std()),
            }
        )
    units = {"comb": "dB", "comb of the original": "dB", "loudness change": "dB"}
    bars = [Bar(name, float(np.mean([row[name] for row in rows])), units.get(name, "")) for name in rows[0]]
    record("codec", bars, {"songs": rows}, {"seeds": [SEEDS.start, SEEDS.stop], "seconds": SECONDS})


if __name__ == "__main__":
    sys.exit(exit_status(measure))
