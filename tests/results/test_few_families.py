"""Odds ratios within and between families: what rests on few is withheld, what tells of few goes."""

from typing import Any

import pytest

from equipoise.results.few_families import stand_elsewhere
from equipoise.results.suppress import suppress
from equipoise.results.tables import schema_of, table

USE = {"analysis": "risk", "exposure": "drug", "window": ">1 y", "reading": "any_use", "adjustment": "crude"}
PLAIN = dict.fromkeys(schema_of("estimates").keys) | USE | {"subgroup": "overall", "subgroup_level": "overall"}


def row(quantity: str, *cells: int, **more: Any) -> dict[str, Any]:
    names = ("n_cases", "n_controls", "n_exposed_cases", "n_exposed_controls")
    counts = dict(zip(names, cells, strict=True)) if cells else {}
    return USE | {"comparison": "siblings", "quantity": quantity, "estimate": 1.5, "std_error": 0.2} | counts | more


def family(own: tuple[int, ...], relatives: tuple[int, ...], within: tuple[int, ...]) -> list[dict[str, Any]]:
    return [
        row("population", *own),
        row("within", *within),
        row("within_given_mean"),
        row("between", *relatives),
        row("ratio"),
    ]


def plain(comparison: str, cases: int, controls: int, exposed_cases: int, exposed_controls: int) -> dict[str, Any]:
    counts = {
        "n_persons": cases + controls,
        "n_cases": cases,
        "n_exposed_cases": exposed_cases,
        "measure": "odds_ratio",
    }
    return PLAIN | counts | {"comparison": comparison, "n_exposed_controls": exposed_controls, "estimate": 1.5}


def suppressed(rows: list[dict[str, Any]], *estimates: dict[str, Any]) -> dict[str, dict[str, Any]]:
    given = {"within_between": table("within_between", rows), "estimates": table("estimates", estimates)}
    return {item["quantity"]: item for item in suppress(given, 5)["within_between"].to_pylist()}


ENOUGH = ((200, 900, 40, 150), (200, 900, 50, 190), (180, 300, 35, 60))


def test_enough_of_everybody_stays() -> None:
    found = suppressed(family(*ENOUGH), plain("population", 300, 1500, 70, 300), plain("siblings", 180, 300, 35, 60))
    assert all(item["estimate"] == 1.5 for item in found.values())
    assert found["population"]["n_exposed_cases"] == 40
    assert found["within"]["n_exposed_controls"] == 60


@pytest.mark.parametrize(
    ("at", "gone"),
    [
        (0, {"population", "within_given_mean", "between", "ratio"}),
        (1, {"within_given_mean", "between", "ratio"}),
        (2, {"within"}),
    ],
)
def test_what_rests_on_few_is_withheld(at: int, gone: set[str]) -> None:
    cells = [*ENOUGH]
    cells[at] = (*cells[at][:2], 3, cells[at][3])
    found = suppressed(family(*cells))
    assert {name for name, item in found.items() if item["estimate"] is None} == gone
    assert {found[name]["reason"] for name in gone} == {"SMALL_CELLS"}


def test_an_estimate_of_everybody_that_is_withheld_is_not_told_by_its_part() -> None:
    everybody = plain("population", 300, 1500, 70, 300) | {"estimate": None, "reason": "SMALL_CELLS"}
    found = suppressed(family(*ENOUGH), everybody)
    assert {name for name, item in found.items() if item["estimate"] is None} == {
        "population", "within_given_mean", "between", "ratio",
    }  # fmt: skip


@pytest.mark.parametrize("everybody", [(203, 1500, 70, 300), (300, 1500, 42, 300), (300, 1500, 70, 151)])
def test_few_without_relatives_take_the_counts_and_leave_the_estimates(everybody: tuple[int, ...]) -> None:
    found = suppressed(family(*ENOUGH), plain("population", *everybody))
    for name in ("population", "between"):
        assert (found[name]["n_cases"], found[name]["n_exposed_controls"]) == (None, None)
        assert found[name]["n_cases_suppressed"]
        assert found[name]["estimate"] == 1.5
    assert found["within"]["n_cases"] == 180


def test_twice_changes_nothing_more() -> None:
    given = {"within_between": table("within_between", family((200, 900, 3, 150), *ENOUGH[1:]))}
    once = suppress(given, 5)
    assert suppress(once, 5)["within_between"].equals(once["within_between"])


def test_counts_that_the_table_of_exposure_shows_of_the_same_relatives_are_told_apart_from_those_it_does_not() -> None:
    use = {"analysis": "risk", "exposure": "drug", "window": ">1 y", "reading": "any_use", "level": "use"}
    exposed = {"n_exposed_cases": 20, "n_exposed_controls": 90}
    tables = {
        "exposure": table("exposure", [use | exposed | {"comparison": "siblings", "factor": None}]),
        "within_between": table(
            "within_between",
            [row("population", 60, 240, 20, 80), row("population", 60, 240, 20, 80, comparison="spouses")],
        ),
    }
    rows = {name: content.to_pylist() for name, content in tables.items()}
    assert stand_elsewhere(rows, set()) == {(0, "n_exposed_cases")}
    assert stand_elsewhere(rows, {("within_between", 0, "n_exposed_cases")}) == set()
