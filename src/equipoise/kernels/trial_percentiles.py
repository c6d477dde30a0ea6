"""Percentiles of the weights of all rows of all trials, exact and, where they are many, without keeping them.

Purpose    order statistics of numbers that can be had again at any time but can be too many to hold.
Method     up to `HELD` rows are held and sorted. Beyond, positive floating-point numbers being ordered as their bits
           are, three passes count rows by the leading, the middle and the last 21 bits below the sign, each among the
           rows that share what is known so far.
Order      any. A person who counts m times has rows that count m times.
Cost       one pass and a sort of at most `HELD` rows; beyond, three passes a rank, one shared, and 32 MB for counters.
"""

from collections.abc import Callable

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.trial_rows import PADDING, Trials, TrialWeights, free_weights, weigh_rows

SHIFTS = (42, 21, 0)
WIDTHS = (21, 21, 21)  # the sign is zero
HELD = 1 << 20  # rows, 16 MB with how often each counts

Ranked = tuple[int, Callable[[int], float]]  # how many weights, and the weight with so many before it


def weight_percentiles(trials: Trials, weights: TrialWeights, percents: tuple[float, ...]) -> np.ndarray:
    """Percentiles (0 to 100) of the weights, interpolated between neighbours as R's and NumPy's default does.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.trial_rows import free_weights, sequential_trials
        >>> from equipoise.kernels.trial_percentiles import weight_percentiles
        >>> rows = np.arange(4)
        >>> trials = sequential_trials(rows, rows[1:], np.ones(3, np.bool_), np.zeros(3, np.int64), False, 9)
        >>> weights = free_weights(np.array([[1.0, 2.0, 4.0]]), np.zeros((1, 4), np.int64), np.empty(0))
        >>> weight_percentiles(trials, weights, (50.0, 75.0)).tolist()
        [2.0, 3.0]
    """
    free = free_weights(weights.factor, weights.kinds, np.empty(0))
    find = _held if int(trials.length.sum()) <= HELD else _counted
    n, value = find(trials, free, weights.times)
    if n == 0:
        return np.full(len(percents), np.nan)
    out = []
    for percent in percents:
        place = percent / 100.0 * (n - 1)
        below = int(np.floor(place))
        low, high = (value(min(rank, n - 1)) for rank in (below, below + 1))
        out.append(low + (place - below) * (high - low))
    return np.array(out)


def _held(trials: Trials, free: TrialWeights, times: np.ndarray) -> Ranked:
    size = int(trials.length.sum())
    w, often = np.empty(size), np.empty(size, np.int64)
    _write(trials, free, times, np.empty(int(trials.length.max(initial=0)) + PADDING), w, often)
    order = np.argsort(w)
    w, reached = w[order], np.cumsum(often[order])
    return int(reached[-1]) if size else 0, lambda rank: float(w[np.searchsorted(reached, rank, side="right")])


def _counted(trials: Trials, free: TrialWeights, times: np.ndarray) -> Ranked:
    leading = _counts(trials, free, times, 0, 0)
    return int(leading.sum()), lambda rank: _value(trials, free, times, leading, rank)


def _value(trials: Trials, free: TrialWeights, times: np.ndarray, counts: np.ndarray, rank: int) -> float:
    """The weight with `rank` weights before it, bits found from the highest down."""
    known = 0
    for step in range(len(SHIFTS)):
        if step:
            counts = _counts(trials, free, times, step, known)
        reached = np.cumsum(counts)
        bucket = int(np.searchsorted(reached, rank, side="right"))
        rank -= int(reached[bucket - 1]) if bucket else 0
        known = (known << WIDTHS[step]) | bucket
    return float(np.array([known], np.int64).view(np.float64)[0])


def _counts(trials: Trials, free: TrialWeights, times: np.ndarray, step: int, known: int) -> np.ndarray:
    counts = np.zeros(1 << WIDTHS[step], np.int64)
    longest = int(trials.length.max(initial=0))
    _count(trials, free, times, np.empty(longest + PADDING), SHIFTS[step], WIDTHS[step], known, counts)
    return counts


@compiled
def _count(trials, free, times, w, shift, width, known, counts):
    mask = (1 << width) - 1
    bits = w.view(np.int64)
    for i in range(trials.start.shape[0]):
        n = weigh_rows(trials, i, free, w)
        often = np.int64(times[trials.person[i]]) if times.shape[0] else 1
        for k in range(n):
            if bits[k] >> (shift + width) == known:
                counts[(bits[k] >> shift) & mask] += often


@compiled
def _write(trials, free, times, w, out, often):
    at = 0
    for i in range(trials.start.shape[0]):
        n = weigh_rows(trials, i, free, w)
        counts = np.int64(times[trials.person[i]]) if times.shape[0] else 1
        for k in range(n):
            out[at], often[at] = w[k], counts
            at += 1
