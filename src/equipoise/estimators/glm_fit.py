"""`GlmFit`: a fitted logistic or Poisson model, and the way from a maximum to coefficients on the scale of the data."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.errors import Fault, Reason, UnsupportedError
from equipoise.estimators.fit import Fit
from equipoise.estimators.glm_problem import GlmProblem, GlmRows
from equipoise.estimators.identification import null_space
from equipoise.estimators.maximum_likelihood import UNDETERMINED, Problem, Solution
from equipoise.estimators.profile import LikelihoodProfile
from equipoise.kernels.glm import LOGISTIC, GlmLikelihood

INTERCEPT = "(Intercept)"
RESIDUALS = ("response", "pearson", "deviance", "working")


@dataclass(frozen=True, slots=True)
class FittedMeans:
    """What the fitted mean of every row follows from.

    A row that left the likelihood in its limit is fitted perfectly. `at` are the positions of the rows that stayed.
    """

    family: int
    rows: GlmRows
    limit: GlmLikelihood
    at: np.ndarray
    beta: np.ndarray

    def values(self) -> np.ndarray:
        """float64 (n,), for all rows as they came, those of weight zero included."""
        whole, x = self.limit, self.rows.x
        everywhere = GlmLikelihood(
            self.family, x, self.rows.y, np.empty(0), self.rows.offset, whole.centre, whole.shift
        )
        mu = everywhere.means(self.beta)
        stayed = np.zeros(len(mu), np.bool_)
        stayed[self.at] = True
        left = ~stayed & (self.rows.weight > 0.0 if len(self.rows.weight) else True)
        return np.where(left, self.rows.y, mu)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class GlmFit(Fit):
    """A fitted logistic or Poisson model: a `Fit` whose first term is the intercept and that keeps its rows.

    deviance, null_deviance  twice the distance from the saturated log-likelihood, fitted and without effects
    dispersion               1, or the variance of the counts relative to Poisson where it was estimated
    """

    deviance: float
    null_deviance: float
    dispersion: float = 1.0
    means: FittedMeans | None

    @property
    def fitted_values(self) -> np.ndarray:
        """The fitted mean of every row, float64 (n,): a probability, or a number of events."""
        if self.means is None:
            raise UnsupportedError(Fault("fitted values", "the model has no estimates", "a model with estimates"))
        return self.means.values()

    def residuals(self, kind: str = "deviance") -> np.ndarray:
        """Residuals as in R's `residuals.glm`, float64 (n,), one for each row of the data in its order.

        kind  "response": y - mu; "pearson": in standard deviations, times the root of the weight; "deviance": signed
              roots of the deviance's terms; "working": (y - mu) divided by the variance function
        """
        if kind not in RESIDUALS:
            raise UnsupportedError(Fault("kind of residuals", repr(kind), ", ".join(RESIDUALS)))
        mu = self.fitted_values
        return residuals_of(kind, self.means.family, self.means.rows, mu)

    def glance(self) -> Any:
        """As for every fit, with deviance, null_deviance and dispersion."""
        whole = nw.from_native(Fit.glance(self))
        added = {name: getattr(self, name) for name in ("deviance", "null_deviance", "dispersion")}
        return whole.with_columns(**{name: nw.lit(value, nw.Float64()) for name, value in added.items()}).to_native()


def residuals_of(kind: str, family: int, rows: GlmRows, mu: np.ndarray) -> np.ndarray:
    """Residuals of rows (n,) with fitted means mu (n,); 0 where a row is fitted perfectly."""
    gap = rows.y - mu
    if kind == "response":
        return gap
    variance = mu * (1.0 - mu) if family == LOGISTIC else mu
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "working":
            return np.where(gap == 0.0, 0.0, gap / variance)
        root = np.sqrt(rows.weight) if len(rows.weight) else 1.0
        if kind == "pearson":
            return np.where(gap == 0.0, 0.0, root * gap / np.sqrt(variance))
        return np.sign(gap) * root * np.sqrt(np.maximum(2.0 * _deviance_terms(family, rows.y, mu), 0.0))


def _deviance_terms(family: int, y: np.ndarray, mu: np.ndarray) -> np.ndarray:
    if family == LOGISTIC:
        return -np.log(np.where(y > 0.0, mu, 1.0 - mu))
    return np.where(y > 0.0, y * np.log(np.where(y > 0.0, y / mu, 1.0)), 0.0) - (y - mu)


@dataclass(frozen=True, slots=True)
class OnTheScaleOfTheData:
    """Coefficients of (1, x) from those of (1, x - c): the slopes are the same, the intercept is b_0 - c'b."""

    centre: np.ndarray
    shift: float
    solution: Solution

    @property
    def infinite(self) -> frozenset[int]:
        """Positions of the terms that the limit of the likelihood does not determine."""
        slopes = self.solution.infinite - {0}
        return slopes | {0} if self._intercept_is_infinite() else slopes

    @property
    def reasons(self) -> tuple[Reason | None, ...]:
        reasons = list(self.solution.reasons)
        if reasons[0] in (None, Reason.SEPARATION):
            reasons[0] = Reason.SEPARATION if 0 in self.infinite else None
        return tuple(reasons)

    @property
    def centred(self) -> np.ndarray:
        """The maximum in the problem's own parameters (1 + p,), zero for terms that are left out or infinite."""
        beta = np.zeros(1 + len(self.centre))
        if self.solution.maximum is not None:
            beta[self.solution.kept] = self.solution.maximum.beta
        return beta

    def coefficients(self) -> np.ndarray:
        """float64 (1 + p,), nan where a reason stands."""
        beta = self.centred
        beta[0] += self.shift - self.centre @ beta[1:]
        beta[[reason is not None for reason in self.reasons]] = np.nan
        return beta

    def covariance(self, kept: np.ndarray) -> np.ndarray:
        """The covariance of all terms (1 + p, 1 + p) from that of the kept ones, nan where a reason stands."""
        q = 1 + len(self.centre)
        whole = np.zeros((q, q))
        whole[np.ix_(self.solution.kept, self.solution.kept)] = kept
        turn = np.eye(q)
        turn[0, 1:] = -self.centre
        whole = turn @ whole @ turn.T
        absent = [reason is not None for reason in self.reasons]
        whole[absent, :] = np.nan
        whole[:, absent] = np.nan
        return whole

    def _intercept_is_infinite(self) -> bool:
        """Whether b_0 - c'b changes along some direction about which the limit says nothing."""
        found = self.solution
        if not found.infinite:
            return False
        at = found.identified.kept
        information = found.limit.evaluate(np.zeros(1 + len(self.centre))).part(at).information
        diagonal = information.diagonal()
        scale = np.divide(1.0, np.sqrt(diagonal), out=np.ones(len(diagonal)), where=diagonal > 0.0)
        directions = null_space(information) * scale[:, None]
        intercept = np.concatenate([[1.0], -self.centre])[at]
        change = np.abs(intercept @ directions)
        return bool((change > UNDETERMINED * (np.abs(intercept) @ np.abs(directions))).any())


