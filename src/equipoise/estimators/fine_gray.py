"""Regression of the subdistribution hazard: `fit_fine_gray`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fine_gray_fit import FineGrayFit
from equipoise.estimators.fine_gray_problem import (
    CAUSE,
    CENSORED,
    OTHER,
    FineGrayProblem,
    FineGrayRows,
    fine_gray_problem,
)
from equipoise.estimators.fit import Convergence, check_conf_level
from equipoise.estimators.identification import CONSTANT
from equipoise.estimators.maximum_likelihood import Solution, solve
from equipoise.estimators.model_frame import ModelFrame, model_frame
from equipoise.estimators.survival_curve_rows import SurvivalRows, read_rows, survival_table
from equipoise.kernels.fine_gray import BRESLOW, EFRON
from equipoise.kernels.fine_gray_censoring import CRR, FINEGRAY, censoring
from equipoise.kernels.fine_gray_scores import censoring_residuals, score_residuals, squared_pieces

MEASURE = "log subdistribution hazard ratio"
TIES = {CRR: (BRESLOW,), FINEGRAY: (EFRON, BRESLOW)}


def fit_fine_gray(
    data: Any,
    *,
    time: str | None = None,
    event: str | None = None,
    cause: int = 1,
    covariates: Sequence[str] | str | None = None,
    convention: str = CRR,
    start: str | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    censoring_by: str | Sequence[str] | None = None,
    ties: str | None = None,
    robust: bool = True,
    conf_level: float = 0.95,
) -> FineGrayFit:
    """Log subdistribution hazard ratios of one cause of failure beside others.

    data         a pandas, Polars or Arrow frame or a mapping of names to arrays, one row a person; or an AnalysisSet
    time, event  when follow-up ended; 0 for censored, 1, 2, … for the cause of failure
    cause        the cause in question; persons who fail from another stay at risk with a falling weight
    covariates   names of columns, or for data frames a formula's right-hand side
    convention   "crr": Breslow's ties, censoring probabilities as an ordinary Kaplan-Meier estimate, and a variance
                 that counts their uncertainty, as in R's cmprsk. "finegray": Efron's ties, failures before censoring
                 at the same time, a variance that takes the weights as known, as survival's finegray with coxph;
                 without `cluster` every piece of a person between two changes of weight is a cluster, as there
    start, weights  only for "finegray": late entry, and weights of persons (which do not enter the weights for
                 censoring)
    cluster      persons or families whose rows are dependent
    censoring_by groups with censoring distributions of their own, as cmprsk's cengroup; only for "crr"
    ties         "breslow" or "efron" (only "finegray")
    robust       False gives the inverse information, which takes rows that stay at risk with a weight for observed ones

    A coefficient says in which direction a covariate moves the cumulative incidence, not the rate of failure. The
    log-likelihood is a weighted one: its ratio test is a rough guide, and profile limits are not offered.

    Raises DesignError for columns that are absent or hold missing or infinite values, rows that do not start before
    they stop, and late entry that leaves nobody under observation for a while; UnsupportedError for start, weights or
    Efron's ties with "crr", for censoring_by with "finegray", and for persons with several rows in an AnalysisSet.

    Source: Fine, Gray, JASA 1999;94:496; Geskus, Biometrics 2011;67:39.

    Example:
        >>> from equipoise import fit_fine_gray
        >>> rows = {"month": [1, 2, 3, 4, 5, 6], "cause": [1, 2, 1, 0, 2, 1], "x": [1.0, 0.5, 1.5, 0.0, 1.0, 0.0]}
        >>> fit = fit_fine_gray(rows, time="month", event="cause", cause=1, covariates=["x"])
        >>> float(fit.coefficients[0].round(4))
        0.892
    """
    if convention not in TIES:
        raise UnsupportedError(Fault("convention", repr(convention), ", ".join(TIES)))
    ties = TIES[convention][0] if ties is None else ties
    rows = read_rows(
        data, time=time, event=event, start=start, by=censoring_by, weights=weights, cluster=cluster, causes=True
    )
    _check(data, rows, convention, ties, robust, cause)
    columns = _columns(data, covariates, rows)
    level = check_conf_level(conf_level)
    if not (rows.event == cause).any():
        return _without_events(columns, rows, convention, ties, cause, level)
    problem = fine_gray_problem(_model_rows(rows, columns, cause, convention, ties))
    solution = solve(problem, problem.sizes(CONSTANT))
    naive = solution.spread(solution.kept_covariance())
    covariance = solution.spread(_robust(rows, solution, convention)) if robust else naive
    terms = columns.terms
    return FineGrayFit(
        **_whole(columns, rows, convention, ties, cause, level),
        coefficients=solution.coefficients,
        covariance=covariance,
        naive_covariance=naive,
        reasons=solution.reasons,
        aliases={terms[j]: tuple(terms[k] for k in ks) for j, ks in solution.identified.aliases.items()},
        log_likelihood=solution.log_likelihood,
        log_likelihood_null=solution.null.log_likelihood,
        score_statistic=solution.score_statistic(),
        rank=len(solution.identified.kept),
        convergence=Convergence(
            solution.converged, solution.maximum.iterations if solution.maximum else 0, solution.gradient_norm()
        ),
        variance=_variance_in_words(rows, convention, robust),
        problem=problem,
    )


def _check(data: Any, rows: SurvivalRows, convention: str, ties: str, robust: bool, cause: int) -> None:
    faults = []
    if ties not in TIES[convention]:
        faults.append(Fault("ties", f"{ties!r} with convention {convention!r}", ", ".join(TIES[convention])))
    if convention == CRR and len(rows.weight):
        faults.append(Fault("weights", "given with convention 'crr'", "none", "convention='finegray'"))
    if convention == CRR and len(rows.grid.start):
        faults.append(Fault("start", "given with convention 'crr'", "none", "convention='finegray'"))
    if convention == FINEGRAY and len(rows.labels) > 1:
        faults.append(Fault("censoring_by", "given with convention 'finegray'", "none", "convention='crr'"))
    if rows.cluster is not None and not robust:
        faults.append(Fault("cluster", "given with robust=False", "robust=True", "leave one of them out"))
    if isinstance(data, AnalysisSet) and data.n_persons < len(data):
        faults.append(Fault("AnalysisSet.person", "persons with several rows", "one row a person"))
    if faults:
        raise UnsupportedError(faults)
    if isinstance(cause, bool) or not isinstance(cause, int | np.integer) or cause < 1:
        raise DesignError(Fault("cause", repr(cause), "1, 2, … as in the event column"))


def _columns(data: Any, covariates: Sequence[str] | str | None, rows: SurvivalRows) -> ModelFrame:
    frame = model_frame(data if isinstance(data, AnalysisSet) else survival_table(data), covariates)
    return frame if rows.kept is None else ModelFrame(frame.x[rows.kept], frame.terms, frame.references)


def _model_rows(rows: SurvivalRows, columns: ModelFrame, cause: int, convention: str, ties: str) -> FineGrayRows:
    n, grid = len(rows), rows.grid
    group = rows.group if len(rows.group) else np.zeros(n, np.int32)
    censored = censoring(grid.stop, grid.start, rows.event, group, len(rows.labels), len(grid.times), convention)
    if censored.gap:
        raise DesignError(Fault("start", "nobody is under observation between some entries", "follow-up without gaps"))
    return FineGrayRows(
        columns.x,
        rows.weight if len(rows.weight) else np.ones(n),
        np.select([rows.event == 0, rows.event == cause], [CENSORED, CAUSE], OTHER).astype(np.uint8),
        grid.stop,
        grid.start,
        np.zeros(n, np.int64),
        group,
        censored,
        ties,
    )


def _robust(rows: SurvivalRows, solution: Solution, convention: str) -> np.ndarray:
    """The sandwich of the kept terms.

    Of score residuals of persons with what estimating the censoring weights adds ("crr"); of the pieces of persons
    between which their weights change ("finegray"), or of clusters.
    """
    inverse = solution.kept_covariance()
    if solution.maximum is None:
        return inverse
    problem: FineGrayProblem = solution.limit
    beta = np.zeros(problem.likelihood.x.shape[1])
    beta[solution.kept] = solution.maximum.beta
    steps = problem.likelihood.step_terms(beta)
    one, likelihood, times = problem.rows, problem.likelihood, problem.time_places
    if convention == FINEGRAY and rows.cluster is None:
        squares = squared_pieces(likelihood, steps, one.censored, one.stop, times)
        return inverse @ squares[np.ix_(solution.kept, solution.kept)] @ inverse
    scores = score_residuals(likelihood, steps)
    if convention == CRR:
        is_censored = one.event == CENSORED
        scores += censoring_residuals(likelihood, steps, one.censored, one.stop, is_censored, one.group, times)
    if rows.cluster is not None:
        code = rows.cluster[problem.place]
        scores = np.column_stack([np.bincount(code, column) for column in scores.T])
    change = scores[:, solution.kept] @ inverse
    return change.T @ change


def _whole(
    columns: ModelFrame, rows: SurvivalRows, convention: str, ties: str, cause: int, level: float
) -> dict[str, Any]:
    """What every fit states of its data."""
    return {
        "model": f"Fine-Gray model of cause {cause}, convention {convention}, {ties.capitalize()}'s ties",
        "measure": MEASURE,
        "direction": f"of cause {cause}: {columns.direction}",
        "terms": columns.terms,
        "rows": len(rows),
        "events": int(np.count_nonzero(rows.event == cause)),
        "competing_events": int(np.count_nonzero((rows.event != 0) & (rows.event != cause))),
        "conf_level": level,
        "frame_kind": rows.kind,
        "cause": int(cause),
        "convention": convention,
        "times": rows.grid.times,
        "columns": columns,
    }


def _without_events(
    columns: ModelFrame, rows: SurvivalRows, convention: str, ties: str, cause: int, level: float
) -> FineGrayFit:
    p = len(columns.terms)
    unknown = np.full((p, p), np.nan)
    return FineGrayFit(
        **_whole(columns, rows, convention, ties, cause, level),
        coefficients=np.full(p, np.nan),
        covariance=unknown,
        naive_covariance=unknown,
        reasons=(Reason.NO_EVENTS,) * p,
        log_likelihood=0.0,
        log_likelihood_null=0.0,
        rank=0,
        convergence=Convergence(True, 0, 0.0),
        score_statistic=math.nan,
        problem=None,
    )


def _variance_in_words(rows: SurvivalRows, convention: str, robust: bool) -> str:
    if not robust:
        return "model-based"
    kind = "robust" if rows.cluster is None else "cluster-robust"
    return f"{kind} (censoring weights estimated)" if convention == CRR else f"{kind} (censoring weights as known)"
