"""From negative and positive controls to a model of systematic error at every true effect, for calibrated intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.bias.calibration import calibrate_intervals
from equipoise.bias.systematic_error import SystematicErrorModel, fit_systematic_error
from equipoise.estimators.tails import normal_quantile

Row = dict[str, Any]
PARAMETERS = ("mean_intercept", "mean_slope", "sd_intercept", "sd_slope")
NUMBERS = ("estimate", "conf_low", "conf_high", "p_value", "log_estimate", "std_error")
FEWEST = 8  # controls shown, below which nobody is told how many intervals hold


@dataclass(frozen=True, slots=True)
class Known:
    """The estimate of one control, of which the true ratio is known; `shown` says whether it is in the tables."""

    control: str
    effect: float
    log_estimate: float
    std_error: float
    shown: bool

    @classmethod
    def of(cls, row: Row, effect: float, shown: bool) -> "Known":
        y, error = (np.nan if row[name] is None else float(row[name]) for name in ("log_estimate", "std_error"))
        return cls(row["control"], effect, y, error, shown)


@dataclass(frozen=True, slots=True)
class ErrorOfEffects:
    """The model in the numbers that are shown, and its row of `systematic_error` without keys."""

    model: SystematicErrorModel | None
    row: Row


def fit_error_of_effects(known: Sequence[Known], decimals: int, conf_level: float) -> ErrorOfEffects:
    """The model of all controls, its parameters rounded; none where the controls do not tell it.

    Intervals whose shares are counted are those of the tables, at `conf_level`.
    """
    usable = [item for item in known if np.isfinite(item.log_estimate) and np.isfinite(item.std_error)]
    fitted = _fitted(usable)
    given = [float(value) for value in fitted.parameters]
    numbers = {
        name: round(value, decimals) if np.isfinite(value) else None
        for name, value in zip(PARAMETERS, given, strict=True)
    }
    counts = {
        "n_negative": sum(item.effect == 1.0 for item in usable),
        "n_positive": sum(item.effect != 1.0 for item in usable),
    }
    reason = {"reason": None if fitted.reason is None else str(fitted.reason)}
    row = counts | numbers | _shares([item for item in usable if item.shown], conf_level) | reason
    if None in numbers.values():
        return ErrorOfEffects(None, row)
    a, b, c, d = (float(numbers[name] or 0.0) for name in PARAMETERS)
    used = replace(fitted, mean_intercept=a, mean_slope=b, sd_intercept=c, sd_slope=d)
    return ErrorOfEffects(used, row)


def hide_made_of_hidden(positive: Sequence[Row], negative: Sequence[Row], same: Sequence[str]) -> Iterator[bool]:
    """Whether each positive control is shown; the numbers of those made of a control that is not are taken away.

    Its outcomes are the negative control's with others added, so that it would tell what is hidden there. That there
    are too few to add to tells of their number, too: it is said only where that number is shown.
    """
    seen = {_key(row, same) for row in negative if row["log_estimate"] is not None}
    counted = {_key(row, same) for row in negative if row["n_exposed_cases"] is not None}
    for row in positive:
        key = _key(row, same)
        if key not in (counted if row["log_estimate"] is None else seen):
            row |= dict.fromkeys(NUMBERS) | {"injected": None, "reason": "SMALL_CELLS"}
        yield key in seen


def _key(row: Row, same: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*same, "exposure", "control", "target_level"))


def _fitted(known: Sequence[Known]) -> SystematicErrorModel:
    y, error, effect = (
        np.array([getattr(item, name) for item in known]) for name in ("log_estimate", "std_error", "effect")
    )
    return fit_systematic_error(y, error, np.log(effect))


def _shares(shown: Sequence[Known], conf_level: float) -> Row:
    """Intervals that hold the true ratio, as they are and each calibrated by the controls of other outcomes."""
    if len(shown) < FEWEST:
        return {"share_covered": None, "share_calibrated": None}
    covered, calibrated = [], []
    z = normal_quantile(0.5 + conf_level / 2.0)
    for control in dict.fromkeys(item.control for item in shown):
        own = [item for item in shown if item.control == control]
        model = _fitted([item for item in shown if item.control != control])
        y, error, truth = (
            np.array([getattr(item, name) for item in own]) for name in ("log_estimate", "std_error", "effect")
        )
        covered += list(np.abs(y - np.log(truth)) <= z * error)
        if np.isfinite(model.parameters).all():
            found = calibrate_intervals(model, y, error, conf_level=conf_level)
            calibrated += list((found.conf_low <= np.log(truth)) & (np.log(truth) <= found.conf_high))
    return {
        "share_covered": float(np.mean(covered)),
        "share_calibrated": float(np.mean(calibrated)) if calibrated else None,
    }
