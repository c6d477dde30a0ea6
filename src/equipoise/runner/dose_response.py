"""The step of dose-response: odds ratios by group of dose, tests of trend, and a restricted cubic spline."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from equipoise.analysis_set import AnalysisSet
from equipoise.cohort.covariates import IndexRows
from equipoise.data.source import Source
from equipoise.design.dispensings import UseOfRows
from equipoise.design.dose import (
    ELSEWHERE,
    NONE,
    NOT_KNOWN,
    DoseGroup,
    DoseOfRows,
    dose_groups,
    dose_of_rows,
    group_numbers,
    has_minimum,
)
from equipoise.design.nested_case_control import members
from equipoise.design.readings import observable_columns
from equipoise.errors import Reason
from equipoise.estimators.fit import Fit
from equipoise.estimators.tails import normal_quantile
from equipoise.kernels.restricted_cubic_spline import FEWEST_KNOTS, PERCENTILES, restricted_cubic_spline
from equipoise.runner.artifact import Artifact
from equipoise.runner.assembly import uses, visible_days
from equipoise.runner.estimate import adjustments, observable_rows
from equipoise.runner.packing import unpack_analysis_set, unpack_people, unpack_sets
from equipoise.runner.protocol import Protocol, read_protocol
from equipoise.runner.set_models import set_model
from equipoise.spec.dose import DoseResponse

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
TREND, TREND_IN_USERS, ANY_DOSE, NOT_LINEAR = "trend", "trend among users", "any dose", "not linear"
POINTS = 41  # of the curve
HIGHEST = 95.0  # percentile of the dose of users up to which the curve is drawn
DIGITS = 2  # of knots and of the end of the curve, so that they are no person's own dose


@dataclass(frozen=True, slots=True)
class _Asked:
    """One dose-response: key columns, the rows (bool) of observable sets, dose, groups, and the group of each row."""

    key: Row
    keep: np.ndarray
    dose: DoseOfRows
    groups: list[DoseGroup]
    number: np.ndarray
    knots: int
    with_elsewhere: bool


def dose_response(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the tables dose_groups, dose_tests and dose_curves."""
    protocol = read_protocol(subset)
    people, sets = unpack_people(inputs["people"]), members(unpack_sets(inputs["matched_sets"]))
    rows = IndexRows(sets.person, sets.index_day)
    visible_from = visible_days(people, sets, protocol)
    used = uses(inputs["records"], protocol, people, rows, visible_from)
    assembled = unpack_analysis_set(inputs["analysis_set"])
    made: dict[str, list[Row]] = {"dose_groups": [], "dose_tests": [], "dose_curves": []}
    for spec in protocol.design.dose_response:
        for use in used:
            for window in spec.windows or tuple(protocol.windows):
                asked = _asked(assembled, protocol, spec, use, window, visible_from, subset)
                for name, found in _answer(assembled, asked, use, subset).items():
                    made[name] += found
    return Artifact({}, made)


def _asked(
    people: AnalysisSet, protocol: Protocol, spec: DoseResponse, use: UseOfRows, window: str, visible: Any, subset: Any
) -> _Asked:
    key = {"analysis": subset["id"], "comparison": protocol.comparison, "exposure": use.exposure, "window": window}
    dose = dose_of_rows(use, list(protocol.windows).index(window), spec.by)
    keep = np.ones(len(people), dtype=bool)
    if protocol.design.unobservable == "leave_out":
        chosen = {window: protocol.windows[window]}
        ((_, seen),) = observable_columns(chosen, visible, use.index_day, ("any_use",), 0)
        keep = observable_rows(people, seen)
    groups = dose_groups(spec.groups_from, spec.by == "dispensings")
    number = group_numbers(dose.amount, groups)
    elsewhere = protocol.design.any_use_reference == "never_before_index"
    return _Asked(key | {"dose": spec.by}, keep, dose, groups, number, spec.knots, elsewhere)


