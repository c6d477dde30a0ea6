"""Log-likelihood, score and observed information of a joint longitudinal and survival model.

Purpose    l = sum over persons of log f_i, where f_i is the quadrature sum, over nodes b, of
           p(y | b) p(T, cause | b) p(b); its score and its information, both exact derivatives of that sum.
Model      y = x beta + z b + e, e ~ N(0, sigma^2), b ~ N(0, D), D^-1 = R'R with R lower triangular;
           log h_c(t) = hazard(t) psi_c + sum over features a of alpha_ca (fixed_a(t) beta + random_a(t) b).
           Features are the trajectory's value, its slope, or whatever else is linear in beta and b.
           The integral of h_c is a sum over points of time with their weights.
Method     with pi_k the posterior weights of the nodes and s_k, J_k score and information of log f at node k:
           score sum pi_k s_k, information sum pi_k J_k - sum pi_k s_k s_k' + (sum pi_k s_k)(sum pi_k s_k)'.
Symbols    as in `joint_rows`.
Cost       O(nodes (measurements + points) (p + D)) a person, linear in persons.
Papers     Wulfsohn, Tsiatis: Biometrics 1997;53:330. Rizopoulos: Comput Stat Data Anal 2012;56:491 (pseudo-adaptive
           nodes). Louis: J R Stat Soc B 1982;44:226 (information).
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled, compiled_sums
from equipoise.kernels.joint_rows import Ends, Exposure, Layout, Measurements, Nodes
from equipoise.kernels.newton import Evaluation

LOG_2PI = math.log(2.0 * math.pi)


@compiled
def _place_nodes(i, nodes, b, log_f):
    """The person's nodes (K, q) and the logarithms of their weights."""
    q = b.shape[1]
    for k in range(len(b)):
        for r in range(q):
            value = nodes.centre[i, r]
            for c in range(q):
                value += nodes.root[i, r, c] * nodes.place[k, c]
            b[k, r] = value
        log_f[k] = nodes.log_weight[k] + nodes.log_root[i]


@compiled
def _add_prior(par, b, at, log_f, score):
    """log p(b) at each node, and its derivatives by R (log diagonal)."""
    q = b.shape[1]
    root = par.precision_root
    for k in range(len(b)):
        j = at
        for r in range(q):
            u = 0.0
            for c in range(r + 1):
                u += root[r, c] * b[k, c]
            log_f[k] += math.log(root[r, r]) - 0.5 * (u * u + LOG_2PI)
            for c in range(r):
                score[k, j] = -u * b[k, c]
                j += 1
            score[k, j] = 1.0 - u * root[r, r] * b[k, r]
            j += 1


@compiled
def _add_measurements(i, rows, par, b, log_f, score, sums):
    """log p(y | b) at each node and its derivatives; `sums` (1 + q + p + q q + p q) is a place to work."""
    p, q = rows.x.shape[1], rows.z.shape[1]
    variance = par.sigma[0] * par.sigma[0]
    m = rows.start[i + 1] - rows.start[i]
    sums[:] = 0.0
    zr, xr = sums[1 : 1 + q], sums[1 + q : 1 + q + p]
    zz = sums[1 + q + p : 1 + q + p + q * q].reshape(q, q)
    xz = sums[1 + q + p + q * q :].reshape(q, p)
    for j in range(rows.start[i], rows.start[i + 1]):
        r = rows.y[j]
        for h in range(p):
            r -= rows.x[j, h] * par.beta[h]
        sums[0] += r * r
        for h in range(p):
            xr[h] += rows.x[j, h] * r
        for g in range(q):
            zr[g] += rows.z[j, g] * r
            for h in range(q):
                zz[g, h] += rows.z[j, g] * rows.z[j, h]
            for h in range(p):
                xz[g, h] += rows.z[j, g] * rows.x[j, h]
    constant = m * (math.log(par.sigma[0]) + 0.5 * LOG_2PI)
    for k in range(len(b)):
        squares = sums[0]
        for g in range(q):
            squares -= 2.0 * b[k, g] * zr[g]
            for h in range(q):
                squares += b[k, g] * b[k, h] * zz[g, h]
        log_f[k] -= constant + 0.5 * squares / variance
        for h in range(p):
            score[k, h] += xr[h] / variance
        for g in range(q):
            for h in range(p):
                score[k, h] -= b[k, g] * xz[g, h] / variance
        score[k, p] = squares / variance - m


