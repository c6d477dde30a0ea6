"""A panel of persons and periods as arrays: who is where, on what treatment, and when they leave.

Within a period things happen in this order: treatment is decided, then a person may be lost (censored), then die of
something else (competing event), then have the outcome.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault
from equipoise.estimators.count_rows import Source, source
from equipoise.estimators.table import Table

LARGEST_PERIOD = 2**31
TOTAL, DIRECT, COMPOSITE = "total", "direct", "composite"
EFFECTS = (TOTAL, DIRECT, COMPOSITE)
NO_FLAG = np.empty(0, np.uint8)
MOST_LEVELS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Rows by person and period, N of them, of G persons.

    source, order  the data as given, and the position there of each row; order has shape (0,) where it is sorted
    first          int64 (G + 1,), where each person's rows begin
    period         int64 (N,), consecutive within a person
    treatment      int64 (N,), position in `levels`, the reference first
    eligible       bool (N,)
    outcome, censored, competing  uint8 (N,); the last two of shape (0,) where they are not recorded
    last           int64 (G,), the row in which each person leaves: the first with any of the three, or the last row
    """

    source: Source
    order: np.ndarray
    first: np.ndarray
    period: np.ndarray
    treatment: np.ndarray
    levels: tuple[str, ...]
    eligible: np.ndarray
    outcome: np.ndarray
    censored: np.ndarray
    competing: np.ndarray
    last: np.ndarray

    def __len__(self) -> int:
        return len(self.period)

    @property
    def persons(self) -> int:
        return len(self.first) - 1

    @property
    def person(self) -> np.ndarray:
        """The person of each row, int64 (N,)."""
        return np.repeat(np.arange(self.persons), np.diff(self.first))

    @property
    def in_study(self) -> np.ndarray:
        """Rows up to the one in which their person leaves, bool (N,)."""
        return np.arange(len(self)) <= np.repeat(self.last, np.diff(self.first))

    @property
    def previous(self) -> np.ndarray:
        """The treatment of the period before, int64 (N,); the reference in a person's first row."""
        before = self.lagged(self.treatment)
        before[self.first[:-1]] = 0
        return before

    @property
    def left(self) -> np.ndarray:
        """Rows in which their person leaves by an event or by loss, bool (N,)."""
        found = self.outcome != 0
        for flag in (self.censored, self.competing):
            found = found | (flag != 0) if len(flag) else found
        return found

    def lagged(self, values: np.ndarray) -> np.ndarray:
        """Values of the row before; a person's first row keeps its own."""
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[self.first[:-1]] = values[self.first[:-1]]
        return before

    def sorted(self, values: np.ndarray) -> np.ndarray:
        """Values of the rows as given, in the panel's order."""
        return values[self.order] if len(self.order) else values

    def columns(self, covariates: Any) -> tuple[np.ndarray, tuple[str, ...]]:
        """Model columns of all rows, float64 (N, p), and their terms; none where nothing was asked for."""
        frame = self.source.columns(() if covariates is None else covariates, ())
        return self.sorted(frame.x), frame.terms


@dataclass(frozen=True, slots=True)
class PanelRoles:
    """Which column plays which part; None where there is none."""

    person: Any
    period: Any
    treatment: Any
    outcome: Any
    eligible: Any
    censored: Any = None
    competing: Any = None


def read_panel(data: Any, roles: PanelRoles) -> Panel:
    """The panel in its order. DesignError for repeated or missing periods and events that exclude each other."""
    rows = source(data)
    if not isinstance(rows.data, Table):
        raise DesignError(Fault("data", "not a table", "a data frame or a dict of arrays"))
    if not len(rows):
        raise DesignError(Fault("data", "no rows", "one row for each person and period"))
    person, period = rows.codes(roles.person, "person"), _periods(rows, roles.period)
    order = _order(person, period)
    person, period = (values[order] if len(order) else values for values in (person, period))
    first = np.concatenate([[0], np.flatnonzero(np.diff(person)) + 1, [len(person)]])
    _refuse_gaps(person, period)
    levels, treatment = _levels(rows, roles.treatment)
    flags = [_flag(rows, given, role) for given, role in _flags(roles)]
    eligible, outcome, censored, competing = (f[order] if len(order) and len(f) else f for f in flags)
    _refuse_both(outcome, censored, competing)
    leaves = outcome != 0
    for flag in (censored, competing):
        leaves = leaves | (flag != 0) if len(flag) else leaves
    return Panel(
        rows,
        order,
        first,
        period,
        treatment[order] if len(order) else treatment,
        levels,
        eligible != 0,
        outcome,
        censored,
        competing,
        np.minimum(first_row(leaves, first), first[1:] - 1),
    )


