"""The follow-up analyses of a study in one table: the same outcome, the estimates with the most adjustment."""

from typing import Any

from equipoise.report.side_by_side import side_by_side
from equipoise.spec.read import parse_study
from tests.spec_model.test_follow_up_faults import raw

STUDY = parse_study(raw())


def row(measure: str, adjustment: str, estimate: float | None, day: int | None = 730, **more: Any) -> dict[str, Any]:
    low, high = (None, None) if estimate is None else (estimate - 0.01, estimate + 0.01)
    return {
        "exposure": "drug", "outcome": "death", "subgroup": "overall", "measure": measure, "adjustment": adjustment,
        "time_point_days": day, "estimate": estimate, "conf_low": low, "conf_high": high,
        "reason": None if estimate is not None else "NO_EVENTS", "target_level": "use", "reference_level": "other",
        "n_persons": 100, "n_persons_suppressed": False,
    } | more  # fmt: skip


def estimates() -> list[dict[str, Any]]:
    made = []
    for adjustment, shift in (("crude", 0.0), ("matched", 0.1)):
        made.append(row("hazard_ratio", adjustment, 0.8 + shift, None))
        made.append(row("risk", adjustment, 0.5 + shift))
        made.append(row("risk", adjustment, 0.55 + shift, target_level="other", reference_level=None))
        made.append(row("risk_difference", adjustment, -0.05))
    made.append(row("risk_difference", "matched", -0.3, 365))
    return made


def body(made: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    (table,) = side_by_side(STUDY, STUDY.every_analysis(), made)
    return [[str(cell.content).replace("\u00a0", " ") for cell in line] for line in table.rows]


def test_each_analysis_has_a_line_with_its_most_adjusted_estimates_at_the_last_day() -> None:
    lines = body({"main": estimates(), "as-treated": [row("hazard_ratio", "crude", None, None)]})
    title, persons, hazard, target, reference, difference, ratio, mean = lines[0]
    assert persons == "100"
    assert (target, reference) == ("40.0\u202f%", "35.0\u202f%")
    assert difference == "\u22125.0 (\u22126.0 to \u22124.0)"
    assert (ratio, mean) == ("–", "–")
    assert hazard == "0.90 (0.89 to 0.91)"
    assert lines[1][2] == "no events"
    assert title != lines[1][0]


def test_survival_that_is_crude_beside_an_adjusted_ratio_says_so() -> None:
    rows = [row("hazard_ratio", "adjusted", 0.8, None), row("risk", "crude", 0.5)]
    assert body({"main": rows, "as-treated": estimates()})[0][3] == "50.0\u202f% (crude)"


def test_one_analysis_alone_has_nothing_beside_it() -> None:
    assert side_by_side(STUDY, STUDY.every_analysis(), {"main": estimates()}) == []
    other = [row("hazard_ratio", "crude", 1.0, None, outcome="bleeding")]
    assert side_by_side(STUDY, STUDY.every_analysis(), {"main": estimates(), "as-treated": other}) == []


def test_subgroups_are_left_out() -> None:
    inside = [row("hazard_ratio", "crude", 9.0, None, subgroup="sex", subgroup_level="female")]
    assert body({"main": [*estimates(), *inside], "as-treated": estimates()})[0][2] == "0.90 (0.89 to 0.91)"


def test_an_interval_may_stand_below_its_estimate_and_breaks_nowhere_else() -> None:
    (table,) = side_by_side(STUDY, STUDY.every_analysis(), {"main": estimates(), "as-treated": estimates()})
    assert table.rows[0][2].content == "0.90 (0.89\u00a0to\u00a00.91)"
    assert "narrow" in table.style.split()
