"""Steps of studies with several comparisons: tests of heterogeneity, sets that tell of an exposure, lag scan."""

from typing import Any

import numpy as np
import pytest

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import Reason
from equipoise.runner.contrasts import contrasts
from equipoise.runner.estimate import Model, adjustments, discordance_row, estimable, estimates
from equipoise.runner.heterogeneity import cochran_q, heterogeneity_rows
from equipoise.runner.packing import pack_analysis_set
from equipoise.spec.lags import LagScan

TAGS = {
    "exposure": "drug",
    "reading": "any_use",
    "factor": "ever",
    "level": "ever",
    "target": "used",
    "reference": "not",
}
EXPOSED = Column("drug | any_use | ever", "exposure", tuple(TAGS.items()))
OBSERVABLE = Column("observable | any_use | ever", "observability")
SEX = Column("by design | sex[male]", "demographic", (("covariate", "sex"),))
LEVEL = Column("subgroup | sex", "subgroup", (("subgroup", "sex"), ("level 0", "female"), ("level 1", "male")))
SUBSET: dict[str, Any] = {
    "missing": {"method": "complete_case"},
    "id": "risk",
    "comparison": "spouses",
    "design": {"unobservable": "leave_out"},
    "covariates": [],
    "adjust_for": [],
    "cluster": None,
    "ties": "exact",
    "interval": "wald",
    "conf_level": 0.95,
    "outcome": "als",
}


def pairs(*rows: tuple[int, int, int, int]) -> AnalysisSet:
    """Matched pairs from (exposed case, exposed control, male case, male control)."""
    n = len(rows)
    given = np.array(rows, dtype=float)
    exposed, male = given[:, :2].ravel(), given[:, 2:].ravel()
    x = np.column_stack([exposed, np.ones(2 * n), male, np.repeat(given[:, 2], 2)])
    return AnalysisSet(
        person=np.arange(2 * n),
        event=np.tile([1, 0], n).astype(np.int8),
        start=np.zeros(2 * n, dtype=np.int32),
        stop=np.ones(2 * n, dtype=np.int32),
        weight=np.ones(2 * n),
        x=x,
        columns=(EXPOSED, OBSERVABLE, SEX, LEVEL),
        stratum=np.repeat(np.arange(n), 2),
    )


# Of women's sets, 6 favour exposure of the case and 3 that of the control; of men's, 2 and 4. Others do not vary.
COUPLES = pairs(
    *[(1, 0, 0, 1)] * 6,
    *[(0, 1, 0, 1)] * 3,
    *[(1, 0, 1, 0)] * 2,
    *[(0, 1, 1, 0)] * 4,
    *[(1, 1, 0, 1)],
    *[(0, 0, 1, 0)] * 5,
)


def made(subset=SUBSET):
    return estimates({"analysis_set": pack_analysis_set(COUPLES)}, subset, None).values


def test_odds_ratios_of_pairs_are_ratios_of_discordant_pairs_in_each_subgroup() -> None:
    crude = {row["subgroup_level"]: row for row in made()["estimates"] if row["adjustment"] == "crude"}
    assert {level: round(row["estimate"], 9) for level, row in crude.items()} == {
        "overall": round(8 / 7, 9),
        "female": 2.0,
        "male": 0.5,
    }
    assert (crude["female"]["n_sets"], crude["male"]["n_sets"]) == (10, 11)


def test_sex_that_the_design_separates_is_left_out_with_its_reason() -> None:
    rows = {row["subgroup_level"]: row for row in made()["estimates"] if row["adjustment"] == "sex and birth year"}
    assert rows["female"]["model"] == "conditional logistic regression; sex[male] left out (SEPARATION)"
    assert rows["female"]["estimate"] == pytest.approx(2.0)
    assert rows["overall"]["model"] == "conditional logistic regression", "of all spouses, some cases are men"
    everyone = np.ones(len(COUPLES), dtype=bool)
    assert estimable(COUPLES, [SEX.name], everyone) == ([SEX.name], [])
    assert adjustments(COUPLES, SUBSET | {"covariates": [{"kind": "sex"}], "adjust_for": ["sex"]})["adjusted"] == []


