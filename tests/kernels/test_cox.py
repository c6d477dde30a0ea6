"""The Cox kernels against hand-derived truth, a plain twin, gradients, identities and extreme values."""

import numpy as np
import pytest

from equipoise.kernels.cox import BRESLOW, EFRON, CoxLikelihood, cox_likelihood
from equipoise.kernels.cox_concordance import pair_weights
from equipoise.kernels.cox_penalty import maximise_penalised
from equipoise.kernels.cox_recession import drops_rows, limit_along, widest_gap
from equipoise.kernels.cox_risk_sets import risk_sets
from equipoise.kernels.cox_scores import martingales, relative_risks, schoenfeld, scores_by_cluster
from equipoise.kernels.newton import maximise
from equipoise.kernels.weighted_gram import weighted_gram
from tests.kernels.cox_twin import Rows, evaluate, random_rows, risk_sets_of, row_contributions

ROUNDING = 1e-11  # relative difference that another order of summation can make
DIFFERENCE = 1e-6  # of central differences with steps of 1e-5


def likelihood_of(rows: Rows, ties: str, columns: int | None = None) -> CoxLikelihood:
    """The kernel's problem; `columns` beyond the model's makes tables large, so that rows are sorted."""
    late = np.isfinite(rows.start).all()
    times = np.unique(np.concatenate([rows.time, rows.start]) if late else rows.time)
    sets = risk_sets(
        np.searchsorted(times, rows.time),
        np.searchsorted(times, rows.start) if late else None,
        rows.event,
        rows.stratum.astype(np.int64),
        len(times),
        columns or rows.x.shape[1] + 1,
    )
    stratum = rows.stratum.astype(np.int32) if rows.stratum.any() else np.empty(0, np.int32)
    return cox_likelihood(rows.x, stratum, rows.offset, rows.weight, rows.event.astype(np.uint8), sets, ties)


def single(x, time, event, weight=None) -> Rows:
    n = len(time)
    return Rows(
        np.array(x, float)[:, None],
        np.full(n, -np.inf),
        np.array(time, float),
        np.array(event, bool),
        np.zeros(n, int),
        np.ones(n) if weight is None else np.array(weight, float),
        np.zeros(n),
    )


TEST_1 = ([0, 0, 1, 1, 1, 0], [9, 8, 1, 6, 1, 6], [1, 0, 1, 1, 0, 1])


@pytest.mark.parametrize("beta", [0.0, 1.475285, -0.7])
def test_breslow_terms_of_the_first_validation_set_are_those_derived_by_hand(beta: float) -> None:
    """Six subjects. At time 1 the set has sum 3r + 3, at 6 two events with r + 3, at 9 one row alone.

    So l = 2 b - log(3r + 3) - 2 log(r + 3), U = 2 - 3r/(3r + 3) - 2 r/(r + 3), I = r/(r + 1)^2 + 6r/(r + 3)^2.
    """
    r = np.exp(beta)
    at = likelihood_of(single(*TEST_1), BRESLOW).evaluate(np.array([beta]))
    assert at.log_likelihood == pytest.approx(2 * beta - np.log(3 * r + 3) - 2 * np.log(r + 3), rel=1e-13)
    assert at.score[0] == pytest.approx(2 - r / (r + 1) - 2 * r / (r + 3), abs=1e-13)
    assert at.information[0, 0] == pytest.approx(r / (r + 1) ** 2 + 6 * r / (r + 3) ** 2, rel=1e-13)


def test_breslow_estimate_of_the_first_validation_set_is_the_root_of_a_quadratic() -> None:
    """U = 0 is r^2 - 3r - 6 = 0."""
    found = maximise(likelihood_of(single(*TEST_1), BRESLOW).evaluate, np.zeros(1))
    assert np.exp(found.beta[0]) == pytest.approx((3 + np.sqrt(33)) / 2, rel=1e-10)


