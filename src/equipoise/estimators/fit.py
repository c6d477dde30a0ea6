"""`Fit`: what every estimator returns. Estimates on the model's linear scale, with what they rest on.

Terms the data cannot answer hold nan and a `Reason`. Nothing in a fit refers to a database; the likelihood is kept so
that profile intervals can be computed when asked for.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import narwhals as nw
import numpy as np

from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.tails import chi_squared_tail, normal_quantile, two_sided_p
from equipoise.kernels.newton import solve_information

Interval = Literal["wald", "profile"]
LOG = "log "


@dataclass(frozen=True, slots=True)
class Estimate:
    """One term on a stated scale. Numbers are nan where `reason` says why; a limit can be infinite."""

    term: str
    measure: str
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    p_value: float
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Convergence:
    """How the maximisation ended. `gradient_norm` is the largest score in units of its standard deviation."""

    converged: bool
    iterations: int
    gradient_norm: float


class Profile(Protocol):
    """The likelihood of a fit with one term held and the others maximised over."""

    def interval(self, term: int, drop: float) -> tuple[float, float]:
        """Where the profile log-likelihood has fallen by `drop` from its maximum, below and above; may be infinite."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """A fitted model.

    model           what was fitted, in words
    measure         scale of the coefficients, such as "log odds ratio"
    direction       what is compared with what
    terms           names, p of them
    coefficients    float64 (p,), nan where a reason stands
    covariance      float64 (p, p), rows and columns nan where a reason stands
    reasons         why a term is absent, None where it is estimated
    aliases         for collinear terms, the terms they combine
    log_likelihood, log_likelihood_null     at the maximum (the supremum where terms are infinite) and without effects
    score_statistic                         the score test of all terms, chi-squared with `rank` degrees of freedom
    rank            number of terms that the data determine, infinite ones included
    intercept       whether the first term belongs to the model without effects: no test counts it, `rank` does
    rows, events    rows used and events among them; events, persons and the strata are None where a model has none
    variance        how the covariance was computed, in words
    """

    model: str
    measure: str
    direction: str
    terms: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    reasons: tuple[Reason | None, ...]
    log_likelihood: float
    log_likelihood_null: float
    rank: int
    rows: int
    events: int | None
    convergence: Convergence
    conf_level: float = 0.95
    variance: str = "model-based"
    score_statistic: float = math.nan
    persons: int | None = None
    strata: int | None = None
    informative_strata: int | None = None
    strata_name: str = "strata"
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    intercept: bool = False
    frame_kind: str = "pandas"
    profile: Profile | None = field(default=None, repr=False)

    @property
    def std_errors(self) -> np.ndarray:
        """Standard errors, float64 (p,)."""
        return np.sqrt(self.covariance.diagonal())

    def index_of(self, term: str) -> int:
        """Position of a term; an unknown name is an error that lists the known ones."""
        if term not in self.terms:
            raise DesignError(Fault(f"term {term!r}", "not in the model", ", ".join(self.terms)))
        return self.terms.index(term)

    def estimate(
        self, term: str, *, exponentiate: bool = False, conf_level: float | None = None, interval: Interval = "wald"
    ) -> Estimate:
        """One term: estimate, standard error (of the linear scale in either case), limits and Wald p-value."""
        return self._estimate(self.index_of(term), exponentiate, conf_level, interval)

    def profile_interval(self, term: str, conf_level: float | None = None) -> tuple[float, float]:
        """Limits between which twice the log-likelihood lies within the chi-squared quantile of its maximum.

        On the linear scale. A term that is infinite by separation has one finite limit. nan where a term is not
        determined; UnsupportedError where the model has no likelihood to profile.
        """
        j = self.index_of(term)
        if self.profile is None:
            raise UnsupportedError(Fault(self.model, "no likelihood to profile", "Wald intervals"))
        if self.reasons[j] not in (None, Reason.SEPARATION):
            return (math.nan, math.nan)
        return self.profile.interval(j, self._quantile(conf_level) ** 2 / 2.0)

    def tidy(self, *, exponentiate: bool = False, conf_level: float | None = None, interval: Interval = "wald") -> Any:
        """One row a term: term, estimate, std_error, conf_low, conf_high, p_value, reason.

        On the linear scale, or as ratios with `exponentiate` (the standard error stays that of the logarithm). The
        frame is of the kind that came in, pandas where arrays or an AnalysisSet did.
        """
        rows = [self._estimate(j, exponentiate, conf_level, interval) for j in range(len(self.terms))]
        numbers = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
        columns: dict[str, list[Any]] = {"term": list(self.terms)}
        columns |= {name: [getattr(row, name) for row in rows] for name in numbers}
        columns["reason"] = [None if row.reason is None else str(row.reason) for row in rows]
        return self._frame(
            columns, {"term": nw.String(), **dict.fromkeys(numbers, nw.Float64()), "reason": nw.String()}
        )

    def glance(self) -> Any:
        """One row on the whole model: what it rests on, log-likelihoods, the tests of all terms, convergence.

        Columns rows, persons, events, strata and informative_strata as far as the model has them, df, iterations,
        log_likelihood, log_likelihood_null, statistic_ and p_value_ of the likelihood-ratio, score and Wald tests,
        aic, gradient_norm, converged, and variance, in words.
        """
        ratio = 2.0 * (self.log_likelihood - self.log_likelihood_null)
        tested = self.rank - int(self.intercept)
        counted = ("rows", "persons", "events", "strata", "informative_strata")
        whole = {name: value for name in counted if (value := getattr(self, name)) is not None}
        whole |= {"df": self.rank, "iterations": self.convergence.iterations}
        real = {
            "log_likelihood": self.log_likelihood,
            "log_likelihood_null": self.log_likelihood_null,
            "statistic_ratio": ratio,
            "p_value_ratio": chi_squared_tail(ratio, tested),
            "statistic_score": self.score_statistic,
            "p_value_score": chi_squared_tail(self.score_statistic, tested),
            "statistic_wald": self._wald_statistic(),
            "p_value_wald": chi_squared_tail(self._wald_statistic(), tested),
            "aic": 2.0 * (self.rank - self.log_likelihood),
            "gradient_norm": self.convergence.gradient_norm,
        }
        ending = {"converged": self.convergence.converged, "variance": self.variance}
        columns = {name: [value] for name, value in (whole | real | ending).items()}
        kinds = dict.fromkeys(whole, nw.Int64()) | dict.fromkeys(real, nw.Float64())
        return self._frame(columns, kinds | {"converged": nw.Boolean(), "variance": nw.String()})

    def residuals(self, kind: str) -> np.ndarray:
        """Residuals of the kinds a model offers; this one offers none."""
        raise UnsupportedError(Fault(f"residuals of kind {kind!r}", f"not offered for {self.model}"))

    def __repr__(self) -> str:
        return describe(self)

    def _quantile(self, conf_level: float | None) -> float:
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        return normal_quantile(0.5 + level / 2.0)

    def _estimate(self, j: int, exponentiate: bool, conf_level: float | None, interval: Interval) -> Estimate:
        if exponentiate and not self.measure.startswith(LOG):
            raise UnsupportedError(Fault("exponentiate", f"the scale is {self.measure}", "scales that are logarithms"))
        value, error = float(self.coefficients[j]), float(self.std_errors[j])
        if interval == "profile":
            low, high = self.profile_interval(self.terms[j], conf_level)
        elif interval == "wald":
            half = self._quantile(conf_level) * error
            low, high = value - half, value + half
        else:
            raise UnsupportedError(Fault("interval", repr(interval), "wald, profile"))
        p_value = two_sided_p(value / error) if error > 0.0 else math.nan
        if exponentiate:
            value, low, high = _exp(value), _exp(low), _exp(high)
        measure = self.measure.removeprefix(LOG) if exponentiate else self.measure
        return Estimate(self.terms[j], measure, value, error, low, high, p_value, self.reasons[j])

    def _wald_statistic(self) -> float:
        at = np.flatnonzero([reason is None for reason in self.reasons])
        if len(at) != self.rank or not len(at):
            return math.nan
        at = at[at > 0] if self.intercept else at
        beta = self.coefficients[at]
        solved = solve_information(self.covariance[np.ix_(at, at)], beta)
        return math.nan if solved is None else float(beta @ solved)

    def _frame(self, columns: dict[str, list[Any]], kinds: dict[str, Any]) -> Any:
        # pandas infers the same kinds itself, while a declared string column would hold the word "None"
        declared = None if self.frame_kind == "pandas" else kinds
        return nw.from_dict(columns, declared, backend=self.frame_kind).to_native()


def check_conf_level(level: float) -> float:
    """A confidence level strictly between 0 and 1, or a DesignError."""
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0.0 < level < 1.0:
        raise DesignError(Fault("conf_level", repr(level), "a number between 0 and 1, such as 0.95"))
    return float(level)


def describe(fit: Fit) -> str:
    """The fit as text that fits a screen: model, scale, direction, one line a term, what it rests on."""
    width = max([len(term) for term in fit.terms] + [4])
    head = f"{'term':<{width}}  {'estimate':>10} {'std_error':>10} {'conf_low':>10} {'conf_high':>10} {'p_value':>9}"
    lines = [f"{fit.model}: {_basis(fit)}", f"{fit.measure} {fit.direction}", head]
    shown = fit.terms if len(fit.terms) <= 40 else fit.terms[:40]
    lines += [_line(fit, j, width) for j in range(len(shown))]
    if len(shown) < len(fit.terms):
        lines.append(f"… and {len(fit.terms) - len(shown)} more terms")
    ending = "converged" if fit.convergence.converged else "did not converge"
    lines.append(
        f"log-likelihood {fit.log_likelihood:.6g} (without effects {fit.log_likelihood_null:.6g}), "
        f"{ending} after {fit.convergence.iterations} iterations"
    )
    lines.append(f"{fit.variance} variance, {100 * fit.conf_level:g} % Wald intervals")
    return "\n".join(lines)


def _basis(fit: Fit) -> str:
    parts = [f"{fit.rows:,} rows"]
    if fit.persons is not None:
        parts.append(f"{fit.persons:,} persons")
    if fit.events is not None:
        parts.append(f"{fit.events:,} events")
    if fit.strata is not None:
        parts.append(f"{fit.informative_strata:,} of {fit.strata:,} {fit.strata_name} informative")
    return ", ".join(parts)


def _line(fit: Fit, j: int, width: int) -> str:
    name, reason = fit.terms[j], fit.reasons[j]
    if reason is not None:
        others = fit.aliases.get(name, ())
        with_what = f" ({', '.join(others)})" if others else ""
        return f"{name:<{width}}  {reason}: {REASON_TEXT[reason]}{with_what}"
    row = fit.estimate(name)
    numbers = " ".join(f"{value:>10.4g}" for value in (row.estimate, row.std_error, row.conf_low, row.conf_high))
    return f"{name:<{width}}  {numbers} {row.p_value:>9.3g}"


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
