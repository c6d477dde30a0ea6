"""One answer from fits to several completed data sets: `pool`, by Rubin's rules."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import Convergence, Estimate, Fit, Interval, check_conf_level, describe
from equipoise.estimators.survival_curve_frames import frame_of

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
POOLED, COMPLETE = "multiple imputation", "complete case"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PooledFit(Fit):
    """A `Fit` pooled over imputations; intervals and p-values are those of Student's t.

    imputations     fits pooled
    within, between the mean of their covariances, and the covariance of their coefficients, float64 (p, p)
    df              degrees of freedom of each term, float64 (p,), infinite where the fits agree
    df_complete     those that complete data would have
    fraction_missing    share of the information on each term that is missing, float64 (p,)
    complete_case   the same model fitted to the rows without missing values, None where it was not
    """

    imputations: int
    within: np.ndarray = field(repr=False)
    between: np.ndarray = field(repr=False)
    df: np.ndarray
    df_complete: float
    fraction_missing: np.ndarray
    complete_case: Fit | None = field(default=None, repr=False)

    @property
    def relative_increase(self) -> np.ndarray:
        """How much larger than the variance within each term's variance is because values are missing, float64 (p,)."""
        return (1.0 + 1.0 / self.imputations) * self.between.diagonal() / self.within.diagonal()

    def tidy(self, *, exponentiate: bool = False, conf_level: float | None = None, interval: Interval = "wald") -> Any:
        """As `Fit.tidy`, with df and fraction_missing."""
        rows = [self._estimate(j, exponentiate, conf_level, interval) for j in range(len(self.terms))]
        columns: dict[str, Any] = {"term": list(self.terms)}
        columns |= {name: np.array([getattr(row, name) for row in rows]) for name in NUMBERS}
        columns |= {"df": self.df, "fraction_missing": self.fraction_missing}
        return frame_of(columns | {"reason": [row.reason for row in rows]}, self.frame_kind)

    def compare(self, *, exponentiate: bool = False, conf_level: float | None = None) -> Any:
        """The pooled answer and the complete-case answer one below the other.

        Columns term, analysis, rows, estimate, std_error, conf_low, conf_high, p_value, reason. A term that the
        complete cases do not have, such as a level that occurs in none, has no row there.
        """
        level = self.conf_level if conf_level is None else conf_level
        fits = {POOLED: self} | ({} if self.complete_case is None else {COMPLETE: self.complete_case})
        lines = [
            (term, name, fit.rows, fit.estimate(term, exponentiate=exponentiate, conf_level=level))
            for term in self.terms
            for name, fit in fits.items()
            if term in fit.terms
        ]
        columns: dict[str, Any] = {"term": [line[0] for line in lines], "analysis": [line[1] for line in lines]}
        columns["rows"] = np.array([line[2] for line in lines])
        columns |= {name: np.array([getattr(line[3], name) for line in lines]) for name in NUMBERS}
        return frame_of(columns | {"reason": [line[3].reason for line in lines]}, self.frame_kind)

    def glance(self) -> Any:
        """One row: rows, events where the model has them, imputations, df_complete, the largest share missing."""
        columns: dict[str, Any] = {"rows": np.array([self.rows])}
        if self.events is not None:
            columns["events"] = np.array([self.events])
        known = self.fraction_missing[np.isfinite(self.fraction_missing)]
        columns |= {
            "imputations": np.array([self.imputations]),
            "df_complete": np.array([self.df_complete]),
            "largest_fraction_missing": np.array([known.max() if len(known) else math.nan]),
        }
        return frame_of(columns | {"variance": [self.variance]}, self.frame_kind)

    def __repr__(self) -> str:
        lines = describe(self).split("\n")[:-2]
        known = self.fraction_missing[np.isfinite(self.fraction_missing)]
        share = f"{100 * known.max():.3g} %" if len(known) else "unknown"
        lines.append(f"pooled over {self.imputations} imputations, at most {share} of the information missing")
        lines.append(f"{self.variance} variance, {100 * self.conf_level:g} % intervals of Student's t")
        return "\n".join(lines)

    def _estimate(self, j: int, exponentiate: bool, conf_level: float | None, interval: Interval) -> Estimate:
        plain = Fit._estimate(self, j, exponentiate, conf_level, interval)
        if plain.reason is not None or math.isinf(self.df[j]):
            return plain
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        value, error = float(self.coefficients[j]), plain.std_error
        half = float(stdtrit(self.df[j], 0.5 + level / 2.0)) * error
        low, high = value - half, value + half
        p_value = 2.0 * float(stdtr(self.df[j], -abs(value / error)))
        if exponentiate:
            low, high = float(np.exp(low)), float(np.exp(high))
        return Estimate(plain.term, plain.measure, plain.estimate, error, low, high, p_value, None)


