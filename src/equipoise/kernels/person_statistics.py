"""What a linear model with random effects needs of each person: cross-products, residuals, posterior, density.

Purpose    y_i = X_i beta + Z_i b_i + e_i, b_i ~ N(0, D), e_i ~ N(0, sigma^2 I), persons i independent. Everything the
           likelihood needs of a person is Z'Z, Z'X, Z'y (and X'X, X'y, y'y summed over persons), computed once.
Sorted     `person_rows` puts the rows of a person side by side, persons in the order of their codes; the order of rows
           within a person is kept.
Covariance D = root root' with `root` lower triangular, so that D may be singular; sigma must be positive.
Cost       O(rows (q^2 + q p + p^2)) for the statistics, O(persons q^3) for posteriors and densities.
Paper      Laird, Ware: Biometrics 1982;38:963; Bates et al.: J Stat Softw 2015;67(1), section 3.
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled


@dataclass(frozen=True, slots=True, eq=False)
class PersonRows:
    """Rows with those of one person side by side.

    y (n,), x (n, p), z (n, q) float64; starts (m + 1,): rows starts[i]..starts[i + 1] belong to person i of m;
    order (n,): the given row that stands at each place; codes (m,): the code of each person, ascending
    """

    y: np.ndarray
    x: np.ndarray
    z: np.ndarray
    starts: np.ndarray
    order: np.ndarray
    codes: np.ndarray

    @property
    def person(self) -> np.ndarray:
        """The place among `codes` of each row's person, int64 (n,)."""
        return np.repeat(np.arange(len(self.codes)), np.diff(self.starts))


@dataclass(frozen=True, slots=True, eq=False)
class PersonStatistics:
    """Cross-products: by person rows (m,), ztz (m, q, q), ztx (m, q, p), zty (m, q); of all rows xtx, xty, yty."""

    rows: np.ndarray
    ztz: np.ndarray
    ztx: np.ndarray
    zty: np.ndarray
    xtx: np.ndarray
    xty: np.ndarray
    yty: float