@pytest.mark.parametrize("beta", [0.0, 1.676857, 0.3])
def test_efron_terms_of_the_first_validation_set_are_those_derived_by_hand(beta: float) -> None:
    """At time 6 one event has x = 1, one has x = 0: denominators r + 3 and (r + 3) - (r + 1)/2 = r/2 + 5/2."""
    r = np.exp(beta)
    at = likelihood_of(single(*TEST_1), EFRON).evaluate(np.array([beta]))
    value = 2 * beta - np.log(3 * r + 3) - np.log(r + 3) - np.log(r / 2 + 5 / 2)
    assert at.log_likelihood == pytest.approx(value, rel=1e-13)
    assert at.score[0] == pytest.approx(2 - r / (r + 1) - r / (r + 3) - r / (r + 5), abs=1e-13)
    variance = r / (r + 1) ** 2 + 3 * r / (r + 3) ** 2 + 5 * r / (r + 5) ** 2
    assert at.information[0, 0] == pytest.approx(variance, rel=1e-13)


@pytest.mark.parametrize("ties", [EFRON, BRESLOW])
@pytest.mark.parametrize("entry", [False, True])
@pytest.mark.parametrize(("seed", "strata", "grid"), [(1, 1, 9), (2, 3, 9), (3, 2, 60), (4, 1, 2), (5, 5, 33)])
@pytest.mark.parametrize("columns", [None, 1 << 17])
def test_value_score_and_information_are_the_twins(ties, entry, seed, strata, grid, columns) -> None:
    rows = random_rows(seed, n=70, entry=entry, strata=strata, grid=grid)
    likelihood = likelihood_of(rows, ties, columns)
    for beta in (np.zeros(3), np.array([0.3, -0.8, 0.5])):
        at, (value, score, information) = likelihood.evaluate(beta), evaluate(rows, beta, ties)
        assert at.log_likelihood == pytest.approx(value, rel=ROUNDING)
        np.testing.assert_allclose(at.score, score, atol=1e-9)
        np.testing.assert_allclose(at.information, information, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("ties", [EFRON, BRESLOW])
def test_score_is_the_gradient_and_information_its_fall(ties: str) -> None:
    likelihood = likelihood_of(random_rows(7, strata=3), ties)
    beta, step = np.array([0.2, -0.4, 0.1]), 1e-5
    at = likelihood.evaluate(beta)
    for k in range(3):
        ahead, back = (likelihood.evaluate(beta + sign * step * np.eye(3)[k]) for sign in (1, -1))
        slope = (ahead.log_likelihood - back.log_likelihood) / (2 * step)
        assert at.score[k] == pytest.approx(slope, rel=DIFFERENCE, abs=DIFFERENCE)
        fall = (back.score - ahead.score) / (2 * step)
        np.testing.assert_allclose(at.information[k], fall, rtol=DIFFERENCE, atol=DIFFERENCE)


@pytest.mark.parametrize("ties", [EFRON, BRESLOW])
@pytest.mark.parametrize("entry", [False, True])
@pytest.mark.parametrize("seed", [11, 12])
def test_residuals_are_the_twins_and_their_sums_the_score(ties: str, entry: bool, seed: int) -> None:
    rows = random_rows(seed, entry=entry, grid=20)
    likelihood, beta = likelihood_of(rows, ties), np.array([0.3, 0.1, -0.6])
    hazard = likelihood.hazard(beta)
    martingale, score = row_contributions(rows, beta, ties)
    at = likelihood.rows_at(np.arange(len(rows.x)))
    np.testing.assert_allclose(martingales(likelihood, hazard), martingale[at], atol=1e-12)
    found = scores_by_cluster(likelihood, hazard, at.astype(np.int64), len(at))
    np.testing.assert_allclose(found, score * rows.weight[:, None], atol=1e-10)
    np.testing.assert_allclose(found.sum(axis=0), likelihood.evaluate(beta).score, atol=1e-9)
    events, differences = schoenfeld(likelihood, hazard)
    weighted = likelihood.weight[events] @ differences
    np.testing.assert_allclose(weighted, likelihood.evaluate(beta).score, atol=1e-9)
    assert ((relative_risks(likelihood, hazard) > 0.0) == (likelihood.weight > 0.0)).all()


def test_no_rounding_is_inherited_from_a_risk_set_that_has_passed() -> None:
    """One row of enormous risk comes and goes between the others; their part of the likelihood stays exact."""
    ordinary = random_rows(21, n=30, p=1, strata=1, grid=6)
    ordinary.time, ordinary.start = ordinary.time + 100.0, ordinary.start + 100.0
    apart = Rows(
        np.vstack([ordinary.x, [[45.0]], [[5.0]], [[4.0]]]),
        np.append(ordinary.start, [200.0, 200.0, 0.0]),
        np.append(ordinary.time, [210.0, 205.0, 10.0]),
        np.append(ordinary.event, [False, True, True]),
        np.zeros(33, int),
        np.append(ordinary.weight, [1.0, 1.0, 1.0]),
        np.append(ordinary.offset, [0.0, 0.0, 0.0]),
    )
    beta = np.array([1.0])
    value, score, information = evaluate(apart, beta, EFRON)
    at = likelihood_of(apart, EFRON).evaluate(beta)
    assert at.log_likelihood == pytest.approx(value, rel=1e-13)
    assert at.score[0] == pytest.approx(score[0], rel=1e-11)
    assert at.information[0, 0] == pytest.approx(information[0, 0], rel=1e-9)


@pytest.mark.parametrize("columns", [2, 1 << 18])
def test_sums_over_risk_sets_and_over_times_at_risk_are_those_of_a_loop(columns: int) -> None:
    rows = random_rows(31, n=200, p=1, strata=4, grid=50)
    times = np.unique(np.concatenate([rows.time, rows.start]))
    codes = [np.searchsorted(times, values) for values in (rows.time, rows.start)]
    sets = risk_sets(*codes, rows.event, rows.stratum.astype(np.int64), len(times), columns)
    place = np.arange(200) if sets.order is None else sets.order
    table, total = np.zeros((sets.n_groups, 1)), np.zeros((sets.n_groups, 1))
    for bit, a, b in sets.levels():
        at_risk = sets.at_risk[a:b]
        np.add.at(table[:, 0], sets.last[a:b][at_risk], rows.weight[place[a:b]][at_risk])
        if bit >= 0:
            np.add.at(table[:, 0], sets.first[a:b][at_risk], rows.weight[place[a:b]][at_risk])
        sets.add_up(table, bit, total)
        assert not table.any()
    risk = [at_risk for at_risk, _ in risk_sets_of(rows)]
    np.testing.assert_allclose(total[:, 0], [rows.weight[at_risk].sum() for at_risk in risk], rtol=1e-14)
    values = np.random.default_rng(1).normal(size=(sets.n_groups, 2))
    expected = np.zeros((200, 2))
    for g, at_risk in enumerate(risk):
        expected[at_risk] += values[g]
    np.testing.assert_allclose(sets.over_groups(values), expected[place], atol=1e-12)


def test_rows_at_risk_at_no_event_time_count_for_nothing() -> None:
    rows = single([1, 2, 3, 50], [5, 6, 7, 1], [1, 1, 0, 0])
    without = single([1, 2, 3], [5, 6, 7], [1, 1, 0])
    beta = np.array([0.4])
    found, expected = (likelihood_of(r, EFRON).evaluate(beta) for r in (rows, without))
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-14)
    np.testing.assert_allclose(found.score, expected.score, rtol=1e-13)


