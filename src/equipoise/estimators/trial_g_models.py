"""The models of a parametric g-formula: what each interval holds given the one before, fitted over all intervals."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason
from equipoise.estimators.fit import Fit
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.trial_panel import Panel
from equipoise.estimators.trial_problem import names_of
from equipoise.estimators.trial_regressions import penalised_logistic
from equipoise.estimators.trial_terms import TimeTerms, time_columns
from equipoise.kernels.weighted_gram import weighted_gram

BINARY, NORMAL = "binary", "normal"
WELL_APART = 1e-6  # eigenvalue of correlations from which on normal equations keep ten digits
NOTHING_NEW = 1e-13  # eigenvalue of columns that are constant, or combinations of others but for rounding
KINDS = (BINARY, NORMAL)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Rows from time zero on: interval k int64 (n,), and what is known there.

    person   int64 (n,), codes of the panel
    row      int64 (n,), positions in the panel
    fixed    float64 (n, p), covariates at time zero; varying float64 (n, m) now, and `before` in the interval before
    treatment, treated_before  int64 (n,)
    """

    person: np.ndarray
    row: np.ndarray
    k: np.ndarray
    fixed: np.ndarray
    varying: np.ndarray
    before: np.ndarray
    treatment: np.ndarray
    treated_before: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """Names of the columns of a history, and the levels of treatment."""

    treatment: str
    levels: tuple[str, ...]
    fixed: tuple[str, ...]
    varying: tuple[str, ...]
    kinds: tuple[str, ...]
    modifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A fitted model of one variable. `spread` is the residual standard deviation of a normal one, 0 else."""

    of: str
    kind: str
    terms: tuple[str, ...]
    coefficients: np.ndarray
    spread: float
    low: float
    high: float
    reason: Reason | None

    def mean(self, x: np.ndarray) -> np.ndarray:
        """The mean of rows with columns x (n, p)."""
        eta = self.coefficients[0] + x @ self.coefficients[1:]
        return eta if self.kind == NORMAL else 1.0 / (1.0 + np.exp(-np.clip(eta, -700.0, 700.0)))


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Lays out the columns of each model from a state of the world; `time` float64 (K, q) by interval."""

    names: Names
    time: np.ndarray
    time_names: tuple[str, ...]

    def of_varying(self, j: int, k: Any, h: History) -> tuple[np.ndarray, tuple[str, ...]]:
        """Of the j-th time-varying covariate: those before it now, all of them and treatment in the interval before."""
        own = self.names
        parts = [self._at(k, h), h.fixed, h.varying[:, :j], h.before, self._treated(h.treated_before)]
        lagged = tuple(f"{name} before" for name in own.varying)
        drugs = tuple(f"{name} before" for name in self._drugs)
        return np.hstack(parts), (*self.time_names, *own.fixed, *own.varying[:j], *lagged, *drugs)

    def of_treatment(self, k: Any, h: History) -> tuple[np.ndarray, tuple[str, ...]]:
        """Of treatment: covariates now, treatment in the interval before."""
        parts = [self._at(k, h), h.fixed, h.varying, self._treated(h.treated_before)]
        drugs = tuple(f"{name} before" for name in self._drugs)
        return np.hstack(parts), (*self.time_names, *self.names.fixed, *self.names.varying, *drugs)

    def of_event(self, k: Any, h: History) -> tuple[np.ndarray, tuple[str, ...]]:
        """Of an event: covariates and treatment now, and the products asked for."""
        own, treated = self.names, self._treated(h.treatment)
        known = (*own.fixed, *own.varying)
        now = np.hstack([h.fixed, h.varying])
        at = [known.index(name) for name in own.modifiers]
        parts = [self._at(k, h), now, treated, *(now[:, [j]] * treated for j in at)]
        products = tuple(f"{name}:{drug}" for name in own.modifiers for drug in self._drugs)
        return np.hstack(parts), (*self.time_names, *known, *self._drugs, *products)

    @property
    def _drugs(self) -> tuple[str, ...]:
        return names_of(self.names.treatment, self.names.levels)

    def _at(self, k: Any, h: History) -> np.ndarray:
        return np.broadcast_to(self.time[k], (len(h.treatment), self.time.shape[1]))

    def _treated(self, level: np.ndarray) -> np.ndarray:
        return (level[:, None] == np.arange(1, len(self.names.levels))).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns of every model and their terms, (x float64 (n, p), terms), over the rows that the model is of."""

    columns: Columns
    varying: tuple["Design", ...]
    treatment: "Design"
    outcome: "Design"
    competing: "Design | None"


Design = tuple[np.ndarray, tuple[str, ...]]


def lay_out(
    columns: Columns, h: History, later: np.ndarray, outcome: np.ndarray, competing: np.ndarray | None,
    events_first: bool = False,
) -> Layout:  # fmt: skip
    """`later`, `outcome` and `competing` are positions in the history of rows after time zero and at risk.

    With `events_first`, events follow from treatment in the interval before.
    """
    after = at_rows(h, later)
    varying = tuple(columns.of_varying(j, after.k, after) for j in range(len(columns.names.varying)))
    known = replace(h, treatment=h.treated_before) if events_first else h
    events = [None if at is None else at_rows(known, at) for at in (outcome, competing)]
    found = [None if rows is None else columns.of_event(rows.k, rows) for rows in events]
    assert found[0] is not None
    return Layout(columns, varying, columns.of_treatment(h.k, h), found[0], found[1])


def at_rows(h: History, keep: np.ndarray) -> History:
    """The rows of a history at positions, or where true."""
    return History(*(getattr(h, name)[keep] for name in History.__slots__))


def history_of(panel: Panel, covariates: Any, varying: Mapping[str, str]) -> tuple[History, tuple[str, ...]]:
    """Rows from each person's first eligible one on, and the names of the covariates at time zero."""
    x, terms = panel.columns(covariates)
    wrong = [
        Fault(f"kind of {name!r}", repr(kind), ", ".join(KINDS)) for name, kind in varying.items() if kind not in KINDS
    ]
    if wrong:
        raise DesignError(wrong)
    values = [panel.sorted(panel.source.numbers(name, name)) for name in varying]
    moving = np.column_stack(values) if values else np.empty((len(panel), 0))
    start = first_start(panel)
    person = panel.person
    row = np.flatnonzero(panel.in_study & (np.arange(len(panel)) >= start[person]))
    person = person[row]
    k = row - start[person]
    return (
        History(
            person, row, k, x[start[person]], moving[row], moving[np.maximum(row - 1, 0)], panel.treatment[row],
            panel.previous[row],
        ),
        terms,
    )  # fmt: skip


