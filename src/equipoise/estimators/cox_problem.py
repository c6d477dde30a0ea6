"""A Cox partial likelihood as a problem that can be maximised, profiled and taken to its limits."""

from dataclasses import dataclass

import numpy as np

from equipoise.errors import Fault, UnsupportedError
from equipoise.estimators.cox_rows import CoxRows
from equipoise.estimators.matched_problem import MatchedProblem, MatchedRows, matched_problem
from equipoise.estimators.profile import LikelihoodProfile
from equipoise.kernels.conditional_logistic import EXACT
from equipoise.kernels.cox import BRESLOW, EMPTY, CoxLikelihood, cox_likelihood
from equipoise.kernels.cox_exact import set_sizes, write_out
from equipoise.kernels.cox_recession import drops_rows, limit_along, widest_gap
from equipoise.kernels.cox_risk_sets import RiskSets, risk_sets
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.recession import project_on_cone, tied_rows
from equipoise.kernels.recession import widest_gap as widest_matched_gap

EXACT_CELLS = 1 << 27  # numbers that the risk sets of tied events may take when written out: 1 GiB
ROUNDED = 1e-12  # share of a sum of squares that the difference of two such sums can owe to rounding


@dataclass(frozen=True, slots=True)
class CoxProblem:
    """A sum of likelihoods: risk sets as they are, and, for exact ties, the risk sets of tied events as matched sets.

    `null` is the evaluation without effects, `squares` (p,) the sums of squares that its information is the rest of.
    Likelihood, score and information are in units of `unit`, the mean weight of the events, so that what counts as
    converged does not depend on the size of the weights.
    """

    likelihood: CoxLikelihood
    tied: MatchedProblem | None
    null: Evaluation
    squares: np.ndarray
    unit: float

    @property
    def events(self) -> int:
        tied = 0 if self.tied is None else int(self.tied.counts.n_cases.sum())
        return int(self.likelihood.deaths.sum()) + tied

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        if not beta.any():
            return self.null
        return _sum(self.likelihood.evaluate(beta), self.tied, beta, self.unit)

    def sizes(self, smallest: float) -> np.ndarray:
        """Magnitudes (p,) of the columns, such that information of (smallest times magnitude) squared is rounding."""
        return np.sqrt(ROUNDED * self.squares) / smallest

    def recession(self, scale: np.ndarray) -> np.ndarray | None:
        """A direction along which the likelihood rises for ever and some row drops out, or None."""
        inverse = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0.0)
        target = self.evaluate(np.zeros(len(scale))).score * inverse
        delta = project_on_cone(target, lambda d: self._worst_row(d * inverse) * inverse)
        if delta is None:
            return None
        delta = delta * inverse
        inside = self.tied is not None and _drops_rows(self.tied, delta)
        return delta if inside or drops_rows(self.likelihood, self.likelihood.linear_predictor(delta)) else None

    def limit(self, direction: np.ndarray) -> "CoxProblem":
        eta = self.likelihood.linear_predictor(direction)
        tied = None if self.tied is None else self.tied.limit(direction)
        return _problem(limit_along(self.likelihood, eta), tied, self.unit)

    def _worst_row(self, direction: np.ndarray) -> np.ndarray:
        """The difference rival less event that is largest along the direction."""
        worst, gap = np.zeros(len(direction)), 0.0
        if self.likelihood.sets.n_groups:
            high, low = widest_gap(self.likelihood, self.likelihood.linear_predictor(direction))
            worst = self.likelihood.x[high] - self.likelihood.x[low]
            gap = float(worst @ direction)
        if self.tied is not None:
            high, low = widest_matched_gap(self.tied.x, self.tied.case, self.tied.first, direction, True)
            row = self.tied.x[high] - self.tied.x[low] if high >= 0 else np.zeros(len(direction))
            if row @ direction > gap:
                return row
        return worst


