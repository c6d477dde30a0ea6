"""What is believed of a bias parameter, as a distribution: `Beta`, `Trapezoid`; and their draws."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtr, ndtri

from equipoise.errors import DesignError, Fault
from equipoise.kernels.philox import uniforms

STREAM = 0x51A5  # draws of this part


@dataclass(frozen=True, slots=True)
class Beta:
    """Beta(a, b), such as a - 1 successes and b - 1 failures of a validation study."""

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (self.a > 0.0 and self.b > 0.0):
            raise DesignError(Fault("Beta", f"a = {self.a!r}, b = {self.b!r}", "both above 0"))

    def quantiles(self, share: np.ndarray) -> np.ndarray:
        """float64 of the shape of share."""
        return betaincinv(self.a, self.b, share)


@dataclass(frozen=True, slots=True)
class Trapezoid:
    """Equally likely from `mode_low` to `mode_high`, falling to 0 at `low` and `high`.

    With equal modes it is triangular, with modes at the ends uniform, and with all four equal one value.
    """

    low: float
    mode_low: float
    mode_high: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.mode_low <= self.mode_high <= self.high:
            raise DesignError(Fault("Trapezoid", "corners out of order", "low <= mode_low <= mode_high <= high"))

    def quantiles(self, share: np.ndarray) -> np.ndarray:
        """float64 of the shape of share.

        >>> Trapezoid(0.0, 0.0, 1.0, 1.0).quantiles(np.array([0.25, 0.5])).tolist()
        [0.25, 0.5]
        """
        share = np.asarray(share, np.float64)
        rise, flat, fall = self.mode_low - self.low, self.mode_high - self.mode_low, self.high - self.mode_high
        area = rise / 2.0 + flat + fall / 2.0
        if area == 0.0:
            return np.full(share.shape, self.low)
        height = share * area
        up = self.low + np.sqrt(2.0 * np.maximum(height, 0.0) * rise)
        level = self.mode_low + height - rise / 2.0
        down = self.high - np.sqrt(2.0 * np.maximum(area - height, 0.0) * fall)
        return np.where(height < rise / 2.0, up, np.where(height <= rise / 2.0 + flat, level, down))


Belief = Beta | Trapezoid | float


def draws_of(belief: Belief, share: np.ndarray) -> np.ndarray:
    """A belief at uniform shares, float64 (n,); a number is itself."""
    return np.full(share.shape, float(belief)) if isinstance(belief, int | float) else belief.quantiles(share)


def shares(seed: int, purpose: int, n: int) -> np.ndarray:
    """n uniform numbers for one purpose: the same for the same seed, whatever else is drawn."""
    return uniforms(seed, STREAM, np.arange(n), purpose)


def correlated_shares(one: np.ndarray, other: np.ndarray, correlation: float) -> np.ndarray:
    """Uniform numbers whose normal scores correlate with those of `one`; `other` is independent of it."""
    return ndtr(correlation * ndtri(one) + np.sqrt(1.0 - correlation**2) * ndtri(other))
