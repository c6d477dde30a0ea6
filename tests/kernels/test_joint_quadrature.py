"""Nodes, rules and baselines of joint models."""

import math

import numpy as np
import pytest
from scipy.interpolate import BSpline

from equipoise.errors import DesignError
from equipoise.kernels.joint_baseline import piecewise_columns, spline_columns, weibull_columns, weibull_terms
from equipoise.kernels.joint_quadrature import hermite_nodes, time_points, time_rule


@pytest.mark.parametrize(("points", "power", "moment"), [(2, 2, 1.0), (3, 4, 3.0), (5, 8, 105.0), (5, 3, 0.0)])
def test_hermite_nodes_give_the_moments_of_a_normal_law(points: int, power: int, moment: float) -> None:
    place, log_weight = hermite_nodes(points, 1)
    density = np.exp(log_weight - 0.5 * place[:, 0] ** 2) / math.sqrt(2.0 * math.pi)
    assert (density * place[:, 0] ** power).sum() == pytest.approx(moment, abs=1e-11)


def test_hermite_nodes_in_two_dimensions_are_all_combinations() -> None:
    place, log_weight = hermite_nodes(4, 2)
    assert place.shape == (16, 2)
    density = np.exp(log_weight - 0.5 * (place**2).sum(axis=1)) / (2.0 * math.pi)
    assert (density * place[:, 0] ** 2 * place[:, 1] ** 4).sum() == pytest.approx(3.0, abs=1e-12)


def test_too_many_nodes_are_refused() -> None:
    with pytest.raises(DesignError, match="quadrature_points"):
        hermite_nodes(15, 5)


@pytest.mark.parametrize(("points", "degree"), [(15, 23), (7, 13), (5, 9), (20, 39)])
def test_time_rules_integrate_polynomials(points: int, degree: int) -> None:
    """A 15-point Kronrod rule is exact up to degree 23 (odd powers vanish), Gauss-Legendre up to 2 n - 1."""
    place, weight = time_rule(points)
    assert len(place) == len(weight) == points
    assert (np.diff(place) > 0.0).all()
    for power in range(degree + 1):
        exact = 2.0 / (power + 1) if power % 2 == 0 else 0.0
        assert weight @ place**power == pytest.approx(exact, abs=1e-14)


def test_the_kronrod_rule_holds_the_gauss_rule() -> None:
    np.testing.assert_allclose(time_rule(15)[0][1::2], time_rule(7)[0], atol=1e-15)


def test_time_points_between_cuts() -> None:
    start, times, weight = time_points(np.zeros(3), np.array([0.5, 1.0, 2.5]), np.array([1.0, 2.0]), 4)
    assert start.tolist() == [0, 4, 8, 20]
    assert weight[:4].sum() == pytest.approx(0.5)
    assert weight[8:].sum() == pytest.approx(2.5)
    assert (times[8:12] < 1.0).all()
    assert (times[16:] > 2.0).all()


@pytest.mark.parametrize(("shape", "error"), [(0.5, 3e-5), (0.7, 1e-6), (1.5, 1e-9)])
def test_graded_points_integrate_a_hazard_without_bound(shape: float, error: float) -> None:
    own_cut = np.array([0.4])
    for cut in (None, own_cut):
        _, times, weight = time_points(np.zeros(1), np.array([2.0]), np.empty(0), 15, cut, True)
        assert weight @ (shape * times ** (shape - 1.0)) == pytest.approx(2.0**shape, rel=error)
        assert weight.sum() == pytest.approx(2.0)


def test_a_time_at_a_cut_belongs_to_the_interval_before() -> None:
    found = piecewise_columns(np.array([0.5, 1.0, 1.5, 3.0]), np.array([1.0, 2.0]))
    assert found.argmax(axis=1).tolist() == [0, 0, 1, 2]
    assert (found.sum(axis=1) == 1.0).all()


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_splines_are_de_boors(degree: int) -> None:
    inner, boundary = np.array([1.0, 1.5, 3.0]), (0.2, 4.0)
    knots = np.concatenate([[0.2] * (degree + 1), inner, [4.0] * (degree + 1)])
    times = np.linspace(0.2, 4.0, 57)
    found = spline_columns(times, inner, boundary, degree)
    np.testing.assert_allclose(found, BSpline.design_matrix(times, knots, degree).toarray(), atol=1e-14)
    outside = np.array([0.0, 5.0])
    beyond = BSpline(knots, np.eye(found.shape[1]), degree, extrapolate=True)(outside)
    np.testing.assert_allclose(spline_columns(outside, inner, boundary, degree), beyond, atol=1e-11)


def test_weibull_columns_and_terms() -> None:
    intercept, shape, t = -1.3, 1.7, np.array([0.5, 2.0])
    psi = np.array([intercept + math.log(shape), shape - 1.0])
    np.testing.assert_allclose(np.exp(weibull_columns(t) @ psi), math.exp(intercept) * shape * t ** (shape - 1.0))
    terms, slope = weibull_terms(psi)
    np.testing.assert_allclose(terms, [intercept, math.log(shape)])
    step = np.array([0.0, 1e-6])
    np.testing.assert_allclose(slope[:, 1], (weibull_terms(psi + step)[0] - terms) / 1e-6, rtol=1e-5)
    assert np.isnan(weibull_terms(np.array([0.0, -1.0]))[0]).all()
