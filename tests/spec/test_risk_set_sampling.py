"""Executable specification of risk-set sampling: small tables in, small tables out.

A table of persons has one line for each span of eligibility, written by the rules of the design: a person may serve as
a control on the days on which it is under observation, alive, free of the outcome and inside the cohort. Both ends of
a span belong to it. The column `eligible` therefore ends on the day before a person's own outcome.
"""

from datetime import date

import numpy as np
import pytest

from equipoise.kernels.risk_sets import RiskSets, sample_risk_sets
from equipoise.kernels.spans import clip, normalise

EPOCH = date(1970, 1, 1)


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def read(table: str) -> list[dict[str, str]]:
    """Lines of a readable table as dictionaries; cells are separated by |."""
    heads, *lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return [dict(zip(heads, line, strict=True)) for line in lines]


def sampled(people: str, cases: str, controls: int = 9, seed: int = 1, **options) -> tuple[list[int], RiskSets]:
    """Identifiers in the order of the table of persons, and the sets drawn for the table of cases."""
    rows = read(people)
    ids = list(dict.fromkeys(int(row["person"]) for row in rows))
    of = {person: next(row for row in rows if int(row["person"]) == person) for person in ids}
    spans = normalise(
        [ids.index(int(row["person"])) for row in rows if row["from"]],
        [day(row["from"]) for row in rows if row["from"]],
        [day(row["until"]) for row in rows if row["from"]],
        len(ids),
        join_touching=False,
    )
    case_rows = read(cases)
    if "time_in_cohort_caliper" in options:
        options |= {
            "entry_day": [day(row["entered"]) for row in rows if row["from"]],
            "case_entry_day": [day(row["entered"]) for row in case_rows],
        }
    sets = sample_risk_sets(
        np.array(ids),
        [{"F": 0, "M": 1}[of[person].get("sex", "F")] for person in ids],
        [int(of[person].get("born", 1950)) for person in ids],
        spans,
        case_person=[ids.index(int(row["person"])) for row in case_rows],
        index_day=[day(row["index"]) for row in case_rows],
        controls_per_case=controls,
        seed=seed,
        **options,
    )
    return ids, sets


def risk_sets(people: str, cases: str, **options) -> dict[int, set[int]]:
    """Everybody eligible for each case: with more controls asked for than persons, all of them are taken."""
    ids, sets = sampled(people, cases, controls=99, **options)
    rows = np.split(sets.controls, sets.offsets[1:-1])
    found = {int(c["person"]): {ids[row] for row in of} for c, of in zip(read(cases), rows, strict=True)}
    assert [len(of) for of in found.values()] == sets.size.tolist()
    return found


def test_the_index_date_decides_and_both_ends_of_a_span_belong_to_it() -> None:
    people = """
    person | from       | until      | remark
    1      | 2000-01-01 | 2010-06-14 | the case: its outcome falls on 2010-06-15
    2      | 2000-01-01 | 2010-06-15 | observation ends on the index date: eligible
    3      | 2000-01-01 | 2010-06-14 | observation ended the day before: not eligible
    4      | 2010-06-15 | 2015-12-31 | observation starts on the index date: eligible
    5      | 2010-06-16 | 2015-12-31 | observation starts the day after: not eligible
    6      | 2000-01-01 | 2010-06-14 | outcome on the index date: not eligible
    7      | 2000-01-01 | 2010-06-15 | outcome the day after: eligible
    8      | 2010-06-15 | 2010-06-15 | eligible on that one day
    """
    cases = """
    person | index
    1      | 2010-06-15
    """
    assert risk_sets(people, cases) == {1: {2, 4, 7, 8}}


