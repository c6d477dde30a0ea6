"""Negative controls from a study file to calibrated estimates, the gate and the report."""

from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import equipoise as eq
from equipoise.errors import SpecError
from equipoise.report.write import report_html
from equipoise.runner.calibrate_effects import NUMBERS, Known, fit_error_of_effects, hide_made_of_hidden
from equipoise.runner.steps import study_steps
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import parse_study
from tests.studies.test_follow_up_runs import STUDY

DISEASES = ("H25", "K35", "K80", "L40", "S52")
DRUGS = ("A02BC", "C08CA", "C09AA", "H03AA", "J01CE", "R06AX")


def followed(**top: Any) -> dict[str, Any]:
    raw = deepcopy(STUDY)
    for code in DISEASES:
        raw["concept_sets"][code] = {"domain": "condition", "include": [{"code_prefix": code}]}
    for code in DRUGS:
        raw["concept_sets"][code] = {"domain": "drug", "include": [{"vocabulary": "ATC", "code_prefix": code}]}
        raw["exposures"][code] = {"concept_sets": [code]}
    raw["analyses"][0]["design"]["target"] = ["antidepressants"]
    return raw | {"negative_controls": {"outcomes": list(DISEASES), "exposures": list(DRUGS)}} | top


def case_control(**top: Any) -> dict[str, Any]:
    raw = followed(**top)
    raw["cohorts"]["fallen"] = {"entry": {"concept_set": "fall", "occurrence": "first"}}
    raw["concept_sets"]["fall"] = {"domain": "condition", "include": [{"code_prefix": "F33"}]}
    raw["covariates"] = [{"name": "area", "kind": "region"}]
    raw["analyses"] = [
        {
            "id": "main",
            "adjust_for": ["area"],
            "design": {
                "kind": "nested_case_control",
                "cases": "fallen",
                "controls_per_case": 2,
                "birth_year_caliper": 2,
                "exposures": ["antidepressants", "hypnotics"],
                "windows": ["year"],
                "readings": ["any_use"],
            },
        }
    ]
    return raw


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("controls") / "register"
    write_nation(folder, persons=20_000, seed=3)
    return folder


def run(raw: dict[str, Any], database: Path, to: Path, **options: Any) -> eq.Results:
    with eq.connect(database) as source:
        return eq.run(parse_study(raw), source, to=to, store=to.parent / "store", **options)


@pytest.fixture(scope="module")
def results(database: Path, tmp_path_factory: pytest.TempPathFactory) -> eq.Results:
    return run(followed(), database, tmp_path_factory.mktemp("run") / "r", min_cell_count=1)


def test_every_control_goes_through_the_design(results: eq.Results) -> None:
    rows = results.rows("negative_controls")
    assert Counter((row["kind"], row["adjustment"]) for row in rows) == {
        ("outcome", "crude"): 5,
        ("outcome", "adjusted"): 5,
        ("exposure", "crude"): 6,
        ("exposure", "adjusted"): 6,
    }
    assert {row["exposure"] for row in rows if row["kind"] == "outcome"} == {"antidepressants"}
    assert {row["control"] for row in rows if row["kind"] == "exposure"} == set(DRUGS)
    assert all(row["n_cases"] == row["n_exposed_cases"] + row["n_unexposed_cases"] for row in rows)
    assert {row["analysis"] for row in rows} == {"main"}


def test_a_control_outcome_is_what_the_same_analysis_of_that_outcome_gives(
    results: eq.Results, database: Path, tmp_path: Path
) -> None:
    raw = followed()
    del raw["negative_controls"]
    raw["analyses"][0]["design"] |= {"outcome": {"any_of": ["S52"]}, "estimator": {"kinds": ["cox"]}}
    alone = {row["adjustment"]: row for row in run(raw, database, tmp_path / "r", min_cell_count=1).rows("estimates")}
    shared = {row["adjustment"]: row for row in results.rows("negative_controls") if row["control"] == "S52"}
    assert set(alone) == set(shared) == {"crude", "adjusted"}
    for name in ("estimate", "std_error", "n_cases", "n_exposed_cases"):
        assert [alone[key][name] for key in alone] == pytest.approx([shared[key][name] for key in alone], rel=1e-12)


