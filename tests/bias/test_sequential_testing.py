"""Critical values of MaxSPRT: one look by hand, many looks by simulation, refusals."""

import math

import numpy as np
import pytest

from equipoise import DesignError
from equipoise.bias.sequential_testing import critical_value_binomial, critical_value_poisson


def test_one_look_by_hand() -> None:
    # two events or fewer with probability 0.920, three or fewer 0.981, of 1 expected: signal above the ratio of three
    found = critical_value_poisson([1.0], alpha=0.05)
    assert found.value == pytest.approx(3 * math.log(3) - 2)
    assert found.alpha == pytest.approx(1 - math.exp(-1) * (1 + 1 + 1 / 2 + 1 / 6))
    coin = critical_value_binomial([5], ratio=1.0, alpha=0.05)
    assert coin.value == pytest.approx(4 * math.log(0.8 / 0.5) + math.log(0.2 / 0.5))
    assert coin.alpha == pytest.approx(1 / 32)


def test_a_signal_needs_the_least_number_of_events() -> None:
    free, bound = critical_value_poisson([0.05] * 20), critical_value_poisson([0.05] * 20, minimum_events=4)
    assert bound.value < free.value


def test_many_looks_against_simulation() -> None:
    rng, groups = np.random.default_rng(3), np.array([0.7, 1.5, 2.0, 0.3])
    counts = np.cumsum(rng.poisson(groups, (200_000, 4)), axis=1)
    expected = np.cumsum(groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(counts > expected, counts * np.log(counts / expected) - (counts - expected), 0.0)
    found = critical_value_poisson(groups, alpha=0.1)
    assert (ratio.max(axis=1) > found.value + 1e-9).mean() == pytest.approx(found.alpha, abs=0.003)
    assert found.alpha <= 0.1 < (ratio.max(axis=1) >= found.value - 1e-9).mean()


@pytest.mark.parametrize(
    "call",
    [
        lambda: critical_value_poisson([]),
        lambda: critical_value_poisson([1.0, 0.0]),
        lambda: critical_value_poisson([1.0], alpha=0.0),
        lambda: critical_value_binomial([1.5], ratio=1.0),
        lambda: critical_value_binomial([3], ratio=0.0),
    ],
)
def test_what_makes_no_test_is_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DesignError):
        call()
