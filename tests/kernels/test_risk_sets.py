"""Risk-set sampling: every eligible person equally likely, exact sizes at scale, and what is refused."""

import numpy as np
import pytest

from equipoise.errors import DesignError
from equipoise.kernels.risk_sets import REJECTIONS, RiskSets, sample_risk_sets
from equipoise.kernels.spans import DAY_MAX, DAY_MIN, Spans, normalise

# Upper 0.1 % points of chi-square by degrees of freedom. Seeds are fixed: a failure is a change, not bad luck.
CHI_SQUARE = {19: 43.82, 59: 98.32}


def replicated(n_sets: int, eligible: int, idle: int, m: int, **options) -> RiskSets:
    """n_sets cases of one day share the same eligible persons, who stand among `idle` ones eligible before that day.

    The cases themselves have no spans, so that they are not candidates.
    """
    n = eligible + idle + n_sets
    end = np.full(eligible + idle, 50)
    able = np.arange(eligible) * ((eligible + idle) // eligible)
    end[able] = 200
    spans = normalise(np.arange(eligible + idle), np.zeros(eligible + idle, dtype=int), end, n)
    if "time_in_cohort_caliper" in options:
        options |= {"entry_day": np.zeros(len(spans), dtype=int), "case_entry_day": 0}
    sets = sample_risk_sets(
        np.arange(n) * 1_000_003, np.zeros(n, dtype=int), np.full(n, 1950), spans,
        case_person=np.arange(eligible + idle, n), index_day=np.full(n_sets, 100), controls_per_case=m, seed=5,
        **options,
    )  # fmt: skip
    assert np.all(sets.size == eligible)
    assert set(sets.controls) == set(able)
    return sets


def places(sets: RiskSets) -> np.ndarray:
    """Which of the eligible persons (0, 1, …) stands at each place of each set: (n_sets, m)."""
    return np.unique(sets.controls, return_inverse=True)[1].reshape(len(sets), -1)


def chi_square(values: np.ndarray, cells: int) -> float:
    counts = np.bincount(values, minlength=cells)
    return float(((counts - counts.mean()) ** 2 / counts.mean()).sum())


WAYS = pytest.mark.parametrize(
    ("idle", "enumerated", "options"),
    [(0, 0, {}), (20_000, 1, {}), (0, 0, {"time_in_cohort_caliper": 5}), (20_000, 1, {"time_in_cohort_caliper": 5})],
    ids=["rejection", "counting off", "rejection with caliper", "counting off with caliper"],
)


@WAYS
def test_every_eligible_person_is_equally_likely_at_every_place(idle: int, enumerated: int, options: dict) -> None:
    sets = replicated(4_000, 20, idle, 3, **options)
    assert abs(sets.enumerated.mean() - enumerated) < 0.001
    drawn = places(sets)
    for place in range(3):
        assert chi_square(drawn[:, place], 20) < CHI_SQUARE[19]


@WAYS
def test_every_ordered_set_is_equally_likely(idle: int, enumerated: int, options: dict) -> None:
    """Three of five in 60 orders."""
    sets = replicated(6_000, 5, idle, 3, **options)
    assert abs(sets.enumerated.mean() - enumerated) < 0.001
    first, second, third = places(sets).T
    orders = np.unique(first * 25 + second * 5 + third, return_inverse=True)[1]
    assert len(np.unique(orders)) == 60
    assert chi_square(orders, 60) < CHI_SQUARE[59]


def test_rejection_is_given_up_after_the_stated_number() -> None:
    sets = replicated(200, 2, 20_000, 1)
    assert np.all(sets.draws[sets.enumerated] == REJECTIONS + 1)
    assert np.all(sets.draws[~sets.enumerated] <= REJECTIONS)


def test_taking_everybody_needs_no_draw_beyond_the_last_control() -> None:
    sets = replicated(50, 3, 0, 10)
    assert np.all(sets.taken == 3)
    assert np.all(np.sort(places(sets), axis=1) == [0, 1, 2])


def population(n: int, n_cases: int, seed: int = 3) -> dict:
    """Persons with one or two spans, several keys and birth years, and cases among them."""
    random = np.random.default_rng(seed)
    code = np.concatenate((np.arange(n), np.flatnonzero(random.random(n) < 0.3)))
    start = random.integers(0, 4000, len(code))
    spans = normalise(code, start, start + random.integers(0, 2500, len(code)), n, join_touching=False)
    return {
        "person_id": random.permutation(n) + 2**60,
        "key": random.integers(0, 3, n) * 10**17,
        "birth_year": random.integers(1920, 2000, n),
        "spans": spans,
        "case_person": random.permutation(n)[:n_cases],
        "index_day": random.integers(0, 6000, n_cases),
        "entry_day": spans.start,
        "case_entry_day": random.integers(0, 4000, n_cases),
    }


def eligible(table: dict, c: int, birth_year_caliper: int | None, time_in_cohort_caliper: int | None) -> np.ndarray:
    """Positions of everybody eligible for one case, by comparing all spans."""
    spans, case, day = table["spans"], table["case_person"][c], table["index_day"][c]
    of = spans.person
    keep = (spans.start <= day) & (day <= spans.end) & (table["key"][of] == table["key"][case]) & (of != case)
    if birth_year_caliper is not None:
        keep &= abs(table["birth_year"][of] - table["birth_year"][case]) <= birth_year_caliper
    if time_in_cohort_caliper is not None:
        keep &= abs(table["entry_day"].astype(int) - table["case_entry_day"][c]) <= time_in_cohort_caliper
    return of[keep]


@pytest.mark.parametrize("birth_year_caliper", [0, 2, None])
@pytest.mark.parametrize("time_in_cohort_caliper", [None, 100])
def test_sizes_and_members_in_ranges_of_many_blocks(birth_year_caliper, time_in_cohort_caliper) -> None:
    table = population(60_000, 300)
    sets = sample_risk_sets(
        **table, controls_per_case=4, seed=1,
        birth_year_caliper=birth_year_caliper, time_in_cohort_caliper=time_in_cohort_caliper,
    )  # fmt: skip
    for c in range(300):
        who = eligible(table, c, birth_year_caliper, time_in_cohort_caliper)
        drawn = sets.controls[sets.offsets[c] : sets.offsets[c + 1]]
        assert sets.size[c] == len(who)
        assert len(drawn) == min(4, len(who)) == len(set(drawn))
        assert np.isin(drawn, who).all()


def call(**changes) -> RiskSets:
    spans = normalise([0, 1, 2], [0, 0, 0], [9, 20, 20], 3)
    table = {
        "person_id": [1, 2, 3], "key": [0, 0, 0], "birth_year": [1950, 1950, 1950], "spans": spans,
        "case_person": [0], "index_day": [10], "controls_per_case": 2, "seed": 1,
    }  # fmt: skip
    return sample_risk_sets(**(table | changes))


def test_one_index_date_far_from_all_others() -> None:
    """A sentinel date costs neither memory nor the other cases their sets."""
    everybody = normalise([0, 1, 2], [DAY_MIN] * 3, [DAY_MAX] * 3, 3)
    sets = call(spans=everybody, case_person=[0, 1, 2], index_day=[DAY_MAX, 10, DAY_MIN])
    assert sets.size.tolist() == [2, 2, 2]
    assert [set(sets.controls[c : c + 2]) for c in (0, 2, 4)] == [{1, 2}, {0, 2}, {0, 1}]


def test_no_cases_and_no_persons_are_answers() -> None:
    no_cases = call(case_person=[], index_day=[])
    assert (len(no_cases), no_cases.offsets.tolist(), len(no_cases.controls)) == (0, [0], 0)
    nobody = sample_risk_sets(
        [], [], [], normalise([], [], [], 0), case_person=[], index_day=[], controls_per_case=1, seed=1
    )
    assert (len(nobody), nobody.inclusion_probability.shape) == (0, (0,))
    nobody_eligible = call(spans=normalise([], [], [], 3))
    assert (nobody_eligible.size.tolist(), nobody_eligible.taken.tolist()) == ([0], [0])


def test_a_stream_of_its_own_draws_otherwise() -> None:
    one, other = replicated(100, 20, 0, 3), replicated(100, 20, 0, 3, stream=1)
    assert not np.array_equal(one.controls, other.controls)


def unsorted_spans() -> Spans:
    return Spans(np.array([0, 2, 3, 4]), np.array([5, 0, 0, 0], dtype=np.int32), np.array([9, 7, 9, 9], dtype=np.int32))


@pytest.mark.parametrize(
    "changes",
    [
        {"person_id": [1, 1, 3]},
        {"person_id": [3, 2, 3]},
        {"person_id": [1.0, 2.0, 3.0]},
        {"key": [0, 0]},
        {"key": [0.5, 0, 0]},
        {"birth_year": [1950, 1950, np.nan]},
        {"birth_year": [1950, 1950, 2**31]},
        {"spans": normalise([0], [0], [1], 2)},
        {"spans": unsorted_spans()},
        {"case_person": [3]},
        {"case_person": [-1]},
        {"case_person": [0, 0], "index_day": [10, 11]},
        {"index_day": [10, 11]},
        {"index_day": [10.5]},
        {"controls_per_case": 0},
        {"birth_year_caliper": -1},
        {"time_in_cohort_caliper": -1, "entry_day": [0, 0, 0], "case_entry_day": [0]},
        {"time_in_cohort_caliper": 5},
        {"time_in_cohort_caliper": 5, "entry_day": [0, 0], "case_entry_day": [0]},
        {"seed": -1},
        {"stream": 2**32},
    ],
)
def test_what_cannot_be_sampled_is_refused(changes: dict) -> None:
    with pytest.raises(DesignError):
        call(**changes)


def test_a_refusal_tells_nothing_about_a_person() -> None:
    with pytest.raises(DesignError) as refused:
        call(person_id=[987654321, 987654321, 3])
    assert "987654321" not in str(refused.value)
