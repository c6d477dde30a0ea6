"""DELIBERATE VIOLATIONS of good design, committed on request only, to show how large the bias is that they cause.

Nothing here serves an estimate of a study. Only the steps of contrast runs (`runner/flawed_runs.py`) reach this module;
their estimates stand in a table of their own and are called flawed wherever they are shown.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from equipoise.analysis_set import Attrition
from equipoise.cohort.between import count_between
from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import EventDays, People
from equipoise.cohort.time import EARLIEST, LATEST, shifted
from equipoise.design.arms import Arms, Contrast, Drug
from equipoise.design.dispensings import UseOfRows
from equipoise.design.follow_up import first_event
from equipoise.design.nested_case_control import observable_from
from equipoise.design.trial_panel import TrialPanel
from equipoise.kernels.spans import span_at
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.windows import Window

LATE_DAYS = 365
EVER_DAYS = 36_525  # a century: to the end of anybody's records
AFTER = {"on and after the index date": Window(days_before=(0, EVER_DAYS))}
FUTURE = "FLAWED: users by use after time zero, too"


def ever_users(
    people: People,
    population: Cohort,
    contrast: Contrast,
    design: FollowUpDesign,
    window: Window | None,
    recording_from: int | None,
    name: str,
    first: Mapping[str, EventDays],
) -> Arms:
    """FLAWED arms at entry: who is to use the drug later counts as a user from time zero on, and lives until then.

    (Suissa, Am J Epidemiol 2008;167:492.) Washout as in the sound design; the lag has no meaning here.
    """
    assert window is not None  # the flaw is refused where time zero is first use
    attrition = Attrition(name).then("members of the population", len(np.unique(population.person)))
    _, once = np.unique(population.person, return_index=True)
    person, day = population.person[once], population.entry[once]
    visible = observable_from(people, IndexRows(person, day), recording_from)
    begin = np.full(len(day), EARLIEST) if window.first_day is None else shifted(day, window.first_day)
    end = people.observed.end[span_at(people.observed, person, day)] if len(day) else day
    if design.follow_up.days is not None:
        end = np.minimum(end, shifted(day, design.follow_up.days))
    # Use that the outcome brings is another matter.
    events = (*design.outcome.any_of, *design.outcome.competing)
    end = np.minimum(end, shifted(first_event(people, person, first, events), -1))

    def uses(drug: Drug) -> np.ndarray:
        return count_between(drug.days, person, np.maximum(begin, visible), end) >= drug.min_dispensings

    drugs = [drug for drug in (contrast.target, contrast.comparator) if drug is not None]
    used = [uses(drug) for drug in drugs]
    found = Arms(person, day, population.exit[once], used[0].astype(np.int8), attrition)
    wanted = used[0] ^ used[1] if len(used) > 1 else np.ones(len(person), dtype=bool)
    if design.new_users is not None and window.first_day is not None:
        washout = shifted(day, window.first_day - design.new_users.washout_days), shifted(day, window.first_day - 1)
        wanted &= visible <= washout[0]
        for drug in drugs:
            wanted &= count_between(drug.days, person, *washout) == 0
    return found.keep(FUTURE, wanted)


def late_rows(rows: IndexRows) -> IndexRows:
    """FLAWED days on which covariates are read: a year after time zero, when they can be effects of the drug."""
    return IndexRows(rows.person, np.minimum(shifted(rows.day, LATE_DAYS), LATEST))


def treated_too_early(rows: TrialPanel) -> np.ndarray:
    """FLAWED treatment of every row of a panel, int64 (N,): who is to be treated later is treated already.

    Deaths before a start then all belong to those who start nothing (Suissa, Am J Epidemiol 2008;167:492).
    """
    n = len(rows)
    treated = np.where(rows.treatment != 0, np.arange(n), n)
    following = np.minimum.accumulate(treated[::-1])[::-1]  # the next row with a treatment, of whomever
    at = np.minimum(following, n - 1)
    own = (following < n) & (rows.person[at] == rows.person)
    return np.where(own, rows.treatment[at], rows.treatment)


def rows_after(rows: IndexRows) -> IndexRows:
    """FLAWED index dates, a century late: what lies in `AFTER` before them lies on or after the true ones."""
    return IndexRows(rows.person, np.minimum(shifted(rows.day, EVER_DAYS), LATEST))


def with_later_use(use: UseOfRows, later: UseOfRows) -> UseOfRows:
    """FLAWED use: days in a window, and days on and after the index date beside them, by the one window of `later`.

    Whoever is observed longer has longer to become a user (time-window bias: Suissa et al., Epidemiology 2011;22:228).
    """
    return replace(use, counted=replace(use.counted, days=use.counted.days + later.counted.days))