@dataclass(frozen=True, slots=True)
class GlmProfile:
    """Profile limits of slopes from the centred problem, of the intercept from the uncentred one.

    The problems' log-likelihoods are those of the fit divided by `scale`.
    """

    problem: Problem
    solution: Solution
    uncentred: Callable[[], tuple[Problem, Solution]]
    shift: float
    scale: float

    def interval(self, term: int, drop: float) -> tuple[float, float]:
        """Limits between which the profile log-likelihood lies within `drop` of its supremum."""
        if term:
            return LikelihoodProfile(self.problem, self.solution).interval(term, drop / self.scale)
        low, high = LikelihoodProfile(*self.uncentred()).interval(0, drop / self.scale)
        return (low + self.shift, high + self.shift)


def dispersion_of(rows: GlmRows, mu: np.ndarray, parameters: int) -> float:
    """Pearson's chi-squared over its degrees of freedom, rows of weight zero not counted; nan where there are none."""
    used = rows.weight > 0.0 if len(rows.weight) else np.ones(len(mu), np.bool_)
    freedom = int(np.count_nonzero(used)) - parameters
    if freedom <= 0:
        return math.nan
    pearson = residuals_of("pearson", 1 - LOGISTIC, rows, mu)[used]
    return float(pearson @ pearson) / freedom


def likelihood_of(problem: Problem) -> GlmLikelihood:
    """The rows behind a problem, penalised or not."""
    plain = problem if isinstance(problem, GlmProblem) else problem.problem
    return plain.likelihood
