"""The step that fits the models of a follow-up design: every quantity asked for, crude and adjusted."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from math import log
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from equipoise.analysis_set import AnalysisSet
from equipoise.data.source import Source
from equipoise.errors import Reason
from equipoise.estimators.cumulative_incidence import compare_cumulative_incidence
from equipoise.estimators.fine_gray import fit_fine_gray
from equipoise.estimators.fit import Fit
from equipoise.estimators.survival_curve_comparison import compare_survival_curves
from equipoise.estimators.survival_curve_result import SurvivalCurve
from equipoise.runner.artifact import Artifact
from equipoise.runner.balance import adjustment_row, balance_rows
from equipoise.runner.diagnose import diagnostic_rows
from equipoise.runner.estimate import OVERALL, ratio_numbers
from equipoise.runner.follow_up_protocol import FollowUpProtocol, read_follow_up
from equipoise.runner.layers import ADJUSTED, CRUDE, Layer, Propensity, Setting, adjusted, by_propensity, crude
from equipoise.runner.packing import unpack_analysis_set
from equipoise.runner.risks import Quantity, outcome_only, restricted_means, risk_contrasts, risks_at
from equipoise.spec.follow_up import Adjustment, Estimator, PropensityScore

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
KAPLAN_MEIER, AALEN_JOHANSEN = "Kaplan-Meier estimate", "Aalen-Johansen estimate"
ADJUSTMENT: TypeAdapter[Any] = TypeAdapter(Adjustment)


def estimates(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of estimates, adjustment, balance and diagnostics; an estimate that cannot be given has a reason."""
    made = _Estimates(unpack_analysis_set(inputs["analysis_set"]), subset)
    found = {"estimates": list(made.rows()), "adjustment": [], "balance": []}
    if made.propensity is not None:
        key = made.protocol.key(subset["id"]) | {"adjustment": made.layers[-1].label}
        found["adjustment"] = [key | adjustment_row(made.people, made.layers[-1], made.propensity)]
        found["balance"] = [key | row for row in balance_rows(made.propensity)]
    if "gate" in subset:
        key = made.protocol.key(subset["id"])
        rows = diagnostic_rows(made.layers[-1].rows, made.propensity, subset["gate"])
        found["diagnostics"] = [key | row for row in rows]
    return Artifact({}, found)


