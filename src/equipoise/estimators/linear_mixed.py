"""Linear mixed models of repeated measurements: `fit_linear_mixed`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import Fault, Reason, UnsupportedError
from equipoise.estimators.fit import Convergence, check_conf_level
from equipoise.estimators.identification import COLLINEAR, Identified
from equipoise.estimators.linear_mixed_components import RESIDUAL, Component, absent, components, random_root
from equipoise.estimators.linear_mixed_fit import LinearMixedFit, PersonEffects
from equipoise.estimators.linear_mixed_rows import (
    MixedRows,
    identified_fixed,
    identified_random,
    labels_at,
    mixed_rows,
)
from equipoise.kernels.linear_mixed import Structure, information_at_zero, structure
from equipoise.kernels.linear_mixed_scale import Scaled, scale
from equipoise.kernels.linear_mixed_search import Minimum, minimise
from equipoise.kernels.person_statistics import PersonFactors, PersonRows, person_factors, person_rows, posterior

REML, ML = "reml", "ml"
MEASURE = "difference in mean outcome"
IN_WORDS = {REML: "restricted maximum likelihood", ML: "maximum likelihood"}
NOTHING = 1e-13  # information, relative to the largest, that rounding alone can make
WITHOUT_RESIDUAL = 1e-12  # residuals this small beside the outcome are rounding
HIDDEN = 1e-6  # share of a variance in a direction that no residual shows, from which it counts as not identified


@dataclass(frozen=True, slots=True)
class _Settings:
    method: str
    correlated: bool
    conf_level: float

    @property
    def reml(self) -> bool:
        return self.method == REML


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Rows as given and with the terms that are determined, and the latter on one scale, by person, summed up."""

    given: MixedRows
    rows: MixedRows
    fixed_terms: Identified
    random_terms: Identified
    scaled: Scaled
    sorted_rows: PersonRows
    factors: PersonFactors
    form: Structure


def fit_linear_mixed(
    data: Any,
    *,
    outcome: str | np.ndarray,
    person: str | np.ndarray,
    fixed: Sequence[str] | str,
    random: Sequence[str] | str,
    method: str = REML,
    correlated: bool = True,
    conf_level: float = 0.95,
) -> LinearMixedFit:
    """Mean outcome of persons measured repeatedly, each with an intercept and slopes of their own.

    data        a pandas, Polars or Arrow frame or a mapping of names to arrays, one row a measurement, in any order; or
                an AnalysisSet
    outcome     a column of numbers
    person      whatever tells persons apart; "person" for an AnalysisSet
    fixed       effects common to all: names of columns, or for data frames a formula's right-hand side; the intercept
                is implied, and "1" or an empty list is the intercept alone
    random      effects that vary between persons, likewise; a person's deviations from the fixed effects are normal
    method      "reml" or "ml". Restricted likelihoods compare only models with the same fixed effects
    correlated  whether random effects may correlate (one unstructured covariance matrix) or are independent, as lme4's
                `||` between numeric columns

    Returns a `LinearMixedFit`: tidy (fixed effects, then standard deviations and correlations), glance,
    random_effects, residuals, fitted_values, predict. Wald intervals and p-values of fixed effects use the normal
    law, too narrow for a few dozen persons or fewer; those of variance components are on the log and Fisher-z scales.

    Terms that do not vary or are combinations of others are left out and named; a variance of zero or a correlation of
    1 is reported as BOUNDARY, and what the rows cannot tell apart (one row a person, one person) as NOT_IDENTIFIED.

    Raises DesignError for columns that are absent or hold missing or infinite values; UnsupportedError for another
    method.

    Source: Laird, Ware, Biometrics 1982;38:963; Bates et al., J Stat Softw 2015;67(1).

    Example:
        >>> from equipoise import fit_linear_mixed
        >>> rows = {"id": [1, 1, 2, 2, 3, 3], "y": [1.0, 3.0, 4.0, 6.0, 8.0, 8.0]}
        >>> fit = fit_linear_mixed(rows, outcome="y", person="id", fixed="1", random="1")
        >>> round(float(fit.coefficients[0]), 6), round(fit.sigma**2, 6)
        (5.0, 1.333333)
    """
    if method not in IN_WORDS:
        raise UnsupportedError(Fault("method", repr(method), ", ".join(IN_WORDS)))
    level = check_conf_level(conf_level)
    settings = _Settings(method, bool(correlated), level)
    given = mixed_rows(data, outcome, person, fixed, random)
    if not len(given):
        nobody = Identified(np.empty(0, np.int64), (Reason.NOT_IDENTIFIED,) * len(given.terms), {})
        return _unanswered(given, nobody, Reason.NOT_IDENTIFIED, settings)
    fixed_terms, random_terms = identified_fixed(given), identified_random(given, settings.correlated)
    if len(given) <= len(fixed_terms.kept):
        return _unanswered(given, fixed_terms, Reason.NOT_IDENTIFIED, settings)
    rows = given.part(fixed_terms.kept, random_terms.kept)
    scaled = scale(rows.y, rows.x, rows.z, settings.correlated)
    if scaled.unit <= WITHOUT_RESIDUAL * math.sqrt(np.mean(rows.y**2)):
        return _unanswered(given, fixed_terms, Reason.BOUNDARY, settings)
    sorted_rows = person_rows(scaled.y, scaled.x, scaled.z, rows.person)
    form = structure(rows.z.shape[1], settings.correlated)
    problem = _Problem(given, rows, fixed_terms, random_terms, scaled, sorted_rows, person_factors(sorted_rows), form)
    minimum = minimise(problem.factors, form, settings.reml)
    if minimum.converged:
        return _answered(problem, minimum, settings)
    return _unanswered(given, fixed_terms, Reason.BOUNDARY if minimum.unbounded else Reason.NOT_CONVERGED, settings)


