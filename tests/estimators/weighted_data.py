"""Persons of two arms with a confounder each test of weighting uses, and their weights."""

import numpy as np

from equipoise import fit_logistic
from equipoise.estimators.weighting import Weighting, weigh

COVARIATES = ["age", "sex"]


def people(n: int = 400, seed: int = 1) -> dict[str, np.ndarray]:
    """age and sex drive arm and outcome; times are whole days, so that events tie."""
    rng = np.random.default_rng(seed)
    age, sex = rng.normal(size=n), (rng.random(n) < 0.5).astype(float)
    drug = (rng.random(n) < 1.0 / (1.0 + np.exp(0.3 - 0.7 * age - 0.4 * sex))).astype(float)
    risk = 1.0 / (1.0 + np.exp(0.8 - 0.6 * age - 0.5 * drug))
    day = np.ceil(rng.exponential(60.0 / np.exp(0.5 * age + 0.4 * drug)))
    return {
        "age": age,
        "sex": sex,
        "drug": drug,
        "ill": (rng.random(n) < risk).astype(float),
        "cost": 100.0 + 20.0 * age + 10.0 * drug + rng.normal(0.0, 15.0, n),
        "day": day,
        "died": (rng.random(n) < 0.7).astype(float),
        "family": np.arange(n) // 3,
    }


def propensity(data: dict[str, np.ndarray]):
    return fit_logistic(data, outcome="drug", covariates=COVARIATES)


def weighted(data: dict[str, np.ndarray], estimand: str = "ATE", **options) -> Weighting:
    return weigh(data, arm="drug", score=propensity(data), estimand=estimand, **options)
