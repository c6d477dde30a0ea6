"""fit_regularised_logistic: kinds of data, paths and folds, invariances, special cases, degenerate data, refusals."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

import equipoise as eq
from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import DesignError, Reason, UnsupportedError
from equipoise.estimators.regularised_logistic_folds import assign_folds
from equipoise.estimators.regularised_logistic_rows import rows_of

SOLVED = 1e-7  # coefficients: solutions are exact to 1e-9 of a standard error
ALONG = 2e-3  # coefficients along a path are exact to 1e-3 of a standard error each, and they depend on one another
DEVIANCE = 3e-5  # of rows left out, from such coefficients
NAMES = [f"drug_{k}" for k in range(25)]


def made(n: int = 600, p: int = 25, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = (rng.random((n, p)) < np.linspace(0.03, 0.8, p)).astype(float)
    eta = 2.0 * x[:, 3] - 1.5 * x[:, 10] + x[:, 20] - 0.5
    return x, (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)


def people(x: np.ndarray, y: np.ndarray, person: np.ndarray | None = None) -> AnalysisSet:
    n = len(y)
    zeros = np.zeros(n)
    return AnalysisSet(
        np.arange(n) if person is None else person, zeros.astype(np.int8), zeros.astype(np.int32),
        np.ones(n, np.int32), np.ones(n), sparse.csr_array(x), tuple(Column(name, "covariate") for name in NAMES),
        arm=y.astype(np.int8),
    )  # fmt: skip


# ---- kinds of data


def test_all_kinds_of_data_give_one_answer() -> None:
    x, y = made()
    one = eq.fit_regularised_logistic(sparse.csc_array(x), y, covariates=NAMES, folds=3, penalties=8)
    frame = pd.DataFrame(x, columns=NAMES).assign(arm=y)
    others = [
        eq.fit_regularised_logistic(sparse.csr_matrix(x), y, covariates=NAMES, folds=3, penalties=8),
        eq.fit_regularised_logistic(sparse.coo_array(x.astype(np.int8)), y, covariates=NAMES, folds=3, penalties=8),
        eq.fit_regularised_logistic(x.astype(bool), y == 1, covariates=NAMES, folds=3, penalties=8),
        eq.fit_regularised_logistic(frame, "arm", covariates=NAMES, folds=3, penalties=8),
        eq.fit_regularised_logistic(pl.from_pandas(frame), "arm", covariates=NAMES, folds=3, penalties=8),
        eq.fit_regularised_logistic(people(x, y), folds=3, penalties=8),
    ]
    for other in others:
        assert other.penalty == one.penalty
        np.testing.assert_allclose(other.coefficients, one.coefficients, rtol=SOLVED, atol=1e-12)
        np.testing.assert_allclose(other.propensity_scores, one.propensity_scores, rtol=SOLVED)
        assert other.terms == tuple(NAMES)


def test_results_are_frames_of_the_kind_that_came_in() -> None:
    x, y = made()
    frame = pl.DataFrame(x, schema=NAMES).with_columns(arm=pl.Series(y))
    fit = eq.fit_regularised_logistic(frame, "arm", covariates=NAMES, folds=3, penalties=8)
    for result in (fit.tidy(), fit.glance(), fit.path_frame()):
        assert isinstance(result, pl.DataFrame)
    tidy = fit.tidy()
    assert tidy["term"].to_list() == ["(Intercept)", *fit.selected]
    ratios = fit.tidy(exponentiate=True, zeros=True)
    assert ratios["term"].to_list() == ["(Intercept)", *NAMES]
    np.testing.assert_allclose(np.log(ratios["estimate"].to_numpy()[1:]), fit.coefficients, atol=1e-12)
    glance = fit.glance().row(0, named=True)
    assert (glance["rows"], glance["events"], glance["covariates"]) == (600, int(y.sum()), 25)
    assert glance["nonzero"] == len(fit.selected) == fit.nonzero
    assert glance["folds"] == 3
    assert glance["cv_deviance"] == min(fit.path_frame()["cv_deviance"])
    assert fit.path_frame()["nonzero"][0] == 0


def test_the_screen_says_scale_direction_and_why_there_are_no_errors() -> None:
    x, y = made()
    text = repr(eq.fit_regularised_logistic(x, y, covariates=NAMES, penalty=0.02, correlation_bound=0.2))
    assert "log odds ratio of y = 1" in text
    assert "no standard errors" in text
    assert "penalty 0.02 (given)" in text
    assert "highly correlated with y: drug_10, drug_3" in text
    assert max(map(len, text.splitlines())) < 120


def test_the_callers_matrix_is_not_changed() -> None:
    x = sparse.csc_array((np.array([1.0, 0.0, 2.0, 1.0]), np.array([2, 0, 1, 1]), np.array([0, 2, 4])), shape=(4, 2))
    before = x.data.copy(), x.indices.copy(), x.indptr.copy()
    fit = eq.fit_regularised_logistic(x, np.array([0, 1, 1, 0]), penalty=0.01)
    for now, then in zip((x.data, x.indices, x.indptr), before, strict=True):
        np.testing.assert_array_equal(now, then)
    dense = eq.fit_regularised_logistic(x.toarray(), np.array([0, 1, 1, 0]), penalty=0.01)
    np.testing.assert_allclose(fit.coefficients, dense.coefficients, rtol=SOLVED, atol=1e-12)


# ---- special cases and invariances


def test_without_penalty_it_is_logistic_regression() -> None:
    x, y = made()
    x = x[:, :12]
    fit, plain = eq.fit_regularised_logistic(x, y, penalty=0.0), eq.fit_logistic(x, outcome=y)
    np.testing.assert_allclose([fit.intercept, *fit.coefficients], plain.coefficients, rtol=SOLVED)
    np.testing.assert_allclose(fit.log_likelihood, plain.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(fit.propensity_scores, plain.fitted_values, rtol=SOLVED)
    assert fit.converged


def test_columns_without_penalty_under_a_large_one_are_logistic_regression_alone() -> None:
    x, y = made()
    factors = {"drug_3": 0.0, "drug_10": 0.0}
    fit = eq.fit_regularised_logistic(x, y, covariates=NAMES, penalty=5.0, penalty_factor=factors)
    plain = eq.fit_logistic(x[:, [3, 10]], outcome=y)
    assert fit.selected.keys() == factors.keys()
    np.testing.assert_allclose([fit.intercept, *fit.selected.values()], plain.coefficients, rtol=SOLVED)
    assert fit.largest_penalty < 5.0


def test_the_largest_penalty_is_the_first_at_which_nothing_enters() -> None:
    x, y = made()
    for options in ({}, {"penalty_factor": {"drug_3": 0.0}}, {"standardize": True}, {"mixing": 0.5}):
        largest = eq.fit_regularised_logistic(x, y, covariates=NAMES, penalty=1.0, **options).largest_penalty
        above = eq.fit_regularised_logistic(x, y, covariates=NAMES, penalty=1.0001 * largest, **options)
        below = eq.fit_regularised_logistic(x, y, covariates=NAMES, penalty=0.999 * largest, **options)
        free = len(options.get("penalty_factor", {}))
        assert (above.nonzero, below.nonzero) == (free, free + 1)


def test_the_path_holds_the_solutions_at_its_penalties() -> None:
    x, y = made()
    fit = eq.fit_regularised_logistic(x, y, folds=3, penalties=10, smallest_ratio=0.01)
    np.testing.assert_allclose(fit.path.penalties, fit.largest_penalty * 0.01 ** (np.arange(10) / 9), rtol=1e-9)
    for at in (2, 6, 9):
        alone = eq.fit_regularised_logistic(x, y, penalty=fit.path.penalties[at])
        along = fit.path.coefficients[:, [at]].toarray()[:, 0]
        np.testing.assert_allclose(along, alone.coefficients, rtol=ALONG, atol=ALONG)
        np.testing.assert_allclose(fit.path.log_likelihood[at], alone.log_likelihood, rtol=1e-6)


@pytest.mark.parametrize("folds", [3, 7, 10, 17])
def test_folds_side_by_side_are_models_without_the_fold(folds: int) -> None:
    """Lanes hold at most eight models, so 17 folds need three batches."""
    x, y = made(n=300)
    fold = assign_folds(rows_of(x, y, None, None), folds, True, 1)
    grid = [0.05, 0.02, 0.008]
    found = eq.fit_regularised_logistic(x, y, folds=fold, penalties=grid).cross_validation
    assert found.folds == folds
    for at, penalty in enumerate(grid):
        deviances = []
        for k in range(folds):
            out = fold == k
            alone = eq.fit_regularised_logistic(x[~out], y[~out], penalty=penalty).predict(x[out])
            deviances.append(-2.0 * np.log(np.where(y[out] == 1, alone, 1.0 - alone)).mean())
        share = np.bincount(fold) / 300
        np.testing.assert_allclose(found.deviance[at], deviances @ share, rtol=DEVIANCE)
        spread = math.sqrt(share @ (np.array(deviances) - deviances @ share) ** 2 / (folds - 1))
        np.testing.assert_allclose(found.std_error[at], spread, rtol=1e-3)


def test_selection_by_one_standard_error_takes_a_larger_penalty() -> None:
    x, y = made()
    least, simpler = (
        eq.fit_regularised_logistic(x, y, folds=5, selection=s) for s in ("minimum", "one-standard-error")
    )
    found = simpler.cross_validation
    assert simpler.penalty > least.penalty
    assert simpler.nonzero < least.nonzero
    bound = found.deviance.min() + found.std_error[found.deviance.argmin()]
    within = found.deviance <= bound
    assert simpler.penalty == found.penalties[within].max()


def test_folds_are_drawn_by_seed_and_deal_the_treated_evenly() -> None:
    x, y = made(n=203)
    rows = rows_of(x, y, None, None)
    one, other = assign_folds(rows, 5, True, 1), assign_folds(rows, 5, True, 2)
    np.testing.assert_array_equal(one, assign_folds(rows, 5, True, 1))
    drawn, given = (eq.fit_regularised_logistic(x, y, folds=f, penalties=4) for f in (np.int64(5), one.tolist()))
    np.testing.assert_array_equal(drawn.coefficients, given.coefficients)
    assert (one != other).any()
    for fold in (one, other):
        assert np.ptp(np.bincount(fold)) <= 1
        assert np.ptp(np.bincount(fold[y == 1])) <= 1
    assert np.ptp(np.bincount(assign_folds(rows, 5, False, 1))) <= 1


def test_rows_of_one_person_stay_in_one_fold() -> None:
    x, y = made(n=200)
    person = np.arange(200) // 2
    fit = eq.fit_regularised_logistic(people(x, y, person), folds=4, penalties=5)
    assert (fit.cross_validation.fold[::2] == fit.cross_validation.fold[1::2]).all()


def test_row_order_changes_nothing() -> None:
    x, y = made()
    fold = np.arange(600) % 5
    order = np.random.default_rng(3).permutation(600)
    one = eq.fit_regularised_logistic(x, y, folds=fold)
    other = eq.fit_regularised_logistic(x[order], y[order], folds=fold[order])
    assert other.penalty == pytest.approx(one.penalty, rel=1e-12)
    np.testing.assert_allclose(other.coefficients, one.coefficients, rtol=SOLVED, atol=1e-12)
    np.testing.assert_allclose(other.propensity_scores, one.propensity_scores[order], rtol=SOLVED)


def test_a_weight_of_two_is_a_row_twice_and_of_zero_none() -> None:
    x, y = made()
    weight = np.random.default_rng(2).integers(0, 3, 600)
    at = np.repeat(np.arange(600), weight)
    one = eq.fit_regularised_logistic(x, y, weights=weight, penalty=0.01)
    other = eq.fit_regularised_logistic(x[at], y[at], penalty=0.01)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=SOLVED, atol=1e-12)
    np.testing.assert_allclose(one.log_likelihood, other.log_likelihood, rtol=1e-10)
    np.testing.assert_allclose(one.auc, other.auc, rtol=1e-12)
    assert np.isfinite(one.propensity_scores).all()  # rows of weight zero have scores, too


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1e12])
def test_the_size_of_weights_changes_nothing(size: float) -> None:
    x, y = made()
    one = eq.fit_regularised_logistic(x, y, penalty=0.01)
    other = eq.fit_regularised_logistic(x, y, weights=np.full(600, size), penalty=0.01)
    np.testing.assert_allclose(other.coefficients, one.coefficients, rtol=SOLVED, atol=1e-12)
    np.testing.assert_allclose(other.log_likelihood, size * one.log_likelihood, rtol=1e-10)


def test_a_unit_changes_standardised_coefficients_by_that_unit_alone() -> None:
    x, y = made()
    scaled = x * np.linspace(0.01, 100.0, 25)
    one = eq.fit_regularised_logistic(x, y, penalty=0.02, standardize=True)
    other = eq.fit_regularised_logistic(scaled, y, penalty=0.02, standardize=True)
    np.testing.assert_allclose(
        other.coefficients * np.linspace(0.01, 100.0, 25), one.coefficients, rtol=SOLVED, atol=1e-10
    )
    numeric = eq.fit_regularised_logistic(x, y, penalty=0.02, standardize="numeric")
    np.testing.assert_array_equal(
        numeric.coefficients, eq.fit_regularised_logistic(x, y, penalty=0.02).coefficients
    )  # all columns are 0/1


def test_a_column_far_from_zero_is_as_good_as_one_at_zero() -> None:
    x, y = made()
    age = np.random.default_rng(1).normal(0.0, 5.0, 600)
    near, far = (eq.fit_regularised_logistic(np.column_stack([x, age + c]), y, penalty=0.01) for c in (0.0, 1e6))
    np.testing.assert_allclose(far.coefficients, near.coefficients, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(far.intercept + 1e6 * far.coefficients[-1], near.intercept, atol=1e-5)


def test_duplicate_columns_share_under_a_ridge_and_do_not_matter_under_a_lasso() -> None:
    x, y = made()
    twice = np.column_stack([x, x[:, 3]])
    ridge = eq.fit_regularised_logistic(twice, y, penalty=0.05, mixing=0.0)
    np.testing.assert_allclose(ridge.coefficients[3], ridge.coefficients[-1], rtol=SOLVED)
    lasso, plain = (eq.fit_regularised_logistic(m, y, penalty=0.02) for m in (twice, x))
    np.testing.assert_allclose(lasso.coefficients[3] + lasso.coefficients[-1], plain.coefficients[3], rtol=1e-6)
    np.testing.assert_allclose(lasso.propensity_scores, plain.propensity_scores, rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "columns", "correlation", "penalty"), [(80, 300, 0.0, 1e-4), (300, 60, 0.98, 1e-4), (100, 40, 0.5, 1e-8)]
)
def test_hard_problems_are_solved(rows: int, columns: int, correlation: float, penalty: float) -> None:
    """More columns than rows, columns that are nearly one another, and almost no penalty on separated rows."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(rows, columns)) + np.sqrt(correlation / (1.0 - correlation)) * rng.normal(size=(rows, 1))
    y = (x[:, 0] + rng.normal(size=rows) > 0.0).astype(int)
    fit = eq.fit_regularised_logistic(x, y, penalty=penalty)
    score = x.T @ (y - fit.propensity_scores) / rows
    b = fit.coefficients
    missed = np.where(b == 0.0, np.maximum(np.abs(score) - penalty, 0.0), np.abs(score - penalty * np.sign(b)))
    assert fit.converged
    assert missed.max() < 1e-6 * penalty + 1e-12
    np.testing.assert_allclose(fit.violation, missed.max(), atol=1e-13)


