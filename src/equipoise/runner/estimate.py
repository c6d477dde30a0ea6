"""The step that fits: one model for every exposure, window, reading and adjustment of an analysis."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.data.source import Source
from equipoise.design.readings import BESIDE_WINDOWS
from equipoise.design.relatives import BY_DESIGN, DEMOGRAPHIC, FAMILY, linked_sets
from equipoise.errors import Reason
from equipoise.estimators.conditional_logistic import fit_conditional_logistic
from equipoise.estimators.fit import Estimate
from equipoise.runner.artifact import Artifact
from equipoise.runner.heterogeneity import heterogeneity_rows
from equipoise.runner.missing_values import (
    COMPLETE_CASES,
    Completed,
    asked_imputation,
    complete_rows,
    complete_sets,
)
from equipoise.runner.packing import unpack_analysis_set
from equipoise.runner.pooled_rows import as_complete_cases, pooled_row, without_numbers

Inputs = Mapping[str, Artifact]
OVERALL = "overall"
DEMOGRAPHICS = "sex and birth year"
MODEL = "conditional logistic regression"


@dataclass(frozen=True, slots=True)
class Model:
    """One model to fit: its rows, the exposure columns of its factor, and the column whose term is reported."""

    rows: np.ndarray
    factor: tuple[Column, ...]
    reported: Column


@dataclass(frozen=True, slots=True)
class Part:
    """Sets at one level of a subgroup, as rows (bool)."""

    subgroup: str
    level: str
    rows: np.ndarray


def estimates(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the estimates table, one for every estimate asked for, with a reason where there is no number.

    With them, the tests of whether estimates differ between subgroups, and the sets that are informative.
    """
    people = unpack_analysis_set(inputs["analysis_set"])
    leave_out = subset["design"]["unobservable"] == "leave_out"
    every_model = list(models(people, leave_out))
    completed = completed_of_sets(people, subset)
    made = [
        row
        for model in every_model
        for part in parts_of(people)
        for adjustment, covariates in adjustments(people, subset).items()
        for row in estimate_rows(people, completed, model, part, adjustment, covariates, subset)
    ]
    discordant = [discordance_row(people, model, subset) for model in every_model]
    return Artifact({}, {"estimates": made, "heterogeneity": heterogeneity_rows(made), "discordance": discordant})


def completed_of_sets(people: AnalysisSet, subset: Mapping[str, Any]) -> Completed | None:
    """The completed data sets, where imputation is asked for and something is missing; else None."""
    asked = asked_imputation(subset)
    if asked is None or complete_rows(people).all():
        return None
    return complete_sets(people, asked, {"case": (people.event == 1).astype(np.float64)}, subset["seed"])


def estimate_rows(
    people: AnalysisSet,
    completed: Completed | None,
    model: Model,
    part: Part,
    adjustment: str,
    covariates: list[str],
    subset: Any,
) -> Iterator[dict[str, Any]]:
    """One estimate; where a covariate is imputed, that of the complete cases and the pooled one."""
    alone = estimate_row(people, model, part, adjustment, covariates, subset)
    if completed is None or alone["missing_data"] is None:
        yield alone
        return
    yield as_complete_cases(alone)
    if completed.reason is not None:
        yield without_numbers(alone, completed.reason)
    else:
        rows = [estimate_row(each, model, part, adjustment, covariates, subset) for each in completed.sets]
        yield pooled_row(rows, len(model.factor) + len(covariates), subset["conf_level"])


def adjustments(people: AnalysisSet, subset: Any) -> dict[str, list[str]]:
    """The columns of each adjusted model beside those of exposure.

    Relatives are not matched on sex and age, so sex and year of birth enter every adjusted model of theirs, unless the
    study's own covariates hold them.
    """
    declared = [column.name for column in people.columns if column.role in ("covariate", "interaction")]
    found: dict[str, list[str]] = {"crude": []}
    kinds = {covariate["kind"] for covariate in subset["covariates"]}
    own = {"sex": {"sex"}, "birth year": {"age", "birth_year"}}
    demographic = [column for column in people.columns if column.role == DEMOGRAPHIC]
    if demographic:
        found[DEMOGRAPHICS] = [column.name for column in demographic]
    if subset["adjust_for"]:
        besides = [column.name for column in demographic if not kinds & own[column.tag("covariate") or ""]]
        found["adjusted"] = [*besides, *declared]
    return found


def parts_of(people: AnalysisSet) -> Iterator[Part]:
    """Everyone, then the sets of each level of each subgroup; a set is at the level of its case."""
    yield Part(OVERALL, OVERALL, np.ones(len(people), dtype=bool))
    for column in (column for column in people.columns if column.role == "subgroup"):
        codes = people.column(column.name)
        for key, level in column.tags:
            if key.startswith("level "):
                rows = codes == int(key.removeprefix("level "))
                yield Part(column.tag("subgroup") or "", level, rows)


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
    return observable_rows(people, people.column(f"observable | {column.tag('reading')} | {column.tag('level')}") == 1)


