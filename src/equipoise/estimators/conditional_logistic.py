"""Conditional logistic regression of matched sets: `fit_conditional_logistic`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import Convergence, Fit, check_conf_level
from equipoise.estimators.matched_problem import MatchedProblem, MatchedRows, matched_problem
from equipoise.estimators.maximum_likelihood import Solution, solve
from equipoise.estimators.model_frame import ModelFrame, as_table, magnitudes, model_frame
from equipoise.estimators.profile import LikelihoodProfile
from equipoise.estimators.table import Table, as_cases, codes_of, is_array
from equipoise.kernels.conditional_logistic import BRESLOW, EFRON, EXACT
from equipoise.kernels.conditional_scores import scores_by_cluster

TIES = {
    EXACT: "exact conditional likelihood",
    EFRON: "Efron's approximation for several cases a set",
    BRESLOW: "Breslow's approximation for several cases a set",
}
MEASURE = "log odds ratio"
NO_OFFSET = np.empty(0)


@dataclass(frozen=True, slots=True)
class _Input:
    """What was given, as arrays: the model's columns, the rows, and what the fit reports of the data."""

    columns: ModelFrame
    rows: MatchedRows
    persons: int | None
    frame_kind: str


def fit_conditional_logistic(
    data: Any,
    *,
    case: str | np.ndarray | None = None,
    matched_set: str | np.ndarray | None = None,
    covariates: Sequence[str] | str | None = None,
    ties: str = EXACT,
    cluster: str | np.ndarray | None = None,
    conf_level: float = 0.95,
    interactions: Sequence[tuple[str, str]] = (),
) -> Fit:
    """Log odds ratios from matched sets of cases and controls, by maximum conditional likelihood.

    data         an AnalysisSet (cases from `event`, sets from `stratum`, its offset enters the model); a pandas, Polars
                 or Arrow frame, or a mapping of names to arrays, with names of columns or arrays of length n; or a
                 matrix (n, p) with arrays
    case         1 or true for a case, 0 or false for a control
    matched_set  whatever tells sets apart; rows in any order
    covariates   names of columns (all columns of an AnalysisSet or matrix by default), or for data frames a formula's
                 right-hand side; strings, categories and Booleans are compared with their first level
    ties         several cases in a set: "exact", or the approximations "efron" and "breslow" as in R's coxph
    cluster      whose rows are dependent, with whole sets in a cluster: a column or an array; the robust variance, as
                 R's coxph sums the contributions of rows. Where a set is split over clusters (by "person", say, of
                 an AnalysisSet) its rows count as independent, which given its case they are not: standard errors come
                 out too small. Not defined for the exact likelihood with several cases in a set
    interactions pairs of covariates whose products enter the model

    Sets without a case, without a control or without variation add nothing to the exact likelihood; `Fit` counts the
    informative ones. A term that is infinite by separation, constant within sets or a combination of others is nan
    with a reason, and the others are estimated all the same.

    Raises DesignError for columns that are absent or hold missing values, for a case indicator other than 0 and 1;
    UnsupportedError for weights other than 1 and for the exact likelihood clustered with several cases in a set.

    Source: Breslow, Day: Statistical Methods in Cancer Research I (1980), chapter 7; Gail et al., Biometrika 1981.

    Example:
        >>> import pandas as pd
        >>> from equipoise import fit_conditional_logistic
        >>> pairs = pd.DataFrame({"set": [1, 1, 2, 2, 3, 3], "case": [1, 0] * 3, "exposed": [1, 0, 1, 0, 0, 1]})
        >>> fit = fit_conditional_logistic(pairs, case="case", matched_set="set", covariates=["exposed"])
        >>> float(fit.coefficients[0].round(6))  # two discordant pairs against one: the log of 2
        0.693147
    """
    if ties not in TIES:
        raise UnsupportedError(Fault("ties", repr(ties), ", ".join(TIES)))
    check_conf_level(conf_level)
    given = _read(data, case, matched_set, covariates, cluster, interactions)
    problem = matched_problem(given.rows, ties) if len(given.rows.case) else None
    if problem is None:
        return _unanswered(given, None, Reason.NO_CASES, ties, conf_level)
    informative = problem.informative()
    if not informative.any():
        return _unanswered(given, problem, _no_answer(problem), ties, conf_level)
    if cluster is not None and ties == EXACT and (problem.counts.n_cases[informative] > 1).any():
        raise UnsupportedError(
            Fault("cluster", "exact likelihood with several cases in a set", "one case a set", "ties='efron'")
        )
    solution = solve(problem, magnitudes(problem.x, given.columns.terms))
    return _fit(given, problem, solution, informative, ties, conf_level)


