"""From the rows of a logistic or Poisson regression to its fit: null model, maximum, variance, everything reported."""

import math
from dataclasses import dataclass, replace

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.count_rows import weight_scale
from equipoise.estimators.firth import firth_problem, penalised_null, solve_firth
from equipoise.estimators.fit import Convergence
from equipoise.estimators.glm_fit import (
    INTERCEPT,
    FittedMeans,
    GlmFit,
    GlmProfile,
    OnTheScaleOfTheData,
    dispersion_of,
)
from equipoise.estimators.glm_problem import GlmProblem, GlmRows, glm_problem, null_intercept, saturated_log_likelihood
from equipoise.estimators.maximum_likelihood import Problem, Solution, solve
from equipoise.estimators.model_frame import ModelFrame, magnitudes
from equipoise.kernels.glm_scores import leverages, scores_by_cluster, squared_scores

HC0, HC1, HC2, HC3, CR0 = "HC0", "HC1", "HC2", "HC3", "CR0"
BY_ROW, BY_CLUSTER = (HC0, HC1, HC2, HC3), (HC0, HC1, CR0)


@dataclass(frozen=True, slots=True)
class Wording:
    """How a family of models is called."""

    model: str
    measure: str
    direction: str


@dataclass(frozen=True, slots=True)
class GlmInput:
    """What was given, as arrays: columns, rows, cluster codes or None, and what the fit reports of the data."""

    family: int
    wording: Wording
    columns: ModelFrame
    rows: GlmRows
    cluster: np.ndarray | None
    persons: int | None
    frame_kind: str

    @property
    def terms(self) -> tuple[str, ...]:
        return (INTERCEPT, *self.columns.terms)


@dataclass(frozen=True, slots=True)
class GlmOptions:
    """What was asked for: `robust` is None or one of `BY_ROW`, with clusters of `BY_CLUSTER`."""

    robust: str | None
    firth: bool
    conf_level: float
    dispersion: bool = False


@dataclass(frozen=True, slots=True)
class _Climbed:
    """A problem with its maximum, the penalised one where Firth's correction was asked for.

    Weights were divided by `scale`, which leaves estimates and sandwiches as they are.
    """

    plain: GlmProblem
    problem: Problem
    solution: Solution
    size: np.ndarray
    firth: bool
    scale: float

    @property
    def null_log_likelihood(self) -> float:
        """The unpenalised log-likelihood without effects."""
        if not self.firth:
            return self.solution.null.log_likelihood
        return self.plain.evaluate(np.zeros(len(self.size))).log_likelihood

    def maximum_of_all_terms(self) -> np.ndarray:
        """The maximum (1 + p,), zero for terms that are not kept."""
        beta = np.zeros(len(self.size))
        beta[self.solution.kept] = self.solution.maximum.beta
        return beta


def robust_kind(robust: bool | str | None, clustered: bool, firth: bool) -> str | None:
    """The robust variance asked for, or None for the model-based one; combinations that are not defined are refused."""
    if robust is None:
        robust = clustered
    if robust is False and clustered:
        raise DesignError(Fault("robust", "False beside a cluster", ", ".join(BY_CLUSTER), "leave the cluster out"))
    kind = HC0 if robust is True else robust or None
    offered = BY_CLUSTER if clustered else BY_ROW
    if kind is not None and kind not in offered:
        where = "robust with a cluster" if clustered else "robust"
        raise UnsupportedError(Fault(where, repr(robust), f"True, False, {', '.join(offered)}"))
    if kind is not None and firth:
        raise UnsupportedError(Fault("firth", "beside a robust variance", "the model-based variance"))
    return kind