def test_nulls_and_calibrated_estimates_are_those_of_the_functions(results: eq.Results) -> None:
    rows = [row for row in results.rows("negative_controls") if row["adjustment"] == "adjusted"]
    estimates = [row["log_estimate"] for row in rows if row["estimate"] is not None]
    errors = [row["std_error"] for row in rows if row["estimate"] is not None]
    null = eq.fit_null(estimates, errors)
    (row,) = (row for row in results.rows("empirical_null") if row["adjustment"] == "adjusted")
    assert (row["n_controls"], row["n_usable"]) == (11, len(estimates))
    assert row["mean"] == pytest.approx(null.mean, abs=1e-11)
    assert row["ease"] == pytest.approx(null.expected_absolute_systematic_error(), abs=1e-11)
    assert (row["ease_low"], row["ease_high"]) == pytest.approx(
        null.expected_absolute_systematic_error_limits(), abs=1e-11
    )
    (estimate,) = (
        row for row in results.rows("estimates") if row["measure"] == "hazard_ratio" and row["adjustment"] == "adjusted"
    )
    one = [estimate["log_estimate"]], [estimate["std_error"]]
    assert estimate["calibrated_p_value"] == pytest.approx(eq.calibrate_p_values(null, *one)[0], rel=1e-9)
    limits = eq.calibrate_intervals(null, *one).tidy(exponentiate=True).iloc[0]
    found = [estimate[f"calibrated_{name}"] for name in ("estimate", "conf_low", "conf_high")]
    assert found == pytest.approx([limits["estimate"], limits["conf_low"], limits["conf_high"]], rel=1e-9)
    others = [row for row in results.rows("estimates") if row["measure"] != "hazard_ratio"]
    assert others
    assert {row["calibrated_estimate"] for row in others} == {None}


