"""`CoxFit`: a fitted Cox model with its residuals, hazards, predictions and concordance."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.errors import Fault, Reason, UnsupportedError
from equipoise.estimators.cox_concordance import Concordance, concordance
from equipoise.estimators.cox_predictions import Baseline, baseline, predict_survival
from equipoise.estimators.cox_problem import CoxProblem, CoxProfile
from equipoise.estimators.cox_rows import CoxRows
from equipoise.estimators.fit import Fit, check_conf_level
from equipoise.kernels.conditional_logistic import EXACT
from equipoise.kernels.cox import Hazard
from equipoise.kernels.cox_scores import martingales, schoenfeld, scores_by_cluster
from equipoise.kernels.newton import solve_information

KINDS = ("martingale", "deviance", "score", "schoenfeld", "scaled_schoenfeld", "dfbeta", "dfbetas")

UNDETERMINED = (Reason.CONSTANT, Reason.COLLINEAR)  # terms that predictions leave out


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class CoxFit(Fit):
    """A fitted Cox model: a `Fit` that keeps its rows.

    ties              "efron", "breslow" or "exact"
    naive_covariance  float64 (p, p), model-based, whatever `covariance` is
    ridge, lasso      penalties, 0 where there are none
    effective_df      degrees of freedom of a penalised fit, else the rank
    """

    ties: str
    naive_covariance: np.ndarray
    ridge: float = 0.0
    lasso: float = 0.0
    effective_df: float = float("nan")
    data: CoxRows
    problem: CoxProblem | None

    @property
    def penalised(self) -> bool:
        return self.ridge > 0.0 or self.lasso > 0.0

    def profile_at(self, term: str, log_ratios: np.ndarray) -> np.ndarray | None:
        """The partial log-likelihood at values of one term, maximised over the others, less its maximum.

        float64 (k,) for k log hazard ratios; None where the data do not determine the term, or there is no likelihood.
        Added up over sites, such profiles give the common ratio without normal approximations (Schuemie et al., Stat
        Methods Med Res 2022;31:438).
        """
        j = self.index_of(term)
        if not isinstance(self.profile, CoxProfile) or self.reasons[j] not in (None, Reason.SEPARATION):
            return None
        return self.profile.relative(j, np.asarray(log_ratios, np.float64))

    @property
    def linear_predictor(self) -> np.ndarray:
        """x beta + offset of every row, float64 (n,), with 0 for terms that are constant or collinear."""
        eta = self.data.columns.x @ self._beta("the linear predictor")
        return eta + self.data.offset if len(self.data.offset) else eta

    def residuals(self, kind: str = "martingale", *, weighted: bool | None = None, by_cluster: bool = False) -> Any:
        """Residuals as in R's `residuals.coxph`, one row for each row of the data, in its order.

        kind      "martingale", "deviance": float64 (n,); "score", "dfbeta", "dfbetas": float64 (n, p), a row's part in
                  the score and its approximate influence on each coefficient, absolutely or in standard errors;
                  "schoenfeld", "scaled_schoenfeld": float64 (events, p), in order of stratum and time
        weighted  multiply by the rows' weights; by default only for dfbeta and dfbetas
        by_cluster  add up by cluster (n_clusters rows), in order of first code; not for the Schoenfeld kinds

        Rows of weight zero, which the model leaves out, are nan.

        Raises UnsupportedError for exact ties, penalised fits and separated terms, whose residuals are not defined.
        """
        if kind not in KINDS:
            raise UnsupportedError(Fault("kind of residuals", repr(kind), ", ".join(KINDS)))
        if by_cluster and (self.data.cluster is None or "schoenfeld" in kind or kind == "deviance"):
            raise UnsupportedError(
                Fault("by_cluster", f"{kind} residuals, or a fit without clusters", "clustered fits")
            )
        hazard = self.hazard_of_groups(f"{kind} residuals")
        if "schoenfeld" in kind:
            return self._schoenfeld(hazard, kind, bool(weighted))
        values = self._by_row(hazard, kind)
        if kind.startswith("dfbeta") if weighted is None else weighted:
            values = (values.T * self.data.all_weights).T
        if by_cluster:
            out = np.zeros((int(self.data.cluster.max()) + 1, *values.shape[1:]))
            np.add.at(out, self.data.cluster[self.data.used], values[self.data.used])
            return out
        return values

    def event_times(self) -> np.ndarray:
        """Times of the events in the order of the Schoenfeld residuals: float64 (events,)."""
        return self.data.time[self.event_rows()]

    def event_rows(self) -> np.ndarray:
        """Positions in the data of the events in the order of the Schoenfeld residuals: int64 (events,)."""
        rows = self.data
        at = np.flatnonzero((rows.event > 0) & rows.used)
        by = (rows.grid.stop[at], rows.stratum[at]) if len(rows.stratum) else (rows.grid.stop[at],)
        return at[np.lexsort(by)]

    def baseline_hazard(self) -> Any:
        """The cumulative hazard at covariates and offset 0: a frame with stratum, time, hazard (Breslow or Efron)."""
        base = self._baseline()
        columns = {
            "stratum": [self.data.labels[s] for s in base.stratum],
            "time": base.time.tolist(),
            "hazard": base.at_zero().tolist(),
        }
        kinds = {"stratum": nw.String(), "time": nw.Float64(), "hazard": nw.Float64()}
        return nw.from_dict(columns, kinds, backend=self.frame_kind).to_native()

    def predict_survival(
        self,
        at: Any,
        *,
        times: Any = None,
        stratum: str | None = None,
        conf_type: str = "log",
        conf_level: float | None = None,
    ) -> Any:
        """Survival of persons with given covariates: a frame with person, stratum, time, survival, its standard error,
        conf_low, conf_high, cumulative_hazard.

        at         a mapping from covariates to values (numbers, levels), or a frame with a row a person. Covariates of
                   a formula that are not plain columns are given under the name of their term
        times      when; by default every event time
        stratum    one label of `baseline_hazard`; by default all strata
        conf_type  scale of the intervals: "log" (as in R), "log-log", "plain" or "logit"
        """
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        return predict_survival(self, self.data, self._baseline(), at, times, stratum, conf_type, level)

    def concordance(self) -> Concordance:
        """Harrell's c of the linear predictor with its infinitesimal-jackknife standard error."""
        return concordance(self.data, self.linear_predictor)

    def robust_score_statistic(self) -> float:
        """The score test of all terms with the score's robust variance, chi-squared with `rank` degrees of freedom.

        nan without events or without robust variance.
        """
        if self.problem is None or not self.data.robust:
            return float("nan")
        likelihood, rows = self.problem.likelihood, self.data
        at = likelihood.rows_at(np.arange(len(likelihood.x)))
        code = at if rows.cluster is None else rows.cluster[at]
        hazard = likelihood.hazard(np.zeros(len(self.terms)))
        scores = scores_by_cluster(likelihood, hazard, code.astype(np.int64), int(code.max()) + 1)
        kept = [k for k, reason in enumerate(self.reasons) if reason not in UNDETERMINED]
        total = scores[:, kept].sum(axis=0)
        solved = solve_information(scores[:, kept].T @ scores[:, kept], total)
        return float("nan") if solved is None else float(total @ solved)

    def glance(self) -> Any:
        """As `Fit.glance`; for a penalised fit only what is defined there, with effective degrees of freedom."""
        if not self.penalised:
            return Fit.glance(self)
        columns: dict[str, list[Any]] = {
            "rows": [self.rows],
            "events": [self.events],
            "ridge": [self.ridge],
            "lasso": [self.lasso],
            "df": [self.effective_df],
            "log_likelihood": [self.log_likelihood],
            "log_likelihood_null": [self.log_likelihood_null],
            "iterations": [self.convergence.iterations],
            "converged": [self.convergence.converged],
        }
        whole = {"rows": nw.Int64(), "events": nw.Int64(), "iterations": nw.Int64(), "converged": nw.Boolean()}
        kinds = {name: whole.get(name, nw.Float64()) for name in columns}
        return nw.from_dict(columns, kinds, backend=self.frame_kind).to_native()

    def hazard_of_groups(self, purpose: str) -> Hazard:
        """Hazard and means of the likelihood's groups at the estimates; `purpose` is what messages call the use."""
        if self.problem is None:
            raise UnsupportedError(Fault(purpose, "a fit without events"))
        if self.ties == EXACT:
            raise UnsupportedError(Fault(purpose, "exact ties", "Efron's or Breslow's ties"))
        return self.problem.likelihood.hazard(self._beta(purpose))

    def _baseline(self) -> Baseline:
        purpose = "the baseline hazard"
        return baseline(self.data, self.problem, self.hazard_of_groups(purpose), self._beta(purpose))

    def _beta(self, purpose: str) -> np.ndarray:
        bad = [t for t, r in zip(self.terms, self.reasons, strict=True) if r is not None and r not in UNDETERMINED]
        if bad:
            raise UnsupportedError(Fault(purpose, f"terms without an estimate: {', '.join(bad)}", "finite estimates"))
        return np.nan_to_num(self.coefficients, nan=0.0)

    def _by_row(self, hazard: Hazard, kind: str) -> np.ndarray:
        likelihood = self.problem.likelihood
        at = likelihood.rows_at(np.arange(len(likelihood.x)))
        if kind in ("martingale", "deviance"):
            values = np.empty(len(at))
            values[at] = martingales(likelihood, hazard)
            if kind == "deviance":
                event = self.data.event
                inner = np.where(event > 0, np.log(np.where(event > 0, event - values, 1.0)), 0.0)
                values = np.sign(values) * np.sqrt(np.maximum(-2.0 * (values + inner), 0.0))
        else:
            values = scores_by_cluster(likelihood, hazard, at.astype(np.int64), len(at))
            weight = self.data.all_weights[:, None]
            values = np.divide(values, weight, out=np.zeros_like(values), where=weight > 0.0)
            if kind.startswith("dfbeta"):
                values = self._influence(values, kind == "dfbetas")
        values[~self.data.used] = np.nan
        return values

    def _influence(self, scores: np.ndarray, scaled: bool) -> np.ndarray:
        if self.penalised:
            raise UnsupportedError(Fault("dfbeta residuals", "a penalised fit", "fits without a penalty"))
        covariance = np.nan_to_num(self.naive_covariance, nan=0.0)
        values = scores @ covariance
        values[:, np.isnan(self.coefficients)] = np.nan
        return values / np.sqrt(self.naive_covariance.diagonal()) if scaled else values

    def _schoenfeld(self, hazard: Hazard, kind: str, weighted: bool) -> np.ndarray:
        likelihood = self.problem.likelihood
        at, values = schoenfeld(likelihood, hazard)
        place = np.empty(len(self.data), np.int64)
        place[likelihood.rows_at(at)] = np.arange(len(at))
        rows = self.event_rows()
        values = values[place[rows]]
        if weighted:
            values = values * self.data.all_weights[rows, None]
        if kind == "schoenfeld":
            return values
        covariance = np.nan_to_num(self.naive_covariance, nan=0.0)
        return values @ covariance * len(at) + self.coefficients
