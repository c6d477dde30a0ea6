"""The exact law of the exposed cases of 2 x 2 tables given their margins, at a common odds ratio.

Purpose    the conditional maximum-likelihood estimate of the odds ratio, its exact limits and the exact p-value.
Method     each table's central hypergeometric law is convolved with the others'; at odds ratio psi the sum s has
           probability proportional to c_s psi^s. Everything is kept as logarithms until the last step.
Returned   0 or infinity where the sum is at an end of its support; limits likewise. Tables with an empty margin have a
           single possible value and drop out by themselves.
Cost       the product of the supports' lengths for the convolution, their sum for each evaluation.
Paper      Cox, Snell: Analysis of Binary Data, 2nd ed. (1989), chapter 2; Mehta, Patel, Gray, JASA 1985;80:969.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BISECTIONS = 300
AS_LIKELY = 1.0 + 1e-7  # values this much more likely than the observed one count as equally likely, as in R
FURTHEST = 700.0  # log odds ratio beyond which exp() leaves the range of numbers


@dataclass(frozen=True, slots=True)
class ConditionalTables:
    """The support of the sum, int64 (m,), the log of its probabilities at odds ratio 1, and the sum observed."""

    support: np.ndarray
    log_probability: np.ndarray
    observed: int

    def law(self, log_odds_ratio: float) -> np.ndarray:
        """Probabilities (m,) at one log odds ratio."""
        log_p = self.log_probability + self.support * log_odds_ratio
        p = np.exp(log_p - log_p.max())
        return p / p.sum()

    def estimate(self) -> float:
        """The odds ratio at which the expected sum is the one observed."""
        return self._solve(lambda law: float(law @ self.support) - self.observed)

    def interval(self, conf_level: float) -> tuple[float, float]:
        """Exact limits: the odds ratios at which either tail has half of what the level leaves."""
        tail = (1.0 - conf_level) / 2.0
        above, below = self.support >= self.observed, self.support <= self.observed
        low = 0.0 if self.observed == self.support[0] else self._solve(lambda law: float(law[above].sum()) - tail)
        high = self._solve(lambda law: tail - float(law[below].sum()))
        return low, math.inf if self.observed == self.support[-1] else high

    def p_value(self) -> float:
        """The probability, at odds ratio 1, of all sums no likelier than the one observed."""
        law = self.law(0.0)
        here = law[self.observed - self.support[0]]
        return min(1.0, float(law[law <= here * AS_LIKELY].sum()))

    def _solve(self, rising: Callable[[np.ndarray], float]) -> float:
        """The odds ratio at which a rising function of the law is zero; 0 or infinity where it is at no finite one."""
        if self.observed in (self.support[0], self.support[-1]) and rising(self.law(0.0)) != 0.0:
            if rising(self.law(-FURTHEST)) >= 0.0:
                return 0.0
            if rising(self.law(FURTHEST)) <= 0.0:
                return math.inf
        low, high = -FURTHEST, FURTHEST
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            if middle in (low, high):
                break
            low, high = (middle, high) if rising(self.law(middle)) < 0.0 else (low, middle)
        return math.exp(0.5 * (low + high))


def conditional_tables(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> ConditionalTables:
    """Tables of exposed cases a, exposed others b, unexposed cases c and unexposed others d, whole numbers (K,).

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.conditional_odds_ratio import conditional_tables
        >>> tasting = conditional_tables(*(np.array([k]) for k in (3, 1, 1, 3)))  # Fisher's tea
        >>> round(tasting.p_value(), 4)
        0.4857
    """
    first, log_p = 0, np.zeros(1)
    for k in range(len(a)):
        low, one = _hypergeometric(int(a[k] + b[k]), int(c[k] + d[k]), int(a[k] + c[k]))
        first += low
        log_p = _convolved(log_p, one)
    return ConditionalTables(np.arange(first, first + len(log_p)), log_p, int(np.sum(a)))


def _hypergeometric(exposed: int, unexposed: int, cases: int) -> tuple[int, np.ndarray]:
    """The least number of exposed cases and the log probabilities of it and all larger ones."""
    low, high = max(0, cases - unexposed), min(cases, exposed)
    total = _log_ways(exposed + unexposed, cases)
    return low, np.array(
        [_log_ways(exposed, k) + _log_ways(unexposed, cases - k) - total for k in range(low, high + 1)]
    )


def _log_ways(n: int, k: int) -> float:
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)


def _convolved(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """log of the convolution of exp(left) and exp(right), added up around the largest term of each sum."""
    out = np.empty(len(left) + len(right) - 1)
    backwards = right[::-1]
    for s in range(len(out)):
        begin, end = max(0, s - len(right) + 1), min(len(left), s + 1)
        terms = left[begin:end] + backwards[len(right) - 1 - s + begin : len(right) - 1 - s + end]
        top = terms.max()
        out[s] = top + math.log(float(np.exp(terms - top).sum()))
    return out
