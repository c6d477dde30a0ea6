"""`RegularisedLogisticFit`: coefficients, path, cross-validation and propensity scores."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse

from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason
from equipoise.estimators.glm_fit import INTERCEPT
from equipoise.estimators.regularised_logistic_folds import CrossValidation
from equipoise.estimators.regularised_logistic_path import Path

SHOWN = 20


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class RegularisedLogisticFit:
    """A logistic regression with a lasso, ridge or mixed penalty, at one penalty.

    terms               names of the covariates, p of them
    coefficients        float64 (p,), log odds ratios; 0 outside the model, nan where `reason` says why
    intercept           log odds where all covariates are zero
    reasons             by term, why it was held at zero (CONSTANT, COLLINEAR) or is absent (SEPARATION)
    reason              why the whole fit is absent, or None
    propensity_scores   float64 (n,), the fitted probability of y = 1
    penalty, mixing     of the objective; largest_penalty is the least under which no penalised covariate enters
    path, cross_validation  None where one penalty was given
    log_likelihood, log_likelihood_null     at the solution, without penalty; of the intercept alone
    violation           largest violation of the Kuhn-Tucker conditions, on the scale of `penalty`
    auc                 area under the ROC curve, in the rows of the fit
    correlated          covariates whose correlation with y is above the bound that was asked for, or None

    There are no standard errors: a penalised estimate is biased by design, the selection by cross-validation has a
    distribution of its own, and intervals that ignore both are too narrow. Propensity scores do not need them.
    """

    terms: tuple[str, ...]
    coefficients: np.ndarray
    intercept: float
    reasons: dict[str, Reason]
    reason: Reason | None
    propensity_scores: np.ndarray
    penalty: float
    largest_penalty: float
    mixing: float
    selection: str
    path: Path | None
    cross_validation: CrossValidation | None
    log_likelihood: float
    log_likelihood_null: float
    rows: int
    events: int
    violation: float
    converged: bool
    iterations: int
    sweeps: int
    auc: float
    correlated: tuple[str, ...] | None
    frame_kind: str

    @property
    def selected(self) -> dict[str, float]:
        """The coefficients that are not zero, by name."""
        return {self.terms[j]: float(self.coefficients[j]) for j in np.flatnonzero(self.coefficients)}

    @property
    def nonzero(self) -> int:
        """Covariates in the model."""
        return int(np.count_nonzero(np.nan_to_num(self.coefficients)))

    def coefficient(self, term: str) -> float:
        """The coefficient of one covariate, or of "(Intercept)"."""
        if term == INTERCEPT:
            return self.intercept
        if term not in self.terms:
            raise DesignError(Fault(f"term {term!r}", "not in the model", "names of covariates"))
        return float(self.coefficients[self.terms.index(term)])

    def predict(self, x: Any) -> np.ndarray:
        """The probability of y = 1 for rows of a sparse or dense matrix with the columns of the fit, float64 (n,)."""
        matrix = x if sparse.issparse(x) else np.asarray(x, np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.terms):
            raise DesignError(Fault("x", f"shape {matrix.shape}", f"{len(self.terms)} columns"))
        return probabilities(matrix @ self.coefficients + self.intercept)

    def tidy(self, *, exponentiate: bool = False, zeros: bool = False) -> Any:
        """One row a term: term, estimate, reason. The intercept, and covariates in the model or with a reason.

        Log odds ratios, or odds ratios with `exponentiate`. `zeros` adds the covariates outside the model.
        """
        at = [j for j, name in enumerate(self.terms) if zeros or self.coefficients[j] != 0.0 or name in self.reasons]
        estimates = np.concatenate(([self.intercept], self.coefficients[at]))
        names = [INTERCEPT, *(self.terms[j] for j in at)]
        reasons = [None if (why := self.reasons.get(name, self.reason)) is None else str(why) for name in names]
        kinds = {"term": nw.String(), "estimate": nw.Float64(), "reason": nw.String()}
        values = np.exp(estimates) if exponentiate else estimates
        return self._frame({"term": names, "estimate": values.tolist(), "reason": reasons}, kinds)

    def path_frame(self) -> Any:
        """One row a penalty: penalty, nonzero, log_likelihood, and with folds cv_deviance, cv_std_error (a row)."""
        if self.path is None:
            raise DesignError(Fault("path_frame", "one penalty was given", "a fit along a path"))
        columns: dict[str, list[Any]] = {
            "penalty": self.path.penalties.tolist(),
            "nonzero": self.path.nonzero.tolist(),
            "log_likelihood": self.path.log_likelihood.tolist(),
        }
        if self.cross_validation is not None:
            columns["cv_deviance"] = self.cross_validation.deviance.tolist()
            columns["cv_std_error"] = self.cross_validation.std_error.tolist()
        kinds = {name: nw.Int64() if name == "nonzero" else nw.Float64() for name in columns}
        return self._frame(columns, kinds)

    def glance(self) -> Any:
        """One row on the whole fit.

        Columns rows, events, covariates, nonzero, folds, iterations, sweeps; penalty, largest_penalty, mixing,
        log_likelihood, log_likelihood_null, deviance_ratio, cv_deviance, cv_std_error, auc, violation; converged.
        """
        whole = {"rows": self.rows, "events": self.events, "covariates": len(self.terms), "nonzero": self.nonzero}
        folds = self.cross_validation
        whole |= {"folds": folds.folds if folds else 0, "iterations": self.iterations, "sweeps": self.sweeps}
        at = folds.chosen(self.selection) if folds else 0
        real = {
            "penalty": self.penalty,
            "largest_penalty": self.largest_penalty,
            "mixing": self.mixing,
            "log_likelihood": self.log_likelihood,
            "log_likelihood_null": self.log_likelihood_null,
            "deviance_ratio": 1.0 - self.log_likelihood / self.log_likelihood_null,
            "cv_deviance": float(folds.deviance[at]) if folds else float("nan"),
            "cv_std_error": float(folds.std_error[at]) if folds else float("nan"),
            "auc": self.auc,
            "violation": self.violation,
        }
        kinds = dict.fromkeys(whole, nw.Int64()) | dict.fromkeys(real, nw.Float64()) | {"converged": nw.Boolean()}
        return self._frame({k: [v] for k, v in (whole | real | {"converged": self.converged}).items()}, kinds)

    def __repr__(self) -> str:
        lines = [f"Regularised logistic regression: {self.rows:,} rows, {self.events:,} with y = 1"]
        if self.reason is not None:
            named = ", ".join(name for name, why in self.reasons.items() if why == self.reason)
            return f"{lines[0]}\n{self.reason}: {REASON_TEXT[self.reason]}{f' ({named})' if named else ''}"
        lines.append("log odds ratio of y = 1, one unit more of a covariate (1 against 0); no standard errors")
        lines += self._largest()
        lines.append(
            f"{self.nonzero:,} of {len(self.terms):,} covariates, penalty {self.penalty:.4g} ({self._chosen()})"
        )
        ending = "converged" if self.converged else "did not converge"
        lines.append(f"AUC {self.auc:.3f}, {ending}, conditions met to {self.violation:.1g}")
        if self.correlated:
            lines.append(f"highly correlated with y: {', '.join(self.correlated[:SHOWN])}")
        return "\n".join(lines)

    def _largest(self) -> list[str]:
        order = np.argsort(-np.abs(self.coefficients), kind="stable")[: min(SHOWN, self.nonzero)]
        names = [INTERCEPT, *(self.terms[j] for j in order)]
        values = [self.intercept, *self.coefficients[order]]
        width = max(map(len, names))
        lines = [f"{name:<{width}}  {value:>10.4g}" for name, value in zip(names, values, strict=True)]
        return lines + ([f"… and {self.nonzero - SHOWN} smaller"] if self.nonzero > SHOWN else [])

    def _chosen(self) -> str:
        folds = self.cross_validation
        return f"{self.selection} of {folds.folds}-fold cross-validation" if folds else "given"

    def _frame(self, columns: dict[str, list[Any]], kinds: dict[str, Any]) -> Any:
        # pandas infers the same kinds itself, while a declared string column would hold the word "None"
        declared = None if self.frame_kind == "pandas" else kinds
        return nw.from_dict(columns, declared, backend=self.frame_kind).to_native()


def probabilities(eta: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-eta)) without overflow."""
    e = np.exp(-np.abs(eta))
    return np.where(eta >= 0.0, 1.0, e) / (1.0 + e)
