"""Dispensings against an obvious loop, and what is and is not recorded."""

from dataclasses import replace

import numpy as np
import pytest

from equipoise.kernels.dispensing import refill_uniforms
from equipoise.kernels.treatment import begun_untreated
from equipoise.simulate.block import NEVER, Episodes, People, Place, Records
from equipoise.simulate.dispensing import dispense
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.prescribing import draw_episodes, in_order, merge
from tests.simulate.made_people import END, adults, day

PLACE = Place(seed=11, block=3, first_person=60_000, persons=400)
REGULAR = parse_nation({"prescribing": {"refills": {"spread": 0.0, "missed": 0.0, "double": 0.0}}})


def looped(spec: NationSpec, place: Place, people: People, episodes: Episodes, last_day: np.ndarray) -> list[tuple]:
    """Every dispensing of every episode, one at a time."""
    rules, packs = spec.prescribing.refills, {}
    for person, drug, start, stop, count in zip(
        episodes.person, episodes.drug, episodes.start, episodes.stop, episodes.dispensings, strict=True
    ):
        interval = (int(stop) - int(start) + 1) / int(count)
        k = 0
        while k < count:
            day_of, amount = int(start), 1
            if k > 0:
                shift, event = refill_uniforms(place.seed, place.first_person + int(person), int(start), int(drug), k)
                day_of = int(np.floor(start + interval * (k + rules.spread * (2 * shift - 1))))
                if event < rules.missed:
                    amount = 0
                elif event < rules.missed + rules.double and k + 1 < count:
                    amount = 2
            if amount and seen(spec, people, int(person), day_of, last_day):
                key = (int(person), day_of, int(drug))
                packs[key] = packs.get(key, 0.0) + amount
            k += max(amount, 1)
    return [(*key, amount) for key, amount in sorted(packs.items())]


def seen(spec: NationSpec, people: People, person: int, on: int, last_day: np.ndarray) -> bool:
    recorded = day(spec.prescribing.recorded_from.isoformat())
    last = min(people.leaves[person], people.dies[person], last_day[person])
    inside = max(people.start[person], recorded) <= on <= last
    return bool(inside and not people.gap_start[person] <= on <= people.gap_end[person])


def rows(records: Records) -> list[tuple]:
    return list(zip(*(getattr(records, name).tolist() for name in ("person", "day", "what", "amount")), strict=True))


def mixed_people(n: int = 400) -> People:
    people = adults(n)
    gap_start, gap_end = people.gap_start.copy(), people.gap_end.copy()
    gap_start[::5], gap_end[::5] = day("2012-03-01"), day("2014-08-31")
    dies, leaves = people.dies.copy(), people.leaves.copy()
    dies[1::7], leaves[2::7] = day("2016-05-05"), day("2010-02-02")
    return replace(people, gap_start=gap_start, gap_end=gap_end, dies=dies, leaves=leaves)


def test_the_kernel_equals_the_obvious_loop() -> None:
    people, last_day = mixed_people(), np.full(400, NEVER, np.int32)
    last_day[::11] = day("2018-01-15")
    # Drawn twice: episodes of one class overlap, and some are of the same drug.
    other = draw_episodes(NationSpec(), replace(PLACE, block=4), people)
    episodes = in_order(merge([draw_episodes(NationSpec(), PLACE, people), other]))
    found = rows(dispense(NationSpec(), PLACE, people, episodes, last_day))
    assert len(found) > 3_000
    assert found == looped(NationSpec(), PLACE, people, episodes, last_day)


def test_rows_of_the_same_person_day_and_drug_become_one() -> None:
    episodes = one_episode("2010-01-01", 3, 90)
    twice = in_order(merge([episodes, episodes]))
    single = dispense(REGULAR, PLACE, adults(1), episodes, np.array([END]))
    double = dispense(REGULAR, PLACE, adults(1), twice, np.array([END]))
    assert double.day.tolist() == single.day.tolist()
    assert double.amount.tolist() == [2.0, 2.0, 2.0]


def one_episode(start: str, dispensings: int, days: int, drug: int = 0) -> Episodes:
    first = day(start)
    whole = (np.array([value], dtype=np.int32) for value in (first, first + days - 1, dispensings))
    begin, end, count = whole
    return Episodes(np.zeros(1, np.int32), np.array([drug], np.int16), begin, end, count, np.zeros(1, np.int8))


def test_regular_refills_come_when_the_supply_ends() -> None:
    records = dispense(REGULAR, PLACE, adults(1), one_episode("2010-01-01", 4, 120, drug=5), np.array([END]))
    assert (records.day - day("2010-01-01")).tolist() == [0, 30, 60, 90]
    assert records.what.tolist() == [5] * 4
    assert records.amount.tolist() == [1.0] * 4


