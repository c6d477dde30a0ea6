"""The step that tells users with an indication from users without one, both against persons with neither."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from equipoise.analysis_set import AnalysisSet
from equipoise.cohort.covariates import IndexRows
from equipoise.data.source import Source
from equipoise.design.nested_case_control import members
from equipoise.errors import Reason
from equipoise.estimators.fit import Fit
from equipoise.runner.artifact import Artifact
from equipoise.runner.assembly import covariates
from equipoise.runner.estimate import Model, adjustments, models
from equipoise.runner.packing import unpack_analysis_set, unpack_people, unpack_sets
from equipoise.runner.protocol import COVARIATES, read_protocol
from equipoise.runner.set_models import SetModel, set_model

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
NEITHER, DIAGNOSIS_ONLY, WITHOUT, WITH = "neither", "diagnosis only", "user without diagnosis", "user with diagnosis"
OTHER_WITHOUT, OTHER_WITH = "other use without diagnosis", "other use with diagnosis"


@dataclass(frozen=True, slots=True)
class _Level:
    """One level: its name, whether it uses and has the diagnosis (None beside the level in question), who is at it."""

    name: str
    uses: str | None
    diagnosed: str
    rows: np.ndarray


def indication(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the table indication."""
    protocol = read_protocol(subset)
    people, sets = unpack_people(inputs["people"]), members(unpack_sets(inputs["matched_sets"]))
    (declared,) = COVARIATES.validate_python([subset["indication"]])
    rows = IndexRows(sets.person, sets.index_day)
    (found,) = covariates(inputs["records"], [declared], people, rows)
    assembled = unpack_analysis_set(inputs["analysis_set"])
    diagnosed = found.values == found.levels.index("yes")
    key = {"analysis": subset["id"], "comparison": protocol.comparison, "indication": declared.name}
    leave_out = protocol.design.unobservable == "leave_out"
    chosen = [model for model in models(assembled, leave_out) if model.reported.tag("level") in protocol.windows]
    made = [key | row for model in chosen for row in _rows(assembled, model, diagnosed, declared.name, subset)]
    return Artifact({}, {"indication": made})


def _rows(people: AnalysisSet, model: Model, diagnosed: np.ndarray, name: str, subset: Any) -> Iterator[Row]:
    column = model.reported
    key = {"exposure": column.tag("exposure"), "window": column.tag("level"), "reading": column.tag("reading")}
    levels = indication_levels(people, model, diagnosed)
    of_diagnosis = {item.name for item in people.columns if item.tag("covariate") == name}
    for adjustment, adjusted_for in adjustments(people, subset).items():
        besides = [item for item in adjusted_for if item not in of_diagnosis]
        fitted = set_model(people, model.rows, besides, subset)
        for row in _estimates(fitted, levels):
            yield key | {"adjustment": adjustment} | row


def indication_levels(people: AnalysisSet, model: Model, diagnosed: np.ndarray) -> list[_Level]:
    """The four levels of use by diagnosis; persons at other levels of use are apart, for they are neither."""
    used = people.column(model.reported.name) == 1
    at_any = np.any([people.column(column.name) == 1 for column in model.factor], axis=0)
    other = at_any & ~used
    levels = [
        _Level(NEITHER, "no", "no", ~at_any & ~diagnosed),
        _Level(DIAGNOSIS_ONLY, "no", "yes", ~at_any & diagnosed),
        _Level(WITHOUT, "yes", "no", used & ~diagnosed),
        _Level(WITH, "yes", "yes", used & diagnosed),
    ]
    if other.any():
        levels.append(_Level(OTHER_WITHOUT, None, "no", other & ~diagnosed))
        levels.append(_Level(OTHER_WITH, None, "yes", other & diagnosed))
    return levels


def _estimates(model: SetModel, levels: list[_Level]) -> Iterator[Row]:
    at = {level.name: level.rows[model.keep] for level in levels}
    absent = model.absent(~at[NEITHER])
    columns = {name: rows.astype(np.float64) for name, rows in at.items() if name != NEITHER and rows.any()}
    fit = None if absent else model.fit(columns)
    difference = _difference(fit, list(columns)) if fit is not None else None
    for position, level in enumerate(levels):
        rows = at[level.name]
        yield {
            "position": position,
            "level": level.name,
            "uses": level.uses,
            "diagnosed": level.diagnosed,
            "n_cases": int((rows & model.case).sum()),
            "n_controls": int((rows & ~model.case).sum()),
            **_ratio(model, fit, absent, level.name, columns),
            "p_difference": difference if level.name == WITH else None,
        }


def _ratio(model: SetModel, fit: Fit | None, absent: Reason | None, name: str, columns: Mapping[str, Any]) -> Row:
    if fit is None:
        return {"reason": absent}
    if name == NEITHER:
        return {"estimate": 1.0, "log_estimate": 0.0, "reason": None}
    return model.ratio(fit, name) if name in columns else {"reason": Reason.ONE_ARM_EMPTY}


def _difference(fit: Fit, names: list[str]) -> float | None:
    """Wald's p-value against equal odds ratios of users with and without the diagnosis."""
    if WITH not in names or WITHOUT not in names:
        return None
    one, other = names.index(WITH), names.index(WITHOUT)
    distance = fit.coefficients[one] - fit.coefficients[other]
    variance = fit.covariance[one, one] + fit.covariance[other, other] - 2 * fit.covariance[one, other]
    return float(chi2.sf(distance**2 / variance, 1)) if np.isfinite(distance) and variance > 0 else None
