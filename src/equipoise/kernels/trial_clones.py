"""Clones: a copy of every trial for each strategy, followed until it does what the strategy does not allow.

Purpose    lengths of clones, and where within them the set of treatments that a strategy allows changes.
Order      panel rows by person and period. Clones by person and start, the strategies of a start in their order.
Rules      a strategy asks for `value`. If that is the reference, treatment stays at it up to interval `grace`, and
           afterwards too where it is sustained. Else treatment is the reference until the trigger (interval 0 where
           there is none), then may wait at the reference, and must have changed to `value` by `grace` intervals after
           the trigger; afterwards it keeps it, where it is sustained.
Parts      of a clone, between its cuts: 0 only the reference is allowed; 1 the reference or the value; 2 only the
           value; 3 anything. The interval of the start belongs to part 1, or to part 2 where it is the last allowed.
Returned   also the rows in which a clone that is still followed could deviate.
Paper      Cain, Robins, Lanoy, et al., International Journal of Biostatistics 2010;6(2):18; Hernán, BMJ 2018;360:k182.
"""

from typing import NamedTuple

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.trial_rows import KINDS, LONG, Trials


class Rules(NamedTuple):
    """S strategies: value int64, grace int64, sustained bool, trigger int64 (row of `triggers`, -1 for none)."""

    value: np.ndarray
    grace: np.ndarray
    sustained: np.ndarray
    trigger: np.ndarray


def clone_trials(
    first: np.ndarray,
    end: np.ndarray,
    start: np.ndarray,
    treatment: np.ndarray,
    triggers: np.ndarray,
    rules: Rules,
    horizon: int,
) -> tuple[Trials, np.ndarray]:
    """The clones of all starts, and the rows bool (N,) in which one that is followed could deviate.

    first, end, start, treatment as in `sequential_trials`, treatment 0 being the reference; triggers uint8 (C, N).

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.trial_clones import Rules, clone_trials
        >>> zero = np.zeros(2, np.int64)
        >>> rules = Rules(np.array([0, 1]), zero + 1, np.array([True, True]), zero - 1)
        >>> one, start = np.array([0, 3]), np.array([True, False, False])
        >>> none = np.empty((0, 3), np.uint8)
        >>> clones, _ = clone_trials(one, one[1:], start, np.array([0, 1, 1]), none, rules, 9)
        >>> clones.length.tolist()  # never: left when treatment starts; start within 1: followed to the end
        [1, 3]
    """
    n = int(np.count_nonzero(start)) * len(rules.value)
    out = Trials(*(np.zeros(n, kind) for kind in KINDS), np.zeros((n, 3), np.int32))
    deviates = np.zeros(len(start), np.bool_)
    _clone(first, end, start, treatment, triggers, rules, horizon, out, deviates)
    return out, deviates


@compiled
def _avoid(row, stop, treatment, grace, sustained, cut, deviates):
    """Length of a clone that stays at the reference."""
    until = stop if sustained else min(stop, row + grace + 1)
    cut[:] = LONG if sustained else min(grace + 1, LONG)
    for k in range(row, until):
        deviates[k] = True
        if treatment[k] != 0:
            return k - row
    return stop - row


@compiled
def _initiate(row, stop, treatment, value, grace, sustained, triggers, trigger, cut, deviates):
    """Length of a clone that starts `value` within `grace` intervals of the trigger."""
    cut[:] = LONG
    due, started = -1, -1
    for k in range(row, stop):
        if due < 0 and (trigger < 0 or triggers[trigger, k]):
            cut[0] = k - row
            due = k + grace
        if started >= 0 and not sustained:
            return stop - row
        deviates[k] = True
        here = treatment[k]
        if started >= 0:
            if here != value:
                return k - row
        elif due >= 0 and here == value:
            started = k
            cut[1] = k - row + (0 if k == due else 1)
            if not sustained:
                cut[2] = k - row + 1
        elif here != 0 or (due >= 0 and k >= due):
            return k - row
    return stop - row


@compiled
def _clone(first, end, start, treatment, triggers, rules, horizon, out, deviates):
    at = 0
    for person in range(first.shape[0] - 1):
        for row in range(first[person], first[person + 1]):
            if not start[row]:
                continue
            stop = max(row, min(end[person], row + horizon))
            for s in range(rules.value.shape[0]):
                cut = out.cut[at]
                if rules.value[s] == 0:
                    n = _avoid(row, stop, treatment, rules.grace[s], rules.sustained[s], cut, deviates)
                else:
                    n = _initiate(row, stop, treatment, rules.value[s], rules.grace[s], rules.sustained[s], triggers,
                                  rules.trigger[s], cut, deviates)  # fmt: skip
                out.start[at], out.length[at], out.arm[at], out.person[at] = row, n, s, person
                at += 1
