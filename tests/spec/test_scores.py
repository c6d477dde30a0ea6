"""Scores of function: which records count, and where they stand after time zero. Tables in, tables out."""

import numpy as np

from equipoise.analysis_set import Attrition
from equipoise.cohort.people import People
from equipoise.design.arms import Arms
from equipoise.design.follow_up import Followed
from equipoise.design.scores import ScoreRecords, Scores, clean_scores, scores_in_follow_up
from tests.spec.tables import day, people, records

ONE, TWO = 11, 22


def two() -> People:
    return people(
        {"id": ONE, "born": "1950-01-01", "observed": [("2000-01-01", "2020-12-31")]},
        {"id": TWO, "born": "1950-01-01", "observed": [("2000-01-01", "2020-12-31")]},
    )


def scored(*rows: tuple[int, int, float], most: int = 48) -> ScoreRecords:
    person, when, value = (np.array(column) for column in zip(*rows, strict=True))
    return ScoreRecords(person.astype(np.int64), when.astype(np.int32), value.astype(np.float64), most)


def listed(found: Scores) -> list[tuple[float, ...]]:
    return [(int(p), int(d), *v) for p, d, v in zip(found.person, found.day, found.values, strict=True)]


def checks(findings: list) -> dict[str, tuple[int, int]]:
    return {item.check: (item.n_records, item.n_persons) for item in findings}


def test_records_that_are_no_score_are_left_out_and_counted() -> None:
    total = scored(
        (ONE, 5, 40), (ONE, 9, 49), (ONE, 10, -1), (ONE, 11, 30.5), (ONE, 12, np.nan), (TWO, 3, 48), (TWO, 4, 0)
    )
    found, findings = clean_scores(two(), {"total": total})
    assert listed(found) == [(0, 5, 40), (1, 3, 48), (1, 4, 0)]
    assert checks(findings) == {
        "score without a number": (1, 1),
        "score that is no whole number of its scale": (3, 1),
        "scores of one person and day that differ": (0, 0),
    }


def test_a_day_with_two_different_scores_has_none_and_one_with_the_same_twice_has_it() -> None:
    total = scored((ONE, 5, 40), (ONE, 5, 41), (ONE, 6, 39), (ONE, 6, 39), (TWO, 5, 12))
    found, findings = clean_scores(two(), {"total": total})
    assert listed(found) == [(0, 6, 39), (1, 5, 12)]
    assert checks(findings)["scores of one person and day that differ"] == (2, 1)


def test_records_of_others_are_not_there() -> None:
    found, _ = clean_scores(two(), {"total": scored((99, 5, 40), (ONE, 6, 30))})
    assert listed(found) == [(0, 6, 30)]


def items(value: float, without: int | None = None) -> dict[str, ScoreRecords]:
    return {f"item {at}": scored((ONE, 5 if at != without else 6, value), most=4) for at in range(1, 13)}


def test_without_measured_totals_the_total_is_the_sum_of_all_items() -> None:
    found, findings = clean_scores(two(), items(3))
    assert found.names[0] == "total"
    assert listed(found) == [(0, 5, 36, *[3] * 12)]
    assert checks(findings)["day without all twelve items"] == (0, 0)
    incomplete, findings = clean_scores(two(), items(3, without=7))
    assert len(incomplete.person) == 0
    assert checks(findings)["day without all twelve items"] == (2, 1)


def test_a_total_that_is_not_the_sum_of_its_items_is_kept_and_counted() -> None:
    found, findings = clean_scores(two(), {"total": scored((ONE, 5, 20), (TWO, 5, 44))} | items(2))
    assert listed(found)[0] == (0, 5, 20, *[2] * 12)
    assert checks(findings)["total that is not the sum of its items"] == (1, 1)


def test_an_item_above_four_is_out_of_its_scale() -> None:
    found, findings = clean_scores(two(), items(3) | {"item 1": scored((ONE, 5, 5), most=4)})
    assert len(found.person) == 0
    assert checks(findings)["score that is no whole number of its scale"] == (1, 1)


def test_scores_count_from_time_zero_to_the_end_of_follow_up() -> None:
    who, zero = two(), day("2010-07-01")
    arms = Arms(
        np.array([0, 1]), np.array([zero, zero + 100]), np.full(2, day("2020-12-31")), np.array([1, 0]),
        Attrition("comparison").then("persons", 2),
    )  # fmt: skip
    start, stop = np.zeros(2, np.int32), np.array([50, 20], np.int32)
    followed = Followed(arms, arms.day, start, stop, np.array([1, 0], np.int8), np.zeros(2, np.int8))
    person = np.array([0, 0, 0, 0, 1, 1])
    days = zero + np.array([-1, 0, 50, 51, 100, 99])
    order = np.lexsort((days, person))
    values = np.array([40.0, 39, 38, 37, 36, 35])[order, None]
    found = scores_in_follow_up(
        Scores(person[order], days[order].astype(np.int32), values, ("total",)),
        followed,
        {"onset": records(who, (ONE, "2010-06-01"), (ONE, "2010-08-01"))},
    )
    assert list(zip(found.person, found.day, found.column("total"), strict=True)) == [
        (0, 0, 39),
        (0, 50, 38),
        (1, 0, 36),
    ]
    assert found.marks["onset"][0] == -30
    assert np.isnan(found.marks["onset"][1])