def cox_problem(rows: CoxRows, ties: str) -> CoxProblem:
    """The likelihood of the rows; with exact ties, tied events apart."""
    event = (rows.event > 0) & rows.used
    if ties != EXACT:
        return _problem(_likelihood(rows, event, ties), None, float(rows.all_weights[event].mean()))
    if not (rows.all_weights == 1.0).all():
        raise UnsupportedError(Fault("weights", "given with exact ties", "no weights", "ties='efron' or 'breslow'"))
    sets = _sets(rows, event)
    every = event if sets.order is None else event[sets.order]
    counts = np.bincount(sets.last[every], minlength=sets.n_groups)
    groups = np.flatnonzero(counts > 1)
    if not len(groups):
        return _problem(_likelihood(rows, event, BRESLOW), None, 1.0)
    lone = np.zeros(len(rows), np.bool_)
    place = np.arange(len(rows)) if sets.order is None else sets.order
    lone[place] = every & (counts[sets.last] == 1)
    return _problem(_likelihood(rows, lone, BRESLOW), _tied(rows, sets, every, place, groups), 1.0)


def _problem(likelihood: CoxLikelihood, tied: MatchedProblem | None, unit: float) -> CoxProblem:
    null, squares = likelihood.null()
    if tied is not None:
        squares = squares + (tied.x**2).sum(axis=0)
    return CoxProblem(likelihood, tied, _sum(null, tied, np.zeros(len(squares)), unit), squares / unit, unit)


def _sum(at: Evaluation, tied: MatchedProblem | None, beta: np.ndarray, unit: float) -> Evaluation:
    """The evaluation of the likelihood with that of the tied events, in units of `unit`."""
    value, score, information = at.log_likelihood, at.score, at.information
    if tied is not None:
        part = tied.evaluate(beta)
        value, score = value + part.log_likelihood, score + part.score
        information = information + part.information
    return Evaluation(value / unit, score / unit, information / unit)


def _drops_rows(tied: MatchedProblem, direction: np.ndarray) -> bool:
    complete = np.repeat(tied.counts.complete, tied.counts.n_rows)
    return not tied_rows(tied.x, tied.case, tied.first, direction, True)[complete].all()


def _sets(rows: CoxRows, event: np.ndarray) -> RiskSets:
    grid = rows.grid
    return risk_sets(
        grid.stop,
        grid.start if len(grid.start) else None,
        event,
        rows.stratum.astype(np.int64) if len(rows.stratum) else np.zeros(1, np.int64),
        len(grid.times),
        rows.columns.x.shape[1] + 1,
    )


def _likelihood(rows: CoxRows, event: np.ndarray, ties: str) -> CoxLikelihood:
    sets = _sets(rows, event)
    return cox_likelihood(
        rows.columns.x, rows.stratum, rows.offset, rows.all_weights, event.astype(np.uint8), sets, ties, EMPTY
    )


def _tied(
    rows: CoxRows, sets: RiskSets, event: np.ndarray, place: np.ndarray, groups: np.ndarray
) -> MatchedProblem | None:
    cells = int(set_sizes(sets, groups).sum()) * rows.columns.x.shape[1]
    if cells > EXACT_CELLS:
        raise UnsupportedError(
            Fault("ties", f"exact, with {cells:,} values in risk sets of tied events", f"at most {EXACT_CELLS:,}")
        )
    at, code, case = write_out(sets, event.astype(np.uint8), groups)
    at = place[at]
    offset = rows.offset[at] if len(rows.offset) else rows.offset
    return matched_problem(MatchedRows(rows.columns.x[at], case, code, offset, None), EXACT)


@dataclass(frozen=True, slots=True)
class CoxProfile:
    """The profile of a likelihood kept in units of `unit`."""

    profile: LikelihoodProfile
    unit: float

    def interval(self, term: int, drop: float) -> tuple[float, float]:
        return self.profile.interval(term, drop / self.unit)

    def relative(self, term: int, values: np.ndarray) -> np.ndarray:
        return self.profile.relative(term, values) * self.unit
