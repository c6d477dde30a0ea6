"""Problem lists of the network: weak breathing, the site of onset, diseases that nothing joins to ALS."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from equipoise.errors import SpecError
from equipoise.simulate.block import MONTH, Place
from equipoise.simulate.breathing import BREATHING, FAILURE, HYPOVENTILATION
from equipoise.simulate.care import PROCEDURES
from equipoise.simulate.course import draw_plan
from equipoise.simulate.nation import Block, draw_block, draw_patients
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.network import network_tables, network_view
from equipoise.simulate.problems import CATEGORIES, PROBLEMS, draw_problems
from equipoise.simulate.spec_problems import AMBULATORY
from equipoise.simulate.write_nation import write_nation
from tests.simulate.nation_database import ask

PLACE = Place(seed=4, block=0, first_person=1, persons=8_000)
ENRICHED = 80.0


@pytest.fixture(scope="module")
def block() -> Block:
    return draw_block(NationSpec(), PLACE, ENRICHED)


@pytest.fixture(scope="module")
def capacity(block: Block) -> np.ndarray:
    """Vital capacity of every patient in every month after onset."""
    spec = NationSpec()
    people, _, disease, episodes = draw_patients(spec, PLACE, ENRICHED)
    return draw_plan(spec, PLACE, people, disease, episodes).illness.capacity


def rows_of(block: Block, person: np.ndarray) -> np.ndarray:
    """Rows of the disease of persons of a block."""
    row = np.full(len(block.people), -1)
    row[block.disease.person] = np.arange(len(block.disease))
    return row[person]


def test_every_problem_has_a_code_of_its_own() -> None:
    assert CATEGORIES[len(BREATHING) :] == list(AMBULATORY)
    assert len({problem.code for problem in PROBLEMS}) == len({problem.name for problem in PROBLEMS}) == len(PROBLEMS)


def test_breathing_is_recognised_where_capacity_is_low(block: Block, capacity: np.ndarray) -> None:
    found = block.course.breathing
    row = rows_of(block, found.person)
    month = ((found.day - block.disease.onset[row]) / MONTH).astype(int)
    seen = capacity[row, month]
    assert (row >= 0).all()
    assert block.course.diagnosed[row].all()
    assert (found.day >= block.disease.diagnosis[row]).all()
    assert (found.day <= block.death[found.person]).all()
    hypoventilation, failure = (seen[found.what == kind] for kind in (HYPOVENTILATION, FAILURE))
    rules = NationSpec().problems.breathing
    assert min(len(hypoventilation), len(failure)) > 50
    assert (failure < rules.failure + 4 * rules.spread).all()
    assert hypoventilation.mean() < rules.hypoventilation
    assert failure.mean() < rules.failure
    assert len(np.unique(found.person * 2 + found.what)) == len(found)


def test_two_in_five_of_the_unventilated_hypoventilate(block: Block, capacity: np.ndarray) -> None:
    """The published share, over the months from the diagnosis to two years after it, before any ventilation."""
    disease, course = block.disease, block.course
    day = disease.onset[:, None] + MONTH * np.arange(capacity.shape[1])
    known = course.diagnosed[:, None] & (day >= disease.diagnosis[:, None]) & (day < disease.diagnosis[:, None] + 730)
    starts = course.procedures.what == PROCEDURES.index("non-invasive ventilation")
    begins = np.full(len(block.people), np.inf)
    begins[course.procedures.person[starts]] = course.procedures.day[starts]
    counted = known & (day < np.minimum(course.death[0], begins[disease.person])[:, None])
    rules = NationSpec().problems.breathing
    draw = np.random.default_rng(1).normal(0, rules.spread, len(disease))
    share = (capacity < rules.hypoventilation + draw[:, None])[counted].mean()
    assert 0.33 < share < 0.47


def test_ventilation_may_be_coded_with_its_reason() -> None:
    silent = {"recognised": 0.0}
    always, never = (
        draw_block(parse_nation({"problems": {"breathing": silent | {"at_ventilation": share}}}), PLACE, ENRICHED)
        for share in (1.0, 0.0)
    )
    assert len(never.course.breathing) == 0
    procedures = always.course.procedures
    begins = procedures.what == PROCEDURES.index("non-invasive ventilation")
    found = always.course.breathing
    assert begins.sum() > 50
    assert set(zip(found.person, found.day, strict=True)) == set(
        zip(procedures.person[begins], procedures.day[begins], strict=True)
    )


def test_problems_leave_everything_else_as_it_is(block: Block) -> None:
    silent = {"breathing": {"recognised": 0.0, "at_ventilation": 0.0}, "onset_site": 0.0}
    spec = parse_nation({"problems": silent | {"controls": {key: {"rate": 0.0} for key in AMBULATORY}}})
    without, _ = network_tables(spec, draw_block(spec, PLACE, ENRICHED))
    tables, _ = network_tables(NationSpec(), block)
    for name in set(tables) - {"condition_occurrence", "observation"}:
        assert tables[name].equals(without[name]), name
    assert len(without["observation"]) == 0
    rest = [
        table.filter(pc.is_valid(table["visit_occurrence_id"])).drop_columns("condition_occurrence_id")
        for table in (each["condition_occurrence"] for each in (tables, without))
    ]
    assert rest[0].equals(rest[1])
    assert len(tables["condition_occurrence"]) > 2 * len(rest[0])


def test_site_of_onset_is_noted_at_the_diagnosis(block: Block) -> None:
    view = network_view(NationSpec(), block)
    tables, _ = network_tables(NationSpec(), block)
    disease, course = block.disease, block.course
    here = course.diagnosed & (view.start[disease.person] <= disease.diagnosis)
    here &= disease.diagnosis <= view.end[disease.person]
    noted = tables["observation"]
    row = rows_of(block, np.asarray(noted["person_id"]) - PLACE.first_person)
    n, share = here.sum(), NationSpec().problems.onset_site
    assert abs(len(noted) / n - share) < 4 * np.sqrt(share * (1 - share) / n)
    assert here[row].all()
    bulbar = np.array(noted["observation_source_value"].to_pylist()) == "Bulbar onset"
    assert (bulbar == disease.bulbar[row]).all()
    assert (np.asarray(noted["observation_date"].cast("int32")) == disease.diagnosis[row]).all()


def test_control_diseases_come_at_their_rates(block: Block) -> None:
    """Of each disease within 4.5 standard errors of its rate by age and sex, over everybody observed."""
    spec, people = NationSpec(), block.people
    found = draw_problems(spec.problems, PLACE, people, block.course.breathing)
    days = np.arange(int(people.start.min()), int(people.leaves.max()), 183)
    expected = dict.fromkeys(AMBULATORY, 0.0)
    for day in days:
        seen = (people.start <= day) & (day <= np.minimum(people.leaves, people.dies))
        age, female = (day - people.born[seen]) / 365.25, people.female[seen]
        for category, rule in AMBULATORY.items():
            ratio = np.exp(rule.per_year_of_age * (np.clip(age, 1, 95) - 50)) * np.where(female, rule.women, 1.0)
            expected[category] += rule.rate / 1000 * ratio.sum() * 183 / 365.25
    for category, mean in expected.items():
        seen_of = (found.what == CATEGORIES.index(category)).sum()
        assert abs(seen_of - mean) < 4.5 * np.sqrt(mean) + 0.01 * mean, category


def test_control_diseases_do_not_depend_on_vulnerability_or_disease(block: Block) -> None:
    found = draw_problems(NationSpec().problems, PLACE, block.people, block.course.breathing)
    control = np.bincount(found.person[found.what >= len(BREATHING)], minlength=len(block.people)) > 0
    assert abs(block.people.vulnerability[control].mean() - block.people.vulnerability.mean()) < 0.05


def test_a_control_unknown_to_the_network_is_a_fault() -> None:
    with pytest.raises(SpecError, match="Z99"):
        parse_nation({"problems": {"controls": {"Z99": {}}}})


def test_written_problems_have_concepts_and_no_visit(tmp_path: Path) -> None:
    spec = parse_nation({"network": {"riluzole_treated": 50}})
    write_nation(tmp_path, spec, persons=2_000, seed=2, multiplier=30.0, views=("register", "network"))
    network = tmp_path / "network"
    wrong = """select count(*) from @condition_occurrence c
               left join @concept s on s.concept_id = condition_concept_id
               left join @concept k on k.concept_id = condition_source_concept_id
               left join @concept t on t.concept_id = condition_type_concept_id
               where s.standard_concept is distinct from 'S' or k.concept_code is distinct from condition_source_value
               or k.vocabulary_id <> if(visit_occurrence_id is null, 'ICD10CM', 'ICD10')
               or t.concept_name <> if(visit_occurrence_id is null, 'EHR problem list', 'EHR')"""
    assert ask(network, wrong) == [(0,)]
    listed = (
        "select count(distinct condition_source_value) from @condition_occurrence where visit_occurrence_id is null"
    )
    assert ask(network, listed)[0][0] > 25
    nobody = "select count(*) from @condition_occurrence where condition_source_value in ('G47.36', 'M17.9')"
    assert ask(tmp_path, nobody) == [(0,)]
