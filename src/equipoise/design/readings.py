"""Two readings of exposure in windows before the index date: any use in a window, and initiation in a window."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.analysis_set import Column
from equipoise.design.dispensings import UseOfRows
from equipoise.spec.windows import Window

NEVER = "never"
BELOW_MINIMUM = "below minimum"
PREVALENT = "prevalent"
WITHIN_LAG = "within the lag"
OTHER_TIME = "outside the windows"
BESIDE_WINDOWS = (BELOW_MINIMUM, PREVALENT, WITHIN_LAG, OTHER_TIME)


def any_use_columns(
    use: UseOfRows, windows: Mapping[str, Window], reference: str
) -> Iterator[tuple[Column, np.ndarray]]:
    """Indicator of at least k distinct dates inside each window, k = `min_dispensings`.

    Reference `none_in_window`: everyone else. `never_before_index`: those without qualifying use at any time before the
    index date; persons with qualifying use only elsewhere get an indicator of their own.
    """
    qualifying = use.before(-1).n_recorded >= use.min_dispensings
    for position, window in enumerate(windows):
        inside = use.counted.days[:, position] >= use.min_dispensings
        if reference == "never_before_index":
            against = f"{_not_used(use.min_dispensings)} at any time before the index date"
            yield _column(use.exposure, "any_use", window, window, _target(use, window), against), inside
            elsewhere = f"used at another time than {window}"
            yield _column(use.exposure, "any_use", window, OTHER_TIME, elsewhere, against), qualifying & ~inside
        else:
            against = f"{_not_used(use.min_dispensings)}, {window}"
            yield _column(use.exposure, "any_use", window, window, _target(use, window), against), inside


def initiation_columns(
    use: UseOfRows, windows: Mapping[str, Window], qualifying_date: bool, ignore_lag: bool
) -> Iterator[tuple[Column, np.ndarray]]:
    """Indicators of the levels of one factor for each group of windows that do not overlap; reference: never.

    The first of at least k distinct dates decides (or, with `qualifying_date`, the k-th). Users whose first date falls
    into the run-in, or before the time in which exposure can be seen, are prevalent: a level of its own. Days after the
    latest window of the group, the lag, count towards use and its minimum unless `ignore_lag`.
    """
    for group in disjoint_groups(windows):
        levels = initiation_levels(use, {name: windows[name] for name in group}, qualifying_date, ignore_lag)
        factor, words = " + ".join(group), _LevelWords(use.min_dispensings, qualifying_date, ignore_lag)
        for level in (*group, *BESIDE_WINDOWS):
            yield _column(use.exposure, "initiation", factor, level, words.of(level), words.reference), levels == level


def initiation_levels(
    use: UseOfRows, group: Mapping[str, Window], qualifying_date: bool = False, ignore_lag: bool = False
) -> np.ndarray:
    """Level of each row: text (r,). Every row has exactly one."""
    latest = max(window.last_day for window in group.values())
    before = use.before(latest if ignore_lag else -1)
    decisive = before.kth_day if qualifying_date else before.first_day
    day = decisive.astype(np.int64) - use.index_day
    levels = np.full(len(day), OTHER_TIME, dtype=object)
    levels[day > latest] = WITHIN_LAG
    for name, window in group.items():
        after = True if window.first_day is None else day >= window.first_day
        levels[after & (day <= window.last_day)] = name
    levels[before.early] = PREVALENT
    levels[before.n_recorded < use.min_dispensings] = BELOW_MINIMUM
    levels[before.n_recorded == 0] = NEVER
    return levels


def disjoint_groups(windows: Mapping[str, Window]) -> list[tuple[str, ...]]:
    """Windows in groups without overlap: each joins the first group it does not overlap.

    >>> year = lambda *bounds: Window(years_before=bounds)
    >>> disjoint_groups({"0-1 y": year(0, 1), "1-5 y": year(1, 5), ">1 y": year(1, float("inf"))})
    [('0-1 y', '1-5 y'), ('>1 y',)]
    """
    groups: list[list[str]] = []
    for name, window in windows.items():
        for group in groups:
            if not any(window.overlaps(windows[other]) for other in group):
                group.append(name)
                break
        else:
            groups.append([name])
    return [tuple(group) for group in groups]


def observable_columns(
    windows: Mapping[str, Window],
    observable_from: np.ndarray,
    index_day: np.ndarray,
    readings: tuple[str, ...],
    run_in: int,
) -> Iterator[tuple[Column, np.ndarray]]:
    """Whether exposure can be observed over the whole window: bool (r,) a window and reading.

    Of a window without a far end, its latest day must be observable. New use can be told from old only after the
    run-in, so for initiation observation must begin that much earlier.
    """
    for reading in readings:
        begins = observable_from.astype(np.int64) + (run_in if reading == "initiation" else 0)
        for name, window in windows.items():
            edge = window.last_day if window.first_day is None else window.first_day
            tags = (("window", name), ("reading", reading))
            yield Column(f"observable | {reading} | {name}", "observability", tags), begins <= index_day + edge


def _column(exposure: str, reading: str, factor: str, level: str, target: str, reference: str) -> Column:
    tags = {"exposure": exposure, "reading": reading, "factor": factor, "level": level}
    name = " | ".join((exposure, reading, factor) if level == factor else (exposure, reading, factor, level))
    return Column(name, "exposure", tuple((tags | {"target": target, "reference": reference}).items()))


def _target(use: UseOfRows, window: str) -> str:
    return f"used, {window}{_minimum(use)}"


def _minimum(use: UseOfRows) -> str:
    return _minimum_of(use.min_dispensings)


def _minimum_of(min_dispensings: int) -> str:
    return "" if min_dispensings == 1 else f" (at least {min_dispensings} dispensings)"


def _not_used(min_dispensings: int) -> str:
    return "not used" if min_dispensings == 1 else f"fewer than {min_dispensings} dispensings"


@dataclass(frozen=True, slots=True)
class _LevelWords:
    """The levels of the initiation reading in words."""

    min_dispensings: int
    qualifying_date: bool
    ignore_lag: bool

    @property
    def reference(self) -> str:
        return "never used before the lag" if self.ignore_lag else "never used"

    def of(self, level: str) -> str:
        k = self.min_dispensings
        began = f"dispensing number {k}" if self.qualifying_date and k > 1 else "first used"
        return {
            BELOW_MINIMUM: "one dispensing only" if k == 2 else f"1 to {k - 1} dispensings only",
            PREVALENT: "prevalent user (used before or during the run-in)",
            WITHIN_LAG: f"{began}, within the lag",
            OTHER_TIME: f"{began}, at another time",
        }.get(level, f"{began}, {level}" + ("" if self.qualifying_date else _minimum_of(k)))
