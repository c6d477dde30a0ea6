"""Steps of a follow-up design: its population, and each comparison as an analysis set."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from equipoise.analysis_set import Column
from equipoise.cohort.covariates import CovariateValues, IndexRows
from equipoise.cohort.membership import find_members
from equipoise.cohort.people import EventDays, People
from equipoise.data.source import Source
from equipoise.design.arms import find_arms
from equipoise.design.deliberate_flaws import ever_users, late_rows
from equipoise.design.follow_up import Followed, assemble_arms, follow, with_population
from equipoise.design.graded_use import SCORE, GradedDrug, scores_of
from equipoise.design.nested_case_control import covariate_columns, interaction_columns, level_columns
from equipoise.design.time_varying import at_first_risk, exposed_after, split
from equipoise.runner.artifact import Artifact
from equipoise.runner.assembly import covariates
from equipoise.runner.follow_up_protocol import FollowUpProtocol, contrast_of, drug_of, read_follow_up
from equipoise.runner.packing import (
    pack_analysis_set,
    pack_cohort,
    unpack_cohort,
    unpack_people,
    unpack_records,
)
from equipoise.spec.cohorts import CohortDefinition
from equipoise.spec.covariates import Covariate

Inputs = Mapping[str, Artifact]


def population(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """The cohort that is followed, or in which users are found: entry day, exit day and attrition."""
    people = unpack_people(inputs["people"])
    records = first_or_all(inputs, subset["labels"], people)
    definition = CohortDefinition.model_validate(subset["population"])
    return pack_cohort(find_members("population", people, definition, records, subset["labels"]))


def arms_set(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """The rows of one comparison with arm, time followed, event and covariates: one a person, or, where exposure varies
    in time, one for the time without exposure and one for the time with it."""
    protocol = read_follow_up(subset)
    people = unpack_people(inputs["people"])
    followed = followed_persons(inputs, protocol, people)
    reference, target = protocol.arm_labels
    tags = (("exposure", protocol.target), ("target", target), ("reference", reference))
    adjusted_for = covariate_columns(covariates_at_time_zero(inputs, protocol, people, followed))
    columns = [*adjusted_for, *interaction_columns(adjusted_for, protocol.interactions)]
    columns += level_columns(at_time_zero(inputs, protocol.subgroups, people, followed))
    columns += graded_columns(inputs, protocol, people, followed)
    rows = assemble_arms(followed, Column(protocol.contrast_label, "exposure", tags), columns)
    if protocol.varies_in_time:
        rows = split(rows, exposure_begins(inputs, protocol, people, followed))
    return pack_analysis_set(with_population(rows, unpack_cohort(inputs["population"]).attrition))


def followed_persons(inputs: Inputs, protocol: FollowUpProtocol, people: People) -> Followed:
    """Everyone in one comparison with arm, time zero and follow-up."""
    contrast = contrast_of(protocol, inputs["records"], people)
    population = unpack_cohort(inputs["population"])
    rules = (protocol.design, protocol.window, protocol.recording_from, protocol.contrast_label)
    first_records = first_or_all(inputs, protocol.labels, people)
    if protocol.flaw == "immortal_time":
        arms = ever_users(people, population, contrast, *rules, first_records)
    else:
        arms = find_arms(people, population, contrast, *rules)
    followed = follow(people, arms, contrast, first_records, protocol.design, protocol.labels)
    if protocol.varies_in_time:
        return at_first_risk(followed, exposure_begins(inputs, protocol, people, followed))
    return followed


def exposure_begins(inputs: Inputs, protocol: FollowUpProtocol, people: People, followed: Followed) -> np.ndarray:
    """The day after which each person is exposed, where exposure varies in time: int32 (k,)."""
    assert protocol.window is not None  # a rule of the design
    drug = contrast_of(protocol, inputs["records"], people).target
    return exposed_after(people, followed.arms, drug, protocol.design, protocol.window, protocol.recording_from)


def covariates_at_time_zero(
    inputs: Inputs, protocol: FollowUpProtocol, people: People, followed: Followed
) -> list[CovariateValues]:
    """Every covariate the analysis adjusts for, as it was at time zero."""
    if protocol.flaw == "covariates_after_time_zero":
        rows = late_rows(IndexRows(followed.arms.person, followed.arms.day))
        return covariates(inputs["records"], protocol.covariates, people, rows)
    return at_time_zero(inputs, protocol.covariates, people, followed)


def at_time_zero(
    inputs: Inputs, declared: Iterable[Covariate], people: People, followed: Followed
) -> list[CovariateValues]:
    """Covariates of everybody followed, as they were at time zero."""
    return covariates(inputs["records"], declared, people, IndexRows(followed.arms.person, followed.arms.day))


def graded_columns(
    inputs: Inputs, protocol: FollowUpProtocol, people: People, followed: Followed
) -> list[tuple[Column, np.ndarray]]:
    """The graded score of the drugs used, where the design has one."""
    score = protocol.design.score
    if score is None:
        return []
    drugs = [GradedDrug(drug_of(item.concept_set, inputs["records"], people), item.score) for item in score.scored]
    rules = protocol.design, protocol.window, protocol.recording_from
    return [(Column(SCORE, "dose"), scores_of(people, followed.arms, drugs, *rules))]


def first_or_all(inputs: Inputs, names: Iterable[str], people: People) -> dict[str, EventDays]:
    """The days of the named concept sets' records, as their steps read them."""
    return {name: unpack_records(inputs[f"records {name}"], people) for name in names}
