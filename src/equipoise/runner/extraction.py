"""Steps that read the database: persons, concept sets, records, data quality."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from equipoise.cohort.people import CHARACTERISTICS, NO_DEATH, UNKNOWN_BIRTH, Factor, People
from equipoise.data.codings import shared_codings
from equipoise.data.concepts import ResolvedConcepts, resolve
from equipoise.data.events import extract_each, extract_events, known_events
from equipoise.data.people import extract_people, extract_spans
from equipoise.data.quality import data_quality
from equipoise.data.source import Source
from equipoise.data.tables import EVENT_TABLES
from equipoise.errors import DesignError, Fault
from equipoise.kernels.spans import normalise
from equipoise.runner.artifact import Artifact
from equipoise.runner.packing import AMOUNTS, pack_people, unpack_people
from equipoise.spec.concepts import ConceptSet

Inputs = Mapping[str, Artifact]
# Column of the people table behind each characteristic.
CHARACTERISTIC_COLUMNS = {
    "sex": "sex",
    "region": "region",
    "race": "race_concept_id",
    "ethnicity": "ethnicity_concept_id",
    "care_site": "care_site_id",
}


def people(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Every person with birth, death, characteristics and observation, in ascending order of identifier."""
    rows = extract_people(source)
    spans = extract_spans(source)
    person_id = rows["person_id"].to_numpy()
    codes = np.searchsorted(person_id, spans["person_id"].to_numpy())
    start, end = spans["start_day"].to_numpy(), spans["end_day"].to_numpy()
    found = People(
        person_id,
        _days(rows["birth_day"], UNKNOWN_BIRTH),
        _days(rows["birth_year"], np.int32(0)),
        _days(rows["death_day"], NO_DEATH),
        {name: _factor(rows[CHARACTERISTIC_COLUMNS[name]]) for name in CHARACTERISTICS},
        normalise(codes, start, end, len(person_id)),
    )
    return pack_people(found)


def _days(column: pa.ChunkedArray, missing: np.int32) -> np.ndarray:
    return column.fill_null(pa.scalar(int(missing), column.type)).to_numpy().astype(np.int32)


def _factor(column: pa.ChunkedArray) -> Factor:
    """Sorted levels as text; missing values are the level `unknown`."""
    text = column.cast(pa.string()).fill_null("unknown").combine_chunks().dictionary_encode()
    names = np.array(text.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names) if len(names) else np.zeros(0, dtype=np.int64)
    position = np.empty(len(order), dtype=np.int32)
    position[order] = np.arange(len(order), dtype=np.int32)
    codes = text.indices.to_numpy(zero_copy_only=False)
    return Factor(position[codes] if len(codes) else np.zeros(0, dtype=np.int32), tuple(names[order]))


def concepts(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """What a concept set finds in the database: numbers of concepts, records and persons, and warnings."""
    found = _resolved(subset["name"], subset["concept_set"], source)
    records = known_events(source, found)
    counts = records.aggregate(n_records=records.count(), n_persons=records.person_id.nunique())
    counted = source.to_arrow(counts).to_pylist()[0]
    values = {"name": subset["name"], "domain": subset["concept_set"]["domain"], "n_concepts": found.n_concepts}
    return Artifact({}, values | counted | {"warning": "; ".join(str(warning) for warning in found.warnings) or None})


def _resolved(name: str, concept_set: dict[str, Any], source: Source) -> ResolvedConcepts:
    return resolve(source, name, ConceptSet.model_validate(concept_set))


def records(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Days on which persons have a record of a concept set: all of them, or each person's first."""
    found = _resolved(subset["name"], subset["concept_set"], source)
    rows = extract_events(source, found, None, first_only=subset["first_only"])
    return Artifact({"person_id": rows["person_id"].to_numpy(), "day": rows["day"].to_numpy()})


def member_records(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Records of the members of matched sets or of a cohort, one group of arrays a concept set, with amounts."""
    members = [made["person"] for role, made in inputs.items() if role.startswith("members")]
    persons = unpack_people(inputs["people"]).person_id[np.unique(np.concatenate(members))]
    arrays: dict[str, np.ndarray] = {}
    sets = [_resolved(name, concept_set, source) for name, concept_set in subset["concept_sets"].items()]
    named = dict(zip(subset["concept_sets"], sets, strict=True))
    if faults := shared_records(named, subset.get("together", {}), source):
        raise DesignError(faults)
    for position, rows in enumerate(extract_each(source, sets, pa.array(persons, pa.int64()))):
        for column in ("person_id", "day"):
            arrays[f"{position}.{column}"] = rows[column].to_numpy()
        for column in AMOUNTS:
            arrays[f"{position}.{column}"] = rows[column].to_numpy().astype(np.float64)
        if EVENT_TABLES[sets[position].domain].value is not None:
            arrays[f"{position}.value"] = rows["value"].to_numpy().astype(np.float64)
    return Artifact(arrays, {"concept_sets": list(subset["concept_sets"])})


def shared_records(
    sets: Mapping[str, ResolvedConcepts], together: Mapping[str, Sequence[str]], source: Source
) -> list[Fault]:
    """Exposures of which two concept sets find the same records: supply and doses would count twice."""
    return [
        Fault(
            f"exposures.{exposure}.concept_sets",
            f"{one!r} and {other!r} name the same records ({shared:,} codes in common)",
            "sets without a record in common, for supply and doses of an exposure are added up",
            "exclude from one of them what the other has, or leave the narrower one out",
        )
        for exposure, names in together.items()
        for one, other in combinations(names, 2)
        if (shared := shared_codings(source, sets[one], sets[other]))
    ]


def quality(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """The data-quality table of the tables that the study reads."""
    tables = {EVENT_TABLES[domain].table for domain in subset["domains"]}
    return Artifact({}, {"findings": [asdict(finding) for finding in data_quality(source, tables)]})
