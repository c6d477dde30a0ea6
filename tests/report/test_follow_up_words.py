"""What the report says of a follow-up: the direction of ratios, contradictions, imbalance, curves."""

from typing import Any

import pytest

from equipoise.report.balance import imbalances
from equipoise.report.curves import curve_figure, curve_table
from equipoise.report.follow_up import number_text
from equipoise.report.follow_up_words import EITHER, HIGHER, LOWER, chosen, contradictions, direction
from equipoise.spec.read import parse_study
from tests.spec_model.test_follow_up_faults import raw

STUDY = parse_study(raw())
Row = dict[str, Any]


def estimate(
    measure: str, value: float | None, low: float | None = None, high: float | None = None, **more: Any
) -> Row:
    return {
        "exposure": "drug",
        "measure": measure,
        "adjustment": "crude",
        "time_point_days": 730 if "risk" in measure else None,
        "estimate": value,
        "conf_low": low,
        "conf_high": high,
        "reason": None if value is not None else "ONE_ARM_EMPTY",
    } | more


def curve(*risks: tuple[float | None, float | None]) -> list[Row]:
    """Curves with the risk of the target and of the reference arm at days 100, 200, …"""
    rows = []
    for i, pair in enumerate(risks, start=1):
        for arm, risk in zip(("target", "reference"), pair, strict=True):
            rows.append(
                {
                    "exposure": "drug",
                    "arm": arm,
                    "time_days": 100 * i,
                    "risk": risk,
                    "conf_low": None if risk is None else max(risk - 0.1, 0.0),
                    "conf_high": None if risk is None else risk + 0.1,
                    **dict.fromkeys(("n_at_risk", "n_events", "n_competing", "n_left", "n_remaining"), 50),
                }
            )
    return rows


@pytest.mark.parametrize(
    ("low", "high", "said"), [(1.1, 2.0, HIGHER), (0.5, 0.9, LOWER), (0.9, 1.1, EITHER), (1.0, 2.0, EITHER)]
)
def test_every_ratio_has_a_direction_in_words(low: float, high: float, said: str) -> None:
    assert direction(estimate("hazard_ratio", 1.0, low, high)) == said
    assert direction(estimate("hazard_ratio", None)).startswith("no estimate: nobody, or everybody")


@pytest.mark.parametrize(("ratio", "difference"), [(1.21, 0.061), (0.8, -0.05)])
def test_a_coherent_result_is_not_remarked_on(ratio: float, difference: float) -> None:
    rows = [estimate("hazard_ratio", ratio), estimate("risk_difference", difference, -1, 1)]
    assert contradictions(STUDY, rows, curve((0.1, 0.2))) == []


def test_a_higher_hazard_beside_a_lower_risk_is_remarked_on() -> None:
    """As printed in a published study: hazard ratio 1.21 beside 6.1 points more survival in the target arm."""
    rows = [estimate("hazard_ratio", 1.21), estimate("risk_difference", -0.061, -0.1, -0.02)]
    (text,) = contradictions(STUDY, rows, curve((0.1, 0.2), (0.3, 0.4)))
    assert "the hazard ratio of 1.21 (target against reference)" in text
    assert "\u22126.1 points" in text
    assert "do not cross, and the ratio the other way round does not fit the survival either" in text


def test_a_swapped_reference_explains_the_published_figures() -> None:
    """47.18 % against 41.06 % alive with a ratio of 1.21: the other way round it fits."""
    arms = {"target_level": "suppressing", "reference_level": "other"}
    rows = [
        estimate("hazard_ratio", 1.21, **arms),
        estimate("risk", 1 - 0.4718, target_level="suppressing"),
        estimate("risk", 1 - 0.4106, target_level="other"),
        estimate("risk_difference", 0.4106 - 0.4718, **arms),
    ]
    (text,) = contradictions(STUDY, rows, curve((0.1, 0.2), (0.3, 0.4)))
    assert "The ratio the other way round, 0.83, fits the survival" in text
    assert "cumulative hazards have the ratio 0.84. The reference was swapped." in text
    rows[0]["estimate"] = 1 / 1.21
    assert contradictions(STUDY, rows, []) == []


