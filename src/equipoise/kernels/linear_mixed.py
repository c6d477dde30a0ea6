"""The profiled deviance of a linear mixed model, with gradient and Hessian, over the Cholesky factor of D.

Purpose    y_i = X_i beta + Z_i b_i + e_i, b_i ~ N(0, s D), e_i ~ N(0, s I), D = L L' relative to the residual
           variance s; V_i = I + Z_i D Z_i'. The deviance, twice the negative log-likelihood, at beta and s that
           minimise it given L:
           ML     n (1 + log(2 pi s)) + sum log|V_i|                       s = Q / n
           REML   nu (1 + log(2 pi s)) + sum log|V_i| + log|X'V^-1 X|      s = Q / nu,   nu = n - p
           with Q = y'P y, P = V^-1 - V^-1 X C X'V^-1, C = (X'V^-1 X)^-1.
Parameters theta: entries of L, the lower triangle by columns, or the diagonal alone for independent random effects.
           Any real values are allowed: L and L with a column negated are the same model, so a variance of zero is an
           interior point where derivatives vanish by symmetry.
Singular   a D without full rank is no trouble; X'V^-1 X must be positive definite: no collinear columns.
Numbers    each person's rows are rotated once so that Z_i is triangular, R_i; V^-1 is then a sum of squares, in which
           nothing cancels however large random effects are beside residuals.
Cost       O(persons (q^3 + q^2 p + q p^2)) for the value, and q^4 and (q p)^2 more for derivatives; never n x n.
Paper      Bates et al.: J Stat Softw 2015;67(1); Lindstrom, Bates: JASA 1988;83:1014; Searle et al.: Variance
           Components (1992), section 6.6, for second derivatives.
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.person_statistics import PersonFactors


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Where theta stands in L: rows and columns (d,), q random effects."""

    rows: np.ndarray
    columns: np.ndarray
    q: int

    def root(self, theta: np.ndarray) -> np.ndarray:
        """L, lower triangular (q, q)."""
        out = np.zeros((self.q, self.q))
        out[self.rows, self.columns] = theta
        return out

    def theta(self, root: np.ndarray) -> np.ndarray:
        """The free entries of L, columns negated so that its diagonal is not negative."""
        sign = np.where(root.diagonal() < 0.0, -1.0, 1.0)
        return (root * sign)[self.rows, self.columns]

    def units(self) -> np.ndarray:
        """The symmetric matrices (d, q, q) that D is a combination of: one for each free entry."""
        out = np.zeros((len(self.rows), self.q, self.q))
        at = np.arange(len(self.rows))
        out[at, self.rows, self.columns] = 1.0
        out[at, self.columns, self.rows] = 1.0
        return out

    def directions(self, root: np.ndarray) -> np.ndarray:
        """The derivatives of D = L L' in theta, float64 (d, q, q)."""
        change = np.zeros((len(self.rows), self.q, self.q))
        change[np.arange(len(self.rows)), self.rows] = root[:, self.columns].T
        return change + change.transpose(0, 2, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Profiled:
    """The deviance at one L, with what minimises it: beta (p,), C (p, p) (times s, the covariance of beta) and s."""

    deviance: float
    beta: np.ndarray
    unscaled_covariance: np.ndarray
    variance: float
    degrees: int


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """Of the deviance in theta with beta and s profiled out: gradient (d,), hessian (d, d).

    `joint` (d + 1, d + 1) is the Hessian in theta and log s, beta alone profiled out: twice the observed information.
    """

    gradient: np.ndarray
    hessian: np.ndarray
    joint: np.ndarray


def structure(q: int, correlated: bool) -> Structure:
    """Unstructured D of q random effects, or a diagonal one."""
    if not correlated:
        return Structure(np.arange(q), np.arange(q), q)
    columns, rows = np.triu_indices(q)
    return Structure(rows, columns, q)


def profiled(factors: PersonFactors, root: np.ndarray, reml: bool) -> Profiled:
    """The profiled deviance at L = `root` (q, q).

    Raises numpy.linalg.LinAlgError where X'V^-1 X is not positive definite.
    """
    squares, log_determinant = _squares(factors.factors, np.ascontiguousarray(root))  # one layout, compiled once
    squares += factors.within
    p = factors.p
    information, right, total = squares[:p, :p], squares[:p, p], squares[p, p]
    factor = np.linalg.cholesky(information)
    half = np.linalg.solve(factor, np.eye(p))
    along = half @ right
    n = factors.n
    degrees = n - p if reml else n
    variance = max(total - float(along @ along), np.finfo(float).tiny) / degrees
    deviance = degrees * (1.0 + math.log(2.0 * math.pi * variance)) + log_determinant
    if reml:
        deviance += 2.0 * float(np.log(factor.diagonal()).sum())
    return Profiled(deviance, half.T @ along, half.T @ half, variance, degrees)


def derivatives(factors: PersonFactors, form: Structure, root: np.ndarray, at: Profiled, reml: bool) -> Derivatives:
    """Gradient and Hessian at L = `root`, where `at` is the profiled deviance.

    With G = Z'V^-1 Z, H = Z'V^-1 X, e = Z'V^-1 (y - X beta) of a person and E the derivative of D in one parameter:
    d log|V| = sum tr(E G), dQ = -sum e'E e, d log|X'V^-1 X| = -sum tr(E H C H').
    """
    c = at.unscaled_covariance
    first, e_e, second, projected, e_g, hh, he = _sums(factors.factors, at.beta, c, np.ascontiguousarray(root))
    trace = first[0] - first[1] if reml else first[0]
    change = form.directions(root)
    trace_p = np.einsum("ajk,jk->a", change, trace)
    q_a = np.einsum("ajk,jk->a", change, e_e) / at.variance
    gradient = trace_p - q_a
    curvature = np.einsum("ajk,blm,klmj->ab", change, change, second, optimize=True)
    through = np.einsum("ajk,jkr->ar", change, he)
    quadratic = np.einsum("ajk,blm,jmkl->ab", change, change, e_g, optimize=True) - through @ c @ through.T
    if reml:
        t = np.einsum("ajk,jkrs->ars", change, hh, optimize=True) @ c
        curvature += np.einsum("ars,bsr->ab", t, t, optimize=True)
        curvature -= 2.0 * np.einsum("ajk,blm,klmj->ab", change, change, projected, optimize=True)
    hessian = -curvature + 2.0 * quadratic / at.variance
    slope = trace - e_e / at.variance
    hessian += 2.0 * slope[np.ix_(form.rows, form.rows)] * (form.columns[:, None] == form.columns)
    joint = np.block([[hessian, q_a[:, None]], [q_a[None, :], np.full((1, 1), float(at.degrees))]])
    return Derivatives(gradient, hessian - np.outer(q_a, q_a) / at.degrees, joint)


def information_at_zero(factors: PersonFactors, form: Structure) -> tuple[np.ndarray, np.ndarray]:
    """What the rows can tell of the free entries of D and of s, seen where D = 0 and s = 1.

    Returned: tr(P V_a P V_b), float64 (d + 1, d + 1), s last; and sum H_j H_k', float64 (q, q, p, p), with H = Z'X. The
    covariance is linear in these parameters: a null direction here is a change of V that no residual shows.
    """
    p, zero = factors.p, np.zeros((form.q, form.q))
    at = profiled(factors, zero, False)
    c = at.unscaled_covariance
    first, _, second, projected, _, hh, _ = _sums(factors.factors, at.beta, c, zero)
    change = form.units()
    t = np.einsum("ajk,jkrs->ars", change, hh, optimize=True) @ c
    among = np.einsum("ajk,blm,klmj->ab", change, change, second - 2.0 * projected, optimize=True)
    among += np.einsum("ars,bsr->ab", t, t, optimize=True)
    beside = np.einsum("ajk,jk->a", change, first[0] - first[1])
    alone = np.full((1, 1), float(factors.n - p))
    return np.block([[among, beside[:, None]], [beside[None, :], alone]]), hh


@compiled
def _solved(rows, root, work, half):
    """Put T^-1 [R Q'X Q'y] into `half`, with T T' = I + R L L' R' the Cholesky factors; return log|T T'|.

    `rows` and `half` are (q, q + p + 1); `work` (2, q, q).
    """
    q = len(root)
    for j in range(q):
        for k in range(q):
            work[0, j, k] = 0.0
            for s in range(q):
                work[0, j, k] += rows[j, s] * root[s, k]
    log_determinant = 0.0
    for j in range(q):
        for k in range(j + 1):
            value = 1.0 if j == k else 0.0
            for s in range(q):
                value += work[0, j, s] * work[0, k, s]
            for s in range(k):
                value -= work[1, j, s] * work[1, k, s]
            if j == k:
                work[1, j, j] = math.sqrt(value)
                log_determinant += math.log(value)
            else:
                work[1, j, k] = value / work[1, k, k]
        for k in range(rows.shape[1]):
            value = rows[j, k]
            for s in range(j):
                value -= work[1, j, s] * half[s, k]
            half[j, k] = value / work[1, j, j]
    return log_determinant


@compiled
def _squares(factors, root):
    """Sums over persons of [Q'X Q'y]'(T T')^-1 [Q'X Q'y], float64 (p + 1, p + 1), and of log|V|."""
    m, q, width = factors.shape
    out = np.zeros((width - q, width - q))
    work, half = np.zeros((2, q, q)), np.zeros((q, width))
    total = 0.0
    for i in range(m):
        total += _solved(factors[i], root, work, half)
        for j in range(q):
            for k in range(width - q):
                for h in range(k + 1):
                    out[k, h] += half[j, q + k] * half[j, q + h]
    for k in range(width - q):
        for h in range(k):
            out[h, k] = out[k, h]
    return out, total


@compiled
def _sums(factors, beta, c, root):
    """Sums over persons, G = Z'V^-1 Z, H = Z'V^-1 X, e = Z'V^-1 (y - X beta), W = H C H'.

    Returned: G and W (2, q, q); e e'; G_ab G_cd; W_ab G_cd; e_a e_b G_cd; H_a H_b' (q, q, p, p); H_a e_b (q, q, p).
    """
    m, q, width = factors.shape
    p = width - q - 1
    first, e_e, second = np.zeros((2, q, q)), np.zeros((q, q)), np.zeros((q, q, q, q))
    projected, e_g = np.zeros((q, q, q, q)), np.zeros((q, q, q, q))
    hh, he = np.zeros((q, q, p, p)), np.zeros((q, q, p))
    work, half = np.zeros((2, q, q)), np.zeros((q, width))
    g, h, hc, e, w = np.zeros((q, q)), np.zeros((q, p)), np.zeros((q, p)), np.zeros(q), np.zeros((q, q))
    for i in range(m):
        _solved(factors[i], root, work, half)
        for s in range(q):
            for k in range(p):
                half[s, width - 1] -= half[s, q + k] * beta[k]
        for j in range(q):
            e[j] = 0.0
            for s in range(q):
                e[j] += half[s, j] * half[s, width - 1]
            for k in range(q):
                g[j, k] = 0.0
                for s in range(q):
                    g[j, k] += half[s, j] * half[s, k]
            for k in range(p):
                h[j, k] = 0.0
                for s in range(q):
                    h[j, k] += half[s, j] * half[s, q + k]
            for k in range(p):
                hc[j, k] = 0.0
                for s in range(p):
                    hc[j, k] += h[j, s] * c[s, k]
        for j in range(q):
            for k in range(q):
                w[j, k] = 0.0
                for s in range(p):
                    w[j, k] += hc[j, s] * h[k, s]
        for j in range(q):
            for k in range(q):
                first[0, j, k] += g[j, k]
                first[1, j, k] += w[j, k]
                e_e[j, k] += e[j] * e[k]
                for s in range(q):
                    for t in range(q):
                        second[j, k, s, t] += g[j, k] * g[s, t]
                        projected[j, k, s, t] += w[j, k] * g[s, t]
                        e_g[j, k, s, t] += e[j] * e[k] * g[s, t]
                for s in range(p):
                    he[j, k, s] += h[j, s] * e[k]
                    for t in range(p):
                        hh[j, k, s, t] += h[j, s] * h[k, t]
    return first, e_e, second, projected, e_g, hh, he
