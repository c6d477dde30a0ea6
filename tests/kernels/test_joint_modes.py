"""The modes of a joint model where a curvature is singular."""

import numpy as np
import pytest

from equipoise.kernels.joint_likelihood import JointLikelihood
from equipoise.kernels.joint_modes import modes
from equipoise.kernels.joint_quadrature import hermite_nodes
from equipoise.kernels.joint_rows import Nodes
from tests.kernels.joint_data import model

RULE = hermite_nodes(3, 2)
RUN_OFF = 100.0  # log hazard, beside which the rest of a curvature is lost to rounding
LOST = 2
LIKELIHOOD, THETA = model(n=6)
OTHERS = np.arange(6) != LOST


def likelihood_with(direction: list[float]) -> tuple[JointLikelihood, Nodes]:
    """One person's hazards run off and act on the random effects in one direction alone, so that they tell one only."""
    points, layout = LIKELIHOOD.points, LIKELIHOOD.layout
    own = slice(points.start[LOST], points.start[LOST + 1])
    hazard, random = points.hazard.copy(), points.random.copy()
    hazard[own], random[own] = 0.0, direction
    hazard[own, 0] = RUN_OFF / layout.unpack(THETA).psi[0]
    there = points._replace(hazard=hazard, random=random)
    data = (LIKELIHOOD.rows, there, LIKELIHOOD.ends)
    nodes = modes(*data, layout.unpack(THETA), layout.cause_start, RULE)
    return JointLikelihood(*data, nodes, layout), nodes


def test_a_singular_curvature_leaves_that_person_without_nodes_and_the_others_with_theirs() -> None:
    found, nodes = likelihood_with([1.0, 2.0])
    assert np.isnan(nodes.centre[LOST]).all()
    assert np.isnan(nodes.root[LOST]).all()
    assert np.isnan(nodes.log_root[LOST])
    expected = modes(
        LIKELIHOOD.rows, LIKELIHOOD.points, LIKELIHOOD.ends, LIKELIHOOD.layout.unpack(THETA),
        LIKELIHOOD.layout.cause_start, RULE,
    )  # fmt: skip
    np.testing.assert_allclose(nodes.centre[OTHERS], expected.centre[OTHERS], atol=1e-4)
    np.testing.assert_allclose(nodes.root[OTHERS], expected.root[OTHERS], rtol=1e-3)
    parts = found.by_person(THETA)
    assert np.isnan(parts.log_likelihood[LOST])
    assert np.isfinite(parts.log_likelihood[OTHERS]).all()
    assert np.isnan(found.evaluate(THETA).log_likelihood)


def test_a_hazard_that_runs_off_in_every_direction_has_nodes() -> None:
    """Only what is singular is given up."""
    points, layout = LIKELIHOOD.points, LIKELIHOOD.layout
    own = slice(points.start[LOST], points.start[LOST + 1])
    hazard = points.hazard.copy()
    hazard[own, 0] = 40.0 / layout.unpack(THETA).psi[0]
    there = points._replace(hazard=hazard)
    nodes = modes(LIKELIHOOD.rows, there, LIKELIHOOD.ends, layout.unpack(THETA), layout.cause_start, RULE)
    assert np.isfinite(nodes.centre).all()


@pytest.mark.parametrize("logarithm", [1e4, -1e4])
def test_a_standard_deviation_out_of_bounds_gives_almost_no_likelihood(logarithm: float) -> None:
    layout, theta = LIKELIHOOD.layout, THETA.copy()
    theta[layout.at_sigma] = logarithm
    at = LIKELIHOOD.by_person(theta).log_likelihood.sum()
    assert np.isfinite(at)
    assert at < LIKELIHOOD.evaluate(THETA).log_likelihood - 900.0
