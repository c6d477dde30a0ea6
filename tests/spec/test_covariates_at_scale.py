"""Covariates at scale as a specification: tiny databases in, tiny matrices out. The index date is 1 January 2015."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from equipoise import DesignError, connect
from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.covariates_at_scale import RecordedCovariates, SparseCovariates, covariates_at_scale
from equipoise.cohort.people import People
from equipoise.data.source import Source
from equipoise.runner.extraction import people
from equipoise.runner.packing import unpack_people
from equipoise.spec.windows import Window
from tests.data.build import concept, condition, drug, period, person, write_parquet

INDEX = date(2015, 1, 1)
WEEK, YEAR = Window(days_before=(0, 7)), Window(days_before=(0, 365))
CONDITIONS = (RecordedCovariates("condition", windows=(WEEK, YEAR)),)
AWAY = date(1970, 1, 1)


def before(days: int) -> date:
    return INDEX - timedelta(days=days)


def made(folder: Path, *, persons: list | None = None, rows: list[tuple[int, date]] | None = None, **asked):  # type: ignore[no-untyped-def]
    tables = {key: asked.pop(key) for key in list(asked) if key in TABLES}
    persons = persons or [person(1), person(2), person(3)]
    observed = [period(one["person_id"], date(2000, 1, 1), date(2020, 1, 1)) for one in persons]
    write_parquet(folder, {"person": persons, "observation_period": observed, **tables})
    with connect(folder) as source:
        found = unpack_people(people({}, None, source))
        rows = rows or [(int(one), INDEX) for one in found.person_id]
        return _covariates(source, found, rows, asked)


TABLES = ("condition_occurrence", "drug_exposure", "concept", "concept_ancestor")


def _covariates(source: Source, found: People, rows: list[tuple[int, date]], asked: dict) -> SparseCovariates:
    codes = found.codes_of(np.array([person_id for person_id, _ in rows]))
    days = np.array([(day - AWAY).days for _, day in rows], np.int32)
    given = {"demographics": False, "charlson": False, "recorded": CONDITIONS, "at_least": 0} | asked
    return covariates_at_scale(source, found, IndexRows(codes, days), **given)


def by_name(found: SparseCovariates) -> dict[str, list[float]]:
    return {name: found.x[:, [j]].toarray().ravel().tolist() for j, name in enumerate(found.names)}


def test_a_column_for_each_concept_and_window(tmp_path: Path) -> None:
    records = [
        condition(1, 10, before(1)),
        condition(1, 10, before(7)),
        condition(2, 10, before(8)),
        condition(2, 20, before(365)),
        condition(3, 20, before(366)),
    ]
    found = by_name(made(tmp_path, condition_occurrence=records, concept=[concept(10, "SNOMED", "x")]))
    assert found == {
        "condition 10 concept 10, recorded in days -7 to -1": [1.0, 0.0, 0.0],
        "condition 10 concept 10, recorded in days -365 to -1": [1.0, 1.0, 0.0],
        "condition 20, recorded in days -365 to -1": [0.0, 1.0, 0.0],
    }


def test_nothing_on_or_after_the_index_date_counts(tmp_path: Path) -> None:
    records = [condition(1, 10, INDEX), condition(1, 10, before(-1)), condition(2, 20, before(1))]
    assert list(by_name(made(tmp_path, condition_occurrence=records))) == [
        "condition 20, recorded in days -7 to -1",
        "condition 20, recorded in days -365 to -1",
    ]


def test_each_row_has_its_own_index_date_and_persons_may_have_several(tmp_path: Path) -> None:
    records = [condition(1, 10, before(100))]
    rows = [(1, INDEX), (1, before(100)), (1, before(99)), (2, INDEX)]
    found = made(tmp_path, condition_occurrence=records, rows=rows)
    assert by_name(found) == {
        "condition 10, recorded in days -7 to -1": [0.0, 0.0, 1.0, 0.0],
        "condition 10, recorded in days -365 to -1": [1.0, 0.0, 1.0, 0.0],
    }


def test_counts_are_distinct_days(tmp_path: Path) -> None:
    records = [condition(1, 10, before(3)), condition(1, 10, before(3)), condition(1, 10, before(9))]
    asked = (RecordedCovariates("condition", windows=(WEEK, YEAR), counts=True),)
    found = by_name(made(tmp_path, condition_occurrence=records, recorded=asked))
    assert found == {
        "condition 10, days with a record in days -7 to -1": [1.0, 0.0, 0.0],
        "condition 10, days with a record in days -365 to -1": [2.0, 0.0, 0.0],
    }


def test_an_open_window_reaches_back_as_far_as_records_do(tmp_path: Path) -> None:
    asked = (RecordedCovariates("condition", windows=(Window(days_before=(0, float("inf"))),)),)
    found = made(tmp_path, condition_occurrence=[condition(2, 10, date(1960, 1, 1))], recorded=asked)
    assert by_name(found) == {"condition 10, recorded in days … to -1": [0.0, 1.0, 0.0]}
    assert found.columns[0].tag("first_day") == ""


def test_drugs_by_ingredient_and_class(tmp_path: Path) -> None:
    above = [(100, 200), (100, 300), (101, 200), (101, 300), (100, 100), (100, 400)]
    tables = {
        "drug_exposure": [drug(1, 100, before(2)), drug(2, 101, before(2)), drug(2, 100, before(3))],
        "concept_ancestor": [{"ancestor_concept_id": up, "descendant_concept_id": low} for low, up in above],
    }
    concepts = [concept(200, "RxNorm", "1"), concept(300, "ATC", "N06A", None), concept(400, "RxNorm", "2")]
    asked = [RecordedCovariates("drug", level, (YEAR,)) for level in ("ingredient", "atc", "ancestors")]
    # without concept_class_id nothing is known to be an ingredient
    plain = by_name(made(tmp_path, **tables, concept=concepts, recorded=asked))
    assert list(plain) == [
        "drug atc 300 concept 300, recorded in days -365 to -1",
        *(
            f"drug ancestors {k}{f' concept {k}' if k > 100 else ''}, recorded in days -365 to -1"
            for k in (100, 200, 300, 400)
        ),
    ]
    assert plain["drug atc 300 concept 300, recorded in days -365 to -1"] == [1.0, 1.0, 0.0]


def test_ingredients_are_those_of_rxnorm(tmp_path: Path) -> None:
    import_rows = [concept(200, "RxNorm", "1"), concept(400, "RxNorm", "2"), concept(500, "ATC", "3")]
    classes = ["Ingredient", "Clinical Drug", "Ingredient"]
    import_rows = [row | {"concept_class_id": name} for row, name in zip(import_rows, classes, strict=True)]
    pairs = [{"ancestor_concept_id": up, "descendant_concept_id": 100} for up in (200, 400, 500)]
    found = made(
        tmp_path,
        drug_exposure=[drug(3, 100, before(2))],
        concept_ancestor=pairs,
        concept=pa_table(import_rows),
        recorded=[RecordedCovariates("drug", "ingredient", (YEAR,))],
    )
    assert by_name(found) == {"drug ingredient 200 concept 200, recorded in days -365 to -1": [0.0, 0.0, 1.0]}


def pa_table(rows: list[dict]):  # type: ignore[no-untyped-def]
    return pa.Table.from_pylist(rows)


def test_rare_columns_are_left_out_and_counted_and_excluded_ones_are_not(tmp_path: Path) -> None:
    records = [condition(k, 10, before(1)) for k in (1, 2, 3)] + [
        condition(1, 20, before(1)),
        condition(1, 30, before(1)),
    ]
    found = made(tmp_path, condition_occurrence=records, at_least=2, exclude=[30])
    assert {column.tag("concept_id") for column in found.columns} == {"10"}
    assert found.rare == 2  # concept 20 in two windows


def test_what_is_recorded_outside_life_or_of_no_concept_does_not_count(tmp_path: Path) -> None:
    records = [condition(1, 0, before(1)), condition(1, None, before(1)), condition(2, 10, date(1949, 1, 1))]
    asked = (RecordedCovariates("condition", windows=(Window(days_before=(0, float("inf"))),)),)
    assert made(tmp_path, condition_occurrence=records, recorded=asked).x.shape == (3, 0)


def test_demographics_leave_out_the_most_frequent_level(tmp_path: Path) -> None:
    persons = [person(1, 1950), person(2, 1951), person(3, 1930, gender_concept_id=8507)]
    found = by_name(made(tmp_path, persons=persons, recorded=(), demographics=True))
    assert found == {"age 80 to 84": [0.0, 0.0, 1.0], "sex male": [0.0, 0.0, 1.0]}


def test_charlson_by_source_codes_ever_before(tmp_path: Path) -> None:
    records = [
        condition(1, 10, date(2001, 1, 1), condition_source_value="E11.9"),
        condition(1, 10, before(1), condition_source_value="E11.2"),
        condition(2, 10, before(1), condition_source_value="I25.1"),
        condition(3, 10, INDEX, condition_source_value="C78"),
    ]
    found = by_name(made(tmp_path, condition_occurrence=records, recorded=(), charlson=True))
    assert found == {
        "Charlson comorbidity: diabetes without complication, recorded in days … to -1": [1.0, 0.0, 0.0],
        "Charlson comorbidity: diabetes with complication, recorded in days … to -1": [1.0, 0.0, 0.0],
        "Charlson index": [2.0, 0.0, 0.0],
    }
    none = made(tmp_path, condition_occurrence=records[2:3], recorded=(), charlson=True)
    assert none.warnings == ("no condition has an ICD-10 code of a comorbidity",)


def test_no_rows_and_nothing_asked(tmp_path: Path) -> None:
    assert made(tmp_path, recorded=()).x.shape == (3, 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"domain": "death"}, "domain"),
        ({"domain": "condition", "level": "atc"}, "classes of drugs"),
        ({"domain": "drug", "level": "class"}, "level"),
        ({"domain": "drug", "windows": ()}, "at least one window"),
    ],
)
def test_what_makes_no_covariate_is_refused(given: dict, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        RecordedCovariates(**given)
