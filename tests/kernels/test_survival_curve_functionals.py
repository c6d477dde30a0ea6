"""Sums of a curve's derivatives at every time, against the derivatives of each row at each time."""

import numpy as np
import pytest

from equipoise import fit_survival_curve
from equipoise.estimators.survival_curve_variance import group_rows
from equipoise.kernels.survival_curve_functionals import WIDTH, functionals
from equipoise.kernels.survival_curve_jackknife import derivatives_at, hazard_steps, incidence_steps


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("hazard", [False, True])
@pytest.mark.parametrize("width", [1, WIDTH + 2])
def test_sums_are_those_of_the_rows_derivatives(late: bool, hazard: bool, width: int) -> None:
    rng = np.random.default_rng(7)
    stop = rng.integers(2, 20, 80).astype(float)
    data = {"stop": stop, "event": rng.integers(0, 2, 80), "w": rng.random(80) + 0.5}
    data["start"] = np.where(rng.random(80) < 0.5, np.floor(stop * rng.random(80) * 0.9), -1.0)
    entry = {"start": "start"} if late else {}
    curve = fit_survival_curve(data, time="stop", event="event", weights="w", **entry)
    rows, n_times = group_rows(curve.errors.rows, 0), len(curve.errors.rows.grid.times)
    one = curve.curves[0]
    steps = hazard_steps(one, n_times) if hazard else incidence_steps(one, one.failed, n_times)
    values = rng.normal(size=(80, width))
    wanted = [derivatives_at(rows, steps, place) @ values for place in range(n_times)]
    np.testing.assert_allclose(functionals(rows, steps, values), wanted, rtol=1e-10, atol=1e-13)
