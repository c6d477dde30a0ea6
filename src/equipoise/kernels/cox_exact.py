"""Risk sets with tied events written out as matched sets, for the exact treatment of ties.

Purpose    the exact partial likelihood of a group with d events among m rows at risk is the conditional likelihood of a
           matched set with d cases. Groups with one event need no writing out: all treatments of ties agree there.
Order      rows in any order; the sets come out one after another.
Cost       one copy of every row at risk for each group with tied events.
Paper      Cox, JRSS B 1972;34:187; Gail, Lubin, Rubinstein, Biometrika 1981;68:703.
"""

import numpy as np

from equipoise.kernels.cox_risk_sets import RiskSets
from equipoise.kernels.jit import compiled


def set_sizes(sets: RiskSets, groups: np.ndarray) -> np.ndarray:
    """Rows at risk at each of the groups: int64 (len(groups),)."""
    step = np.zeros(sets.n_groups + 1, np.int64)
    rows = sets.at_risk
    np.add.at(step, sets.first[rows], 1)
    np.add.at(step, sets.last[rows].astype(np.int64) + 1, -1)
    return np.cumsum(step)[groups]


def write_out(sets: RiskSets, event: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows at risk at each group, set after set: sorted row, set code and whether it is a case, all of one length.

    `event` is uint8 (n,) of the sorted rows; `groups` are int64, ascending.
    """
    sizes = set_sizes(sets, groups)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    place = np.full(sets.n_groups, -1, np.int64)
    place[groups] = bounds[:-1]
    row = np.empty(int(bounds[-1]), np.int64)
    case = np.empty(len(row), np.uint8)
    following = np.searchsorted(groups, np.arange(sets.n_groups))
    _write_out(sets.first, sets.last, sets.at_risk, event, groups, following, place, row, case)
    return row, np.repeat(np.arange(len(groups)), sizes), case


@compiled
def _write_out(first, last, at_risk, event, groups, following, place, row, case):
    for i in range(last.shape[0]):
        if not at_risk[i]:
            continue
        j = following[first[i]]
        while j < groups.shape[0] and groups[j] <= last[i]:
            g = groups[j]
            row[place[g]] = i
            case[place[g]] = event[i] if g == last[i] else 0
            place[g] += 1
            j += 1