def test_random_problems_satisfy_the_conditions() -> None:
    """Few or many columns, in units from 0.001 to 1,000, almost constant, separated, weighted: never a wrong answer."""
    rng, solved = np.random.default_rng(11), 0
    for _ in range(200):
        n, p = int(rng.integers(5, 150)), int(rng.integers(1, 40))
        size = np.where(rng.random(p) < 0.4, np.exp(rng.normal(0.0, 2.0, p)), 0.0)
        x = (rng.random((n, p)) < rng.random(p)) * (1.0 + size * rng.normal(size=(n, p)))
        y, weight = (np.arange(n) % 3 == 0) ^ (rng.random(n) < 0.2), rng.gamma(0.5, size=n)
        penalty, mixing = 10.0 ** rng.uniform(-5.0, -0.5), rng.choice([0.3, 1.0])
        fit = eq.fit_regularised_logistic(x, y, weights=weight, penalty=penalty, mixing=mixing)
        if fit.reason is not None:
            continue
        solved += 1
        b, lasso = fit.coefficients, penalty * mixing
        slope = x.T @ (weight * (y - fit.propensity_scores)) / weight.sum() - penalty * (1.0 - mixing) * b
        missed = np.where(b == 0.0, np.maximum(np.abs(slope) - lasso, 0.0), np.abs(slope - lasso * np.sign(b)))
        assert missed.max() <= 1e-3 * penalty * max(1.0, np.abs(x).max())
        assert abs(weight @ (y - fit.propensity_scores)) < 1e-9 * weight.sum()
    assert solved > 195


