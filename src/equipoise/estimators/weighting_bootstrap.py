"""The bootstrap of weighted estimates: persons are drawn anew, and so is the propensity model.

Persons of both arms are drawn together, with replacement, by Philox numbers that depend on the seed, the replicate and
the place of the draw alone. For weighted estimates, which are smooth in the data, this is valid; for matching with
replacement it is not (Abadie, Imbens, Econometrica 2008;76:1537).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.adjustment_rows import PropensityModel
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.weighting import Weighting
from equipoise.kernels.philox import uniforms

STREAM = 0x77656967  # "weig": draws of weighted bootstraps
FEWEST = 2


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """One replicate: positions of the persons drawn (n,), their arms and their weights by the model fitted to them."""

    at: np.ndarray
    arm: np.ndarray
    weights: np.ndarray


def replicates_of(made: Weighting, replicates: int, seed: int) -> Iterator[Draw | None]:
    """Each replicate, None where its scores are not defined: one arm is empty, or covariates separate the arms."""
    model = made.rows.model
    if model is None:
        raise UnsupportedError(
            Fault("variance 'bootstrap'", "scores without a model to fit anew", "scores given as a fit of fit_logistic")
        )
    if isinstance(replicates, bool) or not isinstance(replicates, int | np.integer) or replicates < FEWEST:
        raise DesignError(Fault("replicates", repr(replicates), f"a whole number, {FEWEST} or more"))
    persons = np.arange(len(made.rows))
    for replicate in range(replicates):
        at = (uniforms(seed, STREAM, persons, replicate) * len(persons)).astype(np.int64)
        yield _draw(made, model, at)


def covariance_of(drawn: np.ndarray, replicates: int) -> tuple[np.ndarray, str]:
    """The covariance of replicated estimates (B, q), and how to say where it comes from."""
    words = f"bootstrap ({replicates:,} replicates, propensity model refitted)"
    if len(drawn) < replicates:
        words = f"bootstrap ({len(drawn):,} of {replicates:,} replicates defined, propensity model refitted)"
    if len(drawn) < FEWEST:
        return np.full((drawn.shape[1],) * 2, np.nan), words
    away = drawn - drawn.mean(axis=0)
    return away.T @ away / (len(drawn) - 1), words


def _draw(made: Weighting, model: PropensityModel, at: np.ndarray) -> Draw | None:
    arm = made.arm[at]
    if not arm.any() or arm.all():
        return None
    covariates = () if model.x.shape[1] == 1 else None
    fit = fit_logistic(model.x[at, 1:], outcome=arm, covariates=covariates)
    score = fit.fitted_values if fit.means is not None else np.zeros(1)
    if not ((score > 0.0) & (score < 1.0)).all() or not fit.convergence.converged:
        return None
    logit = np.log(score) - np.log1p(-score)
    return Draw(at, arm, made.rule.apply(logit, arm).weights)
