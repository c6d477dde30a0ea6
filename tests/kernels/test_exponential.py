"""Exponentials of many numbers against extended precision."""

import numpy as np

from equipoise.kernels.exponential import exponentials


def test_every_exponential_is_right_to_one_rounding() -> None:
    rng = np.random.default_rng(1)
    v = -np.concatenate([rng.exponential(1.0, 50_000), rng.uniform(0, 708, 50_000), [0.0, 1e-300, 1e-17, 708.0]])
    expected = np.exp(v.astype(np.longdouble))
    exponentials(v, len(v), np.empty(len(v)))
    assert float(np.max(np.abs(v / expected - 1))) < 2.3e-16


def test_far_below_it_is_next_to_nothing_and_only_n_are_touched() -> None:
    v = np.array([-np.inf, -1e300, -750.0, 0.0, -1.0])
    exponentials(v, 4, np.empty(4))
    assert (v[:3] > 0).all()
    assert (v[:3] < 1e-307).all()
    assert v[3:].tolist() == [1.0, -1.0]
