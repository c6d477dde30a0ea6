"""What the executable specifications of follow-up designs share: two drugs, one person, time zero on 1 July 2010."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equipoise.analysis_set import Attrition
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import EventDays, People
from equipoise.design.arms import Arms, Contrast, Drug, find_arms
from equipoise.design.dispensings import distinct_dispensings
from equipoise.design.follow_up import Followed, follow
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.windows import Window
from tests.spec.tables import day, people, records

ZERO = "2010-07-01"
PERSON = 2**60 + 1
WINDOW = Window(days_before=(0, 365))


def design(**elements: Any) -> FollowUpDesign:
    """The design with the elements given; by default entry as time zero, and no use as reference."""
    given = {
        "kind": "follow_up",
        "population": "patients",
        "window": "w",
        "target": ("drug",),
        "outcome": {"any_of": ("death",)},
    } | elements
    if given.get("time_zero") == "first_use" or given.get("use") == "ongoing":
        given.pop("window")
    return FollowUpDesign.model_validate(given)


def person(observed: tuple[str, str] = ("2000-01-01", "2020-12-31"), **more: Any) -> People:
    return people({"id": PERSON, "born": "1950-01-01", "observed": [observed], **more})


def drug(name: str, who: People, days: Sequence[int], k: int = 1, supply: float = np.nan) -> Drug:
    """A drug dispensed so many days after time zero (before it where negative) to the one person."""
    when = np.array([day(ZERO) + at for at in days], dtype=np.int32)
    ids, lasts = np.full(len(when), PERSON), np.full(len(when), supply)
    return Drug(name, name, k, distinct_dispensings(who, ids, when, {"days_supply": lasts}))


def population(exit_day: str = "2020-12-31", entry: str = ZERO) -> Cohort:
    days = [np.array([day(text)], dtype=np.int32) for text in (entry, exit_day)]
    return Cohort(np.array([0]), *days, Attrition("population").then("persons", 1))


def arms_of(
    who: People,
    target: Drug,
    other: Drug | None = None,
    window: Window = WINDOW,
    members: Cohort | None = None,
    recording_from: str | None = None,
    **elements: Any,
) -> Arms:
    chosen = design(**elements, **({"comparator": "other"} if other is not None else {}))
    begin = None if recording_from is None else day(recording_from)
    used_window = window if chosen.window is not None else None
    members = population() if members is None else members
    return find_arms(who, members, Contrast(target, other), chosen, used_window, begin, "comparison")


def followed_of(
    who: People,
    events: dict[str, Sequence[str]] | None = None,
    target: Sequence[int] = (-10,),
    other: Sequence[int] | None = None,
    supply: float = np.nan,
    members: Cohort | None = None,
    **elements: Any,
) -> Followed:
    """Follow the one person, with first records of events on the dates given."""
    own = drug("drug", who, target, supply=supply)
    second = None if other is None else drug("other", who, other, supply=supply)
    arms = arms_of(who, own, second, members=members, **elements)
    chosen = design(**elements, **({"comparator": "other"} if second is not None else {}))
    first: dict[str, EventDays] = {
        name: records(who, *((PERSON, when) for when in dates)) for name, dates in (events or {}).items()
    }
    return follow(who, arms, Contrast(own, second), first, chosen, {})


def rules(attrition: Attrition) -> list[tuple[str, int]]:
    """The rules that removed someone, with how many."""
    return [(row.rule, row.persons_out) for row in attrition if row.persons_out]