def first_row(flag: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Each person's first row with the flag, int64 (G,); one past all rows where there is none."""
    at = np.where(flag, np.arange(len(flag)), len(flag))
    return np.minimum.reduceat(at, first[:-1])


def _flags(roles: PanelRoles) -> list[tuple[Any, str]]:
    named = [(roles.eligible, "eligible"), (roles.outcome, "outcome")]
    return [*named, (roles.censored, "censored"), (roles.competing, "competing")]


def _flag(rows: Source, given: Any, role: str) -> np.ndarray:
    if given is None and role in ("censored", "competing"):
        return NO_FLAG
    return rows.indicator(given, role).astype(np.uint8)


def _periods(rows: Source, given: Any) -> np.ndarray:
    values = rows.numbers(given, "period")
    wrong = int(np.count_nonzero((values != np.floor(values)) | (np.abs(values) >= LARGEST_PERIOD)))
    if wrong:
        raise DesignError(Fault("period", f"{wrong:,} values that are not whole", "whole numbers, one an interval"))
    return values.astype(np.int64)


def _order(person: np.ndarray, period: np.ndarray) -> np.ndarray:
    """Positions by person and period; of shape (0,) where the rows already stand so."""
    step = np.diff(person)
    if (step > 0).any() or (step < 0).any() or (np.diff(period) <= 0).any():
        if (step >= 0).all() and ((step > 0) | (np.diff(period) > 0)).all():
            return np.empty(0, np.int64)
        return np.lexsort((period, person))
    return np.empty(0, np.int64)


def _refuse_gaps(person: np.ndarray, period: np.ndarray) -> None:
    same, step = np.diff(person) == 0, np.diff(period)
    repeated, missing = int(np.count_nonzero(same & (step == 0))), int(np.count_nonzero(same & (step > 1)))
    if repeated:
        raise DesignError(Fault("period", f"{repeated:,} rows repeat a person and period", "one row for each"))
    if missing:
        remedy = "carry values forward, or mark the row before the gap as censored and leave out the rest"
        raise DesignError(Fault("period", f"{missing:,} gaps between rows of one person", "every period", remedy))


def _refuse_both(outcome: np.ndarray, censored: np.ndarray, competing: np.ndarray) -> None:
    named = {"outcome": outcome, "censored": censored, "competing": competing}
    known = [name for name, flag in named.items() if len(flag)]
    for a, one in enumerate(known):
        for other in known[a + 1 :]:
            both = int(np.count_nonzero((named[one] != 0) & (named[other] != 0)))
            if both:
                raise DesignError(Fault(f"{one} and {other}", f"{both:,} rows have both", "at most one in a row"))


def _levels(rows: Source, given: Any) -> tuple[tuple[str, ...], np.ndarray]:
    """Levels of the treatment, reference first, and each row's position among them."""
    table = rows.data
    if isinstance(given, str) and isinstance(table, Table):
        table.require([given])
        named, code = table.levels(given)
        if named is not None:
            return tuple(named), code.astype(np.int64)
    values = rows.numbers(given, "treatment")
    if ((values == 0.0) | (values == 1.0)).all():
        return ("0", "1"), values.astype(np.int64)
    found, code = np.unique(values, return_inverse=True)
    if (found != np.floor(found)).any() or len(found) > MOST_LEVELS:
        raise DesignError(Fault("treatment", f"{len(found):,} values", f"names, or {MOST_LEVELS} whole numbers"))
    return tuple(str(int(value)) for value in found), code.astype(np.int64)


def outcome_of(panel: Panel, effect: str) -> tuple[np.ndarray, np.ndarray]:
    """The outcome of each row uint8 (N,), and one past each person's last row that can hold it, int64 (G,)."""
    y, last = panel.outcome, panel.last
    unseen = panel.censored[last] != 0 if len(panel.censored) else np.zeros(len(last), np.bool_)
    if len(panel.competing):
        if effect == COMPOSITE:
            y = y | panel.competing
        else:
            unseen = unseen | (panel.competing[last] != 0)
    return y, last + 1 - unseen


def end_of_competing(panel: Panel) -> np.ndarray:
    """One past each person's last row that can hold the competing event, int64 (G,)."""
    unseen = panel.censored[panel.last] != 0 if len(panel.censored) else 0
    return panel.last + 1 - unseen
