"""The likelihood of joint models: brute force, derivatives, identities."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

from equipoise.kernels.joint_likelihood import JointLikelihood
from equipoise.kernels.joint_modes import modes
from equipoise.kernels.joint_quadrature import hermite_nodes
from equipoise.kernels.joint_rows import Exposure, Measurements, precision_root
from tests.kernels.joint_data import COVARIANCE, model, one_effect

QUADRATURE = 1e-9  # relative: 100 points around the mode; without measurements a steep hazard leaves it skewed
DIFFERENCES = 1e-7  # relative to the largest entry: central differences with step 1e-5
STEP = 1e-5


def likelihood_of(rows, exposure, ends, layout, own, points: int = 25) -> float:
    nodes = modes(rows, exposure, ends, own, layout.cause_start, hermite_nodes(points, 1))
    return JointLikelihood(rows, exposure, ends, nodes, layout).evaluate(layout.pack(own)).log_likelihood


@pytest.mark.parametrize("alpha", [0.0, 0.8, -1.5])
@pytest.mark.parametrize("event", [True, False])
@pytest.mark.parametrize("measurements", [[], [0.2], [1.4, 2.0, 1.1]])
def test_one_random_effect_against_integration(alpha: float, event: bool, measurements: list[float]) -> None:
    time, rate = 1.7, 0.4

    def density(b: float) -> float:
        seen = math.prod(norm.pdf(y, 0.5 + b, 0.6) for y in measurements)
        hazard = rate * math.exp(alpha * (0.5 + b))
        return seen * hazard ** int(event) * math.exp(-hazard * time) * norm.pdf(b, 0.0, math.sqrt(1.3))

    expected = math.log(quad(density, -12.0, 12.0, epsabs=0.0, epsrel=1e-12, limit=500)[0])
    parts = one_effect(alpha, measurements, time, event, rate, 15)
    assert likelihood_of(*parts, points=100) == pytest.approx(expected, rel=QUADRATURE)


def test_without_association_the_parts_separate() -> None:
    """A normal law of the measurements with covariance z D z' + sigma^2 I, and an exponential survival."""
    y, time, rate = np.array([1.4, 2.0, 1.1]), 2.3, 0.3
    parts = one_effect(0.0, list(y), time, True, rate, 15)
    law = multivariate_normal(np.full(3, 0.5), 1.3 + 0.36 * np.eye(3))
    assert likelihood_of(*parts, points=3) == pytest.approx(law.logpdf(y) + math.log(rate) - rate * time, abs=1e-12)


def test_score_and_information_are_derivatives() -> None:
    likelihood, theta = model()
    at = likelihood.evaluate(theta)
    score, information = np.empty(len(theta)), np.empty((len(theta), len(theta)))
    for j in range(len(theta)):
        up, down = theta.copy(), theta.copy()
        up[j] += STEP
        down[j] -= STEP
        above, below = likelihood.evaluate(up), likelihood.evaluate(down)
        score[j] = (above.log_likelihood - below.log_likelihood) / (2.0 * STEP)
        information[j] = -(above.score - below.score) / (2.0 * STEP)
    np.testing.assert_allclose(at.score, score, atol=DIFFERENCES * np.abs(score).max())
    np.testing.assert_allclose(at.information, information, atol=DIFFERENCES * np.abs(information).max())
    np.testing.assert_allclose(at.information, at.information.T, rtol=1e-12, atol=1e-13)


def test_a_sum_over_nodes_written_out() -> None:
    """The definition, person by person and node by node."""
    likelihood, theta = model(n=6)
    par, rows, points, ends = likelihood.layout.unpack(theta), likelihood.rows, likelihood.points, likelihood.ends
    parts = likelihood.by_person(theta)
    prior = multivariate_normal(np.zeros(2), COVARIANCE)
    for i in range(6):
        total, mean = 0.0, np.zeros(2)
        for place, log_weight in zip(likelihood.nodes.place, likelihood.nodes.log_weight, strict=True):
            b = likelihood.nodes.centre[i] + likelihood.nodes.root[i] @ place
            log_f = log_weight + likelihood.nodes.log_root[i] + prior.logpdf(b)
            for j in range(rows.start[i], rows.start[i + 1]):
                log_f += norm.logpdf(rows.y[j], rows.x[j] @ par.beta + rows.z[j] @ b, par.sigma[0])
            for c in range(2):
                own = slice(3 * c, 3 * c + 3)

                def log_hazard(data, j, c=c, own=own, b=b):
                    features = data.fixed[j] @ par.beta + data.random[j] @ b
                    return data.hazard[j, own] @ par.psi[own] + par.alpha[c] @ features

                for j in range(points.start[i], points.start[i + 1]):
                    log_f -= points.weight[j] * math.exp(log_hazard(points, j))
                if ends.cause[i] == c + 1:
                    log_f += log_hazard(ends, i)
            total += math.exp(log_f)
            mean += math.exp(log_f) * b
        assert parts.log_likelihood[i] == pytest.approx(math.log(total), abs=1e-12)
        np.testing.assert_allclose(parts.effects[i], mean / total, atol=1e-12)


