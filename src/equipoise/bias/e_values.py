"""How strong unmeasured confounding would have to be to explain an estimate away: `compute_e_value`."""

import math
from dataclasses import dataclass
from typing import Literal

from equipoise.errors import DesignError, Fault, UnsupportedError

Measure = Literal["risk_ratio", "rate_ratio", "odds_ratio", "hazard_ratio"]
MEASURES = ("risk_ratio", "rate_ratio", "odds_ratio", "hazard_ratio")


@dataclass(frozen=True, slots=True)
class EValue:
    """The E-values of an estimate and of the limit nearest to the hypothesis (None without limits).

    estimate, limit  risk ratios that a confounder would need with both exposure and outcome, at least 1
    risk_ratio       the estimate as an approximate risk ratio
    """

    estimate: float
    limit: float | None
    risk_ratio: float

    def __repr__(self) -> str:
        said = "" if self.limit is None else f", {self.limit:.2f} for the limit"
        return f"E-value {self.estimate:.2f} for the estimate{said} (risk ratio {self.risk_ratio:.3g})"


def compute_e_value(
    estimate: float,
    conf_low: float | None = None,
    conf_high: float | None = None,
    *,
    measure: Measure = "risk_ratio",
    rare_outcome: bool = False,
    hypothesis: float = 1.0,
) -> EValue:
    """The least strength of association, as a risk ratio, that an unmeasured confounder would need with both exposure
    and outcome, beyond what was adjusted for, to move an estimate to a hypothesis.

    estimate, conf_low, conf_high  ratios, not logarithms
    measure       an odds ratio of a common outcome counts as its square root, a hazard ratio as
                  (1 - 0.5^sqrt(HR)) / (1 - 0.5^sqrt(1/HR)); rate and risk ratios as they are
    rare_outcome  below 15 % at the end of follow-up: odds and hazard ratios count as risk ratios
    hypothesis    ratio to which the estimate is moved

    E = R + sqrt(R (R - 1)) with R the ratio of estimate and hypothesis, or its inverse, above 1. Of limits that hold
    the hypothesis it is 1.

    Raises DesignError for ratios that are not positive and limits that do not enclose the estimate.

    Source: VanderWeele, Ding, Ann Intern Med 2017;167:268.

    Example:
        >>> compute_e_value(3.9, 1.8, 8.7)
        E-value 7.26 for the estimate, 3.00 for the limit (risk ratio 3.9)
    """
    if measure not in MEASURES:
        raise UnsupportedError(Fault("measure", repr(measure), ", ".join(MEASURES)))
    given = {"estimate": estimate, "conf_low": conf_low, "conf_high": conf_high, "hypothesis": hypothesis}
    faults = [
        Fault(name, repr(v), "a ratio above 0") for name, v in given.items() if v is not None and not 0 < v < math.inf
    ]
    low, high = conf_low or 0.0, conf_high or math.inf
    if not faults and not low <= estimate <= high:
        faults.append(Fault("conf_low, conf_high", "limits that do not enclose the estimate", "low, estimate, high"))
    if faults:
        raise DesignError(faults)
    as_risk = _to_risk_ratio(measure, rare_outcome)
    target, ratio = as_risk(hypothesis), as_risk(estimate)
    nearest = conf_low if ratio >= target else conf_high
    limit = None
    if nearest is not None:
        beyond = as_risk(nearest) > target if ratio >= target else as_risk(nearest) < target
        limit = _e_value(as_risk(nearest) / target) if beyond else 1.0
    return EValue(_e_value(ratio / target), limit, ratio)


def _e_value(ratio: float) -> float:
    above = max(ratio, 1.0 / ratio)
    return above + math.sqrt(above * (above - 1.0))


def _to_risk_ratio(measure: str, rare: bool):  # type: ignore[no-untyped-def]
    if rare or measure in ("risk_ratio", "rate_ratio"):
        return float
    if measure == "odds_ratio":
        return math.sqrt
    return lambda hazard: (1.0 - 0.5 ** math.sqrt(hazard)) / (1.0 - 0.5 ** math.sqrt(1.0 / hazard))
