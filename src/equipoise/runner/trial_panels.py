"""The step that makes the panel of a target trial, and the panel as estimators take it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.cohort.covariates import CovariateValues
from equipoise.cohort.people import EventDays, People, event_days
from equipoise.data.source import Source
from equipoise.design.arms import Drug
from equipoise.design.deliberate_flaws import late_rows, treated_too_early
from equipoise.design.dispensings import distinct_dispensings
from equipoise.design.nested_case_control import covariate_columns
from equipoise.design.trial_panel import TrialPanel, TrialRecords, trial_panel
from equipoise.runner.artifact import Artifact
from equipoise.runner.assembly import covariates
from equipoise.runner.packing import AMOUNTS, pack_attrition, rows_of, unpack_cohort, unpack_people, unpack_records
from equipoise.runner.trial_protocol import TrialProtocol, read_trial
from equipoise.spec.covariates import Covariate

Inputs = Mapping[str, Artifact]
FLAGS = ("eligible", "outcome", "censored", "competing")
FIXED, VARYING = "fixed", "varying"


@dataclass(frozen=True, slots=True)
class PanelTable:
    """A panel as the estimators take it: columns by name, and which of them are covariates.

    `columns` holds person, period, treatment, eligible, outcome, censored, competing, and the covariates. Their names
    are in `fixed` and, with the kind of each (binary or normal), in `varying`.
    """

    columns: Mapping[str, np.ndarray]
    fixed: tuple[str, ...]
    varying: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.columns["person"])

    @property
    def persons(self) -> int:
        return len(np.unique(self.columns["person"]))


def panel(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows by person and interval; persons are numbered, days are gone."""
    protocol = read_trial(subset)
    people = unpack_people(inputs["people"])
    records = TrialRecords(
        drugs=[_drug(inputs["records"], protocol, people, name) for name in protocol.design.exposures],
        first={name: unpack_records(inputs[f"records {name}"], people) for name in protocol.labels},
        eligibility=_eligibility(inputs["records"], protocol, people),
    )
    population = unpack_cohort(inputs["population"])
    rows = trial_panel(
        people, population, records, protocol.design, protocol.labels, protocol.recording_from, "target trial"
    )
    if protocol.flaw == "immortal_time":
        rows = replace(rows, treatment=treated_too_early(rows))
    x, names, roles = _covariates(inputs["records"], protocol, people, rows)
    arrays = {name: getattr(rows, name).astype(np.uint8) for name in FLAGS}
    arrays |= {"person": np.unique(rows.person, return_inverse=True)[1].astype(np.int64), "x": x}
    arrays |= {"period": rows.period, "treatment": rows.treatment}
    attrition = [pack_attrition(item) for item in (population.attrition, rows.attrition)]
    return Artifact(arrays, {"names": names, "roles": roles, "attrition": attrition})


def _drug(records: Artifact, protocol: TrialProtocol, people: People, name: str) -> Drug:
    exposure = protocol.exposures[name]
    made = rows_of(records, exposure.concept_sets)
    amounts = {column: made[column] for column in AMOUNTS}
    dispensed = distinct_dispensings(people, made["person_id"], made["day"], amounts)
    return Drug(name, exposure.label or name, exposure.min_dispensings, dispensed)


def _eligibility(records: Artifact, protocol: TrialProtocol, people: People) -> dict[str, EventDays]:
    found = {}
    for name in {rule.concept_set for rule in protocol.design.eligibility}:
        made = rows_of(records, [name])
        found[name] = event_days(people, made["person_id"], made["day"])
    return found


def _covariates(
    records: Artifact, protocol: TrialProtocol, people: People, rows: TrialPanel
) -> tuple[np.ndarray, list[str], list[str]]:
    """Columns of all covariates without missing values, their names and roles.

    With one trial a person, covariates that are not time-varying keep their value of time zero. A missing number is the
    mean of those known, marked in a column of its own; a missing level is the reference, marked as well.
    """
    made: list[tuple[str, str, np.ndarray]] = []
    for role, declared in ((FIXED, protocol.fixed), (VARYING, protocol.varying)):
        for column, values in covariate_columns(_read(records, declared, protocol, people, rows)):
            if role == FIXED and protocol.design.time_zero == "entry":
                values = values[rows.starts][np.cumsum(np.diff(rows.person, prepend=-1) != 0) - 1]
            made += _complete(column.name, role, np.asarray(values, np.float64))
    x = np.stack([values for _, _, values in made], axis=1) if made else np.empty((len(rows), 0))
    return x, [name for name, _, _ in made], [role for _, role, _ in made]


def _read(
    records: Artifact, declared: Sequence[Covariate], protocol: TrialProtocol, people: People, rows: TrialPanel
) -> list[CovariateValues]:
    """Covariates at the beginnings of intervals; a flawed run reads late what does not decide a strategy."""
    if protocol.flaw != "covariates_after_time_zero":
        return covariates(records, declared, people, rows.rows)
    conditions = {strategy.when for strategy in protocol.design.strategies}
    days = [rows.rows if one.name in conditions else late_rows(rows.rows) for one in declared]
    return [covariates(records, [one], people, at)[0] for one, at in zip(declared, days, strict=True)]


def _complete(name: str, role: str, values: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    missing = np.isnan(values)
    if not missing.any():
        return [(name, role, values)]
    known = float(values[~missing].mean()) if not missing.all() else 0.0
    filled = np.where(missing, known, values)
    return [(f"{name}, missing", role, missing.astype(np.float64)), (name, role, filled)]


def condition(name: str) -> str:
    """The column that says whether the covariate of a dynamic strategy has turned yes."""
    return f"{name}[yes]"


def unpack_panel(made: Artifact, keep: Sequence[str] = ()) -> PanelTable:
    """The panel of an artefact. Columns that do not vary are left out, for they tell nothing, but for those to keep."""
    names: Sequence[str] = made.values["names"]
    columns = {name: made[name] for name in ("person", "period", "treatment", *FLAGS)}
    fixed, varying = [], {}
    for j, (name, role) in enumerate(zip(names, made.values["roles"], strict=True)):
        values = made["x"][:, j]
        if name not in keep and (not len(values) or (values == values[0]).all()):
            continue
        columns[name] = values
        if role == FIXED:
            fixed.append(name)
        else:
            varying[name] = "binary" if ((values == 0.0) | (values == 1.0)).all() else "normal"
    return PanelTable(columns, tuple(fixed), varying)
