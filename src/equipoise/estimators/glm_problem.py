"""Rows of a logistic or Poisson regression as a likelihood that can be maximised, profiled and taken to its limits.

The model without effects, intercept and offset alone, is solved first and becomes the origin: the parameters (b_0, b)
of a problem are departures from it, with columns measured from their means.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from equipoise.kernels.glm import LOGISTIC, POISSON, GlmLikelihood, centre_of
from equipoise.kernels.glm_recession import glm_recession, rows_left
from equipoise.kernels.newton import Evaluation

NULL_STEPS = 200
NULL_PRECISION = 1e-14


@dataclass(frozen=True, slots=True)
class GlmRows:
    """Rows of a model: x float64 (n, p), y (n,), weight and offset (n,) or of shape (0,) where there are none."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray

    def where(self, keep: np.ndarray) -> "GlmRows":
        return GlmRows(self.x[keep], self.y[keep], _part(self.weight, keep), _part(self.offset, keep))


@dataclass(frozen=True, slots=True)
class GlmProblem:
    """The likelihood of the rows at positions `at` of those given, of 1 + p parameters.

    `events` is the information on the intercept without effects: the number of events where they are rare.
    """

    likelihood: GlmLikelihood
    at: np.ndarray
    events: float

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        return self.likelihood.evaluate(beta)

    def recession(self, scale: np.ndarray) -> np.ndarray | None:
        """A direction along which the likelihood rises for ever and some row leaves, or None."""
        return glm_recession(self.likelihood, scale)

    @property
    def rows(self) -> GlmRows:
        """The rows of the problem."""
        whole = self.likelihood
        return GlmRows(whole.x, whole.y, whole.weight, whole.offset)

    def limit(self, direction: np.ndarray) -> "GlmProblem":
        """The likelihood's limit along the direction: the rows that are not fitted perfectly there."""
        keep = rows_left(self.likelihood, direction)
        rows = self.rows.where(keep)
        left = replace(self.likelihood, x=rows.x, y=rows.y, weight=rows.weight, offset=rows.offset)
        return GlmProblem(left, self.at[keep], self.events)

    def uncentred(self) -> "GlmProblem":
        """The same problem with the intercept at zero of every column."""
        return replace(self, likelihood=replace(self.likelihood, centre=np.zeros_like(self.likelihood.centre)))


def glm_problem(family: int, rows: GlmRows, shift: float) -> GlmProblem:
    """The problem of the rows with weight; `shift` is the intercept without effects, as `null_intercept` gives it."""
    at = np.arange(len(rows.y))
    if len(rows.weight) and not (rows.weight > 0.0).all():
        at = np.flatnonzero(rows.weight > 0.0)
        rows = rows.where(at)
    likelihood = GlmLikelihood(
        family, rows.x, rows.y, rows.weight, rows.offset, centre_of(rows.x), shift, _constant(family, rows)
    )
    # Without BLAS, whose threads would be woken, and wait busily, for one short sum.
    events = float(np.einsum("i,i->", rows.weight, rows.y) if len(rows.weight) else rows.y.sum())
    total = float(rows.weight.sum()) if len(rows.weight) else float(len(rows.y))
    return GlmProblem(likelihood, at, events * (1.0 - events / total) if family == LOGISTIC else events)


def null_intercept(family: int, rows: GlmRows, prior_events: float = 0.0) -> float:
    """The intercept of the model without effects; -inf where there are no events, inf where there is nothing else.

    `prior_events` are added to either side, which keeps it finite.
    """
    weight = rows.weight if len(rows.weight) else np.ones(len(rows.y))
    events = float(weight @ rows.y) + prior_events
    total = float(weight.sum()) + 2.0 * prior_events
    if events <= 0.0:
        return -math.inf
    if family == POISSON:
        if not len(rows.offset):
            return math.log(events / total)
        top = float(rows.offset.max())
        return math.log(events / float(weight @ np.exp(rows.offset - top))) - top
    if events >= total:
        return math.inf
    start = math.log(events / (total - events))
    return _null_logistic(rows.offset, weight, events / total, start) if len(rows.offset) else start


def _null_logistic(offset: np.ndarray, weight: np.ndarray, share: float, start: float) -> float:
    """The b at which expit(b + offset) has weighted mean `share`: Newton's method kept inside a shrinking bracket."""
    wanted = share * float(weight.sum())
    low, high = start - float(offset.max()), start - float(offset.min())
    b = 0.5 * (low + high)
    for _ in range(NULL_STEPS):
        tail = np.exp(-np.abs(b + offset))
        mu = np.where(b + offset >= 0.0, 1.0, tail) / (1.0 + tail)
        gap = wanted - float(weight @ mu)
        low, high = (b, high) if gap > 0.0 else (low, b)
        slope = float(weight @ (mu * (1.0 - mu)))
        stepped = b + gap / slope if slope > 0.0 else math.inf
        following = stepped if low < stepped < high else 0.5 * (low + high)
        if abs(following - b) <= NULL_PRECISION * max(1.0, abs(b)):
            return following
        b = following
    return b


def saturated_log_likelihood(family: int, rows: GlmRows) -> float:
    """The log-likelihood of a model that fits every row; that of a logistic model of single rows is zero."""
    if family == LOGISTIC:
        return 0.0
    several = rows.y > 1.0
    terms = np.where(several, rows.y * np.log(np.where(several, rows.y, 1.0)), 0.0) - rows.y
    return float(rows.weight @ terms if len(rows.weight) else terms.sum()) + _constant(family, rows)


def _constant(family: int, rows: GlmRows) -> float:
    """The part of the log-likelihood that no parameter changes: minus the log factorials of counts."""
    if family == LOGISTIC:
        return 0.0
    several = rows.y > 1.0
    factorials = np.array([math.lgamma(count + 1.0) for count in rows.y[several]])
    return -float(factorials @ rows.weight[several] if len(rows.weight) else factorials.sum())


def _part(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    return values[keep] if len(values) else values
