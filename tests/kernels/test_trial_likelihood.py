"""Likelihood of trials: derivatives by differences, scores that add up, percentiles and limits by written-out rows."""

import numpy as np
import pytest

from equipoise.kernels import trial_percentiles
from equipoise.kernels.trial_cox import TrialCox
from equipoise.kernels.trial_likelihood import TrialLikelihood
from equipoise.kernels.trial_percentiles import weight_percentiles
from equipoise.kernels.trial_recession import limit_along, trial_recession
from equipoise.kernels.trial_rows import (
    PADDING,
    FollowUp,
    TrialDesign,
    TrialWeights,
    expansion_of,
    free_weights,
    no_limit,
    no_weights,
    padded,
    rows_by_state,
    sequential_trials,
    weigh_rows,
)

STEP = 1e-5
DIFFERENCES = 1e-6  # central differences of a smooth function with this step


def problem(scattered: bool = False, weighted: bool = True, seed: int = 3) -> TrialLikelihood:
    """Sixty persons of up to 70 rows, so that some trials are longer than the padding and some shorter."""
    draw = np.random.default_rng(seed)
    sizes = draw.integers(1, 70, 60)
    first = np.concatenate([[0], np.cumsum(sizes)])
    n = int(first[-1])
    y = np.zeros(n, np.uint8)
    y[first[1:] - 1] = draw.random(60) < 0.6
    treatment = draw.integers(0, 2, n)
    trials = sequential_trials(first, first[1:], draw.random(n) < 0.3, treatment, False, 10**6)
    k = int(trials.length.max())
    factor = np.exp(0.1 * draw.normal(size=(2, n)))
    kinds, times = np.array([[1, 0, 0, 0]] * 2), draw.integers(0, 3, 60).astype(float)
    weights = TrialWeights(factor, kinds, np.array([0.7, 0.6]), np.array([1.6, 1.5]), times)
    states = 2 * k
    phi = np.hstack([0.3 * draw.normal(size=(2, states)), np.zeros((2, PADDING))])
    levels = treatment if scattered else np.empty(0, np.int64)
    follow_up = FollowUp(phi, np.array([0, k]), levels, False, k)
    design = TrialDesign(
        draw.normal(size=(n, 2)), np.array([0.1, -0.2]), np.zeros(n, np.int64), np.array([[0.5]]), np.array([0.4]),
        np.array([1]), np.array([0.05]),
    )  # fmt: skip
    own = weights if weighted else no_weights(2)
    return TrialLikelihood(trials, own, design, follow_up, y, -3.0, no_limit(6, states + PADDING))


BETA = np.array([0.2, -0.3, 0.1, 0.4, -0.2, 0.3, 0.5, -0.4])


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_score_and_information_are_derivatives(scattered: bool, weighted: bool) -> None:
    likelihood = problem(scattered, weighted)
    at = likelihood.evaluate(BETA)
    for j, unit in enumerate(np.eye(len(BETA))):
        up, down = (likelihood.evaluate(BETA + s * STEP * unit) for s in (1, -1))
        slope = (up.log_likelihood - down.log_likelihood) / (2 * STEP)
        assert at.score[j] == pytest.approx(slope, rel=DIFFERENCES, abs=1e-5)
        np.testing.assert_allclose(
            at.information[j], -(up.score - down.score) / (2 * STEP), rtol=DIFFERENCES, atol=1e-4
        )
    np.testing.assert_allclose(likelihood.scores(BETA, 0, 60).sum(axis=0), at.score, rtol=1e-10, atol=1e-10)
    parts = [likelihood.scores(BETA, a, b) for a, b in ((0, 17), (17, 60))]
    np.testing.assert_array_equal(np.vstack(parts), likelihood.scores(BETA, 0, 60))


def cox(scattered: bool) -> TrialCox:
    rows = problem(scattered)
    found = expansion_of(rows.trials, rows.weights, rows.y, 2, rows.follow_up.horizon)
    return TrialCox(rows, found.weighted_events.sum(axis=0))


