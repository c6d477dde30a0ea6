"""The partial likelihood of the subdistribution hazard as a problem that can be maximised and taken to its limits."""

from dataclasses import dataclass, replace

import numpy as np

from equipoise.kernels.cox import CoxLikelihood, cox_likelihood
from equipoise.kernels.cox_recession import drops_rows, levels, widest_gap
from equipoise.kernels.cox_risk_sets import RiskSets, risk_sets
from equipoise.kernels.fine_gray import BRESLOW, FineGrayLikelihood, Tails, fine_gray_likelihood
from equipoise.kernels.fine_gray_censoring import Censoring
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.recession import project_on_cone

ROUNDED = 1e-12  # share of a sum of squares that the difference of two such sums can owe to rounding
CENSORED, CAUSE, OTHER = 0, 1, 2
NO_OFFSET = np.empty(0)


@dataclass(frozen=True, slots=True)
class FineGrayRows:
    """Rows in any order.

    x, weight    float64 (n, p) and (n,)
    event        uint8 (n,): censored, failed from the cause, failed from another
    stop, start  int32 places on the time grid; start of shape (0,) where nobody enters late
    stratum      int64 (n,), zero but in limits, where rows that are level share a stratum
    group        int32 (n,), rows that share a censoring distribution
    censored     how rows were censored, by group and place
    ties         "efron" or "breslow"
    """

    x: np.ndarray
    weight: np.ndarray
    event: np.ndarray
    stop: np.ndarray
    start: np.ndarray
    stratum: np.ndarray
    group: np.ndarray
    censored: Censoring
    ties: str

    @property
    def n_places(self) -> int:
        return self.censored.observed.shape[1]

    def at(self, keep: np.ndarray) -> "FineGrayRows":
        """The rows at the positions `keep`, or in that order."""
        parts = ("x", "weight", "event", "stop", "stratum", "group")
        start = self.start[keep] if len(self.start) else self.start
        return replace(self, start=start, **{name: getattr(self, name)[keep] for name in parts})

    def risk_sets(self, stop: np.ndarray) -> RiskSets:
        """Risk sets of rows at risk until `stop`."""
        start = self.start.astype(np.int64) if len(self.start) else None
        event = self.event == CAUSE
        return risk_sets(stop.astype(np.int64), start, event, self.stratum, self.n_places, self.x.shape[1] + 1)


@dataclass(frozen=True, slots=True)
class FineGrayProblem:
    """The likelihood and its rows in the same order; `place` int64 (n,) says where each stood as they came in."""

    rows: FineGrayRows
    likelihood: FineGrayLikelihood
    place: np.ndarray

    @property
    def events(self) -> int:
        return int(self.likelihood.event.sum())

    @property
    def time_places(self) -> np.ndarray:
        """Places on the grid of the times with failures from the cause, int64 (T,)."""
        return self.likelihood.sets.key % self.rows.n_places

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        return self.likelihood.evaluate(beta)

    def sizes(self, smallest: float) -> np.ndarray:
        """Magnitudes (p,) of the columns, such that information of (smallest times magnitude) squared is rounding."""
        squares = self.likelihood.evaluation(np.zeros(self.likelihood.x.shape[1]))[1]
        return np.sqrt(ROUNDED * squares) / smallest

    def recession(self, scale: np.ndarray) -> np.ndarray | None:
        """A direction along which the likelihood rises for ever and some row drops out, or None.

        Weights do not matter for that, only who is at risk.
        """
        inverse = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0.0)
        target = self.evaluate(np.zeros(len(scale))).score * inverse
        unweighted = self._unweighted()

        def worst_row(delta: np.ndarray) -> np.ndarray:
            high, low = widest_gap(unweighted, unweighted.linear_predictor(delta * inverse))
            return (unweighted.x[high] - unweighted.x[low]) * inverse

        delta = project_on_cone(target, worst_row)
        if delta is None:
            return None
        delta = delta * inverse
        return delta if drops_rows(unweighted, unweighted.linear_predictor(delta)) else None

    def limit(self, direction: np.ndarray) -> "FineGrayProblem":
        """The likelihood's limit: only rows level with a failure stay at risk for it, so levels become strata."""
        level = levels(self.rows.stratum, self.likelihood.linear_predictor(direction))
        failed = np.zeros(int(level.max()) + 1, np.bool_)
        failed[level[self.rows.event == CAUSE]] = True
        keep = np.flatnonzero(failed[level])
        stratum = (np.cumsum(failed) - 1)[level[keep]]
        return _problem(replace(self.rows.at(keep), stratum=stratum), self.place[keep])

    def _unweighted(self) -> CoxLikelihood:
        """The Cox likelihood of rows that stay at risk after failing from another cause, while they have a weight."""
        rows = self.rows
        seen = rows.censored.observed > 0.0
        end = rows.n_places - 1 - np.argmax(seen[:, ::-1], axis=1)
        stop = np.where(rows.event == OTHER, np.maximum(rows.stop, end[rows.group]), rows.stop)
        sets, one = rows.risk_sets(stop), np.ones(len(rows.event))
        event = (rows.event == CAUSE).astype(np.uint8)
        return cox_likelihood(rows.x, rows.stratum.astype(np.int32), NO_OFFSET, one, event, sets, BRESLOW)


def fine_gray_problem(rows: FineGrayRows) -> FineGrayProblem:
    """The problem of rows as they came in."""
    return _problem(rows, np.arange(len(rows.event)))


def _problem(rows: FineGrayRows, place: np.ndarray) -> FineGrayProblem:
    sets = rows.risk_sets(rows.stop)
    if sets.order is not None:
        rows, place = rows.at(sets.order), place[sets.order]
    event = (rows.event == CAUSE).astype(np.uint8)
    likelihood = fine_gray_likelihood(rows.x, rows.weight, event, sets, _tails(rows, sets), rows.ties)
    return FineGrayProblem(rows, likelihood, place)


def _tails(rows: FineGrayRows, sets: RiskSets) -> Tails:
    """Rows that failed from another cause, with the times they stay at risk for."""
    row = np.flatnonzero(rows.event == OTHER)
    stratum, stop, group = rows.stratum[row], rows.stop[row], rows.group[row]
    after = np.searchsorted(sets.key, stratum * rows.n_places + stop, side="right")
    until = sets.bounds[stratum + 1]
    over = after >= until
    observed = rows.censored.observed
    factor = np.divide(1.0, observed[group, stop], out=np.zeros(len(row)), where=observed[group, stop] > 0.0)
    return Tails(
        row,
        np.where(over, sets.n_groups, after).astype(np.int64),
        np.where(over, sets.n_groups, until).astype(np.int64),
        factor,
        group,
        np.ascontiguousarray(observed[:, sets.key % rows.n_places]),
    )
