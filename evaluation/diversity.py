"""Diversity of a set of songs, from one embedding a song: do they differ, and how near do they come to real ones?

    embeddings = song_embeddings(songs)              # or read_embeddings(folder, names) of CLAP, MERT …
    diversity(generated, training)                   # Diversity, with the same figures of real songs

`song_embeddings` hears colour and harmony on average, whatever sounds when; `variety.py` hears tunes and passages. Such
embeddings install everywhere and know no music theory: one's own say more. Figures of different embeddings cannot be
compared, nor those of sets of different size, so real songs stand beside them in sets of the same size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from evaluation.adherence import chroma
from evaluation.distance import frechet_distance
from evaluation.features import log_mel
from structure.errors import StudioError

FEWEST_SONGS = 2
_ROUNDING = 1e-6


class DiversityError(StudioError):
    """Embeddings or similarities that say nothing of diversity."""


@dataclass(frozen=True)
class SetDiversity:
    """A set of songs against training songs.

    Attributes:
        vendi: how many different songs the set is worth, 1 to its size.
        distance: mean cosine distance of its pairs, 0 to 2.
        nearest: mean cosine distance of a song to the nearest training song.
        frechet: Fréchet distance to the training songs.
    """

    vendi: float
    distance: float
    nearest: float
    frechet: float


@dataclass(frozen=True)
class Diversity:
    """Generated songs beside real ones.

    Attributes:
        songs: means over sets of `size` generated songs, each against the training songs left by a set of `real`.
        real: means over sets of `size` training songs, each against the other training songs; None where there are too
            few (`songs` then are all generated songs against all training songs).
        size: songs in a set.
        nearest: float (songs,) cosine distance of each generated song to the nearest of all training songs.
        nearest_index: int (songs,) which that is.
    """

    songs: SetDiversity
    real: SetDiversity | None
    size: int
    nearest: np.ndarray
    nearest_index: np.ndarray


def vendi_score(similarity: np.ndarray) -> float:
    """The effective number of different items: exp(-Σ λ log λ), λ the eigenvalues of K / n.

    Args:
        similarity: K, float (n, n): symmetric, positive semidefinite, 1 on the diagonal.

    Returns:
        1 (all equal) to n (none like another).

    Raises:
        DiversityError: it is not such a matrix.

    Source: Friedman and Dieng, The Vendi Score, TMLR 2023, definition 3.1.
    """
    n = len(similarity)
    if similarity.shape != (n, n) or n == 0:
        raise DiversityError(f"Similarities are a square matrix, items by items, got shape {similarity.shape}.")
    if not np.allclose(similarity, similarity.T, atol=_ROUNDING) or not np.allclose(np.diag(similarity), 1, atol=1e-4):
        raise DiversityError("Similarities must be the same both ways, and 1 of each item with itself.")
    values = np.linalg.eigvalsh(similarity / n)
    if values[0] < -_ROUNDING:
        raise DiversityError(
            f"The similarities contradict one another (eigenvalue {values[0] * n:.3g} is negative). "
            "Take a positive semidefinite kernel, such as the cosine of embeddings."
        )
    positive = values[values > 0]
    return float(np.exp(-np.sum(positive * np.log(positive))))


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of every pair: float (n, m) from embeddings float (n, dims) and (m, dims).

    Raises:
        DiversityError: not of one width, not finite, or an embedding is all zero and has no direction.
    """
    for embeddings in (first, second):
        if embeddings.ndim != 2 or embeddings.shape[1] != first.shape[-1] or not np.isfinite(embeddings).all():
            raise DiversityError(
                f"Embeddings are finite numbers, songs by dimensions, all of one width, got shapes {first.shape} and "
                f"{second.shape}. Take both sets from one model."
            )
        if not np.linalg.norm(embeddings, axis=1).all():
            raise DiversityError(
                "An embedding has no direction: it is zero, or no different from the mean of the real songs. "
                "Leave that song out."
            )
    one, other = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True) for embeddings in (first, second))
    return one @ other.T


def mean_distance(embeddings: np.ndarray) -> float:
    """Mean cosine distance (1 - cos) over all pairs of songs; float (songs, dims), two songs or more.

    Raises:
        DiversityError: fewer than two songs, or embeddings without direction.
    """
    _enough(embeddings, "songs")
    pairs = np.triu_indices(len(embeddings), k=1)
    return float(1 - cosines(embeddings, embeddings)[pairs].mean())