def test_scikit_learn_finds_no_lower_objective() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    x, y = made()
    fit = eq.fit_regularised_logistic(x, y, penalty=0.01)
    other = linear.LogisticRegression(l1_ratio=1.0, C=1.0 / (0.01 * 600), solver="saga", tol=1e-8, max_iter=10_000)
    other.fit(x, y)

    def objective(b: np.ndarray, intercept: float) -> float:
        eta = x @ b + intercept
        return float(np.logaddexp(0.0, np.where(y > 0, -eta, eta)).mean() + 0.01 * np.abs(b).sum())

    assert objective(fit.coefficients, fit.intercept) <= objective(other.coef_[0], other.intercept_[0]) + 1e-12


def test_prediction_repeats_the_propensity_scores() -> None:
    x, y = made()
    fit = eq.fit_regularised_logistic(x, y, penalty=0.02)
    np.testing.assert_allclose(fit.predict(sparse.csr_array(x)), fit.propensity_scores, rtol=1e-10)
    np.testing.assert_allclose(fit.propensity_scores.mean(), y.mean(), rtol=1e-9)  # the intercept carries no penalty


# ---- degenerate data


@pytest.mark.parametrize("value", [0, 1])
def test_one_treatment_only(value: int) -> None:
    x, _ = made()
    fit = eq.fit_regularised_logistic(x, np.full(600, value))
    assert fit.reason is Reason.ONE_ARM_EMPTY
    assert np.isnan(fit.propensity_scores).all()
    assert np.isnan(fit.coefficients).all()
    assert "ONE_ARM_EMPTY" in repr(fit)
    assert set(fit.tidy(zeros=True)["reason"]) == {"ONE_ARM_EMPTY"}
    assert fit.glance()["rows"][0] == 600