class _Estimates:
    """One comparison with what is asked of it."""

    def __init__(self, people: AnalysisSet, subset: Mapping[str, Any]):
        self.people, self.subset = people, subset
        self.protocol: FollowUpProtocol = read_follow_up(subset)
        self.estimator = Estimator.model_validate(subset["estimator"])
        self.arm = people.columns[0].name
        self.competing = bool(self.protocol.design.outcome.competing)
        conf_level = subset["conf_level"]
        self.setting = Setting(self.arm, self.estimator.ties, conf_level, self.competing, subset["seed"])
        days = self.protocol.design.follow_up.days
        self.times = sorted(self.estimator.time_points_days) or ([days] if days is not None else [])
        self.propensity: Propensity | None = None
        self.layers = [crude(people, self.setting), *self._adjusted()]

    def _adjusted(self) -> list[Layer]:
        given = ADJUSTMENT.validate_python(self.subset["adjustment"])
        if isinstance(given, PropensityScore):
            layer, self.propensity = by_propensity(self.people, given, self.setting)
            return [layer]
        return [adjusted(self.people, self.setting)] if self.subset["adjust_for"] else []

    def rows(self) -> Iterator[Row]:
        made: dict[str, Callable[[Layer], Iterator[Row]]] = {
            "cox": self._cox,
            "survival": self._risks,
            "cumulative_incidence": self._risks,
            "rmst": self._restricted_means,
            "logrank": self._log_rank,
            "fine_gray": self._fine_gray,
        }
        for kind in self.estimator.kinds:
            for layer in self.layers:
                yield from made[kind](layer)

    def _cox(self, layer: Layer) -> Iterator[Row]:
        interval = self.subset["interval"] if layer.label in (CRUDE, ADJUSTED) else "wald"
        numbers = self._hazards(layer, layer.cox, interval)
        yield self._row(layer, "hazard_ratio", f"Cox regression, {self.estimator.ties} ties") | numbers

    def _fine_gray(self, layer: Layer) -> Iterator[Row]:
        plain = layer.plain
        if plain is None or plain.stratum is not None:
            return

        def fit() -> Fit:
            convention = "finegray" if plain.start.any() else "crr"
            return fit_fine_gray(plain, cause=1, convention=convention, conf_level=self.setting.conf_level)

        numbers = self._hazards(layer, fit, "wald")
        yield self._row(layer, "subdistribution_hazard_ratio", "Fine-Gray regression") | numbers

    def _hazards(self, layer: Layer, fit: Callable[[], Fit], interval: Any) -> Row:
        reason = layer.reason or _no_events(layer.rows)
        return {"reason": reason} if reason else ratio_numbers(fit().estimate(self.arm, interval=interval))

    def _risks(self, layer: Layer) -> Iterator[Row]:
        if layer.curve is None:
            return
        curve = None if layer.reason else layer.curve()
        model = AALEN_JOHANSEN if self.competing else KAPLAN_MEIER
        reference, target = self.protocol.arm_labels
        by_arm = risks_at(curve, self.times) if curve else None
        pairs = {
            measure: risk_contrasts(curve, self.times, measure) if curve else None
            for measure in ("difference", "ratio")
        }
        for i, time in enumerate(self.times):
            for arm, label in ((1, target), (0, reference)):
                row = self._row(layer, "risk", model, time, f"risk: {label}")
                number = by_arm[arm][i] if by_arm else None
                yield row | {"target_level": label, "reference_level": None} | _plain(number, layer)
            for measure, found in pairs.items():
                row = self._row(layer, f"risk_{measure}", model, time, f"risk {measure}")
                number = found[i] if found else None
                yield row | (_ratio(number, layer) if measure == "ratio" else _plain(number, layer))

    def _restricted_means(self, layer: Layer) -> Iterator[Row]:
        if layer.curve is None:
            return
        curve = None if layer.reason else layer.curve()
        reference, target = self.protocol.arm_labels
        for time in self.times:
            found = restricted_means(curve, time) if isinstance(curve, SurvivalCurve) else None
            for at, label in ((1, target), (0, reference)):
                row = self._row(layer, "rmst", KAPLAN_MEIER, time, f"restricted mean: {label}")
                number = found[at] if found else None
                yield row | {"target_level": label, "reference_level": None} | _plain(number, layer)
            row = self._row(layer, "rmst_difference", KAPLAN_MEIER, time, "difference in restricted mean")
            yield row | _plain(found[2] if found else None, layer)

    def _log_rank(self, layer: Layer) -> Iterator[Row]:
        if layer.label != CRUDE:
            return
        row = self._row(layer, "log_rank_statistic", "log-rank test", None, "log-rank test")
        found = None if layer.reason else compare_survival_curves(outcome_only(self.people), by="arm")
        yield row | _test(found, layer)
        if self.competing and not self.people.start.any():
            row = self._row(layer, "gray_statistic", "Gray's test", None, "Gray's test")
            gray = None if layer.reason else compare_cumulative_incidence(self.people, by="arm")
            yield row | _test(gray, layer)

    def _row(self, layer: Layer, measure: str, model: str, time: int | None = None, term: str | None = None) -> Row:
        reference, target = self.protocol.arm_labels
        return self.protocol.key(self.subset["id"]) | {
            "window": self.protocol.design.window,
            "reading": None,
            "subgroup": OVERALL,
            "subgroup_level": OVERALL,
            "outcome": self.subset["outcome"],
            "time_point_days": time,
            "adjustment": layer.label,
            "contrast": self.protocol.contrast_label,
            "model": model,
            "term": term or self.arm,
            "measure": measure,
            "target_level": target,
            "reference_level": reference,
            **_counts(layer.rows),
        }


def _test(found: Any, layer: Layer) -> Row:
    """A test's statistic with its p-value; of tests by cause, that of the outcome."""
    if found is None:
        return {"reason": layer.reason}
    reasons = getattr(found, "reasons", None)
    reason = found.reason if reasons is None else reasons[0]
    if reason is not None:
        return {"reason": reason}
    statistic, p_value = np.atleast_1d(found.statistic)[0], np.atleast_1d(found.p_value)[0]
    return {"estimate": float(statistic), "p_value": float(p_value), "reason": None}


def _plain(number: Quantity | None, layer: Layer) -> Row:
    return {"reason": layer.reason} if number is None else asdict(number)


def _ratio(number: Quantity | None, layer: Layer) -> Row:
    made = _plain(number, layer)
    estimate = made.get("estimate")
    return made | {"log_estimate": log(estimate) if estimate else None}


def _no_events(people: AnalysisSet) -> Reason | None:
    return None if (people.event == 1).any() else Reason.NO_EVENTS


def _counts(people: AnalysisSet) -> Row:
    target, event = people.arm == 1, people.event == 1
    return {
        "n_persons": len(people),
        "n_cases": int(event.sum()),
        "n_exposed_cases": int((target & event).sum()),
        "n_exposed_controls": int((target & ~event).sum()),
    }
