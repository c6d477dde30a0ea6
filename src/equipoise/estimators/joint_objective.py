"""The log-likelihood of a joint model with delayed entry, as the climb sees it.

A person who entered late counts as the quotient of two integrals over the random effects: that of what was observed,
and that of surviving until entry. Each has nodes of its own; the quotient is never taken inside an integral.
"""

from dataclasses import dataclass, replace

import numpy as np

from equipoise.kernels.joint_likelihood import JointLikelihood
from equipoise.kernels.joint_modes import modes
from equipoise.kernels.joint_rows import Ends, Exposure, Layout, Measurements, Parameters
from equipoise.kernels.newton import Evaluation, Maximum, solve_information

LEAST_CURVATURE = 1e-3  # relative, of a direction in which the information is not positive
NEARLY = 1e-9  # of the decrement: 3e-5 standard errors
QUADRATURE = 1e-3  # of the log-likelihood
HALVINGS = 20
MAX_ITERATIONS = 100

Rule = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Objective:
    """The likelihood of all persons, that of entry for those at positions `late`, and where log shapes stand."""

    main: JointLikelihood
    entry: JointLikelihood | None
    late: np.ndarray
    shapes: np.ndarray

    @property
    def layout(self) -> Layout:
        return self.main.layout

    def unpadded(self) -> "Objective":
        """The same without the padded arrays that evaluations leave behind."""
        entry = None if self.entry is None else replace(self.entry)
        return Objective(replace(self.main), entry, self.late, self.shapes)

    def by_person(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log-likelihood (n,) and score (n, size) a person, and posterior means of the random effects (n, q)."""
        parts = self.main.by_person(theta)
        value, score = parts.log_likelihood, parts.score
        if self.entry is not None:
            at_entry = self.entry.by_person(theta)
            value[self.late] -= at_entry.log_likelihood
            score[self.late] -= at_entry.score
        return value, score, parts.effects

    def evaluate(self, theta: np.ndarray) -> Evaluation:
        """Log-likelihood, score and observed information, which need not be positive."""
        if (theta[self.shapes] <= -1.0).any():
            size = self.layout.size
            return Evaluation(-np.inf, np.zeros(size), np.eye(size))
        whole = self.main.evaluate(theta)
        if self.entry is None:
            return whole
        part = self.entry.evaluate(theta)
        return Evaluation(
            whole.log_likelihood - part.log_likelihood,
            whole.score - part.score,
            whole.information - part.information,
        )


@dataclass(frozen=True, slots=True)
class Uphill:
    """An objective seen by the parameters at positions `kept`, with information made positive where it is not."""

    objective: Objective
    kept: np.ndarray
    base: np.ndarray

    def fill(self, part: np.ndarray) -> np.ndarray:
        """All parameters, those that are not kept at `base`."""
        theta = self.base.copy()
        theta[self.kept] = part
        return theta

    def evaluate(self, part: np.ndarray) -> Evaluation:
        """The objective at (len(kept),); a step with the information returned goes uphill."""
        with np.errstate(over="ignore", invalid="ignore"):
            found = self.objective.evaluate(self.fill(part)).part(self.kept)
        if not np.isfinite(found.information).all() or not np.isfinite(found.score).all():
            return Evaluation(-np.inf, np.zeros(len(part)), np.eye(len(part)))
        if solve_information(found.information, found.score) is not None:
            return found
        return Evaluation(found.log_likelihood, found.score, positive(found.information))


def positive(information: np.ndarray) -> np.ndarray:
    """The matrix with the absolute values of its eigenvalues, after scaling to a diagonal of size 1."""
    size = np.sqrt(np.maximum(np.abs(information.diagonal()), 1e-300))
    values, vectors = np.linalg.eigh(information / size[:, None] / size)
    values = np.maximum(np.abs(values), LEAST_CURVATURE)
    return (vectors * values) @ vectors.T * size[:, None] * size


def without_rows(points: Exposure, late: np.ndarray, p: int, q: int) -> tuple[Measurements, Exposure, Ends]:
    """What is known of a person at entry: no measurements, no event, points of time until entry."""
    n, n_features = len(late), points.fixed.shape[1]
    rows = Measurements(np.empty(0), np.empty((0, p)), np.empty((0, q)), np.zeros(n + 1, np.int64))
    fixed, random = np.zeros((n, n_features, p)), np.zeros((n, n_features, q))
    return rows, points, Ends(np.zeros(n, np.int64), np.zeros((n, points.hazard.shape[1])), fixed, random)


def no_exposure(points: Exposure, n: int) -> Exposure:
    """No points of time for n persons, in the shapes of `points`."""
    parts = (part[:0] for part in (points.weight, points.hazard, points.fixed, points.random))
    return Exposure(*parts, np.zeros(n + 1, np.int64))


def at_measurements(
    data: tuple[Measurements, Exposure, Ends],
    at_entry: tuple[Measurements, Exposure, Ends] | None,
    late: np.ndarray,
    layout: Layout,
    shapes: np.ndarray,
    rule: Rule,
    own: Parameters,
) -> Objective:
    """Pseudo-adaptive quadrature: nodes follow from the measurements alone, and stay.

    Nodes of the part of entry, where nothing is measured, are at the modes under the same parameters.
    """
    rows, points, ends = data
    n = len(ends.cause)
    none = Ends(np.zeros(n, np.int64), *ends[1:])
    without = Parameters(*own[:3], np.empty(0), np.empty((0, layout.n_features)))
    nodes = modes(rows, no_exposure(points, n), none, without, np.zeros(1, np.int64), rule)
    entry = None
    if at_entry is not None:
        entry = JointLikelihood(*at_entry, modes(*at_entry, own, layout.cause_start, rule), layout)
    return Objective(JointLikelihood(rows, points, ends, nodes, layout), entry, late, shapes)


def at_modes(seen: Objective, theta: np.ndarray, rule: Rule) -> Objective:
    """Adaptive quadrature: the same objective with nodes at the modes under theta."""
    own = seen.layout.unpack(theta)
    entry = None if seen.entry is None else _moved(seen.entry, own, rule)
    return Objective(_moved(seen.main, own, rule), entry, seen.late, seen.shapes)


def _moved(likelihood: JointLikelihood, own: Parameters, rule: Rule) -> JointLikelihood:
    data = (likelihood.rows, likelihood.points, likelihood.ends)
    nodes = modes(*data, own, likelihood.layout.cause_start, rule, likelihood.nodes.centre)
    return JointLikelihood(*data, nodes, likelihood.layout)


@dataclass(frozen=True, slots=True)
class Climbed:
    """Where a climb with moving nodes ended: the objective with its nodes there, and the maximum."""

    seen: Objective
    maximum: Maximum


def climb_with_moving_nodes(seen: Objective, kept: np.ndarray, theta: np.ndarray, rule: Rule) -> Climbed:
    """Newton's method with nodes at the modes under the parameters of every step.

    A step may lower the log-likelihood by `QUADRATURE`, for that of one set of nodes is not that of another. The climb
    ends where the score of nodes at their modes is zero, or without convergence where no length of a step helps or the
    first nodes have no mode.
    """
    part, here = theta[kept], at_modes(seen, theta, rule)
    at, decrement = Uphill(here, kept, theta).evaluate(part), np.nan
    for iteration in range(MAX_ITERATIONS):
        step = solve_information(at.information, at.score)
        decrement = float(at.score @ step) if step is not None else np.nan
        if not decrement > NEARLY:
            arrived = decrement <= NEARLY and bool(np.isfinite(at.log_likelihood))
            return Climbed(here, Maximum(part, at, arrived, iteration, decrement))
        for _ in range(HALVINGS):
            ahead = Uphill(here, kept, theta).fill(part + step)
            there = at_modes(here, ahead, rule)
            after = Uphill(there, kept, theta).evaluate(part + step)
            if after.log_likelihood >= at.log_likelihood - QUADRATURE:
                break
            step = step / 2.0
        else:
            break
        part, here, at = part + step, there, after
    return Climbed(here, Maximum(part, at, False, iteration, decrement))
