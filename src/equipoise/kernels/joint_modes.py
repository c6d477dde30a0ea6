"""Where to put a person's nodes: the mode of log p(y | b) p(T, cause | b) p(b), and its curvature there.

Purpose    centre (n, q) and root (n, q, q) with root root' the inverse of minus the second derivative at the centre.
Method     Newton steps of all persons at once, each halved until its function does not fall; the function is concave in
           b, so the mode is the only one. Without causes it is a parabola and one step ends it: the posterior of the
           linear mixed model. The root is the inverse of the upper Cholesky factor of the curvature, as in R's package
           JM; another root turns the nodes and changes the last digits of a sum of few of them.
Singular   a person whose curvature is singular in double precision, as where a hazard has run off to 1e18, has no mode
           that can be told: centre and root are nan, and so is every likelihood that rests on them.
Symbols    as in `joint_rows`.
Cost       O(measurements + points) a step.
Paper      Rizopoulos: Comput Stat Data Anal 2012;56:491.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.joint_rows import Ends, Exposure, Measurements, Nodes, Parameters

STEPS = 50
HALVINGS = 30
AT_REST = 1e-10  # of the gain a step promises: centres then lie within 1e-5 standard deviations, far below node spacing
ROUNDING = 1e-12  # relative fall of the function that summation alone can make
LARGEST = 300.0  # of a log hazard, so that nothing overflows


@dataclass(frozen=True, slots=True, eq=False)
class _Hazard:
    """One cause: log weighted hazard at b = 0 and its slope in b at all points; who ended by it, slope there."""

    level: np.ndarray
    slope: np.ndarray
    ended: np.ndarray
    last: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class _Persons:
    """The parts of the function that do not change with b: a parabola, and hazards at points of persons."""

    linear: np.ndarray
    curvature: np.ndarray
    hazards: list[_Hazard]
    person: np.ndarray

    def value(self, b: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """The function less its constants, (n,), and the weighted hazards of each cause at all points."""
        out = np.einsum("nq,nq->n", self.linear - 0.5 * np.einsum("nqr,nr->nq", self.curvature, b), b)
        held = []
        for hazard in self.hazards:
            eta = hazard.level + np.einsum("mq,mq->m", hazard.slope, b[self.person])
            held.append(np.exp(np.minimum(eta, LARGEST)))
            out -= np.bincount(self.person, held[-1], len(b))
        return out, held

    def derivatives(self, b: np.ndarray, held: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (n, q) and minus the second derivative (n, q, q)."""
        gradient = self.linear - np.einsum("nqr,nr->nq", self.curvature, b)
        curvature, (n, q) = self.curvature.copy(), b.shape
        for hazard, weights in zip(self.hazards, held, strict=True):
            for r in range(q):
                pull = weights * hazard.slope[:, r]
                gradient[:, r] -= np.bincount(self.person, pull, n)
                for s in range(r + 1):
                    more = np.bincount(self.person, pull * hazard.slope[:, s], n)
                    curvature[:, r, s] += more
                    if s < r:
                        curvature[:, s, r] += more
        return gradient, curvature


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what is no number ends as nodes that are none
def modes(
    rows: Measurements,
    points: Exposure,
    ends: Ends,
    parameters: Parameters,
    cause_start: np.ndarray,
    rule: tuple[np.ndarray, np.ndarray],
    start: np.ndarray | None = None,
) -> Nodes:
    """Each person's nodes: `rule` (places and logarithms of weights) around the mode, sought from `start` (n, q)."""
    persons = _persons(rows, points, ends, parameters, cause_start)
    b = np.zeros((len(ends.cause), len(parameters.precision_root))) if start is None else start
    value, held = persons.value(b)
    for _ in range(STEPS):
        gradient, curvature = persons.derivatives(b, held)
        step = _steps(curvature, gradient)
        if not (np.einsum("nq,nq->n", step, gradient) > AT_REST).any():
            break
        b, value, held = _uphill(persons, b, step, value)
    root = _roots(np.where(np.isnan(step).any(axis=1)[:, None, None], np.nan, curvature))
    b = np.where(np.isnan(root[:, :1, 0]), np.nan, b)
    return Nodes(b, np.ascontiguousarray(root), np.linalg.slogdet(root)[1], *rule)


def _steps(curvature: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Newton's steps (n, q); nan for persons whose curvature is singular."""
    try:
        return np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:  # of one person, which hides the steps of all
        regular = np.abs(np.linalg.slogdet(curvature)[0]) > 0.0
        steps = np.full_like(gradient, np.nan)
        steps[regular] = np.linalg.solve(curvature[regular], gradient[regular, :, None])[:, :, 0]
        return steps


def _roots(curvature: np.ndarray) -> np.ndarray:
    """Roots of the inverses (n, q, q); nan for persons whose curvature is not positive definite."""
    try:
        return np.linalg.inv(np.linalg.cholesky(curvature)).transpose(0, 2, 1)
    except np.linalg.LinAlgError:
        if len(curvature) == 1:
            return np.full_like(curvature, np.nan)
        return np.concatenate([_roots(one[None]) for one in curvature])


def _uphill(
    persons: _Persons, b: np.ndarray, step: np.ndarray, before: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    floor, known = before - ROUNDING * (1.0 + np.abs(before)), ~np.isnan(step).any(axis=1)
    for _ in range(HALVINGS):
        value, held = persons.value(b + step)
        low = known & ~(value >= floor)
        if not low.any():
            break
        step = np.where(low[:, None], step / 2.0, step)
    return b + step, value, held


def _persons(rows: Measurements, points: Exposure, ends: Ends, par: Parameters, cause_start: np.ndarray) -> _Persons:
    n, q = len(ends.cause), len(par.precision_root)
    variance = float(par.sigma[0]) ** 2
    row_person = np.repeat(np.arange(n), np.diff(rows.start))
    residual = rows.y - rows.x @ par.beta
    linear = np.column_stack([np.bincount(row_person, rows.z[:, r] * residual, n) for r in range(q)]) / variance
    curvature = np.tile(par.precision_root.T @ par.precision_root, (n, 1, 1))
    for r in range(q):
        for s in range(q):
            curvature[:, r, s] += np.bincount(row_person, rows.z[:, r] * rows.z[:, s], n) / variance
    hazards = [_hazard(points, ends, par, cause_start, c) for c in range(len(par.alpha))]
    for hazard in hazards:
        linear[hazard.ended] += hazard.last
    return _Persons(linear, curvature, hazards, np.repeat(np.arange(n), np.diff(points.start)))


def _hazard(points: Exposure, ends: Ends, par: Parameters, cause_start: np.ndarray, c: int) -> _Hazard:
    low, high = cause_start[c], cause_start[c + 1]
    with np.errstate(divide="ignore"):
        level = np.log(points.weight) + points.hazard[:, low:high] @ par.psi[low:high]
    level += (points.fixed @ par.beta) @ par.alpha[c]
    ended = np.flatnonzero(ends.cause == c + 1)
    last = np.einsum("a,naq->nq", par.alpha[c], ends.random[ended])
    return _Hazard(level, np.einsum("a,maq->mq", par.alpha[c], points.random), ended, last)