@compiled
def _feature(fixed, random, beta, b):
    """fixed beta + random b of one feature at one time."""
    value = 0.0
    for h in range(len(beta)):
        value += fixed[h] * beta[h]
    for g in range(len(b)):
        value += random[g] * b[g]
    return value


@compiled
def _direction(hazard, fixed, alpha, first, last, at_psi, g):
    """The derivative of one cause's log hazard by beta and psi that all nodes share, into g (size,)."""
    p = fixed.shape[1]
    for h in range(p):
        g[h] = 0.0
        for a in range(len(alpha)):
            g[h] += alpha[a] * fixed[a, h]
    for h in range(first, last):
        g[at_psi + h] = hazard[h]


@compiled
def _add_end(i, ends, par, cause_start, at, b, log_f, score, g):
    """The log hazard of the cause that ended the follow-up; `at` are the places of psi and alpha."""
    c = ends.cause[i] - 1
    if c < 0:
        return
    p, n_features = len(par.beta), par.alpha.shape[1]
    first, last = cause_start[c], cause_start[c + 1]
    _direction(ends.hazard[i], ends.fixed[i], par.alpha[c], first, last, at[0], g)
    base = 0.0
    for h in range(first, last):
        base += ends.hazard[i, h] * par.psi[h]
    for k in range(len(b)):
        log_f[k] += base
        for a in range(n_features):
            m = _feature(ends.fixed[i, a], ends.random[i, a], par.beta, b[k])
            log_f[k] += par.alpha[c, a] * m
            score[k, at[1] + c * n_features + a] += m
        for h in range(p):
            score[k, h] += g[h]
        for h in range(at[0] + first, at[0] + last):
            score[k, h] += g[h]


@compiled
def _add_exposure(i, points, par, cause_start, at, b, log_f, score, g, hazard):
    """Minus the cumulative hazards at each node; the weighted hazards stay in `hazard` (C, points, K)."""
    p, n_features = len(par.beta), par.alpha.shape[1]
    for c in range(len(par.alpha)):
        first, last = cause_start[c], cause_start[c + 1]
        for j in range(points.start[i], points.start[i + 1]):
            _direction(points.hazard[j], points.fixed[j], par.alpha[c], first, last, at[0], g)
            base = 0.0
            for h in range(first, last):
                base += points.hazard[j, h] * par.psi[h]
            for k in range(len(b)):
                eta = base
                for a in range(n_features):
                    eta += par.alpha[c, a] * _feature(points.fixed[j, a], points.random[j, a], par.beta, b[k])
                held = points.weight[j] * math.exp(eta)
                hazard[c, j - points.start[i], k] = held
                log_f[k] -= held
                for h in range(p):
                    score[k, h] -= held * g[h]
                for h in range(at[0] + first, at[0] + last):
                    score[k, h] -= held * g[h]
                for a in range(n_features):
                    m = _feature(points.fixed[j, a], points.random[j, a], par.beta, b[k])
                    score[k, at[1] + c * n_features + a] -= held * m


@compiled
def _posterior(log_f, weight):
    """The logarithm of the sum of exp(log_f); the shares of the nodes go into `weight`."""
    top = log_f.max()
    if not top > -math.inf:
        weight[:] = 0.0
        return -math.inf
    total = 0.0
    for k in range(len(log_f)):
        weight[k] = math.exp(log_f[k] - top)
        total += weight[k]
    weight /= total
    return top + math.log(total)