def test_one_row() -> None:
    fit = eq.fit_regularised_logistic(np.ones((1, 2)), np.array([1]))
    assert fit.reason is Reason.ONE_ARM_EMPTY


def test_treated_rows_of_weight_zero_are_none() -> None:
    x, y = made()
    assert eq.fit_regularised_logistic(x, y, weights=1.0 - y).reason is Reason.ONE_ARM_EMPTY


def test_constant_and_empty_columns_stay_at_zero_with_a_reason() -> None:
    x, y = made()
    more = np.column_stack([x, np.ones(600), np.zeros(600), np.full(600, 7.5)])
    names = [*NAMES, "one", "none", "same"]
    for options in ({"penalty": 0.02}, {"folds": 3, "penalties": 6}, {"penalty": 0.02, "penalty_factor": {"one": 0.0}}):
        fit = eq.fit_regularised_logistic(more, y, covariates=names, **options)
        assert fit.reasons == dict.fromkeys(("one", "none", "same"), Reason.CONSTANT)
        plain_options = {k: v for k, v in options.items() if k != "penalty_factor"}
        plain = eq.fit_regularised_logistic(x, y, covariates=NAMES, **plain_options)
        np.testing.assert_allclose(fit.coefficients[:25], plain.coefficients, rtol=SOLVED, atol=1e-12)
        assert not fit.coefficients[25:].any()