def test_eligibility_is_the_intersection_of_what_is_known_about_a_person() -> None:
    """Observation, clipped by the last day alive and by the day before the outcome."""
    observed = normalise([0, 1, 2, 3], [day("2000-01-01")] * 4, [day("2020-12-31")] * 4, 4)
    dies_on, outcome_on = day("2010-06-15"), day("2010-06-15")
    far = day("2100-01-01")
    last_free_day = np.array([outcome_on - 1, outcome_on - 1, far, far])
    last_day_alive = np.array([far, far, dies_on, dies_on - 1])
    spans = clip(observed, day("2000-01-01"), np.minimum(last_free_day, last_day_alive))
    sets = sample_risk_sets(
        [1, 2, 3, 4], [0] * 4, [1950] * 4, spans,
        case_person=[0], index_day=[outcome_on], controls_per_case=9, seed=1,
    )  # fmt: skip
    assert sets.controls.tolist() == [2]  # the one who dies on the index date was alive on it


def test_persons_with_several_periods() -> None:
    people = """
    person | from       | until      | remark
    1      | 2000-01-01 | 2010-06-14 | the case
    2      | 2000-01-01 | 2005-12-31 | two periods, the index date in the second
    2      | 2009-01-01 | 2012-12-31 |
    3      | 2000-01-01 | 2005-12-31 | two periods, the index date between them
    3      | 2011-01-01 | 2012-12-31 |
    4      | 2000-01-01 | 2010-06-15 | two periods that touch on the index date
    4      | 2010-06-16 | 2012-12-31 |
    5      |            |            | never eligible
    """
    cases = """
    person | index
    1      | 2010-06-15
    """
    assert risk_sets(people, cases) == {1: {2, 4}}


def test_a_case_serves_as_a_control_for_earlier_cases_and_never_for_itself() -> None:
    people = """
    person | from       | until
    1      | 2000-01-01 | 2005-03-09
    2      | 2000-01-01 | 2008-07-19
    3      | 2000-01-01 | 2010-01-31
    4      | 2000-01-01 | 2020-12-31
    """
    cases = """
    person | index
    1      | 2005-03-10
    2      | 2008-07-20
    3      | 2010-02-01
    """
    assert risk_sets(people, cases) == {1: {2, 3, 4}, 2: {3, 4}, 3: {4}}


def test_two_cases_of_one_day_are_not_controls_of_each_other() -> None:
    people = """
    person | from       | until
    1      | 2000-01-01 | 2005-03-09
    2      | 2000-01-01 | 2005-03-09
    3      | 2000-01-01 | 2020-12-31
    """
    cases = """
    person | index
    1      | 2005-03-10
    2      | 2005-03-10
    """
    assert risk_sets(people, cases) == {1: {3}, 2: {3}}


def test_the_case_is_not_its_own_control_even_if_its_span_holds_the_index_date() -> None:
    people = """
    person | from       | until
    1      | 2000-01-01 | 2020-12-31
    2      | 2000-01-01 | 2020-12-31
    """
    cases = """
    person | index
    1      | 2005-03-10
    """
    assert risk_sets(people, cases) == {1: {2}}


MATCHING = """
person | sex | born | from       | until
1      | F   | 1950 | 2000-01-01 | 2010-06-14
2      | F   | 1950 | 2000-01-01 | 2020-12-31
3      | F   | 1949 | 2000-01-01 | 2020-12-31
4      | F   | 1951 | 2000-01-01 | 2020-12-31
5      | F   | 1952 | 2000-01-01 | 2020-12-31
6      | M   | 1950 | 2000-01-01 | 2020-12-31
"""
MATCHING_CASE = """
person | index
1      | 2010-06-15
"""


@pytest.mark.parametrize(("caliper", "eligible"), [(0, {2}), (1, {2, 3, 4}), (2, {2, 3, 4, 5}), (None, {2, 3, 4, 5})])
def test_exact_variables_always_match_and_birth_years_lie_within_the_caliper(caliper, eligible) -> None:
    assert risk_sets(MATCHING, MATCHING_CASE, birth_year_caliper=caliper) == {1: eligible}