def _fit(
    given: _Input, problem: MatchedProblem, solution: Solution, informative: np.ndarray, ties: str, conf_level: float
) -> Fit:
    terms = given.columns.terms
    aliases = {terms[j]: tuple(terms[k] for k in others) for j, others in solution.identified.aliases.items()}
    return Fit(
        model=f"Conditional logistic regression, {TIES[ties]}",
        measure=MEASURE,
        direction=f"of being a case: {given.columns.direction}",
        terms=terms,
        coefficients=solution.coefficients,
        covariance=solution.spread(_covariance(solution)),
        reasons=solution.reasons,
        log_likelihood=solution.log_likelihood,
        log_likelihood_null=solution.null.log_likelihood,
        score_statistic=solution.score_statistic(),
        rank=len(solution.identified.kept),
        rows=len(problem.case),
        events=int(problem.counts.n_cases.sum()),
        persons=given.persons,
        strata=len(informative),
        informative_strata=int(np.count_nonzero(informative)),
        strata_name="matched sets",
        convergence=Convergence(
            solution.converged, solution.maximum.iterations if solution.maximum else 0, solution.gradient_norm()
        ),
        conf_level=float(conf_level),
        variance="model-based" if problem.cluster is None else "cluster-robust",
        aliases=aliases,
        frame_kind=given.frame_kind,
        profile=LikelihoodProfile(problem, solution),
    )


def _covariance(solution: Solution) -> np.ndarray:
    """Inverse information of the kept terms, or with clusters the sandwich of squared sums of dfbeta."""
    model_based = solution.kept_covariance()
    limit = solution.limit
    if limit.cluster is None or solution.maximum is None:
        return model_based
    beta = np.zeros(limit.x.shape[1])
    beta[solution.kept] = solution.maximum.beta
    names, code = np.unique(limit.cluster, return_inverse=True)
    scores = scores_by_cluster(limit.likelihood, beta, code.astype(np.int64), len(names))
    change = scores[:, solution.kept] @ model_based
    return change.T @ change


def _no_answer(problem: MatchedProblem) -> Reason:
    cases = int(problem.counts.n_cases.sum())
    if cases == 0:
        return Reason.NO_CASES
    return Reason.NO_INFORMATIVE_SETS if problem.counts.complete.any() else Reason.NO_CONTROLS


def _unanswered(given: _Input, problem: MatchedProblem | None, reason: Reason, ties: str, conf_level: float) -> Fit:
    """The fit of data without an informative set: every term absent for one reason."""
    p = len(given.columns.terms)
    constant = problem.evaluate(np.zeros(p)).log_likelihood if problem else 0.0
    return Fit(
        model=f"Conditional logistic regression, {TIES[ties]}",
        measure=MEASURE,
        direction=f"of being a case: {given.columns.direction}",
        terms=given.columns.terms,
        coefficients=np.full(p, np.nan),
        covariance=np.full((p, p), np.nan),
        reasons=(reason,) * p,
        log_likelihood=constant,
        log_likelihood_null=constant,
        rank=0,
        rows=len(given.rows.case),
        events=int(given.rows.case.sum(dtype=np.int64)),
        persons=given.persons,
        strata=len(problem.counts.n_cases) if problem else 0,
        informative_strata=0,
        strata_name="matched sets",
        convergence=Convergence(True, 0, 0.0),
        conf_level=float(conf_level),
        frame_kind=given.frame_kind,
    )


def _read(
    data: Any,
    case: str | np.ndarray | None,
    matched_set: str | np.ndarray | None,
    covariates: Sequence[str] | str | None,
    cluster: str | np.ndarray | None,
    interactions: Sequence[tuple[str, str]],
) -> _Input:
    if isinstance(data, AnalysisSet):
        return _from_analysis_set(data, case, matched_set, covariates, cluster, interactions)
    missing = [name for name, value in (("case", case), ("matched_set", matched_set)) if value is None]
    if missing:
        raise DesignError(Fault(name, "not given", "a column, or an array beside a matrix") for name in missing)
    table = as_table(data)
    if table is not None:
        return _from_table(table, case, matched_set, covariates, cluster, interactions)
    if isinstance(data, np.ndarray) and data.ndim == 2 and data.dtype.kind in "biuf":
        return _from_arrays(data, case, matched_set, covariates, cluster, interactions)
    kinds = "an AnalysisSet, a pandas, Polars or Arrow frame, a mapping of names to arrays, or a numeric matrix"
    raise DesignError(Fault("data", f"a {type(data).__name__}", kinds))