def test_separation_by_penalised_columns_is_finite() -> None:
    x, y = made()
    both = np.column_stack([x, y])
    fit = eq.fit_regularised_logistic(both, y, penalty=0.001)
    assert np.isfinite(fit.coefficients).all()
    assert fit.converged
    assert fit.auc == 1.0
    path = eq.fit_regularised_logistic(both, y, folds=3)
    assert path.converged
    assert path.path.log_likelihood[-1] < 0.0


def test_separation_by_columns_without_penalty_has_a_reason() -> None:
    x, y = made()
    names = [*NAMES, "same_as_arm"]
    fit = eq.fit_regularised_logistic(
        np.column_stack([x, y]), y, covariates=names, penalty=0.01, penalty_factor={"same_as_arm": 0.0}
    )
    assert fit.reason is Reason.SEPARATION
    assert fit.reasons == {"same_as_arm": Reason.SEPARATION}
    assert "same_as_arm" in repr(fit)


def test_collinear_columns_without_penalty_are_named() -> None:
    x, y = made()
    names = [*NAMES, "again"]
    fit = eq.fit_regularised_logistic(
        np.column_stack([x, x[:, 3]]), y, covariates=names, penalty=0.02, penalty_factor={"drug_3": 0, "again": 0}
    )
    assert fit.reasons == {"again": Reason.COLLINEAR}
    plain = eq.fit_regularised_logistic(x, y, covariates=NAMES, penalty=0.02, penalty_factor={"drug_3": 0})
    np.testing.assert_allclose(fit.coefficients[:25], plain.coefficients, rtol=SOLVED, atol=1e-12)


