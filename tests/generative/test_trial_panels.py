"""Panels of generated, untidy lives equal those of the oracle, row by row, and never look ahead."""

from copy import deepcopy
from itertools import product
from typing import Any

import numpy as np
import pytest

from equipoise.analysis_set import Attrition
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import NO_DEATH, EventDays, Factor, People, event_days
from equipoise.design.arms import Drug
from equipoise.design.dispensings import distinct_dispensings
from equipoise.design.trial_panel import TrialPanel, TrialRecords, trial_panel
from equipoise.kernels.spans import normalise
from equipoise.spec.target_trial import TargetTrial
from tests.oracle.trial_panels import Life, Row, rows_of

PERSONS = 700
VISIT = {"name": "seen", "concept_set": "visit", "days": [-15, 0], "at_least": 1, "at_most": 3}
VARIANTS: list[dict[str, Any]] = [
    {"interval": interval, "treatment": treatment, "new_users": washout, "eligibility": rules, "delay_days": delay}
    | more
    for interval, treatment, (washout, rules), delay, more in product(
        ("day", "week", "month"),
        ("initiation", "supply"),
        (("none", []), ({"washout_days": 6}, [VISIT])),
        (0, 2),
        ({"follow_up": 4}, {"follow_up": 2, "time_zero": "every_interval", "last_start": 3}),
    )
    if not (treatment == "initiation" and "last_start" in more)
]


def lives(seed: int) -> list[Life]:
    """Short lives in which every rule matters: gaps, records outside observation, events on time zero, on last days."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(PERSONS):
        begin, length = int(rng.integers(0, 15)), int(rng.integers(10, 70))
        observed = [(begin, begin + length)]
        if rng.random() < 0.3:
            observed.append((begin + length + 2, begin + length + 30))
        death = observed[-1][1] if rng.random() < 0.4 else None
        entries = []
        for first, last in observed:
            if rng.random() < 0.8:
                entry = int(rng.integers(first, last + 1))
                entries.append((entry, last))
        drugs = [
            {
                int(day): (None if rng.random() < 0.5 else float(rng.integers(1, 12)))
                for day in rng.integers(0, 90, size)
            }
            for size in rng.integers(0, 5, 2)
        ]
        first_event = {
            name: int(rng.integers(0, (death if death is not None else 90) + 1))
            for name in ("bleed", "tube")
            if rng.random() < 0.4
        }
        visits = rng.integers(0, 90, int(rng.integers(0, 9))).tolist()
        made.append(Life(observed, entries, drugs, first_event, death, visits))
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


def drug(people: People, made: list[Life], k: int) -> Drug:
    rows = [(i, day, np.nan if lasts is None else lasts) for i, life in enumerate(made)
            for day, lasts in life.drugs[k].items()]  # fmt: skip
    ids, days, supply = (np.array([row[c] for row in rows]) for c in range(3))
    amounts = {"days_supply": supply.astype(np.float64)}
    return Drug(str(k), str(k), 1, distinct_dispensings(people, ids.astype(np.int64), days.astype(np.int32), amounts))


def events(people: People, rows: list[tuple[int, int]]) -> EventDays:
    rows = sorted(rows)
    return event_days(people, np.array([i for i, _ in rows]), np.array([day for _, day in rows], dtype=np.int32))


def design_of(given: dict[str, Any]) -> TargetTrial:
    strategies = [{"name": "none", "start": "none"}, {"name": "a", "start": "a"}, {"name": "b", "start": "b"}]
    return TargetTrial.model_validate(
        {"kind": "target_trial", "population": "patients", "strategies": strategies,
         "outcome": {"any_of": ["bleed", "death"], "competing": ["tube"]},
         "supply": {"supply_days": 4, "grace_days": 2}} | given
    )  # fmt: skip


def panel_of(made: list[Life], design: TargetTrial) -> TrialPanel:
    people = as_people(made)
    rows = sorted((i, *entry) for i, life in enumerate(made) for entry in life.entries)
    person, entry, leaving = (np.array([row[k] for row in rows]) for k in range(3))
    attrition = Attrition("population").then("persons", len(set(person.tolist())))
    cohort = Cohort(person.astype(np.int64), entry.astype(np.int32), leaving.astype(np.int32), attrition)
    first = {
        name: events(people, [(i, life.first_event[name]) for i, life in enumerate(made) if name in life.first_event])
        for name in ("bleed", "tube")
    }
    visits = {"visit": events(people, [(i, day) for i, life in enumerate(made) for day in life.visits])}
    drugs = [drug(people, made, k) for k in range(2)]
    return trial_panel(people, cohort, TrialRecords(drugs, first, visits), design, {}, None, "trial")


def by_person(panel: TrialPanel) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for i in range(len(panel)):
        flags = [name for name in ("censored", "outcome", "competing") if getattr(panel, name)[i]]
        assert len(flags) <= 1
        row = (int(panel.period[i]), int(panel.treatment[i]), bool(panel.eligible[i]), "".join(flags))
        found.setdefault(int(panel.person[i]), []).append(row)
    return found


@pytest.mark.parametrize("at", range(len(VARIANTS)))
def test_panels_are_those_of_the_oracle(at: int) -> None:
    design, made = design_of(VARIANTS[at]), lives(at)
    expected = {i: rows for i, life in enumerate(made) if (rows := rows_of(life, design))}
    found = by_person(panel_of(made, design))
    assert found == expected
    assert len(found) > 20


def test_nothing_looks_into_the_future() -> None:
    """What happens after day 50 is taken away: the rows that end by then stay the same."""
    for at in (0, 5, 9, 14, len(VARIANTS) - 1):
        design, whole = design_of(VARIANTS[at]), lives(100 + at)
        cut = deepcopy(whole)
        for life in cut:
            life.drugs = [{day: lasts for day, lasts in one.items() if day <= 50} for one in life.drugs]
            life.visits = [day for day in life.visits if day <= 50]
            life.first_event = {name: day for name, day in life.first_event.items() if day <= 50}
        before, after = panel_of(whole, design), panel_of(cut, design)
        ours, theirs = (
            {
                (int(p.person[i]), int(p.period[i])): (int(p.treatment[i]), bool(p.eligible[i]), int(p.outcome[i]))
                for i in np.flatnonzero(p.end <= 50)
            }
            for p in (before, after)
        )
        assert ours == theirs
        assert len(ours) > 20
