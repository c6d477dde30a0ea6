"""Iterated regressions of a strategy: the outcome by a time, regressed back interval by interval to time zero."""

from dataclasses import dataclass

import numpy as np

from equipoise.estimators.trial_panel import Panel
from equipoise.kernels.glm import LOGISTIC, GlmLikelihood
from equipoise.kernels.trial_rows import Trials, TrialWeights

PENALTY = 1.0  # of squared coefficients a standard deviation: a normal prior of standard deviation one
STEPS, SMALL = 50, 1e-10
NEAR = 1e-6  # of the likelihood: Newton's next step lands within its square
FARTHEST = 4.0  # change of log odds in one step
LARGEST = 30.0  # log odds beyond which nothing changes
FEWEST = 5  # events of those who did what a strategy asks for: with fewer the influence function promises too much


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """The clones of one strategy, P of them, over K intervals.

    start     int64 (P,), rows at time zero; length int64 (P,), intervals kept to the strategy and observed
    rows      int64 (P,), intervals in which the person is in the study, so that something is known at their beginning
    event     uint8 (N,) of panel rows; other uint8 (N,) or of shape (0,), the competing event
    weight    float64 (P, K), zero beyond `length`
    x         float64 (N, p), what is known at the beginning of a row
    waits     intervals in which the strategy asks for nothing yet
    """

    start: np.ndarray
    length: np.ndarray
    rows: np.ndarray
    event: np.ndarray
    other: np.ndarray
    weight: np.ndarray
    x: np.ndarray
    waits: int

    def events_by(self, time: int) -> int:
        """Persons with the event up to interval `time`, after the strategy asked for something."""
        last = self.start + self.length - 1
        k = self.length - 1
        return int(np.count_nonzero((k >= self.waits) & (k <= time) & (self.event[np.maximum(last, 0)] != 0)))


def followed_of(
    panel: Panel, clones: Trials, weights: TrialWeights, arm: int, y: np.ndarray, x: np.ndarray, waits: int = 0,
    late: bool = False,
) -> Followed:  # fmt: skip
    """The clones of an arm, weights held between its limits; treatment in the interval before joins what is known.

    `late`: what is known in a row is that of the row before, when treatment was decided.
    """
    mine = np.flatnonzero(clones.arm == arm)
    start, length = clones.start[mine], clones.length[mine].astype(np.int64)
    person = clones.person[mine]
    before = (panel.previous[:, None] == np.arange(1, len(panel.levels))).astype(np.float64)
    known = np.hstack([x, before])
    known = panel.lagged(known) if late else known
    return Followed(
        start,
        length,
        panel.last[person] + 1 - start,
        y,
        panel.competing if y is panel.outcome else panel.competing[:0],
        _weights(clones, weights, mine, arm),
        known,
        waits,
    )


def _weights(clones: Trials, weights: TrialWeights, mine: np.ndarray, arm: int) -> np.ndarray:
    """The weight of every row of some clones, float64 (P, K): running products of the factors that apply."""
    length = clones.length[mine]
    inside = np.arange(int(length.max(initial=0))) < length[:, None]
    if not len(weights.factor):
        return inside.astype(np.float64)
    factor, _ = row_factors(clones, weights, mine, inside.shape[1])
    held = np.cumprod(np.where(inside, factor, 1.0), axis=1).clip(weights.low[arm], weights.high[arm])
    return np.where(inside, held, 0.0)


