"""Interaction on the additive scale from a model of ratios: `assess_additive_interaction`."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import LOG, Estimate, Fit, check_conf_level
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import normal_quantile, two_sided_p

RERI = "relative excess risk due to interaction"
AP = "attributable proportion"
SYNERGY = "synergy index"


@dataclass(frozen=True, slots=True)
class AdditiveInteraction:
    """Two exposures together, beside each alone: ratios, additive measures and the multiplicative one.

    first, second      ratio for one exposure alone against neither
    both               ratio for both against neither
    reri, ap, synergy  both - first - second + 1; that over both; (both - 1) / ((first - 1) + (second - 1))
    multiplicative     both / (first second), the ratio of ratios
    """

    first: Estimate
    second: Estimate
    both: Estimate
    reri: Estimate
    ap: Estimate
    synergy: Estimate
    multiplicative: Estimate
    conf_level: float
    frame_kind: str = field(default="pandas", repr=False)

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        return (self.first, self.second, self.both, self.reri, self.ap, self.synergy, self.multiplicative)

    def tidy(self) -> Any:
        """One row a quantity: term, measure, estimate, std_error, conf_low, conf_high, p_value, reason.

        Standard errors of ratios and of the synergy index are those of their logarithms.
        """
        rows = self.estimates
        columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in ("term", "measure")}
        for name in ("estimate", "std_error", "conf_low", "conf_high", "p_value"):
            columns[name] = np.array([getattr(row, name) for row in rows])
        return frame_of(columns | {"reason": [row.reason for row in rows]}, self.frame_kind)

    def __repr__(self) -> str:
        lines = [
            f"Additive interaction of {self.first.term} and {self.second.term}, {100 * self.conf_level:g} % intervals"
        ]
        for row in self.estimates:
            value = (
                f"{row.estimate:.4g} ({row.conf_low:.4g} to {row.conf_high:.4g})" if row.reason is None else row.reason
            )
            lines.append(f"  {row.measure} {row.term}: {value}")
        return "\n".join(lines)


def assess_additive_interaction(
    fit: Fit, first: str, second: str, *, product: str | None = None, conf_level: float | None = None
) -> AdditiveInteraction:
    """Whether two exposures together add more risk than the sum of what each adds alone.

    fit            a model of log ratios (odds, rate, risk or hazard) with both exposures and their product
    first, second  terms of the exposures, coded 0 for the reference and 1
    product        the term of their product, by default "first:second" or "second:first"

    Intervals are by the delta method (Hosmer, Lemeshow 1992): on the logarithm for ratios and the synergy index, on the
    scale itself for the excess risk (p-value against 0) and the attributable proportion. Odds ratios stand for risk
    ratios only where the outcome is rare. The measures compare with the doubly unexposed: where an exposure protects,
    recode it first, so that the reference has the lowest risk (Knol et al. 2011). The synergy index does not exist
    where the joint and the separate effects point in opposite directions.

    Raises DesignError for terms that are not in the model; UnsupportedError for a scale that is not a logarithm.

    Source: Rothman: Modern Epidemiology (1986), chapter 15; Hosmer, Lemeshow, Epidemiology 1992;3:452; Knol et al.,
    European Journal of Epidemiology 2011;26:433.

    Example:
        >>> from equipoise import assess_additive_interaction, fit_poisson
        >>> cells = {"smoke": [0, 0, 1, 1], "asbestos": [0, 1, 0, 1], "deaths": [11, 58, 123, 602],
        ...          "years": [100_000.0] * 4}
        >>> fit = fit_poisson(cells, outcome="deaths", person_time="years", covariates=["smoke", "asbestos"],
        ...                   interactions=[("smoke", "asbestos")])
        >>> round(assess_additive_interaction(fit, "smoke", "asbestos").reri.estimate, 3)  # (602-123-58+11)/11
        39.273
    """
    if not fit.measure.startswith(LOG):
        raise UnsupportedError(Fault("fit", f"a model of the {fit.measure}", "a model of a log ratio"))
    level = fit.conf_level if conf_level is None else check_conf_level(conf_level)
    at = [fit.index_of(first), fit.index_of(second), fit.index_of(_product(fit, first, second, product))]
    b, covariance = fit.coefficients[at], fit.covariance[np.ix_(at, at)]
    reason = next((fit.reasons[j] for j in at if fit.reasons[j] is not None), None)
    delta = _Delta(b, covariance, normal_quantile(0.5 + level / 2.0), fit.measure.removeprefix(LOG), reason)
    joint = f"{first} and {second}"
    return AdditiveInteraction(
        delta.ratio(first, [1.0, 0.0, 0.0]),
        delta.ratio(second, [0.0, 1.0, 0.0]),
        delta.ratio(joint, [1.0, 1.0, 1.0]),
        delta.reri(joint),
        delta.ap(joint),
        delta.synergy(joint),
        delta.ratio(fit.terms[at[2]], [0.0, 0.0, 1.0], "ratio of "),
        level,
        fit.frame_kind,
    )


@dataclass(frozen=True, slots=True)
class _Delta:
    """Quantities g(b) of b = (first, second, product) with variance g' V g, g' the gradient."""

    b: np.ndarray
    covariance: np.ndarray
    z: float
    measure: str
    reason: Reason | None

    @property
    def ratios(self) -> tuple[float, float, float]:
        """RR10, RR01, RR11."""
        first, second, product = (float(value) for value in self.b)
        return math.exp(first), math.exp(second), math.exp(first + second + product)

    def ratio(self, term: str, weights: list[float], prefix: str = "") -> Estimate:
        return self._on_logarithm(term, prefix + self.measure, float(self.b @ weights), np.array(weights))

    def reri(self, term: str) -> Estimate:
        r10, r01, r11 = self.ratios
        return self._plain(term, RERI, r11 - r10 - r01 + 1.0, np.array([r11 - r10, r11 - r01, r11]))

    def ap(self, term: str) -> Estimate:
        r10, r01, r11 = self.ratios
        gradient = np.array([r01 - 1.0, r10 - 1.0, r10 + r01 - 1.0]) / r11
        return self._plain(term, AP, (r11 - r10 - r01 + 1.0) / r11, gradient)

    def synergy(self, term: str) -> Estimate:
        r10, r01, r11 = self.ratios
        top, bottom = r11 - 1.0, r10 + r01 - 2.0
        if self.reason is None and not top * bottom > 0.0:
            return self._absent(term, SYNERGY, Reason.NOT_DEFINED)
        gradient = r11 / top - np.array([r10, r01, 0.0]) / bottom
        return self._on_logarithm(term, SYNERGY, math.log(top / bottom) if self.reason is None else math.nan, gradient)

    def _on_logarithm(self, term: str, measure: str, value: float, gradient: np.ndarray) -> Estimate:
        if self.reason is not None:
            return self._absent(term, measure, self.reason)
        error = math.sqrt(float(gradient @ self.covariance @ gradient))
        half = self.z * error
        limits = (math.exp(value - half), math.exp(value + half))
        return Estimate(term, measure, math.exp(value), error, *limits, _p_value(value, error), None)

    def _plain(self, term: str, measure: str, value: float, gradient: np.ndarray) -> Estimate:
        if self.reason is not None:
            return self._absent(term, measure, self.reason)
        error = math.sqrt(float(gradient @ self.covariance @ gradient))
        half = self.z * error
        return Estimate(term, measure, value, error, value - half, value + half, _p_value(value, error), None)

    @staticmethod
    def _absent(term: str, measure: str, reason: Reason) -> Estimate:
        return Estimate(term, measure, *(math.nan,) * 5, reason)


def _p_value(value: float, error: float) -> float:
    return two_sided_p(value / error) if error > 0.0 else math.nan


def _product(fit: Fit, first: str, second: str, product: str | None) -> str:
    if product is not None:
        return product
    for name in (f"{first}:{second}", f"{second}:{first}"):
        if name in fit.terms:
            return name
    raise DesignError(Fault("product", f"no term {first}:{second}", "a model with the product of the exposures"))