@compiled
def _add_information_of_exposure(i, points, par, cause_start, at, b, weight, g, hazard, out):
    """The expected information of the cumulative hazards, lower triangle."""
    p, n_features = len(par.beta), par.alpha.shape[1]
    m = np.empty(n_features)
    first_moment, second_moment = np.empty(n_features), np.empty((n_features, n_features))
    for c in range(len(par.alpha)):
        low, high, alphas = at[0] + cause_start[c], at[0] + cause_start[c + 1], at[1] + c * n_features
        for j in range(points.start[i], points.start[i + 1]):
            _direction(points.hazard[j], points.fixed[j], par.alpha[c], cause_start[c], cause_start[c + 1], at[0], g)
            total = 0.0
            first_moment[:] = 0.0
            second_moment[:] = 0.0
            for k in range(len(b)):
                if weight[k] > 0.0:
                    held = weight[k] * hazard[c, j - points.start[i], k]
                    total += held
                    for a in range(n_features):
                        m[a] = _feature(points.fixed[j, a], points.random[j, a], par.beta, b[k])
                        first_moment[a] += held * m[a]
                        for d in range(a + 1):
                            second_moment[a, d] += held * m[a] * m[d]
            for h in range(p):
                for e in range(h + 1):
                    out[h, e] += total * g[h] * g[e]
            for h in range(low, high):
                if g[h] != 0.0:
                    for e in range(p):
                        out[h, e] += total * g[h] * g[e]
                    for e in range(low, h + 1):
                        out[h, e] += total * g[h] * g[e]
            for a in range(n_features):
                for e in range(p):
                    out[alphas + a, e] += first_moment[a] * g[e] + total * points.fixed[j, a, e]
                for e in range(low, high):
                    out[alphas + a, e] += first_moment[a] * g[e]
                for d in range(a + 1):
                    out[alphas + a, alphas + d] += second_moment[a, d]


@compiled
def _add_information_of_rest(i, rows, ends, par, at, b, weight, mean, out):
    """The expected information of measurements, random effects and log hazard at the end, lower triangle."""
    p, q, n_features = rows.x.shape[1], b.shape[1], par.alpha.shape[1]
    variance = par.sigma[0] * par.sigma[0]
    effect = np.zeros(q)
    for k in range(len(b)):
        for g in range(q):
            effect[g] += weight[k] * b[k, g]
    squares = mean[p] + (rows.start[i + 1] - rows.start[i])
    out[p, p] += 2.0 * squares
    for j in range(rows.start[i], rows.start[i + 1]):
        r = rows.y[j] - _feature(rows.x[j], rows.z[j], par.beta, effect)
        for h in range(p):
            out[p, h] += 2.0 * rows.x[j, h] * r / variance
            for e in range(h + 1):
                out[h, e] += rows.x[j, h] * rows.x[j, e] / variance
    c = ends.cause[i] - 1
    if c >= 0:
        for a in range(n_features):
            for e in range(p):
                out[at[1] + c * n_features + a, e] -= ends.fixed[i, a, e]
    for k in range(len(b)):
        _add_information_of_prior(par.precision_root, b[k], weight[k], p + 1, out)


@compiled
def _add_information_of_prior(root, b, weight, at, out):
    first = at
    for r in range(len(b)):
        u = 0.0
        for c in range(r + 1):
            u += root[r, c] * b[c]
        for c in range(r + 1):
            left = root[r, r] * b[r] if c == r else b[c]
            for d in range(c + 1):
                right = root[r, r] * b[r] if d == r else b[d]
                out[first + c, first + d] += weight * left * right
        out[first + r, first + r] += weight * u * root[r, r] * b[r]
        first += r + 1


@compiled_sums
def _add_variance_of_scores(weight, score, mean, out):
    """Minus the variance of the nodes' scores, lower triangle; the scores are centred in place."""
    size = len(mean)
    for k in range(len(weight)):
        if weight[k] > 0.0:
            for h in range(size):
                score[k, h] -= mean[h]
            for h in range(size):
                held = weight[k] * score[k, h]
                for e in range(h + 1):
                    out[h, e] -= held * score[k, e]


