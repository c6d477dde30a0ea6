"""How weights follow from scores: estimand, stabilisation, truncation; and how they change with what was estimated."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.kernels.balancing_weights import ATC, ATE, ATM, ATO, ATT, ESTIMANDS, balancing_weights

NAMES = {"overlap": ATO, "matching": ATM}
LARGEST = 1e100  # sums of squares then stay far from the largest number
KINK = 1e-9  # logits as close to 0 as this have a score of one half
Limits = float | Sequence[float] | None


@dataclass(frozen=True, slots=True)
class Truncation:
    """What truncation did: weights outside `low` to `high` were set to these limits.

    rule          in words, "none" where there was no truncation
    below, above  persons whose weight was raised to `low`, lowered to `high`
    """

    rule: str = "none"
    low: float = 0.0
    high: float = float("inf")
    below: int = 0
    above: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class RuledWeights:
    """Weights float64 (n,), their derivatives by the score's logit and by the share of the target arm (0 where the
    share does not enter), both 0 where a weight was truncated; and what truncation did."""

    weights: np.ndarray
    by_logit: np.ndarray
    by_share: np.ndarray
    truncation: Truncation


@dataclass(frozen=True, slots=True)
class WeightRule:
    """estimand as in `kernels.balancing_weights`; percentiles or limits as (low, high), None for none."""

    estimand: str
    stabilised: bool
    percentiles: tuple[float, float] | None
    limits: tuple[float, float] | None

    def apply(self, logit: np.ndarray, arm: np.ndarray) -> RuledWeights:
        """The weights of persons with these logits (n,) and arms (n,)."""
        with np.errstate(over="ignore"):
            weight, slope = balancing_weights(self.estimand, logit, arm)
        by_share = np.zeros(len(arm))
        if self.stabilised:
            share = np.where(arm, arm.mean(), 1.0 - arm.mean())
            by_share = np.where(arm, weight, -weight)
            weight, slope = weight * share, slope * share
        low, high = self._between(weight, arm)
        weighed = self._weighed(arm)
        below, above = weighed & (weight < low), weighed & (weight > high)
        free = ~(below | above)
        weight = np.where(weighed, np.clip(weight, low, high), weight)
        _refuse_huge(weight)
        truncation = Truncation(self._words, low, high, int(below.sum()), int(above.sum()))
        return RuledWeights(weight, np.where(free, slope, 0.0), np.where(free, by_share, 0.0), truncation)

    def has_kink(self, logit: np.ndarray) -> bool:
        """Whether some weight has no derivative: matching weights at a score of one half."""
        return self.estimand == ATM and bool((np.abs(logit) < KINK).any())

    def _weighed(self, arm: np.ndarray) -> np.ndarray:
        """Who has a weight that depends on the score: with ATT and ATC the other arm alone."""
        if self.estimand == ATT:
            return ~arm
        return arm if self.estimand == ATC else np.ones(len(arm), np.bool_)

    def _between(self, weight: np.ndarray, arm: np.ndarray) -> tuple[float, float]:
        if self.limits is not None:
            return self.limits
        if self.percentiles is None:
            return 0.0, float("inf")
        ordered = np.sort(weight[self._weighed(arm)])
        low, high = self.percentiles
        return _at(ordered, low) if low > 0.0 else 0.0, _at(ordered, high) if high < 100.0 else float("inf")

    @property
    def _words(self) -> str:
        if self.limits is not None:
            return "at fixed limits"
        if self.percentiles is None:
            return "none"
        low, high = self.percentiles
        return "at percentiles " + " and ".join(f"{p:g}" for p, inner in ((low, low > 0), (high, high < 100)) if inner)


def weight_rule(estimand: str, stabilised: bool, percentile: Limits, at: Limits) -> WeightRule:
    """The rule asked for; unknown estimands and limits that are none are refused."""
    known = NAMES.get(estimand, estimand) if isinstance(estimand, str) else estimand
    if known not in ESTIMANDS:
        raise UnsupportedError(Fault("estimand", repr(estimand), ", ".join((*ESTIMANDS, *NAMES))))
    if not isinstance(stabilised, bool | np.bool_):
        raise DesignError(Fault("stabilised", repr(stabilised), "True or False"))
    if stabilised and known != ATE:
        raise UnsupportedError(
            Fault("stabilised", f"True beside estimand {known}", "estimand ATE", "these weights are bounded or scaled")
        )
    if percentile is not None and at is not None:
        raise DesignError(Fault("truncate_at", "given beside truncate_percentile", "one of the two"))
    percentiles = _pair("truncate_percentile", percentile, 0.0, 100.0)
    if percentiles is not None and np.isscalar(percentile) and percentiles[1] <= 50.0:
        allowed = "the percentile to which larger weights are lowered, such as 99"
        raise DesignError(Fault("truncate_percentile", f"{percentiles[1]:g}", allowed))
    return WeightRule(known, bool(stabilised), percentiles, _pair("truncate_at", at, 0.0, float("inf")))


def _pair(where: str, given: Limits, least: float, most: float) -> tuple[float, float] | None:
    """One number is the upper limit, two are the lower and the upper."""
    if given is None:
        return None
    try:
        if isinstance(given, bool):
            raise TypeError
        values = np.asarray(given, np.float64)
        low, high = (least, float(values)) if values.ndim == 0 else map(float, values)
    except (TypeError, ValueError):
        raise DesignError(Fault(where, repr(given), "a number, or a lower and an upper one")) from None
    if not least <= low < high <= most:
        raise DesignError(Fault(where, repr(given), f"numbers between {least:g} and {most:g}, the lower one first"))
    return low, high


def _at(ordered: np.ndarray, percentile: float) -> float:
    """The percentile as an order statistic, the one whose rank is nearest (R's type 3): a weight that occurs."""
    rank = round(len(ordered) * percentile / 100.0)
    return float(ordered[min(max(rank, 1), len(ordered)) - 1]) if len(ordered) else float("nan")


def _refuse_huge(weight: np.ndarray) -> None:
    huge = int(np.count_nonzero(~(weight <= LARGEST)))
    if huge:
        raise DesignError(
            Fault(
                "score",
                f"{huge:,} scores so close to 0 or 1 that weights exceed {LARGEST:g}",
                "arms that overlap",
                "trim the data, truncate the weights, or weigh for the overlap population",
            )
        )
