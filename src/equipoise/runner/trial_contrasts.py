"""Risks of strategies at one time and the contrasts of every pair of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.trial_risks import TrialRisks

Row = dict[str, Any]
NUMBERS = ("estimate", "std_error", "conf_low", "conf_high")


@dataclass(frozen=True, slots=True)
class Pair:
    """A strategy and the one, named before it in the study, that it is compared with."""

    reference: str
    target: str


def pairs_of(names: Sequence[str]) -> list[Pair]:
    """Every strategy against each before it.

    >>> [(pair.target, pair.reference) for pair in pairs_of(["none", "other", "drug"])]
    [('other', 'none'), ('drug', 'none'), ('drug', 'other')]
    """
    found = [Pair(reference, target) for reference, target in combinations(names, 2)]
    return sorted(found, key=lambda pair: (names.index(pair.target), names.index(pair.reference)))


@dataclass(frozen=True, slots=True)
class RisksAt:
    """Risks of the strategies `arms` at one time."""

    arms: Sequence[str]
    risks: TrialRisks
    absent: Reason = Reason.BEYOND_FOLLOW_UP  # of a risk that a method cannot give

    def risk(self, name: str) -> Row:
        """estimate, std_error, conf_low, conf_high, reason of one strategy."""
        if name not in self.arms:
            return {"reason": Reason.ONE_ARM_EMPTY}
        row = _records(self.risks.tidy())[self.arms.index(name)]
        row = {"estimate": row["risk"]} | {key: row[key] for key in NUMBERS[1:]}
        return _numbers(row, self.absent)

    def difference(self, pair: Pair) -> Row:
        return self._contrast(pair, 0)

    def ratio(self, pair: Pair) -> Row:
        return self._contrast(pair, 1) | {"ratio": True}

    def _contrast(self, pair: Pair, measure: int) -> Row:
        if pair.reference not in self.arms or pair.target not in self.arms:
            return {"reason": Reason.ONE_ARM_EMPTY}
        at = [self.arms.index(pair.reference), self.arms.index(pair.target)]
        chosen = _chosen(self.risks, at)
        absent = self.absent if np.isnan(chosen.risk).any() else Reason.NOT_DEFINED
        return _numbers(_records(chosen.contrasts())[measure], absent)


def risks_at(
    found: TrialRisks, arms: Sequence[str], time: int, absent: Reason = Reason.BEYOND_FOLLOW_UP
) -> RisksAt | Reason:
    """The risks by the end of interval `time`, from 0, or why there are none."""
    if found.reason is not None:
        return found.reason
    where = np.flatnonzero(found.times == time)
    if not len(where):
        return Reason.BEYOND_FOLLOW_UP
    draws = None if found.draws is None else found.draws[:, :, where]
    at_once = replace(
        found, times=found.times[where], risk=found.risk[:, where], survival=found.survival[:, where],
        covariance=found.covariance[:, :, where], draws=draws, frame_kind="pandas",
    )  # fmt: skip
    return RisksAt(arms, at_once, absent)


def _chosen(risks: TrialRisks, at: list[int]) -> TrialRisks:
    draws = None if risks.draws is None else risks.draws[:, at]
    return replace(
        risks, arms=tuple(risks.arms[i] for i in at), risk=risks.risk[at], survival=risks.survival[at],
        covariance=risks.covariance[np.ix_(at, at)], draws=draws,
    )  # fmt: skip


def _records(frame: Any) -> list[Row]:
    return frame.to_dict("records")


def _numbers(row: Row, absent: Reason) -> Row:
    made: Row = {name: float(row[name]) if np.isfinite(row[name]) else None for name in NUMBERS}
    # A risk of none or of everybody has no limits; a ratio to no risk is none.
    return made | {"reason": None if made["estimate"] is not None else absent}
