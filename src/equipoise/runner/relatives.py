"""Steps of comparisons with relatives: families of the database, and the matched sets they make."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.people import People
from equipoise.cohort.time import LATEST
from equipoise.data.families import Families, Pairs, Persons, families
from equipoise.data.partnerships import Lives, Partnerships
from equipoise.data.relationships import extract_links
from equipoise.data.source import Source
from equipoise.design.matched_sets import control_days
from equipoise.design.nested_case_control import members
from equipoise.design.relatives import FamilyRows, families_of_rows, sibling_sets, spouse_sets
from equipoise.runner.artifact import Artifact
from equipoise.runner.packing import pack_attrition, pack_sets, unpack_cohort, unpack_people, unpack_sets
from equipoise.runner.sampling import definition_and_records
from equipoise.spec.relatives import Relationships, RelativeControls

Inputs = Mapping[str, Artifact]
PARENTS = ("mother", "father")
FAMILY_ROWS = ("row", "person", "day", "own")


def relatives(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Siblings, partners and sibships of everyone, with what was wrong with the links."""
    people = unpack_people(inputs["people"])
    recorded = extract_links(source, Relationships.model_validate(subset["relationships"]))
    made = families(recorded, _persons(people))
    arrays = {"sibship": made.sibship}
    if subset.get("parents") and made.parents is not None:
        arrays |= dict(zip(PARENTS, made.parents, strict=True))
    arrays |= {f"{kind}_{name}": getattr(getattr(made, kind), name) for kind, name in _ARRAYS}
    values = {"findings": [asdict(finding) for finding in made.findings], "warnings": list(recorded.warnings)}
    return Artifact(arrays, values)


def unpack_families(made: Artifact) -> Families:
    """What `relatives` left behind, without its findings."""
    parts = {kind: {name: made[f"{kind}_{name}"] for of, name in _ARRAYS if of == kind} for kind, _ in _ARRAYS}
    partners = Partnerships(**parts["partners"])
    mother, father = (made.arrays.get(name) for name in PARENTS)
    parents = None if mother is None or father is None else (mother, father)
    return Families(Pairs(**parts["full"]), Pairs(**parts["half"]), partners, made["sibship"], (), parents)


_ARRAYS = (
    *((kind, name) for kind in ("full", "half") for name in ("offsets", "other")),
    *(("partners", name) for name in ("offsets", "other", "start", "end")),
)


def relative_sets(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Each case with its siblings, half siblings, cousins or spouse who may serve as controls on its index date."""
    people = unpack_people(inputs["people"])
    definition, records, within = definition_and_records(inputs, subset, people)
    eligible = control_days(people, definition, records, subset["labels"], tuple(subset["free_of"]), within).days
    cases, known = unpack_cohort(inputs["cases"]), unpack_families(inputs["relatives"])
    if subset["comparison"] == "spouses":
        made = spouse_sets(people, cases, eligible, known)
    else:
        rules = RelativeControls.model_validate(subset["relatives"])
        made = sibling_sets(people, cases, eligible, known, rules, subset["seed"], subset["comparison"])
    packed = pack_sets(made.sets, made.controls)
    return Artifact(packed.arrays, {**packed.values, "cases": pack_attrition(made.cases)})


def family_rows(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Cases and population controls, each with its relatives of a kind on the index date."""
    people = unpack_people(inputs["people"])
    definition, records, within = definition_and_records(inputs, subset, people)
    eligible = control_days(people, definition, records, subset["labels"], tuple(subset["free_of"]), within).days
    sets, known = members(unpack_sets(inputs["matched_sets"])), unpack_families(inputs["relatives"])
    rules = RelativeControls.model_validate(subset["relatives"])
    rows = IndexRows(sets.person, sets.index_day)
    made = families_of_rows(people, rows, eligible, known, rules, subset["comparison"])
    return Artifact({name: getattr(made, name) for name in FAMILY_ROWS})


def unpack_family_rows(made: Artifact) -> FamilyRows:
    return FamilyRows(**{name: made[name] for name in FAMILY_ROWS})


def _persons(people: People) -> Persons:
    sex = people.characteristics["sex"]
    levels = np.array(sex.levels, dtype=object)[sex.codes] if len(sex.levels) else np.zeros(0, dtype=object)
    first_day = np.full(len(people), LATEST, dtype=np.int32)
    np.minimum.at(first_day, people.observed.person, people.observed.start)
    lives = Lives(people.person_id, first_day, people.death_day)
    return Persons(lives, people.birth_year, levels == "female", levels == "male")
