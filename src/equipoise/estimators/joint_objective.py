"""The log-likelihood of a joint model with delayed entry, as the climb sees it.

A person who entered late counts as the quotient of two integrals over the random effects: that of what was observed,
and that of surviving until entry. Each has nodes of its own; the quotient is never taken inside an integral.
"""

from dataclasses import dataclass, replace

import numpy as np

from equipoise.kernels.joint_likelihood import JointLikelihood
from equipoise.kernels.joint_modes import modes
from equipoise.kernels.joint_rows import Ends, Exposure, Layout, Measurements, Parameters
from equipoise.kernels.newton import Evaluation, solve_information

LEAST_CURVATURE = 1e-3  # relative, of a direction in which the information is not positive

NEAR = 0.01  # of the squared distance in standard errors

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

    objective: "Objective | Moving"
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


@dataclass(slots=True)
class Moving:
    """An objective whose nodes move with the parameters at which it is evaluated: adaptive quadrature.

    The nodes stand at the modes under the parameters of `place`, and stay for others within `NEAR` of these, so that
    the last steps of a climb see one function.
    """

    last: Objective
    rule: Rule
    place: np.ndarray | None = None
    information: np.ndarray | None = None

    @property
    def layout(self) -> Layout:
        return self.last.layout

    def at(self, theta: np.ndarray) -> Objective:
        """The objective with its nodes at theta."""
        own = self.layout.unpack(theta)
        main = _moved(self.last.main, own, self.rule)
        entry = None if self.last.entry is None else _moved(self.last.entry, own, self.rule)
        return Objective(main, entry, self.last.late, self.last.shapes)

    def evaluate(self, theta: np.ndarray) -> Evaluation:
        """As for an objective."""
        if self._is_near(theta) or (theta[self.last.shapes] <= -1.0).any():
            return self.last.evaluate(theta)
        moved = self.at(theta)
        found = moved.evaluate(theta)
        if np.isfinite(found.log_likelihood):
            self.last, self.place, self.information = moved, theta.copy(), found.information
        return found

    def _is_near(self, theta: np.ndarray) -> bool:
        if self.place is None:
            return False
        step = theta - self.place
        return 0.0 <= float(step @ self.information @ step) <= NEAR


def _moved(likelihood: JointLikelihood, own: Parameters, rule: Rule) -> JointLikelihood:
    data = (likelihood.rows, likelihood.points, likelihood.ends)
    nodes = modes(*data, own, likelihood.layout.cause_start, rule, likelihood.nodes.centre)
    return JointLikelihood(*data, nodes, likelihood.layout)
