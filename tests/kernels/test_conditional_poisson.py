"""The kernel of the case series against a plain twin, its derivatives, and a Poisson model with levels of persons."""

import numpy as np
import pytest

from equipoise.kernels.conditional_poisson import ConditionalPoisson, scores_by_person
from equipoise.kernels.glm import POISSON, GlmLikelihood
from equipoise.kernels.newton import maximise
from tests.kernels.glm_twin import gradient, twin_conditional

DERIVATIVE = 1e-6  # of central differences with steps of 1e-5


def series(sizes: list[int], p: int, seed: int, offsets: bool = True) -> tuple[ConditionalPoisson, np.ndarray]:
    rng = np.random.default_rng(seed)
    n, first = sum(sizes), np.concatenate([[0], np.cumsum(sizes)])
    y = rng.integers(0, 3, n).astype(float)
    offset = np.log(rng.uniform(1.0, 50.0, n)) if offsets else np.empty(0)
    counted = np.add.reduceat(y, first[:-1]) > 0.0
    one = ConditionalPoisson(rng.normal(size=(n, p)) + 100.0, y, offset, first[:-1][counted], first[1:][counted])
    return one, np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize("offsets", [True, False])
@pytest.mark.parametrize(
    ("sizes", "p"), [([1], 1), ([2, 3], 2), ([300, 1, 5], 3), ([4] * 130, 4), ([1, 7] * 40, 5), ([248, 248], 1)]
)
def test_value_score_and_information(sizes: list[int], p: int, offsets: bool) -> None:
    one, person = series(sizes, p, seed=p, offsets=offsets)
    offset = one.offset if offsets else np.zeros(len(one.y))
    beta = np.linspace(-0.3, 0.4, p)
    found = one.evaluate(beta)

    def plain(b: np.ndarray) -> float:
        return twin_conditional(one.x - 100.0, one.y, offset, person, b)

    assert found.log_likelihood == pytest.approx(plain(beta), rel=1e-10, abs=1e-9)
    np.testing.assert_allclose(found.score, gradient(plain, beta), rtol=DERIVATIVE, atol=1e-5)
    slopes = np.array([gradient(lambda b, k=k: one.evaluate(b).score[k], beta) for k in range(p)])
    np.testing.assert_allclose(found.information, -slopes, rtol=DERIVATIVE, atol=1e-5)
    np.testing.assert_allclose(scores_by_person(one, beta).sum(axis=0), found.score, rtol=1e-9, atol=1e-9)


def test_a_column_constant_within_persons_says_exactly_nothing() -> None:
    one, person = series([3, 4, 5], 2, seed=9)
    x = np.column_stack([one.x[:, 0], 0.1 * person])
    found = ConditionalPoisson(x, one.y, one.offset, one.start, one.stop).evaluate(np.array([0.3, 2.0]))
    assert found.score[1] == 0.0
    assert not found.information[1].any()


def test_it_is_the_poisson_model_with_a_level_for_each_person() -> None:
    one, person = series([3, 4, 5, 6], 2, seed=11)
    x = one.x - 100.0
    levels = (person[:, None] == np.arange(1, 4)).astype(float)
    whole = GlmLikelihood(POISSON, np.hstack([x, levels]), one.y, np.empty(0), one.offset, np.zeros(5), 0.0)
    unconditional, conditional = maximise(whole.evaluate, np.zeros(6)), maximise(one.evaluate, np.zeros(2))
    assert unconditional.converged
    np.testing.assert_allclose(conditional.beta, unconditional.beta[1:3], rtol=1e-8)
    variance = np.linalg.inv(unconditional.at.information)[1:3, 1:3]
    np.testing.assert_allclose(np.linalg.inv(conditional.at.information), variance, rtol=1e-6)


def test_nobody_with_events() -> None:
    nothing = np.empty(0, np.int64)
    found = ConditionalPoisson(np.ones((3, 2)), np.zeros(3), np.empty(0), nothing, nothing).evaluate(np.zeros(2))
    assert found.log_likelihood == 0.0
    assert not found.information.any()
