"""The rows of emulated trials, one trial at a time and never all of them: who starts, how long, with what weight.

Purpose    a panel has one row for each person and period; a trial starts at a row and follows its person from there on.
           `Trials` holds one entry a trial; its rows are start, start + 1, …, start + length - 1 of the panel.
Order      panel rows by person and period, periods without gaps; trials by person and start.
Weights    the weight of a trial's row k is the product of factors over its rows 0..k, held between the two limits
           of its arm and multiplied by how often its person counts. Which factor applies changes at most three times
           within a trial (`cut`): rows before cut[0] take the factor row kinds[arm, 0], rows before cut[1]
           kinds[arm, 1], and so on; -1 stands for a factor of one.
Memory     of the order of the panel. A trial of n rows needs n numbers of scratch.
Paper      Hernán, Alonso, Logan, et al., Epidemiology 2008;19:766; Danaei, Rodríguez, Cantero, et al., Statistical
           Methods in Medical Research 2013;22:70.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from equipoise.kernels.jit import compiled

PADDING = 32  # rows that are taken together; a power of two
KINDS = (np.int64, np.int32, np.int8, np.int32)  # of the numbers of a trial
LONG = 2**31 - 1  # a cut that no trial reaches
TIE = 1e-8  # of a direction of length one: rows nearer than this to zero stay in its limit


class Trials(NamedTuple):
    """T trials: start row int64, length int32, arm int8, person int32 (codes 0..G-1), cut int32 (T, 3) or (1, 3)."""

    start: np.ndarray
    length: np.ndarray
    arm: np.ndarray
    person: np.ndarray
    cut: np.ndarray


class TrialWeights(NamedTuple):
    """Factors float64 (C, N) of panel rows, C = 0 for none; kinds int64 (S, 4) by arm; limits (S,) by arm; counts by
    person."""

    factor: np.ndarray
    kinds: np.ndarray
    low: np.ndarray
    high: np.ndarray
    times: np.ndarray


class TrialDesign(NamedTuple):
    """What is fixed in a trial: z = (1, arms, trial terms, covariates, covariates by arm), each less its centre.

    covariates  float64 (N, p) of panel rows, read at the trial's start, with centre (p,)
    period      int64 (N,), position of the row's period in `trial_terms` (periods, q), which are centred already
    arms        centre of the indicators of arms 1..a; of shape (0,) where arms are no columns
    modified    int64 (m,), covariates that also enter by arm, with centre (a * m,)
    """

    covariates: np.ndarray
    centre: np.ndarray
    period: np.ndarray
    trial_terms: np.ndarray
    arms: np.ndarray
    modified: np.ndarray
    modified_centre: np.ndarray


class FollowUp(NamedTuple):
    """What changes within a trial: a state for each of its rows, and columns phi float64 (q, M) by state, centred.

    The last PADDING columns of phi belong to no state. Row k of a trial is in state base[arm] + k where `levels` has
    shape (0,). Else levels int64 (N,) are those of panel
    rows, added up from the trial's start where `cumulative`, and the state is level * horizon + k.
    """

    phi: np.ndarray
    base: np.ndarray
    levels: np.ndarray
    cumulative: bool
    horizon: int


class Limit(NamedTuple):
    """Directions whose limit is taken: dz (D, columns of z) and dh (D, M); rows that are not level in one leave."""

    dz: np.ndarray
    dh: np.ndarray


@dataclass(frozen=True, slots=True)
class Expansion:
    """What an expansion would hold, by arm and follow-up time, each float64 (S, K); weights are those used."""

    rows: np.ndarray
    events: np.ndarray
    weighted_events: np.ndarray
    weight: np.ndarray
    weight_squared: np.ndarray
    largest: np.ndarray
    smallest: np.ndarray


def free_weights(factor: np.ndarray, kinds: np.ndarray, times: np.ndarray) -> TrialWeights:
    """Weights without limits."""
    return TrialWeights(factor, kinds, np.zeros(len(kinds)), np.full(len(kinds), np.inf), times)


def no_weights(n_arms: int) -> TrialWeights:
    """Every row counts once."""
    return free_weights(np.empty((0, 0)), np.full((n_arms, 4), -1, np.int64), np.empty(0))


def no_limit(width: int, states: int) -> Limit:
    """No direction."""
    return Limit(np.empty((0, width)), np.empty((0, states)))


def sequential_trials(
    first: np.ndarray,
    end: np.ndarray,
    start: np.ndarray,
    treatment: np.ndarray,
    follows: bool,
    horizon: int,
) -> Trials:
    """A trial at every row where `start` is true, in the arm of that row's treatment.

    first  int64 (G + 1,), where each person's rows begin; end  int64 (G,), one past the last row that counts
    start  bool (N,); treatment  int64 (N,); follows  whether a trial ends before the treatment changes
    horizon  largest number of rows

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.trial_rows import sequential_trials
        >>> one, treated = np.array([0, 3]), np.array([0, 0, 1])
        >>> sequential_trials(one, one[1:], np.ones(3, np.bool_), treated, True, 9).length.tolist()
        [2, 1, 1]
    """
    n = int(np.count_nonzero(start))
    out = Trials(*(np.zeros(n, kind) for kind in KINDS), np.array([[1, LONG, LONG]], np.int32))
    _sequential(first, end, start, treatment, follows, horizon, out)
    return out


@compiled
def _sequential(first, end, start, treatment, follows, horizon, out):
    at = 0
    for person in range(first.shape[0] - 1):
        last = end[person]
        for row in range(first[person], first[person + 1]):
            if not start[row]:
                continue
            stop = min(last, row + horizon)
            if follows:
                k = row + 1
                while k < stop and treatment[k] == treatment[row]:
                    k += 1
                stop = min(stop, k)
            out.start[at] = row
            out.length[at] = max(stop - row, 0)
            out.arm[at] = treatment[row]
            out.person[at] = person
            at += 1
    return at


def running_rows(
    first: np.ndarray, end: np.ndarray, start: np.ndarray, treatment: np.ndarray, follows: bool
) -> np.ndarray:
    """For each row int8 (N,): 2 where a trial of the person is running, 1 where one only starts, 0 elsewhere.

    Where trials end with a change of treatment (`follows`), the row of the change is the last one that counts.
    """
    out = np.zeros(len(start), np.int8)
    _running(first, end, start, treatment, follows, out)
    return out


@compiled
def _running(first, end, start, treatment, follows, out):
    for person in range(first.shape[0] - 1):
        running = False
        for row in range(first[person], end[person]):
            out[row] = 2 if running else 1 if start[row] else 0
            changes = row > first[person] and treatment[row] != treatment[row - 1]
            running = start[row] or (running and not (follows and changes))


@compiled
def padded(n):
    """n up to a multiple of PADDING."""
    return (n + PADDING - 1) & -PADDING


@compiled
def weigh_rows(trials, i, weights, w):
    """Weights of trial i's rows into w[:n], zeros up to the padding; gives n."""
    n = np.int64(trials.length[i])
    often = weights.times[trials.person[i]] if weights.times.shape[0] else 1.0
    arm = trials.arm[i]
    weigh(n, trials.start[i], i, arm, trials.cut, weights.factor, weights.kinds, weights.low[arm], weights.high[arm],
          often, w)  # fmt: skip
    return n


