"""`FineGrayFit`: a fitted model of the subdistribution hazard with its baseline and predicted incidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.fine_gray_problem import FineGrayProblem
from equipoise.estimators.fit import Fit
from equipoise.estimators.model_frame import ModelFrame
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.kernels.fine_gray import sums_by


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class FineGrayFit(Fit):
    """A fitted model of Fine and Gray: a `Fit` of one cause.

    cause, convention   as asked for
    competing_events    failures from other causes
    naive_covariance    float64 (p, p), the inverse information, whatever `covariance` is
    """

    cause: int
    convention: str
    competing_events: int
    naive_covariance: np.ndarray
    times: np.ndarray = field(repr=False)
    columns: ModelFrame = field(repr=False)
    problem: FineGrayProblem | None = field(repr=False)

    def baseline_hazard(self) -> Any:
        """The cumulative subdistribution hazard where all covariates are 0: a frame with time, hazard."""
        times, hazard = self._baseline()
        return frame_of({"time": times, "hazard": hazard}, self.frame_kind)

    def predict_incidence(self, at: Mapping[str, float], times: float | Sequence[float]) -> Any:
        """Cumulative incidence of the cause for a person with given terms: a frame with time, estimate.

        `at` maps every term of the model to a number (0 or 1 for a level of a factor). Flat after the last failure.
        """
        unknown = [name for name in at if name not in self.terms]
        absent = [name for name in self.terms if name not in at]
        if unknown or absent:
            found = f"unknown {', '.join(unknown) or 'none'}; absent {', '.join(absent) or 'none'}"
            raise DesignError(Fault("at", found, ", ".join(self.terms)))
        wanted = np.atleast_1d(np.asarray(times, np.float64))
        known, hazard = self._baseline()
        relative = float(np.exp(self._beta() @ np.array([at[name] for name in self.terms], np.float64)))
        place = np.searchsorted(known, wanted, side="right")
        total = np.concatenate([[0.0], hazard])[place]
        return frame_of({"time": wanted, "estimate": -np.expm1(-relative * total)}, self.frame_kind)

    def _beta(self) -> np.ndarray:
        infinite = [term for term, reason in zip(self.terms, self.reasons, strict=True) if reason is not None]
        if infinite:
            found = f"terms without an estimate: {', '.join(infinite)}"
            raise UnsupportedError(Fault("predicted incidence", found, "a fit whose terms are all estimated"))
        return self.coefficients

    def _baseline(self) -> tuple[np.ndarray, np.ndarray]:
        beta, likelihood = self._beta(), self.problem.likelihood
        steps = likelihood.step_terms(beta)
        increments = (likelihood.failures.weight / steps.denominator)[:, None]
        hazard = np.cumsum(sums_by(likelihood.failures.time, increments, likelihood.sets.n_groups)[:, 0])
        return self.times[self.problem.time_places], hazard * float(np.exp(-likelihood.centre[0] @ beta))
