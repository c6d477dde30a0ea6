"""Baseline hazards of Cox models and survival predicted from them, with intervals.

With L0 the cumulative hazard of a person at the stratum's centre, a person with covariates x has L = r L0 with
r = e^((x - centre) beta). The variance of L is r^2 (sum of the increments' variances + q' V q), where V is the
covariance of the coefficients and q = (x - centre) L0 less the integral of the mean of x - centre over risk sets.

Source: Tsiatis, Annals of Statistics 1981;9:93; Link, Biometrics 1984;40:601; as R's survfit.coxph.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.errors import DesignError, Fault
from equipoise.estimators.cox_problem import CoxProblem
from equipoise.estimators.cox_rows import CoxRows
from equipoise.estimators.fit import Fit
from equipoise.estimators.model_frame import as_table
from equipoise.estimators.survival_curve_intervals import limits
from equipoise.estimators.tails import normal_quantile
from equipoise.kernels.cox import Hazard

_LEVEL = re.compile(r"^(?P<factor>.+)\[(?P<level>[^\[\]]*)\]$")


@dataclass(frozen=True, slots=True)
class Baseline:
    """Cumulative hazards of T groups, ordered by stratum and time.

    stratum   int64 (T,), positions in the labels; bounds int64 (S + 1,), the groups of each stratum
    time      float64 (T,)
    hazard    float64 (T,), cumulative within strata, for a person at the stratum's centre
    variance  float64 (T,), its variance for known coefficients
    moment    float64 (T, p), integral of the mean of x - centre
    centre    float64 (S, p), and log_risk float64 (S,), log of e^(x beta + offset) of a person at the centre
    """

    stratum: np.ndarray
    bounds: np.ndarray
    time: np.ndarray
    hazard: np.ndarray
    variance: np.ndarray
    moment: np.ndarray
    centre: np.ndarray
    log_risk: np.ndarray

    def at_zero(self) -> np.ndarray:
        """The cumulative hazard of a person whose covariates and offset are 0: float64 (T,)."""
        return self.hazard * np.exp(-self.log_risk[self.stratum])


def baseline(rows: CoxRows, problem: CoxProblem, hazard: Hazard, beta: np.ndarray) -> Baseline:
    """Add the groups' increments up within strata."""
    likelihood = problem.likelihood
    sets, n_times = likelihood.sets, len(rows.grid.times)
    increments = np.column_stack([hazard.hazard, hazard.variance, hazard.moment])
    total = np.empty_like(increments)
    for a, b in zip(sets.bounds, sets.bounds[1:], strict=False):
        total[a:b] = np.cumsum(increments[a:b], axis=0)
    return Baseline(
        sets.key // n_times,
        sets.bounds,
        rows.grid.times[sets.key % n_times],
        total[:, 0],
        total[:, 1],
        total[:, 2:],
        likelihood.centre,
        likelihood.centre @ beta + likelihood.offset_centre,
    )


def predict_survival(
    fit: Fit,
    rows: CoxRows,
    base: Baseline,
    at: Any,
    times: Any,
    stratum: str | None,
    conf_type: str,
    conf_level: float,
) -> Any:
    """The frame that `CoxFit.predict_survival` describes."""
    beta = np.nan_to_num(fit.coefficients, nan=0.0)
    covariance = np.nan_to_num(fit.covariance, nan=0.0)
    z = normal_quantile(0.5 + conf_level / 2.0)
    chosen = _strata(rows.labels, stratum)
    columns: dict[str, list[Any]] = {name: [] for name in KINDS}
    for person, x in enumerate(persons(fit.terms, rows.columns.references, at)):
        for s in chosen:
            when = base.time[base.bounds[s] : base.bounds[s + 1]] if times is None else _times(times)
            numbers = _curve(base, s, x, when, beta, covariance, rows, conf_type, z)
            columns["person"] += [person] * len(when)
            columns["stratum"] += [rows.labels[s]] * len(when)
            for name, values in zip(list(KINDS)[2:], (when, *numbers), strict=True):
                columns[name] += values.tolist()
    return nw.from_dict(columns, KINDS, backend=fit.frame_kind).to_native()


KINDS = {
    "person": nw.Int64(),
    "stratum": nw.String(),
    "time": nw.Float64(),
    "survival": nw.Float64(),
    "std_error": nw.Float64(),
    "conf_low": nw.Float64(),
    "conf_high": nw.Float64(),
    "cumulative_hazard": nw.Float64(),
}