def fit_glm(given: GlmInput, options: GlmOptions) -> GlmFit:
    """The fit of what was given; a model without events on either side answers with a reason."""
    rows, family = given.rows, given.family
    prior = 0.5 if options.firth else 0.0
    shift = null_intercept(family, rows, prior) if len(rows.y) else -math.inf
    if not math.isfinite(shift) or not _has_weight(rows):
        return _unanswered(given, options, Reason.NO_EVENTS if shift < 0.0 else Reason.NO_CONTROLS)
    scale = 1.0 if options.firth else weight_scale(rows.weight)  # Jeffreys' prior has a scale of its own
    problem = glm_problem(family, replace(rows, weight=rows.weight / scale) if scale != 1.0 else rows, shift)
    size = np.concatenate([[1.0], magnitudes(problem.likelihood.x, given.columns.terms)])
    return _fit(given, options, _climb(problem, size, options.firth, scale))


def _climb(problem: GlmProblem, size: np.ndarray, firth: bool, scale: float) -> _Climbed:
    if not firth:
        return _Climbed(problem, problem, solve(problem, size), size, firth, scale)
    penalised = firth_problem(problem, size)
    return _Climbed(problem, penalised, solve_firth(penalised, size), size, firth, scale)


def _has_weight(rows: GlmRows) -> bool:
    return not len(rows.weight) or bool((rows.weight > 0.0).any())


def _fit(given: GlmInput, options: GlmOptions, climbed: _Climbed) -> GlmFit:
    solution, plain, scale = climbed.solution, climbed.plain, climbed.scale
    back = OnTheScaleOfTheData(plain.likelihood.centre, plain.likelihood.shift, solution)
    limit = plain if climbed.firth else solution.limit
    means = FittedMeans(given.family, given.rows, limit.likelihood, limit.at, back.centred)
    terms = given.terms
    dispersion = dispersion_of(given.rows, means.values(), len(solution.identified.kept)) if options.dispersion else 1.0
    used = plain.rows
    saturated = saturated_log_likelihood(given.family, used)
    at_null = climbed.null_log_likelihood
    fitted = limit.evaluate(back.centred).log_likelihood if climbed.firth else solution.log_likelihood
    return GlmFit(
        model=_model(given, options),
        measure=given.wording.measure,
        direction=f"{given.wording.direction}: {given.columns.direction}",
        terms=terms,
        coefficients=back.coefficients(),
        covariance=back.covariance(_covariance(climbed, given, options) * dispersion),
        reasons=back.reasons,
        aliases={terms[j]: tuple(terms[k] for k in ks) for j, ks in solution.identified.aliases.items()},
        log_likelihood=solution.log_likelihood * scale,
        log_likelihood_null=penalised_null(climbed.problem) if climbed.firth else at_null * scale,
        score_statistic=math.nan if climbed.firth or options.dispersion else solution.score_statistic() * scale,
        rank=len(solution.identified.kept),
        intercept=True,
        rows=len(used.y),
        events=int(used.y.sum()),
        persons=given.persons,
        convergence=_convergence(solution),
        conf_level=float(options.conf_level),
        variance=_variance_in_words(given, options),
        frame_kind=given.frame_kind,
        profile=_profile(climbed) if options.robust is None and not options.dispersion else None,
        deviance=2.0 * (saturated - fitted) * scale,
        null_deviance=2.0 * (saturated - at_null) * scale,
        dispersion=dispersion,
        means=means,
    )


def _convergence(solution: Solution) -> Convergence:
    steps = solution.maximum.iterations if solution.maximum else 0
    return Convergence(solution.converged, steps, solution.gradient_norm())


def _profile(climbed: _Climbed) -> GlmProfile:
    def uncentred() -> tuple[Problem, Solution]:
        again = _climb(climbed.plain.uncentred(), climbed.size, climbed.firth, climbed.scale)
        return again.problem, again.solution

    return GlmProfile(climbed.problem, climbed.solution, uncentred, climbed.plain.likelihood.shift, climbed.scale)


