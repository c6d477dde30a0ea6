"""The bootstrap of emulated trials: persons are drawn with all their trials, and every model is fitted anew."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from equipoise.errors import DesignError, Fault
from equipoise.estimators.trial_risks import TrialRisks
from equipoise.kernels.philox import uniforms

STREAM = 0x7472696C  # "tril": draws of persons
FEWEST = 2
Replicate = Callable[[np.ndarray], tuple[np.ndarray, TrialRisks]]


@dataclass(frozen=True, slots=True, eq=False)
class TrialBootstrap:
    """What the replicates gave.

    risks         risks and contrasts with percentile limits
    terms, coefficients  the model's terms and their values by replicate, float64 (B, P), nan where absent
    replicates, defined  asked for, and with an answer
    """

    risks: TrialRisks
    terms: tuple[str, ...]
    coefficients: np.ndarray
    replicates: int
    defined: int

    def std_errors(self) -> np.ndarray:
        """Standard deviations of the coefficients over replicates that have them, float64 (P,)."""
        known = [column[~np.isnan(column)] for column in self.coefficients.T]
        return np.array([np.std(values, ddof=1) if len(values) > 1 else math.nan for values in known])


def draw_of(persons: int, replicate: int, seed: int) -> np.ndarray:
    """How often each person is drawn in a replicate, float64 (persons,)."""
    at = (uniforms(seed, STREAM, np.arange(persons), replicate) * persons).astype(np.int64)
    return np.bincount(at, minlength=persons).astype(np.float64)


def bootstrap(
    again: Replicate, point: TrialRisks, terms: tuple[str, ...], persons: int, replicates: int, seed: int,
    progress: Callable[[int, int], None] | None, first: int = 0,
) -> TrialBootstrap:  # fmt: skip
    """Replicates of coefficients and risks, numbered from `first` on. DesignError for fewer than two."""
    if isinstance(replicates, bool) or not isinstance(replicates, int | np.integer) or replicates < FEWEST:
        raise DesignError(Fault("replicates", repr(replicates), f"a whole number, {FEWEST} or more"))
    coefficients = np.full((replicates, len(terms)), np.nan)
    draws = []
    for replicate in range(replicates):
        with np.errstate(over="ignore"):  # a draw may separate, and numbers run off on the way there
            values, risks = again(draw_of(persons, first + replicate, seed))
        if len(values) == len(terms):
            coefficients[replicate] = values
        if risks.reason is None and risks.risk.shape == point.risk.shape:
            draws.append(risks.risk)
        if progress is not None:
            progress(replicate + 1, int(replicates))
    drawn = np.array(draws).reshape(len(draws), *point.risk.shape)
    words = f"bootstrap over persons, percentiles ({len(draws):,} of {replicates:,} replicates defined)"
    risks = replace(point, draws=drawn, covariance=_covariance(drawn, point), variance=words)
    return TrialBootstrap(risks, terms, coefficients, int(replicates), len(draws))


def _covariance(drawn: np.ndarray, point: TrialRisks) -> np.ndarray:
    if len(drawn) < FEWEST:
        return np.full_like(point.covariance, np.nan)
    away = drawn - drawn.mean(axis=0)
    return np.einsum("rat,rbt->abt", away, away) / (len(drawn) - 1)
