"""What hazard ratios assume: the tests and E-values of the estimators, and nothing where the ratio is not shown."""

from typing import Any

import numpy as np
import pytest

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.bias.e_values import compute_e_value
from equipoise.estimators.cox import fit_cox
from equipoise.estimators.cox_proportional_hazards import assess_proportional_hazards
from equipoise.results.suppress import suppress
from equipoise.results.tables import TABLES, schema_of, table
from equipoise.runner.hazard_checks import e_values, proportionality
from equipoise.runner.layers import Setting, adjusted, crude

ARM = "use against no use"
SETTING = Setting(ARM, "efron", 0.95, False, 1)
KEY = {"analysis": "main", "comparison": "no use", "exposure": "drug", "adjustment": "crude"}


def people(n: int = 300, died: float = 0.6) -> AnalysisSet:
    draw = np.random.default_rng(2)
    arm, age = np.arange(n) % 2, draw.normal(size=n)
    time = draw.exponential(300 / np.exp(0.5 * arm + 0.3 * age)).astype(int) + 1
    return AnalysisSet(
        np.arange(n), (draw.random(n) < died).astype(np.int8), np.zeros(n, np.int32), time.astype(np.int32),
        np.ones(n), np.column_stack([arm, age]).astype(float), (Column(ARM, "exposure"), Column("age", "covariate")),
        arm=arm.astype(np.int8),
    )  # fmt: skip


def test_tests_are_those_of_the_arm_and_of_all_terms() -> None:
    rows = people()
    found = assess_proportional_hazards(fit_cox(rows, ties="efron"))
    made = proportionality(adjusted(rows, SETTING), ARM)
    assert found.terms == (ARM, "age", "GLOBAL")
    assert (made["arm_statistic"], made["arm_p_value"], made["arm_df"]) == pytest.approx(
        (found.statistic[0], found.p_value[0], 1)
    )
    assert (made["all_statistic"], made["all_df"]) == pytest.approx((found.statistic[2], 2))


def test_without_events_there_is_nothing_to_test() -> None:
    assert proportionality(crude(people(died=0.0), SETTING), ARM) == {}


@pytest.mark.parametrize(("n_cases", "outcome"), [(149, "rare"), (150, "common")])
def test_e_values_take_the_form_for_a_common_outcome_from_fifteen_percent(n_cases: int, outcome: str) -> None:
    row = {"estimate": 1.8, "conf_low": 1.2, "conf_high": 2.7, "n_cases": n_cases, "n_persons": 1000}
    expected = compute_e_value(1.8, 1.2, 2.7, measure="hazard_ratio", rare_outcome=outcome == "rare")
    assert e_values(row) == {"outcome": outcome, "e_value": expected.estimate, "e_value_limit": expected.limit}


def test_without_an_estimate_there_is_no_e_value() -> None:
    assert e_values({"estimate": None, "n_cases": 10, "n_persons": 50}) == {}


def suppressed(n_exposed_cases: int) -> dict[str, Any]:
    """The row of checks beside an estimate with so many exposed cases."""
    names = schema_of("estimates").keys
    estimate = dict.fromkeys(names) | KEY | {"subgroup": "overall", "subgroup_level": "overall"}
    estimate |= {"measure": "hazard_ratio", "estimate": 1.8, "conf_low": 1.2, "conf_high": 2.7, "n_persons": 200}
    estimate |= {"n_cases": 60, "n_exposed_cases": n_exposed_cases, "n_exposed_controls": 50}
    check = KEY | {"arm_statistic": 1.0, "arm_df": 1, "arm_p_value": 0.3, "outcome": "common", "e_value": 2.4}
    rows = {"estimates": [estimate], "hazard_checks": [check]}
    tables = suppress({name: table(name, rows.get(name, [])) for name in TABLES}, 5)
    return tables["hazard_checks"].to_pylist()[0]


def test_what_was_made_of_a_withheld_hazard_ratio_is_withheld() -> None:
    shown, withheld = suppressed(30), suppressed(3)
    assert shown["e_value"] == 2.4
    assert {withheld[name] for name in ("arm_statistic", "arm_df", "arm_p_value", "outcome", "e_value")} == {None}
