"""Rows of the estimates table of one follow-up comparison: every quantity asked for, from one or more layers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import Reason
from equipoise.estimators.cumulative_incidence import compare_cumulative_incidence
from equipoise.estimators.fine_gray import fit_fine_gray
from equipoise.estimators.fit import Fit
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.poisson import fit_poisson
from equipoise.estimators.rates import fit_incidence_rates
from equipoise.estimators.survival_curve_comparison import compare_survival_curves
from equipoise.estimators.survival_curve_result import SurvivalCurve
from equipoise.runner.estimate import Part, ratio_numbers
from equipoise.runner.follow_up_protocol import FollowUpProtocol, read_follow_up
from equipoise.runner.layers import ADJUSTED, CRUDE, Layer, Setting
from equipoise.runner.risks import Quantity, outcome_only, restricted_means, risk_contrasts, risks_at
from equipoise.runner.scored import Scored
from equipoise.spec.follow_up import Estimator

Row = dict[str, Any]
KAPLAN_MEIER, AALEN_JOHANSEN = "Kaplan-Meier estimate", "Aalen-Johansen estimate"
LOGISTIC = "logistic regression; follow-up that ended early counts as without the outcome"
PER = 1000 * 365.25  # days in a thousand person-years


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step asks of a comparison, read from its subset."""

    subset: Mapping[str, Any]
    protocol: FollowUpProtocol
    estimator: Estimator
    setting: Setting
    times: tuple[int, ...]

    @property
    def competing(self) -> bool:
        return self.setting.competing


def read_asked(subset: Mapping[str, Any], arm: str, scored: Scored | None = None) -> Asked:
    """From the subset of a step; `arm` is the column of the exposure, `scored` what another step estimated."""
    protocol, estimator = read_follow_up(subset), Estimator.model_validate(subset["estimator"])
    competing, days = bool(protocol.design.outcome.competing), protocol.design.follow_up.clock_days
    setting = Setting(arm, estimator.ties, subset["conf_level"], competing, subset["seed"], subset["cluster"], scored)
    times = sorted(estimator.time_points_days) or ([days] if days is not None else [])
    return Asked(subset, protocol, estimator, setting, tuple(times))


