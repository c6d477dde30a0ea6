"""An association within families beside the one between them: `fit_between_within`."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault
from equipoise.estimators.conditional_logistic import fit_conditional_logistic
from equipoise.estimators.fit import Estimate, Fit, check_conf_level
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.model_frame import as_table
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.table import Table, refuse_arrays
from equipoise.estimators.tails import normal_quantile, two_sided_p

LARGEST_LOG = math.log(sys.float_info.max)
RATIOS = ("estimate", "conf_low", "conf_high")
QUANTITIES = ("population", "within", "within_given_mean", "between", "ratio")
OWN, MEAN, CASE, FAMILY = (f"of its own | {name}" for name in ("exposure", "mean of the family", "case", "family"))


@dataclass(frozen=True, slots=True)
class BetweenWithin:
    """Log odds ratios of one exposure, each with a standard error that counts families as clusters.

    population          families left aside
    within              persons of one family with each other, by conditional likelihood
    within_given_mean   own exposure at the same mean of the family, in the model that holds both
    between             families with each other: own exposure and the family's mean rise together, in that model
    ratio               between less within in that model, the coefficient of the mean. Its p-value tests that the
                        families' shared causes of exposure and outcome play no part
    """

    population: Estimate
    within: Estimate
    within_given_mean: Estimate
    between: Estimate
    ratio: Estimate
    families: int
    informative_families: int
    frame_kind: str = field(default="pandas", repr=False)

    def tidy(self, *, exponentiate: bool = False) -> Any:
        """One row a quantity: quantity, estimate, std_error, conf_low, conf_high, p_value, reason.

        The frame is of the kind that came in, pandas where arrays did. With `exponentiate` estimates and limits are
        odds ratios; the standard error stays that of the logarithm.
        """
        rows: list[Estimate] = [getattr(self, name) for name in QUANTITIES]
        columns: dict[str, Any] = {"quantity": list(QUANTITIES)}
        for name in ("estimate", "std_error", "conf_low", "conf_high", "p_value"):
            turn = _ratio if exponentiate and name in RATIOS else float
            columns[name] = np.array([turn(getattr(row, name)) for row in rows])
        return frame_of(columns | {"reason": [row.reason for row in rows]}, self.frame_kind)


def fit_between_within(
    data: Any,
    *,
    case: str,
    exposure: str,
    family: str,
    covariates: Sequence[str] = (),
    conf_level: float = 0.95,
) -> BetweenWithin:
    """The between-within model of an exposure that differs within families.

    data        a pandas, Polars or Arrow frame, or a mapping of names to arrays: one row a person, all members of a
                family whatever their outcome (matched sets of a study file's cases: the key `within_between`)
    case        1 or true where the outcome occurred
    exposure    the column of exposure, a number; its mean over the rows of a family is that of the family
    family      whatever tells families apart
    covariates  names of columns that enter every model; their own means do not

    Logistic regression on own exposure and the family's mean, with the cluster-robust variance of generalised
    estimating equations with working independence; beside it conditional logistic regression, which leaves out
    everything that a family shares. Where families share no cause of both exposure and outcome the mean adds
    nothing, and `population`, `within_given_mean` and `between` agree. `within` agrees with them if the outcome is
    rare; else it is further from 0 the more families differ in their risk, for odds ratios are not collapsible.

    A quantity that the data cannot give is nan with a reason: where exposure differs in no family COLLINEAR, without an
    informative family NO_INFORMATIVE_SETS. Raises DesignError for columns that are absent, are named
    twice or hold missing values.

    Source: Neuhaus, Kalbfleisch, Biometrics 1998;54:638; Carlin et al., Int J Epidemiol 2005;34:1089; Sjölander et
    al., Stat Med 2013;32:4931.

    Example:
        >>> from equipoise import fit_between_within
        >>> pairs = {"family": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6],
        ...          "ill": [1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0], "used": [1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 0]}
        >>> found = fit_between_within(pairs, case="ill", exposure="used", family="family")
        >>> round(float(found.within.estimate), 6)  # two discordant pairs against one: the log of 2
        0.693147
    """
    check_conf_level(conf_level)
    table = as_table(data)
    if table is None:
        kinds = "a pandas, Polars or Arrow frame, or a mapping of names to arrays"
        raise DesignError(Fault("data", f"a {type(data).__name__}", kinds))
    ill, codes, x = _read(table, case, exposure, family, covariates)
    levels, code = np.unique(codes, return_inverse=True)
    size = np.bincount(code, minlength=len(levels))
    means = {MEAN: (np.bincount(code, x[OWN], len(levels)) / np.maximum(size, 1))[code]}

    def marginal(columns: Mapping[str, np.ndarray]) -> Fit:
        given = {**columns, CASE: ill, FAMILY: code}
        return fit_logistic(given, outcome=CASE, covariates=tuple(columns), cluster=FAMILY, conf_level=conf_level)

    rows = {**x, CASE: ill, FAMILY: code}
    within = fit_conditional_logistic(rows, case=CASE, matched_set=FAMILY, covariates=tuple(x), conf_level=conf_level)
    population, of_model = decomposed(marginal, x, means, OWN, MEAN)
    informative = within.informative_strata or 0
    return BetweenWithin(population, within.estimate(OWN), *of_model, len(levels), informative, table.kind)


def decomposed(
    fit: Callable[[Mapping[str, np.ndarray]], Fit],
    columns: Mapping[str, np.ndarray],
    means: Mapping[str, np.ndarray],
    own: str,
    mean: str,
) -> tuple[Estimate, tuple[Estimate, Estimate, Estimate]]:
    """The estimate without means; then, with them, that of own exposure, their sum, and that of the mean.

    `fit` makes a fit of named columns; `own` and `mean` name the exposure in question and its mean of the family.
    """
    with_means = fit({**columns, **means})
    weights = ({own: 1.0}, {own: 1.0, mean: 1.0}, {mean: 1.0})
    within, between, ratio = (combination(with_means, weight, (own, mean)) for weight in weights)
    return fit(columns).estimate(own), (within, between, ratio)


def combination(fit: Fit, weights: Mapping[str, float], needed: Sequence[str]) -> Estimate:
    """A weighted sum of coefficients with its Wald interval; nan with the reason of the first needed term without one.

    >>> import math
    >>> pairs = {"set": [1, 1, 2, 2, 3, 3], "case": [1, 0] * 3, "a": [1, 0, 1, 0, 0, 1]}
    >>> fit = fit_conditional_logistic(pairs, case="case", matched_set="set", covariates=["a"])
    >>> round(combination(fit, {"a": 2.0}, ["a"]).estimate / math.log(2), 6)
    2.0
    """
    at = {term: fit.index_of(term) for term in needed}
    term = " + ".join(weights)
    for index in at.values():
        if (reason := fit.reasons[index]) is not None:
            nan = math.nan
            return Estimate(term, fit.measure, nan, nan, nan, nan, nan, reason)
    weight = np.zeros(len(fit.terms))
    for name, value in weights.items():
        weight[at[name]] = value
    used = np.flatnonzero(weight)
    value = float(weight[used] @ fit.coefficients[used])
    error = float(np.sqrt(weight[used] @ fit.covariance[np.ix_(used, used)] @ weight[used]))
    half = normal_quantile(0.5 + fit.conf_level / 2.0) * error
    p_value = two_sided_p(value / error) if error > 0.0 else math.nan
    return Estimate(term, fit.measure, value, error, value - half, value + half, p_value, None)


def _read(
    table: Table, case: str, exposure: str, family: str, covariates: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The case indicator, codes of families, and own exposure before the covariates, all numbers."""
    refuse_arrays({"case": case, "exposure": exposure, "family": family})
    table.require((exposure, *covariates))
    names = (case, exposure, family, *covariates)
    if again := sorted({name for name in names if names.count(name) > 1}):
        raise DesignError(
            Fault(f"column {again[0]!r}", "in two roles", "a column each for case, exposure, family, covariates")
        )
    text = [name for name in (exposure, *covariates) if table.levels(name)[0] is not None]
    if text:
        remedy = "make an indicator, 1 at the level in question"
        raise DesignError(Fault(f"column {name!r}", "levels", "numbers", remedy) for name in text)
    own = {OWN: table.numbers(exposure)}
    return table.cases(case), table.codes(family), own | {name: table.numbers(name) for name in covariates}


def _ratio(value: float) -> float:
    """The exponential, infinite where it is beyond what a number holds."""
    return math.inf if value > LARGEST_LOG else math.exp(value)