def row_factors(clones: Trials, weights: TrialWeights, mine: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """The factors of the first rows of some clones, and which row of `weights.factor` each is of: (P, horizon)."""
    k = np.arange(horizon)
    cut = clones.cut[mine] if len(clones.cut) > 1 else np.broadcast_to(clones.cut, (len(mine), 3))
    part = (k[None, :, None] >= cut[:, None, :]).sum(axis=2)
    kind = weights.kinds[clones.arm[mine][:, None], part]
    at = np.minimum(clones.start[mine][:, None] + k, weights.factor.shape[1] - 1)
    return np.where(kind < 0, 1.0, weights.factor[np.maximum(kind, 0), at]), kind


def regressed_back(own: Followed, time: int) -> tuple[float, np.ndarray] | None:
    """The risk by the end of interval `time` and each person's influence (P,), None where too few are followed so long.

    From the last interval to the first: those who keep to the strategy and are observed give the model, everybody in
    the study gets its prediction.
    """
    n = len(own.start)
    if time >= own.waits and own.events_by(time) < FEWEST:
        return None
    later, moved = np.zeros(n), np.zeros(n)
    for k in range(time, -1, -1):
        observed, known = np.flatnonzero(own.length > k), np.flatnonzero((own.length >= k) & (own.rows > k))
        if not len(observed):
            return None
        row = own.start[observed] + k
        value = np.where(own.event[row] != 0, 1.0, 0.0 if k == time else later[observed])
        if len(own.other):
            value = np.where(own.other[row] != 0, 0.0, value)
        weight = own.weight[observed, k]
        fitted = np.zeros(n)
        fitted[known] = _predicted(own.x[row], value, weight, own.x[own.start[known] + k])
        moved[observed] += weight * (value - fitted[observed])
        later = fitted
    risk = float(later.mean())
    return risk, moved + later - risk


def _predicted(x: np.ndarray, y: np.ndarray, weight: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Probabilities of rows `at` by a weighted logistic regression of y in [0, 1] on x, slopes lightly penalised."""
    total = float(weight.sum())
    mean = float(weight @ y) / total if total > 0.0 else 0.0
    if mean <= SMALL or mean >= 1.0 - SMALL:
        return np.full(len(at), min(max(mean, 0.0), 1.0))
    beta = penalised_logistic(x, y, weight, PENALTY)
    return 1.0 / (1.0 + np.exp(-np.clip(beta[0] + at @ beta[1:], -LARGEST, LARGEST)))


def penalised_logistic(x: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """Intercept and slopes (1 + p,) of y in [0, 1], whose weighted mean is neither, with a penalty on slopes.

    The penalty is half `penalty` times the squared slopes on columns of standard deviation one; it never grows with
    the data. Columns that do not vary have slope zero.
    """
    w = weight * (np.count_nonzero(weight) / float(weight.sum()))
    # Sums without BLAS, whose threads cost more than they save in columns of this length.
    mean = float(np.einsum("i,i->", w, y) / w.sum())
    centre = np.einsum("i,ij->j", w, x) / w.sum()
    apart = x - centre
    spread = np.sqrt(np.einsum("i,ij,ij->j", w, apart, apart) / w.sum())
    used = spread > SMALL
    some = x if used.all() else np.ascontiguousarray(x[:, used])
    problem = GlmLikelihood(LOGISTIC, some, y, w, np.empty(0), centre[used], 0.0)
    found = _maximum(problem, np.log(mean / (1.0 - mean)), penalty * spread[used] ** 2, SMALL * spread[used] ** 2)
    beta = np.zeros(1 + x.shape[1])
    beta[1:][used] = found[1:]
    beta[0] = found[0] - centre[used] @ found[1:]
    return beta


def _maximum(problem: GlmLikelihood, intercept: float, penalty: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Newton's steps, shortened where they would change some log odds by more than `FARTHEST`."""
    strength, kept = np.concatenate([[0.0], penalty]), np.concatenate([[SMALL], ridge])
    beta = np.zeros(len(strength))
    beta[0] = intercept
    for _ in range(STEPS):
        at = problem.evaluate(beta)
        score = at.score - strength * beta
        step = np.linalg.solve(at.information + np.diag(strength + kept), score)
        moved = step[0] - problem.centre @ step[1:] + np.einsum("ij,j->i", problem.x, step[1:])
        share = min(1.0, FARTHEST / max(float(np.abs(moved).max()), FARTHEST))
        beta = beta + share * step
        if share == 1.0 and float(score @ step) < NEAR:
            break
    return beta
