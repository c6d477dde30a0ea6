"""Executable specification of covariates recorded on time zero itself, such as the site of onset at the diagnosis."""

import numpy as np
import pytest

from equipoise.cohort.covariates import IndexRows, covariate_values
from equipoise.errors import SpecError
from equipoise.spec.covariates import CategoryCovariate, CountCovariate, EventCovariate
from equipoise.spec.read import parse_study
from equipoise.spec.windows import CovariateWindow, Window
from tests.spec.tables import day, people, records

ZERO = "2010-07-01"
WHO = people({"id": 1, "born": "1950-01-01", "observed": [("2000-01-01", "2020-12-31")]})
ROWS = IndexRows(np.array([0]), np.array([day(ZERO)], dtype=np.int32))
COVARIATE = {"name": "site", "kind": "event", "concept_set": "bulbar"}


@pytest.mark.parametrize(
    ("when", "counts", "before"),
    [("2010-06-30", 1, 1), ("2010-07-01", 1, 0), ("2010-07-02", 0, 0), ("2010-06-21", 1, 1), ("2010-06-20", 0, 0)],
)
def test_time_zero_counts_where_the_window_says_so_and_later_days_never_do(when: str, counts: int, before: int) -> None:
    found = {"bulbar": records(WHO, (1, when))}
    for time_zero, expected in ((True, counts), (False, before)):
        window = CovariateWindow(days_before=(0, 10), time_zero=time_zero)
        event = EventCovariate.model_validate(COVARIATE | {"window": window})
        count = CountCovariate.model_validate(COVARIATE | {"kind": "count", "window": window})
        assert covariate_values(event, WHO, ROWS, found).values.tolist() == [expected]
        assert covariate_values(count, WHO, ROWS, found).values.tolist() == [float(expected)]


def test_the_level_of_time_zero_is_the_last_one() -> None:
    levels = [{"name": "spinal", "concept_set": "spinal"}, {"name": "bulbar", "concept_set": "bulbar"}]
    window = CovariateWindow(days_before=(0, 10), time_zero=True)
    site = CategoryCovariate.model_validate({"name": "site", "kind": "category", "levels": levels, "window": window})
    found = {"spinal": records(WHO, (1, "2010-06-30")), "bulbar": records(WHO, (1, ZERO))}
    assert covariate_values(site, WHO, ROWS, found).values.tolist() == [1]


def test_other_windows_never_hold_the_index_date() -> None:
    assert Window(days_before=(0, 10)).last_day == CovariateWindow(days_before=(0, 10)).last_day == -1
    assert "time_zero" not in Window.model_fields


def test_an_index_date_of_a_case_is_refused() -> None:
    study = {
        "spec_version": 1,
        "id": "site",
        "title": "Site",
        "question": {"text": "Does it?"},
        "concept_sets": {
            "bulbar": {"domain": "condition", "include": [{"concept_id": 1}]},
            "drug": {"domain": "drug", "include": [{"concept_id": 2}]},
        },
        "cohorts": {"cases": {"entry": {"concept_set": "bulbar"}}},
        "exposures": {"drug": {"concept_sets": ["drug"]}},
        "windows": {"year": {"days_before": [0, 365]}},
        "covariates": [COVARIATE | {"window": {"days_before": [0, 10], "time_zero": True}}],
        "analyses": [
            {
                "id": "main",
                "adjust_for": ["site"],
                "design": {
                    "kind": "nested_case_control",
                    "cases": "cases",
                    "exposures": ["drug"],
                    "windows": ["year"],
                },
            }
        ],
    }
    with pytest.raises(SpecError) as caught:
        parse_study(study)
    (fault,) = caught.value.faults
    assert fault.where == 'analyses["main"].adjust_for[0]'
    assert fault.found == "covariate 'site' counts time zero itself in a design of kind 'nested_case_control'"
