"""Arms and follow-up of generated lives equal those of the oracle, person by person."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from equipoise.analysis_set import Attrition
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import NO_DEATH, EventDays, Factor, People, event_days
from equipoise.design.arms import Contrast, Drug, find_arms
from equipoise.design.dispensings import distinct_dispensings
from equipoise.design.follow_up import follow
from equipoise.kernels.spans import normalise
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.windows import Window
from tests.oracle.follow_up import Life, followed

PERSONS = 2_000
WINDOW = Window(days_before=(0, 20))
ELEMENTS: list[dict[str, Any]] = [
    {"time_zero": zero, "comparator": other, "both": both, "new_users": washout, "lag_days": lag}
    for zero, other, both, washout, lag in product(
        ("entry", "first_use"), (None, "other"), ("exclude", "first", "target"), (None, {"washout_days": 5}), (0, 5)
    )
    if not (zero == "first_use" and (other is None or lag))
] + [
    {"time_zero": "entry", "use": "ongoing", "comparator": other, "both": both}
    for other, both in product((None, "other"), ("exclude", "target"))
]
TIMES: list[dict[str, Any]] = [
    {},
    {"follow_up": {"days": 15}, "censoring": {"at_switch": True}},
    {"follow_up": {"days": 30, "starts_day": 3}, "censoring": {"at_stop": True, "grace_days": 2, "supply_days": 4}},
    {"follow_up": {"minimum_days": 8}, "censoring": {"at_exit": True, "at_stop": True, "grace_days": 0}},
    {"censoring": {"at_stop": True, "grace_days": 3, "supply_days": 4, "after_stop_days": 1}},
    {"follow_up": {"delayed_entry": "register", "days": 25, "starts_day": 2}},
]
GRACE = {"grace_days": 3, "supply_days": 4}
AROUND_USE: list[dict[str, Any]] = [
    {"follow_up": {"start_anchor": "end_of_exposure"}, "censoring": GRACE},
    {"follow_up": {"start_anchor": "end_of_exposure", "starts_day": 2, "days": 20, "minimum_days": 4}},
    {"follow_up": {"start_anchor": "end_of_exposure", "end_anchor": "time_zero", "days": 25}, "censoring": GRACE},
    {"follow_up": {"end_anchor": "end_of_exposure", "days": 0}, "censoring": GRACE | {"at_switch": True}},
]


def lives(seed: int) -> list[Life]:
    """Short lives in which every rule matters: days 0 to 80, one or two spans, few dispensings, events on any day."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(PERSONS):
        begin, length = int(rng.integers(0, 20)), int(rng.integers(20, 60))
        observed = [(begin, begin + length)]
        if rng.random() < 0.3:
            observed.append((begin + length + 3, begin + length + 15))
        death = observed[-1][1] if rng.random() < 0.4 else None
        members = []
        for first, last in observed:
            if rng.random() < 0.8:
                entry = int(rng.integers(first, last + 1))
                members.append((entry, int(rng.integers(entry, last + 1))))
        drugs = [
            {
                int(day): (None if rng.random() < 0.5 else float(rng.integers(1, 12)))
                for day in rng.integers(0, 80, size)
            }
            for size in rng.integers(0, 5, 2)
        ]
        first_event = {
            name: int(rng.integers(0, (death if death is not None else 80) + 1))
            for name in ("bleed", "stroke")
            if rng.random() < 0.4
        }
        if rng.random() < 0.8:
            first_event["register"] = int(rng.integers(0, 80))
        made.append(Life(observed, members, drugs[0], drugs[1], first_event, death))
    return made


