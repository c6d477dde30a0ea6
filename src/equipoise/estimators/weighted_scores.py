"""What each row adds to the estimating function of a fitted model, whatever the model: `model_scores`."""

from dataclasses import dataclass

import numpy as np

from equipoise.errors import Fault, Reason, UnsupportedError
from equipoise.estimators.cox_fit import CoxFit
from equipoise.estimators.glm_fit import FittedMeans, GlmFit
from equipoise.kernels.glm import LOGISTIC
from equipoise.kernels.newton import solve_information

LEFT_OUT = (Reason.CONSTANT, Reason.COLLINEAR)  # terms that leave the others as they are


@dataclass(frozen=True, slots=True, eq=False)
class ModelScores:
    """Derivatives of an estimating function and the way from there to coefficients.

    scores  float64 (n, q): of the function by each row's weight, so that the weighted sum over rows is zero
    to_coefficients  float64 (q, p): the inverse of minus its derivative by the parameters, and from these to the
                     model's p terms; 0 for terms that are left out
    """

    scores: np.ndarray
    to_coefficients: np.ndarray


def model_scores(fit: CoxFit | GlmFit) -> ModelScores | None:
    """The scores of a Cox, logistic or Poisson model; None where some estimate is infinite or missing.

    Raises UnsupportedError for penalised ones.
    """
    if getattr(fit, "penalised", False) or "Firth" in fit.model:
        raise UnsupportedError(Fault("model", fit.model, "the same model without penalty"))
    if any(reason is not None and reason not in LEFT_OUT for reason in fit.reasons):
        return None
    if isinstance(fit, CoxFit):
        return _of_cox(fit)
    return None if fit.means is None else _of_glm(fit, fit.means)


def _of_cox(fit: CoxFit) -> ModelScores:
    scores = fit.residuals("score", weighted=False)
    return ModelScores(np.nan_to_num(scores, nan=0.0), np.nan_to_num(fit.naive_covariance, nan=0.0))


def _of_glm(fit: GlmFit, means: FittedMeans) -> ModelScores:
    rows, centre = means.rows, means.limit.centre
    kept = np.array([reason is None for reason in fit.reasons])
    z = np.column_stack([np.ones(len(rows.y)), rows.x - centre])[:, kept]
    mu = means.values()
    variance = mu * (1.0 - mu) if means.family == LOGISTIC else mu
    if len(rows.weight):
        variance = variance * rows.weight
    inverse = solve_information(z.T @ (z * variance[:, None]), np.eye(int(kept.sum())))
    if inverse is None:
        inverse = np.full((int(kept.sum()),) * 2, np.nan)
    turn = np.eye(len(kept))
    turn[0, 1:] = -centre
    return ModelScores(z * (rows.y - mu)[:, None], inverse @ turn[:, kept].T)