@compiled
def _accumulate(rows, points, ends, nodes, par, cause_start, at, informed, log_f, scores, effects, information):
    """Log-likelihood (n,), score (n, size) and mean random effects (n, q) a person; the information if `informed`."""
    n, q, p = len(log_f), nodes.centre.shape[1], len(par.beta)
    n_nodes, size = len(nodes.place), scores.shape[1]
    longest = 0
    for i in range(n):
        longest = max(longest, points.start[i + 1] - points.start[i])
    b, held, weight = np.empty((n_nodes, q)), np.empty(n_nodes), np.empty(n_nodes)
    score, g = np.empty((n_nodes, size)), np.zeros(size)
    hazard, sums = np.empty((len(par.alpha), longest, n_nodes)), np.empty((1 + q) * (1 + p + q))
    for i in range(n):
        score[:] = 0.0
        _place_nodes(i, nodes, b, held)
        _add_prior(par, b, p + 1, held, score)
        _add_measurements(i, rows, par, b, held, score, sums[: 1 + q + p + q * q + p * q])
        _add_end(i, ends, par, cause_start, at, b, held, score, g)
        _add_exposure(i, points, par, cause_start, at, b, held, score, g, hazard)
        log_f[i] = _posterior(held, weight)
        for k in range(n_nodes):
            if weight[k] > 0.0:
                for h in range(size):
                    scores[i, h] += weight[k] * score[k, h]
                for h in range(q):
                    effects[i, h] += weight[k] * b[k, h]
        if informed:
            _add_information_of_exposure(i, points, par, cause_start, at, b, weight, g, hazard, information)
            _add_information_of_rest(i, rows, ends, par, at, b, weight, scores[i], information)
            _add_variance_of_scores(weight, score, scores[i], information)


@dataclass(frozen=True, slots=True)
class ByPerson:
    """log_likelihood (n,), score (n, size), posterior means of the random effects (n, q), information (size, size)."""

    log_likelihood: np.ndarray
    score: np.ndarray
    effects: np.ndarray
    information: np.ndarray


@dataclass(frozen=True, slots=True)
class JointLikelihood:
    """The arrays of one problem with the nodes its integrals over random effects use.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.joint_likelihood import JointLikelihood
        >>> from equipoise.kernels.joint_quadrature import hermite_nodes
        >>> from equipoise.kernels.joint_rows import Ends, Exposure, Layout, Measurements, Nodes
        >>> one = np.ones((1, 1))
        >>> rows = Measurements(np.array([0.5]), one, one, np.array([0, 1]))
        >>> points = Exposure(np.ones(1), one, np.ones((1, 1, 1)), np.ones((1, 1, 1)), np.array([0, 1]))
        >>> ends = Ends(np.array([0]), one, np.ones((1, 1, 1)), np.ones((1, 1, 1)))
        >>> nodes = Nodes(np.zeros((1, 1)), np.ones((1, 1, 1)), np.zeros(1), *hermite_nodes(5, 1))
        >>> layout = Layout(1, 1, 1, np.array([0, 1]))
        >>> likelihood = JointLikelihood(rows, points, ends, nodes, layout)
        >>> theta = np.zeros(layout.size)  # no association, hazard 1 for one year: N(0.5; 0, 2) times exp(-1)
        >>> round(likelihood.evaluate(theta).log_likelihood, 4), round(-1 - np.log(4 * np.pi) / 2 - 0.5**2 / 4, 4)
        (-2.328, -2.328)
    """

    rows: Measurements
    points: Exposure
    ends: Ends
    nodes: Nodes
    layout: Layout

    def by_person(self, theta: np.ndarray, informed: bool = False) -> ByPerson:
        """Parts of the log-likelihood and score a person at theta (size,), the information where asked for."""
        n, size = len(self.ends.cause), self.layout.size
        log_f, scores = np.empty(n), np.zeros((n, size))
        effects, information = np.zeros((n, self.layout.q)), np.zeros((size, size))
        at = np.array([self.layout.at_psi, self.layout.at_alpha])
        par = self.layout.unpack(theta)
        arrays = (self.rows, self.points, self.ends, self.nodes, par, self.layout.cause_start, at)
        _accumulate(*arrays, informed, log_f, scores, effects, information)
        return ByPerson(log_f, scores, effects, np.tril(information) + np.tril(information, -1).T)

    def evaluate(self, theta: np.ndarray) -> Evaluation:
        """Log-likelihood, score and observed information at theta (size,)."""
        parts = self.by_person(theta, informed=True)
        return Evaluation(float(parts.log_likelihood.sum()), parts.score.sum(axis=0), parts.information)
