"""Diagnoses by vulnerability, negative controls by nothing but age and sex."""

import numpy as np
import pytest

from equipoise.simulate.block import People, Place, Records
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.population import draw_people
from equipoise.simulate.psychiatry import DIAGNOSES, draw_psychiatry

PLACE = Place(3, 0, 1, 20_000)
PSYCHIATRIC = DIAGNOSES.index("H25")


@pytest.fixture(scope="module")
def people() -> People:
    return draw_people(NationSpec(), PLACE)[0]


def records(people: People, **switches: bool) -> Records:
    return draw_psychiatry(parse_nation({"switches": switches}), PLACE, people)


def test_records_are_sorted_once_and_under_observation(people: People) -> None:
    found = records(people)
    key = (found.person.astype(np.int64) << 40) | (found.day.astype(np.int64) << 8) | found.what
    assert (np.diff(key) > 0).all()
    assert (found.day >= people.start[found.person]).all()
    assert (found.day <= np.minimum(people.leaves, people.dies)[found.person]).all()
    assert set(found.what) == set(range(len(DIAGNOSES)))


def test_vulnerability_brings_psychiatric_diagnoses_and_no_others(people: People) -> None:
    found = records(people)
    psychiatric = found.what < PSYCHIATRIC
    ill, control = np.unique(found.person[psychiatric]), np.unique(found.person[~psychiatric])
    assert 0.08 < len(ill) / len(people) < 0.2
    assert people.vulnerability[ill].mean() > 0.6
    assert abs(people.vulnerability[control].mean()) < 0.06


def test_the_arrow_from_vulnerability_can_be_taken_out(people: People) -> None:
    found = records(people, vulnerability_to_diagnoses=False)
    psychiatric = found.what < PSYCHIATRIC
    assert abs(people.vulnerability[np.unique(found.person[psychiatric])].mean()) < 0.08
    before = records(people)
    for name in Records.__slots__:
        after, same = getattr(found, name)[~psychiatric], getattr(before, name)[before.what >= PSYCHIATRIC]
        assert (after == same).all(), name


def test_complete_recording_adds_the_missing_visits(people: People) -> None:
    some, every = records(people), records(people, incomplete_diagnoses=False)
    keys = [set(zip(each.person, each.day, each.what, strict=True)) for each in (some, every)]
    assert keys[0] < keys[1]
    psychiatric = [(each.what < PSYCHIATRIC).sum() for each in (some, every)]
    assert abs(psychiatric[0] / psychiatric[1] - NationSpec().psychiatry.sensitivity) < 0.02


def test_the_mean_rate_does_not_depend_on_vulnerability(people: People) -> None:
    with_arrow, without = (records(people, vulnerability_to_diagnoses=on).what for on in (True, False))
    assert abs((with_arrow < PSYCHIATRIC).sum() / (without < PSYCHIATRIC).sum() - 1) < 0.12
