"""fit_conditional_logistic: truth by hand, changes that must not matter, and data that cannot answer."""

from math import log, sqrt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from equipoise import DesignError, Reason, UnsupportedError, fit_conditional_logistic
from equipoise.estimators.fit import Fit
from tests.estimators.matched_data import analysis_set, simulated

COLUMNS = {"case": "case", "matched_set": "set"}
NAMES = ["x1", "x2", "x3"]
SAME = 1e-10  # the same maximum reached on another way, in units of the coefficient


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return simulated(np.random.default_rng(1), 150, 4, [0.7, -0.5, 0.3])


@pytest.fixture(scope="module")
def fit(frame: pd.DataFrame) -> Fit:
    return fit_conditional_logistic(frame, **COLUMNS, covariates=NAMES)


def equal(one: Fit, other: Fit, tolerance: float = SAME) -> None:
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=10 * tolerance, atol=tolerance)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=tolerance)
    assert one.reasons == other.reasons


def pairs(both: int, case_only: int, control_only: int, neither: int) -> pd.DataFrame:
    kinds = [(1, 1)] * both + [(1, 0)] * case_only + [(0, 1)] * control_only + [(0, 0)] * neither
    exposed = np.array(kinds).ravel()
    sets = np.repeat(np.arange(len(kinds)), 2)
    return pd.DataFrame({"set": sets, "case": [1, 0] * len(kinds), "exposed": exposed})


def test_pairs_give_the_ratio_of_discordant_pairs() -> None:
    """McNemar: log(b / c) with variance 1/b + 1/c; concordant pairs say nothing but count their log 2."""
    fit = fit_conditional_logistic(pairs(5, 17, 6, 9), **COLUMNS, covariates=["exposed"])
    b, c = 17, 6
    assert fit.coefficients[0] == pytest.approx(log(b / c), abs=1e-12)
    assert fit.std_errors[0] == pytest.approx(sqrt(1 / b + 1 / c), rel=1e-9)
    maximum = b * log(b / (b + c)) + c * log(c / (b + c)) - 14 * log(2)
    assert fit.log_likelihood == pytest.approx(maximum, abs=1e-12)
    assert fit.log_likelihood_null == pytest.approx(-37 * log(2), abs=1e-12)
    assert fit.score_statistic == pytest.approx((b - c) ** 2 / (b + c), rel=1e-12)
    assert (fit.strata, fit.informative_strata, fit.events, fit.rows) == (37, 23, 37, 74)


def test_the_robust_variance_of_pairs_by_hand() -> None:
    """One pair a cluster: its scores cancel in concordant pairs and are (1 - p) b times and -p c times otherwise."""
    frame = pairs(0, 17, 6, 3)
    fit = fit_conditional_logistic(frame, **COLUMNS, covariates=["exposed"], cluster="set")
    b, c, p = 17, 6, 17 / 23
    information = (b + c) * p * (1 - p)
    assert fit.covariance[0, 0] == pytest.approx((b * (1 - p) ** 2 + c * p**2) / information**2, rel=1e-9)
    assert fit.variance == "cluster-robust"


def test_two_exposed_cases_of_four_by_hand() -> None:
    """Sets of two cases and two controls, two exposed each. With k sets whose exposed are one case and one control,
    a whose exposed are both cases and c both controls, the maximum solves a quadratic in the odds ratio."""
    kinds = [([1, 1, 0, 0], 5), ([1, 0, 1, 0], 7), ([0, 0, 1, 1], 2)]
    exposed = [row for rows, times in kinds for row in rows * times]
    n_sets = 14
    frame = pd.DataFrame(
        {"set": np.repeat(np.arange(n_sets), 4), "case": [1, 1, 0, 0] * n_sets, "exposed": np.array(exposed)}
    )
    total = 2 * 5 + 7  # exposed cases; expectation n (2 w^2 + 4 w) / (w^2 + 4 w + 1) at w = odds ratio
    roots = np.roots([2 * n_sets - total, 4 * n_sets - 4 * total, -total])
    fit = fit_conditional_logistic(frame, **COLUMNS, covariates=["exposed"])
    assert fit.coefficients[0] == pytest.approx(log(roots.max()), abs=1e-11)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_one_case_a_set_leaves_nothing_to_approximate(frame: pd.DataFrame, fit: Fit, ties: str) -> None:
    equal(fit_conditional_logistic(frame, **COLUMNS, covariates=NAMES, ties=ties), fit)


