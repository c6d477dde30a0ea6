"""Tail probabilities against SciPy."""

import math

import pytest
from scipy import stats

from equipoise.estimators.tails import chi_squared_tail, normal_quantile, two_sided_p


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7, 10, 51, 200])
@pytest.mark.parametrize("x", [1e-8, 0.3, 1.0, 4.0, 30.0, 200.0, 900.0])
def test_chi_squared(df: int, x: float) -> None:
    assert chi_squared_tail(x, df) == pytest.approx(stats.chi2.sf(x, df), rel=1e-11, abs=1e-300)


def test_edges() -> None:
    assert chi_squared_tail(0.0, 3) == 1.0
    assert math.isnan(chi_squared_tail(2.0, 0))
    assert math.isnan(chi_squared_tail(math.nan, 2))


@pytest.mark.parametrize("z", [0.0, 0.1, -1.5, 3.0, 20.0, 35.0])
def test_normal(z: float) -> None:
    assert two_sided_p(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12)


@pytest.mark.parametrize("p", [0.5, 0.9, 0.975, 0.995, 0.99999])
def test_quantile(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-13, abs=1e-15)