def pool(
    fits: Sequence[Fit],
    *,
    df_complete: float | None = None,
    complete_case: Fit | None = None,
    conf_level: float | None = None,
) -> PooledFit:
    """Rubin's rules: the mean of the estimates, and their variance within and between imputations.

    fits            one fit of the same model to each completed data set, two at least
    df_complete     degrees of freedom if nothing were missing; by default events less terms for hazard ratios,
                    informative strata less terms where the model has strata, else rows less terms
    complete_case   the same model on the rows without missing values, shown beside the answer

    T = U + (1 + 1/m) B, with the degrees of freedom of Barnard and Rubin. Where all fits agree (B = 0), the interval is
    the fit's own. A term that any of the fits cannot estimate is nan with that fit's reason. Tests of the whole model
    and likelihoods are not pooled.

    Raises DesignError for fewer than two fits, and fits with different models, terms or numbers of rows;
    UnsupportedError for what is not a `Fit`.

    Source: Rubin, Multiple Imputation for Nonresponse in Surveys (1987), chapter 3; Barnard, Rubin, Biometrika
    1999;86:948.

    Example:
        >>> from equipoise import fit_poisson, pool
        >>> fits = [fit_poisson({"n": [k, 6]}, outcome="n", covariates=()) for k in (2, 3, 4)]
        >>> [round(float(value), 4) for value in (fits[0].coefficients[0], pool(fits).coefficients[0])]
        [1.3863, 1.4999]
    """
    first = _first(fits)
    level = check_conf_level(first.conf_level if conf_level is None else conf_level)
    values = np.stack([fit.coefficients for fit in fits])
    reasons = tuple(_reason([fit.reasons[j] for fit in fits]) for j in range(len(first.terms)))
    absent = np.array([reason is not None for reason in reasons])
    values[:, absent] = np.nan
    m = len(fits)
    mean = _mean(values)
    residual = values - mean
    within = _mean(np.stack([fit.covariance for fit in fits]))
    within[absent, :] = within[:, absent] = np.nan
    between = residual.T @ residual / (m - 1)
    covariance = within + (1.0 + 1.0 / m) * between
    complete = _df_complete(first) if df_complete is None else float(df_complete)
    ratio = (1.0 + 1.0 / m) * between.diagonal() / within.diagonal()
    df = degrees_of_freedom(ratio / (1.0 + ratio), m, complete)
    return PooledFit(
        model=f"{first.model}, pooled",
        measure=first.measure,
        direction=first.direction,
        terms=first.terms,
        coefficients=mean,
        covariance=covariance,
        reasons=reasons,
        log_likelihood=math.nan,
        log_likelihood_null=math.nan,
        rank=min(fit.rank for fit in fits),
        rows=first.rows,
        events=first.events,
        convergence=Convergence(
            all(fit.convergence.converged for fit in fits),
            max(fit.convergence.iterations for fit in fits),
            max(fit.convergence.gradient_norm for fit in fits),
        ),
        conf_level=level,
        variance=f"Rubin's, of {first.variance}",
        persons=first.persons,
        strata=first.strata,
        informative_strata=first.informative_strata,
        strata_name=first.strata_name,
        aliases=first.aliases,
        intercept=first.intercept,
        frame_kind=first.frame_kind,
        imputations=m,
        within=within,
        between=between,
        df=df,
        df_complete=complete,
        fraction_missing=fraction_missing(ratio, df),
        complete_case=complete_case,
    )


def _first(fits: Sequence[Fit]) -> Fit:
    fits = list(fits)
    other = sorted({type(fit).__name__ for fit in fits if not isinstance(fit, Fit)})
    if other:
        raise UnsupportedError(Fault("fits", ", ".join(other), "fitted models with coefficients and a covariance"))
    if len(fits) < 2:
        raise DesignError(Fault("fits", f"{len(fits)} given", "one for each imputation, two at least"))
    first = fits[0]
    for what in ("model", "measure", "terms", "rows"):
        if any(getattr(fit, what) != getattr(first, what) for fit in fits):
            remedy = "fit one model to every completed data set, with the same levels of factors"
            raise DesignError(Fault("fits", f"different {what}", "the same in all", remedy))
    return first


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over the first axis, exact where all are equal: agreement must not be lost to rounding."""
    return values[0] + (values - values[0]).mean(axis=0)


def _reason(reasons: Sequence[Reason | None]) -> Reason | None:
    return next((reason for reason in reasons if reason is not None), None)


def _df_complete(fit: Fit) -> float:
    """What the estimates rest on, less the terms that are estimated."""
    units = fit.rows
    if "hazard ratio" in fit.measure:
        units = fit.events or 0
    elif fit.informative_strata is not None:
        units = fit.informative_strata
    return float(max(units - fit.rank, 1))


def degrees_of_freedom(share: np.ndarray, m: int, complete: float) -> np.ndarray:
    """Barnard and Rubin's, from the share of the variance that is due to missing values."""
    with np.errstate(divide="ignore"):
        large_sample = (m - 1) / share**2
    observed = complete if math.isinf(complete) else (complete + 1.0) / (complete + 3.0) * complete
    with np.errstate(invalid="ignore"):
        seen = observed * (1.0 - share)
        both = 1.0 / (1.0 / large_sample + 1.0 / seen)
    return np.where(share == 0.0, np.inf, both)


def fraction_missing(ratio: np.ndarray, df: np.ndarray) -> np.ndarray:
    return np.where(ratio == 0.0, 0.0, (ratio + 2.0 / (df + 3.0)) / (ratio + 1.0))