@pytest.mark.parametrize(
    ("start", "recorded"),
    [("2005-06-01", 3), ("2005-07-01", 4), ("2005-06-30", 3), ("2023-11-01", 3), ("2024-01-01", 0), ("2001-01-01", 0)],
)
def test_recording_begins_and_ends_on_its_days(start: str, recorded: int) -> None:
    # Four dispensings, 30 days apart.
    records = dispense(REGULAR, PLACE, adults(1), one_episode(start, 4, 120), np.array([NEVER]))
    assert len(records) == recorded


def test_the_last_day_is_recorded_and_no_later_one() -> None:
    episodes = one_episode("2010-01-01", 4, 120)
    for until, recorded in ((30, 2), (29, 1), (-1, 0)):
        last = np.array([day("2010-01-01") + until])
        assert len(dispense(REGULAR, PLACE, adults(1), episodes, last)) == recorded


def test_nothing_is_recorded_abroad() -> None:
    people = replace(
        adults(1), gap_start=np.array([day("2010-01-31")]), gap_end=np.array([day("2010-03-02")])
    )  # days 30 to 60 of the episode, both ends included
    records = dispense(REGULAR, PLACE, people, one_episode("2010-01-01", 4, 120), np.array([END]))
    assert (records.day - day("2010-01-01")).tolist() == [0, 90]


def test_a_cut_removes_rows_and_changes_none() -> None:
    people = adults(300)
    episodes = draw_episodes(NationSpec(), PLACE, people)
    whole = rows(dispense(NationSpec(), PLACE, people, episodes, people.dies))
    until = day("2014-12-31")
    cut = rows(dispense(NationSpec(), PLACE, people, episodes, np.full(300, until)))
    assert cut == [row for row in whole if row[1] <= until]


def test_refills_are_missed_doubled_and_shifted_as_often_as_stated() -> None:
    n, k = 2_000, 20
    start = np.full(n, day("2010-01-01"), np.int32)
    episodes = Episodes(
        np.arange(n, dtype=np.int32), np.full(n, 3, np.int16), start, start + 30 * k - 1,
        np.full(n, k, np.int32), np.zeros(n, np.int8),
    )  # fmt: skip
    rules = {"spread": 0.2, "missed": 0.1, "double": 0.25}
    spec = parse_nation({"prescribing": {"refills": rules}})
    records = dispense(spec, PLACE, adults(n), episodes, np.full(n, END))
    due = np.zeros(k + 2)  # chance that refill i is due, which it is not where the one before was doubled
    due[1] = 1.0
    for i in range(1, k):
        doubled = 0.25 if i + 1 < k else 0.0
        due[i + 2] += due[i] * doubled
        due[i + 1] += due[i] * (1 - doubled)
    visits = due[1:k].sum()
    assert (records.amount == 2).sum() / n == pytest.approx(0.25 * (visits - due[k - 1]), rel=0.03)
    assert len(records) / n == pytest.approx(1 + 0.9 * visits, rel=0.01)
    late = (records.day - day("2010-01-01")) / 30
    off = np.abs(late - np.round(late))[late > 0.5]
    assert off.max() <= 0.2 + 1e-9
    assert off.mean() == pytest.approx(0.1, abs=0.02)


def test_refills_do_not_depend_on_the_block_or_on_other_episodes() -> None:
    people = adults(50)
    episodes = draw_episodes(NationSpec(), PLACE, people)
    together = rows(dispense(NationSpec(), PLACE, people, episodes, people.dies))
    for person in range(0, 50, 7):
        mine = episodes.person == person
        alone = Episodes(*(getattr(episodes, name)[mine] for name in Episodes.__dataclass_fields__))
        found = rows(dispense(NationSpec(), PLACE, people, alone, people.dies))
        assert found == [row for row in together if row[0] == person]


def test_no_episode_gives_no_row_with_the_right_types() -> None:
    none = Episodes(*(getattr(one_episode("2010-01-01", 1, 30), name)[:0] for name in Episodes.__dataclass_fields__))
    records = dispense(REGULAR, PLACE, adults(3), none, np.full(3, END))
    assert len(records) == 0
    types = [getattr(records, name).dtype for name in ("person", "day", "what", "amount")]
    assert types == [np.int32, np.int32, np.int16, np.float32]


def test_only_episodes_begun_untreated_take_place() -> None:
    person = np.array([0, 0, 0, 0, 1, 1])
    start, stop = np.array([0, 10, 11, 15, 5, 5]), np.array([10, 50, 14, 20, 5, 9])
    # The second begins on the last day of the first and is dropped, so that it does not stand in the way of the third.
    assert begun_untreated(person, start, stop).tolist() == [True, False, True, True, True, False]
