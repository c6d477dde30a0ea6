"""The general climb on made-up likelihoods: what is identified, what converges, what is said where nothing does."""

from dataclasses import dataclass

import numpy as np
import pytest

from equipoise import Reason
from equipoise.estimators.identification import identify, null_space
from equipoise.estimators.maximum_likelihood import solve
from equipoise.estimators.profile import LikelihoodProfile
from equipoise.kernels.newton import Evaluation


@dataclass(frozen=True)
class Parabola:
    """-(b - top)' I (b - top) / 2."""

    information: np.ndarray
    top: np.ndarray
    events: int = 10

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        gap = self.top - beta
        return Evaluation(float(-gap @ self.information @ gap / 2), self.information @ gap, self.information)

    def recession(self, scale: np.ndarray) -> None:
        return None


@dataclass(frozen=True)
class Staircase:
    """log p(b) of one success: rises for ever, by a problem that cannot say so."""

    events: int = 1

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        p = 1 / (1 + np.exp(-beta[0]))
        return Evaluation(float(np.log(p)), np.array([1 - p]), np.array([[p * (1 - p)]]))

    def recession(self, scale: np.ndarray) -> None:
        return None


def test_a_parabola_is_climbed_in_one_step() -> None:
    information = np.array([[4.0, 1.0], [1.0, 9.0]])
    found = solve(Parabola(information, np.array([1.0, -2.0])), np.ones(2))
    np.testing.assert_allclose(found.coefficients, [1.0, -2.0], atol=1e-14)
    np.testing.assert_allclose(found.spread(found.kept_covariance()), np.linalg.inv(information), rtol=1e-13)
    assert found.log_likelihood == pytest.approx(0.0, abs=1e-14)
    profile = LikelihoodProfile(Parabola(information, np.array([1.0, -2.0])), found)
    half = np.sqrt(np.linalg.inv(information)[0, 0])
    assert profile.interval(0, 0.5) == pytest.approx((1.0 - half, 1.0 + half), abs=1e-9)


def test_what_does_not_converge_says_so() -> None:
    found = solve(Staircase(), np.ones(1))
    assert found.reasons == (Reason.NOT_CONVERGED,)
    assert np.isnan(found.coefficients).all()
    assert np.isnan(found.spread(found.kept_covariance())).all()
    assert not found.converged
    assert np.isnan(LikelihoodProfile(Staircase(), found).interval(0, 1.92)).all()


def test_later_terms_give_way_to_earlier_ones() -> None:
    z = np.random.default_rng(1).normal(size=(50, 3))
    x = np.column_stack([z[:, 0], z[:, 1], z[:, 0] + 2 * z[:, 1], np.zeros(50), z[:, 2], z[:, 2] * 1e-8])
    found = identify(x.T @ x, np.abs(x).max(axis=0))
    assert found.kept.tolist() == [0, 1, 4]
    assert found.aliases == {2: (0, 1), 5: (4,)}
    collinear, constant = Reason.COLLINEAR, Reason.CONSTANT
    assert found.reasons == (None, None, collinear, constant, None, collinear)


def test_variation_that_rounding_makes_is_none() -> None:
    information = np.diag([1.0, (1e-9) ** 2])
    assert identify(information, np.array([1.0, 1e6])).kept.tolist() == [0]
    assert identify(information, np.array([1.0, 1e-6])).kept.tolist() == [0, 1]


def test_the_null_space_is_what_information_says_nothing_about() -> None:
    information = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    empty = null_space(information)
    assert empty.shape == (3, 1)
    np.testing.assert_allclose(np.abs(empty[:, 0]), [np.sqrt(0.5), np.sqrt(0.5), 0.0], atol=1e-12)
    assert null_space(np.zeros((2, 2))).shape == (2, 2)
