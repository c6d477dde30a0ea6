"""Arms and follow-up of one person at a time, in plain Python over sets of days: the rules of the methods page."""

from dataclasses import dataclass, field
from typing import Any

Day = int


@dataclass
class Life:
    """One person: observation spans, entry and exit of memberships, days of drugs with supply, first events, death."""

    observed: list[tuple[Day, Day]]
    members: list[tuple[Day, Day]]
    target: dict[Day, float | None]
    other: dict[Day, float | None]
    first_event: dict[str, Day] = field(default_factory=dict)
    death: Day | None = None


def followed(life: Life, rules: Any) -> tuple[int, Day, int, int, int] | None:
    """Arm, time zero, start and stop in days from it, event code; None where a rule leaves the person out.

    `rules` is a design."""
    start = _entered(life, rules)
    if start is None:
        return None
    arm, zero, leaves = start
    causes = [rules.outcome.any_of, *([name] for name in rules.outcome.competing)]
    days = [min((_event(life, name) for name in names), default=None, key=_late) for names in causes]
    if any(day is not None and day <= zero for day in days):
        return None
    seen_until = next(end for begin, end in life.observed if begin <= zero <= end)
    origin = _anchored(life, rules, arm, zero, rules.follow_up.start_anchor)
    last = min(_limits(life, rules, arm, zero, leaves, seen_until))
    code, stop = 0, last
    for cause, day in reversed(list(enumerate(days, start=1))):
        if day is not None and day <= stop:
            code, stop = cause, day
    begins = rules.follow_up.starts_day
    if rules.follow_up.delayed_entry is not None:
        entered = life.first_event.get(rules.follow_up.delayed_entry)
        if entered is None:
            return None
        begins = max(begins, entered - zero)
    if stop - origin <= begins:
        return None
    if code == 0 and seen_until - origin < rules.follow_up.minimum_days:
        return None
    return arm, zero, begins, stop - origin, code


def _late(day: Day | None) -> float:
    return float("inf") if day is None else day


def _event(life: Life, name: str) -> Day | None:
    return life.death if name == "death" else life.first_event.get(name)


def _entered(life: Life, rules: Any) -> tuple[int, Day, Day] | None:
    if rules.time_zero == "entry":
        return _at_entry(life, rules)
    for begin, end in sorted(life.members):
        used = sorted(day for day in (*life.target, *life.other) if begin <= day <= end)
        if used:
            zero = used[0]
            arm = _arm(rules.both, zero in life.target, zero in life.other, zero, zero)
            clean = rules.new_users is None or _is_new(life, zero, zero - rules.new_users.washout_days, zero - 1)
            return None if arm is None or not clean else (arm, zero, end)
    return None


def _at_entry(life: Life, rules: Any) -> tuple[int, Day, Day] | None:
    if not life.members:
        return None
    zero, end = min(life.members)
    if rules.use == "ongoing":
        return _ongoing(life, rules, zero, end)
    seen_from = next(begin for begin, last in life.observed if begin <= zero <= last)
    first, last = zero - 20, zero - 1 - rules.lag_days  # a window of twenty days
    if rules.new_users is not None and not _is_new(life, zero, first - rules.new_users.washout_days, first - 1):
        return None
    target, other = (
        sorted(day for day in drug if max(first, seen_from) <= day <= last) for drug in (life.target, life.other)
    )
    if rules.comparator is None:
        return (1 if target else 0), zero, end
    arm = _arm(rules.both, bool(target), bool(other), *(days[0] if days else 0 for days in (target, other)))
    return None if arm is None else (arm, zero, end)


def _ongoing(life: Life, rules: Any, zero: Day, end: Day) -> tuple[int, Day, Day] | None:
    """A day is in use if it is supplied, or no more than the grace after the last one that is."""
    target, other = (
        any(begin <= zero <= until + rules.censoring.grace_days for begin, until in _uses(drug, rules.censoring))
        for drug in (life.target, life.other)
    )
    arm = (1 if target else 0) if rules.comparator is None else _arm(rules.both, target, other, 0, 0)
    return None if arm is None else (arm, zero, end)


def _arm(rule: str, target: bool, other: bool, first_target: Day, first_other: Day) -> int | None:
    if target and other:
        if rule == "target":
            return 1
        if rule == "exclude" or first_target == first_other:
            return None
        return 1 if first_target < first_other else 0
    return 1 if target else 0 if other else None


def _is_new(life: Life, zero: Day, first: Day, last: Day) -> bool:
    seen = any(begin <= first and begin <= zero <= end for begin, end in life.observed)
    return seen and not any(first <= day <= last for day in (*life.target, *life.other))


def _limits(life: Life, rules: Any, arm: int, zero: Day, leaves: Day, seen_until: Day) -> list[Day]:
    limits = [seen_until]
    if rules.follow_up.days is not None:
        anchor = rules.follow_up.end_anchor or rules.follow_up.start_anchor
        limits.append(_anchored(life, rules, arm, zero, anchor) + rules.follow_up.days)
    own, others = (life.target, life.other) if arm == 1 else (life.other, life.target)
    if rules.comparator is None:
        own, others = (life.target, {}) if arm == 1 else ({}, life.target)
    if rules.censoring.at_exit:
        limits.append(leaves)
    if rules.censoring.at_switch:
        limits += [day for day in others if day > zero]
    if rules.censoring.at_stop and not (rules.comparator is None and arm == 0):
        limits.append(_use_ends(own, rules.censoring, zero))
    return limits


def _anchored(life: Life, rules: Any, arm: int, zero: Day, anchor: str) -> Day:
    """Time zero, or the last day supplied of the drug of the arm, if that comes later."""
    if anchor == "time_zero":
        return zero
    drug, rule = (life.target, life.other)[1 - arm], rules.censoring
    return max([until for begin, until in _uses(drug, rule) if begin <= zero <= until + rule.grace_days] + [zero])


def _use_ends(drug: dict[Day, float | None], rule: Any, zero: Day) -> Day:
    """The last day that counts of the use that goes on at time zero; time zero itself where none does."""
    going_on = [until for begin, until in _uses(drug, rule) if begin <= zero <= until + rule.grace_days]
    after = rule.grace_days if rule.after_stop_days is None else rule.after_stop_days
    return going_on[-1] + after if going_on else zero


def _uses(drug: dict[Day, float | None], rule: Any) -> list[tuple[Day, Day]]:
    """Stretches of use, supply left over added to the next dispensing."""
    uses: list[tuple[Day, Day]] = []  # first day, last day supplied
    for day in sorted(drug):
        lasts = drug[day] or rule.supply_days
        if uses and day - uses[-1][1] - 1 <= rule.grace_days:
            begin, until = uses.pop()
            uses.append((begin, max(until, day - 1) + int(lasts)))
        else:
            uses.append((day, day - 1 + int(lasts)))
    return uses