def test_order_of_rows_and_names_of_sets_change_nothing(frame: pd.DataFrame, fit: Fit) -> None:
    shuffled = frame.sample(frac=1.0, random_state=2)
    equal(fit_conditional_logistic(shuffled, **COLUMNS, covariates=NAMES), fit)
    renamed = shuffled.assign(set=shuffled["set"].map(lambda code: f"set {code * 7919 % 151:03d}"))
    equal(fit_conditional_logistic(renamed, **COLUMNS, covariates=NAMES), fit)
    large = shuffled.assign(set=shuffled["set"] + 2**53)  # neighbours differ only beyond a float's digits
    equal(fit_conditional_logistic(large, **COLUMNS, covariates=NAMES), fit)


def test_adding_a_constant_and_changing_the_unit(frame: pd.DataFrame, fit: Fit) -> None:
    moved = fit_conditional_logistic(frame.assign(x1=1000.0 + frame["x1"] * 10), **COLUMNS, covariates=NAMES)
    np.testing.assert_allclose(moved.coefficients * [10, 1, 1], fit.coefficients, rtol=1e-9)
    np.testing.assert_allclose(moved.std_errors * [10, 1, 1], fit.std_errors, rtol=1e-9)


def test_sets_that_say_nothing_change_counts_only(frame: pd.DataFrame, fit: Fit) -> None:
    idle = pd.DataFrame(
        {
            "set": [900, 900, 901, 901, 902, 903, 903],
            "case": [0, 0, 1, 1, 1, 1, 0],
            "x1": [0.5, 1.5, 2.0, 3.0, 1.0, 0.7, 0.7],
            "x2": [0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
            "x3": [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0],
        }
    )
    more = fit_conditional_logistic(pd.concat([frame, idle]), **COLUMNS, covariates=NAMES)
    np.testing.assert_allclose(more.coefficients, fit.coefficients, rtol=SAME)
    np.testing.assert_allclose(more.covariance, fit.covariance, rtol=SAME)
    assert more.log_likelihood == pytest.approx(fit.log_likelihood - log(2), rel=1e-12)  # the pair without variation
    assert more.strata == fit.strata + 4
    assert more.informative_strata == fit.informative_strata


def test_every_set_twice_halves_the_variance(frame: pd.DataFrame, fit: Fit) -> None:
    twice = pd.concat([frame, frame.assign(set=frame["set"] + 1000)])
    doubled = fit_conditional_logistic(twice, **COLUMNS, covariates=NAMES)
    np.testing.assert_allclose(doubled.coefficients, fit.coefficients, rtol=SAME)
    np.testing.assert_allclose(doubled.covariance * 2, fit.covariance, rtol=1e-9)
    robust = fit_conditional_logistic(
        twice.assign(origin=twice["set"] % 1000), **COLUMNS, covariates=NAMES, cluster="origin"
    )
    single = fit_conditional_logistic(frame, **COLUMNS, covariates=NAMES, cluster="set")
    np.testing.assert_allclose(robust.covariance, single.covariance, rtol=1e-9)


def test_every_way_in_gives_the_same_fit(frame: pd.DataFrame, fit: Fit) -> None:
    mapping = {name: frame[name].to_numpy() for name in frame.columns}
    equal(fit_conditional_logistic(mapping, **COLUMNS, covariates=NAMES), fit)
    x, case, matched_set = frame[NAMES].to_numpy(), frame["case"].to_numpy(), frame["set"].to_numpy()
    ways = {
        "polars": fit_conditional_logistic(pl.from_pandas(frame), **COLUMNS, covariates=NAMES),
        "arrow": fit_conditional_logistic(pa.Table.from_pandas(frame), **COLUMNS, covariates=NAMES),
        "formula": fit_conditional_logistic(frame, **COLUMNS, covariates="x1 + x2 + x3"),
        "matrix": fit_conditional_logistic(x, case=case, matched_set=matched_set),
        "column-major": fit_conditional_logistic(np.asfortranarray(x), case=case, matched_set=matched_set),
        "analysis set": fit_conditional_logistic(analysis_set(frame, NAMES)),
        "sparse": fit_conditional_logistic(
            type(base := analysis_set(frame, NAMES))(
                **{name: getattr(base, name) for name in base.__slots__ if name != "x"}, x=sparse.csr_array(base.x)
            )
        ),
        "all floats": fit_conditional_logistic(frame.astype(float), **COLUMNS, covariates=NAMES),
        "Boolean case": fit_conditional_logistic(frame.assign(case=frame["case"] == 1), **COLUMNS, covariates=NAMES),
        "nullable": fit_conditional_logistic(frame.convert_dtypes(), **COLUMNS, covariates=NAMES),
    }
    for way, other in ways.items():
        assert np.array_equal(other.coefficients, fit.coefficients), way
        assert np.array_equal(other.covariance, fit.covariance), way
    assert ways["matrix"].terms == ways["analysis set"].terms == fit.terms
    assert ways["analysis set"].persons == len(frame)
    assert isinstance(ways["polars"].tidy(), pl.DataFrame)
    assert isinstance(ways["arrow"].tidy(), pa.Table)
    assert isinstance(ways["matrix"].tidy(), pd.DataFrame)


def test_an_analysis_set_takes_names_interactions_clusters_and_its_offset(frame: pd.DataFrame) -> None:
    person = np.arange(len(frame)) % 97
    data = analysis_set(frame, NAMES, person=person, offset=0.25 * frame["x3"].to_numpy())
    found = fit_conditional_logistic(data, covariates=["x2", "x3"], interactions=[("x2", "x3")], cluster="person")
    assert found.terms == ("x2", "x3", "x2:x3")
    assert found.persons == 97
    by_hand = frame.assign(both=frame["x2"] * frame["x3"], person=person)
    plain = fit_conditional_logistic(by_hand, **COLUMNS, covariates=["x2", "x3", "both"], cluster="person")
    np.testing.assert_allclose(found.coefficients + np.array([0, 0.25, 0]), plain.coefficients, atol=SAME)
    np.testing.assert_allclose(found.covariance, plain.covariance, rtol=1e-9)


def test_effects_of_any_size_are_found_and_not_taken_for_separation() -> None:
    """200 discordant pairs one way and one the other: a log odds ratio of 5.3, far from zero and finite."""
    fit = fit_conditional_logistic(pairs(0, 200, 1, 0), **COLUMNS, covariates=["exposed"])
    assert fit.reasons == (None,)
    assert fit.coefficients[0] == pytest.approx(log(200), abs=1e-9)
    many = fit_conditional_logistic(pairs(0, 100_000, 1, 0), **COLUMNS, covariates=["exposed"])
    assert many.coefficients[0] == pytest.approx(log(100_000), abs=1e-7)


def test_a_separated_term_leaves_the_others_their_estimates(frame: pd.DataFrame) -> None:
    """Three exposed cases and no exposed control: in the limit their sets are decided, and the rest is the model."""
    exposed = frame.assign(rare=0.0)
    hit = exposed.index[(exposed["case"] == 1) & (exposed["set"] < 3)]
    exposed.loc[hit, "rare"] = 1.0
    found = fit_conditional_logistic(exposed, **COLUMNS, covariates=[*NAMES, "rare"])
    without = fit_conditional_logistic(frame[frame["set"] >= 3], **COLUMNS, covariates=NAMES)
    assert found.reasons == (None, None, None, Reason.SEPARATION)
    np.testing.assert_allclose(found.coefficients[:3], without.coefficients, rtol=SAME)
    np.testing.assert_allclose(found.covariance[:3, :3], without.covariance, rtol=SAME)
    assert np.isnan(found.covariance[3]).all()
    assert found.log_likelihood == pytest.approx(without.log_likelihood, rel=1e-12)
    assert found.rank == 4
    forced = np.array([*without.coefficients, 25.0])  # a finite stand-in for the infinite coefficient
    reached = found.profile.problem.evaluate(forced)
    assert reached.log_likelihood == pytest.approx(found.log_likelihood, abs=1e-8)


def test_separation_by_a_combination_marks_all_of_its_terms(frame: pd.DataFrame) -> None:
    """u + v is 1 in every case and at most 1 in controls, though neither u nor v separates alone."""
    rng = np.random.default_rng(5)
    u = rng.random(len(frame)) < 0.5
    case = frame["case"].to_numpy() == 1
    v = np.where(case, ~u, ~u & (rng.random(len(frame)) < 0.5))
    both = frame.assign(u=u * 1.0, v=v * 1.0)
    found = fit_conditional_logistic(both, **COLUMNS, covariates=["u", "x1", "v"])
    assert found.reasons == (Reason.SEPARATION, None, Reason.SEPARATION)
    assert np.isfinite(found.coefficients[1])
    assert "x1" in repr(found)


@pytest.mark.parametrize("ties", ["exact", "efron", "breslow"])
def test_separation_with_several_cases_a_set(ties: str) -> None:
    rng = np.random.default_rng(6)
    sets = np.repeat(np.arange(40), 6)
    case = np.tile([1, 1, 0, 0, 0, 0], 40)
    frame = pd.DataFrame({"set": sets, "case": case, "x": rng.normal(size=240) + 0.4 * case})
    frame["all_cases"] = ((frame["set"] < 5) & (case == 1)) * 1.0
    found = fit_conditional_logistic(frame, **COLUMNS, covariates=["x", "all_cases"], ties=ties)
    assert found.reasons == (None, Reason.SEPARATION)
    decided = (frame["set"] < 5) & (case == 0)  # controls that no longer count as the coefficient grows
    rest = fit_conditional_logistic(frame[~decided], **COLUMNS, covariates=["x"], ties=ties)
    assert found.coefficients[0] == pytest.approx(rest.coefficients[0], rel=1e-9)
    assert found.std_errors[0] == pytest.approx(rest.std_errors[0], rel=1e-9)
    assert found.log_likelihood == pytest.approx(rest.log_likelihood, rel=1e-9)


def test_constant_and_collinear_terms_are_named_and_the_others_estimated(frame: pd.DataFrame, fit: Fit) -> None:
    more = frame.assign(
        twin=frame["x1"], sum=2 * frame["x2"] - frame["x3"] + 4, one=1.0, region=frame["set"] % 7, level="only"
    )
    found = fit_conditional_logistic(more, **COLUMNS, covariates=[*NAMES, "twin", "sum", "one", "region", "level"])
    assert found.reasons == (None,) * 3 + (Reason.COLLINEAR,) * 2 + (Reason.CONSTANT,) * 3
    assert found.aliases == {"twin": ("x1",), "sum": ("x2", "x3")}
    np.testing.assert_allclose(found.coefficients[:3], fit.coefficients, rtol=SAME)
    assert found.rank == 3
    assert "COLLINEAR: the term is a linear combination of other terms in the model (x2, x3)" in repr(found)


def test_nearly_collinear_terms_are_still_estimated(frame: pd.DataFrame) -> None:
    noise = 1e-4 * np.random.default_rng(3).normal(size=len(frame))
    found = fit_conditional_logistic(frame.assign(near=frame["x1"] + noise), **COLUMNS, covariates=["x1", "near"])
    assert found.reasons == (None, None)


NO_ANSWER = {
    "no case": (lambda d: d.assign(case=0), Reason.NO_CASES),
    "no control": (lambda d: d.assign(case=1), Reason.NO_CONTROLS),
    "no row": (lambda d: d.iloc[:0], Reason.NO_CASES),
    "one row": (lambda d: d[d["case"] == 1].iloc[:1], Reason.NO_CONTROLS),
    "no variation": (lambda d: d.assign(x1=1.0, x2=2.0, x3=0.0), Reason.NO_INFORMATIVE_SETS),
    "variation between sets only": (lambda d: d.assign(x1=d["set"], x2=-d["set"], x3=0), Reason.NO_INFORMATIVE_SETS),
}


@pytest.mark.parametrize("kind", NO_ANSWER)
@pytest.mark.parametrize("ties", ["exact", "efron", "breslow"])
def test_data_without_an_answer_give_a_reason(frame: pd.DataFrame, kind: str, ties: str) -> None:
    change, reason = NO_ANSWER[kind]
    found = fit_conditional_logistic(change(frame), **COLUMNS, covariates=NAMES, ties=ties)
    assert found.reasons == (reason,) * 3
    assert np.isnan(found.coefficients).all()
    assert np.isnan(found.covariance).all()
    assert found.tidy()["reason"].tolist() == [str(reason)] * 3
    assert str(reason) in repr(found)
    assert len(found.glance()) == 1


@pytest.mark.parametrize(("values", "reason"), [([3, 1, 2, 0], Reason.SEPARATION), ([1, 3, 2, 0], None)])
def test_one_set_has_an_estimate_only_if_its_case_is_not_extreme(values: list[int], reason: Reason | None) -> None:
    frame = pd.DataFrame({"set": 0, "case": [1, 0, 0, 0], "x": values})
    assert fit_conditional_logistic(frame, **COLUMNS, covariates=["x"]).reasons == (reason,)


@pytest.mark.parametrize("scale", [1e-90, 1e-9, 1e9, 1e90])
def test_units_of_any_size(frame: pd.DataFrame, fit: Fit, scale: float) -> None:
    found = fit_conditional_logistic(frame.assign(x1=frame["x1"] * scale), **COLUMNS, covariates=NAMES)
    np.testing.assert_allclose(found.coefficients * [scale, 1, 1], fit.coefficients, rtol=1e-9)


REFUSED = {
    "missing": (lambda d: d.assign(x1=d["x1"].where(d["x1"] < 1)), {}, "column 'x1': .* missing and 0 infinite values"),
    "infinite": (lambda d: d.assign(x2=np.where(d["x2"] > 0, np.inf, 0)), {}, "column 'x2': 0 missing and .* infinite"),
    "missing case": (lambda d: d.assign(case=d["case"].where(d["x1"] < 1)), {}, "column 'case'"),
    "missing set": (lambda d: d.assign(set=d["set"].where(d["x1"] < 1)), {}, "column 'set'"),
    "case 0, 1, 2": (lambda d: d.assign(case=d["case"] * 2), {}, "neither 0 nor 1"),
    "case yes, no": (lambda d: d.assign(case=np.where(d["case"] == 1, "yes", "no")), {}, "case indicator 'case'"),
    "no such column": (lambda d: d, {"covariates": ["x1", "x9"]}, "column 'x9': not in the data frame"),
    "twice": (lambda d: d, {"covariates": ["x1", "x1"]}, "more than once: x1"),
    "none": (lambda d: d, {"covariates": []}, "at least one"),
    "dates": (lambda d: d.assign(x1=pd.Timestamp("2020-01-01")), {}, "column 'x1'"),
    "too large": (lambda d: d.assign(x1=d["x1"] * 1e200), {}, "larger than 1e100"),
    "too small": (lambda d: d.assign(x1=d["x1"] * 1e-200), {}, "smaller than 1e-100"),
    "interaction": (lambda d: d, {"interactions": [("x1", "x9")]}, "'x9' is not a covariate"),
    "no case given": (lambda d: d, {"case": None}, "case: not given"),
    "level": (lambda d: d, {"conf_level": 95}, "conf_level: 95"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_used_is_refused_with_the_place(frame: pd.DataFrame, kind: str) -> None:
    change, options, message = REFUSED[kind]
    with pytest.raises(DesignError, match=message):
        fit_conditional_logistic(change(frame), **(COLUMNS | {"covariates": NAMES} | options))


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, dict])
def test_arrays_beside_a_data_frame_are_its_columns(frame: pd.DataFrame, kind: type) -> None:
    """A cluster in an array was a ValueError of NumPy."""
    named = frame.assign(family=frame["set"] // 3)
    given = {name: named[name].to_numpy() for name in named} if kind is dict else kind(named.to_dict("list"))
    expected = fit_conditional_logistic(given, **COLUMNS, cluster="family", covariates=NAMES)
    assert expected.variance == "cluster-robust"
    family = named["family"]
    for cluster in (family.to_numpy(), family.tolist(), family, pl.Series(family.tolist()), family.astype(str)):
        equal(fit_conditional_logistic(given, **COLUMNS, cluster=cluster, covariates=NAMES), expected)
    arrays = {"case": named["case"].to_numpy(), "matched_set": named["set"].tolist()}
    equal(fit_conditional_logistic(given, **arrays, cluster="family", covariates=NAMES), expected)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([1, 2], r"cluster: shape \(2,\); allowed: shape \(6,\), one value a row"),
        ([1.0, 1.0, np.nan, 2.0, 2.0, np.nan], "cluster: 2 missing values in 6 rows"),
        (["a", "a", None, "b", "b", "b"], "cluster: 1 missing values in 6 rows"),
        (pd.array([1, 1, None, 2, 2, 2], dtype="Int64"), "cluster: 1 missing values in 6 rows"),
        (np.array(["2020-01-01"] * 5 + ["NaT"], "M8[D]"), "cluster: 1 missing values in 6 rows"),
    ],
)
def test_an_array_of_clusters_with_holes_is_refused(cells: object, said: str) -> None:
    """Every hole would have been a cluster of its own."""
    with pytest.raises(DesignError, match=said):
        fit_conditional_logistic(pairs(1, 1, 1, 0), **COLUMNS, cluster=cells, covariates=["exposed"])


