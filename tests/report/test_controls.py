"""Figures and tables of negative controls and of many analyses, from rows alone."""

import re
from math import exp, log
from typing import Any

import pytest

from equipoise.report.controls import (
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Z,
    calibrated_table,
    control_figures,
    control_table,
    null_table,
)
from equipoise.report.many import grid_tables, run_table
from equipoise.spec.read import parse_study
from tests.studies.test_many_analyses import study

STUDY = parse_study(study())
DESIGN = {
    "comparison": "no use",
    "window": "year",
    "reading": None,
    "adjustment": "adjusted",
    "measure": "hazard_ratio",
}
NULL: dict[str, Any] = DESIGN | {
    "exposure": "hypnotics", "n_controls": 4, "n_usable": 3, "mean": 0.1, "mean_low": -0.1, "mean_high": 0.3, "sd": 0.2,
    "sd_low": 0.0, "sd_high": 0.5, "ease": 0.18, "ease_low": 0.1, "ease_high": 0.4, "share_significant": 0.25,
    "share_calibrated": None,
}  # fmt: skip


def control(name: str, y: float | None, **more: Any) -> dict[str, Any]:
    numbers = {
        "estimate": None if y is None else exp(y),
        "conf_low": None if y is None else exp(y - 0.4),
        "conf_high": None if y is None else exp(y + 0.4),
        "log_estimate": y,
        "std_error": None if y is None else 0.2,
        "p_value": None if y is None else 0.3,
        "calibrated_p_value": None if y is None else 0.6,
        "reason": None if y is not None else "NO_EVENTS",
    }
    counts = {"n_cases": 40, "n_exposed_cases": 12, "n_cases_suppressed": False, "n_exposed_cases_suppressed": False}
    return DESIGN | {"kind": "outcome", "control": name, "exposure": "hypnotics"} | numbers | counts | more


CONTROLS = [control("K80", 0.2), control("<b>", -0.3), control("S52", None)]
ESTIMATE = control(
    "", 0.5, subgroup="overall", calibrated_estimate=exp(0.4), calibrated_conf_low=0.9, calibrated_conf_high=2.4
)


def test_the_funnel_marks_every_control_with_an_estimate_and_the_estimates_of_the_study() -> None:
    funnel, spread = control_figures(STUDY, [NULL], CONTROLS, [ESTIMATE])
    assert funnel.figure.count('class="control"') == 2
    assert funnel.figure.count('class="studied"') == 1
    assert spread.figure.count('class="line"') == 2
    assert "<b>" not in funnel.figure
    assert control_figures(STUDY, [NULL | {"mean": None}], CONTROLS, []) == []


def test_the_calibrated_border_is_where_the_calibrated_p_value_is_five_percent() -> None:
    funnel = control_figures(STUDY, [NULL], CONTROLS, [])[0]
    first = re.search(r'<path d="M([\d.]+),([\d.]+) L', str(funnel.figure))
    assert first is not None
    widest = 1.0  # no estimate is further from 1 than that on the log scale
    expected = LEFT + (WIDTH - LEFT - RIGHT) * ((0.1 - Z * 0.2) / widest + 1) / 2
    assert [float(part) for part in first.groups()] == pytest.approx([expected, TOP + HEIGHT], abs=0.06)


def test_controls_of_another_exposure_are_not_in_the_funnel_and_those_of_exposure_are() -> None:
    others = [
        *CONTROLS,
        control("L40", 0.1, exposure="antidepressants"),
        control("A02", 0.1, kind="exposure", exposure="A02"),
    ]
    funnel = control_figures(STUDY, [NULL], others, [])[0]
    assert funnel.figure.count('class="control"') == 3


def text(table: Any) -> str:
    return " | ".join(str(cell.content) for row in table.rows for cell in row)


def test_the_tables_say_what_was_found() -> None:
    assert "0.180 (0.100\u00a0to\u00a00.400)" in text(null_table(STUDY, [NULL]))
    assert "25 %" in text(null_table(STUDY, [NULL]))
    assert "1.22 (0.82–1.82)" in text(control_table(STUDY, CONTROLS)).replace(" to ", "–")
    assert "Not estimated: no outcome event occurred" in text(control_table(STUDY, CONTROLS))
    shown = calibrated_table(STUDY, [ESTIMATE])
    assert shown is not None
    assert f"{exp(0.4):.2f}" in text(shown)
    assert calibrated_table(STUDY, [ESTIMATE | {"calibrated_estimate": None}]) is None


def summary(state: str, **more: Any) -> dict[str, Any]:
    counts = {"n_estimates": 4, "n_given": 3, "n_sealed": 0}
    return (
        {"analysis": "main", "label": None, "state": state, "step": None, "error": None, "says": None} | counts | more
    )


def test_one_analysis_that_was_done_needs_no_summary() -> None:
    assert run_table([summary("completed")]) is None
    failed = run_table([summary("failed", step="estimates", error="DesignError", says="arms: none")])
    assert failed is not None
    assert "failed: estimates: arms: none" in text(failed)


def test_a_grid_has_a_row_for_every_ratio() -> None:
    rows = [
        control("", log(2.0), analysis=cell.id, subgroup="overall", outcome="death") for cell in STUDY.grids[0].cells()
    ]
    (table,) = grid_tables(STUDY, [*rows, rows[0] | {"measure": "risk"}, rows[0] | {"analysis": "main"}])
    assert len(table.rows) == 8
    assert grid_tables(STUDY, []) == []
