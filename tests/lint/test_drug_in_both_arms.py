"""A drug that stands in both arms is found whatever it is called there, and only there."""

import tomllib
from typing import Any

import pytest

from equipoise.lint.study import lint_study
from equipoise.spec.read import parse_study
from tests.lint.test_follow_up_flaws import SOUND
from tests.spec_model.examples import changed


def said(one: list[dict[str, Any]], two: list[dict[str, Any]], **sets: Any) -> list[str]:
    raw = tomllib.loads(SOUND)
    changed(raw, "concept_sets/drug", {"domain": "drug", "include": one} | sets.get("first", {}))
    changed(raw, "concept_sets/other", {"domain": "drug", "include": two} | sets.get("second", {}))
    return [finding.says for finding in lint_study(parse_study(raw)) if finding.code == "drug-in-both-arms"]


def atc(code: str, **more: Any) -> dict[str, Any]:
    return {"vocabulary": "ATC", "code": code} | more


def knows(group: str, name: str = "default") -> dict[str, Any]:
    return {"knowledge": "rem_sleep", "group": group, "set": name}


SUPPRESSING, OTHER = knows("suppressing"), knows("non_suppressing")


@pytest.mark.parametrize(
    ("one", "two", "shared"),
    [
        ([SUPPRESSING], [OTHER, atc("N06AB04")], "N06AB04"),
        ([atc("N06AB", descendants=True)], [atc("N06AB04")], "N06AB04"),
        ([{"code_prefix": "N06A"}], [OTHER, atc("N06AX12", descendants=True)], "N06AA06, "),
        ([{"concept_id": 7}, {"concept_id": 8}], [{"concept_id": 8, "descendants": True}], "concept_id 8"),
        (
            [{"vocabulary": "RxNorm", "code": "2556"}],
            [atc("X99XX99", also=[{"vocabulary": "RxNorm", "code": "2556"}])],
            "RxNorm 2556",
        ),
        ([knows("suppressing", "liberal_suppressing")], [knows("non_suppressing", "liberal_non_suppressing")], "N06A"),
    ],
)
def test_a_shared_drug_is_named(one: list[dict[str, Any]], two: list[dict[str, Any]], shared: str) -> None:
    (says,) = said(one, two)
    assert f"'drug' and the comparator 'other' both hold {shared}" in says
    assert len(said(two, one)) == 1


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ([SUPPRESSING], [OTHER]),
        ([knows("suppressing", "liberal_suppressing")], [OTHER]),
        ([SUPPRESSING], [knows("non_suppressing", "strict")]),
        ([atc("N06AB")], [atc("N06AB04")]),  # a class by itself, without what lies below it
        ([{"concept_id": 7}], [{"concept_id": 77, "descendants": True}]),
    ],
)
def test_arms_apart_are_left_in_peace(one: list[dict[str, Any]], two: list[dict[str, Any]]) -> None:
    assert not said(one, two)


def test_a_drug_that_one_side_excludes_is_not_shared() -> None:
    one, two = [{"code_prefix": "N06A"}], [atc("N06AB04")]
    assert not said(one, two, first={"exclude": [{"code_prefix": "N06AB"}]})
    assert said(one, two, first={"exclude": [{"code_prefix": "N06AX"}]})
