"""Adjusted estimates of one comparison: of the complete cases, or pooled over completed data sets with those beside."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import Reason
from equipoise.runner.arm_rows import ArmRows, Asked
from equipoise.runner.estimate import OVERALL, Part
from equipoise.runner.layers import Layer, Propensity, adjusted, by_propensity
from equipoise.runner.missing_values import ADJUSTED_FOR, COMPLETE_CASES, Completed, complete_rows
from equipoise.runner.pooled_rows import as_complete_cases, pooled_rows, without_numbers
from equipoise.spec.follow_up import Adjustment, PropensityScore, Regression

Row = dict[str, Any]
ADJUSTMENT: TypeAdapter[Any] = TypeAdapter(Adjustment)


@dataclass(frozen=True, slots=True)
class Fitted:
    """One layer with its rows of estimates, and what a propensity score did."""

    layer: Layer
    rows: list[Row]
    propensity: Propensity | None


@dataclass(frozen=True, slots=True)
class AdjustedArms:
    """The adjusted estimates of one part of the persons.

    main        of the complete cases, or of each completed data set; none where these cannot be made
    beside      of the complete cases, where `main` is of completed data sets
    missing     whether a covariate is missing of anybody
    reason      why there are no completed data sets, if there are none
    parameters  terms of the outcome model
    """

    main: tuple[Fitted, ...]
    beside: Fitted | None
    missing: bool
    reason: Reason | None
    parameters: int
    conf_level: float

    def rows(self) -> list[list[Row]]:
        """The rows of estimates of each layer, what the study asks for last."""
        if self.beside is None:
            said = COMPLETE_CASES if self.missing else None
            return [[row | {"missing_data": said} for row in self.main[0].rows]]
        if self.reason is not None:
            pooled = [without_numbers(row, self.reason) for row in self.beside.rows]
        else:
            pooled = pooled_rows([made.rows for made in self.main], self.parameters, self.conf_level)
        return [[as_complete_cases(row) for row in self.beside.rows], pooled]


def adjust(people: AnalysisSet, completed: Completed | None, asked: Asked, part: Part) -> AdjustedArms | None:
    """The adjusted estimates of some persons; None where the study adjusts for nothing.

    In a subgroup, scores are estimated anew among its persons, and covariates that do not vary there are left out.
    """
    given = ADJUSTMENT.validate_python(asked.subset["adjustment"])
    if not isinstance(given, PropensityScore) and not asked.subset["adjust_for"]:
        return None
    whole = complete_rows(people)

    def fitted(rows: AnalysisSet) -> Fitted:
        return fit_adjusted(rows if part.subgroup == OVERALL else varying(rows), given, asked, part)

    cases = fitted(people.where(whole))
    imputed = completed is not None and not whole.all()
    main = tuple(fitted(rows) for rows in completed.sets) if imputed and completed is not None else (cases,)
    return AdjustedArms(
        main,
        cases if imputed else None,
        not whole.all(),
        completed.reason if completed is not None else None,
        _terms(people) if isinstance(given, Regression) else 1,
        asked.setting.conf_level,
    )


def fit_adjusted(people: AnalysisSet, given: Any, asked: Asked, part: Part) -> Fitted:
    """One data set without missing values, adjusted as the study says."""
    propensity: Propensity | None = None
    if isinstance(given, PropensityScore):
        layer, propensity = by_propensity(people, given, asked.setting)
    else:
        layer = adjusted(people, asked.setting)
    return Fitted(layer, ArmRows(asked, part, layer).rows(), propensity)


def varying(people: AnalysisSet) -> AnalysisSet:
    """The persons without covariate columns that are the same for all of them."""
    names = [
        column.name
        for column in people.columns
        if column.role not in ADJUSTED_FOR or (len(people) and np.ptp(people.column(column.name)) > 0)
    ]
    return people.select(names)


def _terms(people: AnalysisSet) -> int:
    return 1 + sum(column.role in ADJUSTED_FOR for column in people.columns)
