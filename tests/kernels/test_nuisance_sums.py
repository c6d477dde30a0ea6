"""Sums that carry the estimation of a propensity model, against numpy."""

import numpy as np

from equipoise.kernels.nuisance_sums import influence_through, moved_by_coefficients


def test_both_sums_are_those_of_matrices() -> None:
    rng = np.random.default_rng(0)
    x, centre, each = rng.normal(size=(40, 3)) + 1e3, np.array([0.0, 1e3, 1e3]), rng.normal(size=40)
    scores, solved = rng.normal(size=(40, 2)), rng.normal(size=(3, 2))
    z = (x - centre) * each[:, None]
    np.testing.assert_allclose(moved_by_coefficients(x, centre, each, scores), z.T @ scores, rtol=1e-10)
    np.testing.assert_allclose(influence_through(x, centre, each, solved), z @ solved, rtol=1e-10)


def test_nobody_adds_nothing() -> None:
    assert not moved_by_coefficients(np.empty((0, 2)), np.zeros(2), np.empty(0), np.empty((0, 1))).any()
    assert influence_through(np.empty((0, 2)), np.zeros(2), np.empty(0), np.ones((2, 1))).shape == (0, 1)
