"""Comparison of persons, pair by pair, on outcomes in order of priority: time to an event first, then numbers.

Purpose    for each person how many others the person does better and worse than, and which outcome decided.
Rule       i does better than j on time if j had the event while i was known to be without it: t_j < t_i, or t_j = t_i
           and i censored there. Both with the event at one time, and pairs of which the earlier time is censored, go on
           to the next outcome: the larger number is better; equal or missing numbers (nan) go on. What is left is tied.
Input      rows in blocks (strata); place int32 (n,), ranks of times, equal for equal times; event (n,) 0 or 1; later
           float64 (n, L), larger is better.
Ties, zero weight  as above; there are no weights.
Cost       every pair once, a few nanoseconds each: with several outcomes the relation is not transitive, so that no
           sorting can count it.
Paper      Finkelstein, Schoenfeld, Stat Med 1999;18:1341; Pocock et al., Eur Heart J 2012;33:176.
"""

import numpy as np

from equipoise.kernels.jit import compiled


@compiled
def _decide(i, j, place, event, later):
    """k if i does better on outcome k = 1, 2, …, -k if worse, 0 if tied."""
    if event[j] == 1 and (place[i] > place[j] or (place[i] == place[j] and event[i] == 0)):
        return 1
    if event[i] == 1 and (place[j] > place[i] or (place[j] == place[i] and event[j] == 0)):
        return -1
    for k in range(later.shape[1]):
        if later[i, k] > later[j, k]:
            return k + 2
        if later[i, k] < later[j, k]:
            return -(k + 2)
    return 0


@compiled
def _between(target, of_target, reference, of_reference, place, event, later, better, worse, decided):
    for s in range(len(of_target) - 1):
        for a in range(of_target[s], of_target[s + 1]):
            i = target[a]
            for b in range(of_reference[s], of_reference[s + 1]):
                j = reference[b]
                k = _decide(i, j, place, event, later)
                if k > 0:
                    better[i] += 1
                    better[j] += 1
                    decided[k - 1, 0] += 1
                elif k < 0:
                    worse[i] += 1
                    worse[j] += 1
                    decided[-k - 1, 1] += 1


@compiled
def _among_all(place, event, later, score):
    for i in range(len(place)):
        for j in range(i):
            k = _decide(i, j, place, event, later)
            sign = (k > 0) - (k < 0)
            score[i] += sign
            score[j] -= sign


def compare_arms(
    in_target: np.ndarray, block: np.ndarray, place: np.ndarray, event: np.ndarray, later: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every person of the target arm against every person of the reference arm of the same block.

    Returns `better` and `worse`, int64 (n,): in how many pairs with the person the *target* arm does better and worse;
    and `decided`, int64 (1 + L, 2): pairs won and lost by the target arm on each outcome.

    >>> one = np.zeros(2, np.int64)
    >>> late, event, none = np.array([2, 1], np.int32), np.array([0, 1], np.uint8), np.empty((2, 0))
    >>> compare_arms(np.array([True, False]), one, late, event, none)[0]
    array([1, 1])
    """
    better, worse = np.zeros(len(place), np.int64), np.zeros(len(place), np.int64)
    decided = np.zeros((1 + later.shape[1], 2), np.int64)
    blocks = int(block.max()) + 1 if len(block) else 0
    sides = []
    for side in (in_target, ~in_target):
        rows = np.flatnonzero(side)
        rows = rows[np.argsort(block[rows], kind="stable")]
        sides += [rows, np.searchsorted(block[rows], np.arange(blocks + 1))]
    _between(*sides, place, event, np.ascontiguousarray(later), better, worse, decided)
    return better, worse, decided


def scores_among_all(place: np.ndarray, event: np.ndarray, later: np.ndarray) -> np.ndarray:
    """For each person the number of others the person does better than, less those it does worse than: int64 (n,).

    >>> scores_among_all(np.array([2, 1, 0], np.int32), np.ones(3, np.uint8), np.empty((3, 0)))
    array([ 2,  0, -2])
    """
    score = np.zeros(len(place), np.int64)
    _among_all(place, event, np.ascontiguousarray(later), score)
    return score
