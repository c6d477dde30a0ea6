"""Concept sets in a vocabulary, and the records they match."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from equipoise.data.concepts import ConceptProblem, resolve
from equipoise.data.connect import connect
from equipoise.data.events import events, extract_events
from equipoise.data.source import Source
from equipoise.spec.concepts import ConceptSet
from tests.data.build import ONE_PERSON, concept, condition, drug, person, write_parquet

WHEN = date(2005, 5, 5)
VOCABULARY = {
    "concept": [
        concept(10, "SNOMED", "111"),
        concept(11, "SNOMED", "112"),
        concept(12, "SNOMED", "113"),
        concept(20, "ICD10", "K92.2", standard=None),
        concept(21, "ICD10", "K92.0", standard=None),
        concept(22, "ICD10CM", "K92.2", standard=None),
        concept(30, "ATC", "N06A", standard="C"),
        concept(31, "ATC", "N06AB", standard="C"),
        concept(40, "RxNorm", "4493"),
    ],
    "concept_ancestor": [
        {"ancestor_concept_id": above, "descendant_concept_id": below}
        for above, below in [(10, 10), (10, 11), (10, 12), (11, 11), (11, 12), (30, 30), (30, 31), (30, 40), (31, 40)]
    ],
}


def concepts(domain: str, *include: dict, exclude: tuple[dict, ...] = ()) -> ConceptSet:
    return ConceptSet.model_validate({"domain": domain, "include": include or None, "exclude": exclude})


def open_with(place: Path, **tables: list[dict]) -> Source:
    return connect(write_parquet(place, dict(ONE_PERSON) | VOCABULARY | tables))


def numbered(source: Source, concept_set: ConceptSet) -> list[int]:
    """Which of the records 1, 2, 3, … match; a record's number is its day after WHEN."""
    found = extract_events(source, resolve(source, "set", concept_set))
    return [day - (WHEN - date(1970, 1, 1)).days for day in found["day"].to_pylist()]


def conditions(*rows: dict[str, Any]) -> list[dict]:
    """Condition records on the 1st, 2nd, … day after WHEN."""
    return [
        condition(1, row.pop("concept", 0), date.fromordinal(WHEN.toordinal() + number), **row)
        for number, row in enumerate((dict(row) for row in rows), start=1)
    ]


def test_a_concept_with_and_without_descendants(tmp_path: Path) -> None:
    rows = conditions({"concept": 10}, {"concept": 11}, {"concept": 12}, {"concept": 20})
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert numbered(source, concepts("condition", {"concept_id": 10})) == [1]
        assert numbered(source, concepts("condition", {"concept_id": 10, "descendants": True})) == [1, 2, 3]
        assert numbered(source, concepts("condition", {"concept_id": 11}, {"concept_id": 20})) == [2, 4]


def test_a_concept_matches_the_standard_concept_only(tmp_path: Path) -> None:
    rows = conditions({"concept": 0, "condition_source_concept_id": 10})
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert numbered(source, concepts("condition", {"concept_id": 10})) == []


def test_excluded_records_are_removed_however_they_match(tmp_path: Path) -> None:
    rows = conditions(
        {"concept": 10},
        {"concept": 11},
        {"concept": 12},
        {"concept": 10, "condition_source_value": "K92.0"},
        {"concept": 10, "condition_source_value": None},
    )
    everything = {"concept_id": 10, "descendants": True}
    with open_with(tmp_path, condition_occurrence=rows) as source:
        without = concepts("condition", everything, exclude=({"concept_id": 11, "descendants": True},))
        assert numbered(source, without) == [1, 4, 5]
        assert resolve(source, "set", without).concept_ids == frozenset({10})
        assert resolve(source, "set", without).n_concepts == 1
        assert numbered(source, concepts("condition", everything, exclude=({"code_prefix": "K92"},))) == [1, 2, 3, 5]


@pytest.mark.parametrize("code", ["K92.2", "K922", "k92.2", " k922"])
def test_a_code_matches_standard_and_source_concept_in_any_spelling(code: str, tmp_path: Path) -> None:
    rows = conditions(
        {"concept": 20},
        {"concept": 10, "condition_source_concept_id": 20},
        {"concept": 10, "condition_source_concept_id": 22},
        {"concept": 10, "condition_source_value": "K92.2"},
    )
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert numbered(source, concepts("condition", {"vocabulary": "ICD10", "code": code})) == [1, 2]


def test_an_atc_class_reaches_its_ingredients(tmp_path: Path) -> None:
    rows = [drug(1, 40, WHEN), drug(1, 99, WHEN)]
    with open_with(tmp_path, drug_exposure=rows) as source:
        with_descendants = concepts("drug", {"vocabulary": "atc", "code": "N06A", "descendants": True})
        resolved = resolve(source, "antidepressants", with_descendants)
        assert resolved.concept_ids == frozenset({30, 31, 40})
        assert resolved.n_concepts == 3
        assert resolved.warnings == ()
        assert extract_events(source, resolved)["concept_id"].to_pylist() == [40]


def test_a_prefix_matches_source_values_without_dots_in_any_letter_case(tmp_path: Path) -> None:
    values = ["K92.2", "k922", " K92.0 ", "K93", "XK92", None, "", "K9"]
    rows = conditions(*({"condition_source_value": value, "condition_source_concept_id": 20} for value in values))
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert numbered(source, concepts("condition", {"code_prefix": "K92"})) == [1, 2, 3]
        assert numbered(source, concepts("condition", {"code_prefix": "k9.2"})) == [1, 2, 3]


