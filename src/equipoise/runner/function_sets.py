"""Steps that read scores of function and lay them out beside an analysis set."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from equipoise.analysis_set import Measurements
from equipoise.data.concepts import resolve
from equipoise.data.events import extract_events
from equipoise.data.source import Source
from equipoise.design.scores import ScoreRecords, Scores, clean_scores, scores_in_follow_up
from equipoise.runner.artifact import Artifact
from equipoise.runner.follow_up import followed_persons
from equipoise.runner.follow_up_protocol import read_follow_up
from equipoise.runner.packing import unpack_people, unpack_records
from equipoise.spec.concepts import ConceptSet

Inputs = Mapping[str, Artifact]
ROWS = ("person", "day", "values")
TABLE = "measurement"


def scores(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """The scores of everybody in the population, cleaned, and what was wrong among them."""
    people = unpack_people(inputs["people"])
    members = pa.array(people.person_id[np.unique(inputs["members"]["person"])], pa.int64())
    read = {
        key: _records(source, name, ConceptSet.model_validate(concept_set), most, members)
        for key, (name, concept_set, most) in subset["scores"].items()
    }
    found, findings = clean_scores(people, read)
    arrays = {name: getattr(found, name) for name in ROWS}
    checks = [{"table": TABLE} | asdict(finding) for finding in findings]
    return Artifact(arrays, {"names": list(found.names), "findings": checks})


def _records(source: Source, name: str, concept_set: ConceptSet, most: int, members: pa.Array) -> ScoreRecords:
    rows = extract_events(source, resolve(source, name, concept_set), members)
    value = rows["value"].to_numpy().astype(np.float64)
    return ScoreRecords(rows["person_id"].to_numpy(), rows["day"].to_numpy(), value, most)


def function_set(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """The scores of one comparison in days from time zero, persons in the order of its analysis set."""
    protocol, people = read_follow_up(subset), unpack_people(inputs["people"])
    followed = followed_persons(inputs, protocol, people)
    firsts = {name: unpack_records(inputs[f"first {name}"], people) for name in subset["firsts"]}
    return pack_measurements(scores_in_follow_up(_unpacked(inputs["scores"]), followed, firsts))


def _unpacked(made: Artifact) -> Scores:
    return Scores(made["person"], made["day"], made["values"], tuple(made.values["names"]))


def pack_measurements(measured: Measurements) -> Artifact:
    """Measurements as an artefact."""
    arrays = {name: getattr(measured, name) for name in ROWS}
    marks = {f"mark {name}": day for name, day in measured.marks.items()}
    return Artifact(arrays | marks, {"names": list(measured.names), "marks": list(measured.marks)})


def unpack_measurements(made: Artifact) -> Measurements:
    """Measurements from their artefact."""
    marks = {name: made[f"mark {name}"] for name in made.values["marks"]}
    return Measurements(made["person"], made["day"], made["values"], tuple(made.values["names"]), marks)
