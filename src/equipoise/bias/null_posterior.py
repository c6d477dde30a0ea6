"""The posterior of a null distribution by quadrature, with the prior of EmpiricalCalibration's `fitMcmcNull`.

Prior: flat for the mean, Gamma(shape 1e-4, rate 1e-4) for the precision 1 / sd^2. Given the precision, the mean is
normal, so only the precision needs a grid: nodes equally spaced in its logarithm, over which the density of the
logarithm is summed. Means are nodes of equal probability within each. No draws are made, so no seed is needed.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from equipoise.kernels.random_effects import profile_of

SHAPE = RATE = 1e-4
LOG_PRECISIONS = np.linspace(math.log(1e-6), math.log(1e8), 1_601)
MEANS = 101  # equal-probability nodes of the mean at each precision
NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Points of the joint posterior: mean, sd, weight float64 (k,), weights adding to 1; mean and sd of precision."""

    mean: np.ndarray
    sd: np.ndarray
    weight: np.ndarray
    mean_of_mean: float
    mean_of_precision: float

    def quantiles(self, values: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
        """Weighted quantiles of a function of the points, float64 (len(shares),)."""
        order = np.argsort(values, kind="stable")
        below = np.cumsum(self.weight[order]) - 0.5 * self.weight[order]
        return np.interp(shares, below, values[order])


def posterior_of(y: np.ndarray, s2: np.ndarray) -> Posterior:
    """The posterior given controls, float64 (n,) with n >= 2."""
    precision = np.exp(LOG_PRECISIONS)
    at = profile_of(1.0 / np.sqrt(precision), y, s2)
    # the mean integrates to sqrt(2 pi / W); the step of the logarithm brings one more factor of the precision
    density = at.log_likelihood - 0.5 * np.log(at.curvature) + SHAPE * LOG_PRECISIONS - RATE * precision
    share = np.exp(density - density.max())
    share /= share.sum()
    kept = share > NEGLIGIBLE
    share = share[kept] / share[kept].sum()
    nodes = ndtri((np.arange(MEANS) + 0.5) / MEANS)
    mean = at.mean[kept, None] + nodes / np.sqrt(at.curvature[kept, None])
    return Posterior(
        mean.ravel(),
        np.repeat(at.tau[kept], MEANS),
        np.repeat(share / MEANS, MEANS),
        float(share @ at.mean[kept]),
        float(share @ precision[kept]),
    )
