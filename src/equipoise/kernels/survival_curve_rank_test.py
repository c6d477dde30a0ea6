"""Observed and expected events by group, and their covariance: the weighted log-rank family.

Purpose    O_g = sum of W d_g, E_g = sum of W d n_g / n and
           V_gh = sum of W^2 d (n - d) / (n - 1) (n_g / n) ([g = h] - n_h / n)
           over the event times of every stratum, with W = S^rho (1 - S)^gamma and S the pooled Kaplan-Meier estimate
           of the stratum just before the time.
Order      rows in any order; `time_grid` has made ties equal.
Ties       the variance is hypergeometric; times with one row at risk add nothing to it.
Singular   a group never at risk at an event time has E = 0 and a zero row in V.
Cost       O(n + T G^2) with T the event times of all strata. Counts are whole numbers, so nothing is rounded.
Paper      Mantel 1966; Harrington, Fleming, Biometrika 1982;69:553; Fleming, Harrington: Counting processes and
           survival analysis (1991), chapter 7.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.survival_curve_jackknife import rows_by_place


@dataclass(frozen=True, slots=True)
class RankSums:
    """Observed O and expected E, float64 (G,), and the covariance V of O - E, float64 (G, G)."""

    observed: np.ndarray
    expected: np.ndarray
    covariance: np.ndarray


def rank_sums(
    stop: np.ndarray,
    start: np.ndarray,
    failed: np.ndarray,
    group: np.ndarray,
    stratum: np.ndarray,
    n_groups: int,
    rho: float,
    gamma: float,
) -> RankSums:
    """stop, start int32 places (start of shape (0,) where nobody enters late), failed uint8, group int32, stratum
    int64 codes from 0, or of shape (0,) with a single stratum.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.survival_curve_rank_test import rank_sums
        >>> stop, group = np.array([0, 1, 2, 3], np.int32), np.array([0, 1, 0, 1], np.int32)
        >>> none = np.empty(0, np.int64)
        >>> rank_sums(stop, none.astype(np.int32), np.ones(4, np.uint8), group, none, 2, 0.0, 0.0).expected.round(3)
        array([1.333, 2.667])
    """
    n_places = int(max(stop.max(initial=-1), start.max(initial=-1))) + 1
    exits, exit_at = _by_stratum(stop, stratum, n_places)
    entries, entry_at = _by_stratum(start, stratum if len(start) else stratum[:0], n_places, len(exit_at))
    observed, expected, covariance = np.zeros(n_groups), np.zeros(n_groups), np.zeros((n_groups, n_groups))
    _walk(exits, exit_at, entries, entry_at, stop, start, failed, group, rho, gamma, observed, expected, covariance)
    return RankSums(observed, expected, covariance)


def _by_stratum(
    place: np.ndarray, stratum: np.ndarray, n_places: int, n_bounds: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Rows in order of stratum and within it of place, and where each stratum begins among them."""
    order, _ = rows_by_place(place, n_places)
    if not len(stratum):
        bounds = np.zeros(n_bounds, np.int64)
        bounds[1:] = len(place)
        return order, bounds
    again, bounds = rows_by_place(stratum[order], max(int(stratum.max()) + 1, n_bounds - 1))
    return order[again], bounds


@compiled
def _walk(exits, exit_at, entries, entry_at, stop, start, failed, group, rho, gamma, observed, expected, covariance):
    n_groups = len(observed)
    at_risk, died, gone = np.zeros(n_groups), np.zeros(n_groups), np.zeros(n_groups)
    late = len(start) > 0
    for s in range(len(exit_at) - 1):
        at_risk[:] = 0.0
        if not late:
            for j in range(exit_at[s], exit_at[s + 1]):
                at_risk[group[exits[j]]] += 1.0
        survival, j, e = 1.0, exit_at[s], entry_at[s]
        while j < exit_at[s + 1]:
            place = stop[exits[j]]
            while late and e < entry_at[s + 1] and start[entries[e]] < place:
                at_risk[group[entries[e]]] += 1.0
                e += 1
            died[:] = 0.0
            gone[:] = 0.0
            while j < exit_at[s + 1] and stop[exits[j]] == place:
                i = exits[j]
                died[group[i]] += failed[i]
                gone[group[i]] += 1.0
                j += 1
            n, d = at_risk.sum(), died.sum()
            if d > 0.0:
                _add_time(
                    at_risk, died, n, d, survival**rho * (1.0 - survival) ** gamma, observed, expected, covariance
                )
                survival *= (n - d) / n
            at_risk -= gone


@compiled
def _add_time(at_risk, died, n, d, weight, observed, expected, covariance):
    variance = weight * weight * d * (n - d) / (n - 1.0) if n > 1.0 else 0.0
    for g in range(len(at_risk)):
        share = at_risk[g] / n
        observed[g] += weight * died[g]
        expected[g] += weight * d * share
        covariance[g, g] += variance * share
        for h in range(len(at_risk)):
            covariance[g, h] -= variance * share * at_risk[h] / n
