"""Log-likelihood, score and observed information of a joint longitudinal and survival model.

Purpose    l = sum over persons of log f_i, where f_i is the quadrature sum, over nodes b, of
           p(y | b) p(T, cause | b) p(b); its score and its information, both exact derivatives of that sum.
Model      y = x beta + z b + e, e ~ N(0, sigma^2), b ~ N(0, D), D^-1 = R'R with R lower triangular;
           log h_c(t) = hazard(t) psi_c + sum over features a of alpha_ca (fixed_a(t) beta + random_a(t) b).
           Features are the trajectory's value, its slope, or whatever else is linear in beta and b.
           The integral of h_c is a sum over points of time with their weights.
Method     with pi_k the posterior weights of the nodes and s_k, J_k score and information of log f at node k:
           score sum pi_k s_k, information sum pi_k J_k - sum pi_k (s_k - s)(s_k - s)', s the score. Only hazards differ
           between nodes in J, so its expectation needs their moments in b alone. Products of matrices throughout:
           nothing is compiled.
Symbols    as in `joint_rows` and `joint_batches`.
Cost       O(nodes (points (p + D) + (p + D)^2)) a person, linear in persons.
Papers     Wulfsohn, Tsiatis: Biometrics 1997;53:330. Rizopoulos: Comput Stat Data Anal 2012;56:491 (pseudo-adaptive
           nodes). Louis: J R Stat Soc B 1982;44:226 (information).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from equipoise.kernels.joint_batches import Batch, batches
from equipoise.kernels.joint_rows import Ends, Exposure, Layout, Measurements, Nodes, Parameters
from equipoise.kernels.newton import Evaluation

LOG_2PI = math.log(2.0 * math.pi)
LARGEST = 300.0  # of a log hazard: beyond it the likelihood is zero, and squares of it do not overflow


@dataclass(frozen=True, slots=True, eq=False)
class Hazard:
    """One cause in a batch: weighted hazards held (n, Q, K); columns (n, Q, p + d) of the derivative of the log hazard
    by beta and psi; features without their random part, flat (n, Q, A)."""

    held: np.ndarray
    columns: np.ndarray
    flat: np.ndarray


@dataclass(frozen=True, slots=True)
class ByPerson:
    """log_likelihood (n,), score (n, size), posterior means of the random effects (n, q), information (size, size)."""

    log_likelihood: np.ndarray
    score: np.ndarray
    effects: np.ndarray
    information: np.ndarray


@dataclass(frozen=True)
class JointLikelihood:
    """The arrays of one problem with the nodes its integrals over random effects use.

    Example:
        >>> import math
        >>> import numpy as np
        >>> from equipoise.kernels.joint_likelihood import JointLikelihood
        >>> from equipoise.kernels.joint_quadrature import hermite_nodes
        >>> from equipoise.kernels.joint_rows import Ends, Exposure, Layout, Measurements, Nodes
        >>> one = np.ones((1, 1))
        >>> rows = Measurements(np.array([0.5]), one, one, np.array([0, 1]))
        >>> points = Exposure(np.ones(1), one, np.ones((1, 1, 1)), np.ones((1, 1, 1)), np.array([0, 1]))
        >>> ends = Ends(np.array([0]), one, np.ones((1, 1, 1)), np.ones((1, 1, 1)))
        >>> nodes = Nodes(np.zeros((1, 1)), np.ones((1, 1, 1)), np.zeros(1), *hermite_nodes(15, 1))
        >>> layout = Layout(1, 1, 1, np.array([0, 1]))
        >>> likelihood = JointLikelihood(rows, points, ends, nodes, layout)
        >>> theta = np.zeros(layout.size)  # no association, hazard 1 for one year: N(0.5; 0, 2) times exp(-1)
        >>> round(likelihood.evaluate(theta).log_likelihood, 4), round(-1 - math.log(4 * math.pi) / 2 - 0.5**2 / 4, 4)
        (-2.328, -2.328)
    """

    rows: Measurements
    points: Exposure
    ends: Ends
    nodes: Nodes
    layout: Layout

    @cached_property
    def batches(self) -> list[Batch]:
        """The persons in batches, made once."""
        return batches(self.rows, self.points, self.ends, self.nodes)

    def by_person(self, theta: np.ndarray, informed: bool = False) -> ByPerson:
        """Parts of the log-likelihood and score a person at theta (size,), the information where asked for."""
        n, size = len(self.ends.cause), self.layout.size
        out = ByPerson(np.empty(n), np.empty((n, size)), np.empty((n, self.layout.q)), np.zeros((size, size)))
        par = self.layout.unpack(theta)
        for batch in self.batches:
            _add(batch, self.layout, par, informed, out)
        return out

    def evaluate(self, theta: np.ndarray) -> Evaluation:
        """Log-likelihood, score and observed information at theta (size,)."""
        parts = self.by_person(theta, informed=True)
        return Evaluation(float(parts.log_likelihood.sum()), parts.score.sum(axis=0), parts.information)


def _add(batch: Batch, layout: Layout, par: Parameters, informed: bool, out: ByPerson) -> None:
    """One batch: its persons' parts, and what it adds to the information."""
    hazards = [_hazard(batch, layout, par, c) for c in range(layout.causes)]
    residual = batch.y - batch.x @ par.beta
    log_f, score = _nodes(batch, layout, par, residual)
    for c, hazard in enumerate(hazards):
        log_f -= hazard.held.sum(axis=1)
        _add_score(batch, layout, hazard, c, score)
        _add_end(batch, layout, par, c, log_f, score)
    top = log_f.max(axis=1, keepdims=True)
    pi = np.exp(log_f - top)
    total = pi.sum(axis=1, keepdims=True)
    pi /= total
    mean = np.matmul(pi[:, None, :], score)[:, 0]
    out.log_likelihood[batch.at] = (top + np.log(total))[:, 0]
    out.score[batch.at] = mean
    out.effects[batch.at] = np.matmul(pi[:, None, :], batch.b)[:, 0]
    if informed:
        _add_information_of_rest(batch, layout, par, residual, pi, mean, out.information)
        for c, hazard in enumerate(hazards):
            _add_information(batch, layout, par, hazard, c, pi, out.information)
        score -= mean[:, None, :]
        score *= np.sqrt(pi)[:, :, None]
        flat = score.reshape(-1, layout.size)
        out.information[:] -= flat.T @ flat