def test_gram_matrices_with_odd_and_even_columns() -> None:
    rng = np.random.default_rng(3)
    for p in (1, 2, 5):
        x, weight, stratum = rng.normal(size=(307, p)), rng.random(307), rng.integers(0, 3, 307)
        centre = rng.normal(size=(3, p))
        apart = x - centre[stratum]
        found = weighted_gram(x, centre, stratum.astype(np.int32), weight)
        np.testing.assert_allclose(found, (apart.T * weight) @ apart, rtol=1e-12)


@pytest.mark.parametrize("entry", [False, True])
def test_the_widest_gap_is_that_of_all_pairs(entry: bool) -> None:
    for seed in range(5):
        rows = random_rows(seed, n=50, strata=2, entry=entry, grid=30)
        likelihood = likelihood_of(rows, EFRON)
        at = likelihood.rows_at(np.arange(50))
        eta = rows.x @ np.array([1.0, -1.0, 0.5])
        high, low = widest_gap(likelihood, eta[at])
        widest = max(eta[risk].max() - eta[events].min() for risk, events in risk_sets_of(rows))
        assert eta[at[high]] - eta[at[low]] == pytest.approx(widest, rel=1e-14)
        assert drops_rows(likelihood, eta[at])
        assert not drops_rows(likelihood, np.zeros(50))


