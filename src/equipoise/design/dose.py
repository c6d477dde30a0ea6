"""Dose in a window before the index date: how much was dispensed to each row, and the group that makes."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from equipoise.design.dispensings import UseOfRows

NONE = "none"
NOT_KNOWN = "not known"
ELSEWHERE = "at another time only"
AMOUNTS = {"days_supplied": "days_supply", "milligrams": "dose", "daily_doses": "daily_doses"}


@dataclass(frozen=True, slots=True)
class DoseOfRows:
    """Dose of r rows in one window.

    amount     float64 (r,): 0 without a dispensing, nan where the amount of some dispensing is not known
    elsewhere  bool (r,): nothing in the window, but a dispensing at another time before the index date
    """

    amount: np.ndarray
    elsewhere: np.ndarray


def dose_of_rows(use: UseOfRows, window: int, by: str) -> DoseOfRows:
    """How much the dispensings inside a window (its position among those counted) add up to.

    A sum with an unknown part is unknown: what is known of it need not be like the rest.
    """
    days = use.counted.days[:, window]
    if by == "dispensings":
        amount = days.astype(np.float64)
    else:
        sums = use.counted.sums[AMOUNTS[by]]
        amount = np.where(sums.known[:, window] == days, sums.total[:, window], np.nan)
    recorded = use.before(-1).n_recorded
    return DoseOfRows(amount, (days == 0) & (recorded > 0))


@dataclass(frozen=True, slots=True)
class DoseGroup:
    """Amounts from `low` up to, not including, `high`; the lowest group begins above nothing."""

    low: float
    high: float
    name: str


def dose_groups(groups_from: tuple[float, ...], whole: bool) -> list[DoseGroup]:
    """The groups in rising order, named by their amounts; `whole` amounts are counts.

    >>> [group.name for group in dose_groups((3, 10), True)], [group.name for group in dose_groups((180,), False)]
    (['1-2', '3-9', '10 or more'], ['less than 180', '180 or more'])
    """
    edges = [0.0, *groups_from, np.inf]
    return [DoseGroup(low, high, _name(low, high, whole)) for low, high in pairwise(edges)]


def _name(low: float, high: float, whole: bool) -> str:
    if np.isinf(high):
        return f"{low:,.10g} or more"
    if whole:
        first, last = max(int(low), 1), int(high) - 1
        return f"{first}" if first == last else f"{first}-{last}"
    return f"{low:,.10g} to less than {high:,.10g}" if low else f"less than {high:,.10g}"


def group_numbers(amount: np.ndarray, groups: list[DoseGroup]) -> np.ndarray:
    """The group of each amount: int64 (r,), 0 for nothing, 1 for the lowest group; -1 where it is not known."""
    found = np.searchsorted([group.low for group in groups[1:]], amount, side="right") + 1
    return np.where(np.isnan(amount), -1, np.where(amount > 0, found, 0)).astype(np.int64)


def has_minimum(group: DoseGroup, min_dispensings: int) -> str | None:
    """Whether all in a group of numbers of dispensings have that of a user: `yes`, `no`, or None where some have."""
    if max(group.low, 1) >= min_dispensings:
        return "yes"
    return "no" if group.high <= min_dispensings else None
