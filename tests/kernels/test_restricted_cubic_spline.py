"""The columns of the spline span exactly the natural cubic splines that are 0 at 0."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from equipoise.errors import DesignError
from equipoise.kernels.restricted_cubic_spline import PERCENTILES, restricted_cubic_spline

ROUNDING = 1e-10  # of sums of cubes of numbers below 10


def test_columns_by_hand() -> None:
    """Knots 0, 1, 2: x^3 - 2 (x - 1)^3 + (x - 2)^3 over 4, which is 1 - 0 at 1, 8 - 2 at 2 and 64 - 54 + 8 at 4."""
    found = restricted_cubic_spline(np.array([1.0, 2.0, 4.0]), np.array([0.0, 1.0, 2.0]))
    assert found.tolist() == [[1.0, 0.25], [2.0, 1.5], [4.0, 4.5]]


@pytest.mark.parametrize("knots", [(0.5, 2.0, 5.0), (1.0, 2.0, 4.0, 7.0), (0.2, 1.0, 3.0, 4.5, 8.0)])
def test_every_natural_spline_through_the_knots_is_a_combination(knots: tuple[float, ...]) -> None:
    rng = np.random.default_rng(3)
    wanted = CubicSpline(knots, rng.standard_normal(len(knots)), bc_type="natural")
    x = np.linspace(knots[0], knots[-1], 50)
    columns = np.column_stack([np.ones(50), restricted_cubic_spline(x, np.array(knots))])
    weights = np.linalg.lstsq(columns, wanted(x), rcond=None)[0]
    assert np.abs(columns @ weights - wanted(x)).max() < ROUNDING


def test_it_is_a_straight_line_beyond_the_outer_knots() -> None:
    knots = np.array([1.0, 2.0, 4.0, 7.0])
    for x in (np.array([0.0, 0.5, 1.0]), np.array([7.0, 8.0, 9.0])):
        assert np.abs(np.diff(restricted_cubic_spline(x, knots), 2, axis=0)).max() < ROUNDING
    assert restricted_cubic_spline(np.zeros(1), knots).tolist() == [[0.0, 0.0, 0.0]]


def test_knots_ascend_and_are_three_at_least() -> None:
    for knots in ([1.0, 2.0], [1.0, 1.0, 2.0], [3.0, 2.0, 1.0]):
        with pytest.raises(DesignError, match="ascend"):
            restricted_cubic_spline(np.zeros(1), np.array(knots))
    assert all(len(places) == knots for knots, places in PERCENTILES.items())
