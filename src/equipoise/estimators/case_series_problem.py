"""The rows of a self-controlled case series as a likelihood that can be maximised, profiled and taken to its limits."""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.conditional_poisson import ConditionalPoisson
from equipoise.kernels.matched_sets import rows_by_set, sets_that_vary
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.recession import matched_recession, tied_rows


@dataclass(frozen=True, slots=True)
class CaseSeriesRows:
    """Rows in any order: x float64 (n, p), y and offset float64 (n,), the latter of shape (0,) where there is none.

    `person` are int64 codes (n,).
    """

    x: np.ndarray
    y: np.ndarray
    offset: np.ndarray
    person: np.ndarray


@dataclass(frozen=True, slots=True)
class CaseSeriesProblem:
    """Rows in the order of their persons; person s is rows first[s]:first[s + 1]. Only persons with events count.

    `code` (S,) are the codes of the persons.
    """

    likelihood: ConditionalPoisson
    first: np.ndarray
    code: np.ndarray
    counted: np.ndarray

    @property
    def events(self) -> float:
        return float(self.likelihood.y.sum())

    @property
    def has_event(self) -> np.ndarray:
        """Rows with events, uint8 (n,)."""
        return (self.likelihood.y > 0.0).astype(np.uint8)

    def informative(self) -> np.ndarray:
        """Persons with events and some variation between their rows, boolean (S,)."""
        return self.counted & sets_that_vary(self.likelihood.x, self.first)

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        return self.likelihood.evaluate(beta)

    def recession(self, scale: np.ndarray) -> np.ndarray | None:
        """A direction along which the likelihood rises for ever and some row drops out, or None.

        Every row with events must lie highest among its person's rows: what Breslow's likelihood asks of cases.
        """
        delta = matched_recession(self.likelihood.x, self.has_event, self.first, scale, False)
        return None if delta is None or self._tied(delta)[self._rows_counted()].all() else delta

    def limit(self, direction: np.ndarray) -> "CaseSeriesProblem":
        """The likelihood's limit along the direction: each person's rows that stay level with those of the events."""
        keep = self._tied(direction)
        whole = self.likelihood
        rows = CaseSeriesRows(
            whole.x[keep],
            whole.y[keep],
            whole.offset[keep] if len(whole.offset) else whole.offset,
            np.repeat(self.code, np.diff(self.first))[keep],
        )
        return case_series_problem(rows)

    def _tied(self, direction: np.ndarray) -> np.ndarray:
        return tied_rows(self.likelihood.x, self.has_event, self.first, direction, False)

    def _rows_counted(self) -> np.ndarray:
        return np.repeat(self.counted, np.diff(self.first))


def case_series_problem(rows: CaseSeriesRows) -> CaseSeriesProblem:
    """Bring the rows into the order of their persons and find the persons with events."""
    order, first = rows_by_set(rows.person)
    x, y, offset, person = rows.x, rows.y, rows.offset, rows.person
    if order is not None:
        x, y, person = x[order], y[order], person[order]
        offset = offset[order] if len(offset) else offset
    counted = np.add.reduceat(y, first[:-1]) > 0.0 if len(y) else np.zeros(0, np.bool_)
    likelihood = ConditionalPoisson(x, y, offset, first[:-1][counted], first[1:][counted])
    return CaseSeriesProblem(likelihood, first, person[first[:-1]], counted)
