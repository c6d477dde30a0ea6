"""The minimum of the profiled deviance of a linear mixed model, by Newton's method with the Hessian's absolute values.

Purpose    `minimise` finds L from a start without zeros on its diagonal. Directions of negative curvature are followed
           downhill, so that neither the saddle at a variance of zero nor a flat ridge stops the search.
Stops      when the gain still to be had by the quadratic model is at most `TOLERANCE`; the last step is taken as well.
           Where rounding hides smaller gains, at `NEARLY`.
Boundary   a D without full rank is a minimum like any other. Singular values of L below `VANISHING`, in residual
           standard deviations of standardised columns, are set to zero at the end, and `vanished` counts them. L
           beyond `UNBOUNDED` means residual variance that vanishes beside the random effects: `unbounded`.
Input      columns of Z of about unit mean square, and correlated random effects about orthogonal, as
           `equipoise.kernels.linear_mixed_scale` makes them; otherwise the two limits above have no meaning.
Paper      Dauphin et al.: Identifying and attacking the saddle point problem (NIPS 2014) for the absolute values.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.linear_mixed import Derivatives, Profiled, Structure, derivatives, profiled
from equipoise.kernels.person_statistics import PersonFactors

TOLERANCE = 1e-13  # of the gain in deviance: theta is then within 1e-6 of its standard error before the last step
NEARLY = 1e-9  # of the gain: enough where a step no longer lowers the deviance by more than rounding
ROUNDING = 1e-12  # relative rise of the deviance that summation alone can make
FLAT = 1e-10  # curvature, relative to the largest, below which a direction counts as flat
DOWNWARD = 1e-6  # negative curvature, relative to the largest, that is none of rounding's
LEAP = 0.1  # length of a step off a saddle
VANISHING = 1e-4  # as R's lme4 judges a fit singular
UNBOUNDED = 1e6
HALVINGS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """Where the search ended: L, the profiled deviance and its derivatives there, and how it ended."""

    root: np.ndarray
    at: Profiled
    derivatives: Derivatives
    converged: bool
    iterations: int
    gain: float
    vanished: int
    unbounded: bool


def minimise(
    factors: PersonFactors,
    form: Structure,
    reml: bool,
    start: np.ndarray | None = None,
    max_iterations: int = 200,
) -> Minimum:
    """Search from `start` (L, (q, q)); by default random effects as large as the residuals."""
    theta = form.theta(np.eye(form.q) if start is None else start)
    at = profiled(factors, form.root(theta), reml)
    converged, unbounded = False, False
    for iteration in range(max_iterations + 1):
        slope = derivatives(factors, form, form.root(theta), at, reml)
        step, gain = _step(slope)
        converged = gain <= TOLERANCE
        if iteration == max_iterations or unbounded:
            break
        taken = _downhill(factors, form, reml, theta, step, at)
        if taken is None:
            break
        settled = gain <= NEARLY and at.deviance - taken[1].deviance <= ROUNDING * (1.0 + abs(at.deviance))
        theta, at = taken
        converged = converged or settled
        unbounded = bool(np.abs(theta).max() > UNBOUNDED)
        if converged:
            break
    return _finished(factors, form, reml, theta, (converged and not unbounded, iteration, gain, unbounded))


def _step(slope: Derivatives) -> tuple[np.ndarray, float]:
    """The step -|Hessian|^-1 gradient, and the gain it promises; off a saddle, where that has come to rest on one."""
    values, vectors = np.linalg.eigh(slope.hessian)
    size = np.abs(values)
    size = np.maximum(size, FLAT * max(size.max(), 1.0))
    along = vectors.T @ slope.gradient
    gain = float(along @ (along / size)) / 2.0
    if gain <= NEARLY and values[0] < -DOWNWARD * size.max():
        return LEAP * vectors[:, 0], -values[0] * LEAP**2 / 2.0
    return -vectors @ (along / size), gain


def _downhill(
    factors: PersonFactors, form: Structure, reml: bool, theta: np.ndarray, step: np.ndarray, before: Profiled
) -> tuple[np.ndarray, Profiled] | None:
    """The step, halved until the deviance does not rise; None where no length helps."""
    ceiling = before.deviance + ROUNDING * (1.0 + abs(before.deviance))
    for _ in range(HALVINGS):
        after = _attempt(factors, form.root(theta + step), reml)
        if after is not None and after.deviance <= ceiling:
            return theta + step, after
        step = step / 2.0
    return None


def _attempt(factors: PersonFactors, root: np.ndarray, reml: bool) -> Profiled | None:
    """The profiled deviance, or None where rounding makes fixed effects look dependent."""
    try:
        return profiled(factors, root, reml)
    except np.linalg.LinAlgError:
        return None


def _finished(
    factors: PersonFactors, form: Structure, reml: bool, theta: np.ndarray, ending: tuple[bool, int, float, bool]
) -> Minimum:
    converged, iterations, gain, unbounded = ending
    root, vanished = _without_vanishing(form.root(form.theta(form.root(theta))), len(form.rows) > form.q)
    at = profiled(factors, root, reml)
    slope = derivatives(factors, form, root, at, reml)
    return Minimum(root, at, slope, converged, iterations, gain, vanished, unbounded)


def _without_vanishing(root: np.ndarray, correlated: bool) -> tuple[np.ndarray, int]:
    """L with vanishing singular values set to zero, lower triangular with a diagonal that is not negative."""
    if not correlated:
        small = root.diagonal() < VANISHING
        return np.diag(np.where(small, 0.0, root.diagonal())), int(small.sum())
    left, values, _ = np.linalg.svd(root)
    small = values < VANISHING
    if not small.any():
        return root, 0
    upper = np.linalg.qr((left * np.where(small, 0.0, values)).T, mode="r")
    return (upper * np.where(upper.diagonal() < 0.0, -1.0, 1.0)[:, None]).T, int(small.sum())
