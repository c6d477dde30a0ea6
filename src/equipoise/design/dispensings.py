"""Dispensings of one exposure: distinct days with amounts, and what they say about persons on index dates."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.people import People
from equipoise.cohort.time import EARLIEST, shifted
from equipoise.kernels.event_windows import UNBOUNDED, EventWindows, count_event_windows
from equipoise.spec.exposures import Exposure
from equipoise.spec.windows import Window


@dataclass(frozen=True, slots=True)
class Dispensings:
    """Distinct dispensing days of one exposure, ascending within a person, with amounts added up within a day.

    offsets int64 (n_persons + 1,); day int32 (d,). By name of an amount: `amounts` float64 (d,), NaN where that of some
    dispensing of the day is not recorded; `recorded` float64 (d,), what the others add up to; `n_unrecorded` int64
    (d,), how many dispensings of the day do not say.
    """

    offsets: np.ndarray
    day: np.ndarray
    amounts: Mapping[str, np.ndarray]
    recorded: Mapping[str, np.ndarray]
    n_unrecorded: Mapping[str, np.ndarray]

    def days_supplied(self, unrecorded: float) -> np.ndarray:
        """How long the dispensings of each day last together: float64 (d,); one that does not say: `unrecorded`."""
        return self.recorded["days_supply"] + self.n_unrecorded["days_supply"] * unrecorded


def distinct_dispensings(
    people: People, person_id: np.ndarray, day: np.ndarray, amounts: Mapping[str, np.ndarray]
) -> Dispensings:
    """Collapse dispensing rows (any order) to distinct days of each person; unknown persons are left out.

    A sum with an unknown part is unknown: what is known of it need not be like the rest.
    """
    codes = people.codes_of(person_id)
    order = np.lexsort((day, codes))
    order = order[codes[order] >= 0]
    codes, day = codes[order], np.asarray(day, dtype=np.int32)[order]
    fresh = np.ones(len(codes), dtype=bool)
    fresh[1:] = (codes[1:] != codes[:-1]) | (day[1:] != day[:-1])
    group = np.cumsum(fresh) - 1
    offsets = np.zeros(len(people) + 1, dtype=np.int64)
    np.cumsum(np.bincount(codes[fresh], minlength=len(people)), out=offsets[1:])
    # An amount of zero or less is how many databases write that it was not recorded.
    is_known = {name: values[order] > 0 for name, values in amounts.items()}
    n_days = int(fresh.sum())
    recorded = {
        name: np.bincount(group, weights=np.where(is_known[name], values[order], 0.0), minlength=n_days)
        for name, values in amounts.items()
    }
    n_unrecorded = {name: np.bincount(group[~known], minlength=n_days) for name, known in is_known.items()}
    summed = {name: np.where(n_unrecorded[name] == 0, total, np.nan) for name, total in recorded.items()}
    return Dispensings(offsets, day[fresh], summed, recorded, n_unrecorded)


@dataclass(frozen=True, slots=True)
class UseBefore:
    """Use up to a day before the index date, of r rows.

    n_recorded int32 (r,): distinct days with a dispensing, recorded ones from before visible time included.
    first_day, kth_day int32 (r,): the first and the k-th of those in visible time.
    early bool (r,): some dispensing lies before visible time or in the run-in.
    """

    n_recorded: np.ndarray
    first_day: np.ndarray
    kth_day: np.ndarray
    early: np.ndarray


@dataclass(frozen=True, slots=True)
class UseOfRows:
    """What the dispensings of one exposure say about r rows. `counted` holds a column for each window."""

    exposure: str
    min_dispensings: int
    counted: EventWindows
    index_day: np.ndarray
    dispensings: Dispensings
    person: np.ndarray
    visible_from: np.ndarray
    run_in: int

    def before(self, last_day: int) -> UseBefore:
        """Use up to `last_day` relative to the index date (-1: all days before it)."""
        until = shifted(self.index_day, last_day + 1)
        visible = self._counted(until, self.visible_from)
        recorded = self._counted(until, np.full(len(until), EARLIEST))
        return UseBefore(recorded.days_before, visible.first_day, visible.kth_day, visible.prevalent)

    def _counted(self, until: np.ndarray, visible_from: np.ndarray) -> EventWindows:
        return count_event_windows(
            self.dispensings.offsets[self.person],
            self.dispensings.offsets[self.person + 1],
            self.dispensings.day,
            until,
            visible_from,
            lo=[UNBOUNDED],
            hi=[-1],
            k=self.min_dispensings,
            run_in=self.run_in,
        )


def use_of_rows(
    name: str,
    exposure: Exposure,
    dispensings: Dispensings,
    rows: IndexRows,
    visible_from: np.ndarray,
    windows: Mapping[str, Window],
    run_in: int,
) -> UseOfRows:
    """Count one exposure on every row in all windows at once. Days before `visible_from` are in no window."""
    counted = count_event_windows(
        dispensings.offsets[rows.person],
        dispensings.offsets[rows.person + 1],
        dispensings.day,
        rows.day,
        visible_from,
        lo=[UNBOUNDED if window.first_day is None else window.first_day for window in windows.values()],
        hi=[window.last_day for window in windows.values()],
        values=dispensings.amounts,
    )
    return UseOfRows(name, exposure.min_dispensings, counted, rows.day, dispensings, rows.person, visible_from, run_in)
