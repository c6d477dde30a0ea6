"""Published survival and hazard ratios beside a study's own, which way round they are, and whether they agree."""

from typing import Any

import pytest

import equipoise as eq
from equipoise.errors import DesignError, SpecError
from equipoise.report.published import published_directions, published_hazards
from equipoise.spec.read import parse_study
from tests.spec_model.test_follow_up_faults import raw

SOURCE = {"analysis": "main", "exposure": "drug", "status": "firm", "source": "A conference"}
RATIO = SOURCE | {"quantity": "hazard_ratio", "estimate": 1.21, "conf_low": 1.022, "conf_high": 1.433}
ALIVE = SOURCE | {"quantity": "survival", "time_point_days": 730}
ROWS = [
    {"exposure": "drug", "measure": "hazard_ratio", "adjustment": "adjusted", "estimate": 0.9, "conf_low": 0.8,
     "conf_high": 1.1, "target_level": "use", "reference_level": "other", "reason": None, "time_point_days": None},
    *({"exposure": "drug", "measure": "risk", "adjustment": "crude", "estimate": risk, "conf_low": risk - 0.05,
       "conf_high": risk + 0.05, "target_level": level, "reference_level": None, "reason": None,
       "time_point_days": 730} for level, risk in (("use", 0.55), ("other", 0.52))),
]  # fmt: skip


def study(*published: dict[str, Any]):
    return parse_study(raw() | {"published": list(published)})


def both_arms() -> list[dict[str, Any]]:
    return [ALIVE | {"arm": "target", "estimate": 0.4718}, ALIVE | {"arm": "reference", "estimate": 0.4106}]


def texts(made) -> list[list[str]]:
    return [[str(cell.content) for cell in row] for row in made.rows]


def test_a_ratio_of_the_reference_against_the_target_is_shown_both_ways_and_compared_the_right_way() -> None:
    one = study(RATIO | {"reversed": True})
    (row,) = texts(published_hazards(one, one.analyses[0], ROWS, []))
    assert row[1] == "0.83 (0.70 to 0.98); printed as 1.21 (1.02 to 1.43), reference against target"
    assert row[4:] == ["0.90 (0.80 to 1.10)", "yes"]
    other = study(RATIO)
    assert texts(published_hazards(other, other.analyses[0], ROWS, []))[0][-1] == "no"


def test_survival_stands_beside_one_less_the_risk_of_its_arm() -> None:
    one = study(*both_arms())
    target, reference = texts(published_hazards(one, one.analyses[0], ROWS, []))
    assert target[0].endswith("target arm, alive on day 730")
    assert target[1] == "47.18\u202f%"
    assert target[4:] == ["45.00\u202f% (40.00\u202f% to 50.00\u202f%)", "yes"]
    assert reference[4:] == ["48.00\u202f% (43.00\u202f% to 53.00\u202f%)", "no"]


def test_published_figures_that_point_to_opposite_arms_are_explained() -> None:
    printed = study(RATIO, *both_arms())
    (text,) = published_directions(printed, printed.analyses[0])
    assert "47.18\u202f% against 41.06\u202f%" in text
    assert text.endswith("The reference was swapped.")
    right = study(RATIO | {"estimate": 0.826, "conf_low": 0.698, "conf_high": 0.978}, *both_arms())
    assert published_directions(right, right.analyses[0]) == []


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (ALIVE | {"arm": "target", "estimate": 1.5}, "a survival of 1.5"),
        (ALIVE | {"estimate": 0.5}, "a survival without arm and time_point_days"),
        (RATIO | {"arm": "target"}, "arm or time_point_days of a ratio"),
        (ALIVE | {"arm": "target", "estimate": 0.5, "reversed": True}, "reversed with a survival"),
        (ALIVE | {"arm": "target", "estimate": 0.5, "time_point_days": 365}, "day 365 is no time point of"),
    ],
)
def test_what_no_figure_can_be_is_a_fault(figure: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        study(figure)


def test_directions_from_python() -> None:
    assert eq.assess_direction(1.2, survival_target=0.4, survival_reference=0.5).coherent
    assert eq.assess_direction(1.0, survival_target=0.6, survival_reference=0.5).coherent
    crossing = eq.assess_direction(1.2, survival_target=0.6, survival_reference=0.5, crossing=True)
    assert crossing.explanation == "crossing_curves"
    assert eq.assess_direction(3.0, survival_target=0.51, survival_reference=0.5).explanation == "not_explained"
    for wrong in ({"hazard_ratio": 0.0}, {"survival_target": 1.2}):
        with pytest.raises(DesignError):
            eq.assess_direction(**{"hazard_ratio": 1.0, "survival_target": 0.5, "survival_reference": 0.5} | wrong)


def test_a_ratio_near_one_is_not_taken_for_a_swapped_reference() -> None:
    found = eq.assess_direction(1.08, survival_target=0.399, survival_reference=0.391)  # the survival says 0.98
    assert found.explanation == "too_small_to_tell"
    assert "swapped" not in found.text