def test_positive_controls_have_the_effect_that_was_put_in(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcomes are added where the target arm has enough; intervals are calibrated by the error at every effect."""
    monkeypatch.setattr("equipoise.bias.synthetic_outcomes.FEWEST_OUTCOMES", 4)
    raw = followed()
    raw["negative_controls"]["synthetic_effects"] = [1.5, 4.0]
    made = run(raw, database, tmp_path / "r", min_cell_count=0)
    negative = [row for row in made.rows("negative_controls") if row["kind"] == "outcome"]
    every = made.rows("positive_controls")
    assert len(every) == len(negative) * 2, "a row for each negative control and each effect"
    enough = {row["control"] for row in negative if row["n_exposed_cases"] >= 4}
    few = [row for row in every if row["control"] not in enough]
    assert few
    assert {(row["reason"], row["estimate"], row["injected"]) for row in few} == {("TOO_FEW_EVENTS", None, None)}
    rows = [row for row in every if row["control"] in enough]
    assert all(row["reason"] is None for row in rows)
    before = {(row["control"], row["adjustment"]): row for row in negative}
    for row in rows:
        assert row["injected"] == pytest.approx(row["effect"], rel=0.2)
        if row["effect"] == 4.0:
            gained = row["log_estimate"] - before[row["control"], row["adjustment"]]["log_estimate"]
            assert gained == pytest.approx(np.log(row["injected"]), abs=0.15)
    for error in made.rows("systematic_error"):
        own = [row for row in rows if row["adjustment"] == error["adjustment"]]
        null = [row for row in negative if row["adjustment"] == error["adjustment"] and row["log_estimate"] is not None]
        columns = [[row[name] for row in (*null, *own)] for name in ("log_estimate", "std_error")]
        truth = [0.0] * len(null) + [float(np.log(row["effect"])) for row in own]
        model = eq.fit_systematic_error(*columns, truth)
        names = ("mean_intercept", "mean_slope", "sd_intercept", "sd_slope")
        assert [error[name] for name in names] == pytest.approx(model.parameters, abs=1e-9)
        assert (error["n_negative"], error["n_positive"]) == (len(null), len(own))
        assert (error["share_covered"] is None) == (len(null) + len(own) < 8)
        (estimate,) = (
            row for row in made.rows("estimates")
            if row["adjustment"] == error["adjustment"] and row["measure"] == "hazard_ratio"
        )  # fmt: skip
        one = [estimate["log_estimate"]], [estimate["std_error"]]
        found = eq.calibrate_intervals(model, *one).tidy(exponentiate=True).iloc[0]
        assert estimate["calibrated_conf_low"] == pytest.approx(found["conf_low"], rel=1e-7)
        assert estimate["calibrated_conf_high"] == pytest.approx(found["conf_high"], rel=1e-7)
    page = report_html(made)
    assert "Systematic error by the size of the effect" in page
    assert "Controls by their true effect" in page
    assert page.count('class="truth"') == 2 * 3


def test_intervals_that_hold_the_truth_are_those_of_the_analysis_level() -> None:
    """Half of the controls lie 1.8 standard errors off: inside intervals at 95 %, outside those at 90 %."""
    known = [
        Known(f"c{i}", effect, np.log(effect) + 0.18 * (i % 2), 0.1, True) for i in range(8) for effect in (1.0, 2.0)
    ]
    shares = {level: fit_error_of_effects(known, 12, level).row["share_covered"] for level in (0.9, 0.95)}
    assert shares == {0.9: 0.5, 0.95: 1.0}


def test_positive_controls_tell_nothing_of_hidden_negative_ones() -> None:
    key = {"analysis": "a", "exposure": "e", "control": "c", "target_level": "l", "adjustment": "crude"}
    numbers = dict.fromkeys(NUMBERS, 0.5)
    for seen in (True, False):
        positive = [key | numbers | {"injected": 2.0, "reason": None}]
        negative = [key | {"log_estimate": 0.1 if seen else None, "n_exposed_cases": 30}]
        assert list(hide_made_of_hidden(positive, negative, ("analysis", "adjustment"))) == [seen]
        assert all((positive[0][name] is None) != seen for name in (*NUMBERS, "injected"))


def test_positive_controls_that_cannot_be_made_say_why_and_leave_the_null(database: Path, tmp_path: Path) -> None:
    raw = followed()
    raw["negative_controls"]["synthetic_effects"] = [2.0]
    made = run(raw, database, tmp_path / "r", min_cell_count=0)
    negative = made.rows("negative_controls")
    assert max(row["n_exposed_cases"] for row in negative) < 25
    rows = made.rows("positive_controls")
    assert {row["reason"] for row in rows} == {"TOO_FEW_EVENTS"}
    assert {(row["control"], row["adjustment"]) for row in rows} == {
        (row["control"], row["adjustment"]) for row in negative if row["kind"] == "outcome"
    }
    assert {(row["n_positive"], row["mean_slope"], row["reason"]) for row in made.rows("systematic_error")} == {
        (0, None, "NOT_IDENTIFIED")
    }
    without = run(followed(), database, tmp_path / "without", min_cell_count=0)
    assert made.rows("estimates") == without.rows("estimates")
    assert "Too few outcomes" in report_html(made)


@pytest.mark.parametrize(("n", "log_estimate"), [(None, None), (None, 0.1), (12, None), (0, None), (24, 0.1)])
def test_that_outcomes_are_too_few_is_said_where_their_number_is_shown(
    n: int | None, log_estimate: float | None
) -> None:
    key = {"analysis": "a", "exposure": "e", "control": "c", "target_level": "l", "adjustment": "crude"}
    positive = [key | dict.fromkeys(NUMBERS) | {"injected": None, "reason": "TOO_FEW_EVENTS"}]
    negative = [key | {"log_estimate": log_estimate, "n_exposed_cases": n}]
    assert list(hide_made_of_hidden(positive, negative, ("analysis", "adjustment"))) == [log_estimate is not None]
    assert positive[0]["reason"] == ("SMALL_CELLS" if n is None else "TOO_FEW_EVENTS")


def test_nested_case_control_studies_have_controls_of_both_kinds(database: Path, tmp_path: Path) -> None:
    results = run(case_control(), database, tmp_path / "r", min_cell_count=1)
    rows = results.rows("negative_controls")
    assert Counter((row["kind"], row["adjustment"]) for row in rows) == {
        ("outcome", "crude"): 10,
        ("outcome", "adjusted"): 10,
        ("exposure", "crude"): 6,
        ("exposure", "adjusted"): 6,
    }
    nulls = results.rows("empirical_null")
    # Controls of the outcome are those with the same exposure; those of exposure serve every exposure.
    assert {(row["exposure"], row["n_controls"]) for row in nulls} == {("antidepressants", 11), ("hypnotics", 11)}
    assert all(row["calibrated_p_value"] is not None for row in results.rows("estimates") if row["estimate"])
    assert {row["analysis"] for row in results.rows("attrition")} == {"main"}
    assert {row["analysis"] for row in results.rows("sampling")} == {"main"}


def test_what_is_hidden_is_in_no_other_number(database: Path, tmp_path: Path) -> None:
    shown = run(followed(), database, tmp_path / "open", min_cell_count=1)
    threshold = 1 + min(
        min(row["n_exposed_cases"], row["n_unexposed_cases"])
        for row in shown.rows("negative_controls")
        if row["estimate"] is not None
    )
    hidden = run(followed(), database, tmp_path / "hidden", min_cell_count=threshold)
    withheld = [row for row in hidden.rows("negative_controls") if row["reason"] == "SMALL_CELLS"]
    assert withheld
    assert {row["estimate"] for row in withheld} == {row["std_error"] for row in withheld} == {None}
    for row in hidden.rows("empirical_null"):
        assert row["mean"] == round(row["mean"], 2)
        assert row["sd"] == round(row["sd"], 2)
        assert row["ease"] == eq_null(row["mean"], row["sd"])
    # Each control that is shown is calibrated by the others that are.
    kept = [row for row in hidden.rows("negative_controls") if row["adjustment"] == "crude" and row["estimate"]]
    own = [row for row in kept if row["kind"] == "outcome" or row["exposure"] == kept[-1]["exposure"]]
    assert own
    assert all(row["calibrated_p_value"] is not None for row in kept)


def eq_null(mean: float, sd: float) -> float:
    return eq.EmpiricalNull(mean, sd).expected_absolute_systematic_error()


GATE = {"balance": "none", "equipoise": "none", "detectable_ratio": "none"}


@pytest.mark.parametrize(
    ("gate", "status"),
    [
        ({}, "not_evaluated"),
        ({"negative_controls": 3, "systematic_error": 5.0}, "passed"),
        ({"negative_controls": 3, "systematic_error": 0.0001}, "failed"),
    ],
)
def test_the_gate_judges_their_error(database: Path, tmp_path: Path, gate: dict[str, Any], status: str) -> None:
    results = run(followed(gate=GATE | gate), database, tmp_path / "r")
    (row,) = (row for row in results.rows("diagnostics") if row["diagnostic"] == "systematic_error")
    (null,) = (row for row in results.rows("empirical_null") if row["adjustment"] == "adjusted")
    assert (row["status"], row["value"]) == (status, null["ease"])
    estimates = results.rows("estimates")
    if status == "passed":
        assert any(row["estimate"] for row in estimates)
        return
    named = "systematic_error" + (" (not evaluated)" if status == "not_evaluated" else "")
    assert {(row["reason"], row["failed_diagnostics"]) for row in estimates} == {("SEALED", named)}
    assert {row["calibrated_estimate"] for row in estimates} == {None}


def test_work_is_shared() -> None:
    steps = study_steps(parse_study(followed()), 1)
    made = Counter(step.kind for step in steps)
    assert made["control_outcomes"] == 1
    assert made["arms_set"] == 1
    names = [step.name for step in steps]
    assert len(names) == len(set(names))


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "none": ({}, "negative_controls", "no control"),
    "an outcome of the study": (
        {"outcomes": ["S52", "stroke"]},
        "negative_controls.outcomes[1]",
        "'stroke' is a negative control, and an event of analysis 'main'",
    ),
    "an outcome of the study under another name": (
        {"outcomes": ["again"]},
        "negative_controls.outcomes[0]",
        "'again' is a negative control, and an event of analysis 'main'",
    ),
    "a covariate": (
        {"outcomes": ["K80"]},
        "negative_controls.outcomes[0]",
        "'K80' is a negative control, and behind the covariate 'gallstones'",
    ),
    "an exposure of the study": (
        {"exposures": ["antidepressants"]},
        "negative_controls.exposures[0]",
        "'antidepressants' is a negative control, and an exposure of analysis 'main'",
    ),
    "drugs of the study": (
        {"exposures": ["the same"]},
        "negative_controls.exposures[0]",
        "'the same' is a negative control, and shares drugs with 'antidepressants'",
    ),
    "nobody defined it": ({"outcomes": ["X"]}, "negative_controls.outcomes[0]", "unknown concept set 'X'"),
    "an analysis nobody defined": (
        {"outcomes": ["S52"], "analyses": ["mian"]},
        "negative_controls.analyses[0]",
        "unknown analysis 'mian'",
    ),
    "an effect twice": (
        {"outcomes": ["S52"], "synthetic_effects": [2, 2.0]},
        "negative_controls.synthetic_effects",
        "'2' twice",
    ),
    "effects without outcomes": (
        {"exposures": ["H03AA"], "synthetic_effects": [2]},
        "negative_controls.synthetic_effects",
        "effects without control outcomes",
    ),
    "an effect that takes outcomes away": (
        {"outcomes": ["S52"], "synthetic_effects": [0.5]},
        "negative_controls.synthetic_effects[0]",
        "0.5",
    ),
    "twice": ({"outcomes": ["S52", "S52"]}, "negative_controls.outcomes", "'S52' twice"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_control_that_belongs_to_the_question_is_refused(name: str) -> None:
    controls, where, found = FAULTS[name]
    raw = followed(negative_controls=controls)
    stroke = {"domain": "condition", "include": [{"code_prefix": "I63"}]}
    raw["concept_sets"] |= {"stroke": stroke, "again": stroke | {"label": "Stroke again"}}
    raw["exposures"]["the same"] = {"concept_sets": ["antidepressants"]}
    raw["covariates"].append(
        {"name": "gallstones", "kind": "event", "concept_set": "K80", "window": {"days_before": [0, 365]}}
    )
    raw["analyses"][0]["adjust_for"] = ["age", "gallstones"]
    raw["analyses"][0]["design"]["outcome"] = {"any_of": ["stroke"]}
    with pytest.raises(SpecError) as caught:
        parse_study(raw)
    assert [(fault.where, fault.found) for fault in caught.value.faults] == [(where, found)]


def test_positive_controls_need_arms_that_are_followed() -> None:
    with pytest.raises(SpecError, match="nested_case_control"):
        parse_study(case_control(negative_controls={"outcomes": ["S52"], "synthetic_effects": [2]}))


def test_controls_of_exposure_need_a_comparison_with_no_use() -> None:
    raw = followed(negative_controls={"exposures": ["A02BC"]})
    raw["analyses"][0]["design"]["comparator"] = "hypnotics"
    with pytest.raises(SpecError, match="every analysis compares with users of another drug"):
        parse_study(raw)


def test_controls_that_are_null_leave_estimates_as_they_are() -> None:
    null = eq.fit_null(np.zeros(40), np.full(40, 0.1))
    assert eq.calibrate_intervals(null, [0.3], [0.1]).log_estimate[0] == pytest.approx(0.3, abs=1e-12)
