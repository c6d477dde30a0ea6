"""Score contributions: they add up to the score, and are derivatives of the weighted likelihood."""

import numpy as np
import pytest

from equipoise.kernels.conditional_logistic import conditional_likelihood
from equipoise.kernels.conditional_scores import scores_by_cluster
from equipoise.kernels.matched_sets import count_sets
from tests.kernels.conditional_twin import random_sets

SIZES = [(2, 1), (5, 1), (7, 3), (8, 4), (4, 2), (3, 3), (6, 1)]


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_contributions_add_up_to_the_score(ties: str) -> None:
    rng = np.random.default_rng(1)
    x, case, first = random_sets(rng, SIZES, 3)
    problem = conditional_likelihood(x, np.empty(0), case, first, count_sets(case, first), ties)
    beta = rng.normal(size=3)
    by_row = scores_by_cluster(problem, beta, np.arange(len(x)), len(x))
    np.testing.assert_allclose(by_row.sum(axis=0), problem.evaluate(beta).score, atol=1e-12)
    clusters = rng.integers(0, 4, len(x))
    by_cluster = scores_by_cluster(problem, beta, clusters, 4)
    np.testing.assert_allclose(by_cluster, [by_row[clusters == c].sum(axis=0) for c in range(4)], atol=1e-12)


def test_a_pair_by_hand() -> None:
    """Case x = 1, control x = 0, p = P(case is the exposed one): both rows contribute (1 - p)^2 and p (1 - p)."""
    x, case, first = np.array([[1.0], [0.0]]), np.array([1, 0], np.uint8), np.array([0, 2])
    problem = conditional_likelihood(x, np.empty(0), case, first, count_sets(case, first), "exact")
    p = 1 / (1 + np.exp(-0.3))
    found = scores_by_cluster(problem, np.array([0.3]), np.arange(2), 2)
    np.testing.assert_allclose(found.ravel(), [(1 - p) * (1 - p), -(1 - p) * (0 - p)], atol=1e-15)
