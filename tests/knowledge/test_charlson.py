"""The Charlson index: codes that belong to one comorbidity each, weights, hierarchies by hand."""

import doctest

import numpy as np

from equipoise.knowledge import charlson
from equipoise.knowledge.charlson import charlson_comorbidities, charlson_index


def test_no_code_belongs_to_two_comorbidities() -> None:
    owner: dict[str, str] = {}
    for one in charlson_comorbidities():
        for code in one.codes:
            assert code not in owner
            owner[code] = one.name
    for code, name in owner.items():
        for length in range(2, len(code)):
            assert owner.get(code[:length], name) == name


def test_weights_are_those_of_1987() -> None:
    weights = sorted(one.weight for one in charlson_comorbidities())
    assert weights == [1] * 10 + [2] * 4 + [3] + [6] * 2
    assert {name for one in charlson_comorbidities() for name in one.unless} <= {
        o.name for o in charlson_comorbidities()
    }


def test_the_graver_of_two_counts_alone() -> None:
    names = [one.name for one in charlson_comorbidities()]
    cases = [
        ({"malignancy", "metastatic solid tumour"}, 6),
        ({"mild liver disease", "moderate or severe liver disease"}, 3),
        ({"mild liver disease", "dementia"}, 2),
        (set(names), 1 * 8 + 2 + 2 + 2 + 3 + 6 + 6),
        (set(), 0),
    ]
    for present, expected in cases:
        assert charlson_index({name: np.array([name in present]) for name in names}).tolist() == [expected]


def test_concept_sets_read_source_codes() -> None:
    first = charlson_comorbidities()[0].concept_set
    assert first.domain == "condition"
    assert [item.code_prefix for item in first.include or ()] == ["I21", "I22", "I252"]


def test_examples() -> None:
    assert doctest.testmod(charlson).failed == 0