def test_a_fold_can_lack_a_column_altogether() -> None:
    x, y = made(n=120)
    x[:, 0] = 0.0
    x[:2, 0] = 1.0  # both in the first fold
    fold = np.arange(120) % 5
    fold[:2] = 0
    fit = eq.fit_regularised_logistic(x, y, folds=fold)
    assert fit.converged
    assert np.isfinite(fit.cross_validation.deviance).all()


def test_without_columns_it_is_the_share_treated() -> None:
    _, y = made()
    fit = eq.fit_regularised_logistic(np.empty((600, 0)), y, penalty=0.1)
    np.testing.assert_allclose(fit.propensity_scores, y.mean(), rtol=1e-9)


# ---- correlated covariates


def test_correlations_are_those_of_numpy() -> None:
    rng = np.random.default_rng(8)
    x, y = made()
    x = np.column_stack([x, x[:, 3] * rng.gamma(1.0, 5.0, 600), 1.0 - x[:, 5], np.ones(600)])
    names = [*NAMES, "amount", "reverse", "constant"]
    found = eq.find_correlated_covariates(x, y, threshold=0.05, covariates=names, between=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        table = np.nan_to_num(np.corrcoef(np.column_stack([x, y]).T))
    every = {**{name: k for k, name in enumerate(names)}, "(treatment)": len(names)}
    for row in found.itertuples():
        np.testing.assert_allclose(row.correlation, table[every[row.term], every[row.other]], atol=1e-12)
    assert len(found) == (np.abs(np.triu(table, 1)) > 0.05).sum()
    sizes = found["correlation"].abs().to_numpy()
    assert (np.diff(sizes) <= 0.0).all()
    assert found.iloc[0][["term", "other"]].tolist() == ["drug_5", "reverse"]


def test_a_fit_names_what_is_nearly_the_treatment() -> None:
    x, y = made()
    marker = np.where(np.arange(600) % 12 == 0, 1 - y, y)
    fit = eq.fit_regularised_logistic(
        np.column_stack([x, marker]), y, covariates=[*NAMES, "marker"], penalty=0.02, correlation_bound=0.5
    )
    assert fit.correlated == ("marker",)
    assert eq.fit_regularised_logistic(x, y, penalty=0.02).correlated is None
    frame = eq.find_correlated_covariates(people(x, y), threshold=0.99)
    assert len(frame) == 0


# ---- refusals


def test_missing_values_are_refused_with_counts_by_column() -> None:
    x, y = made()
    x[:3, 4], x[5, 7] = np.nan, np.inf
    with pytest.raises(DesignError) as caught:
        eq.fit_regularised_logistic(sparse.csc_array(x), y, covariates=NAMES, penalty=0.1)
    message = str(caught.value)
    assert "'drug_4': 3 missing and 0 infinite" in message
    assert "'drug_7': 0 missing and 1 infinite" in message
    with pytest.raises(DesignError, match="drug_4"):
        eq.find_correlated_covariates(x, y, covariates=NAMES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty": -1.0}, "penalty"),
        ({"penalty": math.nan}, "penalty"),
        ({"mixing": 1.5}, "mixing"),
        ({"smallest_ratio": 1.0}, "smallest_ratio"),
        ({"selection": "best"}, "one-standard-error"),
        ({"standardize": "all"}, "numeric"),
        ({"penalties": 1}, "penalties"),
        ({"penalties": [0.1, 0.0]}, "penalties"),
        ({"penalties": [0.1, 0.1]}, "penalties"),
        ({"folds": 1}, "folds"),
        ({"folds": 2.5}, "folds"),
        ({"folds": np.zeros(600, int)}, "folds"),
        ({"folds": np.arange(600) % 2 * 2}, "folds"),
        ({"folds": np.zeros(3, int)}, "folds"),
        ({"seed": -1}, "seed"),
        ({"penalty_factor": [1.0, 2.0]}, "penalty_factor"),
        ({"penalty_factor": {"drug_99": 0.0}}, "drug_99"),
        ({"penalty_factor": {"drug_3": -1.0}}, "penalty_factor"),
        ({"weights": np.full(600, -1.0)}, "weights"),
        ({"weights": np.ones(3)}, "weights"),
        ({"prior_variance": 0.0}, "prior_variance"),
        ({"prior_variance": 1.0, "penalty": 0.1}, "prior_variance"),
        ({"correlation_bound": 2.0}, "correlation_bound"),
        ({"covariates": ["a", "b"]}, "25 columns"),
        ({"covariates": ["a"] * 25}, "same name"),
        ({"covariates": "a + b"}, "formula"),
    ],
)
def test_what_cannot_be_is_refused(options: dict, message: str) -> None:
    x, y = made()
    with pytest.raises(DesignError, match=message):
        eq.fit_regularised_logistic(x, y, **{"covariates": NAMES} | options)


