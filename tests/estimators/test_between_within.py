"""Odds ratios within and between families: by hand, by identity, and on families that share a cause of both."""

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import equipoise as eq
from equipoise.errors import DesignError, Reason
from equipoise.estimators.between_within import QUANTITIES, RATIOS, combination, decomposed

NAMES = {"case": "ill", "exposure": "used", "family": "family"}
EXACT = 1e-7  # of a maximum that is known in closed form
HALF_SLOPE = 0.5  # the true log odds ratio of own exposure in the simulations


def couples(*given: tuple[int, int, int, int, int]) -> dict[str, np.ndarray]:
    """Families of two from (number, exposure of each, outcome of each)."""
    rows = [pair for n, a, b, ill_a, ill_b in given for _ in range(n) for pair in ((a, ill_a), (b, ill_b))]
    used, ill = np.array(rows).T
    return {"used": used, "ill": ill, "family": np.repeat(np.arange(len(rows) // 2), 2)}


# Odds of illness 1 among the unexposed of unexposed couples; 2 and 6 among those of mixed ones; 12 among the exposed of
# exposed ones: own exposure times 3, and the whole family's times 4 beside it. Outcomes are independent in a couple.
BY_HAND = couples(
    (5, 0, 0, 1, 1), (10, 0, 0, 1, 0), (5, 0, 0, 0, 0),
    (12, 0, 1, 1, 1), (6, 0, 1, 0, 1), (2, 0, 1, 1, 0), (1, 0, 1, 0, 0),
    (144, 1, 1, 1, 1), (24, 1, 1, 1, 0), (1, 1, 1, 0, 0),
)  # fmt: skip


def test_couples_whose_odds_are_known_give_them_back() -> None:
    found = eq.fit_between_within(BY_HAND, **NAMES)
    assert found.within_given_mean.estimate == pytest.approx(math.log(3), abs=EXACT)
    assert found.between.estimate == pytest.approx(math.log(12), abs=EXACT)
    assert found.ratio.estimate == pytest.approx(math.log(4), abs=EXACT)
    # Of couples of which one is exposed and one is ill, the exposed one is ill in six and the other one in two.
    assert found.within.estimate == pytest.approx(math.log(6 / 2), abs=EXACT)
    assert found.within.std_error == pytest.approx(math.sqrt(1 / 6 + 1 / 2), abs=EXACT)
    assert (found.families, found.informative_families) == (210, 8)


def test_the_model_is_logistic_regression_on_own_exposure_and_the_mean_of_the_family() -> None:
    rng = np.random.default_rng(5)
    family = np.repeat(np.arange(200), rng.integers(1, 5, 200))
    frame = {"family": family, "used": rng.normal(size=len(family)), "old": rng.normal(size=len(family))}
    frame["ill"] = (rng.random(len(family)) < 0.4).astype(float)
    found = eq.fit_between_within(frame, **NAMES, covariates=["old"])
    mean = np.array([frame["used"][family == one].mean() for one in family])
    centred = {**frame, "mean": mean, "deviation": frame["used"] - mean}
    plain = eq.fit_logistic(centred, outcome="ill", covariates=["deviation", "mean", "old"], cluster="family")
    for term, one in (("deviation", found.within_given_mean), ("mean", found.between)):
        assert one.estimate == pytest.approx(plain.estimate(term).estimate, abs=EXACT)
        assert one.std_error == pytest.approx(plain.estimate(term).std_error, abs=EXACT)
    rows = found.tidy(exponentiate=True).set_index("quantity").to_dict("index")
    assert rows["ratio"]["estimate"] == pytest.approx(
        rows["between"]["estimate"] / rows["within_given_mean"]["estimate"]
    )
    assert rows["between"]["conf_low"] < rows["between"]["estimate"] < rows["between"]["conf_high"]


def families_with_a_shared_cause(rng: np.random.Generator, shared: float) -> dict[str, np.ndarray]:
    """Families of two to four; what they share raises exposure, and illness by `shared` on the scale of log odds."""
    family = np.repeat(np.arange(2000), rng.integers(2, 5, 2000))
    cause = rng.normal(size=2000)[family]
    used = (rng.random(len(family)) < 1 / (1 + np.exp(1.5 - cause))).astype(float)
    risk = 1 / (1 + np.exp(3 - HALF_SLOPE * used - shared * cause))
    return {"family": family, "used": used, "ill": (rng.random(len(family)) < risk).astype(float)}


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_a_cause_that_families_share_moves_the_estimate_between_them_alone(shared: float) -> None:
    rng = np.random.default_rng(11)
    fits = [eq.fit_between_within(families_with_a_shared_cause(rng, shared), **NAMES) for _ in range(30)]
    centre = {
        name: np.mean([getattr(fit, name).estimate for fit in fits]) for name in ("within", "between", "population")
    }
    error = np.std([fit.within.estimate for fit in fits]) / math.sqrt(len(fits))
    assert abs(centre["within"] - HALF_SLOPE) < 3 * error
    assert abs(np.mean([fit.within_given_mean.estimate for fit in fits]) - HALF_SLOPE) < 3 * error
    rejected = np.mean([fit.ratio.p_value < 0.05 for fit in fits])
    if shared:
        assert centre["between"] > 4 * HALF_SLOPE
        assert HALF_SLOPE + 0.3 < centre["population"] < centre["between"]
        assert rejected == 1.0
    else:
        assert abs(centre["between"] - HALF_SLOPE) < 0.1
        assert rejected < 0.2


@pytest.mark.parametrize(("intercept", "alike"), [(-7.0, True), (0.0, False)])
def test_odds_within_families_are_those_of_all_where_the_outcome_is_rare(intercept: float, alike: bool) -> None:
    """What families share raises the risk alone: no confounding, and odds ratios that are not collapsible."""
    rng = np.random.default_rng(4)
    n = 150_000 if alike else 20_000
    family, used = np.repeat(np.arange(n), 2), (rng.random(2 * n) < 0.5).astype(float)
    risk = 1 / (1 + np.exp(-intercept - used - rng.normal(0.0, 1.5, n)[family]))
    found = eq.fit_between_within({"family": family, "used": used, "ill": (rng.random(2 * n) < risk) * 1.0}, **NAMES)
    assert found.ratio.p_value > 0.05, "nothing that families share confounds"
    apart = found.within.estimate - found.within_given_mean.estimate
    error = math.hypot(found.within.std_error, found.within_given_mean.std_error)
    assert abs(found.within.estimate - 1.0) < 3 * found.within.std_error
    assert (abs(apart) < 2 * error) if alike else (apart > 4 * error)


def test_matched_sets_of_persons_with_families_give_the_same_answer() -> None:
    """One case and five controls a set, each with the mean of its own family, as a study file's `within_between`."""
    rng = np.random.default_rng(3)
    family = np.repeat(np.arange(60_000), 3)
    cause = rng.normal(size=60_000)[family]
    used = (rng.random(len(family)) < 1 / (1 + np.exp(1.5 - cause))).astype(float)
    ill = rng.random(len(family)) < 0.006 * np.exp(HALF_SLOPE * used + cause)
    mean = (np.bincount(family, used) / 3)[family]
    cases = np.flatnonzero(ill)
    rows = np.concatenate([cases, rng.choice(np.flatnonzero(~ill), 5 * len(cases), replace=False)])
    sets = np.concatenate([np.arange(len(cases)), np.repeat(np.arange(len(cases)), 5)])
    is_case = (np.arange(len(rows)) < len(cases)).astype(float)
    cluster = family[cases][sets]

    def fit(columns):
        given = {**columns, "case": is_case, "set": sets, "cluster": cluster}
        return eq.fit_conditional_logistic(
            given, case="case", matched_set="set", covariates=list(columns), cluster="cluster"
        )

    alone, (within, between, ratio) = decomposed(fit, {"own": used[rows]}, {"mean": mean[rows]}, "own", "mean")
    assert abs(within.estimate - HALF_SLOPE) < 2.5 * within.std_error
    assert between.estimate > HALF_SLOPE + 5 * between.std_error
    assert within.estimate < alone.estimate < between.estimate
    assert ratio.p_value < 1e-6


def test_what_families_cannot_tell_has_a_reason() -> None:
    alike = eq.fit_between_within(couples((4, 0, 0, 1, 0), (3, 1, 1, 1, 0), (2, 1, 1, 0, 0)), **NAMES)
    assert alike.within.reason in (Reason.CONSTANT, Reason.NO_INFORMATIVE_SETS)
    assert alike.within_given_mean.reason == alike.between.reason == alike.ratio.reason == Reason.COLLINEAR
    assert alike.population.reason is None
    nobody = eq.fit_between_within(couples((4, 0, 0, 1, 0), (3, 0, 0, 0, 0)), **NAMES)
    assert set(nobody.tidy()["reason"]) >= {Reason.CONSTANT}
    assert nobody.tidy()["estimate"].isna().all()
    apart = eq.fit_between_within(couples((4, 1, 0, 1, 0), (5, 0, 0, 0, 0)), **NAMES)
    assert apart.within.reason == Reason.SEPARATION
    assert apart.ratio.reason == Reason.SEPARATION


def test_a_combination_of_coefficients_has_the_variance_of_their_sum() -> None:
    fit = eq.fit_logistic(BY_HAND, outcome="ill", covariates=["used"])
    total = combination(fit, {"(Intercept)": 1.0, "used": 1.0}, ["(Intercept)", "used"])
    assert total.estimate == pytest.approx(fit.coefficients.sum())
    assert total.std_error == pytest.approx(math.sqrt(fit.covariance.sum()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"used": ["a", "b", "a", "b"]}, "column 'used': levels; allowed: numbers"),
        ({"ill": [0, 1, 2, 1]}, "1 values that are neither 0 nor 1"),
        ({"used": [0.0, math.nan, 1.0, 0.0]}, "1 missing"),
    ],
)
def test_columns_that_cannot_be_used_are_named(change: dict, said: str) -> None:
    frame = {"family": [1, 1, 2, 2], "used": [0, 1, 1, 0], "ill": [0, 1, 1, 0], **change}
    with pytest.raises(DesignError, match=said):
        eq.fit_between_within({name: np.array(values) for name, values in frame.items()}, **NAMES)


@pytest.mark.parametrize("roles", [{"covariates": ["used"]}, {"exposure": "ill"}, {"covariates": ["family"]}])
def test_a_column_in_two_roles_is_refused(roles: dict) -> None:
    with pytest.raises(DesignError, match="in two roles"):
        eq.fit_between_within(BY_HAND, **(NAMES | roles))


def test_a_ratio_beyond_what_a_number_holds_is_infinite() -> None:
    """Exposure in units so small that one of them multiplies the odds by more than 1e308."""
    small = {**BY_HAND, "used": np.asarray(BY_HAND["used"]) * 1e-4}
    found = eq.fit_between_within(small, **NAMES).tidy(exponentiate=True).set_index("quantity")
    assert found.loc["within", "estimate"] == math.inf


def plain(cell: Any) -> Any:
    return cell.as_py() if isinstance(cell, pa.Scalar) else cell


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_the_answer_is_a_frame_of_the_kind_that_came_in(kind: Any) -> None:
    fit = eq.fit_between_within(kind(BY_HAND), **NAMES)
    logs, ratios = fit.tidy(), fit.tidy(exponentiate=True)
    assert type(logs) is type(ratios) is type(kind(BY_HAND))
    names = ("quantity", "estimate", "std_error", "conf_low", "conf_high", "p_value", "reason")
    first, second = ({name: list(map(plain, frame[name])) for name in names} for frame in (logs, ratios))
    assert first["quantity"] == list(QUANTITIES)
    assert first["estimate"][0] == fit.population.estimate
    assert first["reason"] == [None] * 5
    for name in names:
        same = [math.exp(value) for value in first[name]] if name in RATIOS else first[name]
        assert second[name] == same


def test_an_array_in_place_of_a_column_s_name_is_a_fault() -> None:
    with pytest.raises(DesignError, match=r"family: an array of shape \(\d+,\); allowed: the name of a column"):
        eq.fit_between_within(BY_HAND, **(NAMES | {"family": np.asarray(BY_HAND["family"])}))


def test_data_of_another_kind_are_refused() -> None:
    with pytest.raises(DesignError, match="allowed: a pandas, Polars or Arrow frame"):
        eq.fit_between_within(np.zeros((4, 2)), **NAMES)
