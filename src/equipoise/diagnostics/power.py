"""What a comparison of two arms can detect before anybody looks at its estimate: `assess_power`."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.count_rows import source
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import normal_quantile


@dataclass(frozen=True, slots=True, repr=False)
class Power:
    """The smallest hazard ratio above 1 that the events can tell from 1.

    minimal_detectable_ratio  infinite without an event or with one arm empty, with a reason. Its inverse is the largest
                              detectable ratio below 1
    target, reference         persons
    events                    in both arms
    alpha, power, two_sided   of the test
    """

    minimal_detectable_ratio: float
    target: int
    reference: int
    events: int
    alpha: float
    power: float
    two_sided: bool
    reason: Reason | None = None

    def tidy(self) -> Any:
        """One row: minimal_detectable_ratio, target, reference, events, alpha, power, reason."""
        numbers = {"minimal_detectable_ratio": self.minimal_detectable_ratio, "alpha": self.alpha, "power": self.power}
        counts = {"target": self.target, "reference": self.reference, "events": self.events}
        columns: dict[str, Any] = {name: np.array([value], np.float64) for name, value in numbers.items()}
        columns |= {name: np.array([value], np.int64) for name, value in counts.items()}
        return frame_of(columns | {"reason": [self.reason]}, "pandas")

    def __repr__(self) -> str:
        head = f"Power: {self.target:,} persons in the target arm, {self.reference:,} in the reference arm"
        head += f", {self.events:,} events"
        if self.reason is not None:
            return f"{head}\n{self.reason}: {REASON_TEXT[self.reason]}"
        sides = "two" if self.two_sided else "one"
        return (
            f"{head}\nminimal detectable hazard ratio {self.minimal_detectable_ratio:.3f} "
            f"(power {100 * self.power:g} %, {sides}-sided alpha {self.alpha:g})"
        )


def assess_power(
    data: Any = None,
    *,
    arm: str | np.ndarray | None = None,
    event: str | np.ndarray | None = None,
    target: int | None = None,
    reference: int | None = None,
    events: int | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    two_sided: bool = True,
) -> Power:
    """The minimal detectable hazard ratio of two arms under Cox's model, from counts that say nothing of the effect.

    data, arm, event  rows with one person each: an AnalysisSet (its arm; events of cause 1) or a data frame with
                      columns of zeros and ones. Weights are not used: give those left after matching or trimming
    target, reference, events  or the counts themselves; events are those of both arms together

    exp(sqrt((z_power + z_alpha)^2 / (events p (1 - p)))), p the share of the target arm: CohortMethod's `computeMdrr`.

    Raises DesignError for counts that are not whole numbers from 0 up and levels not between 0 and 1; UnsupportedError
    for rows beside counts, or rows that split a person's time.

    Source: Schoenfeld, Biometrics 1983;39:499.

    Example:
        >>> from equipoise import assess_power
        >>> round(assess_power(target=500, reference=500, events=100).minimal_detectable_ratio, 4)
        1.7512
    """
    for name, level in (("alpha", alpha), ("power", power)):
        if not 0.0 < level < 1.0:
            raise DesignError(Fault(name, repr(level), "a number between 0 and 1"))
    counts = {"target": target, "reference": reference, "events": events}
    if data is not None:
        if given := [name for name, count in counts.items() if count is not None]:
            raise UnsupportedError(Fault(", ".join(given), "counts beside rows", "either of them"))
        counts = _counted(data, arm, event)
    whole = {name: _whole(name, count) for name, count in counts.items()}
    n1, n0, d = whole["target"], whole["reference"], whole["events"]
    reason = Reason.ONE_ARM_EMPTY if not (n1 and n0) else None if d else Reason.NO_EVENTS
    if reason is not None:
        return Power(math.inf, n1, n0, d, alpha, power, two_sided, reason)
    share = n1 / (n1 + n0)
    z = normal_quantile(power) + normal_quantile(1.0 - (alpha / 2.0 if two_sided else alpha))
    ratio = math.exp(abs(z) / math.sqrt(d * share * (1.0 - share)))
    return Power(ratio, n1, n0, d, alpha, power, two_sided)


def _counted(data: Any, arm: Any, event: Any) -> dict[str, int | None]:
    rows = source(data)
    own = rows.analysis_set
    if own is not None and own.n_persons < len(own):
        raise UnsupportedError(
            Fault(
                "AnalysisSet.person", "several rows a person", "one row a person", "give target, reference and events"
            )
        )
    is_target = rows.indicator(own.arm if own is not None and arm is None else arm, "arm") == 1.0
    happened = own.event == 1 if own is not None and event is None else rows.indicator(event, "event") == 1.0
    return {"target": int(is_target.sum()), "reference": int((~is_target).sum()), "events": int(happened.sum())}


def _whole(name: str, count: int | None) -> int:
    if count is None:
        raise DesignError(Fault(name, "not given", "rows, or target, reference and events"))
    if isinstance(count, bool) or count != int(count) or count < 0:
        raise DesignError(Fault(name, repr(count), "a whole number, 0 or more"))
    return int(count)
