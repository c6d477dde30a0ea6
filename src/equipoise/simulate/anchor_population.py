"""Use of drugs, person-years and family recurrence in a block, as sums that add up over blocks."""

from dataclasses import replace
from datetime import date

import numpy as np

from equipoise.simulate.anchor_frames import DAYS, OF_CLASS, between, dates
from equipoise.simulate.block import YEAR, People
from equipoise.simulate.disease import cumulative_hazard
from equipoise.simulate.kinship import siblings
from equipoise.simulate.nation import Block
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.streams import day_number

Sums = dict[str, float]
USE_YEARS = (2006, 2013, 2017, 2021)
NEW_FROM, NEW_TO = day_number(date(2010, 1, 1)), day_number(date(2020, 1, 1))
WASHOUT = 3 * YEAR  # days without a drug after which a dispensing is a new use
WORKING = (18.0, 65.0)  # years of age
AGE_BANDS = np.arange(0.0, 111.0, 5.0)


def use_of_drugs(block: Block) -> Sums:
    """Users and inhabitants of some years, new users, of everybody who never has the disease."""
    people = block.people
    free = np.ones(len(people), bool)
    free[block.disease.person] = False
    found = dates(block.dispensings, OF_CLASS["N06A"])
    sums: Sums = {}
    everybody = np.arange(len(people))
    for year in USE_YEARS:
        first, middle, end = (day_number(date(year + k, month, 1)) for k, month in ((0, 1), (0, 7), (1, 1)))
        here = free & (people.start <= middle) & (np.minimum(people.leaves, people.dies) >= middle)
        used = between(found, everybody, np.full(len(people), first), np.full(len(people), end)) > 0
        for group, rows in (("all", here), ("elderly", here & (middle - people.born >= 65 * YEAR))):
            sums[f"living {group} {year}"] = float(rows.sum())
            sums[f"users {group} {year}"] = float((used & rows).sum())
    return sums | _new_users(block, free)


def _new_users(block: Block, free: np.ndarray) -> Sums:
    """Of an anxiolytic or a hypnotic at 18 to 64, from 2010 to 2019."""
    people = block.people
    found = dates(block.dispensings, OF_CLASS["N05B"] | OF_CLASS["N05C"])
    person, day = np.divmod(found, DAYS)
    known = np.append(False, (person[1:] == person[:-1]) & (day[1:] - day[:-1] < WASHOUT))[: len(person)]
    age = (day - people.born[person]) / YEAR
    new = ~known & free[person] & (age >= WORKING[0]) & (age < WORKING[1]) & (day >= NEW_FROM) & (day < NEW_TO)
    once = between(found, person[new], day[new], day[new] + 365) == 1
    first = np.maximum(np.maximum(people.start, people.born + WORKING[0] * YEAR), NEW_FROM)
    last = np.minimum(np.minimum(people.leaves, people.dies), np.minimum(people.born + WORKING[1] * YEAR, NEW_TO))
    years = np.maximum(last - first, 0.0)[free].sum() / YEAR
    return {"new users": float(new.sum()), "new once": float(once.sum()), "new years": float(years)}


def person_years(people: People, calendar: tuple[int, int]) -> Sums:
    """Years under observation in the calendar, of all and by five years of age."""
    first = np.maximum(people.start, calendar[0]).astype(float)
    last = np.minimum(np.minimum(people.leaves, people.dies), calendar[1]) + 1.0
    sums = {"years": float(np.maximum(last - first, 0.0).sum() / YEAR)}
    for sex, rows in (("men", ~people.female.astype(bool)), ("women", people.female.astype(bool))):
        sums[f"years {sex}"] = float(np.maximum(last - first, 0.0)[rows].sum() / YEAR)
    for age in AGE_BANDS:
        low, high = people.born + age * YEAR, people.born + (age + 5) * YEAR
        sums[f"years at {age:.0f}"] = float(
            np.maximum(np.minimum(last, high) - np.maximum(first, low), 0.0).sum() / YEAR
        )
    return sums


def recurrence(spec: NationSpec, people: People) -> Sums:
    """Expected pairs of full siblings with ALS, and the same were siblings strangers; carriers at their expectation.

    A sibling of a carrier of a rare dominant gene carries it with probability one half.
    """
    q = 1 - (1 - spec.population.gene_frequency) ** 2
    end = np.minimum(people.leaves, people.dies)
    plain, carrier = (
        -np.expm1(-cumulative_hazard(spec, replace(people, carrier=np.full(len(people), carries)), people.start, end))
        for carries in (False, True)
    )
    overall = q * carrier + (1 - q) * plain
    (one, other), _ = siblings(people)
    pairs = q / 2 * (carrier[one] * carrier[other] + carrier[one] * plain[other] + plain[one] * carrier[other])
    pairs += (1 - 3 * q / 2) * plain[one] * plain[other]
    return {
        "sibling pairs": float(pairs.sum()),
        "strangers' pairs": float((overall[one] * overall[other]).sum()),
        "cases of carriers": float(q * carrier.sum()),
        "cases expected": float(overall.sum()),
    }
