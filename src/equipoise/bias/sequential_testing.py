"""Critical values of the maximised sequential probability ratio test (MaxSPRT): `critical_value_poisson`,
`critical_value_binomial`.

The distribution of the largest log likelihood ratio over the looks is computed exactly, look by look: the probability
of each count that has not signalled is carried forward, and what passes the value in question is taken out. The
statistic is discrete, so the critical value is the least one that holds the level.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, xlogy

from equipoise.bias.controls import column
from equipoise.errors import DesignError, Fault

NEGLIGIBLE_SDS = 12.0  # counts further above what is expected than this many sd, and this many more, never matter
SAME = 1e-12  # two log likelihood ratios nearer than this, relatively, are one value


@dataclass(frozen=True, slots=True)
class CriticalValue:
    """Signal when the log likelihood ratio at a look is above `value`; `alpha` is the probability of that under the
    null, over all looks."""

    value: float
    alpha: float


def critical_value_poisson(expected: Sequence[float], *, alpha: float = 0.05, minimum_events: int = 1) -> CriticalValue:
    """The critical value for counts with known expectation, looked at after each group.

    expected        events expected under the null in each group between looks, (k,), above 0
    minimum_events  with fewer there is never a signal

    The log likelihood ratio at c events of E expected so far is c log(c / E) - (c - E), where c > E.

    Raises DesignError for expectations that are not positive, and an alpha not between 0 and 1.

    Source: Kulldorff, Davis, Kolczak et al., Sequential Analysis 2011;30:58.

    Example:
        >>> from equipoise.bias.sequential_testing import critical_value_poisson
        >>> round(critical_value_poisson([1.0] * 10).value, 4)
        2.5452
    """
    steps = _positive("expected", expected)
    total = float(steps.sum())
    most = math.ceil(total + NEGLIGIBLE_SDS * (math.sqrt(total) + 1.0))
    counts = np.arange(most + 1.0)
    ratios, laws = [], []
    for so_far, step in zip(np.cumsum(steps), steps, strict=True):
        ratio = xlogy(counts, counts / so_far) - (counts - so_far)
        ratios.append(np.where((counts > so_far) & (counts >= minimum_events), ratio, 0.0))
        laws.append(np.exp(xlogy(counts, step) - step - gammaln(counts + 1.0)))
    return _critical_value(ratios, laws, alpha)


def critical_value_binomial(
    group_sizes: Sequence[int], *, ratio: float, alpha: float = 0.05, minimum_events: int = 1
) -> CriticalValue:
    """The critical value for events that fall in exposed or unexposed time, looked at after each group.

    group_sizes     events in each group between looks, whole numbers (k,)
    ratio           unexposed to exposed time: under the null an event is exposed with probability 1 / (1 + ratio)
    minimum_events  with fewer exposed events there is never a signal

    Raises DesignError as `critical_value_poisson`.

    Source: Kulldorff, Davis, Kolczak et al., Sequential Analysis 2011;30:58.

    Example:
        >>> from equipoise.bias.sequential_testing import critical_value_binomial
        >>> round(critical_value_binomial([1] * 10, ratio=4.0).value, 4)
        3.065
    """
    sizes = _positive("group_sizes", group_sizes)
    if (sizes != np.floor(sizes)).any() or not ratio > 0.0:
        raise DesignError(Fault("group_sizes, ratio", "values that make no test", "whole numbers, and a ratio above 0"))
    share = 1.0 / (1.0 + ratio)
    counts = np.arange(sizes.sum() + 1.0)
    ratios, laws = [], []
    for so_far, size in zip(np.cumsum(sizes), sizes, strict=True):
        seen = np.minimum(counts, so_far)
        value = xlogy(seen, seen / so_far / share) + xlogy(so_far - seen, (1.0 - seen / so_far) / (1.0 - share))
        ratios.append(np.where((seen > so_far * share) & (counts >= minimum_events), value, 0.0))
        inside = np.minimum(counts, size)
        ways = gammaln(size + 1.0) - gammaln(inside + 1.0) - gammaln(size - inside + 1.0)
        law = np.exp(ways + xlogy(inside, share) + xlogy(size - inside, 1.0 - share))
        laws.append(np.where(counts <= size, law, 0.0))
    return _critical_value(ratios, laws, alpha)


def _positive(name: str, values: Sequence[float]) -> np.ndarray:
    array = column(name, values)
    if not len(array) or not (np.isfinite(array) & (array > 0.0)).all():
        raise DesignError(Fault(name, "none, or values that are not positive", "positive numbers, one a look"))
    return array


def _critical_value(ratios: list[np.ndarray], laws: list[np.ndarray], alpha: float) -> CriticalValue:
    if not 0.0 < alpha < 1.0:
        raise DesignError(Fault("alpha", repr(alpha), "a number between 0 and 1"))
    values = np.unique(np.concatenate(ratios))
    signal: Callable[[float], float] = lambda value: _signal_probability(ratios, laws, value)  # noqa: E731
    low, high = 0, len(values) - 1  # the last is never passed
    while low < high:
        middle = (low + high) // 2
        if signal(values[middle]) <= alpha:
            high = middle
        else:
            low = middle + 1
    return CriticalValue(float(values[low]), signal(values[low]))


def _signal_probability(ratios: list[np.ndarray], laws: list[np.ndarray], value: float) -> float:
    """P(the log likelihood ratio is above `value` at some look)."""
    silent = np.zeros(len(laws[0]))
    silent[0] = 1.0
    for ratio, law in zip(ratios, laws, strict=True):
        silent = np.convolve(silent, law)[: len(silent)]
        silent[ratio > value * (1.0 + SAME)] = 0.0
    return max(0.0, 1.0 - float(silent.sum()))
