"""Time zero and arms of a follow-up design: who enters, on which day, as a user of what."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from equipoise.analysis_set import Attrition
from equipoise.cohort.between import count_between, first_between
from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import EventDays, People
from equipoise.cohort.time import EARLIEST, LATEST, shifted
from equipoise.design.dispensings import Dispensings
from equipoise.design.nested_case_control import observable_from
from equipoise.kernels.spans import DAY_MIN
from equipoise.kernels.supply import supplied_until
from equipoise.spec.follow_up import Censoring, FollowUpDesign
from equipoise.spec.windows import Window

TARGET, REFERENCE = 1, 0


@dataclass(frozen=True, slots=True)
class Drug:
    """An exposure with its dispensings: `min_dispensings` distinct days of them make a user."""

    name: str
    label: str
    min_dispensings: int
    dispensings: Dispensings

    @property
    def days(self) -> EventDays:
        return EventDays(self.dispensings.offsets, self.dispensings.day)

    def supplied_until(self, person: np.ndarray, day: np.ndarray, rule: Censoring) -> np.ndarray:
        """Last day supplied of the use that goes on on a day, DAY_MIN where none does: int32 (k,)."""
        lasts = self.dispensings.days_supplied(rule.supply_days)
        return supplied_until(self.dispensings.offsets, self.dispensings.day, lasts, person, day, rule.grace_days)


@dataclass(frozen=True, slots=True)
class Contrast:
    """The two arms of one comparison; without a comparator the reference is no use of the target."""

    target: Drug
    comparator: Drug | None

    def drug_of(self, arm: int) -> Drug | None:
        return self.target if arm == TARGET else self.comparator


@dataclass(frozen=True, slots=True)
class Arms:
    """Persons at time zero, each once, in order of their codes.

    person int64 (k,) codes; day int32 (k,) time zero; leaves int32 (k,) the last day as a member of the population;
    arm int8 (k,), 1 target, 0 reference.
    """

    person: np.ndarray
    day: np.ndarray
    leaves: np.ndarray
    arm: np.ndarray
    attrition: Attrition

    def __len__(self) -> int:
        return len(self.person)

    def keep(self, rule: str, wanted: np.ndarray) -> "Arms":
        """The persons where `wanted` is true, with a row of attrition."""
        parts = {name: getattr(self, name)[wanted] for name in ("person", "day", "leaves", "arm")}
        return replace(self, **parts, attrition=self.attrition.then(rule, int(wanted.sum())))


def find_arms(
    people: People,
    population: Cohort,
    contrast: Contrast,
    design: FollowUpDesign,
    window: Window | None,
    recording_from: int | None,
    name: str,
) -> Arms:
    """Everyone who enters one comparison, with time zero and arm; `name` heads the attrition.

    Entry as time zero: a person's first entry into the population; qualifying use in the window makes the arm. First
    use as time zero: the first dispensing of either arm's drug while a member; a person whose first dispensing is not
    a new one is left out, and does not enter with a later one.
    """
    attrition = Attrition(name).then("members of the population", len(np.unique(population.person)))
    if window is not None:
        found = _at_entry(people, population, contrast, design, window, recording_from, attrition)
    elif design.use == "ongoing":
        found = _in_use(population, contrast, design, attrition)
    else:
        found = _at_first_use(people, population, contrast, design, recording_from, attrition)
    return _in_common_period(found) if design.common_period else found


def _in_common_period(found: Arms) -> Arms:
    """Persons whose time zero lies in the years of both arms: from the later first day to the earlier last day."""
    arms = [found.day[found.arm == arm] for arm in (TARGET, REFERENCE)]
    if not all(len(days) for days in arms):
        return found  # one arm is empty: there is nothing to share
    first, last = max(days.min() for days in arms), min(days.max() for days in arms)
    return found.keep("time zero in the period common to both arms", (found.day >= first) & (found.day <= last))


def _in_use(population: Cohort, contrast: Contrast, design: FollowUpDesign, attrition: Attrition) -> Arms:
    """Arms by the use that goes on on the day of entry."""
    once = _first_rows(population.person)
    person, day = population.person[once], population.entry[once]
    found = Arms(person, day, population.exit[once], np.zeros(len(person), dtype=np.int8), attrition)

    def goes_on(drug: Drug) -> np.ndarray:
        return drug.supplied_until(person, day, design.censoring) != DAY_MIN

    target = goes_on(contrast.target)
    if contrast.comparator is None:
        return replace(found, arm=target.astype(np.int8))
    rule = f"use of {contrast.target.label} or {contrast.comparator.label} on entry"
    return _settled(found, rule, (target, goes_on(contrast.comparator)), (day, day), design.both)


def _at_entry(
    people: People,
    population: Cohort,
    contrast: Contrast,
    design: FollowUpDesign,
    window: Window,
    recording_from: int | None,
    attrition: Attrition,
) -> Arms:
    once = _first_rows(population.person)
    person, day = population.person[once], population.entry[once]
    found = Arms(person, day, population.exit[once], np.zeros(len(person), dtype=np.int8), attrition)
    if design.new_users is not None and window.first_day is not None:
        found = _new_users(people, found, contrast, design, window.first_day, recording_from, "the window of use")

    def in_window(look: Callable[..., np.ndarray], drug: Drug) -> np.ndarray:
        return look(drug.days, found.person, *days_of_use(people, found, design, window, recording_from))

    dispensed = in_window(count_between, contrast.target)
    target = dispensed >= contrast.target.min_dispensings
    if contrast.comparator is None:
        found = replace(found, arm=target.astype(np.int8))
        if design.below_minimum == "reference":
            return found
        least = contrast.target.min_dispensings
        return found.keep(f"no dispensing of {contrast.target.label} or at least {least}", target | (dispensed == 0))
    other = in_window(count_between, contrast.comparator) >= contrast.comparator.min_dispensings
    first = (in_window(first_between, contrast.target), in_window(first_between, contrast.comparator))
    rule = f"use of {contrast.target.label} or {contrast.comparator.label} in the window"
    return _settled(found, rule, (target, other), first, design.both)


def days_of_use(
    people: People, found: Arms, design: FollowUpDesign, window: Window, recording_from: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last day of each person on which a dispensing counts as use: two int32 (k,)."""
    visible = observable_from(people, IndexRows(found.person, found.day), recording_from)
    begin = EARLIEST if window.first_day is None else shifted(found.day, window.first_day)
    last = shifted(found.day, min(window.last_day, -design.lag_days - 1))
    return np.maximum(begin, visible), last


