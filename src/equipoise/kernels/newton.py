"""Newton-Raphson with step-halving for a concave log-likelihood.

Purpose    find the maximum of l(beta) given its value, score U and information I.
Returned   `Maximum`: the last point evaluated, moved by one final Newton step, with l, U and I at the point evaluated.
Stops      when the Newton decrement U' I^-1 U, twice the gain still to be had, is at most `TOLERANCE`: the final
           step is then about 1e-6 standard errors long and leaves an error of its square. Large data stop one step
           earlier: where the step is below 1e-3 standard errors and, from how I changed over the step before, would
           change no variance by more than `SETTLED` relative, so that neither the estimate nor its variance would move.
Singular   a step that cannot be solved for ends the iteration with `converged` false; so does a monotone likelihood,
           whose steps keep their length. The caller looks for the cause.
Cost       one evaluation an iteration, and one for each halving.
Paper      Nocedal, Wright: Numerical Optimization, 2nd ed. (2006), chapter 3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

TOLERANCE = 1e-12  # of the decrement: the estimate is then within 1e-6 standard errors before the final step
NEARLY = 1e-6  # of the decrement: the final step is at most 1e-3 standard errors long
SETTLED = 1e-7  # relative change of a variance; standard errors change by half of it
ROUNDING = 1e-13  # relative loss of log-likelihood that summation alone can explain
HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A log-likelihood at one point: value, score of shape (p,), information of shape (p, p), symmetric."""

    log_likelihood: float
    score: np.ndarray
    information: np.ndarray

    def part(self, at: np.ndarray) -> "Evaluation":
        """The same with only the parameters at the positions `at`."""
        return Evaluation(self.log_likelihood, self.score[at], self.information[np.ix_(at, at)])


class Objective(Protocol):
    """A log-likelihood that can be evaluated at beta of shape (p,)."""

    def evaluate(self, beta: np.ndarray) -> Evaluation: ...


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where an iteration ended. `decrement` is U' I^-1 U at the point evaluated, nan where I is singular."""

    beta: np.ndarray
    at: Evaluation
    converged: bool
    iterations: int
    decrement: float


def solve_information(information: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """I^-1 right by Cholesky after scaling to unit diagonal; None where I is not positive definite and finite."""
    diagonal = information.diagonal()
    if not (diagonal > 0.0).all() or not np.isfinite(information).all():
        return None
    scale = 1.0 / np.sqrt(diagonal)
    try:
        root = np.linalg.cholesky(information * scale[:, None] * scale)
    except np.linalg.LinAlgError:
        return None
    scaled = (right.T * scale).T
    return (np.linalg.solve(root.T, np.linalg.solve(root, scaled)).T * scale).T


def maximise(
    evaluate: Callable[[np.ndarray], Evaluation],
    beta: np.ndarray,
    at: Evaluation | None = None,
    max_iterations: int = 50,
) -> Maximum:
    """Climb from `beta` (shape (p,)); `at` is the evaluation there, if it is already known.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.newton import Evaluation, maximise
        >>> def parabola(b):
        ...     return Evaluation(float(-(b @ b) / 2 + b.sum()), 1 - b, np.eye(2))
        >>> maximise(parabola, np.zeros(2)).beta
        array([1., 1.])
    """
    at = at or evaluate(beta)
    decrement, before = np.nan, None
    for iteration in range(max_iterations + 1):
        step = solve_information(at.information, at.score)
        if step is None:
            return Maximum(beta, at, False, iteration, np.nan)
        last, decrement = decrement, float(at.score @ step)
        if decrement <= TOLERANCE or (decrement <= NEARLY and _has_settled(before, at, decrement / last)):
            return Maximum(beta + step, at, True, iteration, decrement)
        if iteration < max_iterations:
            taken = _step_uphill(evaluate, beta, step, at)
            if taken is None:
                break
            before = at
            beta, at = taken
    return Maximum(beta, at, False, iteration, decrement)


def _has_settled(before: Evaluation | None, at: Evaluation, shrinkage: float) -> bool:
    """Whether one more step, shorter than the last by the root of `shrinkage`, leaves every variance as it is.

    The change is measured against the information in all directions, weak ones included: D = I^-1 (I - I_before) and
    the root of tr D^2, which bounds the relative change of the variance of any combination of parameters.
    """
    if before is None:
        return False
    change = solve_information(at.information, at.information - before.information)
    return change is not None and bool(np.sum(change * change.T) * shrinkage <= SETTLED**2)


def _step_uphill(
    evaluate: Callable[[np.ndarray], Evaluation], beta: np.ndarray, step: np.ndarray, before: Evaluation
) -> tuple[np.ndarray, Evaluation] | None:
    """The Newton step, halved until the log-likelihood does not fall; None where no length helps."""
    floor = before.log_likelihood - ROUNDING * (1.0 + abs(before.log_likelihood))
    for _ in range(HALVINGS):
        after = evaluate(beta + step)
        if after.log_likelihood >= floor:
            return beta + step, after
        step = step / 2.0
    return None