def as_people(made: list[Life]) -> People:
    spans = [(i, *span) for i, life in enumerate(made) for span in life.observed]
    codes, start, end = (np.array([span[k] for span in spans]) for k in range(3))
    n = len(made)
    unknown = Factor(np.zeros(n, dtype=np.int32), ("unknown",))
    return People(
        np.arange(n, dtype=np.int64),
        np.full(n, -20_000, dtype=np.int32),
        np.full(n, 1915, dtype=np.int32),
        np.array([NO_DEATH if life.death is None else life.death for life in made], dtype=np.int32),
        dict.fromkeys(("sex", "region", "race", "ethnicity", "care_site"), unknown),
        normalise(codes.astype(np.int64), start.astype(np.int32), end.astype(np.int32), n),
    )


def drug(name: str, people: People, made: list[Life]) -> Drug:
    rows = [
        (i, day, np.nan if lasts is None else lasts)
        for i, life in enumerate(made)
        for day, lasts in (life.target if name == "drug" else life.other).items()
    ]
    ids, days, supply = (np.array([row[k] for row in rows]) for k in range(3))
    amounts = {"days_supply": supply.astype(np.float64)}
    return Drug(name, name, 1, distinct_dispensings(people, ids.astype(np.int64), days.astype(np.int32), amounts))


def first_records(people: People, made: list[Life], name: str) -> EventDays:
    rows = [(i, life.first_event[name]) for i, life in enumerate(made) if name in life.first_event]
    return event_days(people, np.array([i for i, _ in rows]), np.array([day for _, day in rows], dtype=np.int32))


def memberships(made: list[Life]) -> Cohort:
    rows = sorted((i, *span) for i, life in enumerate(made) for span in life.members)
    person, entry, leaving = (np.array([row[k] for row in rows]) for k in range(3))
    attrition = Attrition("population").then("persons", len(set(person.tolist())))
    return Cohort(person.astype(np.int64), entry.astype(np.int32), leaving.astype(np.int32), attrition)


@pytest.mark.parametrize("times", range(len(TIMES)))
@pytest.mark.parametrize("at", range(len(ELEMENTS)))
def test_the_engine_follows_whom_the_oracle_follows(at: int, times: int) -> None:
    _engine_is_oracle(ELEMENTS[at] | TIMES[times], 1000 * at + times)


ON_DRUGS = [
    given
    for given in ELEMENTS
    if given["comparator"] is not None and (given["time_zero"] == "first_use" or given.get("use") == "ongoing")
]


@pytest.mark.parametrize("times", range(len(AROUND_USE)))
@pytest.mark.parametrize("at", range(len(ON_DRUGS)))
def test_time_at_risk_around_the_end_of_use_is_that_of_the_oracle(at: int, times: int) -> None:
    _engine_is_oracle(ON_DRUGS[at] | AROUND_USE[times], 50_000 + 1000 * at + times)


def _engine_is_oracle(given: dict[str, Any], seed: int) -> None:
    outcome = {"any_of": ("bleed", "death"), "competing": ("stroke",)}
    design = FollowUpDesign.model_validate(
        {"kind": "follow_up", "population": "patients", "target": ("drug",), "outcome": outcome}
        | {
            "estimator": {"kinds": ("cox",)},
            "window": "w" if given["time_zero"] == "entry" and "use" not in given else None,
        }
        | given
    )
    made = lives(seed)
    people = as_people(made)
    contrast = Contrast(drug("drug", people, made), drug("other", people, made) if design.comparator else None)
    window = WINDOW if design.window else None
    arms = find_arms(people, memberships(made), contrast, design, window, None, "comparison")
    records = {name: first_records(people, made, name) for name in ("bleed", "stroke", "register")}
    found = follow(people, arms, contrast, records, design, {})
    engine = {
        int(person): (int(arm), int(zero), int(start), int(stop), int(event))
        for person, arm, zero, start, stop, event in zip(
            found.arms.person, found.arms.arm, found.arms.day, found.start, found.stop, found.event, strict=True
        )
    }
    expected = {}
    for i, life in enumerate(made):
        if design.comparator is None:
            life.other = {}
        if (row := followed(life, design)) is not None:
            expected[i] = row
    assert engine == expected
    assert expected, "somebody is followed"