class ArmRows:
    """The rows of one layer in one part of the persons."""

    def __init__(self, asked: Asked, part: Part, layer: Layer):
        self.asked, self.part, self.layer = asked, part, layer
        self.protocol, self.setting = asked.protocol, asked.setting

    def rows(self, kinds: Sequence[str] | None = None) -> list[Row]:
        """The rows of every kind of estimate, in the order of the study, or of the kinds named."""
        made: dict[str, Callable[[], Iterator[Row]]] = {
            "cox": self._cox,
            "survival": self._risks,
            "cumulative_incidence": self._risks,
            "rmst": self._restricted_means,
            "logrank": self._log_rank,
            "fine_gray": self._fine_gray,
            "poisson": self._rates,
            "logistic": self._odds,
        }
        chosen = self.asked.estimator.kinds if kinds is None else kinds
        return [row for kind in chosen for row in made[kind]()]

    def _cox(self) -> Iterator[Row]:
        interval = self.asked.subset["interval"] if self.layer.label in (CRUDE, ADJUSTED) else "wald"
        model = f"Cox regression, {self.asked.estimator.ties} ties"
        yield self._row("hazard_ratio", model) | self._ratio(self.layer.cox, interval)

    def _fine_gray(self) -> Iterator[Row]:
        plain = self.layer.plain
        if plain is None or plain.stratum is not None:
            return

        def fit() -> Fit:
            convention = "finegray" if plain.start.any() else "crr"
            return fit_fine_gray(plain, cause=1, convention=convention, conf_level=self.setting.conf_level)

        yield self._row("subdistribution_hazard_ratio", "Fine-Gray regression") | self._ratio(fit, "wald")

    def _rates(self) -> Iterator[Row]:
        if self.layer.label == CRUDE:
            yield from self._rate_of_each_arm()
        if self.layer.counted is not None:
            counted = self.layer.counted
            yield self._row("rate_ratio", "Poisson regression") | self._ratio(lambda: counted(fit_poisson), "wald")

    def _rate_of_each_arm(self) -> Iterator[Row]:
        people = outcome_only(self.layer.rows)
        assert people.arm is not None
        reference, target = self.protocol.arm_labels
        for arm, label in ((1, target), (0, reference)):
            mine = people.where(people.arm == arm)
            row = self._row("rate", "events over person-time", None, f"rate: {label}")
            row |= {"target_level": label, "reference_level": None}
            if not len(mine):
                yield row | {"reason": Reason.ONE_ARM_EMPTY}
                continue
            rates = fit_incidence_rates(mine, per=PER, conf_level=self.setting.conf_level)
            found = {
                name: float(rates.tidy()[name].iloc[0]) for name in ("estimate", "std_error", "conf_low", "conf_high")
            }
            yield row | found | {"reason": None}

    def _odds(self) -> Iterator[Row]:
        if self.layer.counted is not None:
            counted = self.layer.counted
            yield self._row("odds_ratio", LOGISTIC) | self._ratio(lambda: counted(fit_logistic), "wald")

    def _ratio(self, fit: Callable[[], Fit], interval: Any) -> Row:
        reason = self.layer.reason or no_events(self.layer.rows)
        return {"reason": reason} if reason else ratio_numbers(fit().estimate(self.setting.arm, interval=interval))

    def _risks(self) -> Iterator[Row]:
        layer, times = self.layer, self.asked.times
        if layer.curve is None:
            return
        curve = None if layer.reason else layer.curve()
        model = AALEN_JOHANSEN if self.asked.competing else KAPLAN_MEIER
        reference, target = self.protocol.arm_labels
        by_arm = risks_at(curve, times) if curve else None
        pairs = {
            measure: risk_contrasts(curve, times, measure) if curve else None for measure in ("difference", "ratio")
        }
        for i, time in enumerate(times):
            for arm, label in ((1, target), (0, reference)):
                row = self._row("risk", model, time, f"risk: {label}")
                number = by_arm[arm][i] if by_arm else None
                yield row | {"target_level": label, "reference_level": None} | _plain(number, layer)
            for measure, found in pairs.items():
                row = self._row(f"risk_{measure}", model, time, f"risk {measure}")
                number = found[i] if found else None
                yield row | (_ratio(number, layer) if measure == "ratio" else _plain(number, layer))

    def _restricted_means(self) -> Iterator[Row]:
        layer = self.layer
        if layer.curve is None:
            return
        curve = None if layer.reason else layer.curve()
        reference, target = self.protocol.arm_labels
        for time in self.asked.times:
            found = restricted_means(curve, time) if isinstance(curve, SurvivalCurve) else None
            for at, label in ((1, target), (0, reference)):
                row = self._row("rmst", KAPLAN_MEIER, time, f"restricted mean: {label}")
                number = found[at] if found else None
                yield row | {"target_level": label, "reference_level": None} | _plain(number, layer)
            row = self._row("rmst_difference", KAPLAN_MEIER, time, "difference in restricted mean")
            yield row | _plain(found[2] if found else None, layer)

    def _log_rank(self) -> Iterator[Row]:
        layer = self.layer
        if layer.label != CRUDE:
            return
        row = self._row("log_rank_statistic", "log-rank test", None, "log-rank test")
        found = None if layer.reason else compare_survival_curves(outcome_only(layer.rows), by="arm")
        yield row | _test(found, layer)
        if self.asked.competing:
            row = self._row("gray_statistic", "Gray's test", None, "Gray's test")
            if layer.rows.start.any():  # the test is of subdistribution hazards of persons at risk from the start
                yield row | {"reason": Reason.NOT_DEFINED}
                return
            gray = None if layer.reason else compare_cumulative_incidence(layer.rows, by="arm")
            yield row | _test(gray, layer)

    def _row(self, measure: str, model: str, time: int | None = None, term: str | None = None) -> Row:
        reference, target = self.protocol.arm_labels
        return self.protocol.key(self.asked.subset["id"]) | {
            "window": self.protocol.design.window,
            "reading": None,
            "subgroup": self.part.subgroup,
            "subgroup_level": self.part.level,
            "outcome": self.asked.subset["outcome"],
            "time_point_days": time,
            "adjustment": self.layer.label,
            "contrast": self.protocol.contrast_label,
            "model": model,
            "term": term or self.setting.arm,
            "measure": measure,
            "target_level": target,
            "reference_level": reference,
            **counts(self.layer.rows),
        }


def no_events(people: AnalysisSet) -> Reason | None:
    """Why no ratio can be given: nobody had the outcome."""
    return None if (people.event == 1).any() else Reason.NO_EVENTS


def counts(people: AnalysisSet) -> Row:
    """Persons and events; of persons with several rows, each counts once, and as exposed with any exposed row."""
    target, event = people.arm == 1, people.event == 1
    n_persons, exposed = people.n_persons, len(np.unique(people.person[target]))
    exposed_cases = int((target & event).sum())
    return {
        "n_persons": n_persons,
        "n_cases": int(event.sum()),
        "n_exposed_cases": exposed_cases,
        "n_exposed_controls": exposed - exposed_cases,
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
