"""Small joint models in the kernels' arrays, with two causes, two features and persons of every kind."""

import numpy as np

from equipoise.kernels.joint_likelihood import JointLikelihood
from equipoise.kernels.joint_modes import modes
from equipoise.kernels.joint_quadrature import hermite_nodes, time_points
from equipoise.kernels.joint_rows import Ends, Exposure, Layout, Measurements, Parameters, precision_root

COVARIANCE = np.array([[0.8, 0.2], [0.2, 0.3]])


def trajectory(t: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and slope of a line: fixed (n, 2, 3), random (n, 2, 2)."""
    one, zero = np.ones_like(t), np.zeros_like(t)
    value, slope = np.column_stack([one, t, x * t]), np.column_stack([zero, one, x])
    random = np.stack([np.column_stack([one, t]), np.column_stack([zero, one])], axis=1)
    return np.stack([value, slope], axis=1), random


def model(n: int = 12, seed: int = 3, points: int = 5) -> tuple[JointLikelihood, np.ndarray]:
    """A likelihood with nodes near the posterior, and parameters: two causes, a covariate, hazards that rise with time.

    The first person has no measurements; causes are 0, 1 and 2 in turn.
    """
    draw = np.random.default_rng(seed)
    x = draw.integers(0, 2, n).astype(float)
    time, counts = draw.uniform(0.5, 3.0, n), np.append(0, draw.integers(1, 5, n - 1))
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    person = np.repeat(np.arange(n), counts)
    at = draw.uniform(0.0, time[person])
    fixed, random = trajectory(at, x[person])
    rows = Measurements(draw.normal(1.0, 1.0, len(at)), fixed[:, 0].copy(), random[:, 0].copy(), start)
    first, times, weight = time_points(np.zeros(n), time, np.array([1.0]), 5)
    of = np.repeat(np.arange(n), np.diff(first))
    exposure = Exposure(weight, _hazard(times, x[of]), *trajectory(times, x[of]), first)
    ends = Ends(np.arange(n) % 3, _hazard(time, x), *trajectory(time, x))
    layout = Layout(3, 2, 2, np.array([0, 3, 6]))
    own = Parameters(
        np.array([0.9, 0.2, -0.3]),
        np.array([0.7]),
        precision_root(COVARIANCE),
        np.array([-1.5, 0.3, 0.4, -2.0, -0.2, 0.1]),
        np.array([[0.4, -0.6], [-0.3, 0.5]]),
    )
    nodes = modes(rows, exposure, ends, own, layout.cause_start, hermite_nodes(points, 2))
    return JointLikelihood(rows, exposure, ends, nodes, layout), layout.pack(own)


def _hazard(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    one = np.column_stack([np.ones_like(t), np.log1p(t), x])
    return np.hstack([one, one])


def one_effect(alpha: float, measurements: list[float], time: float, event: bool, rate: float, points: int) -> tuple:
    """A person with a random intercept, measured at whole times, and a constant hazard times exp(alpha b).

    Returns rows, exposure, ends, layout and own parameters: beta 0.5, sigma 0.6, variance 1.3.
    """
    y = np.array(measurements)
    ones = np.ones((len(y), 1))
    rows = Measurements(y, ones, ones, np.array([0, len(y)]))
    start, times, weight = time_points(np.zeros(1), np.array([time]), np.empty(0), points)
    feature = np.ones((len(times), 1, 1))
    exposure = Exposure(weight, np.ones((len(times), 1)), feature, feature, start)
    ends = Ends(np.array([int(event)]), np.ones((1, 1)), np.ones((1, 1, 1)), np.ones((1, 1, 1)))
    own = Parameters(
        np.array([0.5]),
        np.array([0.6]),
        precision_root(np.array([[1.3]])),
        np.array([np.log(rate)]),
        np.array([[alpha]]),
    )
    return rows, exposure, ends, Layout(1, 1, 1, np.array([0, 1])), own
