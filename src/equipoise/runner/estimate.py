"""The step that fits: one model for every exposure, window, reading and adjustment of an analysis."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.data.source import Source
from equipoise.design.readings import BESIDE_WINDOWS
from equipoise.errors import Reason
from equipoise.estimators.conditional_logistic import fit_conditional_logistic
from equipoise.estimators.fit import Estimate
from equipoise.runner.artifact import Artifact
from equipoise.runner.packing import unpack_analysis_set

Inputs = Mapping[str, Artifact]
COMPARISON = "population"
OVERALL = "overall"
MODEL = "conditional logistic regression"


@dataclass(frozen=True, slots=True)
class Model:
    """One model to fit: its rows, the exposure columns of its factor, and the column whose term is reported."""

    rows: np.ndarray
    factor: tuple[Column, ...]
    reported: Column


def estimates(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the estimates table, one for every estimate asked for, with a reason where there is no number."""
    people = unpack_analysis_set(inputs["analysis_set"])
    adjustments = ("crude", "adjusted") if subset["adjust_for"] else ("crude",)
    made = [
        _estimate(people, model, adjustment, subset)
        for model in models(people, subset["design"]["unobservable"] == "leave_out")
        for adjustment in adjustments
    ]
    return Artifact({}, {"estimates": made})


def models(people: AnalysisSet, leave_out: bool) -> Iterator[Model]:
    """Each window has a model on the sets that are observable over it; levels beside the windows use every set."""
    for factor in _factors(people):
        for column in factor:
            beside = column.tag("level") in BESIDE_WINDOWS
            if not beside or is_reported(people, column):
                yield Model(kept_rows(people, None if beside or not leave_out else column), factor, column)


def is_reported(people: AnalysisSet, column: Column) -> bool:
    """Whether a level beside the windows has rows of its own in the tables.

    Not where nobody is at it, and not under the any-use reading, where it only keeps the reference clean.
    """
    return column.tag("reading") != "any_use" and bool((people.column(column.name) == 1).any())


def _factors(people: AnalysisSet) -> list[tuple[Column, ...]]:
    """Exposure columns that belong to one factor, in the order of the analysis set."""
    grouped: dict[tuple[str | None, ...], list[Column]] = {}
    for column in people.columns:
        if column.role == "exposure":
            key = tuple(column.tag(name) for name in ("exposure", "reading", "factor"))
            grouped.setdefault(key, []).append(column)
    return [tuple(columns) for columns in grouped.values()]


def kept_rows(people: AnalysisSet, column: Column | None) -> np.ndarray:
    """Rows (bool) of sets whose case is observable over the column's window, with their observable controls."""
    if column is None:
        return np.ones(len(people), dtype=bool)
    seen = people.column(f"observable | {column.tag('reading')} | {column.tag('level')}") == 1
    assert people.stratum is not None
    case = people.event == 1
    n_sets = int(people.stratum.max()) + 1 if len(people) else 0
    case_seen = np.bincount(people.stratum[case & seen], minlength=n_sets) > 0
    control_seen = np.bincount(people.stratum[~case & seen], minlength=n_sets) > 0
    return seen & (case_seen & control_seen)[people.stratum]


def _estimate(people: AnalysisSet, model: Model, adjustment: str, subset: Any) -> dict[str, Any]:
    roles = ("covariate", "interaction") if adjustment == "adjusted" else ()
    names = [column.name for column in model.factor]
    names += [column.name for column in people.columns if column.role in roles]
    rows = people.select(names).where(model.rows)
    column = model.reported
    reason = _empty_of(rows, column) if len(people) else _empty(people)
    numbers = {"reason": reason} if reason else ratio_numbers(_fit(rows, column, subset))
    return _key(column, adjustment, subset) | _counts(rows, column) | numbers


def _empty(people: AnalysisSet) -> Reason:
    """Why an analysis has no rows: no case at all, or none with an eligible control."""
    *_, with_control = people.attrition[0]
    return Reason.NO_CONTROLS if with_control.persons_in else Reason.NO_CASES


def _empty_of(rows: AnalysisSet, column: Column) -> Reason | None:
    """Why there is nothing to fit for one column, if there is nothing."""
    if not len(rows):
        return Reason.NOT_OBSERVABLE
    exposed = rows.column(column.name) == 1
    return Reason.ONE_ARM_EMPTY if exposed.all() or not exposed.any() else None


def _fit(rows: AnalysisSet, column: Column, subset: Any) -> Estimate:
    """The log odds ratio of one column, in a model with every column of the rows."""
    fit = fit_conditional_logistic(
        rows,
        ties=subset["ties"],
        cluster=rows.person if subset["cluster"] == "person" else None,
        conf_level=subset["conf_level"],
    )
    return fit.estimate(column.name, interval=subset["interval"])


def _key(column: Column, adjustment: str, subset: Any) -> dict[str, Any]:
    target, reference = column.tag("target"), column.tag("reference")
    return {
        "analysis": subset["id"],
        "comparison": COMPARISON,
        "exposure": column.tag("exposure"),
        "window": column.tag("level"),
        "reading": column.tag("reading"),
        "subgroup": OVERALL,
        "subgroup_level": OVERALL,
        "outcome": subset["outcome"],
        "time_point_days": None,
        "adjustment": adjustment,
        "contrast": f"{target} against {reference}",
        "model": MODEL,
        "term": column.name,
        "measure": "odds_ratio",
        "target_level": target,
        "reference_level": reference,
    }


def _counts(rows: AnalysisSet, column: Column) -> dict[str, int]:
    exposed, case = rows.column(column.name) == 1, rows.event == 1
    assert rows.stratum is not None
    return {
        "n_sets": len(np.unique(rows.stratum)),
        "n_persons": len(rows),
        "n_cases": int(case.sum()),
        "n_exposed_cases": int((exposed & case).sum()),
        "n_exposed_controls": int((exposed & ~case).sum()),
    }


def ratio_numbers(term: Estimate) -> dict[str, Any]:
    """Estimate and limits as ratios, standard error of the logarithm; only a reason where there is no estimate."""
    if term.reason is not None:
        return {"reason": term.reason}
    return {
        "estimate": float(np.exp(term.estimate)),
        "conf_low": float(np.exp(term.conf_low)),
        "conf_high": float(np.exp(term.conf_high)),
        "p_value": term.p_value,
        "log_estimate": term.estimate,
        "std_error": term.std_error,
        "reason": None,
    }