@pytest.mark.parametrize("scattered", [False, True])
def test_score_and_information_of_cox_are_derivatives(scattered: bool) -> None:
    likelihood, beta = cox(scattered), BETA[1:]
    at = likelihood.evaluate(beta)
    for j, unit in enumerate(np.eye(len(beta))):
        up, down = (likelihood.evaluate(beta + s * STEP * unit) for s in (1, -1))
        slope = (up.log_likelihood - down.log_likelihood) / (2 * STEP)
        assert at.score[j] == pytest.approx(slope, rel=DIFFERENCES, abs=1e-5)
        np.testing.assert_allclose(
            at.information[j], -(up.score - down.score) / (2 * STEP), rtol=DIFFERENCES, atol=1e-4
        )
    np.testing.assert_allclose(likelihood.scores(beta, 0, 60).sum(axis=0), at.score, rtol=1e-9, atol=1e-9)


def test_log_likelihoods_of_weighted_and_plain_rows_agree() -> None:
    plain = problem(weighted=False)
    ones = free_weights(np.ones((2, len(plain.y))), np.zeros((2, 4), np.int64), np.empty(0))
    same = TrialLikelihood(plain.trials, ones, plain.design, plain.follow_up, plain.y, plain.shift, plain.limit)
    for beta in (BETA, 40.0 * BETA):  # odds of ordinary size, and of a size whose product would overflow
        one, other = plain.evaluate(beta), same.evaluate(beta)
        assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-13)
        np.testing.assert_allclose(one.information, other.information, rtol=1e-11, atol=1e-11)


def test_far_steps_stay_numbers() -> None:
    at = problem().evaluate(1e4 * BETA)
    assert np.isfinite(at.log_likelihood)
    assert np.isfinite(at.information).all()


def all_weights(likelihood: TrialLikelihood) -> np.ndarray:
    """The weight of every row, written out; persons who count twice have their rows twice."""
    w, out = np.empty(likelihood.follow_up.horizon + PADDING), []
    free = free_weights(likelihood.weights.factor, likelihood.weights.kinds, np.empty(0))
    for i, person in enumerate(likelihood.trials.person):
        n = weigh_rows(likelihood.trials, i, free, w)
        out += [w[:n].copy()] * int(likelihood.weights.times[person])
    return np.concatenate(out)


@pytest.mark.parametrize("percent", [0.0, 1.0, 37.5, 50.0, 99.0, 100.0])
@pytest.mark.parametrize("held", [0, trial_percentiles.HELD])
def test_percentiles_are_those_of_the_weights_written_out(
    percent: float, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_percentiles, "HELD", held)
    likelihood = problem()
    found = weight_percentiles(likelihood.trials, likelihood.weights, (percent,))
    np.testing.assert_allclose(found, [np.percentile(all_weights(likelihood), percent)], rtol=1e-15)


def test_expansion_and_states_count_the_same_rows() -> None:
    likelihood = problem()
    found = expansion_of(likelihood.trials, likelihood.weights, likelihood.y, 2, likelihood.follow_up.horizon)
    assert found.rows.sum() == len(all_weights(likelihood))
    once = expansion_of(likelihood.trials, no_weights(2), likelihood.y, 2, likelihood.follow_up.horizon)
    states = rows_by_state(likelihood.trials, likelihood.follow_up)
    np.testing.assert_array_equal(states[: 2 * likelihood.follow_up.horizon], once.rows.ravel())


def test_a_direction_that_separates_is_found_and_its_limit_says_nothing_of_it() -> None:
    likelihood = problem(weighted=False)
    treated = likelihood.trials.arm == 1
    without = likelihood.y.copy()
    for i in np.flatnonzero(treated):
        without[likelihood.trials.start[i] + likelihood.trials.length[i] - 1] = 0
    apart = TrialLikelihood(
        likelihood.trials, likelihood.weights, likelihood.design, likelihood.follow_up, without, -3.0, likelihood.limit
    )
    scale = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # intercept and arm
    assert trial_recession(likelihood, scale) is None
    direction = trial_recession(apart, scale)
    assert direction is not None
    assert direction[1] < 0.0
    left = limit_along(apart, direction).evaluate(np.zeros(8))
    whole = apart.evaluate(np.zeros(8)).information[0, 0]
    rows = likelihood.trials.length
    assert left.information[0, 0] / whole == pytest.approx(rows[~treated].sum() / rows.sum())


def test_padding() -> None:
    assert [padded(n) for n in (0, 1, 32, 33)] == [0, 32, 32, 64]
