"""Columns of a linear mixed model brought to one scale, and results brought back.

Purpose    the model is the same after y -> y - X b0, X -> (X - shift) T and, for correlated random effects, Z -> Z T
           with T invertible. Residuals of ordinary least squares of unit variance and columns with X'X = n I and
           Z'Z = n I leave cross-products in which nothing cancels, whatever units and origins were given.
Columns    the first column of x and of z is all ones. Independent random effects are divided by a number each and not
           otherwise changed, for that would change the model.
Singular   columns must be independent: collinear ones are left out before.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Standardised y, x, z with what made them: given columns times `x_change` (p, p) are x, times `z_change` are z.

    `start` (p,) are the least-squares coefficients of the given columns, `unit` the standard deviation about them.
    """

    y: np.ndarray
    x: np.ndarray
    z: np.ndarray
    x_change: np.ndarray
    z_change: np.ndarray
    start: np.ndarray
    unit: float

    def beta(self, scaled: np.ndarray) -> np.ndarray:
        """Coefficients (p,) of the given columns from those of the standardised ones."""
        return self.start + self.unit * (self.x_change @ scaled)

    def covariance(self, scaled: np.ndarray) -> np.ndarray:
        """Their covariance (p, p)."""
        return self.unit**2 * (self.x_change @ scaled @ self.x_change.T)

    def random_root(self, scaled: np.ndarray) -> np.ndarray:
        """A root R (q, q), not triangular, of the covariance R R' of the given random effects."""
        return self.unit * (self.z_change @ scaled)

    def deviance(self, scaled: float, degrees: int, reml: bool) -> float:
        """The deviance in the given units; `degrees` is n, or n - p with `reml`."""
        change = 2.0 * degrees * math.log(self.unit)
        if reml:
            change -= 2.0 * float(np.linalg.slogdet(self.x_change)[1])
        return scaled + change


def scale(y: np.ndarray, x: np.ndarray, z: np.ndarray, correlated: bool) -> Scaled:
    """Standardise; `unit` is 0, and y is left without scale, where least squares leaves no residual."""
    x_change = _orthonormal(x)
    x_scaled = x @ x_change
    z_change = _orthonormal(z) if correlated else np.diag(1.0 / np.sqrt(np.mean(z**2, axis=0)))
    along = x_scaled.T @ y / len(y)
    residual = y - x_scaled @ along
    more = x_scaled.T @ residual / len(y)  # once more, for what rounding left
    residual = residual - x_scaled @ more
    unit = math.sqrt(float(residual @ residual) / len(y))
    return Scaled(residual / (unit or 1.0), x_scaled, z @ z_change, x_change, z_change, x_change @ (along + more), unit)


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """T with (columns T)'(columns T) = n I, where the columns are independent and the first is all ones."""
    shift = columns.mean(axis=0)
    shift[0] = 0.0
    size = np.sqrt(np.mean((columns - shift) ** 2, axis=0))
    centred = np.diag(1.0 / size)
    centred[0] -= shift / size
    moved = (columns - shift) / size
    upper = np.linalg.cholesky(moved.T @ moved / len(columns)).T
    return centred @ np.linalg.inv(upper)
