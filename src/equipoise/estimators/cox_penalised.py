"""Ridge and lasso penalties of Cox models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.cox_problem import CoxProblem
from equipoise.estimators.fit import Convergence
from equipoise.estimators.identification import CONSTANT, identify
from equipoise.estimators.maximum_likelihood import Embedded
from equipoise.kernels.conditional_logistic import EXACT
from equipoise.kernels.cox_penalty import maximise_penalised
from equipoise.kernels.newton import solve_information


@dataclass(frozen=True, slots=True)
class Penalty:
    """What is taken from the log-likelihood: ridge/2 sum f_j beta_j^2 + lasso sum f_j |beta_j|."""

    ridge: float
    lasso: float
    factor: Sequence[float] | None

    @property
    def present(self) -> bool:
        return self.ridge > 0.0 or self.lasso > 0.0

    @property
    def wording(self) -> str:
        parts = [f"{name} {value:g}" for name, value in (("ridge", self.ridge), ("lasso", self.lasso)) if value]
        return f", penalised ({', '.join(parts)})" if parts else ""

    def factors(self, p: int) -> np.ndarray:
        return np.ones(p) if self.factor is None else np.asarray(self.factor, np.float64)

    def check(self, p: int, ties: str, robust: bool) -> None:
        """Raise DesignError for penalties that are not numbers of zero or more, UnsupportedError for combinations."""
        for name, value in (("ridge", self.ridge), ("lasso", self.lasso)):
            if isinstance(value, bool) or not np.isscalar(value) or not np.isfinite(value) or value < 0.0:
                raise DesignError(Fault(name, repr(value), "a number of zero or more"))
        if self.factor is not None:
            self._check_factor(p)
        if self.present and (robust or ties == EXACT):
            other = "robust variance" if robust else "exact ties"
            raise UnsupportedError(Fault("ridge and lasso", f"with {other}", "model-based, Efron's or Breslow's ties"))

    def _check_factor(self, p: int) -> None:
        if not self.present:
            raise DesignError(Fault("penalty_factor", "given without a penalty", "ridge or lasso beside it"))
        factors = self.factors(p)
        if factors.shape != (p,) or not np.isfinite(factors).all() or (factors < 0.0).any():
            raise DesignError(Fault("penalty_factor", f"shape {factors.shape}", f"{p} finite numbers of zero or more"))


def penalised_parts(problem: CoxProblem, penalty: Penalty) -> dict[str, Any]:
    """The parts of a `CoxFit` that come from penalised maximisation."""
    p = len(problem.squares)
    varies = problem.null.information.diagonal() > (CONSTANT * problem.sizes(CONSTANT)) ** 2
    kept = np.flatnonzero(varies)
    factors = penalty.factors(p)
    _refuse_undetermined(problem, kept, factors)
    seen = Embedded(problem, kept, np.zeros(p))
    unit = problem.unit
    ridge, lasso = penalty.ridge * factors[kept] / unit, penalty.lasso * factors[kept] / unit
    found = maximise_penalised(seen.evaluate, ridge, lasso)
    whole = Reason.NOT_CONVERGED if not found.converged else None
    coefficients = np.full(p, np.nan)
    coefficients[kept] = found.beta if found.converged else np.nan
    covariance, df = _spread(p, kept, found.at.information, ridge, found.beta, penalty.lasso > 0.0)
    covariance = covariance / unit
    return {
        "coefficients": coefficients,
        "covariance": covariance,
        "naive_covariance": covariance,
        "reasons": tuple(whole if v else Reason.CONSTANT for v in varies),
        "log_likelihood": found.at.log_likelihood * unit,
        "log_likelihood_null": problem.null.log_likelihood * unit,
        "rank": len(kept),
        "effective_df": df,
        "convergence": Convergence(found.converged, found.iterations, abs(found.decrement * unit) ** 0.5),
        "variance": "no" if penalty.lasso > 0.0 else "penalised model-based",
    }


def _spread(
    p: int, kept: np.ndarray, information: np.ndarray, ridge: np.ndarray, beta: np.ndarray, lasso: bool
) -> tuple[np.ndarray, float]:
    """The covariance, nan under a lasso, and the effective degrees of freedom: the trace of I (I + ridge)^-1."""
    covariance = np.full((p, p), np.nan)
    active = np.flatnonzero(beta) if lasso else np.arange(len(kept))
    if not len(active):
        return covariance, 0.0
    within = information[np.ix_(active, active)]
    inverse = solve_information(within + np.diag(ridge[active]), np.eye(len(active)))
    if inverse is None:
        return covariance, float("nan")
    if not lasso:
        covariance[np.ix_(kept, kept)] = inverse
    return covariance, float(np.trace(within @ inverse))


def _refuse_undetermined(problem: CoxProblem, kept: np.ndarray, factors: np.ndarray) -> None:
    """Terms without a penalty must be determined by the data."""
    free = kept[factors[kept] == 0.0]
    if not len(free):
        return
    found = identify(problem.null.part(free).information, problem.sizes(CONSTANT)[free])
    if len(found.kept) < len(free):
        raise DesignError(
            Fault("penalty_factor", "0 for terms that are combinations of others", "a penalty for one of them")
        )