def _from_analysis_set(
    data: AnalysisSet, case: Any, matched_set: Any, covariates: Any, cluster: Any, interactions: Any
) -> _Input:
    if data.stratum is None and matched_set is None:
        raise DesignError(Fault("AnalysisSet.stratum", "none", "matched sets", "give matched_set as an array"))
    if len(data) and not (data.weight == 1.0).all():
        raise UnsupportedError(Fault("AnalysisSet.weight", "weights other than 1", "unweighted matched sets"))
    n = len(data)
    by_name = {"person": data.person, "stratum": data.stratum}
    rows = MatchedRows(
        np.empty(0),
        as_cases(data.event if case is None else _vector(case, "case", n, {}), "event"),
        np.asarray(data.stratum, np.int64) if matched_set is None else _codes(matched_set, "matched_set", n, by_name),
        NO_OFFSET if data.offset is None else np.ascontiguousarray(data.offset, np.float64),
        None if cluster is None else _codes(cluster, "cluster", n, by_name),
    )
    columns = model_frame(data, covariates, interactions)
    return _input(columns, rows, _distinct(data.person), "pandas")


def _from_table(table: Table, case: Any, matched_set: Any, covariates: Any, cluster: Any, interactions: Any) -> _Input:
    n = len(table)

    def codes(values: Any, role: str) -> np.ndarray:
        return _codes(values, role, n, {}) if is_array(values) else table.codes(values)

    rows = MatchedRows(
        np.empty(0),
        as_cases(_vector(case, "case", n, {}), "case") if is_array(case) else table.cases(case),
        codes(matched_set, "matched_set"),
        NO_OFFSET,
        None if cluster is None else codes(cluster, "cluster"),
    )
    return _input(model_frame(table, covariates, interactions), rows, None, table.kind)


def _from_arrays(
    data: np.ndarray, case: Any, matched_set: Any, covariates: Any, cluster: Any, interactions: Any
) -> _Input:
    n = len(data)
    rows = MatchedRows(
        np.empty(0),
        as_cases(_vector(case, "case", n, {}), "case"),
        _codes(matched_set, "matched_set", n, {}),
        NO_OFFSET,
        None if cluster is None else _codes(cluster, "cluster", n, {}),
    )
    return _input(model_frame(data, covariates, interactions), rows, None, "pandas")


def _input(columns: ModelFrame, rows: MatchedRows, persons: int | None, frame_kind: str) -> _Input:
    complete = MatchedRows(columns.x, rows.case, rows.matched_set, rows.offset, rows.cluster)
    return _Input(columns, complete, persons, frame_kind)


def _vector(values: Any, role: str, n: int, by_name: dict[str, np.ndarray | None]) -> np.ndarray:
    if isinstance(values, str):
        if by_name.get(values) is None:
            raise DesignError(Fault(role, repr(values), ", ".join(by_name) or "an array"))
        return by_name[values]
    vector = np.asarray(values)
    if vector.shape != (n,):
        raise DesignError(Fault(role, f"shape {vector.shape}", f"shape {(n,)}, one value a row"))
    return vector


def _codes(values: Any, role: str, n: int, by_name: dict[str, np.ndarray | None]) -> np.ndarray:
    vector = _vector(values, role, n, by_name)
    if missing := _missing(vector):
        raise DesignError(Fault(role, f"{missing:,} missing values in {n:,} rows", "a value in every row"))
    return vector.astype(np.int64, copy=False) if vector.dtype.kind in "bi" else codes_of(vector.tolist())


def _missing(vector: np.ndarray) -> int:
    """Values that tell nothing apart: NaN, NaT, None."""
    if vector.dtype.kind in "fmM":
        return int(np.count_nonzero(np.isnan(vector) if vector.dtype.kind == "f" else np.isnat(vector)))
    if vector.dtype.kind != "O":
        return 0
    return sum(map(_is_missing, vector.tolist()))


def _is_missing(value: Any) -> bool:
    """None, NaN, which is not equal to itself, or pandas's NA, which does not even say whether it is."""
    equal = value == value
    return value is None or not isinstance(equal, bool | np.bool_) or not equal


def _distinct(code: np.ndarray) -> int:
    """How many different codes from 0 there are, without sorting them."""
    if not len(code):
        return 0
    seen = np.zeros(int(code.max()) + 1, np.bool_)
    seen[code] = True
    return int(np.count_nonzero(seen))
