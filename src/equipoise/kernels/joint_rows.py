"""The arrays of a joint model, as the compiled kernels take them.

n persons, N measurements, M points of time, p fixed and q random effects, C causes with D columns of log hazard between
them, A features of the trajectory in the hazard (its value, its slope), K nodes. All numbers are float64 and rows lie
one after another; a person's rows start at start[i] and end before start[i + 1].
"""

from typing import NamedTuple

import numpy as np

LARGEST = 100.0  # of a logarithm on its way out of bounds: squares of the standard deviation are still numbers


class Measurements(NamedTuple):
    """y (N,), x (N, p), z (N, q), start (n + 1,) int64."""

    y: np.ndarray
    x: np.ndarray
    z: np.ndarray
    start: np.ndarray


class Exposure(NamedTuple):
    """Points of time of the cumulative hazard: weight (M,), hazard (M, D), fixed (M, A, p), random (M, A, q), start."""

    weight: np.ndarray
    hazard: np.ndarray
    fixed: np.ndarray
    random: np.ndarray
    start: np.ndarray


class Ends(NamedTuple):
    """Each person's last time: cause (n,) int64, 0 for none; hazard (n, D), fixed (n, A, p), random (n, A, q)."""

    cause: np.ndarray
    hazard: np.ndarray
    fixed: np.ndarray
    random: np.ndarray


class Nodes(NamedTuple):
    """centre (n, q), root (n, q, q), log_root (n,) the log determinant; place (K, q), log_weight (K,)."""

    centre: np.ndarray
    root: np.ndarray
    log_root: np.ndarray
    place: np.ndarray
    log_weight: np.ndarray


class Parameters(NamedTuple):
    """beta (p,), sigma (1,), precision_root (q, q) lower triangular R with D^-1 = R'R, psi (D,), alpha (C, A)."""

    beta: np.ndarray
    sigma: np.ndarray
    precision_root: np.ndarray
    psi: np.ndarray
    alpha: np.ndarray


class Layout(NamedTuple):
    """Where the parameters stand in one vector: beta, log sigma, R by rows (log diagonal), psi, alpha by cause.

    cause_start (C + 1,): the columns of log hazard of each cause.
    """

    p: int
    q: int
    n_features: int
    cause_start: np.ndarray

    @property
    def causes(self) -> int:
        return len(self.cause_start) - 1

    @property
    def at_sigma(self) -> int:
        return self.p

    @property
    def at_root(self) -> int:
        return self.p + 1

    @property
    def at_psi(self) -> int:
        return self.at_root + self.q * (self.q + 1) // 2

    @property
    def at_alpha(self) -> int:
        return self.at_psi + int(self.cause_start[-1])

    @property
    def size(self) -> int:
        return self.at_alpha + self.causes * self.n_features

    def unpack(self, theta: np.ndarray) -> Parameters:
        """The parameters of one vector (size,); logarithms beyond `LARGEST` either way count as that."""
        root = np.zeros((self.q, self.q))
        root[np.tril_indices(self.q)] = theta[self.at_root : self.at_psi]
        diagonal = np.exp(np.clip(root.diagonal(), -LARGEST, LARGEST))
        np.fill_diagonal(root, diagonal)
        return Parameters(
            np.ascontiguousarray(theta[: self.p]),
            np.exp(np.clip(theta[self.p : self.p + 1], -LARGEST, LARGEST)),
            root,
            np.ascontiguousarray(theta[self.at_psi : self.at_alpha]),
            theta[self.at_alpha :].reshape(self.causes, self.n_features).copy(),
        )

    def pack(self, parameters: Parameters) -> np.ndarray:
        """One vector (size,) of parameters."""
        root = parameters.precision_root.copy()
        np.fill_diagonal(root, np.log(root.diagonal()))
        parts = (
            parameters.beta,
            np.log(parameters.sigma),
            root[np.tril_indices(self.q)],
            parameters.psi,
            parameters.alpha.ravel(),
        )
        return np.concatenate(parts)


def precision_root(covariance: np.ndarray) -> np.ndarray:
    """R (q, q), lower triangular, with R'R the inverse of a covariance (q, q)."""
    flipped = np.linalg.cholesky(np.linalg.inv(covariance)[::-1, ::-1])
    return np.ascontiguousarray(flipped[::-1, ::-1].T)
