"""Newton's method: where it stops, how it halves, what it says when it cannot."""

import numpy as np
import pytest

from equipoise.kernels.newton import Evaluation, maximise, solve_information


def poisson(y: np.ndarray):
    def evaluate(beta: np.ndarray) -> Evaluation:
        with np.errstate(over="ignore"):
            mean = np.exp(beta[0])
        return Evaluation(float((y * beta[0] - mean).sum()), np.array([(y - mean).sum()]), np.array([[len(y) * mean]]))

    return evaluate


def test_the_maximum_of_a_poisson_mean_is_the_log_of_the_average() -> None:
    found = maximise(poisson(np.array([1.0, 4.0, 7.0])), np.zeros(1))
    assert found.converged
    assert found.beta[0] == pytest.approx(np.log(4.0), abs=1e-14)
    assert found.decrement <= 1e-12


def test_an_overlong_step_is_halved() -> None:
    """From -6 the first step lands near 1,600, where the likelihood overflows."""
    found = maximise(poisson(np.array([1.0, 4.0, 7.0])), np.array([-6.0]))
    assert found.converged
    assert found.beta[0] == pytest.approx(np.log(4.0), abs=1e-12)


def test_a_likelihood_that_rises_for_ever_does_not_converge() -> None:
    def rising(beta: np.ndarray) -> Evaluation:
        p = 1 / (1 + np.exp(-beta[0]))
        return Evaluation(float(np.log(p)), np.array([1 - p]), np.array([[p * (1 - p)]]))

    assert not maximise(rising, np.zeros(1), max_iterations=10).converged


def test_singular_information_ends_the_climb() -> None:
    found = maximise(lambda beta: Evaluation(0.0, np.zeros(2), np.ones((2, 2)) * 0.0), np.zeros(2))
    assert not found.converged
    assert np.isnan(found.decrement)


def test_solving_is_exact_across_units() -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(4, 4))
    units = np.array([1e-9, 1.0, 1e6, 1e12])
    information = (root @ root.T + np.eye(4)) * units[:, None] * units
    inverse = solve_information(information, np.eye(4))
    np.testing.assert_allclose(inverse * units[:, None] * units, np.linalg.inv(root @ root.T + np.eye(4)), rtol=1e-12)
    assert solve_information(np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones(2)) is None
    assert solve_information(np.array([[np.nan]]), np.ones(1)) is None


def test_the_last_step_is_not_followed_where_it_would_change_nothing() -> None:
    """With 10^10 observations the information hardly moves, so a step of 1e-4 standard errors ends the climb."""
    n, mean = 1e10, 4.0

    def evaluate(beta: np.ndarray) -> Evaluation:
        fitted = np.exp(beta[0])
        return Evaluation(
            float(n * (mean * beta[0] - fitted)), np.array([n * (mean - fitted)]), np.array([[n * fitted]])
        )

    found = maximise(evaluate, np.array([np.log(mean) - 4e-5]))
    assert found.converged
    assert 1e-12 < found.decrement < 1e-6
    assert found.beta[0] == pytest.approx(np.log(mean), abs=1e-9 / np.sqrt(n * mean) + 1e-15)