@compiled
def weigh(n, row, i, arm, cut, factor, kinds, low, high, often, w):
    """As `weigh_rows`, from arrays: reading them out of tuples costs more than a short trial does."""
    for k in range(n, padded(n)):
        w[k] = 0.0
    if not factor.shape[0]:
        for k in range(n):
            w[k] = often
        return
    total, begin = 1.0, np.int64(0)
    for part in range(4):
        until = min(n, np.int64(cut[min(i, cut.shape[0] - 1), part])) if part < 3 else n
        kind = kinds[arm, part]
        for k in range(begin, until):
            if kind >= 0:
                total *= factor[kind, row + k]
            w[k] = min(max(total, low), high) * often
        begin = max(begin, until)


@compiled
def lay_out(design, row, arm, z):
    """The columns z of a trial that starts at `row` in `arm`."""
    lay(row, arm, design.covariates, design.centre, design.period, design.trial_terms, design.arms, design.modified,
        design.modified_centre, z)  # fmt: skip


@compiled
def lay(row, arm, covariates, centre, period, trial_terms, arms, modified, modified_centre, z):
    """As `lay_out`, from arrays."""
    z[0] = 1.0
    at, n_arms = 1, arms.shape[0]
    for a in range(n_arms):
        z[at] = (1.0 if arm == a + 1 else 0.0) - arms[a]
        at += 1
    for k in range(trial_terms.shape[1]):
        z[at] = trial_terms[period[row], k]
        at += 1
    for k in range(centre.shape[0]):
        z[at] = covariates[row, k] - centre[k]
        at += 1
    for m in range(modified.shape[0]):
        for a in range(n_arms):
            here = covariates[row, modified[m]] if arm == a + 1 else 0.0
            z[at] = here - modified_centre[m * n_arms + a]
            at += 1