@pytest.mark.parametrize("ties", [EFRON, BRESLOW])
def test_a_limit_is_approached_along_its_direction(ties: str) -> None:
    """x_1 takes its largest value at risk at every event; the likelihood far out along it is its limit."""
    rng = np.random.default_rng(8)
    rows = random_rows(8, n=60, p=2, strata=2, grid=12)
    rows.x[:, 0] = np.where(rows.event, 1.0, rng.integers(0, 2, 60))
    likelihood = likelihood_of(rows, ties)
    limit = limit_along(likelihood, likelihood.linear_predictor(np.array([1.0, 0.0])))
    far = likelihood.evaluate(np.array([30.0, 0.7]))
    at = limit.evaluate(np.array([0.0, 0.7]))
    assert at.log_likelihood == pytest.approx(far.log_likelihood, rel=1e-10)
    assert at.score[1] == pytest.approx(far.score[1], abs=1e-9)
    assert at.information[0, 0] == pytest.approx(0.0, abs=1e-12)
    assert at.information[1, 1] == pytest.approx(far.information[1, 1], rel=1e-9)


def test_pair_weights_are_those_of_all_pairs() -> None:
    rows = random_rows(5, n=80, p=1, strata=3, grid=15)
    rank = np.random.default_rng(5).integers(0, 12, 80)
    times = np.unique(np.concatenate([rows.time, rows.start]))
    codes = [np.searchsorted(times, values) for values in (rows.time, rows.start)]
    sets = risk_sets(*codes, rows.event, rows.stratum.astype(np.int64), len(times), 1)
    place = np.arange(80) if sets.order is None else sets.order
    weight = np.where(sets.at_risk, rows.weight[place], 0.0)
    event = rows.event[place].astype(np.uint8)
    found = np.empty((80, 3))
    found[place] = pair_weights(sets, rank[place], np.full(3, 12), weight, event)
    expected = np.zeros((80, 3))
    for at_risk, events in risk_sets_of(rows):
        for i in events:
            for j in np.setdiff1d(at_risk, events):
                kind = 0 if rank[i] > rank[j] else 1 if rank[i] < rank[j] else 2
                expected[i, kind] += rows.weight[j]
                expected[j, kind] += rows.weight[i]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_a_lasso_maximum_meets_its_conditions() -> None:
    """Where a coefficient is zero the score is at most the penalty, elsewhere it equals penalty and ridge."""
    likelihood = likelihood_of(random_rows(17, n=150, p=6, strata=1, grid=40), EFRON)
    ridge, lasso = np.full(6, 0.5), np.array([25.0, 25.0, 25.0, 25.0, 0.0, 6.0])
    found = maximise_penalised(likelihood.evaluate, ridge, lasso)
    score = likelihood.evaluate(found.beta).score - ridge * found.beta
    inside = found.beta != 0.0
    assert found.converged
    assert 0 < inside.sum() < 6
    assert inside[4]
    np.testing.assert_allclose(score[inside], (lasso * np.sign(found.beta))[inside], atol=1e-5)
    assert (np.abs(score[~inside]) <= lasso[~inside]).all()
