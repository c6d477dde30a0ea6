"""`LinearMixedFit`: a fitted linear mixed model with its variance components and the effects of every person."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import Fit, Interval, check_conf_level, describe
from equipoise.estimators.linear_mixed_components import Component
from equipoise.estimators.linear_mixed_rows import MixedRows
from equipoise.estimators.survival_curve_frames import frame_of

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
MARGINAL, CONDITIONAL, PEARSON = "marginal", "conditional", "pearson"
POPULATION, PERSON = "population", "person"


@dataclass(frozen=True, slots=True, eq=False)
class PersonEffects:
    """The rows of the fit, beta (p,) of their terms, and of m persons: labels, mean (m, q), covariance (m, q, q).

    place (n,): where each row's person stands among them.
    """

    rows: MixedRows
    beta: np.ndarray
    labels: np.ndarray | list[str]
    place: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class LinearMixedFit(Fit):
    """A fitted linear mixed model: a `Fit` of the fixed effects with the components of variance beside them.

    method             "reml" or "ml"
    components         standard deviations, correlations, and the residual standard deviation last
    sigma              residual standard deviation
    random_terms       names of the random effects, q of them
    random_covariance  float64 (q, q), of the random effects
    n_parameters       fixed effects and (co)variances that were estimated
    singular           whether the maximum lies where a variance is zero or a correlation 1 or -1
    """

    method: str
    components: tuple[Component, ...]
    sigma: float
    random_terms: tuple[str, ...]
    random_covariance: np.ndarray
    n_parameters: int
    singular: bool
    effects: PersonEffects | None = field(repr=False)

    def tidy(self, *, exponentiate: bool = False, conf_level: float | None = None, interval: Interval = "wald") -> Any:
        """One row a fixed effect, then one a component of variance: term, estimate, std_error, conf_low, conf_high,
        p_value, reason.

        Components are standard deviations ("sd ...") and correlations ("cor ..., ..."), with limits from the log and
        the Fisher-z scale and without p-values; a variance of zero is an estimate of 0 with the reason BOUNDARY.
        """
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        rows = [self._estimate(j, exponentiate, level, interval) for j in range(len(self.terms))]
        rows += [component.estimate(level) for component in self.components]
        columns: dict[str, Any] = {"term": [row.term for row in rows]}
        columns |= {name: np.array([getattr(row, name) for row in rows]) for name in NUMBERS}
        columns["reason"] = [row.reason for row in rows]
        return frame_of(columns, self.frame_kind)

    def glance(self) -> Any:
        """One row on the whole model: rows, persons, df (parameters estimated), iterations, log_likelihood, aic, bic
        (with the logarithm of the number of rows, as lme4), sigma, gradient_norm, converged, singular, method.
        """
        counts = {
            "rows": self.rows,
            "persons": self.persons,
            "df": self.n_parameters,
            "iterations": self.convergence.iterations,
        }
        numbers = {
            "log_likelihood": self.log_likelihood,
            "aic": 2.0 * (self.n_parameters - self.log_likelihood),
            "bic": self.n_parameters * math.log(max(self.rows, 1)) - 2.0 * self.log_likelihood,
            "sigma": self.sigma,
            "gradient_norm": self.convergence.gradient_norm,
        }
        ending = {"converged": self.convergence.converged, "singular": self.singular}
        kinds = dict.fromkeys(counts, nw.Int64()) | dict.fromkeys(numbers, nw.Float64())
        kinds |= dict.fromkeys(ending, nw.Boolean()) | {"method": nw.String()}
        whole = counts | numbers | ending | {"method": self.method}
        return self._frame({name: [value] for name, value in whole.items()}, kinds)

    def random_effects(self) -> Any:
        """Best linear unbiased predictions of every person's deviations: person, term, estimate, std_error.

        The standard error is the root of the variance of the effect given the person's outcomes, fixed effects and
        variance components taken as known (lme4's condVar).
        """
        effects = self._known()
        m, q = effects.mean.shape
        labels = effects.labels
        person = np.repeat(labels, q) if isinstance(labels, np.ndarray) else [name for name in labels for _ in range(q)]
        errors = np.sqrt(np.maximum(effects.covariance.diagonal(axis1=1, axis2=2), 0.0))
        return frame_of(
            {
                "person": person,
                "term": list(self.random_terms) * m,
                "estimate": effects.mean.ravel(),
                "std_error": errors.ravel(),
            },
            self.frame_kind,
        )

    def residuals(self, kind: str = CONDITIONAL) -> np.ndarray:
        """Residuals in the order of the rows, float64 (n,).

        "marginal": outcome less fixed effects; "conditional": less the person's own effects, too; "pearson": the latter
        in units of the residual standard deviation.
        """
        if kind not in (MARGINAL, CONDITIONAL, PEARSON):
            found = Fault(f"residuals of kind {kind!r}", "not offered", ", ".join((MARGINAL, CONDITIONAL, PEARSON)))
            raise UnsupportedError(found)
        residual = self._known().rows.y - self.fitted_values(POPULATION if kind == MARGINAL else PERSON)
        return residual / self.sigma if kind == PEARSON else residual

    def fitted_values(self, level: str = PERSON) -> np.ndarray:
        """Expected outcomes of the rows, float64 (n,): of the "population", or of each "person"."""
        effects = self._known()
        mean = effects.rows.x @ effects.beta
        if _check_level(level) == POPULATION:
            return mean
        return mean + np.einsum("nq,nq->n", effects.rows.z, effects.mean[effects.place])

    def predict(self, at: Mapping[str, Any], person: Any = None) -> np.ndarray:
        """Expected outcomes at given terms: of the population, or of one person of the data.

        `at` maps every fixed and random term but the intercept to a number or an array of them (0 or 1 for a level of a
        factor). A person not among the data is an error: use the population.
        """
        effects = self._known()
        needed = dict.fromkeys((*effects.rows.terms[1:], *self.random_terms[1:]))
        unknown = [name for name in at if name not in (*self.terms, *needed)]
        missing = [name for name in needed if name not in at]
        if unknown or missing:
            found = f"unknown {', '.join(unknown) or 'none'}; absent {', '.join(missing) or 'none'}"
            raise DesignError(Fault("at", found, ", ".join(needed)))
        values = np.broadcast_arrays(1.0, *(np.asarray(at[name], np.float64) for name in needed))
        column = dict(zip(("", *needed), (np.atleast_1d(v) for v in values), strict=True))
        x = np.stack([column[""], *(column[name] for name in effects.rows.terms[1:])], axis=-1)
        if person is None:
            return x @ effects.beta
        z = np.stack([column[""], *(column[name] for name in self.random_terms[1:])], axis=-1)
        return x @ effects.beta + z @ effects.mean[self._place_of(person)]

    def __repr__(self) -> str:
        fixed, *_ = describe(self).split("\nlog-likelihood")
        lines = [fixed, *(_line(component, self.conf_level) for component in self.components)]
        ending = "converged" if self.convergence.converged else "did not converge"
        lines.append(
            f"log-likelihood {self.log_likelihood:.6g}, {ending} after {self.convergence.iterations} iterations"
        )
        if self.singular:
            lines.append("on the boundary: a variance of zero, or random effects that determine one another")
        lines.append(
            f"{100 * self.conf_level:g} % Wald intervals: normal; of sd on the log, of cor on the Fisher-z scale"
        )
        return "\n".join(lines)

    def _known(self) -> PersonEffects:
        if self.effects is None:
            reason = next(reason for reason in self.reasons if reason is not None)
            raise UnsupportedError(Fault(self.model, f"no estimates: {REASON_TEXT[reason]}", "a fit with estimates"))
        return self.effects

    def _place_of(self, person: Any) -> int:
        labels = self._known().labels
        wanted = person if isinstance(labels, np.ndarray) else str(person)
        at = np.flatnonzero(np.asarray(labels) == wanted)
        if not len(at):
            raise DesignError(Fault("person", "not among the data", "a person of the data", "leave `person` out"))
        return int(at[0])


def _check_level(level: str) -> str:
    if level not in (POPULATION, PERSON):
        raise UnsupportedError(Fault("level", repr(level), f"{POPULATION}, {PERSON}"))
    return level


def _line(component: Component, conf_level: float) -> str:
    if component.reason not in (None, Reason.BOUNDARY):
        return f"{component.term}  {component.reason}: {REASON_TEXT[component.reason]}"
    row = component.estimate(conf_level)
    if component.reason is not None:
        return f"{row.term}  {row.estimate:.4g}  {component.reason}: {REASON_TEXT[component.reason]}"
    return f"{row.term}  {row.estimate:.4g} ({row.conf_low:.4g} to {row.conf_high:.4g})"