def _answered(problem: _Problem, minimum: Minimum, settings: _Settings) -> LinearMixedFit:
    rows, scaled, form = problem.rows, problem.scaled, problem.form
    hidden, without_error = _hidden(problem)
    root, singular = random_root(minimum, form, scaled), minimum.vanished > 0
    sizes = np.sqrt(np.mean(rows.z**2, axis=0))
    found = components(root, rows.random_terms, form, sizes, hidden, singular)
    left_out = _left_out(problem.given.random_terms, problem.random_terms)
    coefficients, covariance, reasons = _fixed_effects(problem, minimum, without_error)
    at = minimum.at
    return LinearMixedFit(
        **_whole(problem.given, problem.fixed_terms, settings),
        coefficients=coefficients,
        covariance=covariance,
        reasons=reasons,
        log_likelihood=-scaled.deviance(at.deviance, at.degrees, settings.reml) / 2.0,
        rank=len(rows.terms),
        convergence=Convergence(True, minimum.iterations, math.sqrt(minimum.gain)),
        components=(*found[:-1], *left_out, found[-1]),
        sigma=root.sigma,
        random_terms=rows.random_terms,
        random_covariance=root.sigma**2 * root.relative @ root.relative.T,
        n_parameters=len(rows.terms) + len(form.rows) + 1,
        singular=singular,
        effects=_effects(problem, minimum, root.sigma),
    )


def _effects(problem: _Problem, minimum: Minimum, sigma: float) -> PersonEffects:
    change = problem.scaled.z_change
    relative = posterior(*problem.factors.random_products(minimum.at.beta), minimum.root, 1.0)
    mean = problem.scaled.unit * relative.mean @ change.T
    covariance = sigma**2 * (change @ relative.covariance @ change.T)
    in_order = problem.sorted_rows
    place = np.empty(len(problem.rows), np.int64)
    place[in_order.order] = in_order.person
    first = in_order.order[in_order.starts[:-1]]
    return PersonEffects(
        problem.rows, problem.scaled.beta(minimum.at.beta), labels_at(problem.given, first), place, mean, covariance
    )


def _fixed_effects(
    problem: _Problem, minimum: Minimum, without_error: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[Reason | None, ...]]:
    """Coefficients, covariance and reasons of all given terms; nan where a reason stands."""
    kept, p = problem.fixed_terms.kept, len(problem.given.terms)
    coefficients, covariance = np.full(p, np.nan), np.full((p, p), np.nan)
    coefficients[kept] = problem.scaled.beta(minimum.at.beta)
    covariance[np.ix_(kept, kept)] = problem.scaled.covariance(minimum.at.variance * minimum.at.unscaled_covariance)
    reasons = list(problem.fixed_terms.reasons)
    for j in kept[without_error]:
        reasons[j], coefficients[j] = Reason.NOT_IDENTIFIED, np.nan
        covariance[j], covariance[:, j] = np.nan, np.nan
    return coefficients, covariance, tuple(reasons)


