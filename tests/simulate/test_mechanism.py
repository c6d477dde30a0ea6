"""Marginals follow the parameters, and the odds ratios show the two paths that are there and no effect of drugs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from equipoise.simulate.mechanism import ANXIOLYTICS, HYPNOTICS, TRUTH, DrugClass
from equipoise.simulate.people import NEVER, YEAR, People, draw_people
from equipoise.simulate.records import draw_dispensings
from equipoise.simulate.register import write_simulated_database
from equipoise.simulate.vocabulary import DRUGS
from tests.simulate.plain_case_control import picture, query

PERSONS = 60_000
STANDARD_ERRORS = 4.0  # a correct simulation fails one such test in 16,000
CLASSES = ("N05B", "N05C", "N06A")


@pytest.fixture(scope="module")
def people() -> People:
    return draw_people(PERSONS, 11, TRUTH)


def assert_share(found: np.ndarray, expected: float) -> None:
    error = np.sqrt(expected * (1 - expected) / len(found))
    assert abs(found.mean() - expected) < STANDARD_ERRORS * error


def assert_rate_ratio(events: tuple[int, int], years: tuple[float, float], expected: float) -> None:
    ratio = np.log(events[0] / years[0]) - np.log(events[1] / years[1])
    assert abs(ratio - np.log(expected)) < STANDARD_ERRORS * np.sqrt(1 / events[0] + 1 / events[1])


def test_shares_of_women_and_of_vulnerable_persons(people: People) -> None:
    assert_share(people.female, TRUTH.women)
    assert_share(people.vulnerable, TRUTH.vulnerable)


def test_mortality_at_eighty_is_that_of_the_gompertz_curve() -> None:
    people = draw_people(400_000, 12, replace(TRUTH, als_peak_rate=1e-12))
    from_day, to_day = people.born + 79.5 * YEAR, people.born + 80.5 * YEAR
    men = ~people.female
    years = np.clip(np.minimum(people.end, to_day) - np.maximum(people.start, from_day), 0, None)[men].sum() / YEAR
    deaths = np.count_nonzero((people.death >= from_day) & (people.death < to_day) & men)
    assert abs(deaths / years - TRUTH.death_rate_at_80) < STANDARD_ERRORS * np.sqrt(deaths) / years


def test_als_is_more_frequent_in_men_and_in_the_vulnerable_by_the_stated_ratios() -> None:
    people = draw_people(400_000, 13, TRUTH)
    case = people.als != NEVER
    for group, ratio in ((~people.female, TRUTH.als_men), (people.vulnerable, TRUTH.als_vulnerable)):
        # Person-years of the same ages: the ages of the two groups are drawn alike, their deaths differ with sex only.
        inside = people.start < people.end
        years = np.where(case, people.als, people.end) - people.start
        weight = np.exp(-0.5 * ((_age(people) - TRUTH.als_peak_age) / TRUTH.als_age_spread) ** 2) * years * inside
        counts = (int((case & group).sum()), int((case & ~group).sum()))
        assert_rate_ratio(counts, (weight[group].sum(), weight[~group].sum()), ratio)


def _age(people: People) -> np.ndarray:
    """Age in the middle of the time at risk of ALS."""
    last = np.where(people.als != NEVER, people.als, people.end)
    return ((people.start + last) / 2 - people.born) / YEAR


def test_survival_after_als_has_the_stated_median() -> None:
    people = draw_people(400_000, 14, replace(TRUTH, death_rate_at_80=1e-9, emigration_rate=1e-9))
    early = people.als < TRUTH.observed_to - 10 * 365
    survived = people.end[early] - people.als[early] > TRUTH.als_survival_median * YEAR
    assert_share(survived, 0.5)


def test_about_nine_hundred_cases_from_2012_on(people: People) -> None:
    cases = np.count_nonzero((people.als != NEVER) & (people.als >= np.datetime64("2012-01-01", "D").astype(int)))
    assert 800 < cases < 1000


@pytest.mark.parametrize("drug_class", [ANXIOLYTICS, HYPNOTICS], ids=lambda drug_class: drug_class.atc)
def test_about_half_of_new_users_of_anxiolytics_and_hypnotics_are_dispensed_once(
    people: People, drug_class: DrugClass
) -> None:
    records = draw_dispensings(people, tuple((drug.atc, drug.weight) for drug in DRUGS), 11, TRUTH)
    mine = np.array([drug.atc.startswith(drug_class.atc) for drug in DRUGS])[records.what]
    person, day = records.person[mine], records.day[mine].astype(np.int64)
    first = np.full(PERSONS, 0)
    number, position = np.unique(person, return_index=True)
    first[number] = day[position]
    followed = number[(first[number] > TRUTH.drugs_recorded_from + 730) & (first[number] + 365 <= people.end[number])]
    within_a_year = np.bincount(person[day <= first[person] + 365], minlength=PERSONS)[followed]
    assert abs((within_a_year == 1).mean() - drug_class.single) < 0.05


def test_drug_users_are_the_vulnerable_ones(people: People) -> None:
    truth = replace(TRUTH, drug_classes=(replace(ANXIOLYTICS, prodromal=0.0, single=0.999999, per_year_of_age=0.0),))
    records = draw_dispensings(people, tuple((drug.atc, drug.weight) for drug in DRUGS), 11, truth)
    years = np.clip(people.end - np.maximum(people.start, TRUTH.drugs_recorded_from) + 1, 0, None) / YEAR
    count = np.bincount(records.person, minlength=PERSONS)
    groups = [people.vulnerable & ~people.female, ~people.vulnerable & ~people.female]
    events = tuple(int(count[group].sum()) for group in groups)
    at_risk = tuple(float(years[group].sum()) for group in groups)
    assert_rate_ratio(events, at_risk, ANXIOLYTICS.vulnerable)
    assert abs(events[1] / at_risk[1] - ANXIOLYTICS.rate) < STANDARD_ERRORS * np.sqrt(events[1]) / at_risk[1]


def test_without_the_two_paths_nothing_joins_drugs_and_als(tmp_path: Path) -> None:
    classes = tuple(replace(drug_class, prodromal=0.0) for drug_class in TRUTH.drug_classes)
    truth = replace(TRUTH, als_vulnerable=1.0, drug_classes=classes)
    write_simulated_database(tmp_path, persons=PERSONS, seed=7, truth=truth)
    for atc in CLASSES:
        # Standard error 0.25 in the last year, 0.13 beyond it.
        assert abs(picture(tmp_path, atc).last_year) < 1.0
        assert abs(picture(tmp_path, atc).any_use[0]) < 0.5


def test_the_demonstration_shows_reverse_causation_and_confounding(tmp_path: Path) -> None:
    """One database, seed of the demonstration. Standard error of log odds ratios: 0.25 and 0.12."""
    write_simulated_database(tmp_path)
    for atc in CLASSES:
        found = picture(tmp_path, atc)
        assert 3.0 < np.exp(found.last_year) < 16.0
        assert 1.1 < np.exp(found.initiation[0]) < 1.7
        assert found.initiation[1] < found.initiation[0]
        assert found.any_use[1] < found.any_use[0]
    control = picture(tmp_path, "A02BC")
    assert all(0.8 < np.exp(value) < 1.25 for value in (*control.initiation, *control.any_use))


@pytest.mark.slow
def test_in_expectation_adjusted_use_before_the_last_year_has_no_association(tmp_path: Path) -> None:
    """Means over 40 databases, standard error of each about 0.02.

    The adjustment leaves a little confounding (not every vulnerable person has a diagnosis), worth less than 0.05.
    Initiation keeps more: persons who begin in the prodrome leave its reference, the never-users.
    """
    found: dict[str, list[list[float]]] = {atc: [] for atc in (*CLASSES, "A02BC")}
    for seed in range(40):
        write_simulated_database(tmp_path, seed=seed)
        for atc, rows in found.items():
            seen = picture(tmp_path, atc)
            rows.append([seen.last_year, *seen.initiation, *seen.any_use])
    for atc in CLASSES:
        last_year, crude, adjusted, any_crude, any_adjusted = np.mean(found[atc], axis=0)
        assert 4.0 < np.exp(last_year) < 12.0
        assert 1.2 < np.exp(crude) < 1.6
        assert np.log(1.05) < adjusted < crude - 0.08
        assert 1.08 < np.exp(any_crude) < 1.35
        assert abs(any_adjusted) < 0.12
    control = np.mean(found["A02BC"], axis=0)
    assert np.abs(control[1:]).max() < 0.08


def test_cases_have_the_age_and_sex_of_patients(database: Path) -> None:
    cases = query(
        database,
        """select year(min(condition_start_date)) - any_value(year_of_birth) as age,
                  any_value(gender_concept_id) = 8507 as man
           from '@condition_occurrence.parquet' join '@person.parquet' using (person_id)
           where condition_source_value = 'G12.2' group by person_id""",
    )
    assert 65 < cases["age"].mean() < 71
    assert 9 < cases["age"].std() < 13
    assert 0.45 < cases["man"].mean() < 0.62
