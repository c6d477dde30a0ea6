"""The Cox model: `fit_cox`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from equipoise.errors import Fault, Reason, UnsupportedError
from equipoise.estimators.cox_fit import CoxFit
from equipoise.estimators.cox_penalised import Penalty, penalised_parts
from equipoise.estimators.cox_problem import CoxProblem, CoxProfile, cox_problem
from equipoise.estimators.cox_rows import CoxRows, read_cox_rows
from equipoise.estimators.fit import Convergence, check_conf_level
from equipoise.estimators.identification import CONSTANT
from equipoise.estimators.maximum_likelihood import Solution, solve
from equipoise.estimators.profile import LikelihoodProfile
from equipoise.kernels.conditional_logistic import EXACT
from equipoise.kernels.cox import BRESLOW, EFRON
from equipoise.kernels.cox_scores import scores_by_cluster

TIES = {EFRON: "Efron's ties", BRESLOW: "Breslow's ties", EXACT: "exact ties"}
MEASURE = "log hazard ratio"


def fit_cox(
    data: Any,
    *,
    time: str | None = None,
    event: str | None = None,
    covariates: Sequence[str] | str | None = None,
    start: str | None = None,
    strata: str | Sequence[str] | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    offset: str | None = None,
    ties: str = EFRON,
    robust: bool | None = None,
    conf_level: float = 0.95,
    ridge: float = 0.0,
    lasso: float = 0.0,
    penalty_factor: Sequence[float] | None = None,
) -> CoxFit:
    """Log hazard ratios by maximum partial likelihood.

    data        an AnalysisSet (which holds times, events, strata, weights, offsets and persons); a pandas, Polars or
                Arrow frame with names of columns; or a mapping of names to arrays of one length
    time        when follow-up ended, any real number; times equal within R's `timefix` tolerance are ties
    event       1 or true where it ended with the event
    covariates  names of columns, or for data frames a formula's right-hand side; strings, categories and Booleans are
                compared with their first level. For an AnalysisSet all columns by default
    start       when the row came under observation: at risk in (start, time]. Without it, from the beginning on, and a
                time of 0 is valid
    strata      columns whose combinations have baseline hazards of their own; for an AnalysisSet its stratum,
                unless () asks for none
    weights     zero or more; zero leaves a row out. They multiply the likelihood as in R: a weight of 2 is two rows for
                Breslow's ties, not for Efron's
    cluster     persons or families whose rows are dependent; gives the robust variance
    offset      a column added to the linear predictor with coefficient 1
    ties        "efron", "breslow" or "exact" (unweighted, without robust variance)
    robust      the sandwich variance of Lin and Wei; by default, as in R, where a cluster is named or weights are not
                whole numbers, and for an AnalysisSet, by person, also where a person has several events
    ridge, lasso  penalties: l(beta) - ridge/2 sum f_j beta_j^2 - lasso sum f_j |beta_j| is maximised, columns unscaled
    penalty_factor  f, one number of zero or more for each term, 1 by default

    Returns a `CoxFit`: tidy, glance, residuals, baseline_hazard, predict_survival, concordance, profile intervals. A
    term that is infinite by separation, constant within risk sets or a combination of others is nan with a reason, and
    the others are estimated all the same. With lasso there are no standard errors; with ridge the covariance is the
    inverse of the penalised information.

    Raises DesignError for columns that are absent or hold missing or infinite values, events other than 0 and 1,
    negative weights, rows that do not start before they stop, robust errors beside entry times without a cluster;
    UnsupportedError for exact ties with weights or robust variance, and for penalties with exact ties or robust.

    Source: Cox, JRSS B 1972;34:187; Efron, JASA 1977;72:557; Therneau, Grambsch: Modeling Survival Data (2000).

    Example:
        >>> import pandas as pd
        >>> from equipoise import fit_cox
        >>> trial = pd.DataFrame({"days": [9, 8, 1, 6, 1, 6], "died": [1, 0, 1, 1, 0, 1], "x": [0, 0, 1, 1, 1, 0]})
        >>> fit = fit_cox(trial, time="days", event="died", covariates=["x"], ties="breslow")
        >>> float(fit.coefficients[0].round(6))  # the root of r^2 - 3 r - 6 = 0, as a logarithm
        1.475285
    """
    if ties not in TIES:
        raise UnsupportedError(Fault("ties", repr(ties), ", ".join(TIES)))
    check_conf_level(conf_level)
    rows = read_cox_rows(
        data,
        time=time,
        event=event,
        covariates=covariates,
        start=start,
        strata=strata,
        weights=weights,
        cluster=cluster,
        offset=offset,
        robust=robust,
    )
    if ties == EXACT and rows.robust:
        raise UnsupportedError(Fault("robust", "exact ties", "Efron's or Breslow's ties", "ties='efron'"))
    penalty = Penalty(ridge, lasso, penalty_factor)
    penalty.check(len(rows.columns.terms), ties, rows.robust)
    if not (rows.event[rows.used] > 0).any():
        return _fit(rows, ties, conf_level, penalty, None, _without_events(len(rows.columns.terms)))
    problem = cox_problem(rows, ties)
    if penalty.present:
        return _fit(rows, ties, conf_level, penalty, problem, penalised_parts(problem, penalty))
    return _fit(rows, ties, conf_level, penalty, problem, _likelihood_parts(rows, problem))


def _fit(
    rows: CoxRows,
    ties: str,
    conf_level: float,
    penalty: Penalty,
    problem: CoxProblem | None,
    parts: dict[str, Any],
) -> CoxFit:
    """What every Cox fit states of its data, with the parts that come from its maximisation."""
    terms = rows.columns.terms
    stratified = len(rows.stratum) > 0
    informative = len(np.unique(rows.stratum[(rows.event > 0) & rows.used])) if stratified else None
    return CoxFit(
        model=f"Cox proportional hazards model, {TIES[ties]}{penalty.wording}",
        measure=MEASURE,
        direction=f"of the event: {rows.columns.direction}",
        terms=terms,
        rows=int(np.count_nonzero(rows.used)),
        events=int(rows.event[rows.used].sum()),
        persons=rows.persons,
        strata=len(rows.labels) if stratified else None,
        informative_strata=informative,
        conf_level=float(conf_level),
        frame_kind=rows.kind,
        ties=ties,
        ridge=float(penalty.ridge),
        lasso=float(penalty.lasso),
        data=rows,
        problem=problem,
        **{**parts, "aliases": {terms[j]: tuple(terms[k] for k in ks) for j, ks in parts.get("aliases", {}).items()}},
    )


def _likelihood_parts(rows: CoxRows, problem: CoxProblem) -> dict[str, Any]:
    solution, unit = solve(problem, problem.sizes(CONSTANT)), problem.unit
    model_based = solution.kept_covariance() / unit
    naive = solution.spread(model_based)
    covariance = solution.spread(_robust(rows, solution, model_based)) if rows.robust else naive
    return {
        "coefficients": solution.coefficients,
        "covariance": covariance,
        "naive_covariance": naive,
        "reasons": solution.reasons,
        "aliases": solution.identified.aliases,
        "log_likelihood": solution.log_likelihood * unit,
        "log_likelihood_null": solution.null.log_likelihood * unit,
        "score_statistic": solution.score_statistic() * unit,
        "rank": len(solution.identified.kept),
        "effective_df": float(len(solution.identified.kept)),
        "convergence": Convergence(
            solution.converged,
            solution.maximum.iterations if solution.maximum else 0,
            solution.gradient_norm() * math.sqrt(unit),
        ),
        "variance": _variance(rows),
        "profile": CoxProfile(LikelihoodProfile(problem, solution), unit),
    }


def _robust(rows: CoxRows, solution: Solution, model_based: np.ndarray) -> np.ndarray:
    """The sandwich: squared sums by cluster of dfbeta, of the kept terms."""
    if solution.maximum is None:
        return model_based
    likelihood = solution.limit.likelihood
    beta = np.zeros(likelihood.x.shape[1])
    beta[solution.kept] = solution.maximum.beta
    at = likelihood.rows_at(np.arange(len(likelihood.x)))
    code = at if rows.cluster is None else rows.cluster[at]
    n_clusters = len(rows) if rows.cluster is None else int(rows.cluster.max()) + 1
    scores = scores_by_cluster(likelihood, likelihood.hazard(beta), code.astype(np.int64), n_clusters)
    change = scores[:, solution.kept] @ model_based
    return change.T @ change


def _variance(rows: CoxRows) -> str:
    if not rows.robust:
        return "model-based"
    return "robust" if rows.cluster is None else "cluster-robust"


def _without_events(p: int) -> dict[str, Any]:
    unknown = np.full((p, p), np.nan)
    return {
        "coefficients": np.full(p, np.nan),
        "covariance": unknown,
        "naive_covariance": unknown,
        "reasons": (Reason.NO_EVENTS,) * p,
        "log_likelihood": 0.0,
        "log_likelihood_null": 0.0,
        "rank": 0,
        "effective_df": math.nan,
        "convergence": Convergence(True, 0, 0.0),
    }
