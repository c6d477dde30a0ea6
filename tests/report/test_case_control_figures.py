"""Figures of nested case-control studies: dose-response, contrast of comparisons, lag scan, initiation."""

import re

import pytest

from equipoise.report.dose import dose_panels, dose_table
from equipoise.report.forest import RatioScale
from equipoise.report.lags import initiation_figure, lag_figure
from equipoise.report.panels import Panel

KEY = {"analysis": "a", "comparison": "population", "exposure": "drug", "window": ">1 y", "dose": "dispensings"}
NO_NUMBERS = dict.fromkeys(("estimate", "conf_low", "conf_high", "p_value", "log_estimate", "std_error"))
HIDDEN = {"n_cases_suppressed": True, "n_controls_suppressed": True}
SHOWN = {"n_cases_suppressed": False, "n_controls_suppressed": False}


def group(name: str, adjustment: str, **more: object) -> dict:
    counts = {"n_cases": 9, "n_controls": 20, "median_dose": 4.0, "reason": None}
    return KEY | NO_NUMBERS | counts | SHOWN | {"dose_group": name, "adjustment": adjustment} | more


GROUPS = [
    group(name, adjustment, **more)
    for adjustment, ratio in (("crude", 3.0), ("adjusted", 2.0))
    for name, more in (
        ("none", {"estimate": 1.0, "median_dose": 0.0}),
        ("1-9", {"estimate": ratio, "conf_low": 1.0, "conf_high": 4.0}),
        ("10 or more", HIDDEN | {"n_cases": None, "reason": "SMALL_CELLS", "median_dose": None}),
    )
]
CURVE = [
    KEY | {"adjustment": adjustment, "amount": 5.0 * at, "estimate": ratio**at, "conf_low": 0.9, "conf_high": 4.0}
    for adjustment, ratio in (("crude", 1.5), ("adjusted", 1.2))
    for at in range(3)
]


def test_the_curve_is_that_of_the_fullest_model_and_to_scale() -> None:
    figure = dose_panels(GROUPS, CURVE, [("target", "population")], "dispensings")
    line = re.search(r'<polyline points="([^"]+)"', figure).group(1)
    points = [tuple(map(float, point.split(","))) for point in line.split()]
    assert points[1][0] - points[0][0] == pytest.approx(points[2][0] - points[1][0], abs=0.11)
    assert points[0][1] > points[1][1] > points[2][1], "a higher ratio stands higher"
    assert figure.count("<circle") == 1, "neither the reference nor a hidden group is a dot"
    assert "polygon" in figure


def test_a_panel_without_numbers_says_so() -> None:
    kinds = [("target", "population"), ("reference", "siblings")]
    assert "not shown: too few persons" in dose_panels(GROUPS, CURVE, kinds, "dispensings")


def test_the_table_holds_crude_beside_adjusted_and_what_is_hidden() -> None:
    tests = [KEY | {"adjustment": "adjusted", "test": "trend", "p_value": 0.0321, "reason": None}]
    rows = [[str(cell.content) for cell in row] for row in dose_table(GROUPS, tests, "caption").rows]
    assert rows[1] == ["None", "9", "20", "0.0", "1 (reference)", "1 (reference)"]
    assert rows[2][4:] == ["3.00 (1.00 to 4.00)", "2.00 (1.00 to 4.00)"]
    assert rows[3][1:] == ["hidden", "hidden", "–", "small cells", "small cells"]


def test_a_line_breaks_where_an_estimate_is_withheld() -> None:
    rows = [
        {"x": at, "estimate": value, "conf_low": value and 0.5, "conf_high": value and 2.0}
        for at, value in enumerate((1.0, 1.1, None, 1.2, 1.3))
    ]
    drawn = Panel(RatioScale(0.5, 2.0), 5.0, 0).band(rows, "x")
    assert (drawn.count("<polyline"), drawn.count("<polygon")) == (2, 2)


def lag(days: int, population: str, comparison: str = "population") -> dict:
    return KEY | SHOWN | {
        "comparison": comparison, "lag_days": days, "population": population, "estimate": 1.2, "conf_low": 0.8,
        "conf_high": 1.9, "n_cases": 500 - days // 30, "n_exposed_cases": 40, "n_exposed_cases_suppressed": False,
        "reason": None,
    }  # fmt: skip


def test_many_lags_are_lines_with_the_cases_that_remain() -> None:
    lags = [int(30.4375 * month) for month in range(181)]
    rows = [lag(days, name) for days in lags for name in ("observable", "fixed")]
    made = lag_figure(rows, "drug")
    assert made.figure.count("<polyline") == 2, "the line of what is observable, dashed the fixed population"
    assert 'stroke-dasharray="4 3"' in made.figure
    assert ">500<" in made.figure
    assert ">452<" in made.figure, "at four years"
    assert len(made.table.rows) == 181
    few = lag_figure([lag(days, name) for days in (0, 365) for name in ("observable", "fixed")], "drug")
    assert few.figure.count("<circle") == 2, "a few lags stay marks with their intervals"


def test_initiation_is_a_staircase_from_the_past_to_the_index_date() -> None:
    flags = {"n_at_risk_suppressed": False, "n_initiating_suppressed": False}
    rows = [
        KEY | flags | {"who": who, "from_day": first, "to_day": last, "n_at_risk": 90, "n_initiating": n,
                       "person_years": 100.0, "rate": None if n is None else 10.0 * n}
        for who, counts in (("cases", (9, 20)), ("controls", (8, None)))
        for (first, last), n in zip(((-730, -366), (-365, -1)), counts, strict=True)
    ]  # fmt: skip
    made = initiation_figure(rows, "drug")
    cases, controls = re.findall(r'<polyline points="([^"]*)"', made.figure)
    places = [tuple(map(float, point.split(","))) for point in cases.split()]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert places[0][1] == places[1][1] > places[2][1] == places[3][1], "the rate of cases rises before the index date"
    assert len(controls.split()) == 2, "the hidden stretch is left out"
    assert [str(cell.content) for cell in made.table.rows[1]][2:4] == ["1 to 365", "20"]
