"""The step that asks whether an odds ratio differs between comparisons of the same cases."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.data.source import Source
from equipoise.errors import Reason
from equipoise.estimators.conditional_logistic import fit_conditional_logistic
from equipoise.runner.artifact import Artifact
from equipoise.runner.estimate import DEMOGRAPHICS, Model, adjustments, estimable, models, observable_rows
from equipoise.runner.heterogeneity import tested
from equipoise.runner.missing_values import complete_rows
from equipoise.runner.packing import unpack_analysis_set

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
EVERY = "every"
SINGULAR = 1e-10  # a difference whose variance is less than this share of the estimates' own has none


def contrasts(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """One Wald test for each estimate over all comparisons.

    The comparisons share their cases, so their estimates are dependent. All sets are fitted together, each comparison
    with coefficients of its own, with a covariance clustered by case (Lin and Wei, JASA 1989;84:1074).
    """
    people = [unpack_analysis_set(made) for made in inputs.values()]
    leave_out = subset["design"]["unobservable"] == "leave_out"
    by_term = [{model.reported.name: model for model in models(each, leave_out)} for each in people]
    shared = [name for name in by_term[0] if all(name in known for known in by_term)] if by_term else []
    rows = [
        _row(people, [known[name] for known in by_term], label, chosen, subset)
        for name in shared
        for label, chosen in _adjustments(people, subset)
    ]
    return Artifact({}, {"heterogeneity": rows})


def _adjustments(people: list[AnalysisSet], subset: Any) -> Iterator[tuple[str, list[list[str]]]]:
    """Crude, then the fullest model of each comparison; population controls are matched on sex and age already."""
    yield "crude", [[] for _ in people]
    fullest = [list(adjustments(each, subset).values())[-1] for each in people]
    yield ("adjusted" if subset["adjust_for"] else DEMOGRAPHICS), fullest


def _row(people: list[AnalysisSet], alike: list[Model], label: str, covariates: list[list[str]], subset: Any) -> Row:
    column = alike[0].reported
    key = {
        "analysis": subset["id"],
        "comparison": EVERY,
        "exposure": column.tag("exposure"),
        "window": column.tag("level"),
        "reading": column.tag("reading"),
        "term": column.name,
        "outcome": subset["outcome"],
        "measure": "odds_ratio",
        "time_point_days": None,
        "adjustment": label,
        "target_level": column.tag("target"),
        "across": "comparison",
    }
    return key | _test(people, alike, covariates)


def _test(people: list[AnalysisSet], alike: list[Model], covariates: list[list[str]]) -> Row:
    parts = [_columns(*part) for part in zip(people, alike, covariates, strict=True)]
    widths = [x.shape[1] for _, x in parts]
    before = np.concatenate([[0], np.cumsum(widths)])
    x = np.zeros((sum(len(rows) for rows, _ in parts), int(before[-1])))
    case, matched_set, cluster = (np.zeros(len(x), dtype=np.int64) for _ in range(3))
    done = 0
    for at, (rows, own) in enumerate(parts):
        here = slice(done, done + len(rows))
        assert rows.stratum is not None
        x[here, before[at] : before[at + 1]] = own
        # Sets are numbered by their case, alike in every comparison.
        case[here], cluster[here] = rows.event, rows.stratum
        matched_set[here] = rows.stratum * len(parts) + at
        done += len(rows)
    if not len(x):
        return {"n_levels": 0, "reason": Reason.NO_CONTROLS}
    fit = fit_conditional_logistic(x, case=case, matched_set=matched_set, ties="exact", cluster=cluster)
    return _wald(fit.coefficients[before[:-1]], fit.covariance[np.ix_(before[:-1], before[:-1])])


def _columns(people: AnalysisSet, model: Model, covariates: list[str]) -> tuple[AnalysisSet, np.ndarray]:
    """The rows of a model with its columns, the reported one first."""
    keep, complete = model.rows, complete_rows(people, covariates)
    if not complete[keep].all():
        keep = observable_rows(people, keep & complete)
    chosen, _ = estimable(people, covariates, keep)
    factor = [model.reported.name, *(column.name for column in model.factor if column != model.reported)]
    rows = people.where(keep)
    return rows, rows.select([*factor, *chosen]).x


def _wald(log_ratio: np.ndarray, covariance: np.ndarray) -> Row:
    """Wald's test that all log odds ratios with an estimate are the same."""
    known = np.flatnonzero(np.isfinite(log_ratio) & np.isfinite(np.diag(covariance)))
    if len(known) < 2:
        return {"n_levels": len(known), "reason": Reason.NOT_DEFINED}
    difference = log_ratio[known[1:]] - log_ratio[known[0]]
    contrast = np.hstack([-np.ones((len(known) - 1, 1)), np.eye(len(known) - 1)])
    covariance = covariance[np.ix_(known, known)]
    variance = contrast @ covariance @ contrast.T
    if np.linalg.eigvalsh(variance)[0] <= SINGULAR * covariance.diagonal().max():
        return {"n_levels": len(known), "reason": Reason.NOT_IDENTIFIED}
    return tested(float(difference @ np.linalg.solve(variance, difference)), len(known))