def first_start(panel: Panel) -> np.ndarray:
    """Each person's first eligible row in the study, int64 (G,); past all rows where there is none."""
    at = np.where(panel.eligible & panel.in_study, np.arange(len(panel)), len(panel))
    return np.minimum.reduceat(at, panel.first[:-1])


def columns_for(names: Names, terms: TimeTerms, horizon: int, rows: np.ndarray) -> Columns:
    """Columns with functions of the interval, of which `rows` (K,) says how many rows are in each."""
    made = time_columns("follow_up", terms, np.arange(horizon, dtype=np.float64), rows)
    return Columns(names, made.table, made.terms)


def regress(
    of: str, kind: str, design: Design, y: np.ndarray, weight: np.ndarray, penalty: float = 0.0
) -> Regression:  # fmt: skip
    """A logistic or a linear regression of rows with weight; one that predicts nothing says why.

    With a penalty, logistic regressions cannot separate (see `penalised_logistic`).
    """
    x, terms = design
    used = weight > 0.0
    low, high = (float(y[used].min()), float(y[used].max())) if used.any() else (0.0, 0.0)
    if kind == NORMAL:
        coefficients, spread = _linear(x[used], y[used], weight[used])
        return Regression(of, kind, ("(Intercept)", *terms), coefficients, spread, low, high, None)
    if low == high:  # nobody, or everybody
        certain = np.zeros(1 + x.shape[1])
        certain[0] = 700.0 if high == 1.0 else -700.0
        return Regression(of, kind, ("(Intercept)", *terms), certain, 0.0, low, high, None)
    if penalty > 0.0:
        beta = penalised_logistic(x[used], y[used], weight[used], penalty)
        return Regression(of, kind, ("(Intercept)", *terms), beta, 0.0, low, high, None)
    data, names = (x, list(terms)) if x.shape[1] else (np.zeros((len(y), 1)), ())
    fit = fit_logistic(data, outcome=y, covariates=names, weights=None if (weight == 1.0).all() else weight)
    beta = np.nan_to_num(fit.coefficients)
    return Regression(of, kind, ("(Intercept)", *terms), beta, 0.0, low, high, _spoils(fit))


def _spoils(fit: Fit) -> Reason | None:
    bad = [r for r in fit.reasons if r in (Reason.SEPARATION, Reason.NOT_CONVERGED)]
    return bad[0] if bad else None


def _linear(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Weighted least squares with an intercept: coefficients, residual standard deviation.

    Columns that add nothing get zero by the shortest solution.
    """
    p, total = x.shape[1], float(weight.sum())
    both = np.column_stack([x, y])
    centre = np.average(both, axis=0, weights=weight)
    gram = weighted_gram(both, centre[None, :], np.empty(0, np.int32), weight)
    size = np.sqrt(gram.diagonal()[:p])
    size = np.where(size > 0.0, size, 1.0)
    values, vectors = np.linalg.eigh(gram[:p, :p] / np.outer(size, size))
    used = values > NOTHING_NEW
    if (used & (values < WELL_APART)).any():
        slopes, rank = _shortest(x, y, weight, centre)
    else:
        along = (vectors.T @ (gram[:p, p] / size))[used] / values[used]
        slopes, rank = vectors[:, used] @ along / size, 1 + int(used.sum())
    gap = np.einsum("ij,j->i", both, np.append(-slopes, 1.0)) - (centre[p] - centre[:p] @ slopes)
    spread = np.sqrt(np.einsum("i,i,i->", weight, gap, gap) / max(total - rank, 1.0))
    return np.concatenate([[centre[p] - centre[:p] @ slopes], slopes]), float(spread)


def _shortest(x: np.ndarray, y: np.ndarray, weight: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, int]:
    """Slopes and rank by singular values, for columns that are nearly combinations of others."""
    root = np.sqrt(weight)
    apart = x - centre[:-1]
    size = np.sqrt(np.average(apart**2, axis=0, weights=weight))
    size = np.where(size > 0.0, size, 1.0)
    z = np.column_stack([np.ones(len(y)), apart / size])
    beta, _, rank, _ = np.linalg.lstsq(z * root[:, None], y * root, rcond=1e-11)
    return beta[1:] / size, int(rank)
