"""What the figures of an adjustment are drawn from: the adjusted arms over time, and the spread of their scores."""

from itertools import pairwise

import numpy as np
import pytest

from equipoise.runner.adjusted_pictures import adjusted_curve_rows, characteristic_rows, score_rows
from equipoise.runner.layers import by_propensity, crude
from equipoise.runner.risks import risks_at
from equipoise.spec.follow_up import Match, Stratify, Weigh
from tests.runner.test_layers import COVARIATES, SETTING, made, people  # noqa: F401

WAYS = [Match(kind="match", estimand="ATC"), Weigh(kind="weigh", estimand="overlap"), Stratify(kind="stratify")]


@pytest.mark.parametrize("given", WAYS, ids=["matched", "weighted", "stratified"])
def test_the_curve_is_that_of_the_adjusted_arms_with_the_persons_behind_it(people, given) -> None:  # noqa: F811
    layer, _ = made(people, given)
    rows = list(adjusted_curve_rows(layer, 365))
    for code, arm in enumerate(("reference", "target")):
        mine = [row for row in rows if row["arm"] == arm]
        times = [row["time_days"] for row in mine]
        expected = risks_at(layer.curve(), times)[code]
        assert [row["risk"] for row in mine] == [one.estimate for one in expected]
        assert mine[0]["n_at_risk"] == int((layer.rows.arm == code).sum())
        for row, after in pairwise(mine):
            assert row["n_remaining"] == row["n_at_risk"] - row["n_left"] == after["n_at_risk"]
        inside = (layer.rows.arm == code) & (layer.rows.event == 1) & (layer.rows.stop <= 365)
        assert sum(row["n_events"] for row in mine) == int(inside.sum())


@pytest.mark.parametrize("given", [*WAYS, Match(kind="match", estimand="ATC", trim_equipoise=(0.3, 0.7))])
def test_scores_count_everybody_who_was_not_trimmed_once(people, given) -> None:  # noqa: F811
    _, propensity = made(people, given)
    rows = list(score_rows(propensity))
    for scale in ("preference", "propensity"):
        mine = [row for row in rows if row["scale"] == scale]
        assert [mine[0]["score_from"], mine[-1]["score_below"]] == [0.0, 1.0]
        for arm, code in (("target", 1), ("reference", 0)):
            assert sum(row[f"n_{arm}"] for row in mine) == int((propensity.rows.arm == code).sum())
    inside = [row for row in rows if row["scale"] == "preference" and 0.3 <= row["score_from"] < 0.7]
    share = sum(row["n_target"] + row["n_reference"] for row in inside) / len(propensity.rows)
    assert share == pytest.approx(propensity.equipoise, abs=0.01)


def test_many_persons_have_finer_groups(people) -> None:  # noqa: F811
    _, propensity = made(people, WAYS[0])
    assert len(list(score_rows(propensity))) == 2 * 20, "830 persons in the smaller arm"
    few = people.where((people.arm == 1) | (np.arange(len(people)) % 5 == 0))
    assert len(list(score_rows(made(few, WAYS[0])[1]))) == 2 * 10


def test_without_a_curve_there_are_no_rows(people) -> None:  # noqa: F811
    alone = people.where(people.arm == 1)
    layer, _ = by_propensity(alone, WAYS[1], SETTING)
    assert list(adjusted_curve_rows(layer, 365)) == []
    assert np.isfinite(len(crude(people, SETTING).rows))


@pytest.mark.parametrize("given", WAYS, ids=["matched", "weighted", "stratified"])
def test_characteristics_have_the_means_and_the_persons_of_both_arms(people, given) -> None:  # noqa: F811
    layer, propensity = made(people, given)
    rows = {row["covariate"]: row for row in characteristic_rows(layer, propensity)}
    assert set(rows) == set(COVARIATES)
    age, sex = people.column("age"), people.column("female")
    for arm, code in (("target", 1), ("reference", 0)):
        mine = people.arm == code
        assert rows["age"][f"value_{arm}_before"] == pytest.approx(age[mine].mean(), rel=1e-12)
        female = rows["female"]
        assert female[f"n_{arm}_with"] == int(sex[mine].sum())
        kept = sum(female[f"n_{arm}_{has}_kept"] for has in ("with", "without"))
        assert kept == int((layer.rows.arm == code).sum())
        if given.kind == "match":
            share = female[f"n_{arm}_with_kept"] / kept
            assert female[f"value_{arm}_after"] == pytest.approx(share, rel=1e-12)
