"""Where a song's parts begin: how probable a boundary is at each beat.

Two things are known. What is heard: a boundary is where the sound before and
the sound after are each alike, and unlike one another (Foote, 2000). And how
music is built: parts last 8 bars, or 16, or 4, and begin on beat one. A
semi-Markov chain weighs both over the whole song at once (a part is a state,
its length has a prior), for each of the four beats that beat one may be; its
forward and backward sums are the probabilities.
"""

from __future__ import annotations

import numpy as np

from annotate.beats import Beats

BEATS_A_BAR = 4
LONGEST = 40 * BEATS_A_BAR  # beats of a part
_REACH = (4, 8, 16)  # beats compared on each side of a boundary
_BARS = {1: 0.01, 2: 0.04, 3: 0.03, 4: 0.12, 5: 0.02, 6: 0.05, 7: 0.02, 8: 0.44, 9: 0.02, 10: 0.02, 12: 0.04}
_BARS |= {16: 0.14, 20: 0.01, 24: 0.01, 32: 0.01}
"""Share of parts that last so many bars. 4, 8 and 16 are counted in Harmonix (912 songs); the rest of its sum is
spread by judgement."""
_BEAT_OF_BAR = np.log([0.80, 0.03, 0.05, 0.12])
"""Harmonix: boundaries on beats one to four; four is the pickup."""
ANY_LENGTH = -4.5
"""Log share of every length at least, for the first part and the last: a song may begin and end within one."""
_GAIN, _COST, _MASKED = 10.0, 1.0, 0.5  # chosen on 12 made songs that the benchmark does not use


def boundary_probabilities(beats: Beats) -> tuple[np.ndarray, np.ndarray]:
    """How probable it is that a part begins at each edge of a beat.

    Returns:
        float (n + 1,): in [0, 1]; the first and the last are 1, as the song's ends are;
        float (4,): how probable it is that edge 0, 1, 2 or 3 is a bar's beat one.
    """
    heard = _GAIN * _peaks(novelty(beats)) - _COST
    place = np.arange(len(heard))
    by_phase = [forward_backward(heard + _BEAT_OF_BAR[(place - phase) % BEATS_A_BAR]) for phase in range(BEATS_A_BAR)]
    evidence = np.array([total for _, total in by_phase])
    phases = np.exp(evidence - np.logaddexp.reduce(evidence))
    return np.sum([share * found for share, (found, _) in zip(phases, by_phase, strict=True)], axis=0), phases


def novelty(beats: Beats) -> np.ndarray:
    """How unlike the sound before each edge is to that after it: float (n + 1,), 1 at a song's clearest changes.

    The mean over timbre, level of bands and harmony, each at three reaches.

    Source: Foote, Automatic audio segmentation using a measure of audio novelty, ICME 2000.
    """
    curves = [_checkerboard(view, reach) for view in beats.views for reach in _REACH]
    return np.mean([curve / (np.percentile(curve, 95) + 1e-9) for curve in curves], axis=0)


def _checkerboard(rows: np.ndarray, reach: int) -> np.ndarray:
    """Foote's tapered kernel along the diagonal of the rows' products; beyond the song's ends all is zero."""
    offset = (np.arange(-reach, reach) + 0.5) / reach
    side = np.sign(offset) * np.exp(-2 * offset**2)
    padded = np.pad(rows, ((reach, reach), (0, 0)))
    # side @ (rows @ rows.T) @ side, the kernel on the similarity matrix, is the squared length of side @ rows; summed
    # row by row, since all windows of an hour at once would take a hundred megabytes
    change = np.zeros((len(rows) + 1, rows.shape[1]))
    for first, weight in enumerate(side):
        change += weight * padded[first : first + len(change)]
    return np.square(change).sum(axis=1)


def _peaks(curve: np.ndarray) -> np.ndarray:
    """A change counts for less within a bar of a greater one."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(curve, BEATS_A_BAR), 2 * BEATS_A_BAR + 1)
    return curve - _MASKED * around.max(axis=1)


def log_lengths() -> np.ndarray:
    """Log share of parts that last 0 to `LONGEST` beats; lengths that are no whole bar are possible, and rare."""
    beats = np.arange(1, LONGEST + 1)
    share = 1e-4 * np.exp(-(np.log(beats / 32) ** 2))
    for bars, part in _BARS.items():
        share[bars * BEATS_A_BAR - 1] += part
    return np.concatenate([[-np.inf], np.log(share / share.sum())])


def forward_backward(heard: np.ndarray) -> tuple[np.ndarray, float]:
    """Sum over every way to cut a song into parts.

    Args:
        heard: float (n + 1,), log odds that a part begins at each edge; those of the song's two ends do not count.

    Returns:
        float (n + 1,): probability of a boundary at each edge;
        the log evidence: log of the sum, over all ways to cut, of exp(log lengths of the parts + `heard` at the cuts).
    """
    lengths = log_lengths()
    loose = np.maximum(lengths, ANY_LENGTH)
    last = len(heard) - 1
    score = np.concatenate([heard[:-1], [0.0]])
    forward = np.full(last + 1, -np.inf)
    forward[0] = 0.0
    for end in range(1, last + 1):
        first = max(0, end - LONGEST)
        prior = (loose if end == last else lengths)[end - first : 0 : -1].copy()
        if first == 0:
            prior[0] = loose[end]
        forward[end] = np.logaddexp.reduce(forward[first:end] + prior) + score[end]
    backward = np.full(last + 1, -np.inf)
    backward[last] = 0.0
    for start in range(last - 1, -1, -1):
        stop = min(last, start + LONGEST)
        prior = (loose if start == 0 else lengths)[1 : stop - start + 1].copy()
        if stop == last:
            prior[-1] = loose[last - start]
        backward[start] = np.logaddexp.reduce(backward[start + 1 : stop + 1] + prior + score[start + 1 : stop + 1])
    return np.exp(forward + backward - forward[last]), float(forward[last])
