"""The study of the demonstration, assembled by the engine, holds the cases and exposures of the plain computation."""

from pathlib import Path

import numpy as np
import pytest

from equipoise.analysis_set import AnalysisSet
from equipoise.data.connect import connect
from equipoise.runner.study import assemble
from equipoise.simulate.demo import demo_study
from tests.simulate.plain_case_control import any_use_before_last_year, dispensed_days, initiation, sample_sets

CLASSES = {"anxiolytics": "N05B", "hypnotics": "N05C", "antidepressants": "N06A", "proton_pump_inhibitors": "A02BC"}
# Levels of the plain computation, in its order, by the engine's names.
LEVELS = ("never", "within the lag", ">1 y", ">1 y", "below minimum", "prevalent")


@pytest.fixture(scope="module")
def people(database: Path) -> AnalysisSet:
    with connect(database) as source:
        return assemble(demo_study(), source, analysis="risk")


def test_cases_by_exposure_are_those_of_the_plain_computation(database: Path, people: AnalysisSet) -> None:
    case = people.event == 1
    plain = sample_sets(database)
    assert int(case.sum()) == int(plain.case.sum()) > 100
    for exposure, atc in CLASSES.items():
        ago = dispensed_days(database, plain, atc)
        expected = dict.fromkeys(LEVELS, 0)
        for level in initiation(ago, plain)[plain.case]:
            expected[LEVELS[level]] += 1
        columns = {
            (column.tag("reading"), column.tag("level")): people.column(column.name)[case].sum()
            for column in people.columns
            if column.role == "exposure" and column.tag("exposure") == exposure
        }
        used = any_use_before_last_year(ago)[plain.case].sum()
        assert columns["any_use", ">1 y"] == used > 0
        assert {level: columns["initiation", level] for level in expected if level != "never"} == {
            level: count for level, count in expected.items() if level != "never"
        }


def test_a_set_is_a_case_and_nearly_always_five_controls(people: AnalysisSet) -> None:
    sizes = np.bincount(people.stratum)
    assert np.mean(sizes[sizes > 0] == 6) > 0.95
    assert np.bincount(people.stratum, people.event == 1).max() == 1