def test_missing_values_in_columns_that_are_not_used_do_not_matter(frame: pd.DataFrame, fit: Fit) -> None:
    equal(fit_conditional_logistic(frame.assign(other=np.nan, note=None), **COLUMNS, covariates=NAMES), fit)


def test_all_faults_of_columns_are_reported_at_once(frame: pd.DataFrame) -> None:
    broken = frame.assign(x1=np.nan, x3=np.inf)
    with pytest.raises(DesignError) as refused:
        fit_conditional_logistic(broken, **COLUMNS, covariates=NAMES)
    assert [fault.where for fault in refused.value.faults] == ["column 'x1'", "column 'x3'"]


def test_what_is_not_offered_is_refused(frame: pd.DataFrame) -> None:
    two = frame.assign(case=np.tile([1, 1, 0, 0], 150), person=np.arange(600) % 50)
    with pytest.raises(UnsupportedError, match="exact likelihood with several cases in a set"):
        fit_conditional_logistic(two, **COLUMNS, covariates=NAMES, cluster="person")
    assert fit_conditional_logistic(two, **COLUMNS, covariates=NAMES, cluster="person", ties="efron").reasons[0] is None
    with pytest.raises(UnsupportedError, match="ties: 'approximate'"):
        fit_conditional_logistic(frame, **COLUMNS, covariates=NAMES, ties="approximate")
    with pytest.raises(UnsupportedError, match="weights other than 1"):
        fit_conditional_logistic(analysis_set(frame, NAMES, weight=np.full(len(frame), 2.0)))
    with pytest.raises(UnsupportedError, match="residuals"):
        fit_conditional_logistic(frame, **COLUMNS, covariates=NAMES).residuals("martingale")


def test_other_inputs_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="data: a list"):
        fit_conditional_logistic([1, 2], **COLUMNS, covariates=NAMES)
    with pytest.raises(DesignError, match=r"case: shape \(3,\)"):
        fit_conditional_logistic(frame[NAMES].to_numpy(), case=np.ones(3), matched_set=frame["set"].to_numpy())
    x = frame[NAMES].to_numpy()
    with pytest.raises(DesignError, match="2 names for 3 columns"):
        fit_conditional_logistic(x, case=np.ones(600), matched_set=np.ones(600), covariates=["a", "b"])
    with pytest.raises(DesignError, match="formulas are for data frames"):
        fit_conditional_logistic(analysis_set(frame, NAMES), covariates="x1")
