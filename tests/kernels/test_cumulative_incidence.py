"""Cumulative incidence, Aalen's variance and Gray's scores against their definitions."""

import numpy as np
import pytest

from equipoise.kernels.cumulative_incidence import aalen_variance, incidence_of, tally_causes
from equipoise.kernels.cumulative_incidence_gray import gray_scores
from equipoise.kernels.survival_curve import Curve, curve_of, tally

EXACT = 1e-12
NONE, NO_WEIGHT = np.empty(0, np.int32), np.empty(0)


def curve_and_causes(stop: np.ndarray, event: np.ndarray) -> tuple[Curve, list[np.ndarray]]:
    stop, event, size = stop.astype(np.int32), event.astype(np.uint8), int(stop.max()) + 1
    one = curve_of(tally(stop, event, size, NONE, NO_WEIGHT, NONE, 1), 0)
    causes = tally_causes(stop, event, size, NO_WEIGHT, NONE, 1, int(event.max()))
    return one, [cause[one.place] for cause in causes[0]]


def random_rows(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(1, 12, n), rng.integers(0, 4, n)


def test_five_rows_by_hand() -> None:
    """1 (cause 1), 2 (cause 2), 3+, 4 (cause 1), 5+: F1 is 1/5 at first, then 1/5 + 3/5 * 1/2."""
    one, causes = curve_and_causes(np.array([1, 2, 3, 4, 5]), np.array([1, 2, 0, 1, 0]))
    np.testing.assert_allclose(incidence_of(one, causes[0]).incidence, [0.2, 0.2, 0.2, 0.5, 0.5], rtol=EXACT)
    np.testing.assert_allclose(incidence_of(one, causes[1]).incidence, [0.0, 0.2, 0.2, 0.2, 0.2], rtol=EXACT)


def test_causes_and_survival_add_up_to_one() -> None:
    one, causes = curve_and_causes(*random_rows(1))
    total = one.survival + sum(incidence_of(one, cause).incidence for cause in causes)
    np.testing.assert_allclose(total, 1.0, rtol=EXACT)


def test_aalens_variance_is_a_sum_over_failures() -> None:
    """Each failure moves the incidence by what it adds less its share of what would have followed."""
    one, causes = curve_and_causes(*random_rows(2))
    cause = incidence_of(one, causes[0])
    found = aalen_variance(one, cause)
    before = np.concatenate([[1.0], one.survival[:-1]])
    for j, value in enumerate(found):
        total = 0.0
        for i in range(j + 1):
            n, left = one.at_risk[i], one.survival[i]
            share = (cause.incidence[j] - cause.incidence[i]) / left if left > 0.0 else 0.0
            for d, moved in ((causes[0][i], 1.0 - share), (one.failed[i] - causes[0][i], -share)):
                tied = 1.0 - (d - 1.0) / (n - 1.0) if d > 1.0 else 1.0
                total += (before[i] / n * moved) ** 2 * d * tied
        assert value == pytest.approx(total, rel=1e-10, abs=1e-15)


def test_grays_scores_by_their_definition() -> None:
    stop, event = random_rows(4)
    group = np.random.default_rng(5).integers(0, 3, len(stop))
    found = gray_scores(stop.astype(np.int32), event.astype(np.uint8), group.astype(np.int32), 3, 1, 0.0)
    survival, incidence, score = np.ones(3), np.zeros(3), np.zeros(3)
    for t in np.unique(stop):
        at_risk = np.array([((stop >= t) & (group == g)).sum() for g in range(3)])
        d = np.array([((stop == t) & (event == 1) & (group == g)).sum() for g in range(3)])
        e = np.array([((stop == t) & (event > 1) & (group == g)).sum() for g in range(3)])
        free = at_risk * (1.0 - incidence) / survival
        if d.sum():
            score += d - d.sum() * free / free.sum()
        rate = np.where(at_risk > 0, 1.0 / np.maximum(at_risk, 1), 0.0)
        incidence, survival = incidence + survival * d * rate, survival * (1.0 - (d + e) * rate)
        survival[survival == 0.0] = 1.0  # nobody is left: the value is never used
    np.testing.assert_allclose(found.score, score, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.covariance.sum(axis=0), 0.0, atol=1e-10)
    assert (np.linalg.eigvalsh(found.covariance) > -1e-10).all()


@pytest.mark.parametrize("rho", [0.0, 1.0])
def test_gray_finds_no_difference_between_two_copies_of_one_group(rho: float) -> None:
    stop, event = (np.tile(v, 2) for v in random_rows(6))
    group = np.repeat([0, 1], len(stop) // 2)
    found = gray_scores(stop.astype(np.int32), event.astype(np.uint8), group.astype(np.int32), 2, 1, rho)
    np.testing.assert_allclose(found.score, 0.0, atol=1e-12)


def test_grays_test_does_not_depend_on_the_names_of_groups() -> None:
    stop, event = random_rows(9)
    group = np.random.default_rng(1).integers(0, 3, len(stop)).astype(np.int32)
    renamed = np.array([2, 0, 1], np.int32)[group]
    one = gray_scores(stop.astype(np.int32), event.astype(np.uint8), group, 3, 2, 0.0)
    other = gray_scores(stop.astype(np.int32), event.astype(np.uint8), renamed, 3, 2, 0.0)
    np.testing.assert_allclose(one.score, other.score[[2, 0, 1]], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(one.covariance, other.covariance[np.ix_([2, 0, 1], [2, 0, 1])], rtol=1e-10, atol=1e-12)