def persons(terms: Sequence[str], references: Mapping[str, str], at: Any) -> np.ndarray:
    """Covariates of persons as rows of the model's terms: float64 (n_persons, p).

    Raises DesignError for covariates that are missing or not finite, and for levels that the model does not know.
    """
    values = _columns(at)
    x = np.column_stack([_term(term, terms, references, values) for term in terms])
    if not np.isfinite(x).all():
        raise DesignError(Fault("at", "missing or infinite values", "finite numbers or levels for every covariate"))
    return x


def _columns(at: Any) -> dict[str, np.ndarray]:
    if isinstance(at, Mapping):
        return {str(name): np.atleast_1d(np.asarray(values)) for name, values in at.items()}
    table = as_table(at)
    if table is None:
        raise DesignError(Fault("at", f"a {type(at).__name__}", "a mapping from covariates to values, or a data frame"))
    return {str(name): np.asarray(table.frame[name].to_list()) for name in table.frame.columns}


def _term(
    term: str, terms: Sequence[str], references: Mapping[str, str], values: Mapping[str, np.ndarray]
) -> np.ndarray:
    if term in values:
        return values[term].astype(np.float64)
    found = _LEVEL.match(term)
    if found and found["factor"] in references and found["factor"] in values and ":" not in term:
        return _indicator(found["factor"], found["level"], terms, references, values)
    if ":" in term:
        parts = [_term(part, terms, references, values) for part in term.split(":")]
        return np.prod(np.broadcast_arrays(*parts), axis=0)
    name = found["factor"] if found and found["factor"] in references else term
    raise DesignError(Fault(f"covariate {name!r}", "not given", ", ".join(terms)))


def _indicator(
    factor: str, level: str, terms: Sequence[str], references: Mapping[str, str], values: Mapping[str, np.ndarray]
) -> np.ndarray:
    given = values[factor].astype(str)
    known = {references[factor]} | {m["level"] for t in terms if (m := _LEVEL.match(t)) and m["factor"] == factor}
    if not set(given) <= known:
        raise DesignError(
            Fault(f"covariate {factor!r}", "a level that the model does not know", ", ".join(sorted(known)))
        )
    return (given == level).astype(np.float64)


def _strata(labels: tuple[str, ...], stratum: str | None) -> list[int]:
    if stratum is None:
        return list(range(len(labels)))
    if stratum not in labels:
        raise DesignError(Fault(f"stratum {stratum!r}", "not in the model", ", ".join(labels[:20])))
    return [labels.index(stratum)]


def _times(times: Any) -> np.ndarray:
    values = np.atleast_1d(np.asarray(times, np.float64))
    if not np.isfinite(values).all():
        raise DesignError(Fault("times", "missing or infinite values", "finite numbers"))
    return values


def _curve(
    base: Baseline,
    s: int,
    x: np.ndarray,
    when: np.ndarray,
    beta: np.ndarray,
    covariance: np.ndarray,
    rows: CoxRows,
    conf_type: str,
    z: float,
) -> tuple[np.ndarray, ...]:
    """Survival, standard error, limits and cumulative hazard of one person in one stratum at the times `when`."""
    a, b = base.bounds[s], base.bounds[s + 1]
    place = np.searchsorted(base.time[a:b], when + rows.grid.gap, side="right")
    padded = [np.concatenate([np.zeros((1, *v.shape[1:])), v[a:b]]) for v in (base.hazard, base.variance, base.moment)]
    hazard, variance, moment = (values[place] for values in padded)
    from_centre = x - base.centre[s]
    risk = np.exp(x @ beta - base.log_risk[s])
    shift = hazard[:, None] * from_centre - moment
    error = risk * np.sqrt(variance + np.einsum("ij,jk,ik->i", shift, covariance, shift))
    total = np.where(when > _last_time(rows, s) + rows.grid.gap, np.nan, risk * hazard)
    survival = np.exp(-total)
    std_error = np.where(np.isnan(total), np.nan, survival * error)
    low, high = limits(survival, std_error, conf_type, z)
    return survival, std_error, low, high, total


def _last_time(rows: CoxRows, s: int) -> float:
    at = rows.used & (rows.stratum == s) if len(rows.stratum) else rows.used
    return float(rows.time[at].max())
