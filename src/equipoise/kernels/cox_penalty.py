"""Penalised maximum of a concave log-likelihood: ridge, lasso, or both.

Purpose    maximise l(beta) - ridge/2 sum f_j beta_j^2 - lasso sum f_j |beta_j|.
Method     ridge alone is smooth: Newton with the penalty added. With lasso, each step replaces l by its quadratic
           approximation, which coordinate descent maximises exactly, followed by step-halving (proximal Newton).
Stops      when the step promises a gain of at most `TOLERANCE`; coefficients outside the model are exactly zero.
Singular   terms without information and without penalty stay at zero: the caller leaves them out.
Paper      Tibshirani, Statistics in Medicine 1997;16:385; Lee, Sun, Saunders, SIAM J. Optimization 2014;24:1420.
"""

from collections.abc import Callable

import numpy as np

from equipoise.kernels.newton import HALVINGS, ROUNDING, TOLERANCE, Evaluation, Maximum, maximise

STEPS = 100
SWEEPS = 10_000
SETTLED = 1e-13  # largest change of a coefficient in a sweep, in standardised units, at which a sweep was the last

Evaluate = Callable[[np.ndarray], Evaluation]


def maximise_penalised(evaluate: Evaluate, ridge: np.ndarray, lasso: np.ndarray) -> Maximum:
    """Climb from zero. `ridge` and `lasso` are the penalties of each term, float64 (p,), zero or more.

    `at` of the result is the likelihood's own evaluation, without penalty.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.cox_penalty import maximise_penalised
        >>> from equipoise.kernels.newton import Evaluation
        >>> def parabola(b):
        ...     return Evaluation(float(-(b @ b) / 2 + b.sum()), 1 - b, np.eye(2))
        >>> maximise_penalised(parabola, np.array([1.0, 0.0]), np.array([0.0, 2.0])).beta
        array([0.5, 0. ])
    """
    smooth = _with_ridge(evaluate, ridge)
    beta = np.zeros(len(ridge))
    if not lasso.any():
        found = maximise(smooth, beta)
        return Maximum(found.beta, evaluate(found.beta), found.converged, found.iterations, found.decrement)
    at, gain = smooth(beta), np.nan
    for iteration in range(STEPS):
        step = _lasso_step(at, beta, lasso)
        promised = at.score @ step - step @ at.information @ step / 2.0
        gain = float(promised - lasso @ (np.abs(beta + step) - np.abs(beta)))
        if gain <= TOLERANCE:
            return Maximum(beta + step, evaluate(beta + step), True, iteration, gain)
        taken = _uphill(smooth, beta, step, at, lasso)
        if taken is None:
            break
        beta, at = taken
    return Maximum(beta, evaluate(beta), False, STEPS, gain)


def _with_ridge(evaluate: Evaluate, ridge: np.ndarray) -> Evaluate:
    def penalised(beta: np.ndarray) -> Evaluation:
        at = evaluate(beta)
        return Evaluation(
            at.log_likelihood - float(ridge @ beta**2) / 2.0, at.score - ridge * beta, at.information + np.diag(ridge)
        )

    return penalised


def _lasso_step(at: Evaluation, beta: np.ndarray, lasso: np.ndarray) -> np.ndarray:
    """The step to the maximum of the quadratic approximation less the lasso, by coordinate descent."""
    information, step = at.information, np.zeros(len(beta))
    residual = at.score.copy()  # score of the approximation at beta + step
    diagonal = information.diagonal()
    scale = np.sqrt(np.maximum(diagonal, 0.0))
    for _ in range(SWEEPS):
        largest = 0.0
        for j in np.flatnonzero(diagonal > 0.0):
            wanted = _shrunk(residual[j] + diagonal[j] * (beta[j] + step[j]), lasso[j]) / diagonal[j]
            change = wanted - beta[j] - step[j]
            if change:
                step[j] = wanted - beta[j]
                residual -= change * information[:, j]
                largest = max(largest, abs(change) * scale[j])
        if largest <= SETTLED:
            break
    return step


def _shrunk(value: float, by: float) -> float:
    return float(np.sign(value) * max(abs(value) - by, 0.0))


def _uphill(
    smooth: Evaluate, beta: np.ndarray, step: np.ndarray, before: Evaluation, lasso: np.ndarray
) -> tuple[np.ndarray, Evaluation] | None:
    """The step, halved until the penalised log-likelihood does not fall; None where no length helps."""
    value = before.log_likelihood - lasso @ np.abs(beta)
    floor = value - ROUNDING * (1.0 + abs(value))
    for _ in range(HALVINGS):
        after = smooth(beta + step)
        if after.log_likelihood - lasso @ np.abs(beta + step) >= floor:
            return beta + step, after
        step = step / 2.0
    return None