@pytest.mark.parametrize(("caliper", "eligible"), [(0, {3}), (30, {2, 3, 4}), (31, {2, 3, 4, 5}), (None, {2, 3, 4, 5})])
def test_time_in_cohort_is_counted_from_the_entry_of_the_span_that_holds_the_index_date(caliper, eligible) -> None:
    people = """
    person | entered    | from       | until
    1      | 2005-01-31 | 2005-01-31 | 2010-06-14
    2      | 2005-01-01 | 2005-01-01 | 2020-12-31
    3      | 2005-01-31 | 2008-01-01 | 2020-12-31
    4      | 2000-01-01 | 2000-01-01 | 2004-12-31
    4      | 2005-03-02 | 2005-03-02 | 2020-12-31
    5      | 2005-03-03 | 2005-03-03 | 2020-12-31
    """
    cases = """
    person | index      | entered
    1      | 2010-06-15 | 2005-01-31
    """
    assert risk_sets(people, cases, time_in_cohort_caliper=caliper) == {1: eligible}


def test_cases_with_too_few_or_no_eligible_persons_stay_in_the_output() -> None:
    people = """
    person | born | from       | until
    1      | 1950 | 2000-01-01 | 2010-06-14
    2      | 1950 | 2000-01-01 | 2020-12-31
    3      | 1950 | 2000-01-01 | 2020-12-31
    4      | 1980 | 2000-01-01 | 2010-06-14
    """
    cases = """
    person | index
    1      | 2010-06-15
    4      | 2010-06-15
    """
    _, sets = sampled(people, cases, controls=3, birth_year_caliper=1)
    assert sets.taken.tolist() == [2, 0]
    assert sets.size.tolist() == [2, 0]
    assert sets.inclusion_probability[0] == 1.0
    assert np.isnan(sets.inclusion_probability[1])


def test_size_and_inclusion_probability_count_everybody_who_could_have_been_drawn() -> None:
    _, sets = sampled(MATCHING, MATCHING_CASE, controls=3, birth_year_caliper=2)
    assert sets.taken.tolist() == [3]
    assert sets.size.tolist() == [4]
    assert sets.inclusion_probability.tolist() == [0.75]


def test_the_seed_decides_and_the_same_seed_draws_the_same() -> None:
    draws = [tuple(sampled(MATCHING, MATCHING_CASE, controls=2, seed=seed)[1].controls) for seed in range(40)]
    assert draws == [tuple(sampled(MATCHING, MATCHING_CASE, controls=2, seed=seed)[1].controls) for seed in range(40)]
    assert len(set(draws)) > 5  # of 4 * 3 ordered pairs


def test_a_control_is_reused_no_more_often_than_chance_and_eligibility_allow() -> None:
    """400 cases, 2,000 persons, 1:4. Who is eligible for s sets, each with chance p, is drawn Binomial(s, p) times."""
    n_cases, n = 400, 2000
    index = np.arange(n_cases) + 100
    end = np.full(n, 10_000)
    end[:n_cases] = index - 1  # the first 400 persons become cases, one a day
    spans = normalise(np.arange(n), np.zeros(n, dtype=int), end, n)
    sets = sample_risk_sets(
        np.arange(n), np.zeros(n, dtype=int), np.full(n, 1950), spans,
        case_person=np.arange(n_cases), index_day=index, controls_per_case=4, seed=11,
    )  # fmt: skip
    used = np.bincount(sets.controls, minlength=n)
    eligible_for = np.concatenate((np.arange(n_cases), np.full(n - n_cases, n_cases)))
    assert np.all(used <= eligible_for)
    assert sets.size.tolist() == (n - 1 - np.arange(n_cases)).tolist()

    chance = sets.inclusion_probability
    expected = np.concatenate(([0], np.cumsum(chance)))[eligible_for]
    assert expected.sum() == pytest.approx(4 * n_cases)
    variance = np.concatenate(([0], np.cumsum(chance * (1 - chance))))[eligible_for]
    later = slice(n_cases, None)  # 1,600 persons with the same mean: about 0.89 draws each
    assert used[later].max() <= 8  # P(one of 1,600 drawn 9 times or more) is below 1 in 500
    assert abs(used[later].mean() - expected[later].mean()) < 5 * np.sqrt(variance[later].mean() / 1600)
    dispersion = ((used[later] - expected[later]) ** 2 / variance[later]).mean()
    assert 0.85 < dispersion < 1.15  # 1 under independent draws, four standard errors of sqrt(2 / 1600) either side
