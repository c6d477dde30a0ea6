"""The step in which people become numbers: matched sets and records into an analysis set."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from equipoise.analysis_set import Attrition
from equipoise.cohort.covariates import CovariateValues, IndexRows, covariate_values
from equipoise.cohort.last_records import ValueDays, value_days
from equipoise.cohort.people import EventDays, People, event_days
from equipoise.data.source import Source
from equipoise.design.deliberate_flaws import AFTER, late_rows, rows_after, with_later_use
from equipoise.design.dispensings import UseOfRows, distinct_dispensings, use_of_rows
from equipoise.design.matched_sets import MatchedSets
from equipoise.design.nested_case_control import (
    assemble_sets,
    covariate_columns,
    exposure_columns,
    interaction_columns,
    matching_columns,
    members,
    observability,
    observable_from,
    subgroup_columns,
)
from equipoise.design.relatives import FAMILY, demographic_columns, family_clusters, shared_look_back
from equipoise.runner.artifact import Artifact
from equipoise.runner.packing import (
    AMOUNTS,
    pack_analysis_set,
    rows_of,
    unpack_attrition,
    unpack_cohort,
    unpack_people,
    unpack_sets,
    values_of,
)
from equipoise.runner.protocol import Protocol, read_protocol
from equipoise.spec.covariates import Covariate, MeasurementCovariate, records_behind
from equipoise.spec.exposures import Exposure
from equipoise.spec.relatives import BLOOD_RELATIVES

Inputs = Mapping[str, Artifact]


def analysis_set(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of all sets that have a control, with exposure, covariate, observability and sampling columns."""
    protocol = read_protocol(subset)
    people = unpack_people(inputs["people"])
    sets = members(unpack_sets(inputs["matched_sets"]))
    rows = IndexRows(sets.person, sets.index_day)
    visible_from = visible_days(people, sets, protocol)
    used = uses(inputs["records"], protocol, people, rows, visible_from)
    if protocol.flaw == "immortal_time":
        after = replace(protocol, windows=AFTER)
        later = uses(inputs["records"], after, people, rows_after(rows), visible_from)
        used = [with_later_use(*pair) for pair in zip(used, later, strict=True)]
    columns = exposure_columns(protocol.design, protocol.windows, used)
    at = late_rows(rows) if protocol.flaw == "covariates_after_time_zero" else rows
    adjusted_for = covariate_columns(covariates(inputs["records"], protocol.covariates, people, at))
    columns += [*adjusted_for, *interaction_columns(adjusted_for, protocol.interactions)]
    columns += observability(protocol.design, protocol.windows, visible_from, rows.day)
    columns += subgroup_columns(sets, covariates(inputs["records"], protocol.subgroups, people, rows))
    if subset["imputed"]:
        columns += matching_columns(people, rows, () if protocol.with_relatives else protocol.design.match_exact)
    if protocol.with_relatives:
        columns += demographic_columns(people, rows)
    if subset["families"]:
        columns.append((FAMILY, family_clusters(sets, inputs["relatives"]["sibship"])))
    return pack_analysis_set(assemble_sets(sets, columns, attrition(inputs, sets)))


def visible_days(people: People, sets: MatchedSets, protocol: Protocol) -> np.ndarray:
    """First day on which use can be seen, on every row; the same stretch for a whole set compared at one age."""
    visible_from = observable_from(people, IndexRows(sets.person, sets.index_day), protocol.recording_from)
    if protocol.comparison in BLOOD_RELATIVES and protocol.design.relatives.compared_on == "case_age":
        return shared_look_back(visible_from, sets.index_day, sets.matched_set)
    return visible_from


def uses(
    records: Artifact, protocol: Protocol, people: People, rows: IndexRows, visible_from: np.ndarray
) -> list[UseOfRows]:
    """What the records say about each exposure on every row."""
    found = []
    for name, exposure in protocol.exposures.items():
        made = rows_of(records, exposure.concept_sets)
        amounts = {column: made[column] for column in AMOUNTS} | {"daily_doses": _daily_doses(records, exposure)}
        dispensed = distinct_dispensings(people, made["person_id"], made["day"], amounts)
        run_in = protocol.design.run_in_days
        found.append(use_of_rows(name, exposure, dispensed, rows, visible_from, protocol.windows, run_in))
    return found


def _daily_doses(records: Artifact, exposure: Exposure) -> np.ndarray:
    """Defined daily doses of each dispensing, in the order of the exposure's concept sets; nan where not known.

    The number that was recorded, if it is above zero; else milligrams divided by the daily dose that the study states.
    """
    found = []
    for name in exposure.concept_sets:
        made = rows_of(records, [name])
        recorded, computed = made["daily_doses"], made["dose"] / exposure.daily_doses.get(name, np.nan)
        found.append(np.where(recorded > 0, recorded, computed))
    return np.concatenate(found)


def covariates(
    records: Artifact, declared: Iterable[Covariate], people: People, rows: IndexRows
) -> list[CovariateValues]:
    """Every declared covariate, on every row."""
    found: list[CovariateValues] = []
    for covariate in declared:
        events = {name: _behind(covariate, records, people, name) for name in records_behind(covariate)}
        found.append(covariate_values(covariate, people, rows, events))
    return found


def _behind(covariate: Covariate, records: Artifact, people: People, name: str) -> EventDays | ValueDays:
    """The records of a concept set as the covariate reads them."""
    made = rows_of(records, [name])
    if isinstance(covariate, MeasurementCovariate):
        values = values_of(records, name)
        return value_days(people, made["person_id"], made["day"], values, covariate.plausible)
    return event_days(people, made["person_id"], made["day"])


def attrition(inputs: Inputs, sets: MatchedSets) -> tuple[Attrition, Attrition]:
    """Of the cases, down to those with a control; of the persons who may serve as controls."""
    made = inputs["matched_sets"].values
    if "cases" in made:
        return unpack_attrition(made["cases"]), unpack_attrition(made["controls"])
    cases = unpack_cohort(inputs["cases"]).attrition
    cases = cases.then("at least one eligible control", int(sets.is_case.sum()))
    controls = unpack_attrition(inputs["matched_sets"].values["controls"])
    return cases, controls
