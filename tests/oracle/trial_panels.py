"""The panel of a target trial one person and one day at a time, in plain Python: the rules of the methods page."""

from dataclasses import dataclass, field
from math import floor
from typing import Any

Day = int
LENGTH = {"day": 1.0, "week": 7.0, "month": 30.4375}


@dataclass
class Life:
    """One person: observation spans, days of entry, dispensings with supply by drug, first events, death, visits."""

    observed: list[tuple[Day, Day]]
    entries: list[tuple[Day, Day]]
    drugs: list[dict[Day, float | None]]
    first_event: dict[str, Day] = field(default_factory=dict)
    death: Day | None = None
    visits: list[Day] = field(default_factory=list)


Row = tuple[int, int, bool, str]  # interval, treatment, eligible, how it ended


def rows_of(life: Life, rules: Any) -> list[Row]:
    """Rows of one person; none where a rule leaves the person out. `rules` is a design."""
    if not life.entries:
        return []
    entry, leaves = min(life.entries)
    zero = entry + rules.delay_days
    if rules.delay_days and zero > leaves:
        return []
    seen = [span for span in life.observed if span[0] <= zero <= span[1]]
    if not seen:
        return []
    begins, last = seen[0]
    if rules.last_day is not None:
        last = min(last, rules.last_day.toordinal() - 719163)
    outcome, competing = (_first(life, names) for names in (rules.outcome.any_of, rules.outcome.competing))
    if any(event is not None and event <= zero for event in (outcome, competing)) or last <= zero:
        return []
    every = rules.time_zero == "every_interval"
    if not every and not _eligible(life, rules, zero, begins):
        return []
    made = list(_walk(life, rules, zero, last, outcome, competing, begins))
    return made if any(row[2] for row in made) else []


def _walk(life: Life, rules: Any, zero: Day, last: Day, outcome: Day | None, competing: Day | None, begins: Day):
    number = rules.follow_up + (rules.last_start or 0)
    every = rules.time_zero == "every_interval"
    for k in range(number):
        first = zero if k == 0 else zero + floor(LENGTH[rules.interval] * k) + 1
        end = zero + floor(LENGTH[rules.interval] * (k + 1))
        ended = ""
        for today in range(first, end + 1):  # the first thing that happens ends the row
            if today > last:
                ended = "censored"
            elif today == outcome:
                ended = "outcome"
            elif today == competing:
                ended = "competing"
            if ended:
                break
        eligible = k == 0
        if every:
            eligible = k <= rules.last_start and any(a <= first <= b for a, b in life.observed)
            eligible = eligible and _eligible(life, rules, first, max(a for a, b in life.observed if a <= first))
        yield k, _treatment(life, rules, zero, first, end), eligible, ended
        if ended:
            return


def _first(life: Life, names: Any) -> Day | None:
    days = [life.death if name == "death" else life.first_event.get(name) for name in names]
    return min((day for day in days if day is not None), default=None)


def _eligible(life: Life, rules: Any, zero: Day, seen_from: Day) -> bool:
    if rules.new_users is not None:
        washout = rules.new_users.washout_days
        used = {day for drug in life.drugs for day in drug}
        if seen_from > zero - washout or any(zero - washout <= day < zero for day in used):
            return False
    for rule in rules.eligibility:
        n = sum(zero + rule.days[0] <= day <= zero + rule.days[1] for day in set(life.visits))
        if (rule.at_least is not None and n < rule.at_least) or (rule.at_most is not None and n > rule.at_most):
            return False
    return True


def _treatment(life: Life, rules: Any, zero: Day, first: Day, end: Day) -> int:
    if rules.treatment == "initiation":
        started = [(day, k) for k, drug in enumerate(life.drugs, start=1) for day in drug if day >= zero]
        return min(started)[1] if started and min(started)[0] <= end else 0
    given = [(day, -k) for k, drug in enumerate(life.drugs, start=1) for day in drug if day <= end]
    if not given:
        return 0
    day, k = max(given)
    lasts = life.drugs[-k - 1][day]
    until = day + (rules.supply.supply_days if lasts is None else lasts) + rules.supply.grace_days
    return -k if day >= first or until >= first else 0
