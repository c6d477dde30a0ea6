"""Where to put a person's nodes: the mode of log p(y | b) p(T, cause | b) p(b), and its curvature there.

Purpose    centre (n, q) and root (n, q, q) with root root' the inverse of minus the second derivative at the centre.
Method     Newton steps, halved until the function does not fall; it is concave in b, so the mode is the only one.
           Without causes the function is a parabola and one step ends it: the posterior of the linear mixed model.
           The root is the inverse of the upper Cholesky factor of the curvature, as in R's package JM; another root
           turns the nodes and changes the last digits of a sum of few of them.
Symbols    as in `joint_rows`.
Cost       O(measurements + points) a step.
Paper      Rizopoulos: Comput Stat Data Anal 2012;56:491.
"""

import math

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.joint_rows import Ends, Exposure, Measurements, Nodes, Parameters

STEPS = 50
HALVINGS = 30
AT_REST = 1e-10  # of the gain a step promises: centres then lie within 1e-5 standard deviations, far below node spacing


@compiled
def _function(i, rows, points, ends, par, cause_start, precision, b, gradient, curvature):
    """The function without its constants; its gradient and minus its second derivative."""
    p, q = rows.x.shape[1], len(b)
    variance = par.sigma[0] * par.sigma[0]
    value = 0.0
    gradient[:] = 0.0
    for g in range(q):
        for h in range(q):
            value -= 0.5 * b[g] * precision[g, h] * b[h]
            gradient[g] -= precision[g, h] * b[h]
            curvature[g, h] = precision[g, h]
    for j in range(rows.start[i], rows.start[i + 1]):
        r = rows.y[j]
        for h in range(p):
            r -= rows.x[j, h] * par.beta[h]
        for g in range(q):
            r -= rows.z[j, g] * b[g]
        value -= 0.5 * r * r / variance
        for g in range(q):
            gradient[g] += rows.z[j, g] * r / variance
            for h in range(q):
                curvature[g, h] += rows.z[j, g] * rows.z[j, h] / variance
    slope = np.empty(q)
    c = ends.cause[i] - 1
    if c >= 0:
        _eta(ends.hazard[i], ends.fixed[i], ends.random[i], par, cause_start, c, b, slope)
        for g in range(q):
            value += slope[g] * b[g]
            gradient[g] += slope[g]
    for c in range(len(par.alpha)):
        for j in range(points.start[i], points.start[i + 1]):
            eta = _eta(points.hazard[j], points.fixed[j], points.random[j], par, cause_start, c, b, slope)
            held = points.weight[j] * math.exp(eta)
            value -= held
            for g in range(q):
                gradient[g] -= held * slope[g]
                for h in range(q):
                    curvature[g, h] += held * slope[g] * slope[h]
    return value


@compiled
def _eta(hazard, fixed, random, par, cause_start, c, b, slope):
    """The log hazard of one cause at one time; `slope` (q,) is its derivative by b."""
    value = 0.0
    for h in range(cause_start[c], cause_start[c + 1]):
        value += hazard[h] * par.psi[h]
    slope[:] = 0.0
    for a in range(par.alpha.shape[1]):
        for h in range(len(par.beta)):
            value += par.alpha[c, a] * fixed[a, h] * par.beta[h]
        for g in range(len(b)):
            slope[g] += par.alpha[c, a] * random[a, g]
    for g in range(len(b)):
        value += slope[g] * b[g]
    return value


@compiled
def _root(curvature, root):
    """The inverse U^-1 of the upper factor of curvature = U'U, into `root`; returns its log determinant."""
    q = len(curvature)
    factor = np.zeros((q, q))
    log_root = 0.0
    for c in range(q):
        for r in range(c, q):
            value = curvature[r, c]
            for k in range(c):
                value -= factor[r, k] * factor[c, k]
            factor[r, c] = math.sqrt(value) if r == c else value / factor[c, c]
        log_root -= math.log(factor[c, c])
    root[:] = 0.0
    for c in range(q):
        root[c, c] = 1.0 / factor[c, c]
        for r in range(c - 1, -1, -1):
            value = 0.0
            for k in range(r + 1, c + 1):
                value -= factor[k, r] * root[k, c]
            root[r, c] = value / factor[r, r]
    return log_root


@compiled
def _times(root, vector, out):
    """root root' vector."""
    q = len(vector)
    inner = np.zeros(q)
    for c in range(q):
        for r in range(q):
            inner[c] += root[r, c] * vector[r]
    for r in range(q):
        out[r] = 0.0
        for c in range(q):
            out[r] += root[r, c] * inner[c]


@compiled
def _modes(rows, points, ends, par, cause_start, precision, centre, root, log_root):
    q = centre.shape[1]
    gradient, curvature, step, trial = np.empty(q), np.empty((q, q)), np.empty(q), np.empty(q)
    for i in range(len(centre)):
        value = _function(i, rows, points, ends, par, cause_start, precision, centre[i], gradient, curvature)
        for _ in range(STEPS):
            log_root[i] = _root(curvature, root[i])
            _times(root[i], gradient, step)
            promise = 0.0
            for g in range(q):
                promise += step[g] * gradient[g]
            if not promise > AT_REST:
                break
            before = value
            for _ in range(HALVINGS):
                for g in range(q):
                    trial[g] = centre[i, g] + step[g]
                value = _function(i, rows, points, ends, par, cause_start, precision, trial, gradient, curvature)
                if value >= before - 1e-12 * (1.0 + abs(before)):
                    break
                step *= 0.5
            for g in range(q):
                centre[i, g] = trial[g]


def modes(
    rows: Measurements,
    points: Exposure,
    ends: Ends,
    parameters: Parameters,
    cause_start: np.ndarray,
    rule: tuple[np.ndarray, np.ndarray],
) -> Nodes:
    """Each person's nodes, with `rule` (places and logarithms of weights) around the mode."""
    n, q = len(ends.cause), len(parameters.precision_root)
    centre, root, log_root = np.zeros((n, q)), np.zeros((n, q, q)), np.zeros(n)
    precision = parameters.precision_root.T @ parameters.precision_root
    _modes(rows, points, ends, parameters, cause_start, precision, centre, root, log_root)
    return Nodes(centre, root, log_root, *rule)
