"""Whole nested case-control studies on generated databases, held against the row-at-a-time oracle."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from equipoise.analysis_set import AnalysisSet
from equipoise.data.connect import connect
from equipoise.runner.packing import unpack_analysis_set, unpack_people, unpack_sets
from equipoise.runner.progress import Silent
from equipoise.runner.steps import study_steps
from equipoise.runner.store import MemoryShelf
from equipoise.runner.walk import Walk
from equipoise.spec.read import parse_study
from tests.generative.databases import BLEED, DRUG, START, ULCER, random_people, write_database
from tests.oracle import case_control as oracle

RULES = oracle.Rules(
    min_age=58,
    prior_days=100,
    birth_year_caliper=1,
    min_dispensings=2,
    run_in=200,
    recording_from=START + timedelta(days=300),
    windows={"0-1 y": (-365, -1), "1-3 y": (-1095, -366), ">3 y": (None, -1096)},
)
STUDY = {
    "spec_version": 1,
    "id": "generated",
    "title": "A study of generated people",
    "question": {"text": "Does the engine agree with the oracle?"},
    "data_needs": {"drug_recording_from": RULES.recording_from},
    "concept_sets": {
        "bleed": {"domain": "condition", "include": [{"concept_id": BLEED}]},
        "ulcer": {"domain": "condition", "include": [{"concept_id": ULCER}]},
        "drug": {"domain": "drug", "include": [{"concept_id": DRUG}]},
    },
    "cohorts": {
        "bleeders": {
            "entry": {"concept_set": "bleed"},
            "age": {"min": RULES.min_age},
            "prior_observation_days": RULES.prior_days,
            "exclude_prior": [{"concept_set": "ulcer"}],
        }
    },
    "exposures": {"drug": {"concept_sets": ["drug"], "min_dispensings": RULES.min_dispensings}},
    "windows": {
        "0-1 y": {"years_before": [0, 1]},
        "1-3 y": {"years_before": [1, 3]},
        ">3 y": {"years_before": [3, float("inf")]},
    },
    "analyses": [
        {
            "id": "risk",
            "design": {
                "kind": "nested_case_control",
                "cases": "bleeders",
                "controls_per_case": 3,
                "birth_year_caliper": RULES.birth_year_caliper,
                "exposures": ["drug"],
                "windows": list(RULES.windows),
                "run_in_days": RULES.run_in,
            },
        }
    ],
}


@pytest.fixture(params=range(8), ids=lambda seed: f"database {seed}")
def world(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[oracle.Person], Walk]:
    rng = np.random.default_rng(request.param)
    people = random_people(rng, 120)
    write_database(people, tmp_path / "data", rng)
    study = parse_study(STUDY)
    with connect(tmp_path / "data") as source:
        walk = Walk(source, MemoryShelf(), Silent())
        walk.run(step for step in study_steps(study, 11, "risk") if step.kind not in ("estimates", "description"))
    return people, walk


def test_cases_risk_sets_and_exposure_agree_with_the_oracle(world: tuple[list[oracle.Person], Walk]) -> None:
    people, walk = world
    by_id = {person.person_id: person for person in people}
    known = unpack_people(walk.artifact("people"))
    sets = unpack_sets(walk.artifact("matched sets of risk"))
    ids = known.person_id[sets.person]
    found = {int(i): as_date(int(d)) for i, d in zip(ids[sets.is_case], sets.index_day[sets.is_case], strict=True)}
    assert found == oracle.cases(people, RULES)
    assert found, "a database without a case tests nothing"
    for number in range(len(sets.risk_set_size)):
        members = ids[(sets.matched_set == number)].tolist()
        case, controls = by_id[members[0]], members[1:]
        eligible = oracle.risk_set(people, case, found[case.person_id], RULES)
        assert sets.risk_set_size[number] == len(eligible)
        assert set(controls) <= eligible
        assert len(set(controls)) == len(controls) == min(3, len(eligible))
    _exposure_agrees(unpack_analysis_set(walk.artifact("analysis set of risk")), sets, ids, by_id)


def _exposure_agrees(rows: AnalysisSet, sets, ids, by_id) -> None:  # type: ignore[no-untyped-def]
    kept = (sets.n_controls > 0)[sets.matched_set]
    columns = {name: rows.column(name) for name in rows.names}
    factor = "drug | initiation | 0-1 y + 1-3 y + >3 y | "
    for row, at in enumerate(np.flatnonzero(kept)):
        person, index = by_id[int(ids[at])], as_date(int(sets.index_day[at]))
        level = oracle.initiation(person, index, RULES)
        for name in (*RULES.windows, "prevalent", "below minimum", "within the lag", "outside the windows"):
            assert columns[factor + name][row] == (level == name), (name, level)
        for window in RULES.windows:
            assert columns[f"drug | any_use | {window}"][row] == oracle.any_use(person, index, window, RULES)
            for reading in ("any_use", "initiation"):
                seen = oracle.observable(person, index, window, reading, RULES)
                assert columns[f"observable | {reading} | {window}"][row] == seen


def as_date(day: int):  # type: ignore[no-untyped-def]
    return np.datetime64(day, "D").astype(object)
