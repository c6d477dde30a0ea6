"""The log-likelihood of a joint model with delayed entry, as the climb sees it.

A person who entered late counts as the quotient of two integrals over the random effects: that of what was observed,
and that of surviving until entry. Each has nodes of its own; the quotient is never taken inside an integral.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.joint_likelihood import JointLikelihood
from equipoise.kernels.joint_modes import modes
from equipoise.kernels.joint_rows import Ends, Exposure, Layout, Measurements, Parameters
from equipoise.kernels.newton import Evaluation, solve_information

LEAST_CURVATURE = 1e-3  # relative, of a direction in which the information is not positive

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
        with np.errstate(over="ignore"):
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


def objective(
    data: tuple[Measurements, Exposure, Ends],
    at_entry: tuple[Measurements, Exposure, Ends] | None,
    late: np.ndarray,
    layout: Layout,
    shapes: np.ndarray,
    rule: Rule,
    nodes_from: tuple[Parameters, Parameters],
    measurements_only: bool,
) -> Objective:
    """An objective whose nodes stand at the modes under given parameters.

    `nodes_from` holds parameters for the observed part and for the part of entry. With `measurements_only` the observed
    part's nodes follow from the measurements alone, as in pseudo-adaptive quadrature.
    """
    rows, points, ends = data
    own = nodes_from[0]
    if measurements_only:
        n = len(ends.cause)
        none = Ends(np.zeros(n, np.int64), *ends[1:])
        own = Parameters(*own[:3], np.empty(0), np.empty((0, own.alpha.shape[1])))
        nodes = modes(rows, no_exposure(points, n), none, own, np.zeros(1, np.int64), rule)
    else:
        nodes = modes(rows, points, ends, own, layout.cause_start, rule)
    main = JointLikelihood(rows, points, ends, nodes, layout)
    if at_entry is None:
        return Objective(main, None, late, shapes)
    entry_nodes = modes(*at_entry, nodes_from[1], layout.cause_start, rule)
    return Objective(main, JointLikelihood(*at_entry, entry_nodes, layout), late, shapes)
