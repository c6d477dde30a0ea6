"""Sibling and spouse comparisons on generated databases with untidy families, held against the oracle."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equipoise.data.connect import connect
from equipoise.runner.packing import unpack_people, unpack_sets
from equipoise.runner.progress import Silent
from equipoise.runner.steps import study_steps
from equipoise.runner.store import MemoryShelf
from equipoise.runner.walk import Walk
from equipoise.spec.read import parse_study
from tests.generative.databases import random_people, some_day, write_database
from tests.generative.test_case_control import RULES, STUDY, as_date
from tests.oracle import case_control, relatives
from tests.oracle.case_control import Person

KINDS = ("full_sibling", "half_sibling", "sibling", "mother", "father", "parent", "child", "spouse")
CONCEPTS = {kind: 900 + place for place, kind in enumerate(KINDS)}
MARRIED, DIVORCED = 950, 951
PERSON_DOMAIN = 1147314


def random_kin(rng: np.random.Generator, people: list[Person]) -> relatives.Kin:
    """Families with parents, recorded siblings, marriages in a row and every kind of bad link."""
    ids = [person.person_id for person in people]
    for person in people[:20]:
        if person.born is not None:
            person.born = date(1900 + int(rng.integers(0, 30)), 3, 4)
    links: list[relatives.Link] = []
    for child in ids[20:]:
        mother, father = (ids[int(rng.integers(start, start + 5))] for start in (0, 5))
        if rng.random() < 0.8:
            links.append((mother, "mother", child) if rng.random() < 0.5 else (child, "child", mother))
        if rng.random() < 0.8:
            links.append((father, "father", child) if rng.random() < 0.5 else (father, "parent", child))
    for _ in range(60):
        one, other = (ids[int(rng.integers(len(ids)))] for _ in range(2))
        links.append((one, KINDS[int(rng.integers(len(KINDS)))], other))
    links += [(ids[0], "full_sibling", ids[-1] + 1), *links[::9]]
    married: dict[int, list[date]] = {}
    parted: dict[int, list[date]] = {}
    for _ in range(60):
        one, other = (ids[int(rng.integers(20, len(ids)))] for _ in range(2))
        begin = some_day(rng, 0, 2500)
        end = begin + timedelta(days=int(rng.integers(1, 2500)))
        links.append((one, "spouse", other))
        for person in (one, other):
            if rng.random() < 0.9:
                married.setdefault(person, []).append(begin)
                if rng.random() < 0.6:
                    parted.setdefault(person, []).append(end)
    return relatives.Kin({person.person_id: person for person in people}, links, married, parted)


def write_kin(kin: relatives.Kin, folder: Path) -> None:
    rows = [
        {
            "domain_concept_id_1": PERSON_DOMAIN,
            "fact_id_1": one,
            "domain_concept_id_2": PERSON_DOMAIN,
            "fact_id_2": other,
            "relationship_concept_id": CONCEPTS[kind],
        }
        for one, kind, other in kin.links
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "fact_relationship.parquet")
    days = [(person, MARRIED, day) for person, own in kin.married.items() for day in own]
    days += [(person, DIVORCED, day) for person, own in kin.parted.items() for day in own]
    observations = {
        "observation_id": range(len(days)),
        "person_id": [person for person, _, _ in days],
        "observation_concept_id": [concept for _, concept, _ in days],
        "observation_date": [day for _, _, day in days],
    }
    pq.write_table(
        pa.table({name: list(values) for name, values in observations.items()}), folder / "observation.parquet"
    )


def study() -> dict:
    items = {kind: [{"concept_id": concept}] for kind, concept in CONCEPTS.items()}
    kinship = items | {
        "partnership_begins": [{"concept_id": MARRIED}],
        "partnership_ends": [{"concept_id": DIVORCED}],
    }
    base = STUDY["analyses"][0]
    design = base["design"] | {"comparisons": ["population", "siblings", "spouses"]}
    needs = STUDY["data_needs"] | {"relationships": kinship}
    return STUDY | {"data_needs": needs, "analyses": [base | {"design": design}]}


def alive_records(kin: relatives.Kin) -> relatives.Kin:
    """Without observations before birth or after death, which the engine leaves out as events."""

    def kept(days: dict[int, list[date]]) -> dict[int, list[date]]:
        found = {}
        for number, own in days.items():
            person = kin.people[number]
            found[number] = [
                day
                for day in own
                if (person.died is None or day <= person.died) and (person.born is None or day >= person.born)
            ]
        return found

    return relatives.Kin(kin.people, kin.links, kept(kin.married), kept(kin.parted))


@pytest.mark.parametrize("seed", range(6))
def test_sets_with_siblings_and_spouses_agree_with_the_oracle(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    people = [person for person in random_people(rng, 120) if person.born is None or person.died != person.born]
    kin = random_kin(rng, people)
    write_database(people, tmp_path / "data", rng)
    write_kin(kin, tmp_path / "data")
    with connect(tmp_path / "data") as source:
        walk = Walk(source, MemoryShelf(), Silent())
        kinds = ("people", "relatives", "concepts", "records", "cases", "matched_sets", "relative_sets")
        walk.run(step for step in study_steps(parse_study(study()), 11, "risk") if step.kind in kinds)
    kin = alive_records(kin)
    known = relatives.parents(kin)
    index = case_control.cases(people, RULES)
    served = 0
    for comparison in ("siblings", "spouses"):
        found = members_of(walk, comparison)
        assert set(found) == set(index)
        for case, day in index.items():
            if comparison == "siblings":
                candidates = relatives.full_siblings(kin, known, case)
            else:
                candidates = {relatives.partner(kin, known, case, day)} - {None}
            expected = {other for other in candidates if relatives.may_serve(kin.people[other], day, RULES)}
            assert found[case] == expected, (comparison, case)
            served += len(expected)
    assert served, "a database without any relative tests nothing"


def members_of(walk: Walk, comparison: str) -> dict[int, set[int]]:
    """Controls of each case by identifier, all on the index date of the case."""
    ids = unpack_people(walk.artifact("people")).person_id
    sets = unpack_sets(walk.artifact(f"matched sets of risk, {comparison}"))
    case = dict(zip(sets.matched_set[sets.is_case], ids[sets.person[sets.is_case]].tolist(), strict=True))
    day = dict(zip(sets.matched_set[sets.is_case], sets.index_day[sets.is_case], strict=True))
    found: dict[int, set[int]] = {number: set() for number in case.values()}
    for number, person, when, is_case in zip(
        sets.matched_set, ids[sets.person].tolist(), sets.index_day, sets.is_case, strict=True
    ):
        if not is_case:
            found[case[number]].add(person)
            assert as_date(int(when)) == as_date(int(day[number]))
    return found