def test_a_level_without_a_standard_error_is_in_no_test() -> None:
    levels = [{"estimate": value, "std_error": error, "reason": None} for value, error in ((0.1, 0.5), (0.2, None))]
    assert cochran_q(levels) == {"n_levels": 1, "reason": Reason.NOT_DEFINED}


def test_interaction_is_cochran_q_over_the_levels() -> None:
    row = next(row for row in made()["heterogeneity"] if row["adjustment"] == "crude")
    difference, variance = np.log(2.0) - np.log(0.5), (1 / 6 + 1 / 3) + (1 / 2 + 1 / 4)
    assert row["across"] == "sex"
    assert row["statistic"] == pytest.approx(difference**2 / variance)
    assert (row["n_levels"], row["degrees_of_freedom"]) == (2, 1)


def test_levels_without_an_estimate_are_not_tested() -> None:
    base = dict.fromkeys(("analysis", "comparison", "exposure", "window", "reading", "term", "outcome"), "x")
    rows = [
        base | {"adjustment": "crude", "target_level": "u", "subgroup": "sex", "reason": reason}
        | {"measure": "odds_ratio", "time_point_days": None, "log_estimate": 0.1, "std_error": 1.0}
        for reason in (None, Reason.ONE_ARM_EMPTY)
    ]  # fmt: skip
    (row,) = heterogeneity_rows(rows)
    assert row["reason"] == Reason.NOT_DEFINED
    assert "p_value" not in row


def test_discordant_sets_are_those_in_which_exposure_varies() -> None:
    row = discordance_row(COUPLES, Model(np.ones(len(COUPLES), dtype=bool), (EXPOSED,), EXPOSED), SUBSET)
    counts = {name: row[name] for name in row if name.startswith("n_")}
    assert counts == {"n_sets": 21, "n_discordant_sets": 15, "n_sets_all_exposed": 1, "n_sets_none_exposed": 5}


def compared(*people: AnalysisSet):
    inputs = {str(at): pack_analysis_set(each) for at, each in enumerate(people)}
    rows = contrasts(inputs, SUBSET, None).values["heterogeneity"]
    return next(row for row in rows if row["adjustment"] == "crude")


def test_comparisons_that_are_the_same_do_not_differ() -> None:
    row = compared(COUPLES, COUPLES.where(np.ones(len(COUPLES), dtype=bool)))
    assert row["comparison"] == "every"
    assert row["n_levels"] == 2
    assert row["reason"] == Reason.NOT_IDENTIFIED, "the difference is zero, and so is its variance"


def test_comparisons_of_other_cases_are_compared_as_independent_up_to_the_robust_variance() -> None:
    """Pairs have a closed form: with odds ratio r = a / b the robust variance of log r is the model's, 1/a + 1/b."""
    women, men = COUPLES.where(COUPLES.column(LEVEL.name) == 0), COUPLES.where(COUPLES.column(LEVEL.name) == 1)
    row = compared(women, men)
    variance = (1 / 6 + 1 / 3) + (1 / 2 + 1 / 4)
    assert row["statistic"] == pytest.approx((np.log(2.0) - np.log(0.5)) ** 2 / variance)


def test_lags_are_days_or_whole_months() -> None:
    assert LagScan(days=(0, 90)).lags == (0, 90)
    months = LagScan(monthly_up_to_years=15).lags
    assert (len(months), months[12], months[-1]) == (181, 365, 5478)
    with pytest.raises(ValueError, match="both days"):
        LagScan(days=(0,), monthly_up_to_years=1)


def test_comparisons_without_sets_have_a_reason() -> None:
    empty = COUPLES.where(np.zeros(len(COUPLES), dtype=bool))
    row = compared(empty, empty)
    assert row["reason"] == Reason.NO_CONTROLS


def test_persons_as_clusters_keep_sets_whole() -> None:
    """Nobody is in two sets: then the clusters are the sets, whose squared scores give the variance of pairs."""
    crude = [row for row in made(SUBSET | {"cluster": "person"})["estimates"] if row["adjustment"] == "crude"]
    b, c = 8, 7  # discordant pairs with an exposed case, and with an exposed control
    share = b / (b + c)
    robust = (b * (1 - share) ** 2 + c * share**2) / ((b + c) * share * (1 - share)) ** 2
    assert crude[0]["std_error"] ** 2 == pytest.approx(robust)
    assert robust == pytest.approx(1 / b + 1 / c)
