"""What is wrong with the function of a follow-up design, or with a figure published of one, is named where it is."""

import tomllib
from typing import Any

import pytest

from equipoise.errors import SpecError
from equipoise.spec.canonical import canonical
from equipoise.spec.function import Function
from equipoise.spec.read import parse_study
from tests.spec_model.examples import changed

STUDY = """
spec_version = 1
id = "function"
title = "Function after a diagnosis"
question = { text = "Does it decline faster?" }

[concept_sets]
disease = { domain = "condition", include = [{ concept_id = 1 }] }
drug = { domain = "drug", include = [{ concept_id = 2 }] }
total = { domain = "measurement", include = [{ concept_id = 3 }] }

[cohorts]
patients = { entry = { concept_set = "disease" } }

[exposures]
drug = { concept_sets = ["drug"], min_dispensings = 2 }
other = { concept_sets = ["drug"] }

[windows]
year = { days_before = [0, 365] }
ever = { days_before = [0, inf] }

[[covariates]]
name = "age"
kind = "age"

[[analyses]]
id = "main"
adjust_for = ["age"]

[analyses.design]
kind = "follow_up"
population = "patients"
window = "year"
target = ["drug"]
outcome = { any_of = ["death"] }
follow_up = { days = 730 }
function = { total = "total", day = 365 }

[[published]]
analysis = "main"
exposure = "drug"
quantity = "direct_hazard_ratio"
form = "unknown"
estimate = 1.5
status = "firm"
source = "A paper"
"""
FUNCTION, FIGURE = "analyses/0/design/function", "published/0"
PLACE = 'analyses["main"].design.function'


def raw_study() -> dict[str, Any]:
    return tomllib.loads(STUDY)


def test_the_study_is_sound_and_canonical_form_reads_back() -> None:
    study = parse_study(raw_study())
    assert parse_study(canonical(study)) == study
    design = study.analyses[0].follow_up
    assert design is not None
    assert design.function is not None
    assert design.function.scores == {"total": ("total", 48)}


@pytest.mark.parametrize(
    ("path", "value", "where", "found"),
    [
        (FUNCTION, {}, PLACE, "neither total nor items"),
        (f"{FUNCTION}/total", "totals", f"{PLACE}.total", "unknown concept set 'totals'"),
        (f"{FUNCTION}/total", "disease", f"{PLACE}.total", "'disease' is a set of the domain 'condition'"),
        (f"{FUNCTION}/items", ["total"], PLACE, "1 different concept sets in items"),
        (f"{FUNCTION}/items", ["none"] * 12, f"{PLACE}.items[0]", "unknown concept set 'none'"),
        (f"{FUNCTION}/onset", "onset", f"{PLACE}.onset", "unknown concept set 'onset'"),
        (f"{FUNCTION}/gives", ["stages"], PLACE, "stages without items"),
        (f"{FUNCTION}/gives", ["progression"], PLACE, "progression without onset"),
        (f"{FUNCTION}/gives", ["joint", "joint"], f"{PLACE}.gives", "'joint' twice"),
        (f"{FUNCTION}/gives", [], f"{PLACE}.gives", ""),
        (f"{FUNCTION}/gives", ["decline"], f"{PLACE}.gives[0]", "'decline'"),
        (f"{FUNCTION}/baseline_days", 365, PLACE, "baseline_days = 365 with day = 365"),
        (f"{FUNCTION}/until_day", 30, PLACE, "until_day = 30 with baseline_days = 30"),
        (f"{FUNCTION}/shape", "spline", PLACE, 'shape = "spline" without knots_days'),
        (f"{FUNCTION}/knots_days", [0, 365, 730], PLACE, 'shape = "linear" with knots_days'),
        (FUNCTION, {"total": "total", "shape": "spline", "knots_days": [0, 730]}, PLACE, "knots_days that are fewer"),
        (f"{FUNCTION}/day", 800, f"{PLACE}.day", "day 800, outside follow-up"),
        (f"{FUNCTION}/association", "area", f"{PLACE}.association", "'area'"),
        (f"{FUNCTION}/baseline_hazard", "flat", f"{PLACE}.baseline_hazard", "'flat'"),
        (f"{FUNCTION}/within_days", -1, f"{PLACE}.within_days", "-1"),
        (
            "analyses/0/design",
            {
                "kind": "follow_up",
                "population": "patients",
                "window": "year",
                "target": ["drug"],
                "outcome": {"any_of": ["disease"], "competing": ["death"]},
                "estimator": {"kinds": ["cox"]},
                "function": {"total": "total", "gives": ["ranks", "joint"]},
            },
            f"{PLACE}.gives",
            "ranks with competing events",
        ),
        (
            "analyses/0/design/follow_up",
            {"days": 730, "delayed_entry": "disease"},
            f"{PLACE.removesuffix('function')}follow_up.delayed_entry",
            "delayed entry with function that gives 'ranks'",
        ),
        ("analyses/0/design/adjustment", {"kind": "match"}, PLACE, "function with adjustment of kind 'match'"),
        ("analyses/0/design/follow_up/starts_day", 30, PLACE, "function with follow-up from day 30"),
        (
            "analyses/0/design",
            {
                "kind": "follow_up",
                "population": "patients",
                "window": "ever",
                "target": ["drug"],
                "comparator": "other",
                "below_minimum": "exclude",
                "outcome": {"any_of": ["death"]},
            },
            'analyses["main"].design',
            "below_minimum = \"exclude\" with comparator 'other'",
        ),
        (f"{FIGURE}/exposure", "other", "published[0].exposure", "'other' is not part of analysis 'main'"),
        (f"{FIGURE}/window", "ever", "published[0].window", "'ever' is not part of analysis 'main'"),
        (f"{FIGURE}/comparison", "siblings", "published[0].comparison", "'siblings' is not part of analysis 'main'"),
        (f"{FIGURE}/quantity", "odds_ratio", "published[0].quantity", "'odds_ratio', which analysis 'main' does not"),
        (f"{FUNCTION}/gives", ["ranks"], "published[0].quantity", "'direct_hazard_ratio', which analysis 'main'"),
        (f"{FIGURE}/form", "known", "published[0].form", "'known'"),
        (f"{FIGURE}/subgroup", "age", "published[0]", "subgroup and subgroup_level one without the other"),
    ],
)
def test_a_fault_is_named(path: str, value: Any, where: str, found: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_study(changed(raw_study(), path, value))
    assert [fault for fault in caught.value.faults if fault.where == where and found in fault.found], caught.value


def test_a_figure_of_a_case_control_study_names_its_window() -> None:
    raw = changed(raw_study(), "analyses/0/design", {
        "kind": "nested_case_control", "cases": "patients", "exposures": ["drug"], "windows": ["year"],
    })  # fmt: skip
    with pytest.raises(SpecError) as caught:
        parse_study(raw)
    places = {fault.where for fault in caught.value.faults}
    assert {"published[0].window", "published[0].quantity"} <= places


def test_items_are_numbered_in_the_order_of_the_scale() -> None:
    names = tuple(f"item of row {at}" for at in range(12))
    function = Function(items=names, gives=("stages",))
    assert list(function.scores) == [f"item {at}" for at in range(1, 13)]
    assert function.scores["item 12"] == ("item of row 11", 4)
