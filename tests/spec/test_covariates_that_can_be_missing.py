"""The rules of measured values and of categories: the last record before the index date, and missing without one."""

import numpy as np
import pytest

from equipoise.cohort.covariates import CovariateValues, IndexRows, covariate_values
from equipoise.cohort.last_records import value_days
from equipoise.design.nested_case_control import covariate_columns
from equipoise.spec.covariates import CategoryCovariate, CharacteristicCovariate, MeasurementCovariate
from equipoise.spec.windows import Window
from tests.spec.tables import day, people, records

INDEX = "2010-06-01"
WHO = people(
    *({"id": number, "born": "1950-01-01", "race": race} for number, race in ((1, "a"), (2, "unknown"), (3, "b")))
)
ROWS = IndexRows(np.arange(3), np.full(3, day(INDEX), dtype=np.int32))
YEAR = Window(years_before=(0, 1))


def weight(*rows: tuple[int, str, float], plausible: tuple[float, float] | None = None) -> list[float]:
    """Last weights of persons 1, 2 and 3."""
    covariate = MeasurementCovariate(
        name="weight", kind="measurement", concept_set="weights", window=YEAR, unit="kg", plausible=plausible
    )
    ids, days, values = (np.array([row[k] if k != 1 else day(row[k]) for row in rows]) for k in range(3))
    measured = value_days(WHO, ids.astype(np.int64), days.astype(np.int32), values.astype(np.float64), plausible)
    return covariate_values(covariate, WHO, ROWS, {"weights": measured}).values.tolist()


@pytest.mark.parametrize(
    ("rule", "rows", "expected"),
    [
        ("the last value counts", [(1, "2010-01-01", 70), (1, "2010-03-01", 68)], 68),
        ("in whatever order the rows come", [(1, "2010-03-01", 68), (1, "2010-01-01", 70)], 68),
        ("of one day, the mean", [(1, "2010-03-01", 68), (1, "2010-03-01", 70)], 69),
        ("the day before the index date counts", [(1, "2010-05-31", 66)], 66),
        ("the index date does not", [(1, INDEX, 66), (1, "2010-01-01", 70)], 70),
        ("nor does a day after it", [(1, "2010-07-01", 60)], np.nan),
        ("the first day of the window counts", [(1, "2009-06-01", 71)], 71),
        ("the day before it does not", [(1, "2009-05-31", 71)], np.nan),
        ("a record without a value is none", [(1, "2010-03-01", np.nan), (1, "2010-01-01", 70)], 70),
        ("another person's value is not one's own", [(2, "2010-03-01", 80)], np.nan),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_last_measured_value(rule: str, rows: list[tuple[int, str, float]], expected: float) -> None:
    np.testing.assert_equal(weight(*rows)[0], expected)


def test_an_implausible_value_is_as_if_it_had_not_been_recorded() -> None:
    rows = [(1, "2010-03-01", 680.0), (1, "2010-01-01", 70.0), (2, "2010-01-01", 300.0), (3, "2010-01-01", 299.9)]
    np.testing.assert_equal(weight(*rows, plausible=(20, 300)), [70.0, 300.0, 299.9])


def education(**dated: list[tuple[int, str]]) -> CovariateValues:
    levels = [{"name": name, "concept_set": name} for name in ("low", "middle", "high")]
    raw = {"name": "education", "kind": "category", "levels": levels, "window": YEAR, "reference": "middle"}
    covariate = CategoryCovariate.model_validate(raw)
    return covariate_values(
        covariate, WHO, ROWS, {name: records(WHO, *dated.get(name, [])) for name in ("low", "middle", "high")}
    )


def test_the_level_recorded_last() -> None:
    found = education(
        low=[(1, "2010-04-01"), (2, "2010-04-01")],
        high=[(1, "2010-03-01"), (2, "2010-04-01"), (3, "2010-06-02")],
    )
    assert found.values.tolist() == [0, 2, -1]  # the later one; of one day, the last of the list; none in the window
    assert found.missing.tolist() == [False, False, True]


def test_a_missing_value_is_missing_in_every_column_of_its_covariate() -> None:
    columns = covariate_columns([education(low=[(1, "2010-04-01")], high=[(2, "2010-04-01")])])
    assert [column.name for column, _ in columns] == ["education[low]", "education[high]"]
    np.testing.assert_equal([values for _, values in columns], [[1, 0, np.nan], [0, 1, np.nan]])


def test_an_unknown_characteristic_is_a_level_or_missing_by_choice() -> None:
    shown, hidden = (
        covariate_values(CharacteristicCovariate(name="race", kind="race", unknown=choice), WHO, ROWS, {})
        for choice in ("level", "missing")
    )
    assert (shown.levels, shown.values.tolist()) == (("a", "b", "unknown"), [0, 2, 1])
    assert (hidden.levels, hidden.values.tolist(), hidden.reference) == (("a", "b"), [0, -1, 1], "a")
