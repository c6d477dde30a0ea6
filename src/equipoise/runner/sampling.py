"""Steps that find the cases and draw their controls."""

from collections.abc import Mapping
from typing import Any

from equipoise.cohort.membership import Cohort, find_members
from equipoise.cohort.people import EventDays, People
from equipoise.data.source import Source
from equipoise.design.matched_sets import Sampling, control_days, draw_matched_sets
from equipoise.runner.artifact import Artifact
from equipoise.runner.packing import (
    pack_cohort,
    pack_sets,
    unpack_cohort,
    unpack_people,
    unpack_records,
)
from equipoise.spec.cohorts import CohortDefinition

Inputs = Mapping[str, Artifact]


def cases(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """The case cohort: entry day, exit day and attrition."""
    people = unpack_people(inputs["people"])
    definition, records, within = definition_and_records(inputs, subset, people)
    return pack_cohort(find_members("cases", people, definition, records, subset["labels"], within))


def matched_sets(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Controls for every case by incidence-density sampling."""
    people = unpack_people(inputs["people"])
    definition, records, within = definition_and_records(inputs, subset, people)
    eligible = control_days(people, definition, records, subset["labels"], tuple(subset["free_of"]), within)
    sampling = Sampling(
        subset["controls_per_case"],
        tuple(subset["match_exact"]),
        subset["birth_year_caliper"],
        subset["time_in_cohort_caliper_days"],
        subset["seed"],
    )
    base = within.spans(len(people)) if within is not None else people.observed
    drawn = draw_matched_sets(people, unpack_cohort(inputs["cases"]), eligible.days, base, sampling)
    return pack_sets(drawn, eligible.attrition)


def definition_and_records(
    inputs: Inputs, subset: Any, people: People
) -> tuple[CohortDefinition, dict[str, EventDays], Cohort | None]:
    """The cohort of cases, the records that decide membership, and the cohort in which the study is nested, if any."""
    records = _records(inputs, subset, people)
    return CohortDefinition.model_validate(subset["cases"]), records, _within(people, subset, records)


def _records(inputs: Inputs, subset: Any, people: People) -> dict[str, EventDays]:
    return {name: unpack_records(inputs[f"records {name}"], people) for name in subset["labels"]}


def _within(people: People, subset: Any, records: Mapping[str, EventDays]) -> Cohort | None:
    """Members of the cohort in which the study is nested, if it is nested in one."""
    if subset["within"] is None:
        return None
    definition = CohortDefinition.model_validate(subset["within"])
    return find_members("source cohort", people, definition, records, subset["labels"])
