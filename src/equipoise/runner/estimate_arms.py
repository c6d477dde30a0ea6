"""The step that fits the models of a follow-up design: every quantity asked for, crude and adjusted."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from math import log
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.data.source import Source
from equipoise.errors import Reason
from equipoise.estimators.cox import fit_cox
from equipoise.estimators.cumulative_incidence import compare_cumulative_incidence
from equipoise.estimators.fine_gray import fit_fine_gray
from equipoise.estimators.fit import Fit
from equipoise.estimators.survival_curve_comparison import compare_survival_curves
from equipoise.runner.artifact import Artifact
from equipoise.runner.estimate import OVERALL, ratio_numbers
from equipoise.runner.follow_up_protocol import FollowUpProtocol, read_follow_up
from equipoise.runner.packing import unpack_analysis_set
from equipoise.runner.risks import Quantity, outcome_only, restricted_means, risk_contrasts, risks_at
from equipoise.spec.follow_up import Estimator

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
CRUDE, ADJUSTED = "crude", "adjusted"
KAPLAN_MEIER, AALEN_JOHANSEN = "Kaplan-Meier estimate", "Aalen-Johansen estimate"


def estimates(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the estimates table, one for every estimate asked for, with a reason where there is no number."""
    return Artifact({}, {"estimates": list(_Estimates(unpack_analysis_set(inputs["analysis_set"]), subset).rows())})


class _Estimates:
    """One comparison with what is asked of it."""

    def __init__(self, people: AnalysisSet, subset: Mapping[str, Any]):
        self.people, self.subset = people, subset
        self.protocol: FollowUpProtocol = read_follow_up(subset)
        self.estimator = Estimator.model_validate(subset["estimator"])
        self.conf_level: float = subset["conf_level"]
        self.arm: Column = people.columns[0]
        self.competing = bool(self.protocol.design.outcome.competing)
        days = self.protocol.design.follow_up.days
        self.times = sorted(self.estimator.time_points_days) or ([days] if days is not None else [])
        self.reason = _nothing_to_compare(people)

    def rows(self) -> Iterator[Row]:
        made = {
            "cox": self._cox,
            "survival": self._risks,
            "cumulative_incidence": self._risks,
            "rmst": self._restricted_means,
            "logrank": self._log_rank,
            "fine_gray": self._fine_gray,
        }
        for kind in self.estimator.kinds:
            yield from made[kind]()

    def _cox(self) -> Iterator[Row]:
        def fit(rows: AnalysisSet) -> Fit:
            return fit_cox(outcome_only(rows), ties=self.estimator.ties, conf_level=self.conf_level)

        yield from self._models("hazard_ratio", f"Cox regression, {self.estimator.ties} ties", fit)

    def _fine_gray(self) -> Iterator[Row]:
        def fit(rows: AnalysisSet) -> Fit:
            convention = "finegray" if rows.start.any() else "crr"
            return fit_fine_gray(rows, cause=1, convention=convention, conf_level=self.conf_level)

        yield from self._models("subdistribution_hazard_ratio", "Fine-Gray regression", fit)

    def _models(self, measure: str, model: str, fit: Any) -> Iterator[Row]:
        regression = self.subset["adjustment"]["kind"] == "regression"
        adjusted = [ADJUSTED] if regression and self.subset["adjust_for"] else []
        for adjustment in (CRUDE, *adjusted):
            roles = ("exposure",) if adjustment == CRUDE else ("exposure", "covariate", "interaction")
            rows = self.people.select([column.name for column in self.people.columns if column.role in roles])
            numbers: Row = {"reason": self.reason or _no_events(rows)}
            if numbers["reason"] is None:
                interval = "wald" if measure != "hazard_ratio" else self.subset["interval"]
                numbers = ratio_numbers(fit(rows).estimate(self.arm.name, interval=interval))
            yield self._row(measure, model, adjustment) | numbers

    def _risks(self) -> Iterator[Row]:
        model = AALEN_JOHANSEN if self.competing else KAPLAN_MEIER
        reference, target = self.protocol.arm_labels
        asked = (self.times, self.competing, self.conf_level)
        by_arm = None if self.reason else risks_at(self.people, *asked)
        pairs = {measure: None if self.reason else risk_contrasts(self.people, *asked, measure)
                 for measure in ("difference", "ratio")}  # fmt: skip
        for i, time in enumerate(self.times):
            for arm, label in ((1, target), (0, reference)):
                row = self._row("risk", model, CRUDE, time, f"risk: {label}")
                yield (
                    row
                    | {"target_level": label, "reference_level": None}
                    | self._plain(by_arm[arm][i] if by_arm else None)
                )
            for measure, found in pairs.items():
                row = self._row(f"risk_{measure}", model, CRUDE, time, f"risk {measure}")
                number = found[i] if found else None
                yield row | (self._ratio(number) if measure == "ratio" else self._plain(number))

    def _restricted_means(self) -> Iterator[Row]:
        reference, target = self.protocol.arm_labels
        for time in self.times:
            found = None if self.reason else restricted_means(self.people, time, self.conf_level)
            for at, label in ((1, target), (0, reference)):
                row = self._row("rmst", KAPLAN_MEIER, CRUDE, time, f"restricted mean: {label}")
                yield row | {"target_level": label, "reference_level": None} | self._plain(found[at] if found else None)
            row = self._row("rmst_difference", KAPLAN_MEIER, CRUDE, time, "difference in restricted mean")
            yield row | self._plain(found[2] if found else None)

    def _log_rank(self) -> Iterator[Row]:
        row = self._row("log_rank_statistic", "log-rank test", CRUDE, None, "log-rank test")
        found = None if self.reason else compare_survival_curves(outcome_only(self.people), by="arm")
        yield row | self._test(found, 0)
        if self.competing and not self.people.start.any():
            row = self._row("gray_statistic", "Gray's test", CRUDE, None, "Gray's test")
            gray = None if self.reason else compare_cumulative_incidence(self.people, by="arm")
            yield row | self._test(gray, 0)

    def _test(self, found: Any, at: int) -> Row:
        if found is None:
            return {"reason": self.reason}
        reasons = getattr(found, "reasons", None)
        reason = found.reason if reasons is None else reasons[at]
        if reason is not None:
            return {"reason": reason}
        statistic, p_value = np.atleast_1d(found.statistic)[at], np.atleast_1d(found.p_value)[at]
        return {"estimate": float(statistic), "p_value": float(p_value), "reason": None}

    def _plain(self, number: Quantity | None) -> Row:
        if number is None:
            return {"reason": self.reason}
        return asdict(number)

    def _ratio(self, number: Quantity | None) -> Row:
        made = self._plain(number)
        estimate = made.get("estimate")
        return made | {"log_estimate": log(estimate) if estimate else None}

    def _row(self, measure: str, model: str, adjustment: str, time: int | None = None, term: str | None = None) -> Row:
        reference, target = self.protocol.arm_labels
        return self.protocol.key(self.subset["id"]) | {
            "window": self.protocol.design.window,
            "reading": None,
            "subgroup": OVERALL,
            "subgroup_level": OVERALL,
            "outcome": self.subset["outcome"],
            "time_point_days": time,
            "adjustment": adjustment,
            "contrast": self.protocol.contrast_label,
            "model": model,
            "term": term or self.arm.name,
            "measure": measure,
            "target_level": target,
            "reference_level": reference,
            **_counts(self.people),
        }


def _nothing_to_compare(people: AnalysisSet) -> Reason | None:
    assert people.arm is not None
    return Reason.ONE_ARM_EMPTY if len(np.unique(people.arm)) < 2 else None


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