def test_curves_that_cross_explain_it() -> None:
    rows = [estimate("hazard_ratio", 1.21), estimate("risk_difference", -0.061, -0.1, -0.02)]
    (text,) = contradictions(STUDY, rows, curve((0.3, 0.2), (0.3, 0.4)))
    assert "The curves cross" in text


def test_only_estimates_of_the_same_adjustment_are_set_beside_each_other() -> None:
    rows = [
        estimate("hazard_ratio", 1.21, adjustment="adjusted"),
        estimate("hazard_ratio", 0.9),
        estimate("risk_difference", -0.061, -0.1, -0.02),
    ]
    assert contradictions(STUDY, rows, []) == []


def test_the_estimate_with_most_adjustment_is_chosen_if_it_has_a_number() -> None:
    crude, adjusted = estimate("hazard_ratio", 1.2), estimate("hazard_ratio", 1.1, adjustment="adjusted")
    assert chosen([crude, adjusted]) is adjusted
    assert chosen([crude, estimate("hazard_ratio", None, adjustment="adjusted")]) is crude


def test_numbers_carry_the_units_of_their_measure() -> None:
    assert number_text(estimate("risk", 0.25, 0.2, 0.3)) == "25.0\u202f% (20.0 to 30.0)"
    assert number_text(estimate("risk_difference", -0.05, -0.1, 0.0)) == "\u22125.0 points (\u221210.0 to 0.0)"
    assert number_text(estimate("rmst", 300.25, 290.0, 310.5)) == "300.2 days (290.0 to 310.5)"
    assert number_text(estimate("log_rank_statistic", 3.2)) == "3.20"


def test_covariates_that_still_differ_are_named() -> None:
    rows = [
        {"exposure": "drug", "covariate": "age", "smd_after": -0.12},
        {"exposure": "drug", "covariate": "sex[male]", "smd_after": 0.1},
        {"exposure": "drug", "covariate": "rare", "smd_after": None},
    ]
    (text,) = imbalances(STUDY, rows)
    assert "age (\u22120.12)" in text
    assert "sex" not in text


def test_curves_are_broken_where_a_number_is_hidden() -> None:
    rows = curve((0.1, 0.1), (0.2, None), (0.3, 0.3))
    figure = str(curve_figure(rows))
    assert figure.count("<circle") == 5
    lines = [part for part in figure.split("<g") if "<circle" in part]
    joined = [part.count("<line") - part.count('class="limits"') for part in lines]
    assert joined == [3, 1], "three steps in the target arm; in the other only the first"


def test_the_table_of_a_curve_says_what_is_hidden() -> None:
    rows = curve((0.1, None))
    rows[1] |= {"n_events": None, "n_events_suppressed": True}
    table = curve_table(rows, {"target": "users", "reference": "others"})
    assert table.hides
    assert [cell.content for cell in table.rows[0]][-1] == "10.0\u202f% (0.0 to 20.0)"


@pytest.mark.parametrize(
    ("awaited", "entered", "dots", "lines"),
    [(0, (5, 5, 5), 6, 6), (40, (5, 5, 5), 6, 4), (40, (0, 5, 5), 4, 2), (None, (5, 5, 5), 6, 4)],
)
def test_curves_begin_where_somebody_is_at_risk(awaited: int | None, entered: tuple, dots: int, lines: int) -> None:
    """Of 40 followed, as many as are awaited were not there at time zero; None is a hidden number."""
    rows = curve((0.1, 0.1), (0.2, 0.2), (0.3, 0.3))
    for at, row in enumerate(rows):
        row |= {"n_at_risk": 40, "n_awaited": awaited, "n_awaited_suppressed": awaited is None, "n_at_risk_after": 20}
        row |= {"n_entered": entered[at // 2]}
    figure = str(curve_figure(rows))
    drawn = [part for part in figure.split("<g") if "<circle" in part]
    assert figure.count("<circle") == dots
    assert sum(part.count("<line") - part.count('class="limits"') for part in drawn) == lines
