"""The normal-normal likelihood: by hand, against a fine grid, and where it has two maxima."""

import numpy as np
import pytest

from equipoise import DesignError
from equipoise.kernels.random_effects import maximum, profile_of


def log_likelihood(mean: float, tau: float, y: np.ndarray, s2: np.ndarray) -> float:
    variance = s2 + tau**2
    return float(-0.5 * (np.log(2 * np.pi * variance) + (y - mean) ** 2 / variance).sum())


def test_equal_errors_by_hand() -> None:
    # tau^2 = mean squared deviation less the variance of each: 5 - 1
    found = maximum(np.array([-1.0, 1.0, -3.0, 3.0]), np.ones(4))
    assert found.tau[0] == pytest.approx(2.0, abs=1e-12)
    assert found.mean[0] == pytest.approx(0.0, abs=1e-15)
    assert found.curvature[0] == pytest.approx(4 / 5)


def test_estimates_nearer_than_chance_have_no_spread() -> None:
    found = maximum(np.array([0.1, 0.2, 0.3]), np.array([1.0, 1.0, 0.5]))
    assert found.tau[0] == 0.0
    assert found.mean[0] == pytest.approx((0.1 + 0.2 + 2 * 0.3) / 4)


def test_the_profile_is_the_likelihood_at_its_best_mean() -> None:
    y, s2 = np.array([0.3, -0.4, 1.2, 0.8]), np.array([0.04, 0.01, 0.2, 0.09])
    at = profile_of(np.array([0.0, 0.3, 2.0]), y, s2)
    for tau, mean, value, half in zip(at.tau, at.mean, at.log_likelihood, at.half_widths(-20.0), strict=True):
        assert value == pytest.approx(log_likelihood(mean, tau, y, s2), rel=1e-13)
        if np.isfinite(half):
            assert log_likelihood(mean + half, tau, y, s2) == pytest.approx(-20.0, rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_no_point_of_a_fine_grid_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    s2 = rng.exponential(0.3, 6) ** 2 + 1e-4
    y = rng.standard_t(2, 6) * 0.4
    found = maximum(y, s2)
    grid = profile_of(np.linspace(0.0, 6.0, 20_001), y, s2)
    assert found.log_likelihood[0] >= grid.log_likelihood.max() - 1e-12
    assert found.tau[0] == pytest.approx(grid.tau[grid.log_likelihood.argmax()], abs=5e-4)


def test_the_higher_of_two_maxima_is_taken() -> None:
    # two exact estimates near each other, and many vague ones far from them: a maximum at 0.005 and one near 10
    y = np.concatenate([[0.0, 0.01], np.linspace(-20, 20, 8)])
    s2 = np.concatenate([[1e-6, 1e-6], np.full(8, 4.0)])
    found = maximum(y, s2)
    taus = np.concatenate([[0.0], np.geomspace(1e-5, 50, 4_001)])
    grid = profile_of(taus, y, s2).log_likelihood
    assert ((grid[1:-1] > grid[:-2]) & (grid[1:-1] > grid[2:])).sum() + (grid[0] > grid[1]) == 2
    assert found.log_likelihood[0] >= grid.max() - 1e-12


def test_nothing_is_refused() -> None:
    with pytest.raises(DesignError, match="at least one"):
        maximum(np.empty(0), np.empty(0))
