"""Conditional Poisson regression, the self-controlled case series: `fit_conditional_poisson`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason
from equipoise.estimators.case_series_problem import CaseSeriesProblem, CaseSeriesRows, case_series_problem
from equipoise.estimators.count_rows import Source, source, spread, weight_scale
from equipoise.estimators.fit import Convergence, Fit, check_conf_level
from equipoise.estimators.logistic import read_weights
from equipoise.estimators.maximum_likelihood import Solution, solve
from equipoise.estimators.model_frame import ModelFrame, magnitudes
from equipoise.estimators.poisson import read_counts, read_exposure
from equipoise.estimators.profile import LikelihoodProfile
from equipoise.kernels.conditional_poisson import scores_by_person

MODEL = "Conditional Poisson regression (self-controlled case series)"
MEASURE = "log rate ratio"


@dataclass(frozen=True, slots=True)
class _Input:
    """What was given, as arrays. `cluster` are codes (n,) or None; counts and offset carry the weights over `scale`."""

    columns: ModelFrame
    rows: CaseSeriesRows
    cluster: np.ndarray | None
    events: int
    frame_kind: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class _Profile:
    """Profile limits of a log-likelihood that was divided by `scale`."""

    whole: LikelihoodProfile
    scale: float

    def interval(self, term: int, drop: float) -> tuple[float, float]:
        """Limits between which the log-likelihood lies within `drop` of its supremum."""
        return self.whole.interval(term, drop / self.scale)


def fit_conditional_poisson(
    data: Any,
    *,
    outcome: str | np.ndarray | None = None,
    person: str | np.ndarray | None = None,
    covariates: Sequence[str] | str | None = None,
    person_time: str | np.ndarray | None = None,
    offset: str | np.ndarray | None = None,
    weights: str | np.ndarray | None = None,
    cluster: str | np.ndarray | None = None,
    robust: bool | None = None,
    interactions: Sequence[tuple[str, str]] = (),
    conf_level: float = 0.95,
) -> Fit:
    """Log rate ratios within persons, each person's own level being conditioned out.

    data         one row an interval in which nothing changes: a pandas, Polars or Arrow frame with names of columns, a
                 dict of arrays, a matrix with arrays, or an AnalysisSet (its events, strata or else persons, weights,
                 and its offset or else days of follow-up)
    outcome      number of events in the interval
    person       whatever tells persons (or other strata) apart; rows in any order
    covariates   names of columns, or for data frames a formula's right-hand side
    person_time  length of the interval, more than zero; days are counted at both ends in a case series
    offset       the same as a logarithm
    weights      zero or more, as in a Poisson model with a level for each person; zero leaves the row out
    cluster      families or other groups of whole persons whose events are dependent; gives the robust variance
    robust       the sandwich variance by cluster, or else by person, without small-sample factor; by default where a
                 cluster is named

    Persons without events, or whose rows do not differ, add nothing; `Fit` counts the informative ones. The estimates
    are those of a Poisson model with a level for each person (R: gnm with `eliminate`), and, where nobody has two
    events, of exact conditional logistic regression with an offset. The log-likelihood leaves out the multinomial
    coefficients. Terms that are infinite, constant within persons or combinations of others are nan with a reason.

    Raises DesignError for columns that are absent or hold missing or infinite values, counts that are negative or not
    whole, person-time that is not positive, clusters that divide a person.

    Source: Farrington, Biometrics 1995;51:228; Whitaker et al., Statistics in Medicine 2006;25:1768.

    Example:
        >>> import pandas as pd
        >>> from equipoise import fit_conditional_poisson
        >>> series = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3], "days": [20, 80] * 3, "risk": [1, 0] * 3})
        >>> events = [1, 0, 1, 0, 0, 1]
        >>> fit = fit_conditional_poisson(series, outcome=events, person="id", covariates=["risk"], person_time="days")
        >>> round(fit.estimate("risk", exponentiate=True).estimate, 6)  # 2 events in 20 days of risk, 1 in 80 without
        8.0
    """
    check_conf_level(conf_level)
    if robust is False and cluster is not None:
        raise DesignError(Fault("robust", "False beside a cluster", "True", "leave the cluster out"))
    rows = source(data)
    given = _read(rows, outcome, person, covariates, person_time, offset, weights, cluster, interactions)
    if not given.rows.y.any():
        return _unanswered(given, conf_level)
    problem = case_series_problem(given.rows)
    solution = solve(problem, magnitudes(problem.likelihood.x, given.columns.terms))
    clustered = cluster is not None or bool(robust)
    return _fit(given, problem, solution, clustered, conf_level)


def _fit(given: _Input, problem: CaseSeriesProblem, solution: Solution, robust: bool, conf_level: float) -> Fit:
    terms, informative = given.columns.terms, problem.informative()
    clusters = None if given.cluster is None else _clusters_of_persons(given)
    covariance = _sandwich(solution, clusters) if robust else solution.kept_covariance() / given.scale
    return Fit(
        model=MODEL,
        measure=MEASURE,
        direction=f"within persons: {given.columns.direction}",
        terms=terms,
        coefficients=solution.coefficients if informative.any() else np.full(len(terms), np.nan),
        covariance=solution.spread(covariance),
        reasons=solution.reasons if informative.any() else (Reason.NO_INFORMATIVE_SETS,) * len(terms),
        aliases={terms[j]: tuple(terms[k] for k in ks) for j, ks in solution.identified.aliases.items()},
        log_likelihood=solution.log_likelihood * given.scale,
        log_likelihood_null=solution.null.log_likelihood * given.scale,
        score_statistic=solution.score_statistic() * given.scale,
        rank=len(solution.identified.kept),
        rows=len(given.rows.y),
        events=given.events,
        strata=len(informative),
        informative_strata=int(np.count_nonzero(informative)),
        strata_name="persons",
        convergence=Convergence(
            solution.converged, solution.maximum.iterations if solution.maximum else 0, solution.gradient_norm()
        ),
        conf_level=float(conf_level),
        variance=_words(robust, given.cluster),
        frame_kind=given.frame_kind,
        profile=None if robust else _Profile(LikelihoodProfile(problem, solution), given.scale),
    )


def _words(robust: bool, cluster: np.ndarray | None) -> str:
    if not robust:
        return "model-based"
    return "robust, by person" if cluster is None else "cluster-robust"


def _sandwich(solution: Solution, clusters: "_Clusters | None") -> np.ndarray:
    """Squared scores of persons, or of clusters of persons, between inverse informations of the kept terms."""
    bread = solution.kept_covariance()
    if solution.maximum is None:
        return bread
    limit: CaseSeriesProblem = solution.limit
    beta = np.zeros(len(solution.null.score))
    beta[solution.kept] = solution.maximum.beta
    change = scores_by_person(limit.likelihood, beta)[:, solution.kept] @ bread
    if clusters is not None:
        group = clusters.of(limit.code[limit.counted])
        summed = np.zeros((int(group.max(initial=-1)) + 1, change.shape[1]))
        np.add.at(summed, group, change)
        change = summed
    return change.T @ change


@dataclass(frozen=True, slots=True)
class _Clusters:
    """The codes of persons, sorted, and the cluster of each, from 0."""

    person: np.ndarray
    cluster: np.ndarray

    def of(self, persons: np.ndarray) -> np.ndarray:
        """The clusters of some persons (m,)."""
        return self.cluster[np.searchsorted(self.person, persons)]


def _clusters_of_persons(given: _Input) -> _Clusters:
    """The cluster of each person; one that divides a person is refused."""
    person, first, at = np.unique(given.rows.person, return_index=True, return_inverse=True)
    cluster = spread(given.cluster[first])
    whole = given.cluster == given.cluster[first][at]
    if not whole.all():
        divided = len(np.unique(at[~whole]))
        raise DesignError(Fault("cluster", f"divides {divided:,} persons", "groups of whole persons"))
    return _Clusters(person, cluster)


def _unanswered(given: _Input, conf_level: float) -> Fit:
    p = len(given.columns.terms)
    return Fit(
        model=MODEL,
        measure=MEASURE,
        direction=f"within persons: {given.columns.direction}",
        terms=given.columns.terms,
        coefficients=np.full(p, np.nan),
        covariance=np.full((p, p), np.nan),
        reasons=(Reason.NO_EVENTS,) * p,
        log_likelihood=0.0,
        log_likelihood_null=0.0,
        rank=0,
        rows=len(given.rows.y),
        events=0,
        strata=len(np.unique(given.rows.person)),
        informative_strata=0,
        strata_name="persons",
        convergence=Convergence(True, 0, 0.0),
        conf_level=float(conf_level),
        frame_kind=given.frame_kind,
    )


def _read(
    rows: Source,
    outcome: Any,
    person: Any,
    covariates: Any,
    person_time: Any,
    offset: Any,
    weights: Any,
    cluster: Any,
    interactions: Sequence[tuple[str, str]],
) -> _Input:
    own = rows.analysis_set
    if person is None and own is not None:
        person = own.person if own.stratum is None else own.stratum
    columns = rows.columns(covariates, interactions)
    y = read_counts(rows, outcome)
    eta = read_exposure(rows, person_time, offset)
    weight = read_weights(rows, weights)
    code = rows.codes(person, "person")
    group = None if cluster is None else rows.codes(cluster, "cluster")
    if not len(weight):
        return _Input(columns, CaseSeriesRows(columns.x, y, eta, code), group, int(y.sum()), rows.frame_kind)
    used = weight > 0.0
    scale = weight_scale(weight)
    log_weight = np.log(weight[used])
    shares = eta[used] + log_weight if len(eta) else log_weight
    weighted = CaseSeriesRows(columns.x[used], (weight * y)[used] / scale, shares, code[used])
    members = None if group is None else group[used]
    return _Input(columns, weighted, members, int(y[used].sum()), rows.frame_kind, scale)
