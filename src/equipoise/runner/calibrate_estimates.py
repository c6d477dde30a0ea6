"""From the estimates of negative controls to empirical nulls, calibrated estimates and the gate's verdict on them.

It works on the tables of a run before and after suppression. Nulls rest on every control, shown or not; where the
estimate of one is hidden, mean, sd and their limits are rounded before anything else is made of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from equipoise.bias.calibration import calibrate_intervals, calibrate_p_values
from equipoise.bias.calibration_check import FEWEST, assess_calibration
from equipoise.bias.null_distribution import EmpiricalNull, fit_null
from equipoise.bias.systematic_error import SystematicErrorModel
from equipoise.diagnostics.gate import Gate, assess_gate
from equipoise.results.tables import schema_of
from equipoise.runner.calibrate_effects import ErrorOfEffects, Known, fit_error_of_effects, hide_made_of_hidden
from equipoise.spec.gate import GateRules
from equipoise.spec.study import Study

Row = dict[str, Any]
DESIGN = ("analysis", "comparison", "window", "reading", "adjustment", "measure")
RATIOS = ("odds_ratio", "hazard_ratio")
OVERALL, CRUDE = "overall", "crude"
DECIMALS = 2  # of a null when the estimate of a control is hidden
EXACT = 12  # and otherwise
SIGNIFICANT = 0.05


def calibrated(before: Mapping[str, pa.Table], shown: Mapping[str, pa.Table], study: Study) -> dict[str, pa.Table]:
    """The tables as they are shown, with `empirical_null`, and what follows from it in other tables.

    `before` are the tables before suppression. A study without negative controls keeps its tables as they are.
    """
    if not before["negative_controls"].num_rows:
        return dict(shown)
    names = ("negative_controls", "positive_controls", "estimates", "diagnostics")
    rows = {name: shown[name].to_pylist() for name in names}
    asked = [row for row in rows["estimates"] if row["measure"] in RATIOS and row["subgroup"] == OVERALL]
    negative, positive = (before[name].to_pylist() for name in ("negative_controls", "positive_controls"))
    controls = _by_design(negative, rows["negative_controls"])
    nulls = {key: _null(key, controls[key[:-1]]) for key in dict.fromkeys(map(_key, asked)) if key[:-1] in controls}
    rows["empirical_null"] = [null.row() for null in nulls.values()]
    levels = {analysis.id: analysis.conf_level for analysis in study.every_analysis()}
    effects = _effects(negative, positive, rows, nulls, levels)
    rows["systematic_error"] = [_keys(key) | found.row for key, found in effects.items()]
    for members in controls.values():
        _calibrate_controls(members)
    for row in asked:
        if (null := nulls.get(_key(row))) is not None and row["estimate"] is not None:
            model = effects[null.key].model if null.key in effects else None
            row |= null.calibrated(row, levels[row["analysis"]], model)
    if study.gate is not None and study.gate.systematic_error is not None:
        for row in (row for row in rows["diagnostics"] if row["diagnostic"] == "systematic_error"):
            row |= _verdict(_judged(row, nulls.values()), study.gate)
    made = {name: pa.Table.from_pylist(content, schema=schema_of(name).arrow) for name, content in rows.items()}
    return dict(shown) | made


@dataclass(frozen=True, slots=True)
class Control:
    """One control: its estimate, and its row as it is shown."""

    exposure: str
    kind: str
    log_estimate: float
    std_error: float
    row: Row

    @property
    def hidden(self) -> bool:
        return np.isfinite(self.log_estimate) and self.row["log_estimate"] is None


@dataclass(frozen=True, slots=True)
class Null:
    """The systematic error of one kind of estimate of one exposure, in the numbers that are shown."""

    key: tuple[Any, ...]
    n_controls: int
    fitted: EmpiricalNull
    numbers: Mapping[str, float | None]

    @property
    def used(self) -> EmpiricalNull | None:
        """The null as it is shown, None where it has no numbers."""
        mean, sd = self.numbers["mean"], self.numbers["sd"]
        return None if mean is None or sd is None else EmpiricalNull(mean, sd, controls=self.fitted.controls)

    def row(self) -> Row:
        ease = None if self.used is None else self.used.expected_absolute_systematic_error()
        reason = self.fitted.reason
        counts = {"n_controls": self.n_controls, "n_usable": self.fitted.controls}
        return (
            _keys(self.key)
            | counts
            | dict(self.numbers)
            | {"ease": ease, "reason": None if reason is None else str(reason)}
        )

    def calibrated(self, row: Row, conf_level: float, model: SystematicErrorModel | None) -> Row:
        """The columns of an estimate that count systematic error; intervals by that of effects where it is known."""
        if self.used is None:
            return {}
        one = [row["log_estimate"]], [row["std_error"]]
        found = calibrate_intervals(model or self.used, *one, conf_level=conf_level).tidy(exponentiate=True).iloc[0]
        return {
            "calibrated_estimate": float(found["estimate"]),
            "calibrated_conf_low": float(found["conf_low"]),
            "calibrated_conf_high": float(found["conf_high"]),
            "calibrated_p_value": float(calibrate_p_values(self.used, *one)[0]),
        }


def _by_design(before: Sequence[Row], shown: Sequence[Row]) -> dict[tuple[Any, ...], list[Control]]:
    """Every control by the design it went through."""
    found: dict[tuple[Any, ...], list[Control]] = {}
    for row, out in zip(before, shown, strict=True):
        y, error = (np.nan if row[name] is None else float(row[name]) for name in ("log_estimate", "std_error"))
        control = Control(row["exposure"], row["kind"], y, error, out)
        found.setdefault(_key(row)[:-1], []).append(control)
    return found


def _effects(
    negative: Sequence[Row],
    positive: Sequence[Row],
    shown: Mapping[str, list[Row]],
    nulls: Mapping[tuple[Any, ...], Null],
    levels: Mapping[str, float],
) -> dict[tuple[Any, ...], ErrorOfEffects]:
    """The error of effects of every kind of estimate that positive controls went through."""
    seen = list(hide_made_of_hidden(shown["positive_controls"], shown["negative_controls"], DESIGN))
    found: dict[tuple[Any, ...], list[Known]] = {_key(row): [] for row in positive}
    for row, out in zip(negative, shown["negative_controls"], strict=True):
        if _key(row) in found and row["kind"] == "outcome":
            found[_key(row)].append(Known.of(row, 1.0, out["log_estimate"] is not None))
    for row, there in zip(positive, seen, strict=True):
        found[_key(row)].append(Known.of(row, row["effect"], there))
    return {
        key: fit_error_of_effects(
            known,
            EXACT if all(item.shown for item in known if np.isfinite(item.log_estimate)) else DECIMALS,
            levels[key[0]],
        )
        for key, known in found.items()
        if key in nulls
    }


def _keys(key: tuple[Any, ...]) -> Row:
    return dict(zip((*DESIGN, "exposure"), key, strict=True))


def _key(row: Row) -> tuple[Any, ...]:
    return (*(row[name] for name in DESIGN), row["exposure"])


def _null(key: tuple[Any, ...], controls: Sequence[Control]) -> Null:
    """From controls of the outcome with the same exposure, and all controls of exposure."""
    own = [control for control in controls if control.kind == "exposure" or control.exposure == key[-1]]
    fitted = fit_null(*_columns(own))
    low, high = fitted.expected_absolute_systematic_error_limits()
    given = {
        "mean": fitted.mean,
        "mean_low": fitted.mean_limits[0],
        "mean_high": fitted.mean_limits[1],
        "sd": fitted.sd,
        "sd_low": fitted.sd_limits[0],
        "sd_high": fitted.sd_limits[1],
        "ease_low": low,
        "ease_high": high,
    }
    decimals = DECIMALS if any(control.hidden for control in own) else EXACT
    numbers = {name: round(float(value), decimals) if np.isfinite(value) else None for name, value in given.items()}
    return Null(key, len(own), fitted, numbers | _shares([control for control in own if not control.hidden]))


def _columns(controls: Sequence[Control]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([item.log_estimate for item in controls]), np.array([item.std_error for item in controls])


def _shares(shown: Sequence[Control]) -> dict[str, float | None]:
    """How many controls that are shown are significant, as they are and each calibrated by the others."""
    usable = [control for control in shown if np.isfinite(control.log_estimate)]
    if len(usable) < FEWEST:
        return {"share_significant": None, "share_calibrated": None}
    table = assess_calibration(*_columns(usable))
    names = {"share_significant": "p_value", "share_calibrated": "calibrated_p_value"}
    return {name: float((table[column] < SIGNIFICANT).mean()) for name, column in names.items()}


def _calibrate_controls(controls: Sequence[Control]) -> None:
    """Each control that is shown, calibrated by the others that are: what is hidden has no part in it."""
    for exposure in dict.fromkeys(control.exposure for control in controls):
        own = [item for item in controls if item.kind == "exposure" or item.exposure == exposure]
        usable = [item for item in own if item.row["log_estimate"] is not None]
        if len(usable) < FEWEST:
            continue
        found = assess_calibration(*_columns(usable))["calibrated_p_value"].to_list()
        for control, p_value in zip(usable, found, strict=True):
            if control.exposure == exposure:
                control.row["calibrated_p_value"] = p_value


def _judged(row: Row, nulls: Iterable[Null]) -> EmpiricalNull | None:
    """The null of the estimate that a comparison is judged by: the adjusted one where there is one."""
    keys = ("analysis", "comparison", "exposure")
    found = [null.row() | {"used": null.used} for null in nulls]
    own = [item for item in found if all(item[name] == row[name] for name in keys) and item["measure"] in RATIOS]
    own.sort(key=lambda item: item["adjustment"] == CRUDE)
    return own[0]["used"] if own else None


def _verdict(null: EmpiricalNull | None, gate: GateRules) -> Row:
    only = Gate(
        balance=None,
        equipoise=None,
        detectable_ratio=None,
        systematic_error=gate.systematic_error,
        negative_controls=gate.negative_controls,
    )
    (verdict,) = assess_gate(only, null=null).verdicts
    return {"status": str(verdict.status), "value": verdict.value if np.isfinite(verdict.value) else None}