@compiled
def states_of(trials, i, follow_up, place):
    """The state of each row of trial i into place[:n]."""
    n, row = trials.length[i], trials.start[i]
    if not follow_up.levels.shape[0]:
        for k in range(n):
            place[k] = follow_up.base[trials.arm[i]] + k
        return
    level = 0
    for k in range(n):
        here = follow_up.levels[row + k]
        level = level + here if follow_up.cumulative else here
        place[k] = level * follow_up.horizon + k


def rows_by_state(trials: Trials, follow_up: FollowUp) -> np.ndarray:
    """How many rows of all trials are in each state, float64 (M,)."""
    out = np.zeros(follow_up.phi.shape[1])
    _count_states(trials, follow_up, np.empty(follow_up.horizon, np.int64), out)
    return out


@compiled
def _count_states(trials, follow_up, place, out):
    for i in range(trials.start.shape[0]):
        states_of(trials, i, follow_up, place)
        for k in range(trials.length[i]):
            out[place[k]] += 1.0


@compiled
def leave(limit, z, place, n, w):
    """Set the weight of rows that the limit fits perfectly to zero."""
    for d in range(limit.dz.shape[0]):
        along = 0.0
        for k in range(z.shape[0]):
            along += limit.dz[d, k] * z[k]
        for k in range(n):
            if abs(along + limit.dh[d, place[k]]) > TIE:
                w[k] = 0.0


def expansion_of(trials: Trials, weights: TrialWeights, y: np.ndarray, n_arms: int, horizon: int) -> Expansion:
    """Rows, events and weights by arm and follow-up time, each (n_arms, horizon), of the outcome y uint8 (N,)."""
    tables = [np.zeros((n_arms, horizon)) for _ in range(6)]
    smallest = np.full((n_arms, horizon), np.inf)
    _tabulate(trials, weights, y, np.empty(horizon + PADDING), *tables, smallest)
    return Expansion(*tables, smallest)


@compiled
def _tabulate(trials, weights, y, w, rows, events, weighted, weight, squared, largest, smallest):
    for i in range(trials.start.shape[0]):
        n, row, arm = weigh_rows(trials, i, weights, w), trials.start[i], trials.arm[i]
        times = weights.times[trials.person[i]] if weights.times.shape[0] else 1.0
        for k in range(n):
            rows[arm, k] += times
            if y[row + k]:
                events[arm, k] += times
                weighted[arm, k] += w[k]
            weight[arm, k] += w[k]
            squared[arm, k] += w[k] * w[k]
            largest[arm, k] = max(largest[arm, k], w[k])
            smallest[arm, k] = min(smallest[arm, k], w[k])