def _hazard(batch: Batch, layout: Layout, par: Parameters, c: int) -> Hazard:
    own = batch.hazard[:, :, layout.cause_start[c] : layout.cause_start[c + 1]]
    alpha, psi = par.alpha[c], par.psi[layout.cause_start[c] : layout.cause_start[c + 1]]
    flat = batch.fixed @ par.beta
    turn = np.einsum("a,njaq->njq", alpha, batch.random)
    eta = np.matmul(turn, batch.b.transpose(0, 2, 1))
    eta += (own @ psi + flat @ alpha)[:, :, None]
    np.minimum(eta, LARGEST, out=eta)
    np.exp(eta, out=eta)
    eta *= batch.weight[:, :, None]
    return Hazard(eta, np.concatenate([np.einsum("a,njap->njp", alpha, batch.fixed), own], axis=2), flat)


def _nodes(batch: Batch, layout: Layout, par: Parameters, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log of weight p(y | b) p(b) at each node (n, K), and its score (n, K, size)."""
    p, q, variance = layout.p, layout.q, float(par.sigma[0]) ** 2
    n, n_nodes = batch.log_weight.shape
    score = np.zeros((n, n_nodes, layout.size))
    zr = np.matmul(residual[:, None, :], batch.z)[:, 0]
    squares = batch.bzzb - 2.0 * np.matmul(batch.b, zr[:, :, None])[:, :, 0]
    squares += np.einsum("nj,nj->n", residual, residual)[:, None]
    xr = np.matmul(residual[:, None, :], batch.x)
    score[:, :, :p] = (xr - np.matmul(batch.b, batch.xz)) / variance
    score[:, :, p] = squares / variance - batch.m[:, None]
    u, diagonal = batch.b @ par.precision_root.T, par.precision_root.diagonal()
    j = layout.at_root
    for r in range(q):
        for s in range(r):
            score[:, :, j + s] = -u[:, :, r] * batch.b[:, :, s]
        score[:, :, j + r] = 1.0 - diagonal[r] * u[:, :, r] * batch.b[:, :, r]
        j += r + 1
    constant = batch.m * (math.log(par.sigma[0]) + 0.5 * LOG_2PI) + 0.5 * q * LOG_2PI - np.log(diagonal).sum()
    log_f = batch.log_weight - constant[:, None] - 0.5 * squares / variance
    log_f -= 0.5 * np.einsum("nkq,nkq->nk", u, u)
    return log_f, score


def _add_score(batch: Batch, layout: Layout, hazard: Hazard, c: int, score: np.ndarray) -> None:
    """Minus the derivatives of the cumulative hazard."""
    p, d = layout.p, hazard.columns.shape[2] - layout.p
    n, n_points, n_features, q = batch.random.shape
    parts = [hazard.columns, hazard.flat, batch.random.reshape(n, n_points, n_features * q)]
    sums = np.matmul(hazard.held.transpose(0, 2, 1), np.concatenate(parts, axis=2))
    first, alphas = layout.at_psi + layout.cause_start[c], layout.at_alpha + c * n_features
    score[:, :, :p] -= sums[:, :, :p]
    score[:, :, first : first + d] -= sums[:, :, p : p + d]
    turned = sums[:, :, p + d + n_features :].reshape(n, batch.b.shape[1], n_features, q)
    values = sums[:, :, p + d : p + d + n_features] + np.einsum("nkaq,nkq->nka", turned, batch.b)
    score[:, :, alphas : alphas + n_features] -= values


def _add_end(batch: Batch, layout: Layout, par: Parameters, c: int, log_f: np.ndarray, score: np.ndarray) -> None:
    """The log hazard of the cause that ended a person's follow-up."""
    i = np.flatnonzero(batch.cause == c + 1)
    if not len(i):
        return
    low, high, n_features = layout.cause_start[c], layout.cause_start[c + 1], layout.n_features
    own, alpha, fixed = batch.last_hazard[i, low:high], par.alpha[c], batch.last_fixed[i]
    values = np.matmul(batch.b[i], batch.last_random[i].transpose(0, 2, 1)) + (fixed @ par.beta)[:, None, :]
    log_f[i] += (own @ par.psi[low:high])[:, None] + values @ alpha
    alphas = layout.at_alpha + c * n_features
    score[i, :, : layout.p] += np.einsum("a,nap->np", alpha, fixed)[:, None, :]
    score[i, :, layout.at_psi + low : layout.at_psi + high] += own[:, None, :]
    score[i, :, alphas : alphas + n_features] += values


def _add_information(
    batch: Batch, layout: Layout, par: Parameters, hazard: Hazard, c: int, pi: np.ndarray, out: np.ndarray
) -> None:
    """The expected information of one cause."""
    p, q, n_features = layout.p, layout.q, layout.n_features
    width = hazard.columns.shape[2]
    pairs = (batch.b[:, :, :, None] * batch.b[:, :, None, :]).reshape(*pi.shape, q * q)
    moments = np.matmul(hazard.held, pi[:, :, None] * np.concatenate([np.ones((*pi.shape, 1)), batch.b, pairs], axis=2))
    total, one = moments[:, :, 0], moments[:, :, 1 : 1 + q]
    two = moments[:, :, 1 + q :].reshape(*total.shape, q, q)
    turned = np.einsum("njaq,njq->nja", batch.random, one)
    first = hazard.flat * total[:, :, None] + turned
    second = np.einsum("njaq,njqr,njbr->ab", batch.random, two, batch.random, optimize=True)
    second += np.einsum("nja,njb->ab", hazard.flat, first) + np.einsum("nja,njb->ab", turned, hazard.flat)
    at = np.concatenate([np.arange(p), layout.at_psi + np.arange(layout.cause_start[c], layout.cause_start[c + 1])])
    alphas = layout.at_alpha + c * n_features + np.arange(n_features)
    columns = hazard.columns.reshape(-1, width)
    out[np.ix_(at, at)] += columns.T @ (columns * total.reshape(-1, 1))
    cross = first.reshape(-1, n_features).T @ columns
    cross[:, :p] += np.einsum("nj,njap->ap", total, batch.fixed)
    cross[:, :p] -= batch.last_fixed[batch.cause == c + 1].sum(axis=0)
    out[np.ix_(alphas, at)] += cross
    out[np.ix_(at, alphas)] += cross.T
    out[np.ix_(alphas, alphas)] += second


def _add_information_of_rest(
    batch: Batch,
    layout: Layout,
    par: Parameters,
    residual: np.ndarray,
    pi: np.ndarray,
    mean: np.ndarray,
    out: np.ndarray,
) -> None:
    """The expected information of measurements and random effects."""
    p, q, variance = layout.p, layout.q, float(par.sigma[0]) ** 2
    effect = np.matmul(pi[:, None, :], batch.b)[:, 0]
    left = residual - np.einsum("njq,nq->nj", batch.z, effect)
    out[:p, :p] += np.einsum("njp,njr->pr", batch.x, batch.x, optimize=True) / variance
    with_sigma = 2.0 * np.einsum("njp,nj->p", batch.x, left) / variance
    out[p, :p] += with_sigma
    out[:p, p] += with_sigma
    out[p, p] += 2.0 * float((mean[:, p] + batch.m).sum())
    pairs = np.einsum("nk,nkq,nkr->qr", pi, batch.b, batch.b, optimize=True)
    root, first = par.precision_root, layout.at_root
    for r in range(q):
        chain = np.ones(r + 1)
        chain[r] = root[r, r]
        at = slice(first, first + r + 1)
        out[at, at] += pairs[: r + 1, : r + 1] * np.outer(chain, chain)
        out[first + r, first + r] += root[r, r] * float(root[r, : r + 1] @ pairs[: r + 1, r])
        first += r + 1
