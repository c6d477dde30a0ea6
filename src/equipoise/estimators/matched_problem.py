"""The rows of matched sets as a likelihood that can be maximised, profiled and taken to its limits."""

from dataclasses import dataclass, replace

import numpy as np

from equipoise.kernels.conditional_logistic import EXACT, ConditionalLikelihood, conditional_likelihood
from equipoise.kernels.matched_sets import SetCounts, count_sets, rows_by_set, sets_that_vary
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.recession import matched_recession, tied_rows


@dataclass(frozen=True, slots=True)
class MatchedRows:
    """Rows of matched sets in any order: x float64 (n, p), case uint8 (n,), set and cluster codes int64 (n,).

    `offset` is float64 (n,), or of shape (0,) where there is none; `cluster` is None where rows are independent.
    """

    x: np.ndarray
    case: np.ndarray
    matched_set: np.ndarray
    offset: np.ndarray
    cluster: np.ndarray | None


@dataclass(frozen=True, slots=True)
class MatchedProblem:
    """Rows in the order of their sets; set s is rows first[s]:first[s + 1]."""

    x: np.ndarray
    case: np.ndarray
    offset: np.ndarray
    cluster: np.ndarray | None
    first: np.ndarray
    counts: SetCounts
    likelihood: ConditionalLikelihood

    @property
    def events(self) -> int:
        """Cases in sets that have a control."""
        return int(self.counts.n_cases[self.counts.complete].sum())

    @property
    def exact(self) -> bool:
        return self.likelihood.ties == EXACT

    def informative(self) -> np.ndarray:
        """Sets with a case, a control and some variation, boolean (S,)."""
        return self.counts.complete & sets_that_vary(self.x, self.first)

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        return self.likelihood.evaluate(beta)

    def recession(self, scale: np.ndarray) -> np.ndarray | None:
        """A direction along which the likelihood rises for ever and some row drops out, or None."""
        delta = matched_recession(self.x, self.case, self.first, scale, self.exact)
        if delta is None or self._tied(delta).all():
            return None
        return delta

    def limit(self, direction: np.ndarray) -> "MatchedProblem":
        """The likelihood's limit along the direction: the same sets with the rows that stay tied."""
        keep = self._tied(direction)
        bounds = np.concatenate([[0], np.cumsum(keep)])[self.first]
        rows = MatchedRows(
            self.x[keep],
            self.case[keep],
            np.empty(0, np.int64),
            self.offset[keep] if len(self.offset) else self.offset,
            None if self.cluster is None else self.cluster[keep],
        )
        return _problem(rows, np.unique(bounds), self.likelihood.ties)

    def _tied(self, direction: np.ndarray) -> np.ndarray:
        return tied_rows(self.x, self.case, self.first, direction, self.exact)


def matched_problem(rows: MatchedRows, ties: str) -> MatchedProblem:
    """Bring the rows into the order of their sets and see what each set holds."""
    order, first = rows_by_set(rows.matched_set)
    if order is not None:
        rows = replace(
            rows,
            x=rows.x[order],
            case=rows.case[order],
            offset=rows.offset[order] if len(rows.offset) else rows.offset,
            cluster=None if rows.cluster is None else rows.cluster[order],
        )
    return _problem(rows, first, ties)


def _problem(rows: MatchedRows, first: np.ndarray, ties: str) -> MatchedProblem:
    counts = count_sets(rows.case, first)
    likelihood = conditional_likelihood(rows.x, rows.offset, rows.case, first, counts, ties)
    return MatchedProblem(rows.x, rows.case, rows.offset, rows.cluster, first, counts, likelihood)
