"""Whether hazards are proportional: `assess_proportional_hazards`.

The model is extended by x_j g(t) for each column, g a transform of time; the tests are score tests of the extension at
the fitted coefficients, for single terms and for all (Grambsch, Therneau, Biometrika 1994;81:515, in the exact form
that R's cox.zph has had since survival 3.0).
"""

import re
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.errors import Fault, UnsupportedError
from equipoise.estimators.cox_fit import CoxFit
from equipoise.estimators.cox_rows import CoxRows
from equipoise.estimators.tails import chi_squared_tail
from equipoise.kernels.newton import solve_information

GLOBAL = "GLOBAL"
TRANSFORMS = ("km", "identity", "log", "rank")
_BRACKETED = re.compile(r"\[[^\[\]]*\]")


@dataclass(frozen=True, slots=True, eq=False)
class ProportionalHazards:
    """Score tests of proportional hazards.

    transform   of time: "km", "identity", "log" or "rank"
    terms       covariates, the columns of a factor together, and GLOBAL last
    statistic   chi-squared statistics, float64; `df` and `p_value` go with them
    times       event times in order of stratum and time, `transformed` the same transformed: float64 (events,)
    residuals   scaled Schoenfeld residuals plus coefficients, float64 (events, p): plotted against `transformed`, a
                smooth of a column shows how its coefficient changes with time
    """

    transform: str
    terms: tuple[str, ...]
    statistic: np.ndarray
    df: np.ndarray
    p_value: np.ndarray
    times: np.ndarray = field(repr=False)
    transformed: np.ndarray = field(repr=False)
    residuals: np.ndarray = field(repr=False)
    frame_kind: str = "pandas"

    def tidy(self) -> Any:
        """One row a term and one for all: term, statistic, df, p_value."""
        columns = {
            "term": list(self.terms),
            "statistic": self.statistic.tolist(),
            "df": self.df.tolist(),
            "p_value": self.p_value.tolist(),
        }
        kinds = {"term": nw.String(), "statistic": nw.Float64(), "df": nw.Int64(), "p_value": nw.Float64()}
        return nw.from_dict(columns, kinds, backend=self.frame_kind).to_native()

    def __repr__(self) -> str:
        width = max(len(term) for term in self.terms)
        lines = [
            f"Score tests of proportional hazards, time on the scale {self.transform!r}",
            f"{'term':<{width}}  statistic  df   p_value",
        ]
        rows = zip(self.terms, self.statistic, self.df, self.p_value, strict=True)
        lines += [f"{term:<{width}}  {chi:>9.4g} {df:>3} {p:>9.3g}" for term, chi, df, p in rows]
        return "\n".join(lines)


def assess_proportional_hazards(fit: CoxFit, *, transform: str = "km") -> ProportionalHazards:
    """Test every term of a Cox model, and all together, for a change of its hazard ratio with time.

    transform   scale of time on which the change is linear: "km" (1 less the Kaplan-Meier curve just before, as R's
                default), "identity", "log" or "rank"

    Terms without an estimate are left out. Raises UnsupportedError for exact ties, penalised fits, separated terms,
    fits without events, and for "log" where an event time is 0 or less.

    Example:
        >>> import pandas as pd
        >>> from equipoise import assess_proportional_hazards, fit_cox
        >>> trial = pd.DataFrame({"days": [9, 8, 1, 6, 1, 6], "died": [1, 0, 1, 1, 0, 1], "x": [0, 0, 1, 1, 1, 0]})
        >>> fit = fit_cox(trial, time="days", event="died", covariates=["x"])
        >>> assess_proportional_hazards(fit, transform="identity").df.tolist()
        [1, 1]
    """
    if transform not in TRANSFORMS:
        raise UnsupportedError(Fault("transform", repr(transform), ", ".join(TRANSFORMS)))
    if fit.penalised:
        raise UnsupportedError(Fault("assess_proportional_hazards", "a penalised fit", "fits without a penalty"))
    fit.hazard_of_groups("the test of proportional hazards")
    kept = np.flatnonzero([reason is None for reason in fit.reasons])
    at = fit.event_rows()
    g_rows = _transformed(fit.data, transform)[at]
    g = g_rows - g_rows.mean()
    score = (fit.data.all_weights[at] * g) @ fit.residuals("schoenfeld")[:, kept]
    information = _extended_information(fit, at, g, kept)
    names, groups = _groups(fit, kept)
    p = len(kept)
    tests = [*groups, np.arange(p)] if p else [np.arange(0)]
    statistic = np.array([_statistic(information, score, columns, p) for columns in tests])
    df = np.array([len(columns) for columns in tests])
    return ProportionalHazards(
        transform,
        (*names, GLOBAL),
        statistic,
        df,
        np.array([chi_squared_tail(chi, int(d)) for chi, d in zip(statistic, df, strict=True)]),
        fit.event_times(),
        g_rows,
        fit.residuals("scaled_schoenfeld"),
        fit.frame_kind,
    )