def nearest_songs(generated: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The training song nearest to each generated one.

    Args:
        generated: float (songs, dims).
        training: float (other songs, dims).

    Returns:
        float (songs,) cosine distances, and int (songs,) indices into `training`.

    Raises:
        DiversityError: no training song, or embeddings without direction.
    """
    if not len(training):
        raise DiversityError("There is no training song to be near to. Give at least one.")
    similarity = cosines(generated, training)
    return 1 - similarity.max(axis=1), similarity.argmax(axis=1)


def set_diversity(generated: np.ndarray, training: np.ndarray) -> SetDiversity:
    """All figures of one set: float (songs, dims) against (training songs, dims), two or more of each.

    Raises:
        DiversityError: fewer, or embeddings that do not fit together.
    """
    _enough(generated, "songs")
    _enough(training, "training songs")
    return SetDiversity(
        vendi=vendi_score(cosines(generated, generated)),
        distance=mean_distance(generated),
        nearest=float(nearest_songs(generated, training)[0].mean()),
        frechet=frechet_distance(generated, training),
    )


def diversity(generated: np.ndarray, training: np.ndarray, seed: int = 0) -> Diversity:
    """Generated songs beside real ones, in sets of one size. Both are standardised on the training songs first.

    Args:
        generated: float (songs, dims), two or more.
        training: float (training songs, dims), two or more.
        seed: of the drawing of sets.

    Raises:
        DiversityError: fewer, or embeddings that do not fit together.
    """
    _enough(generated, "songs")
    _enough(training, "training songs")
    cosines(generated, training)  # refuses what does not fit together before it is standardised
    made, real = standardised(generated, training), standardised(training, training)
    nearest = nearest_songs(made, real)
    size = min(len(made), len(real) // 2)
    if size < FEWEST_SONGS:
        return Diversity(set_diversity(made, real), None, len(made), *nearest)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(real))
    songs, others = [], []
    for first in range(0, len(real) - size + 1, size):
        held = order[first : first + size]
        rest = np.delete(real, held, axis=0)
        songs.append(set_diversity(made[rng.permutation(len(made))[:size]], rest))
        others.append(set_diversity(real[held], rest))
    return Diversity(_mean(songs), _mean(others), size, *nearest)


def standardised(embeddings: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Each dimension centred and scaled as real songs have it; one that never varies among them becomes 0.

    Args:
        embeddings: float (songs, dims).
        real: float (real songs, dims).
    """
    scale = real.std(axis=0)
    varies = scale > 1e-9 * np.maximum(np.abs(real).max(axis=0), 1.0)
    return np.where(varies, (embeddings - real.mean(axis=0)) / np.where(varies, scale, 1.0), 0.0)


def song_embeddings(songs: Sequence[tuple[np.ndarray, int]]) -> np.ndarray:
    """How songs sound on the whole: mean and deviation of log-mel bands and of pitch classes.

    Args:
        songs: samples, float (samples,) or (samples, channels), and sample rate in Hz, of each.

    Returns:
        float64 (songs, 120), not standardised.
    """
    return np.array([_embedding(samples, sample_rate) for samples, sample_rate in songs], dtype=float)


def read_embeddings(folder: Path, names: Sequence[str]) -> np.ndarray:
    """Embeddings of another model: `song.npy` for `song.wav`, float (dims,), or (windows, dims), which is averaged.

    Args:
        folder: one file a song; a song in a folder of the dataset has its file in the same folder here.
        names: of the audio files, as `song.wav`.

    Returns:
        float64 (songs, dims), in the order of `names`.

    Raises:
        DiversityError: a file is missing, is no array of such shape, holds no finite numbers, or another width.
    """
    rows: list[np.ndarray] = []
    for name in names:
        file = (Path(folder) / name).with_suffix(".npy")
        row = _read_embedding(file)
        if rows and len(row) != len(rows[0]):
            raise DiversityError(
                f"`{file.name}` has {len(row)} dimensions, and `{Path(names[0]).stem}.npy` has {len(rows[0])}. "
                "Take all embeddings from one model."
            )
        rows.append(row)
    return np.array(rows, dtype=float)


def _read_embedding(file: Path) -> np.ndarray:
    try:
        values = np.load(file, allow_pickle=False)
    except FileNotFoundError as problem:
        raise DiversityError(
            f"There is no `{file.name}` in `{file.parent}`. Write one embedding a song, named as the song."
        ) from problem
    except (OSError, ValueError, EOFError) as problem:
        raise DiversityError(f"`{file.name}` is no array of NumPy's. Write it with `numpy.save`.") from problem
    if not isinstance(values, np.ndarray):
        raise DiversityError(f"`{file.name}` is an archive of arrays. Write one array a song with `numpy.save`.")
    if values.ndim not in (1, 2) or not values.size or values.dtype.kind not in "fiu":
        raise DiversityError(
            f"`{file.name}` holds {values.dtype} of shape {values.shape}. Write numbers, (dims,) or (windows, dims)."
        )
    if not np.isfinite(values).all():
        raise DiversityError(f"`{file.name}` holds numbers that are not finite. Make this embedding again.")
    return np.atleast_2d(values).astype(float).mean(axis=0)


def _embedding(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    colour, classes = log_mel(samples, sample_rate), chroma(samples, sample_rate)
    pitch = np.log1p(classes / max(3 * float(classes.mean()), 1e-12))
    return np.concatenate([part for x in (colour, pitch) for part in (x.mean(axis=0), x.std(axis=0))])


def _enough(embeddings: np.ndarray, what: str) -> None:
    if len(embeddings) < FEWEST_SONGS:
        raise DiversityError(f"Diversity is told of {FEWEST_SONGS} {what} or more, got {len(embeddings)}.")


def _mean(sets: Sequence[SetDiversity]) -> SetDiversity:
    return SetDiversity(*(float(mean) for mean in np.mean([astuple(one) for one in sets], axis=0)))