def _at_first_use(
    people: People,
    population: Cohort,
    contrast: Contrast,
    design: FollowUpDesign,
    recording_from: int | None,
    attrition: Attrition,
) -> Arms:
    assert contrast.comparator is not None  # a rule of the design
    begin = population.entry if recording_from is None else np.maximum(population.entry, np.int32(recording_from))
    days = [
        first_between(drug.days, population.person, begin, population.exit)
        for drug in (contrast.target, contrast.comparator)
    ]
    day = np.minimum(*days)
    with_use = np.flatnonzero(day < LATEST)
    once = with_use[_first_rows(population.person[with_use])]
    label = f"use of {contrast.target.label} or {contrast.comparator.label} as a member"
    found = Arms(
        population.person[once],
        day[once],
        population.exit[once],
        np.zeros(len(once), dtype=np.int8),
        attrition.then(label, len(once)),
    )
    target, other = (which[once] == day[once] for which in days)
    found = _settled(found, None, (target, other), (days[0][once], days[1][once]), design.both)
    if design.new_users is not None:
        found = _new_users(people, found, contrast, design, 0, recording_from, "first use")
    return found


def _settled(
    found: Arms,
    rule: str | None,
    used: tuple[np.ndarray, np.ndarray],
    first: tuple[np.ndarray, np.ndarray],
    both: str,
) -> Arms:
    """Users of either drug in their arms; those of both by the rule for them. `rule` words the need of any use."""
    target, other = used
    twice = target & other
    arm = target.copy()
    undecided = twice
    if both == "target":
        undecided = np.zeros(len(target), dtype=bool)
    if both == "first":
        arm = np.where(twice, first[0] < first[1], target)
        undecided = twice & (first[0] == first[1])
    found = replace(found, arm=arm.astype(np.int8))
    if rule is not None:
        either = target | other
        found, undecided = found.keep(rule, either), undecided[either]
    if both == "target":
        return found
    words = "use of only one of them" if both == "exclude" else "use of one of them before the other"
    return found.keep(words, ~undecided)


def _new_users(
    people: People,
    found: Arms,
    contrast: Contrast,
    design: FollowUpDesign,
    before_day: int,
    recording_from: int | None,
    before: str,
) -> Arms:
    """Persons observed, and without the drugs of either arm, in the washout that ends before a day from time zero."""
    assert design.new_users is not None
    washout = design.new_users.washout_days
    visible = observable_from(people, IndexRows(found.person, found.day), recording_from)
    begin = shifted(found.day, before_day - washout)
    found = found.keep(f"{washout:,} days of observation before {before}", visible <= begin)
    begin, last = shifted(found.day, before_day - washout), shifted(found.day, before_day - 1)
    clean = np.ones(len(found), dtype=bool)
    for drug in (contrast.target, contrast.comparator):
        if drug is not None:
            clean &= count_between(drug.days, found.person, begin, last) == 0
    return found.keep(f"no dispensing in these {washout:,} days", clean)


def _first_rows(person: np.ndarray) -> np.ndarray:
    """Positions of the first row of each person, in rows sorted by person: int64 (k,)."""
    first = np.ones(len(person), dtype=bool)
    first[1:] = person[1:] != person[:-1]
    return np.flatnonzero(first)
