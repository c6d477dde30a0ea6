"""Missing covariates of an analysis set: which rows are complete, and the set with missing values filled in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import DesignError, Reason
from equipoise.estimators.imputation import impute
from equipoise.estimators.imputation_columns import nelson_aalen
from equipoise.spec.missing import MissingData, MultipleImputation

ADJUSTED_FOR = ("covariate", "interaction")
COMPLETE_CASES, IMPUTED = "complete cases", "multiple imputation"
MISSING: TypeAdapter[Any] = TypeAdapter(MissingData)


@dataclass(frozen=True, slots=True)
class Completed:
    """Copies of an analysis set with no missing value, m of them; none, and a reason, where they cannot be made."""

    sets: tuple[AnalysisSet, ...]
    reason: Reason | None = None

    def where(self, keep: np.ndarray) -> "Completed":
        """The rows of every copy where `keep` (bool) is true."""
        return replace(self, sets=tuple(people.where(keep) for people in self.sets))


def asked_imputation(subset: Mapping[str, Any]) -> MultipleImputation | None:
    """The multiple imputation that the analysis asks for, if it asks for one."""
    asked = MISSING.validate_python(subset["missing"])
    return asked if isinstance(asked, MultipleImputation) else None


def complete_rows(people: AnalysisSet, names: Iterable[str] | None = None) -> np.ndarray:
    """Rows without a missing value in the named columns, by default every column that is adjusted for: bool (n,)."""
    chosen = names if names is not None else (item.name for item in people.columns if item.role in ADJUSTED_FOR)
    complete = np.ones(len(people), dtype=bool)
    for name in chosen:
        complete &= ~np.isnan(people.column(name))
    return complete


def complete_sets(
    people: AnalysisSet, asked: MultipleImputation, outcome: Mapping[str, np.ndarray], seed: int
) -> Completed:
    """Every missing covariate filled in, m times.

    Into each regression enter the `outcome` (complete, float64 (n,) by name), all other covariates, and the columns of
    roles "exposure", "matching", "demographic" and "subgroup" that have no missing value.
    """
    wanted = list(_declared(people))
    whole = [item for item in wanted if complete_rows(people, [column.name for column in item.columns]).all()]
    absent = [item for item in wanted if item not in whole]
    frame: dict[str, Any] = {f"covariate {item.name}": item.values(people) for item in absent}
    fixed = {f"column {name}": people.column(name) for name in _complete_names(people, whole)}
    fixed = {name: values for name, values in fixed.items() if values.size and np.ptp(values) > 0}
    named = {f"outcome {name}": values for name, values in outcome.items()}
    try:
        found = impute(
            frame | fixed | named,
            columns=list(frame),
            predictors=list(fixed),
            outcome=list(named),
            m=asked.imputations,
            iterations=asked.iterations,
            seed=seed,
        )
    except DesignError:
        # Nothing observed, nothing that varies, or fewer observed values than coefficients: no model of the missing.
        return Completed((), Reason.NOT_IDENTIFIED)
    return Completed(tuple(_filled(people, absent, filled) for filled in found.frames()))


def outcome_of_cohort(people: AnalysisSet) -> dict[str, np.ndarray]:
    """Of each cause, the event and the Nelson-Aalen cumulative hazard at the person's own time."""
    found: dict[str, np.ndarray] = {}
    start = people.start.astype(np.float64) if people.start.any() else None
    for cause in sorted({int(code) for code in np.unique(people.event)} - {0}):
        event = (people.event == cause).astype(np.float64)
        hazard = nelson_aalen(people.stop.astype(np.float64), event, start)
        found |= {f"event {cause}": event, f"hazard {cause}": hazard}
    return found or {"time": people.stop.astype(np.float64)}


@dataclass(frozen=True, slots=True)
class _Declared:
    """One covariate with its columns: one number, or an indicator for each level but the reference."""

    name: str
    columns: tuple[Column, ...]

    @property
    def numeric(self) -> bool:
        return self.columns[0].tag("level") is None

    def values(self, people: AnalysisSet) -> np.ndarray:
        """Numbers with NaN, or levels as text with None: 0 the reference, then the columns in their order."""
        if self.numeric:
            return people.column(self.columns[0].name)
        indicators = np.column_stack([people.column(column.name) for column in self.columns])
        code = np.where(indicators == 1, np.arange(1, len(self.columns) + 1), 0).max(axis=1)
        text = np.array([str(k) for k in range(len(self.columns) + 1)], dtype=object)[code]
        text[np.isnan(indicators).any(axis=1)] = None
        return text

    def columns_of(self, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The columns again, from complete values."""
        if self.numeric:
            yield self.columns[0].name, np.asarray(values, dtype=np.float64)
            return
        for k, column in enumerate(self.columns, start=1):
            yield column.name, (np.asarray(values, dtype=object) == str(k)).astype(np.float64)


def _declared(people: AnalysisSet) -> Iterator[_Declared]:
    grouped: dict[str, list[Column]] = {}
    for column in people.columns:
        if column.role == "covariate":
            grouped.setdefault(column.tag("covariate") or column.name, []).append(column)
    return (_Declared(name, tuple(columns)) for name, columns in grouped.items())


def _complete_names(people: AnalysisSet, whole: Iterable[_Declared]) -> list[str]:
    named = [column.name for item in whole for column in item.columns]
    for column in people.columns:
        if column.role in ("exposure", "matching", "demographic", "subgroup"):
            named += [column.name] if complete_rows(people, [column.name]).all() else []
    return named


def _filled(people: AnalysisSet, absent: list[_Declared], frame: Any) -> AnalysisSet:
    x = np.array(people.x, dtype=np.float64)
    for item in absent:
        for name, values in item.columns_of(np.asarray(frame[f"covariate {item.name}"])):
            x[:, people.index_of(name)] = values
    return replace(people, x=x)
