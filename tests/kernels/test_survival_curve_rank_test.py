"""The log-rank family against its definition, set out plainly with fractions where times are few."""

from fractions import Fraction

import numpy as np
import pytest

from equipoise.kernels.survival_curve_rank_test import RankSums, rank_sums

EXACT = 1e-12
NONE = np.empty(0, np.int32)
ONE_STRATUM = np.empty(0, np.int64)


def plain(rows: dict[str, np.ndarray], rho: float, gamma: float, late: bool) -> RankSums:
    groups = int(rows["group"].max()) + 1
    observed, expected, covariance = np.zeros(groups), np.zeros(groups), np.zeros((groups, groups))
    for s in np.unique(rows["stratum"]):
        survival = 1.0
        for t in np.unique(rows["stop"]):
            inside = (rows["stratum"] == s) & (rows["stop"] >= t) & ((rows["start"] < t) | (not late))
            here = inside & (rows["stop"] == t) & (rows["failed"] == 1)
            n, d = inside.sum(), here.sum()
            if not d:
                continue
            weight = survival**rho * (1.0 - survival) ** gamma
            share = np.array([(inside & (rows["group"] == g)).sum() / n for g in range(groups)])
            observed += weight * np.array([(here & (rows["group"] == g)).sum() for g in range(groups)])
            expected += weight * d * share
            if n > 1:
                spread = np.diag(share) - np.outer(share, share)
                covariance += weight**2 * d * (n - d) / (n - 1) * spread
            survival *= 1.0 - d / n
    return RankSums(observed, expected, covariance)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("strata", [1, 4])
@pytest.mark.parametrize(("rho", "gamma"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_sums_are_those_of_the_definition(late: bool, strata: int, rho: float, gamma: float) -> None:
    rng = np.random.default_rng(8)
    n = 80
    start = rng.integers(0, 5, n)
    rows = {
        "start": start,
        "stop": start + rng.integers(1, 9, n),
        "failed": rng.integers(0, 2, n),
        "group": rng.integers(0, 3, n),
        "stratum": rng.integers(0, strata, n),
    }
    found = rank_sums(
        rows["stop"].astype(np.int32),
        start.astype(np.int32) if late else NONE,
        rows["failed"].astype(np.uint8),
        rows["group"].astype(np.int32),
        rows["stratum"].astype(np.int64) if strata > 1 else ONE_STRATUM,
        3,
        rho,
        gamma,
    )
    expected = plain(rows, rho, gamma, late)
    for name in ("observed", "expected", "covariance"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=EXACT, atol=1e-12)


def test_four_rows_by_hand() -> None:
    """Events at 1 (group 0), 2 (1), 3 (0) and a censoring at 4 (1): group 0 expects 2/4 + 1/3 + 1/2."""
    stop, group = np.array([1, 2, 3, 4], np.int32), np.array([0, 1, 0, 1], np.int32)
    found = rank_sums(stop, NONE, np.array([1, 1, 1, 0], np.uint8), group, ONE_STRATUM, 2, 0.0, 0.0)
    expected = Fraction(2, 4) + Fraction(1, 3) + Fraction(1, 2)
    variance = Fraction(1, 4) + Fraction(2, 9) + Fraction(1, 4)
    assert found.expected[0] == pytest.approx(float(expected), rel=EXACT)
    assert found.covariance[0, 0] == pytest.approx(float(variance), rel=EXACT)
    assert found.covariance[0, 1] == pytest.approx(-float(variance), rel=EXACT)
