"""Rubin's rules for single numbers: by hand, and the same as for fits."""

import math

import numpy as np
import pytest

from equipoise import fit_logistic, pool, pool_quantities
from equipoise.errors import DesignError

ROUNDING = 1e-12


def test_by_hand() -> None:
    found = pool_quantities([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    assert found.estimate == 2.0
    assert found.std_error == pytest.approx(math.sqrt(7 / 3), rel=ROUNDING)
    assert found.df == pytest.approx(2 / (4 / 7) ** 2, rel=ROUNDING)  # (m - 1) / lambda², lambda = (4/3) / (7/3)


def test_data_sets_that_agree_leave_the_number_and_its_normal_limits_as_they_are() -> None:
    found = pool_quantities([0.1, 0.1, 0.1], [0.2, 0.2, 0.2], df_complete=30)
    assert (found.estimate, found.fraction_missing, found.df) == (0.1, 0.0, math.inf)
    assert found.conf_low == pytest.approx(0.1 - 1.959963984540054 * 0.2, rel=ROUNDING)


def test_it_is_what_pool_makes_of_fits() -> None:
    random = np.random.default_rng(5)
    fits = []
    for _ in range(6):
        x = random.normal(size=80)
        fits.append(
            fit_logistic({"x": x, "y": (random.random(80) < 1 / (1 + np.exp(-x))) * 1}, outcome="y", covariates=["x"])
        )
    whole = pool(fits)
    at = whole.index_of("x")
    one = pool_quantities(
        [fit.coefficients[at] for fit in fits], [fit.std_errors[at] for fit in fits], df_complete=whole.df_complete
    )
    same = whole.estimate("x")
    for name in ("estimate", "std_error", "conf_low", "conf_high", "p_value"):
        assert getattr(one, name) == pytest.approx(getattr(same, name), rel=1e-10), name
    assert one.df == pytest.approx(whole.df[at], rel=1e-10)
    assert one.fraction_missing == pytest.approx(whole.fraction_missing[at], rel=1e-10)


@pytest.mark.parametrize(
    ("estimates", "errors"),
    [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, math.nan], [1.0, 1.0]), ([1.0, 2.0], [1.0, -1.0])],
)
def test_what_cannot_be_pooled_is_refused(estimates: list[float], errors: list[float]) -> None:
    with pytest.raises(DesignError):
        pool_quantities(estimates, errors)