def observable_rows(people: AnalysisSet, seen: np.ndarray) -> np.ndarray:
    """Of the rows that are seen (bool), those of sets with a case and a control that are."""
    assert people.stratum is not None
    case = people.event == 1
    n_sets = int(people.stratum.max()) + 1 if len(people) else 0
    case_seen = np.bincount(people.stratum[case & seen], minlength=n_sets) > 0
    control_seen = np.bincount(people.stratum[~case & seen], minlength=n_sets) > 0
    return seen & (case_seen & control_seen)[people.stratum]


def estimate_row(
    people: AnalysisSet, model: Model, part: Part, adjustment: str, covariates: list[str], subset: Any
) -> dict[str, Any]:
    """One row of the estimates table: the odds ratio of the reported column of a model in one part of the sets."""
    keep = model.rows & part.rows
    complete = complete_rows(people, covariates)
    incomplete = bool((keep & ~complete).any())
    if incomplete:
        keep = observable_rows(people, keep & complete)
    chosen, left_out = estimable(people, covariates, keep)
    cluster = clusters(people, subset["cluster"])
    rows = people.select([*(column.name for column in model.factor), *chosen]).where(keep)
    column = model.reported
    reason = _empty_of(rows, column) if len(people) else _empty(people)
    numbers: dict[str, Any] = {"reason": reason}
    if reason is None:
        numbers = ratio_numbers(_fit(rows, column, None if cluster is None else cluster[keep], subset))
    numbers["missing_data"] = COMPLETE_CASES if incomplete else None
    return _key(column, part, adjustment, left_out, subset) | _counts(rows, column) | numbers


def estimable(people: AnalysisSet, covariates: list[str], keep: np.ndarray) -> tuple[list[str], list[str]]:
    """Covariates that can be estimated, and those that the design separates: cases all above, or below, controls.

    Of spouses of women, say, nearly all are men: sex then tells cases from controls and would take every set with it.
    """
    by_design = {column.name for column in people.columns if column.role == DEMOGRAPHIC}
    separated = [name for name in covariates if name in by_design and _separates(people, name, keep)]
    return [name for name in covariates if name not in separated], separated


def _separates(people: AnalysisSet, name: str, keep: np.ndarray) -> bool:
    """Whether no case lies below a control of its set, or none above, and not all are the same."""
    values, case = people.column(name)[keep], people.event[keep] == 1
    assert people.stratum is not None
    stratum = people.stratum[keep]
    of_case = np.zeros(int(stratum.max()) + 1 if len(stratum) else 0)
    of_case[stratum[case]] = values[case]
    difference = (of_case[stratum] - values)[~case]
    return bool((difference != 0).any() and ((difference >= 0).all() or (difference <= 0).all()))


def clusters(people: AnalysisSet, cluster: str | None) -> np.ndarray | None:
    """Whose rows are dependent, one code a row, alike in a whole set; None where the variance is model-based."""
    if cluster == "family":
        return people.column(FAMILY.name).astype(np.int64)
    if cluster == "person":
        assert people.stratum is not None
        return linked_sets(people.stratum, people.person, people.event == 1)
    return None


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


def _fit(rows: AnalysisSet, column: Column, cluster: np.ndarray | None, subset: Any) -> Estimate:
    """The log odds ratio of one column, in a model with every column of the rows."""
    fit = fit_conditional_logistic(
        rows,
        ties=subset["ties"],
        cluster=cluster,
        conf_level=subset["conf_level"],
    )
    return fit.estimate(column.name, interval=subset["interval"])


def _key(column: Column, part: Part, adjustment: str, left_out: list[str], subset: Any) -> dict[str, Any]:
    target, reference = column.tag("target"), column.tag("reference")
    return {
        "analysis": subset["id"],
        "comparison": subset["comparison"],
        "exposure": column.tag("exposure"),
        "window": column.tag("level"),
        "reading": column.tag("reading"),
        "subgroup": part.subgroup,
        "subgroup_level": part.level,
        "outcome": subset["outcome"],
        "time_point_days": None,
        "adjustment": adjustment,
        "contrast": f"{target} against {reference}",
        "model": MODEL
        + "".join(f"; {name.removeprefix(BY_DESIGN)} left out ({Reason.SEPARATION.value})" for name in left_out),
        "term": column.name,
        "measure": "odds_ratio",
        "target_level": target,
        "reference_level": reference,
    }


def discordance_row(people: AnalysisSet, model: Model, subset: Any) -> dict[str, Any]:
    """How many sets hold persons at the level and persons who are not: only these tell of it within sets."""
    rows = people.where(model.rows)
    exposed = rows.column(model.reported.name) == 1
    assert rows.stratum is not None
    sets, position = np.unique(rows.stratum, return_inverse=True)
    some = np.bincount(position, exposed, len(sets)) > 0
    others = np.bincount(position, ~exposed, len(sets)) > 0
    key = _key(model.reported, Part(OVERALL, OVERALL, model.rows), "crude", [], subset)
    names = ("analysis", "comparison", "exposure", "window", "reading", "term", "target_level")
    return {name: key[name] for name in names} | {
        "n_sets": len(sets),
        "n_discordant_sets": int((some & others).sum()),
        "n_sets_all_exposed": int((some & ~others).sum()),
        "n_sets_none_exposed": int((~some & others).sum()),
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