def _extended_information(fit: CoxFit, at: np.ndarray, g: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Information of (beta, theta), theta the coefficients of x g(t), at theta = 0: float64 (2p, 2p)."""
    likelihood = fit.problem.likelihood
    of_group = np.empty(likelihood.sets.n_groups)
    place = np.empty(len(fit.data), np.int64)
    place[likelihood.rows_at(np.arange(len(likelihood.x)))] = np.arange(len(likelihood.x))
    of_group[likelihood.sets.last[place[at]]] = g
    beta = np.nan_to_num(fit.coefficients, nan=0.0)
    part = np.ix_(kept, kept)
    plain, crossed, squared = (likelihood.information(beta, of_group**k)[part] for k in range(3))
    return np.block([[plain, crossed], [crossed, squared]])


def _statistic(information: np.ndarray, score: np.ndarray, columns: np.ndarray, p: int) -> float:
    both = np.concatenate([np.arange(p), p + columns])
    u = np.concatenate([np.zeros(p), score[columns]])
    solved = solve_information(information[np.ix_(both, both)], u) if len(columns) else None
    return float("nan") if solved is None else float(u @ solved)


def _groups(fit: CoxFit, kept: np.ndarray) -> tuple[list[str], list[np.ndarray]]:
    """Columns of one covariate together: names, and positions among the kept terms."""
    names = [_covariate(fit.terms[j], fit.data.columns.references) for j in kept]
    distinct = list(dict.fromkeys(names))
    return distinct, [np.flatnonzero([name == one for name in names]) for one in distinct]


def _covariate(term: str, references: Any) -> str:
    parts = [(part, _BRACKETED.sub("", part)) for part in term.split(":")]
    return ":".join(bare if bare in references else part for part, bare in parts)


def _transformed(rows: CoxRows, transform: str) -> np.ndarray:
    """The transform of every row's time, float64 (n,)."""
    time = rows.time
    if transform == "identity":
        return time
    if transform == "log":
        if (time[(rows.event > 0) & rows.used] <= 0.0).any():
            raise UnsupportedError(Fault("transform", "'log' with event times of 0 or less", "km, identity, rank"))
        return np.log(np.where(time > 0.0, time, 1.0))
    places, used = rows.grid.stop, rows.used
    if transform == "rank":
        counts = np.bincount(places[used], minlength=len(rows.grid.times))
        return (np.cumsum(counts) - (counts - 1) / 2.0)[places]
    return _failed_before(rows)[places]


def _failed_before(rows: CoxRows) -> np.ndarray:
    """1 less the unweighted, unstratified Kaplan-Meier curve just before every place in time: float64 (T,)."""
    n_times, used = len(rows.grid.times), rows.used
    deaths = np.bincount(rows.grid.stop[used & (rows.event > 0)], minlength=n_times)
    leaving = np.bincount(rows.grid.stop[used], minlength=n_times)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    if len(rows.grid.start):
        entering = np.bincount(rows.grid.start[used], minlength=n_times)
        at_risk = at_risk - np.cumsum(entering[::-1])[::-1]  # rows that enter at a time are not yet at risk at it
    survival = np.cumprod(1.0 - np.divide(deaths, at_risk, out=np.zeros(n_times), where=deaths > 0))
    return 1.0 - np.concatenate([[1.0], survival[:-1]])