@pytest.mark.parametrize(
    ("prefix", "expected"), [("%", [2]), ("_", [3]), ("A%", [4]), ("'", [5]), ("\\", [6]), ("*", [7])]
)
def test_a_prefix_is_taken_literally(prefix: str, expected: list[int], tmp_path: Path) -> None:
    rows = conditions(*({"condition_source_value": value} for value in ["ABC", "%1", "_1", "A%", "'1", "\\1", "*1"]))
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert numbered(source, concepts("condition", {"code_prefix": prefix})) == expected


def test_a_prefix_of_a_vocabulary_matches_source_concepts_too(tmp_path: Path) -> None:
    rows = conditions(
        {"concept": 20},
        {"condition_source_concept_id": 20},
        {"condition_source_concept_id": 21},
        {"condition_source_concept_id": 22},
        {"condition_source_value": "K92.9"},
    )
    with open_with(tmp_path, condition_occurrence=rows) as source:
        item = {"code_prefix": "K92", "vocabulary": "ICD10"}
        assert numbered(source, concepts("condition", item)) == [2, 3, 5], "the standard concept does not count"
        assert resolve(source, "set", concepts("condition", item)).n_concepts == 2


def test_long_lists_match_as_short_ones_do(tmp_path: Path) -> None:
    rows = conditions({"concept": 500}, {"concept": 1500}, {"concept": None}, {"concept": 2**53 + 1})
    items = [{"concept_id": number} for number in [*range(1000, 2000), 2**53]]
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert numbered(source, concepts("condition", *items)) == [2]
        assert numbered(source, concepts("condition", {"concept_id": 500}, exclude=tuple(items))) == [1]


def problems(source: Source, *items: dict, domain: str = "condition") -> list[ConceptProblem]:
    return [warning.problem for warning in resolve(source, "set", concepts(domain, *items)).warnings]


def test_warnings_say_what_the_vocabulary_does_not_hold(tmp_path: Path) -> None:
    with open_with(tmp_path, condition_occurrence=[]) as source:
        assert problems(source, {"concept_id": 10, "descendants": True}) == []
        assert problems(source, {"concept_id": 999}) == [ConceptProblem.UNKNOWN_CONCEPT]
        assert problems(source, {"concept_id": 20}) == [ConceptProblem.NOT_STANDARD]
        assert problems(source, {"vocabulary": "ICD10", "code": "Z99"}) == [ConceptProblem.UNKNOWN_CODE]
        assert problems(source, {"vocabulary": "READ", "code": "Z99"}) == [ConceptProblem.NO_VOCABULARY]
        assert problems(source, {"code_prefix": "Z", "vocabulary": "ICD10"}) == [ConceptProblem.UNKNOWN_CODE]
        assert problems(source, {"code_prefix": "Z"}) == []
        assert problems(source, {"concept_id": 40, "descendants": True}) == [ConceptProblem.NO_DESCENDANTS]
        assert problems(source, {"concept_id": 10}, domain="measurement") == [ConceptProblem.ABSENT_TABLE]


def test_without_a_vocabulary_concepts_are_taken_as_they_are(tmp_path: Path) -> None:
    rows = conditions({"concept": 10}, {"concept": 11})
    tables = dict(ONE_PERSON) | {"condition_occurrence": rows, "concept_ancestor": []}
    with connect(write_parquet(tmp_path, tables)) as source:
        resolved = resolve(source, "bleeding", concepts("condition", {"concept_id": 10, "descendants": True}))
        assert extract_events(source, resolved).num_rows == 1
    assert [str(warning) for warning in resolved.warnings] == [
        "concept set 'bleeding', concept 10: the table concept is absent or empty, so it is not checked",
        "concept set 'bleeding', concept 10: the table concept_ancestor is absent or empty, "
        "so descendants cannot be followed",
    ]


def test_any_death_counts_where_no_concept_is_named(tmp_path: Path) -> None:
    deaths = [{"person_id": 1, "death_date": WHEN, "cause_concept_id": 10}]
    with open_with(tmp_path, death=deaths) as source:
        anyone = resolve(source, "death", ConceptSet.model_validate({"domain": "death"}))
        assert anyone.n_concepts == 0
        assert extract_events(source, anyone)["concept_id"].to_pylist() == [10]
        assert numbered(source, concepts("death", {"concept_id": 10})) == [0]
        assert numbered(source, concepts("death", {"concept_id": 11})) == []
        survived = ConceptSet.model_validate({"domain": "death", "exclude": [{"concept_id": 10}]})
        assert numbered(source, survived) == []


def test_the_sql_can_be_read(tmp_path: Path) -> None:
    with open_with(tmp_path, condition_occurrence=conditions({"concept": 10}), person=[person(1)]) as source:
        resolved = resolve(source, "set", concepts("condition", {"concept_id": 10}))
        text = source.sql(events(source, resolved))
    assert '"condition_occurrence"' in text
    assert "IN (10)" in text
    assert text.count("\n") > 10


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"below": 50}, [1, 2]),
        ({"at_least": 50}, [3, 4]),
        ({"at_least": 40, "below": 60}, [2, 3]),
        (None, [1, 2, 3, 4, 5]),
    ],
)
def test_numbers_outside_the_limits_and_missing_ones_do_not_count(limits, expected: list[int], tmp_path: Path) -> None:
    numbers = (39.9, 49.9, 50.0, 60.0, None)
    days = [date.fromordinal(WHEN.toordinal() + number) for number in range(1, len(numbers) + 1)]
    ids = {"person_id": [1] * len(numbers), "measurement_concept_id": [10] * len(numbers)}
    rows = pa.table(ids | {"measurement_date": days, "value_as_number": pa.array(numbers, pa.float64())})
    given = {"domain": "measurement", "include": [{"concept_id": 10}]} | ({"value": limits} if limits else {})
    with open_with(tmp_path, measurement=rows) as source:
        assert numbered(source, ConceptSet.model_validate(given)) == expected
