"""The weighted partial likelihood of the subdistribution hazard, its score and its information.

Purpose    log-likelihood l, score U and information I of the model of Fine and Gray at one beta.
Model      a row is at risk until it stops; if it failed from another cause at X, it stays with weight G(t-) / G(X-).
           Time t has d failures of weights w (mean w') from the cause, and sums S0 of risk e^eta and S1 of e^eta x over
           that risk set, E0 and E1 over the failures. With f = k / d for Efron and f = 0 for Breslow, k = 0..d - 1:
           l = sum of w eta over failures - sum of w' log(S0 - f E0), U = sum of w x - sum of w' m with
           m = (S1 - f E1) / (S0 - f E0), and I accordingly.
Method     1. rows until they stop are sums over risk sets, as in a Cox model (`cox_risk_sets`); rows that failed from
              another cause add e^eta (x, 1) / G(X-) to the first time after X, running sums go forward, and the time's
              G(t-) multiplies them: no row is ever split;
           2. the hazards w' / (S0 - f E0) of the times, summed over the time a row is at risk (and times its weight
              after it), give its v, and I = sum of v x x' over rows - sum of w' m m' over failures.
Shift      x enters as a difference from its mean.
Singular   a column that does not vary within risk sets gives a zero row in I up to rounding. Nothing is raised.
Cost       two passes over the rows and p^2 / 2 products a row and failure.
Paper      Fine, Gray, JASA 1999;94:496; Geskus, Biometrics 2011;67:39.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.cox_risk_sets import RiskSets
from equipoise.kernels.jit import compiled, compiled_sums
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.weighted_gram import weighted_gram

EFRON, BRESLOW = "efron", "breslow"
ONE_STRATUM = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Tails:
    """Rows that stay at risk after failing from another cause, m of them.

    row       int64 (m,), positions among the sorted rows
    after     int64 (m,), the first time after the failure, T where the row's stratum has none
    until     int64 (m,), the time after the last of the row's stratum, T where it has none after the failure
    factor    float64 (m,), 1 / G(X-)
    group     int32 (m,), rows that share a censoring distribution
    observed  float64 (B, T), G(t-) of each group at each time
    """

    row: np.ndarray
    after: np.ndarray
    until: np.ndarray
    factor: np.ndarray
    group: np.ndarray
    observed: np.ndarray


@dataclass(frozen=True, slots=True)
class Failures:
    """The steps of the tied failures from the cause, in order of time: d of them a time.

    time      int64 (d,), positions among the times
    fraction  float64 (d,), f
    weight    float64 (d,), w'
    """

    time: np.ndarray
    fraction: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, slots=True)
class StepTerms:
    """What one beta says of every step: `risk` float64 (n,) is w e^eta of the sorted rows; `denominator` float64 (d,)
    is S0 - f E0 and `mean` float64 (d, p) is m, measured from the centre."""

    risk: np.ndarray
    denominator: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True, slots=True)
class FineGrayLikelihood:
    """The problem, immutable, with rows in the order of `sets`.

    x, centre  float64 (n, p), C-contiguous, and (1, p), subtracted from every row
    weight     float64 (n,)
    event      uint8 (n,), 1 for a failure from the cause
    """

    x: np.ndarray
    centre: np.ndarray
    weight: np.ndarray
    event: np.ndarray
    sets: RiskSets
    tails: Tails
    failures: Failures
    ties: str

    def linear_predictor(self, beta: np.ndarray) -> np.ndarray:
        """(x - centre) beta of the sorted rows: float64 (n,)."""
        return self.x @ beta - self.centre[0] @ beta

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        """l, U of shape (p,) and I of shape (p, p) at beta of shape (p,)."""
        return self.evaluation(beta)[0]

    def evaluation(self, beta: np.ndarray) -> tuple[Evaluation, np.ndarray]:
        """The same with the sums of squares (p,) that the diagonal of I is the rest of."""
        steps, w = self.step_terms(beta), self.failures.weight
        at = np.flatnonzero(self.event)
        score = self.weight[at] @ (self.x[at] - self.centre) - w @ steps.mean
        linear = float(self.weight[at] @ self.linear_predictor(beta)[at])
        total = linear - float(w @ np.log(steps.denominator))
        spread = weighted_gram(self.x, self.centre, ONE_STRATUM, steps.risk * self.exposure(steps)[:, 0])
        means = weighted_gram(steps.mean, np.zeros((1, len(beta))), ONE_STRATUM, w)
        return Evaluation(total, score, spread - means), spread.diagonal().copy()

    def step_terms(self, beta: np.ndarray) -> StepTerms:
        """Step 1 of the method."""
        p, sets, n_times = len(beta), self.sets, self.sets.n_groups
        risk = self.weight * np.exp(self.linear_predictor(beta))
        total, table = np.zeros((n_times, p + 1)), np.zeros((n_times, p + 1))
        for bit, a, b in sets.levels():
            _spread(
                self.x, self.centre, risk, self.sets.at_risk, self.sets.first, self.sets.last, a, b, bit >= 0, table
            )
            self.sets.add_up(table, bit, total)
        tails = self.tails
        _add_tails(
            self.x, self.centre, risk, tails.row, tails.after, tails.factor, tails.group, tails.observed,
            self.sets.bounds, total,
        )  # fmt: skip
        step = self.failures
        sums = total[step.time]
        if step.fraction.any():
            at = np.flatnonzero(self.event)
            events = sums_by(self.sets.last[at], risk[at, None] * self._with_one(at), n_times)
            sums = sums - step.fraction[:, None] * events[step.time]
        return StepTerms(risk, sums[:, p], sums[:, :p] / sums[:, p:])

    def exposure(self, steps: StepTerms, values: np.ndarray | None = None) -> np.ndarray:
        """For every row, the sum of hazard times `values` (d, q), 1 by default, over its time at risk: (n, q).

        Weighted after a failure from another cause; an event takes part in its own time's steps with 1 - f.
        """
        hazard = (self.failures.weight / steps.denominator)[:, None]
        terms = hazard if values is None else hazard * values
        n_times = self.sets.n_groups
        by_time = sums_by(self.failures.time, terms, n_times)
        out = self.sets.over_groups(by_time)
        if self.failures.fraction.any():
            own = sums_by(self.failures.time, self.failures.fraction[:, None] * terms, n_times)
            at = np.flatnonzero(self.event)
            out[at] -= own[self.sets.last[at]]
        tails = self.tails
        for b, observed in enumerate(tails.observed):
            ahead = np.zeros((n_times + 1, by_time.shape[1]))
            ahead[:-1] = np.cumsum((by_time * observed[:, None])[::-1], axis=0)[::-1]
            mine = tails.group == b
            rest = ahead[tails.after[mine]] - ahead[tails.until[mine]]
            out[tails.row[mine]] += tails.factor[mine, None] * rest
        return out

    def _with_one(self, at: np.ndarray) -> np.ndarray:
        return np.column_stack([self.x[at] - self.centre, np.ones(len(at))])


def fine_gray_likelihood(
    x: np.ndarray, weight: np.ndarray, event: np.ndarray, sets: RiskSets, tails: Tails, ties: str
) -> FineGrayLikelihood:
    """x float64 (n, p), weight float64 (n,) and event uint8 (n,) in the order of `sets`."""
    at = np.flatnonzero(event)
    deaths = np.bincount(sets.last[at], minlength=sets.n_groups)
    mean_weight = np.bincount(sets.last[at], weight[at], sets.n_groups) / np.maximum(deaths, 1)
    time = np.repeat(np.arange(sets.n_groups), deaths)
    within = np.arange(len(time)) - np.repeat(np.cumsum(deaths) - deaths, deaths)
    fraction = within / deaths[time] if ties == EFRON else np.zeros(len(time))
    x = np.ascontiguousarray(x)
    centre = x[:1] + (x - x[:1]).mean(axis=0) if len(x) else np.zeros((1, x.shape[1]))
    return FineGrayLikelihood(x, centre, weight, event, sets, tails, Failures(time, fraction, mean_weight[time]), ties)


def sums_by(place: np.ndarray, values: np.ndarray, n_places: int) -> np.ndarray:
    """Sums of the rows of `values` (m, q) by place: float64 (n_places, q)."""
    out = np.zeros((n_places, values.shape[1]))
    _sum_by(np.ascontiguousarray(place, np.int64), np.ascontiguousarray(values), out)
    return out


@compiled
def _sum_by(place, values, out):
    for i in range(values.shape[0]):
        for k in range(values.shape[1]):
            out[place[i], k] += values[i, k]


@compiled_sums
def _spread(x, centre, risk, at_risk, first, last, a, b, both, table):
    p = x.shape[1]
    for i in range(a, b):
        if at_risk[i]:
            r, g, h = risk[i], last[i], first[i]
            for k in range(p):
                part = r * (x[i, k] - centre[0, k])
                table[g, k] += part
                if both:
                    table[h, k] += part
            table[g, p] += r
            if both:
                table[h, p] += r


@compiled
def _add_tails(x, centre, risk, row, after, factor, group, observed, bounds, total):
    """Add to `total` (T, p + 1) the weighted sums over rows that failed from another cause before each time."""
    n_times, q = total.shape
    table = np.zeros((n_times, q))
    run = np.zeros(q)
    for b in range(observed.shape[0]):
        table[:] = 0.0
        for j in range(len(row)):
            if group[j] == b and after[j] < n_times:
                i = row[j]
                r = risk[i] * factor[j]
                for k in range(q - 1):
                    table[after[j], k] += r * (x[i, k] - centre[0, k])
                table[after[j], q - 1] += r
        for s in range(bounds.shape[0] - 1):
            run[:] = 0.0
            for g in range(bounds[s], bounds[s + 1]):
                for k in range(q):
                    run[k] += table[g, k]
                    total[g, k] += observed[b, g] * run[k]