def test_persons_add_up_in_any_order() -> None:
    likelihood, theta = model(n=20)
    whole = likelihood.evaluate(theta)
    order = np.random.default_rng(0).permutation(20)
    mixed = reordered(likelihood, order)
    other = mixed.evaluate(theta)
    assert other.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-13)
    np.testing.assert_allclose(other.information, whole.information, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        mixed.by_person(theta).score, likelihood.by_person(theta).score[order], rtol=1e-10, atol=1e-12
    )


def reordered(likelihood: JointLikelihood, order: np.ndarray) -> JointLikelihood:
    rows, points, nodes = likelihood.rows, likelihood.points, likelihood.nodes
    pick, start = gathered(rows.start, order)
    new_rows = Measurements(rows.y[pick], rows.x[pick], rows.z[pick], start)
    pick, start = gathered(points.start, order)
    parts = (part[pick] for part in (points.weight, points.hazard, points.fixed, points.random))
    ends = type(likelihood.ends)(*(part[order] for part in likelihood.ends))
    nodes = nodes._replace(centre=nodes.centre[order], root=nodes.root[order], log_root=nodes.log_root[order])
    return JointLikelihood(new_rows, Exposure(*parts, start), ends, nodes, likelihood.layout)


def gathered(start: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pick = np.concatenate([np.arange(start[i], start[i + 1]) for i in order]).astype(np.int64)
    return pick, np.concatenate([[0], np.cumsum(np.diff(start)[order])]).astype(np.int64)


def test_a_hazard_beyond_all_numbers_gives_almost_no_likelihood_and_no_warning() -> None:
    likelihood, theta = model()
    theta[likelihood.layout.at_psi] = 1e6
    at = likelihood.evaluate(theta)
    assert at.log_likelihood < -1e100
    assert np.isfinite(at.log_likelihood)


def test_modes_are_where_the_function_is_highest() -> None:
    likelihood, theta = model(n=5)
    par, rows, points, ends = likelihood.layout.unpack(theta), likelihood.rows, likelihood.points, likelihood.ends
    for i in range(5):

        def height(b: np.ndarray, i=i) -> float:
            seen = slice(rows.start[i], rows.start[i + 1])
            gap = rows.y[seen] - rows.x[seen] @ par.beta - rows.z[seen] @ b
            out = -0.5 * gap @ gap / par.sigma[0] ** 2 - 0.5 * b @ np.linalg.solve(COVARIANCE, b)
            for c in range(2):
                own, at = slice(3 * c, 3 * c + 3), slice(points.start[i], points.start[i + 1])
                level = points.hazard[at, own] @ par.psi[own] + (points.fixed[at] @ par.beta) @ par.alpha[c]
                out -= points.weight[at] @ np.exp(level + points.random[at].transpose(0, 2, 1) @ par.alpha[c] @ b)
                if ends.cause[i] == c + 1:
                    out += par.alpha[c] @ (ends.random[i] @ b)
            return -out

        found = minimize(height, np.zeros(2), method="BFGS", options={"gtol": 1e-9})
        np.testing.assert_allclose(likelihood.nodes.centre[i], found.x, atol=1e-5)


def test_the_layout_packs_and_unpacks() -> None:
    likelihood, theta = model()
    layout = likelihood.layout
    np.testing.assert_allclose(layout.pack(layout.unpack(theta)), theta, rtol=1e-14)
    root = precision_root(COVARIANCE)
    np.testing.assert_allclose(root.T @ root, np.linalg.inv(COVARIANCE), rtol=1e-12)
    assert root[0, 1] == 0.0
