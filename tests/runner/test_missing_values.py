"""Analysis sets with missing covariates are completed as variables, and come back as the same columns."""

import numpy as np

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import Reason
from equipoise.runner.missing_values import complete_rows, complete_sets, outcome_of_cohort
from equipoise.runner.pooled_rows import averaged, pooled_row
from equipoise.spec.missing import MultipleImputation

ASKED = MultipleImputation(method="multiple_imputation", imputations=5, iterations=4)
N = 400


def cohort(missing: float = 0.25) -> AnalysisSet:
    random = np.random.default_rng(3)
    arm = random.integers(0, 2, N)
    bmi = random.normal(25, 4, N)
    level = random.integers(0, 3, N)
    x = np.column_stack([arm, bmi, level == 1, level == 2, random.normal(60, 9, N)]).astype(np.float64)
    x[random.random(N) < missing, 1] = np.nan
    x[random.random(N) < missing, 2:4] = np.nan
    days = np.maximum(random.exponential(400, N), 1).astype(np.int32)
    school = (("covariate", "school"),)
    return AnalysisSet(
        person=np.arange(N),
        event=(days < 365).astype(np.int8),
        start=np.zeros(N, dtype=np.int32),
        stop=np.minimum(days, 365).astype(np.int32),
        weight=np.ones(N),
        x=x,
        columns=(
            Column("use", "exposure"),
            Column("bmi", "covariate", (("covariate", "bmi"),)),
            Column("school[middle]", "covariate", (*school, ("level", "middle"))),
            Column("school[high]", "covariate", (*school, ("level", "high"))),
            Column("age", "covariate", (("covariate", "age"),)),
        ),
        arm=arm.astype(np.int8),
    )


def test_only_what_is_missing_is_filled_in_and_levels_stay_levels() -> None:
    people = cohort()
    found = complete_sets(people, ASKED, outcome_of_cohort(people), seed=1)
    assert (len(found.sets), found.reason) == (5, None)
    known = ~np.isnan(people.x)
    for filled in found.sets:
        assert complete_rows(filled).all()
        np.testing.assert_array_equal(filled.x[known], people.x[known])
        indicators = filled.x[:, 2:4]
        assert set(np.unique(indicators)) == {0.0, 1.0}
        assert (indicators.sum(axis=1) <= 1).all()
    assert not np.array_equal(found.sets[0].x, found.sets[1].x)


def test_the_seed_fixes_every_draw() -> None:
    people = cohort()
    one, same, other = (complete_sets(people, ASKED, outcome_of_cohort(people), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.sets[4].x, same.sets[4].x)
    assert not np.array_equal(one.sets[4].x, other.sets[4].x)


def test_nothing_observed_is_a_reason() -> None:
    people = cohort()
    people.x[:, 1] = np.nan
    assert complete_sets(people, ASKED, outcome_of_cohort(people), seed=1).reason is Reason.NOT_IDENTIFIED


def test_the_outcome_has_an_event_and_a_hazard_for_each_cause() -> None:
    people = cohort()
    people.event[:5] = 2
    assert list(outcome_of_cohort(people)) == ["event 1", "hazard 1", "event 2", "hazard 2"]


def risk(estimate: float, reason: Reason | None = None, persons: int = 100) -> dict:
    row = {"measure": "risk", "estimate": estimate, "std_error": 0.02, "n_persons": persons, "n_cases": 20}
    return row | {"log_estimate": None, "reason": reason}


def test_a_risk_is_pooled_on_its_own_scale_and_stays_between_zero_and_one() -> None:
    found = pooled_row([risk(0.02), risk(0.03), risk(0.025)], 1, 0.95)
    assert 0 < found["conf_low"] < 0.02 < found["estimate"] < 0.03 < found["conf_high"] < 1
    scaled = np.log(-np.log1p(-np.array([0.02, 0.03, 0.025]))).mean()
    assert found["estimate"] == -np.expm1(-np.exp(scaled))


def test_one_data_set_without_an_estimate_leaves_none() -> None:
    found = pooled_row([risk(0.2), risk(0.3, Reason.SEPARATION)], 1, 0.95)
    assert (found["reason"], found.get("estimate")) == (Reason.SEPARATION, None)


def test_a_count_that_differs_between_data_sets_is_not_given() -> None:
    assert pooled_row([risk(0.2, persons=90), risk(0.3, persons=92)], 1, 0.95)["n_persons"] is None
    assert averaged([{"n": 3, "smd": 0.1, "x": "a"}, {"n": 4, "smd": 0.3, "x": "a"}]) == {
        "n": None,
        "smd": 0.2,
        "x": "a",
    }