def _hidden(problem: _Problem) -> tuple[np.ndarray, np.ndarray]:
    """What the rows do not determine: (co)variances, (q + 1, q + 1) with the residual one last; fixed effects, (p,).

    A direction in which D and s can change without any change in the law of residuals hides the variances that take
    part in it, and the error of fixed effects whose variance moves along it.
    """
    information, hh = information_at_zero(problem.factors, problem.form)
    q, scaled = problem.form.q, problem.scaled
    hidden, without_error = np.zeros((q + 1, q + 1), np.bool_), np.zeros(scaled.x.shape[1], np.bool_)
    t, x = scaled.z_change, scaled.x_change
    usual = np.sqrt(np.sum(t**2, axis=1))
    for direction in _null_directions(information):
        d = np.einsum("a,ajk->jk", direction[:-1], problem.form.units())
        hidden[:q, :q] |= np.abs(t @ d @ t.T) > HIDDEN * usual[:, None] * usual
        hidden[q, q] |= abs(direction[-1]) > HIDDEN
        moved = np.einsum("jk,jkrs->rs", d, hh) / len(problem.rows) + direction[-1] * np.eye(len(x))
        without_error |= np.abs(np.sum(x @ moved * x, axis=1)) > HIDDEN * np.sum(x**2, axis=1)
    return hidden, without_error


def _null_directions(information: np.ndarray) -> np.ndarray:
    """Directions of the parameters, as rows with a largest entry of 1, about which there is no information."""
    diagonal = information.diagonal()
    scale_of = 1.0 / np.sqrt(np.maximum(diagonal, NOTHING * diagonal.max()))
    values, vectors = np.linalg.eigh(information * scale_of[:, None] * scale_of)
    directions = (vectors[:, values <= COLLINEAR] * scale_of[:, None]).T
    return directions / np.abs(directions).max(axis=1, keepdims=True)


def _left_out(terms: tuple[str, ...], identified: Identified) -> list[Component]:
    """The random terms that take no part, each with its reason."""
    return [absent(f"sd {t}", math.nan, reason) for t, reason in zip(terms, identified.reasons, strict=True) if reason]


def _whole(given: MixedRows, fixed_terms: Identified, settings: _Settings) -> dict[str, Any]:
    terms = given.terms
    return {
        "model": f"Linear mixed model by {IN_WORDS[settings.method]}",
        "measure": MEASURE,
        "direction": given.direction,
        "terms": terms,
        "log_likelihood_null": math.nan,
        "rows": len(given),
        "events": None,
        "persons": len(np.unique(given.person)),
        "conf_level": settings.conf_level,
        "aliases": {terms[j]: tuple(terms[k] for k in others) for j, others in fixed_terms.aliases.items()},
        "intercept": True,
        "frame_kind": given.frame_kind,
        "method": settings.method,
    }


def _unanswered(given: MixedRows, fixed_terms: Identified, reason: Reason, settings: _Settings) -> LinearMixedFit:
    """The fit of data that leave no residual, or too few rows: terms absent for one reason or their own."""
    p, q = len(given.terms), len(given.random_terms)
    nothing = 0.0 if reason == Reason.BOUNDARY else math.nan
    return LinearMixedFit(
        **_whole(given, fixed_terms, settings),
        coefficients=np.full(p, np.nan),
        covariance=np.full((p, p), np.nan),
        reasons=tuple(own or reason for own in fixed_terms.reasons),
        log_likelihood=math.nan,
        rank=0,
        convergence=Convergence(reason != Reason.NOT_CONVERGED, 0, math.nan),
        components=(
            *(absent(f"sd {t}", math.nan, reason) for t in given.random_terms),
            absent(RESIDUAL, nothing, reason),
        ),
        sigma=nothing,
        random_terms=given.random_terms,
        random_covariance=np.full((q, q), np.nan),
        n_parameters=0,
        singular=reason == Reason.BOUNDARY,
        effects=None,
    )