def _answer(people: AnalysisSet, asked: _Asked, use: UseOfRows, subset: Any) -> dict[str, list[Row]]:
    """The rows of each table, for every adjustment."""
    made: dict[str, list[Row]] = {"dose_groups": [], "dose_tests": [], "dose_curves": []}
    levels = dose_levels(asked, use.min_dispensings)
    for adjustment, covariates in adjustments(people, subset).items():
        model = _Model(people, asked, covariates, subset)
        adjusted = {"adjustment": adjustment}
        made["dose_groups"] += [asked.key | adjusted | row for row in model.groups(levels)]
        tests, curve = model.spline()
        tests = [model.trend(levels), model.trend(levels, among_users=True), *tests]
        made["dose_tests"] += [asked.key | adjusted | row for row in tests]
        made["dose_curves"] += [asked.key | adjusted | row for row in curve]
    return made


@dataclass(frozen=True, slots=True)
class Level:
    """One level of dose: its name, who is at it (bool), and whether it is at or above the minimum of a user."""

    name: str
    rows: np.ndarray
    at_minimum: str | None = None


def dose_levels(asked: _Asked, min_dispensings: int) -> list[Level]:
    """Nothing, which the others are compared with; the groups; those beside them that hold anybody."""
    counted = asked.key["dose"] == "dispensings"
    none = asked.number == 0
    apart = asked.dose.elsewhere & none if asked.with_elsewhere else np.zeros_like(none)
    below = "no" if counted else None
    found = [Level(NONE, none & ~apart, below)]
    for number, group in enumerate(asked.groups, start=1):
        found.append(
            Level(group.name, asked.number == number, has_minimum(group, min_dispensings) if counted else None)
        )
    beside = (Level(ELSEWHERE, apart, below), Level(NOT_KNOWN, asked.number == -1))
    return found + [level for level in beside if (level.rows & asked.keep).any()]


