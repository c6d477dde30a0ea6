"""Estimates of function on arrays: truth by hand, the estimators by themselves, reasons where there is no answer."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equipoise.analysis_set import AnalysisSet, Column, Measurements
from equipoise.errors import Reason
from equipoise.estimators.joint import fit_joint
from equipoise.results.suppress import suppress
from equipoise.results.tables import TABLES, table
from equipoise.runner.function import function_rows
from equipoise.runner.function_joint import fit_joint_model
from equipoise.runner.function_ranks import ranked
from equipoise.runner.function_rows import MONTH, Compared
from equipoise.runner.function_trajectories import intervals
from equipoise.spec.function import Function

EXACT = 1e-9  # sums of the same numbers in another order
Row = dict[str, Any]
KEY = {"analysis": "main", "comparison": "no use", "exposure": "drug"}


def compared(
    arm: list[int],
    stop: list[int],
    event: list[int],
    scores: list[tuple[int, int, float]],
    covariate: np.ndarray | None = None,
    items: np.ndarray | None = None,
    **settings: Any,
) -> Compared:
    """Persons by arm, end of follow-up and event; scores as (person, day, total), the items of each beside."""
    n = len(arm)
    columns = [Column("arm", "exposure")] + ([] if covariate is None else [Column("c", "covariate")])
    x = np.column_stack([np.array(arm, float)] + ([] if covariate is None else [covariate]))
    people = AnalysisSet(
        np.arange(n), np.array(event, np.int8), np.zeros(n, np.int32), np.array(stop, np.int32), np.ones(n), x,
        tuple(columns), arm=np.array(arm, np.int8),
    )  # fmt: skip
    person, day, total = (np.array(column) for column in zip(*scores, strict=True))
    names = ("total", *(f"item {at}" for at in range(1, 13))) if items is not None else ("total",)
    values = np.column_stack([total] + ([] if items is None else [items])).astype(float)
    measured = Measurements(person.astype(np.int64), day.astype(np.int32), values, names)
    named = {} if items is None else {"items": tuple(f"item {at}" for at in range(1, 13))}
    function = Function.model_validate({"total": "total", "gives": ("trajectory",)} | named | settings)
    return Compared(people, measured, function, ("no use", "use"), "use against no use", 0.95)


def drawn(n: int = 120, seed: int = 1, slope_difference: float = -0.5, **settings: Any) -> Compared:
    """Persons with lines of their own: slope -1 a month without use, and scores every 60 days until they die."""
    draw = np.random.default_rng(seed)
    arm = np.arange(n) % 2
    slope = -1.0 + slope_difference * arm + draw.normal(0, 0.15, n)
    level = 40.0 + draw.normal(0, 2, n)
    died = draw.exponential(600.0, n).astype(int) + 30
    stop, event = np.minimum(died, 720), (died < 720).astype(int)
    scores = [
        (i, day, level[i] + slope[i] * day / MONTH + draw.normal(0, 0.5))
        for i in range(n)
        for day in range(0, stop[i], 60)
    ]
    covariate = draw.normal(size=n)
    return compared(list(arm), list(stop), list(event), scores, covariate, **settings)


def rows_of(rows: list[Row], measure: str, adjustment: str = "crude") -> list[Row]:
    return [row for row in rows if row["measure"] == measure and row["adjustment"] == adjustment]


def one(rows: list[Row], measure: str, adjustment: str = "crude") -> Row:
    (row,) = rows_of(rows, measure, adjustment)
    return row


@pytest.mark.parametrize("shape", ["linear", "spline"])
def test_slopes_and_their_difference_are_those_that_made_the_scores(shape: str) -> None:
    settings = {"shape": "spline", "knots_days": (0, 240, 720)} if shape == "spline" else {}
    rows = function_rows(drawn(**settings))["function"]
    for adjustment in ("crude", "adjusted"):
        difference = one(rows, "slope_difference", adjustment)
        assert difference["conf_low"] < -0.5 < difference["conf_high"]
        assert difference["std_error"] < 0.1
        target, reference = rows_of(rows, "slope", adjustment)
        assert difference["estimate"] == pytest.approx(target["estimate"] - reference["estimate"], abs=EXACT)
        assert -1.2 < reference["estimate"] < -0.8


def test_differences_in_score_are_those_of_the_lines() -> None:
    rows = function_rows(drawn())["function"]
    at_zero, at_day = rows_of(rows, "score_difference")
    slope = one(rows, "slope_difference")
    assert (at_zero["time_point_days"], at_day["time_point_days"]) == (0, 365)
    grown = at_zero["estimate"] + slope["estimate"] * 365 / MONTH
    assert at_day["estimate"] == pytest.approx(grown, abs=EXACT)


def test_curves_count_scores_by_interval_and_end_where_scores_do() -> None:
    tables = function_rows(drawn(n=40, until_day=360))
    curve = tables["trajectories"]
    assert max(row["from_day"] for row in curve) <= 360
    assert sum(row["n_scores"] for row in curve) == one(tables["function"], "slope_difference")["n_scores"]
    first = [row for row in curve if row["position"] == 1]
    assert [(row["from_day"], row["to_day"], row["time_days"], row["n_persons"]) for row in first] == [
        (0, 30, 0, 20)
    ] * 2


def test_intervals_are_of_equal_length_after_the_days_that_stand_for_time_zero() -> None:
    assert intervals(212, 30) == [(0, 30), (31, 121), (122, 212)]
    assert intervals(0, 30) == [(0, 30)]
    assert len(intervals(5_000, 30)) == 17


def test_the_joint_model_is_that_of_the_estimator() -> None:
    given = drawn(gives=("joint",), baseline_hazard="weibull")
    rows = function_rows(given)["function"]
    people = given.people
    person, day, score = given.total()
    arm = people.arm.astype(float)
    fit = fit_joint(
        {"id": person, "t": day / MONTH, "y": score, "arm": arm[person]},
        {"id": people.person, "end": people.stop / MONTH, "event": people.event, "arm": arm},
        person="id", outcome="y", measured_at="t", fixed="t * arm", random="t", time="end", event="event",
        covariates="arm", baseline="weibull",
    )  # fmt: skip
    effects = fit.effects_of("arm", [365 / MONTH], exponentiate=True).set_index("effect")
    for measure, effect in (("direct", "direct"), ("mediated", "mediated by value"), ("total", "total")):
        row = one(rows, f"{measure}_hazard_ratio")
        for name in ("estimate", "conf_low", "conf_high", "std_error", "p_value"):
            assert row[name] == pytest.approx(effects.loc[effect, name], rel=1e-6), (measure, name)
    direct, mediated, total = (one(rows, f"{name}_hazard_ratio") for name in ("direct", "mediated", "total"))
    assert total["log_estimate"] == pytest.approx(direct["log_estimate"] + mediated["log_estimate"], abs=EXACT)
    assert direct["time_point_days"] is None
    assert mediated["time_point_days"] == 365
    assert one(rows, "association", "adjusted")["estimate"] > 0
    assert direct["n_target_events"] == int(((people.arm == 1) & (people.event == 1)).sum())


def test_the_joint_model_is_given_survival_until_entry() -> None:
    drawn_ones = drawn(gives=("joint",), baseline_hazard="weibull")
    start = np.where(np.arange(120) % 3 == 0, 20, 0).astype(np.int32)  # everybody lives for thirty days
    given = replace(drawn_ones, people=replace(drawn_ones.people, start=start))
    fit = fit_joint_model(given, np.empty((120, 0)))
    people, (person, day, score) = given.people, given.total()
    arm = people.arm.astype(float)
    expected = fit_joint(
        {"id": person, "t": day / MONTH, "y": score, "arm": arm[person]},
        {"id": people.person, "entry": start / MONTH, "end": people.stop / MONTH, "event": people.event, "arm": arm},
        person="id", outcome="y", measured_at="t", fixed="t * arm", random="t", time="end", event="event",
        entry="entry", covariates="arm", baseline="weibull",
    )  # fmt: skip
    assert fit.log_likelihood == pytest.approx(expected.log_likelihood, abs=1e-6)
    assert fit.log_likelihood != pytest.approx(fit_joint_model(drawn_ones, np.empty((120, 0))).log_likelihood, abs=1e-3)


def test_ranks_put_the_dead_last_and_then_the_larger_loss() -> None:
    # Died on day 100 and on day 200; alive on day 365 with losses of 3 and 10 points, and one who was seen once only.
    given = compared(
        [1, 0, 1, 0, 1], [100, 200, 400, 400, 400], [1, 1, 0, 0, 0],
        [(0, 0, 40), (1, 0, 40), (2, 0, 40), (2, 350, 37), (2, 380, 30), (3, 10, 40), (3, 365, 30), (4, 0, 40)],
        gives=("ranks",),
    )  # fmt: skip
    data = ranked(given)
    assert data["time"].tolist() == [100, 200, 365, 365, 365]
    assert data["event"].tolist() == [1, 1, 0, 0, 0]
    np.testing.assert_array_equal(data["change"], [np.nan, np.nan, -3, -10, np.nan])
    rows = function_rows(given)["function"]
    # Scores: -4, -2, 3 (beats both dead and the larger loss), 1 (both dead, less one), 2 (both dead): ranks 1 2 5 3 4.
    target, reference = rows_of(rows, "mean_rank")
    assert (target["estimate"], reference["estimate"]) == (pytest.approx(10 / 3), pytest.approx(2.5))
    # Pairs of target and reference: 0 loses both; 2 wins both; 4 wins one and ties one.
    assert one(rows, "win_ratio")["estimate"] == pytest.approx(3 / 2)
    assert one(rows, "net_benefit")["estimate"] == pytest.approx(1 / 6)
    assert one(rows, "win_ratio")["n_scores"] == 2


def test_stages_at_time_zero_and_the_time_to_each() -> None:
    best = [4.0] * 12
    bulbar, two, three = best.copy(), best.copy(), best.copy()
    bulbar[0] = 3
    two[0], two[3] = 3, 2
    three[0], three[3], three[7] = 3, 2, 1
    # Stage 1, then 2 on day 90, then died on day 200; stage 1 until seen last on day 300; no score by day 30.
    visits = [(0, 0, bulbar), (0, 90, two), (1, 10, bulbar), (1, 300, bulbar), (2, 60, three)]
    given = compared(
        [1, 1, 1], [200, 500, 500], [1, 0, 0], [(p, d, sum(v)) for p, d, v in visits],
        items=np.array([v for _, _, v in visits]), gives=("stages",),
    )  # fmt: skip
    rows = [row for row in function_rows(given)["stages"] if row["scale"] == "kings" and row["arm"] == "target"]
    assert [(row["stage"], row["n_at_most"], row["n_persons"], row["n_below"]) for row in rows] == [
        ("not known", 3, 1, 2), ("4", 2, 0, 2), ("3", 2, 0, 2), ("2", 2, 0, 2), ("1", 2, 2, 0), ("0", 0, 0, 0),
    ]  # fmt: skip
    by_stage = {row["stage"]: row for row in rows}
    # One of two reaches stage 2 on day 90 and the other is seen up to day 300: the middle of the flat half, as in R.
    assert by_stage["2"]["median_days"] == (90 + 300) / 2
    # Stages 3 and 4 come with death on day 200.
    assert by_stage["4"]["median_days"] == (200 + 300) / 2
    assert by_stage["1"].get("median_days") is None


def test_progression_is_the_loss_since_the_first_symptom() -> None:
    given = compared(
        [1, 1, 0, 0], [400] * 4, [0] * 4, [(0, 0, 36), (1, 0, 24), (2, 0, 42), (3, 0, 45)],
        gives=("progression",), onset="onset",
    )  # fmt: skip
    marks = {"onset": np.array([-12 * MONTH, -12 * MONTH, -6 * MONTH, np.nan])}
    given = replace(given, measured=replace(given.measured, marks=marks))
    rows = function_rows(given)["function"]
    target, reference = rows_of(rows, "progression_rate")
    assert target["estimate"] == pytest.approx(1.5)  # 12 and 24 points in 12 months
    assert (target["n_target"], target["n_reference"], target["n_reference_without"]) == (2, 1, 1)
    assert reference["reason"] == Reason.NOT_IDENTIFIED  # a single person has no spread
    assert one(rows, "progression_rate_difference")["reason"] == Reason.NOT_IDENTIFIED


def test_an_empty_arm_is_a_reason_in_every_row() -> None:
    scores = [(i, day, 40 - day / 60) for i in range(6) for day in (0, 60, 120)]
    given = compared([1] * 6, [365] * 6, [0, 1] * 3, scores, gives=("trajectory", "ranks", "joint"))
    rows = function_rows(given)["function"]
    missing = {row["measure"]: row["reason"] for row in rows if row["measure"] not in ("score", "slope")}
    assert set(missing.values()) == {Reason.ONE_ARM_EMPTY}
    assert {"slope_difference", "win_ratio", "direct_hazard_ratio"} <= set(missing)


def test_no_event_and_one_score_a_person_are_reasons() -> None:
    scores = [(i, day, 40 - day / 60 - i % 3) for i in range(12) for day in (0, 60, 120)]
    arm = [0, 1] * 6
    nobody = compared(arm, [365] * 12, [0] * 12, scores, gives=("joint",))
    assert one(function_rows(nobody)["function"], "direct_hazard_ratio")["reason"] == Reason.NO_EVENTS
    once = compared(arm, [365] * 12, [1, 0] * 6, scores[::3], gives=("joint",))
    assert one(function_rows(once)["function"], "total_hazard_ratio")["reason"] == Reason.NOT_IDENTIFIED


def test_without_any_score_there_are_reasons_and_no_curves() -> None:
    stop = [100, 200, 300, 150, 250, 360]
    given = compared([0, 1] * 3, stop, [1] * 6, [(0, 0, np.nan)], gives=("trajectory", "ranks", "joint"))
    tables = function_rows(given)
    assert tables["trajectories"] == []
    assert one(tables["function"], "slope_difference")["reason"]
    assert one(tables["function"], "win_ratio")["estimate"] is not None  # the outcome alone decides


def test_persons_without_a_covariate_are_left_out_of_the_adjusted_rows_alone() -> None:
    given = drawn(n=60)
    x = given.people.x.copy()
    x[:5, 1] = np.nan
    given = replace(given, people=replace(given.people, x=x))
    rows = function_rows(given)["function"]
    crude, adjusted = one(rows, "slope_difference"), one(rows, "slope_difference", "adjusted")
    assert crude["n_target"] + crude["n_reference"] == 60
    assert adjusted["n_target"] + adjusted["n_reference"] == 55
    assert adjusted["n_target_without"] + adjusted["n_reference_without"] == 5


def written(given: Compared) -> dict[str, Any]:
    """Every table of a run with this comparison alone, suppressed below 5."""
    made = {name: [KEY | row for row in rows] for name, rows in function_rows(given).items()}
    arms = {"target": given.arm == 1, "reference": given.arm == 0}
    made["follow_up"] = [
        KEY
        | {"arm": name, "label": name, "n_persons": int(mine.sum()), "n_events": int(given.people.event[mine].sum())}
        for name, mine in arms.items()
    ]
    return suppress({name: table(name, made.get(name, [])) for name in TABLES}, 5)


def test_estimates_that_rest_on_few_persons_of_an_arm_are_withheld() -> None:
    scores = [(i, day, 40.0 - day / 60 - i % 4 + (i * day) % 3) for i in range(23) for day in (0, 60, 120, 180)]
    given = compared([1] * 3 + [0] * 20, [200] * 23, [1, 0] * 11 + [1], scores, gives=("trajectory", "ranks", "joint"))
    tables = written(given)
    for row in tables["function"].to_pylist():
        assert row["estimate"] is None
        assert row["n_target"] is None
        assert row["reason"] is not None
    curve = [row for row in tables["trajectories"].to_pylist() if row["arm"] == "target"]
    assert all(row[name] is None for row in curve for name in ("mean", "observed_mean", "n_persons"))


def test_few_persons_without_a_score_hide_their_number_and_not_the_estimate() -> None:
    given = drawn(n=40)
    kept = given.measured.person > 1  # one person of each arm has no score
    part = Measurements(
        given.measured.person[kept], given.measured.day[kept], given.measured.values[kept], given.measured.names
    )
    tables = written(replace(given, measured=part))
    row = one(tables["function"].to_pylist(), "slope_difference")
    assert row["estimate"] is not None
    followed = {each["arm"]: each["n_persons"] for each in tables["follow_up"].to_pylist()}
    for arm in ("target", "reference"):
        assert row[f"n_{arm}_without"] is None
        assert None in (row[f"n_{arm}"], followed[arm]), "their difference is the number without a score"
