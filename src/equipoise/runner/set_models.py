"""Conditional logistic models of matched sets with columns of their own beside an adjustment's covariates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import Reason
from equipoise.estimators.conditional_logistic import fit_conditional_logistic
from equipoise.estimators.fit import Fit
from equipoise.runner.estimate import clusters, estimable, observable_rows, ratio_numbers
from equipoise.runner.missing_values import complete_rows

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SetModel:
    """Rows of sets with the covariates of one adjustment: `keep` (bool) says which rows of the analysis set."""

    keep: np.ndarray
    rows: AnalysisSet
    cluster: np.ndarray | None
    subset: Any

    @property
    def case(self) -> np.ndarray:
        return self.rows.event == 1

    def absent(self, exposed: np.ndarray) -> Reason | None:
        """Why there is nothing to fit of an exposure (bool, of the kept rows), if there is nothing."""
        if not len(self.rows):
            return Reason.NOT_OBSERVABLE if len(self.keep) else Reason.NO_CONTROLS
        return Reason.ONE_ARM_EMPTY if exposed.all() or not exposed.any() else None

    def fit(self, columns: Mapping[str, np.ndarray]) -> Fit:
        """Of these columns of the kept rows, each named, beside the covariates."""
        x = np.column_stack([*columns.values(), self.rows.x])
        named = tuple(Column(term_of(name), "exposure") for name in columns)
        rows = replace(self.rows, x=x, columns=(*named, *self.rows.columns))
        settings = {"ties": self.subset["ties"], "conf_level": self.subset["conf_level"]}
        return fit_conditional_logistic(rows, cluster=self.cluster, **settings)

    def ratio(self, fit: Fit, name: str) -> Row:
        """The odds ratio of one of these columns with its limits, or the reason why there is none."""
        return ratio_numbers(fit.estimate(term_of(name), interval=self.subset["interval"]))


def term_of(name: str) -> str:
    """The term of a named column in such a fit."""
    return f"of its own | {name}"


def set_model(people: AnalysisSet, keep: np.ndarray, covariates: list[str], subset: Any) -> SetModel:
    """The complete cases among the rows of `keep`, without covariates that the design separates."""
    complete = complete_rows(people, covariates)
    if (keep & ~complete).any():
        keep = observable_rows(people, keep & complete)
    chosen, _ = estimable(people, covariates, keep)
    cluster = clusters(people, subset["cluster"])
    return SetModel(keep, people.select(chosen).where(keep), None if cluster is None else cluster[keep], subset)