class _Model:
    """Models of one dose-response with one set of covariates, on the same rows."""

    def __init__(self, people: AnalysisSet, asked: _Asked, covariates: list[str], subset: Any):
        self.asked, self.subset = asked, subset
        self.model = set_model(people, asked.keep, covariates, subset)
        self.keep, self.case = self.model.keep, self.model.case
        self.amount = asked.dose.amount[self.keep]

    def _absent(self) -> Reason | None:
        return self.model.absent(self.asked.number[self.keep] != 0)

    def _indicators(self, levels: Sequence[Level]) -> dict[str, np.ndarray]:
        kept = {level.name: level.rows[self.keep] for level in levels}
        return {name: rows.astype(np.float64) for name, rows in kept.items() if rows.any()}

    def _beside(self, levels: Sequence[Level]) -> dict[str, np.ndarray]:
        """Indicators of those whose dose is not known, or who used at another time only."""
        return self._indicators([level for level in levels if level.name in (ELSEWHERE, NOT_KNOWN)])

    def groups(self, levels: Sequence[Level]) -> Iterator[Row]:
        """One row a level with its odds ratio against the first."""
        absent, indicators = self._absent(), self._indicators(levels[1:])
        fit = None if absent else self.model.fit(indicators)
        for position, level in enumerate(levels):
            yield {
                "position": position,
                "dose_group": level.name,
                "at_minimum": level.at_minimum,
                **self._counts(level),
                **self._ratio(fit, absent, level.name, indicators, position == 0),
            }

    def _counts(self, level: Level) -> Row:
        rows = level.rows[self.keep]
        of_controls = self.amount[rows & ~self.case]
        known = len(of_controls) > 0 and not np.isnan(of_controls).any()
        return {
            "n_cases": int((rows & self.case).sum()),
            "n_controls": int((rows & ~self.case).sum()),
            "median_dose": float(np.median(of_controls)) if known else None,
        }

    def _ratio(self, fit: Fit | None, absent: Reason | None, name: str, columns: Any, is_reference: bool) -> Row:
        if is_reference and absent is None:
            return {"estimate": 1.0, "log_estimate": 0.0, "reason": None}
        if fit is None:
            return {"reason": absent}
        if name not in columns:
            return {"reason": Reason.ONE_ARM_EMPTY}
        return self.model.ratio(fit, name)

    def trend(self, levels: Sequence[Level], among_users: bool = False) -> Row:
        """The odds ratio of one group higher; among users, beside the difference of any use from none."""
        row: Row = {"test": TREND_IN_USERS if among_users else TREND, "degrees_of_freedom": 1}
        absent = self._absent()
        number = np.maximum(self.asked.number[self.keep], 0).astype(np.float64)
        if absent is None and len(np.unique(number[number > 0])) < (2 if among_users else 1):
            absent = Reason.NOT_DEFINED
        if absent is not None:
            return row | {"reason": absent}
        columns = {"trend": number, **self._beside(levels)}
        if among_users:
            columns["used"] = (number > 0).astype(np.float64)
        numbers = self.model.ratio(self.model.fit(columns), "trend")
        if numbers["reason"] is None:
            numbers["statistic"] = (numbers["log_estimate"] / numbers["std_error"]) ** 2
        return row | numbers

    def spline(self) -> tuple[list[Row], list[Row]]:
        """Tests of any dose and of curvature, and the curve up to a high dose of users; 1 at nothing."""
        absent, knots = self._absent(), self._knots()
        if absent is None and len(knots) < FEWEST_KNOTS:
            absent = Reason.NOT_DEFINED
        if absent is not None:
            return [{"test": test, "reason": absent} for test in (ANY_DOSE, NOT_LINEAR)], []
        unit, amount = knots[-1], np.nan_to_num(self.amount, nan=0.0)
        basis = restricted_cubic_spline(amount / unit, knots / unit)
        columns = {f"spline {j}": basis[:, j] for j in range(basis.shape[1])}
        levels = dose_levels(self.asked, 1)
        fit = self.model.fit(columns | self._beside(levels))
        size = basis.shape[1]
        beta, covariance = fit.coefficients[:size], fit.covariance[:size, :size]
        if not np.isfinite(beta).all() or not np.isfinite(covariance).all():
            reason = next((reason for reason in fit.reasons[:size] if reason), Reason.NOT_DEFINED)
            return [{"test": test, "reason": reason} for test in (ANY_DOSE, NOT_LINEAR)], []
        tests = [_joint(ANY_DOSE, beta, covariance), _joint(NOT_LINEAR, beta[1:], covariance[1:, 1:])]
        return tests, self._curve(beta, covariance, knots)

    def _knots(self) -> np.ndarray:
        """Percentiles of the doses of users, to two digits, each once: float64 (k,)."""
        used = self.amount[self.amount > 0]
        if not len(used):
            return np.zeros(0)
        return np.unique([_rounded(value) for value in np.percentile(used, PERCENTILES[self.asked.knots])])

    def _curve(self, beta: np.ndarray, covariance: np.ndarray, knots: np.ndarray) -> list[Row]:
        unit = knots[-1]
        highest = max(_rounded(float(np.percentile(self.amount[self.amount > 0], HIGHEST))), unit)
        doses = np.linspace(0.0, highest, POINTS)
        basis = restricted_cubic_spline(doses / unit, knots / unit)
        log_ratio = basis @ beta
        error = np.sqrt(np.einsum("ij,jk,ik->i", basis, covariance, basis))
        wide = normal_quantile(0.5 + self.subset["conf_level"] / 2)
        numbers = zip(doses, log_ratio, log_ratio - wide * error, log_ratio + wide * error, strict=True)
        return [
            {"amount": float(dose), "estimate": float(np.exp(at)), "conf_low": float(np.exp(low)),
             "conf_high": float(np.exp(high))}
            for dose, at, low, high in numbers
        ]  # fmt: skip


def _joint(test: str, beta: np.ndarray, covariance: np.ndarray) -> Row:
    """Wald's test that all coefficients are zero."""
    statistic = float(beta @ np.linalg.solve(covariance, beta))
    p_value = float(chi2.sf(statistic, len(beta)))
    return {"test": test, "statistic": statistic, "degrees_of_freedom": len(beta), "p_value": p_value, "reason": None}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
