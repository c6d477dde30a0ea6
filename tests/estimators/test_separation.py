"""Which terms are infinite, held against an answer that shares no code: one linear programme for every pair of rows.

A direction with (control - case) delta <= 0 for all pairs raises the likelihood for ever. A pair that is strict in some
such direction is decided in the limit; the pairs that never are remain. A term has a finite estimate exactly where its
axis lies in the span of the remaining pairs (Geyer 2009).
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from equipoise import Reason, fit_conditional_logistic
from tests.kernels.conditional_twin import random_sets
from tests.kernels.test_recession import differences


def infinite_terms(pairs: np.ndarray) -> list[bool]:
    pairs, p = np.unique(pairs, axis=0), pairs.shape[1]
    decided = np.zeros(len(pairs), bool)
    for i, pair in enumerate(pairs):
        found = linprog(pair, A_ub=pairs, b_ub=np.zeros(len(pairs)), bounds=[(-1, 1)] * p)
        decided[i] = found.fun < -1e-7
    left = pairs[~decided]
    rank = np.linalg.matrix_rank(left) if len(left) else 0
    axes = np.eye(p)
    return [np.linalg.matrix_rank(np.vstack([left, axes[j : j + 1]])) > rank for j in range(p)]


def settled(pairs: np.ndarray) -> bool:
    """Whether all columns are identified at all, so that reasons other than separation do not come in."""
    return len(pairs) > 0 and np.linalg.matrix_rank(pairs) == pairs.shape[1]


@pytest.mark.parametrize("ties", ["exact", "efron", "breslow"])
@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), n_sets=st.integers(2, 10), p=st.integers(1, 4), levels=st.integers(2, 4))
def test_separated_terms_are_those_of_linear_programming(
    ties: str, seed: int, n_sets: int, p: int, levels: int
) -> None:
    rng = np.random.default_rng(seed)
    sizes = [(int(n), int(rng.integers(1, n))) for n in rng.integers(2, 5, n_sets)]
    x, case, first = random_sets(rng, sizes, p)
    x = rng.integers(0, levels, x.shape).astype(float)
    pairs = differences(x, case, first, ties == "exact")
    if not settled(pairs):
        return
    matched_set = np.repeat(np.arange(n_sets), np.diff(first))
    fit = fit_conditional_logistic(x, case=case, matched_set=matched_set, ties=ties)
    expected = infinite_terms(pairs)
    assert [reason is Reason.SEPARATION for reason in fit.reasons] == expected
    assert np.isnan(fit.coefficients).tolist() == expected
    assert np.isfinite(fit.std_errors[~np.array(expected)]).all()


def test_finite_terms_beside_infinite_ones_maximise_the_likelihood() -> None:
    """Held at the estimates, with the infinite ones far along their direction, the score of the others vanishes."""
    rng = np.random.default_rng(12)
    x, case, first = random_sets(rng, [(4, 1)] * 80, 4)
    x[:, 2] = (x[:, 2] > 0.8) & (case == 1)  # some cases only: plus infinity
    x[:, 3] = (x[:, 3] > 0.8) & (case == 0)  # some controls only: minus infinity
    fit = fit_conditional_logistic(x, case=case, matched_set=np.repeat(np.arange(80), np.diff(first)))
    assert fit.reasons == (None, None, Reason.SEPARATION, Reason.SEPARATION)
    at = fit.profile.problem.evaluate(np.array([*fit.coefficients[:2], 40.0, -40.0]))
    np.testing.assert_allclose(at.score[:2], 0.0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.inv(at.information[:2, :2]), fit.covariance[:2, :2], rtol=1e-8)
    assert at.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-9)