@dataclass(frozen=True, slots=True, eq=False)
class PersonFactors:
    """The same by orthogonal rotations Q of each person's rows: Q'Z is R, upper triangular, above rows of zeros.

    factors (m, q, q + p + 1): R, Q'X and Q'y; within (p + 1, p + 1): cross-products of [X y] in the rows below, summed
    over persons; n rows in all
    """

    factors: np.ndarray
    within: np.ndarray
    n: int

    @property
    def p(self) -> int:
        return len(self.within) - 1

    def random_products(self, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Z'Z (m, q, q) and Z'(y - X beta) (m, q)."""
        q = self.factors.shape[1]
        upper = self.factors[:, :, :q]
        residual = self.factors[:, :, -1] - self.factors[:, :, q:-1] @ beta
        return upper.transpose(0, 2, 1) @ upper, np.einsum("mjk,mj->mk", upper, residual)


@dataclass(frozen=True, slots=True, eq=False)
class ResidualStatistics:
    """Of the residuals r = y - X beta, by person: ztr (m, q) and rtr (m,)."""

    ztr: np.ndarray
    rtr: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """The law of b_i given y_i, which is normal: mean (m, q), covariance (m, q, q)."""

    mean: np.ndarray
    covariance: np.ndarray


def person_rows(y: np.ndarray, x: np.ndarray, z: np.ndarray, person: np.ndarray) -> PersonRows:
    """Sort rows by person; `person` (n,) holds int64 codes of any size."""
    order = np.arange(len(person)) if (person[1:] >= person[:-1]).all() else np.argsort(person, kind="stable")
    in_order = person[order]
    first = np.flatnonzero(np.diff(in_order, prepend=in_order[:1] - 1))
    starts = np.append(first, len(person)).astype(np.int64)
    parts = (np.ascontiguousarray(part[order], np.float64) for part in (y, x, z))
    return PersonRows(*parts, starts, order, in_order[first])


def person_statistics(rows: PersonRows) -> PersonStatistics:
    """The cross-products of each person.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.person_statistics import person_rows, person_statistics
        >>> ones = np.ones((3, 1))
        >>> rows = person_rows(np.array([1.0, 2.0, 5.0]), ones, ones, np.array([7, 7, 9]))
        >>> person_statistics(rows).zty
        array([[3.],
               [5.]])
    """
    ztz, ztx, zty = _cross_products(rows.y, rows.x, rows.z, rows.starts)
    x, y = rows.x, rows.y
    return PersonStatistics(np.diff(rows.starts), ztz, ztx, zty, x.T @ x, x.T @ y, float(y @ y))


def person_factors(rows: PersonRows) -> PersonFactors:
    """Each person's rows rotated until Z is triangular (Givens), so that no digits are lost to squares."""
    return PersonFactors(*_rotated(rows.y, rows.x, rows.z, rows.starts), len(rows.y))


def residual_statistics(rows: PersonRows, beta: np.ndarray) -> ResidualStatistics:
    """Z'r and r'r of each person at `beta` (p,), from the rows, so that nothing cancels."""
    return ResidualStatistics(*_residual_products(rows.y - rows.x @ beta, rows.z, rows.starts))


def posterior(ztz: np.ndarray, ztr: np.ndarray, root: np.ndarray, sigma: float) -> Posterior:
    """Mean (also the mode) and covariance of each person's random effects given the residuals y - X beta.

    With A = root / sigma and M = I + A' Z'Z A: mean A M^-1 A' Z'r, covariance sigma^2 A M^-1 A'.
    """
    mean, covariance, _ = _posteriors(ztz, ztr, root / sigma)
    return Posterior(mean, sigma**2 * covariance)


def marginal_log_density(
    statistics: PersonStatistics, residuals: ResidualStatistics, root: np.ndarray, sigma: float
) -> np.ndarray:
    """log p(y_i), random effects integrated out, float64 (m,): normal with variance sigma^2 I + Z D Z'.

    log |V| = 2 n log sigma + log |M|, and r'V^-1 r = (r'r - r'Z A M^-1 A' Z'r) / sigma^2.
    """
    mean, _, log_determinant = _posteriors(statistics.ztz, residuals.ztr, root / sigma)
    quadratic = (residuals.rtr - np.einsum("iq,iq->i", residuals.ztr, mean)) / sigma**2
    return -0.5 * (statistics.rows * math.log(2.0 * math.pi * sigma**2) + log_determinant + quadratic)


@compiled
def _cross_products(y, x, z, starts):
    m, p, q = len(starts) - 1, x.shape[1], z.shape[1]
    ztz, ztx, zty = np.zeros((m, q, q)), np.zeros((m, q, p)), np.zeros((m, q))
    for i in range(m):
        for row in range(starts[i], starts[i + 1]):
            for j in range(q):
                value = z[row, j]
                for k in range(q):
                    ztz[i, j, k] += value * z[row, k]
                for k in range(p):
                    ztx[i, j, k] += value * x[row, k]
                zty[i, j] += value * y[row]
    return ztz, ztx, zty


@compiled
def _rotated(y, x, z, starts):
    m, p, q = len(starts) - 1, x.shape[1], z.shape[1]
    width = q + p + 1
    factors, within, row = np.zeros((m, q, width)), np.zeros((p + 1, p + 1)), np.zeros(width)
    for i in range(m):
        for at in range(starts[i], starts[i + 1]):
            for k in range(q):
                row[k] = z[at, k]
            for k in range(p):
                row[q + k] = x[at, k]
            row[width - 1] = y[at]
            for j in range(q):
                if row[j] == 0.0:
                    continue
                length = math.hypot(factors[i, j, j], row[j])
                cosine, sine = factors[i, j, j] / length, row[j] / length
                for k in range(j, width):
                    above = factors[i, j, k]
                    factors[i, j, k] = cosine * above + sine * row[k]
                    row[k] = cosine * row[k] - sine * above
            for k in range(p + 1):
                for h in range(k + 1):
                    within[k, h] += row[q + k] * row[q + h]
    for k in range(p + 1):
        for h in range(k):
            within[h, k] = within[k, h]
    return factors, within


@compiled
def _residual_products(r, z, starts):
    m, q = len(starts) - 1, z.shape[1]
    ztr, rtr = np.zeros((m, q)), np.zeros(m)
    for i in range(m):
        for row in range(starts[i], starts[i + 1]):
            rtr[i] += r[row] * r[row]
            for j in range(q):
                ztr[i, j] += z[row, j] * r[row]
    return ztr, rtr


@compiled
def scaled_inverse(ztz, a, root, kernel):
    """Put A M^-1 A' into `kernel`, the Cholesky root of M = I + A' Z'Z A into `root`; return log |M|.

    `ztz`, `a`, `root` and `kernel` are (q, q); M is positive definite whatever A is.
    """
    q = len(a)
    log_determinant = 0.0
    za = np.zeros((q, q))
    for j in range(q):
        for k in range(q):
            for s in range(q):
                za[j, k] += ztz[j, s] * a[s, k]
    for j in range(q):
        for k in range(j + 1):
            value = 1.0 if j == k else 0.0
            for s in range(q):
                value += a[s, j] * za[s, k]
            for s in range(k):
                value -= root[j, s] * root[k, s]
            if j == k:
                root[j, j] = math.sqrt(value)
                log_determinant += 2.0 * math.log(root[j, j])
            else:
                root[j, k] = value / root[k, k]
    half = np.zeros((q, q))  # root^-1 A'
    for k in range(q):
        for j in range(q):
            value = a[k, j]
            for s in range(j):
                value -= root[j, s] * half[s, k]
            half[j, k] = value / root[j, j]
    for j in range(q):
        for k in range(q):
            value = 0.0
            for s in range(q):
                value += half[s, j] * half[s, k]
            kernel[j, k] = value
    return log_determinant


@compiled
def _posteriors(ztz, ztr, a):
    m, q = ztr.shape
    mean, covariance, log_determinants = np.zeros((m, q)), np.empty((m, q, q)), np.empty(m)
    root = np.zeros((q, q))
    for i in range(m):
        log_determinants[i] = scaled_inverse(ztz[i], a, root, covariance[i])
        for j in range(q):
            for k in range(q):
                mean[i, j] += covariance[i, j, k] * ztr[i, k]
    return mean, covariance, log_determinants
