"""Executable specification of delayed entry (left truncation): at risk from the day after a record."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.design.follow_up import assemble_arms
from equipoise.design.time_varying import at_first_risk, exposed_after, split
from equipoise.estimators.cox import fit_cox
from equipoise.estimators.poisson import fit_poisson
from equipoise.estimators.survival_curve_comparison import compare_survival_curves
from equipoise.results.follow_up_tables import CURVES
from equipoise.results.suppress import suppress
from equipoise.runner.describe_arms import curve_rows, follow_up_rows
from equipoise.runner.risks import curve_of, restricted_means, risks_at
from equipoise.spec.windows import Window
from tests.spec.follow_up import design, drug, followed_of, person, rules

LATE = {"outcome": {"any_of": ("bleed",)}, "follow_up": {"delayed_entry": "register", "days": 30}}
WITHOUT, GONE = "a record of register", "followed, and without an event, beyond the first record of register"


def followed(*register: str, bleed: str = "2010-07-21", **more):
    return followed_of(person(), {"bleed": [bleed], "register": register}, **(LATE | more))


@pytest.mark.parametrize(
    ("register", "start"),
    [
        (["2010-07-11"], 10),
        (["2010-07-15", "2010-07-11"], 10),
        (["2010-07-02"], 1),
        (["2010-07-01"], 0),
        (["2009-01-01"], 0),
        (["2010-07-20"], 19),
    ],
)
def test_a_person_is_at_risk_from_the_day_after_the_first_record(register: list[str], start: int) -> None:
    found = followed(*register)
    assert (found.start.tolist(), found.stop.tolist(), found.event.tolist()) == ([start], [20], [1])
    assert assemble_arms(found, Column("use", "exposure"), []).start.tolist() == [start]


@pytest.mark.parametrize(
    ("register", "rule"), [([], WITHOUT), (["2010-07-21"], GONE), (["2010-07-22"], GONE), (["2010-12-01"], GONE)]
)
def test_who_has_no_record_in_time_is_counted_and_left_out(register: list[str], rule: str) -> None:
    found = followed(*register)
    assert len(found) == 0
    assert rules(found.arms.attrition) == [(rule, 1)]


def test_the_later_of_the_fixed_start_and_the_entry_counts() -> None:
    both = {"follow_up": {"delayed_entry": "register", "starts_day": 5}}
    assert followed("2010-07-03", **both).start.tolist() == [5]
    assert followed("2010-07-11", **both).start.tolist() == [10]
    ended = followed("2010-07-03", bleed="2010-07-05", **both)
    assert rules(ended.arms.attrition) == [("followed, and without an event, beyond day 5", 1)]


def test_an_event_before_entry_was_not_followed_though_it_is_after_time_zero() -> None:
    assert len(followed("2010-07-11", bleed="2010-07-08")) == 0
    assert len(followed("2010-07-08", bleed="2010-07-11")) == 1


def test_time_zero_covariates_and_arm_stay_where_they_were() -> None:
    """Use between time zero and entry makes nobody a user."""
    own = followed_of(person(), {"bleed": [], "register": ["2010-07-11"]}, target=[5], **LATE)
    assert (own.arms.arm.tolist(), own.start.tolist()) == ([0], [10])


def test_use_that_begins_before_entry_is_exposure_from_entry_on() -> None:
    varying = LATE | {"timing": "time_varying", "estimator": {"kinds": ("cox",)}}
    for begins, expected in ((5, [(10, 20, 1)]), (15, [(10, 15, 0), (15, 20, 1)])):
        found = followed_of(person(), {"bleed": ["2010-07-21"], "register": ["2010-07-11"]}, target=[begins], **varying)
        given, chosen = drug("drug", person(), [begins]), design(**varying)
        after = exposed_after(person(), found.arms, given, chosen, _window(), None)
        assert at_first_risk(found, after).arms.arm.tolist() == [expected[0][2]]
        rows = split(assemble_arms(found, Column("use", "exposure"), []), after)
        assert list(zip(rows.start.tolist(), rows.stop.tolist(), rows.arm.tolist(), strict=True)) == expected


def _window() -> Window:
    return Window(days_before=(0, 365))


def eight() -> AnalysisSet:
    """Four users, then four without use."""
    start, stop = [0, 5, 10, 3, 0, 8, 2, 12], [20, 30, 15, 40, 9, 25, 33, 28]
    arm = np.array([1] * 4 + [0] * 4, dtype=np.int8)
    return AnalysisSet(
        person=np.arange(8),
        event=np.array([1, 0, 1, 1, 1, 0, 1, 1], dtype=np.int8),
        start=np.array(start, dtype=np.int32),
        stop=np.array(stop, dtype=np.int32),
        weight=np.ones(8),
        x=arm[:, None].astype(np.float64),
        columns=(Column("use", "exposure"),),
        arm=arm,
    )


def test_the_hazard_ratio_is_that_of_r() -> None:
    """R 4.2.2, survival 3.5-3: coxph(Surv(start, stop, event) ~ arm, ties = "efron")."""
    fit = fit_cox(eight(), ties="efron")
    found = fit.estimate("use")
    assert found.estimate == pytest.approx(-0.464153607993, rel=1e-9)
    assert found.std_error == pytest.approx(0.914365414255, rel=1e-6)
    assert fit.log_likelihood == pytest.approx(-7.47713791314, rel=1e-10)


def test_curves_count_those_who_have_entered() -> None:
    """By hand. Users: 1/4 fail on day 15, 1/3 on day 20. Others: 1/3 on day 9 (one is not in yet), 1/2 on day 28."""
    curve = curve_of(eight(), False, 0.95)
    risks = [[round(found.estimate, 12) for found in arm] for arm in risks_at(curve, [10, 20, 30])]
    assert risks == [[round(1 / 3, 12), round(1 / 3, 12), round(2 / 3, 12)], [0.0, 0.5, 0.5]]
    error = risks_at(curve, [20])[1][0].std_error  # Greenwood: 0.5 (1/(4 x 3) + 1/(3 x 2))^(1/2); R: 0.25
    assert error == pytest.approx(0.25, rel=1e-12)
    reference, target, _ = restricted_means(curve, 30)
    assert reference.estimate == pytest.approx(9 + 19 * 2 / 3 + 2 / 3, rel=1e-12)
    assert target.estimate == pytest.approx(15 + 5 * 0.75 + 10 * 0.5, rel=1e-12)


def test_with_another_cause_the_cumulative_incidence_counts_them_too() -> None:
    """By hand: the user who leaves on day 20 has a competing event; at risk 4 on day 15, 3 on day 20, 1 on day 40."""
    rows = eight()
    rows.event[0] = 2
    _, target = risks_at(curve_of(rows, True, 0.95), [20, 40])
    assert [found.estimate for found in target] == pytest.approx([0.25, 0.25 + 0.75 * (2 / 3)], rel=1e-12)


def test_the_log_rank_test_is_the_score_test_of_r() -> None:
    """Without ties: coxph(...)$score."""
    assert compare_survival_curves(eight(), by="arm").statistic == pytest.approx(0.262295081967, rel=1e-10)


def test_rates_count_time_from_entry_on() -> None:
    """By hand: users 3 events in 20 + 25 + 5 + 37 days, others 3 in 9 + 17 + 31 + 16."""
    assert fit_poisson(eight()).estimate("use").estimate == pytest.approx(np.log((3 / 87) / (3 / 73)), rel=1e-8)


def protocol(**more):
    return SimpleNamespace(design=design(**more), arm_labels=("none", "use"))


def test_numbers_at_risk_rise_and_fall() -> None:
    rows = [row for row in curve_rows(eight(), protocol(follow_up={"days": 40}), 0.95) if row["arm"] == "target"]
    names = ("n_at_risk", "n_awaited", "n_entered", "n_left", "n_remaining", "n_to_enter", "n_at_risk_after")
    assert [tuple(row[name] for name in names) for row in rows] == [(4, 3, 3, 4, 0, 0, 0)]


def many() -> AnalysisSet:
    """Sixty users who enter on days 0 to 9 but for two on day 25, and leave on days 30 to 59."""
    n = 60
    start = np.where(np.arange(n) < 2, 25, np.arange(n) % 10).astype(np.int32)
    return AnalysisSet(
        person=np.arange(n),
        event=(np.arange(n) % 2).astype(np.int8),
        start=start,
        stop=(30 + np.arange(n) % 30).astype(np.int32),
        weight=np.ones(n),
        x=np.ones((n, 1)),
        columns=(Column("use", "exposure"),),
        arm=np.ones(n, dtype=np.int8),
    )


def test_few_who_enter_in_an_interval_are_hidden_with_what_gives_them_away() -> None:
    key = {"analysis": "main", "comparison": "no use", "exposure": "drug"}
    rows = [key | row for row in curve_rows(many(), protocol(follow_up={"days": 60}), 0.95)]
    for before, after in pairwise(rows):
        assert after["n_awaited"] == before["n_to_enter"]
    for row in rows:
        assert row["n_at_risk_after"] + row["n_to_enter"] == row["n_remaining"]
        assert row["n_awaited"] - row["n_entered"] == row["n_to_enter"]
    assert [row["n_entered"] for row in rows] == [53, 0, 2, 0, 0, 0]
    shown = suppress({"curves": CURVES.build(rows)}, 5)["curves"].to_pylist()
    assert shown[2]["n_entered"] is None
    assert shown[2]["n_entered_suppressed"]
    assert [row["n_awaited"] for row in shown[1:3]] == [None, None]
    assert [row["n_at_risk_after"] for row in shown[:2]] == [None, None]
    assert [row["risk"] for row in shown[1:3]] == [None, None]


def test_person_time_begins_at_entry() -> None:
    made = next(follow_up_rows(followed("2010-07-11"), protocol(**LATE)))
    assert made["person_years"] == pytest.approx(10 / 365.25)
    assert made["median_days"] == 20, "from time zero"