def test_combinations_that_are_not_offered() -> None:
    x, y = made()
    with pytest.raises(UnsupportedError, match="mixing"):
        eq.fit_regularised_logistic(x, y, prior_variance=1.0, mixing=0.5)
    with pytest.raises(UnsupportedError, match="without penalty"):
        eq.fit_regularised_logistic(sparse.eye_array(600).tocsc(), y, penalty=0.0)
    with pytest.raises(UnsupportedError, match="pairs"):
        eq.find_correlated_covariates(np.repeat(x[:, [3]], 500, axis=1), y, between=True)


def test_treatment_must_be_zeros_and_ones() -> None:
    x, y = made()
    with pytest.raises(DesignError, match="neither 0 nor 1"):
        eq.fit_regularised_logistic(x, y * 2, penalty=0.1)
    with pytest.raises(DesignError, match="arm"):
        eq.fit_regularised_logistic(replace(people(x, y), arm=None), penalty=0.1)
    with pytest.raises(DesignError, match="not given"):
        eq.fit_regularised_logistic(x, penalty=0.1)
    with pytest.raises(DesignError, match="threshold"):
        eq.find_correlated_covariates(x, y, threshold=3)


@pytest.mark.parametrize("part", ["stratum", "offset"])
def test_parts_of_an_analysis_set_that_the_model_would_pass_over_are_refused(part: str) -> None:
    x, y = made()
    with pytest.raises(UnsupportedError, match=part):
        eq.fit_regularised_logistic(replace(people(x, y), **{part: np.arange(600.0)}), penalty=0.1)


def test_one_fold_with_all_the_treated_is_refused() -> None:
    x, y = made()
    with pytest.raises(DesignError, match="same treatment"):
        eq.fit_regularised_logistic(x, y, folds=np.where(y == 1, 0, np.arange(600) % 2))


def test_parts_that_do_not_exist_are_named() -> None:
    x, y = made()
    fit = eq.fit_regularised_logistic(x, y, covariates=NAMES, penalty=0.1)
    assert fit.coefficient("drug_3") == fit.coefficients[3]
    assert fit.coefficient("(Intercept)") == fit.intercept
    with pytest.raises(DesignError, match="drug_77"):
        fit.coefficient("drug_77")
    with pytest.raises(DesignError, match="one penalty"):
        fit.path_frame()
