"""Multiple imputation by chained equations: `impute`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.fit import Fit
from equipoise.estimators.imputation_columns import (
    OF_LEVELS,
    Variable,
    complete_columns,
    ids_of,
    nelson_aalen,
    variables,
)
from equipoise.estimators.imputation_draws import Draws, check_counts
from equipoise.estimators.imputation_models import LINEAR, Columns, draw_levels, draw_linear, draw_matching
from equipoise.estimators.pooling import PooledFit, pool
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.survival_curve_rows import survival_table
from equipoise.estimators.table import Table, label


@dataclass(frozen=True, slots=True, eq=False)
class Imputations:
    """m completed copies of a data set.

    order       int64 (n,), the rows in the order of persons, which is that of what follows
    variables   what was imputed, in the order given
    drawn       for each of the m imputations and each variable, what stands in its missing rows: numbers (model
                "linear"), otherwise places of rows whose values are taken
    means, spreads    of the drawn values by imputation, iteration and variable, float64 (m, iterations, v): numbers, or
                positions of levels
    """

    table: Table = field(repr=False)
    order: np.ndarray = field(repr=False)
    variables: tuple[Variable, ...] = field(repr=False)
    drawn: tuple[tuple[np.ndarray, ...], ...] = field(repr=False)
    means: np.ndarray = field(repr=False)
    spreads: np.ndarray = field(repr=False)

    @property
    def m(self) -> int:
        """How many imputations."""
        return len(self.drawn)

    def frame(self, k: int) -> Any:
        """Completed data set k, from 0 to m - 1: the frame that came in with nothing missing in the imputed columns.

        Columns keep their types, except that numbers drawn by a linear model are floating-point.
        """
        if not 0 <= k < self.m:
            raise DesignError(Fault("imputation", str(k), f"0 to {self.m - 1}"))
        frame = self.table.frame
        pairs = zip(self.variables, self.drawn[k], strict=True)
        columns = [_completed(frame[one.name], one, drawn, self.order) for one, drawn in pairs if one.missing.any()]
        return (frame.with_columns(*columns) if columns else frame).to_native()

    def frames(self) -> Iterator[Any]:
        """The completed data sets, one after the other."""
        return (self.frame(k) for k in range(self.m))

    def complete_cases(self) -> Any:
        """The rows in which nothing was missing."""
        return self.table.frame.filter((~self._any_missing()).tolist()).to_native()

    def analyse(self, fit: Callable[[Any], Fit], *, conf_level: float | None = None) -> PooledFit:
        """Fit every completed data set and the complete cases, and pool: see `pool`."""
        alone = None if self._any_missing().all() else fit(self.complete_cases())
        return pool([fit(frame) for frame in self.frames()], complete_case=alone, conf_level=conf_level)

    def missingness(self) -> Any:
        """One row a column and one for rows with any missing: column, model, rows, missing, share."""
        counts = [int(one.missing.sum()) for one in self.variables] + [int(self._any_missing().sum())]
        rows = len(self.table)
        columns: dict[str, Any] = {
            "column": [*(one.name for one in self.variables), "any of these"],
            "model": [*(one.model for one in self.variables), None],
            "rows": np.full(len(counts), rows),
            "missing": np.array(counts),
            "share": np.array(counts) / max(rows, 1),
        }
        return frame_of(columns, self.table.kind)

    def patterns(self) -> Any:
        """Which columns are missing together: missing (names, joined by commas), rows; the most frequent first."""
        where = np.column_stack([one.missing for one in self.variables])
        seen, count = np.unique(where, axis=0, return_counts=True)
        order = np.argsort(-count, kind="stable")
        names = [", ".join(one.name for one, is_in in zip(self.variables, row, strict=True) if is_in) for row in seen]
        return frame_of({"missing": [names[i] or "nothing" for i in order], "rows": count[order]}, self.table.kind)

    def chains(self) -> Any:
        """Means and standard deviations of drawn values as the iterations go on, to judge whether they have settled.

        Columns imputation and iteration (from 1), column, mean, std; for levels, of their positions.
        """
        m, iterations = self.means.shape[:2]
        at = np.indices(self.means.shape).reshape(3, -1)
        columns = {
            "imputation": at[0] + 1,
            "iteration": at[1] + 1,
            "column": [one.name for one in self.variables] * (m * iterations),
            "mean": self.means.reshape(-1),
            "std": self.spreads.reshape(-1),
        }
        return frame_of(columns, self.table.kind)

    def __repr__(self) -> str:
        shares = [f"{one.name} {one.missing.sum():,} ({one.model})" for one in self.variables]
        return f"{self.m} imputations of {len(self.table):,} rows; missing: {', '.join(shares)}"

    def _any_missing(self) -> np.ndarray:
        out = np.empty(len(self.order), np.bool_)
        out[self.order] = np.logical_or.reduce([one.missing for one in self.variables])
        return out


def impute(
    data: Any,
    *,
    columns: Sequence[str],
    seed: int,
    predictors: Sequence[str] = (),
    outcome: str | Sequence[str] | None = None,
    time: str | None = None,
    event: str | None = None,
    start: str | None = None,
    models: Mapping[str, str] | None = None,
    m: int = 20,
    iterations: int = 10,
    donors: int = 5,
    person: str | None = None,
) -> Imputations:
    """Fill in missing values m times, each column from all others, the outcome among them.

    data        a pandas, Polars or Arrow frame or a mapping of names to arrays, one row a person
    columns     what is imputed; those without missing values are predictors
    seed        from which every random number follows
    predictors  complete columns that help: the exposure, matching variables, and whatever the analysis will use
    outcome     the outcome of the analysis, complete: case status, or a number. It must enter, or associations are
                drawn towards none
    time, event (start)   the outcome of a cohort: the event and the Nelson-Aalen cumulative hazard at `time` enter
    models      by column: "matching" (predictive mean matching, the default for numbers), "linear", "logistic" (default
                for two levels and for 0 and 1), "polytomous" (default for more: logistic regressions in sequence)
    m, iterations   imputations, and rounds through the columns before each is taken
    donors      how many observed rows compete in matching
    person      an identifier. With it the values drawn do not depend on the order of the rows

    Linear models and matching draw coefficients and residual variance from their posterior, logistic ones coefficients
    from its normal approximation, with a few augmented rows so that separation does no harm. Values missing at random
    given everything that enters is assumed; interactions enter only as columns.

    Returns `Imputations`: frames, analyse, missingness, patterns, chains, complete_cases.

    Raises DesignError without an outcome, for predictors or outcomes with missing values, columns all missing or
    constant, persons with several rows, models that do not fit the column; UnsupportedError for an AnalysisSet.

    Source: van Buuren, Stat Methods Med Res 2007;16:219; White, Royston, Wood, Stat Med 2011;30:377; White, Royston,
    Stat Med 2009;28:1982 (cumulative hazard).

    Example:
        >>> import numpy as np
        >>> from equipoise import fit_logistic, impute
        >>> age = np.arange(40.0, 80.0)
        >>> rows = {"age": np.where(age % 7 == 0, np.nan, age), "case": (age % 3 == 0) * 1, "sex": (age % 2 == 0) * 1}
        >>> filled = impute(rows, columns=["age"], predictors=["sex"], outcome="case", seed=1, m=5)
        >>> filled.missingness()["missing"].tolist()
        [6, 6]
        >>> pooled = filled.analyse(lambda one: fit_logistic(one, outcome="case", covariates=["age", "sex"]))
        >>> pooled.imputations, pooled.rows, pooled.complete_case.rows
        (5, 40, 34)
    """
    if isinstance(data, AnalysisSet):
        raise UnsupportedError(Fault("data", "an AnalysisSet", "a data frame or a mapping of names to arrays"))
    table = survival_table(data)
    names = [columns] if isinstance(columns, str) else list(columns)
    check_counts(m, iterations, len(names), seed)
    if isinstance(donors, bool) or not isinstance(donors, int) or donors < 1:
        raise DesignError(Fault("donors", repr(donors), "a whole number, 1 at least"))
    if not len(table):
        raise DesignError(Fault("data", "no rows", "one row a person"))
    ids = ids_of(table, person)
    order = np.argsort(ids, kind="stable")
    by_person = table if person is None else Table(table.frame[order.tolist()])
    fixed = _fixed(by_person, names, [*predictors], outcome, (time, event, start))
    found = variables(by_person, names, models or {})
    chain = _Chain(found, fixed, ids[order], seed, donors)
    rounds = iterations if sum(bool(one.missing.any()) for one in found) > 1 else 1
    done = [chain.run(k, rounds) for k in range(m)]
    summary = np.array([trace for _, trace in done]).reshape(m, rounds, len(found), 2)
    return Imputations(table, order, tuple(found), tuple(state for state, _ in done), summary[..., 0], summary[..., 1])


def _fixed(
    table: Table,
    names: list[str],
    given: list[str],
    outcome: str | Sequence[str] | None,
    survival: tuple[str | None, str | None, str | None],
) -> np.ndarray:
    """The complete columns of every regression, float64 (n, q)."""
    outcomes = [] if outcome is None else [outcome] if isinstance(outcome, str) else list(outcome)
    time, event, start = survival
    if (time is None) != (event is None) or (start is not None and time is None):
        raise DesignError(Fault("time, event", "one without the other", "both, or neither"))
    if not outcomes and time is None:
        remedy = "outcome=, or time= and event=: without it associations are drawn towards none"
        raise DesignError(Fault("outcome", "none given", "the outcome of the analysis", remedy))
    named = [*names, *given, *outcomes, *(name for name in survival if name is not None)]
    repeated = sorted({name for name in named if named.count(name) > 1})
    if repeated:
        raise DesignError(Fault(f"column {label(name)}", "has two roles", "one") for name in repeated)
    parts = [complete_columns(table, [*given, *outcomes])]
    if time is not None and event is not None:
        table.require([name for name in survival if name is not None])
        died = table.cases(event)
        hazard = nelson_aalen(table.numbers(time), died, None if start is None else table.numbers(start))
        parts += [died[:, None].astype(np.float64), (hazard / max(hazard.std(), 1e-300))[:, None]]
    return np.hstack(parts)


@dataclass(frozen=True, slots=True)
class _Chain:
    """The variables, with rows in the order of persons: sums then come out alike whatever the order of rows was."""

    variables: Sequence[Variable]
    fixed: np.ndarray
    ids: np.ndarray
    seed: int
    donors: int

    def run(self, imputation: int, rounds: int) -> tuple[tuple[np.ndarray, ...], list[list[tuple[float, float]]]]:
        """One imputation: what is drawn for each variable's missing rows, and their mean and spread by iteration."""
        missing = [one.missing for one in self.variables]
        values = [one.value.copy() for one in self.variables]
        drawn = [np.empty(0)] * len(values)
        for c, absent in enumerate(missing):
            seen = values[c][~absent]
            lot = Draws(self.seed, imputation, 0, c).uniform(self.ids[absent])
            values[c][absent] = seen[np.floor(lot * len(seen)).astype(np.int64)]
        trace = []
        visited = sorted((c for c in range(len(values)) if missing[c].any()), key=lambda c: missing[c].sum())
        for iteration in range(1, rounds + 1):
            for c in visited:
                draws = Draws(self.seed, imputation, iteration, c)
                drawn[c], values[c][missing[c]] = self._draw(c, values, missing[c], draws)
            trace.append([_summary(values[c][missing[c]]) for c in range(len(values))])
        return tuple(drawn), trace

    def _draw(
        self, c: int, values: list[np.ndarray], absent: np.ndarray, draws: Draws
    ) -> tuple[np.ndarray, np.ndarray]:
        """Numbers or places of donors, and the values they stand for."""
        one = self.variables[c]
        others = [other.columns_of(values[k]) for k, other in enumerate(self.variables) if k != c]
        x = np.hstack([self.fixed, *others])
        columns = Columns(x[~absent], x[absent], self.ids[absent])
        seen = values[c][~absent]
        if one.model in OF_LEVELS:
            level = draw_levels(columns, seen.astype(np.int64), one.levels, draws)
            return one.donor[level], level.astype(np.float64)
        if one.model == LINEAR:
            numbers = draw_linear(columns, seen, draws, one.name)
            return numbers, numbers
        at = draw_matching(columns, seen, draws, one.name, self.donors)
        return np.flatnonzero(~absent)[at], seen[at]


def _summary(values: np.ndarray) -> tuple[float, float]:
    return (float(values.mean()), float(values.std())) if len(values) else (np.nan, np.nan)


def _completed(series: nw.Series, one: Variable, drawn: np.ndarray, order: np.ndarray) -> nw.Series:
    """The column with its missing values filled in."""
    if one.model == LINEAR:
        values = np.empty(len(order))
        values[order] = one.value
        values[order[one.missing]] = drawn
        return nw.new_series(one.name, values, nw.Float64(), backend=series.implementation)
    take = np.arange(len(order))
    take[order[one.missing]] = order[drawn]
    return series[take.tolist()].alias(one.name)