def _covariance(climbed: _Climbed, given: GlmInput, options: GlmOptions) -> np.ndarray:
    """Inverse information of the kept terms, or the sandwich around the squared scores of rows or clusters."""
    bread = climbed.solution.kept_covariance()
    if options.robust is None or climbed.solution.maximum is None:
        return bread / climbed.scale
    if given.cluster is None:
        return _by_row(climbed, options.robust, bread)
    return _by_cluster(climbed, options.robust, bread, given.cluster)


def _by_row(climbed: _Climbed, kind: str, bread: np.ndarray) -> np.ndarray:
    """As R's `sandwich::vcovHC`: squared residuals, divided by 1 - leverage once (HC2) or twice (HC3)."""
    solution, kept = climbed.solution, climbed.solution.kept
    likelihood = solution.limit.likelihood
    beta = climbed.maximum_of_all_terms()
    factor = np.ones(len(likelihood.y))
    if kind in (HC2, HC3):
        inverse = np.zeros((len(beta),) * 2)
        inverse[np.ix_(kept, kept)] = bread
        free = 1.0 - leverages(likelihood, likelihood.means(beta), inverse)
        factor = np.divide(1.0, free ** (1 if kind == HC2 else 2), out=np.full(len(free), np.nan), where=free > 0.0)
    meat = squared_scores(likelihood, beta, factor)[np.ix_(kept, kept)]
    n, k = len(climbed.plain.at), len(kept)
    return (bread @ meat @ bread) * (1.0 if kind != HC1 else n / (n - k) if n > k else math.nan)


def _by_cluster(climbed: _Climbed, kind: str, bread: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    solution, kept = climbed.solution, climbed.solution.kept
    limit, present = solution.limit, cluster[climbed.plain.at]
    beta = climbed.maximum_of_all_terms()
    scores = scores_by_cluster(limit.likelihood, beta, cluster[limit.at], int(cluster.max()) + 1)[:, kept]
    change = scores @ bread
    factor = _small_sample(kind, len(present), len(kept), int(np.count_nonzero(np.bincount(present))))
    return factor * (change.T @ change)


def _small_sample(kind: str, n: int, k: int, groups: int) -> float:
    """The factor of R's `sandwich::vcovCL`: G / (G - 1), for HC1 also (n - 1) / (n - k); CR0 is without a factor."""
    if kind == CR0:
        return 1.0
    if groups < 2:
        return math.nan
    by_group = groups / (groups - 1)
    if kind == HC0:
        return by_group
    return by_group * (n - 1) / (n - k) if n > k else math.nan


def _variance_in_words(given: GlmInput, options: GlmOptions) -> str:
    if options.dispersion:
        return "quasi-Poisson"
    if options.robust is None:
        return "inverse Fisher information" if options.firth else "model-based"
    return f"{'robust' if given.cluster is None else 'cluster-robust'} ({options.robust})"


def _model(given: GlmInput, options: GlmOptions) -> str:
    return given.wording.model + (", Firth's bias reduction" if options.firth else "")


def _unanswered(given: GlmInput, options: GlmOptions, reason: Reason) -> GlmFit:
    q = len(given.terms)
    used = given.rows.weight > 0.0 if len(given.rows.weight) else np.ones(len(given.rows.y), np.bool_)
    return GlmFit(
        model=_model(given, options),
        measure=given.wording.measure,
        direction=f"{given.wording.direction}: {given.columns.direction}",
        terms=given.terms,
        coefficients=np.full(q, np.nan),
        covariance=np.full((q, q), np.nan),
        reasons=(reason,) * q,
        log_likelihood=0.0,
        log_likelihood_null=0.0,
        rank=0,
        intercept=True,
        rows=int(np.count_nonzero(used)),
        events=int(given.rows.y[used].sum()),
        persons=given.persons,
        convergence=Convergence(True, 0, 0.0),
        conf_level=float(options.conf_level),
        variance=_variance_in_words(given, options),
        frame_kind=given.frame_kind,
        deviance=0.0,
        null_deviance=0.0,
        means=None,
    )
