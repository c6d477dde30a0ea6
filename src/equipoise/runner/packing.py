"""Left-wing and waist values to artefacts and back."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Attrition, AttritionRow, Column
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import CHARACTERISTICS, EventDays, Factor, People, event_days
from equipoise.design.matched_sets import MatchedSets
from equipoise.kernels.spans import Spans
from equipoise.runner.artifact import Artifact

AMOUNTS = ("days_supply", "quantity", "dose", "daily_doses")
SETS = ("matched_set", "person", "is_case", "index_day", "risk_set_size", "n_controls")
ROWS = ("person", "event", "start", "stop", "weight", "x", "stratum", "arm", "offset")


def pack_people(people: People) -> Artifact:
    arrays = {name: getattr(people, name) for name in ("person_id", "birth_day", "birth_year", "death_day")}
    arrays |= {f"observed_{name}": getattr(people.observed, name) for name in ("offsets", "start", "end")}
    arrays |= {name: people.characteristics[name].codes for name in CHARACTERISTICS}
    levels = {name: list(people.characteristics[name].levels) for name in CHARACTERISTICS}
    return Artifact(arrays, {"levels": levels})


def unpack_people(made: Artifact) -> People:
    levels = made.values["levels"]
    return People(
        made["person_id"],
        made["birth_day"],
        made["birth_year"],
        made["death_day"],
        {name: Factor(made[name], tuple(levels[name])) for name in CHARACTERISTICS},
        Spans(made["observed_offsets"], made["observed_start"], made["observed_end"]),
    )


def unpack_records(made: Artifact, people: People) -> EventDays:
    return event_days(people, made["person_id"], made["day"])


def pack_attrition(attrition: Attrition) -> dict[str, Any]:
    return asdict(attrition)


def unpack_attrition(values: Mapping[str, Any]) -> Attrition:
    return Attrition(values["cohort"], tuple(AttritionRow(**row) for row in values["rows"]))


def pack_cohort(cohort: Cohort) -> Artifact:
    arrays = {name: getattr(cohort, name) for name in ("person", "entry", "exit")}
    return Artifact(arrays, {"attrition": pack_attrition(cohort.attrition)})


def unpack_cohort(made: Artifact) -> Cohort:
    return Cohort(made["person"], made["entry"], made["exit"], unpack_attrition(made.values["attrition"]))


def pack_sets(sets: MatchedSets, controls: Attrition) -> Artifact:
    return Artifact({name: getattr(sets, name) for name in SETS}, {"controls": pack_attrition(controls)})


def unpack_sets(made: Artifact) -> MatchedSets:
    return MatchedSets(**{name: made[name] for name in SETS})


def pack_analysis_set(rows: AnalysisSet) -> Artifact:
    arrays = {name: value for name in ROWS if (value := getattr(rows, name)) is not None}
    columns = [[column.name, column.role, [list(tag) for tag in column.tags]] for column in rows.columns]
    return Artifact(arrays, {"columns": columns, "attrition": [pack_attrition(item) for item in rows.attrition]})


def unpack_analysis_set(made: Artifact) -> AnalysisSet:
    columns = tuple(
        Column(name, role, tuple((key, value) for key, value in tags)) for name, role, tags in made.values["columns"]
    )
    arrays: dict[str, np.ndarray] = {name: made.arrays[name] for name in ROWS if name in made.arrays}
    attrition = tuple(unpack_attrition(item) for item in made.values["attrition"])
    return AnalysisSet(**arrays, columns=columns, attrition=attrition)


def values_of(made: Artifact, name: str) -> np.ndarray:
    """The measured values of a concept set's member records, float64 (k,), NaN where there is none."""
    return made[f"{made.values['concept_sets'].index(name)}.value"]


def rows_of(made: Artifact, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The member records of the named concept sets, one after the other."""
    at = [made.values["concept_sets"].index(name) for name in names]
    return {
        column: np.concatenate([made[f"{position}.{column}"] for position in at])
        for column in ("person_id", "day", *AMOUNTS)
    }
