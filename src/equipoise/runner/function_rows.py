"""What every estimate of function starts from: one comparison with its scores, and how a row of the table is made."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Measurements
from equipoise.errors import Reason
from equipoise.estimators.tails import normal_quantile, two_sided_p
from equipoise.runner.layers import ADJUSTED, CRUDE
from equipoise.spec.function import Function

Row = dict[str, Any]
MONTH = 365.25 / 12.0  # days
TARGET, REFERENCE = 1, 0
TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison: persons, their scores, what is asked, and names.

    arms        reference and target arm in words, in the order of their codes
    contrast    target against reference, in words
    conf_level  of every interval
    """

    people: AnalysisSet
    measured: Measurements
    function: Function
    arms: tuple[str, str]
    contrast: str
    conf_level: float

    @property
    def arm(self) -> np.ndarray:
        assert self.people.arm is not None
        return self.people.arm

    @property
    def empty_arm(self) -> Reason | None:
        """Why nothing can be compared, if nothing can."""
        return Reason.ONE_ARM_EMPTY if len(np.unique(self.arm)) < 2 else None

    def layers(self) -> Iterator["Modelled"]:
        """Crude, then adjusted where there are covariates: of the persons in whom all of them are known."""
        everyone = np.ones(len(self.people), dtype=bool)
        yield Modelled(CRUDE, self, np.empty((len(self.people), 0)), everyone)
        names = [column.name for column in self.people.columns if column.role in ("covariate", "interaction")]
        if names:
            x = np.column_stack([self.people.column(name) for name in names])
            known = ~np.isnan(x).any(axis=1)
            part, x = self if known.all() else self.where(known), x[known]
            x = x - x.mean(axis=0) if len(x) else x
            yield Modelled(ADJUSTED, part, x[:, np.ptp(x, axis=0) > 0.0] if len(x) else x, known)

    def where(self, keep: np.ndarray) -> "Compared":
        """The comparison with the persons where `keep` is true, numbered anew."""
        place, measured = np.cumsum(keep) - 1, self.measured
        rows = keep[measured.person]
        marks = {name: day[keep] for name, day in measured.marks.items()}
        kept = Measurements(
            place[measured.person[rows]], measured.day[rows], measured.values[rows], measured.names, marks
        )
        return replace(self, people=self.people.where(keep), measured=kept)

    def total(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every total: person, day and score."""
        score = self.measured.column(TOTAL)
        known = ~np.isnan(score)
        return self.measured.person[known], self.measured.day[known], score[known]

    def at_time_zero(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first of `values` (m, …) known by `baseline_days`: position of its row, -1 without, and whether known."""
        known = ~np.isnan(values if values.ndim == 1 else values.sum(axis=1))
        rows = np.flatnonzero(known & (self.measured.day <= self.function.baseline_days))
        persons, first = np.unique(self.measured.person[rows], return_index=True)
        found = np.full(len(self.people), -1, dtype=np.int64)
        found[persons] = rows[first]
        return found, found >= 0

    def counts(self, has: np.ndarray, events: np.ndarray | None = None, n_scores: int | None = None) -> Row:
        """Persons of each arm with (`has`) and without what an estimate needs, and with an event among the former."""
        row: Row = {"n_scores": n_scores}
        for arm, code in (("target", TARGET), ("reference", REFERENCE)):
            mine = self.arm == code
            row |= {f"n_{arm}": int((mine & has).sum()), f"n_{arm}_without": int((mine & ~has).sum())}
            row[f"n_{arm}_events"] = None if events is None else int((mine & has & events).sum())
        return row

    def row(self, measure: str, adjustment: str, model: str, **more: Any) -> Row:
        """A row of a contrast of the arms; `more` says what differs."""
        reference, target = self.arms
        own = {"measure": measure, "adjustment": adjustment, "model": model, "term": self.contrast}
        return own | {"target_level": target, "reference_level": reference, "time_point_days": None} | more

    def of_arm(self, code: int) -> Row:
        """What differs in a row that is of one arm alone."""
        return {"term": self.arms[code], "target_level": self.arms[code], "reference_level": None}


@dataclass(frozen=True, slots=True)
class Modelled:
    """One set of covariates: its label, the persons of whom they are known, centred columns (k, p), and who is kept."""

    label: str
    part: Compared
    x: np.ndarray
    kept: np.ndarray


def numbers(estimate: float, std_error: float, conf_level: float, *, tested: bool = True) -> Row:
    """An estimate with its Wald interval, and its p-value against 0 where it is `tested`."""
    if not (math.isfinite(estimate) and math.isfinite(std_error) and std_error > 0.0):
        return {"reason": Reason.NOT_IDENTIFIED}
    half = normal_quantile(0.5 + conf_level / 2.0) * std_error
    return {
        "estimate": estimate,
        "conf_low": estimate - half,
        "conf_high": estimate + half,
        "std_error": std_error,
        "p_value": two_sided_p(estimate / std_error) if tested else None,
        "reason": None,
    }


def mean_numbers(values: np.ndarray, conf_level: float) -> Row:
    """The mean of values with its interval."""
    if len(values) < 2:
        return {"reason": Reason.NOT_IDENTIFIED}
    return numbers(float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values))), conf_level, tested=False)


def difference_numbers(target: np.ndarray, reference: np.ndarray, conf_level: float) -> Row:
    """The difference of two means, with a variance of each group's own."""
    if min(len(target), len(reference)) < 2:
        return {"reason": Reason.NOT_IDENTIFIED}
    error = math.sqrt(target.var(ddof=1) / len(target) + reference.var(ddof=1) / len(reference))
    return numbers(float(target.mean() - reference.mean()), error, conf_level)
