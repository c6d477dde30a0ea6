"""Complete cases beside everybody: where the difference is a small number, the counts go and the estimates stay."""

from typing import Any

import pyarrow as pa
import pytest

from equipoise.results.left_out import curve_events
from equipoise.results.network import build_network
from equipoise.results.suppress import suppress
from equipoise.results.tables import schema_of, table

KEYS = dict.fromkeys(schema_of("estimates").keys) | {"analysis": "main", "comparison": "no use", "exposure": "drug"}


def row(adjustment: str, persons: int, cases: int, exposed: int, level: str = "overall", **more: Any) -> dict[str, Any]:
    counts = {"n_persons": persons, "n_cases": cases, "n_exposed_cases": exposed, "n_exposed_controls": 200}
    subgroup = {"subgroup": "overall" if level == "overall" else "sex", "subgroup_level": level}
    return KEYS | subgroup | counts | {"adjustment": adjustment, "measure": "hazard_ratio", "estimate": 1.5} | more


def counts(*rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = suppress({"estimates": table("estimates", rows)}, 5)["estimates"].to_pylist()
    return [(item["n_persons"], item["n_cases"], item["estimate"]) for item in found]


WHOLE = row("crude", 1000, 100, 40)


@pytest.mark.parametrize("cases", [99, 96])
def test_a_small_difference_takes_the_counts_of_the_complete_cases(cases: int) -> None:
    complete = row("adjusted", 900, cases, 35, missing_data="complete cases")
    assert counts(WHOLE, complete) == [(1000, 100, 1.5), (None, None, 1.5)]


@pytest.mark.parametrize(("cases", "exposed"), [(100, 40), (90, 35)])
def test_no_difference_or_a_large_one_takes_nothing(cases: int, exposed: int) -> None:
    complete = row("adjusted", 900, cases, exposed, missing_data="complete cases")
    assert counts(WHOLE, complete) == [(1000, 100, 1.5), (900, cases, 1.5)]


def test_levels_that_would_add_up_to_it_go_too() -> None:
    levels = [row("crude", 500, 50, 20, level) for level in ("female", "male")]
    complete = [
        row("adjusted", 900, 87, 30, missing_data="complete cases"),
        row("adjusted", 450, 40, 15, "female", missing_data="complete cases"),
        row("adjusted", 450, 47, 15, "male", missing_data="complete cases"),
    ]
    assert [item[:2] for item in counts(WHOLE, *levels, *complete)[3:]] == [(None, None)] * 3


def test_imputed_estimates_rest_on_everybody_and_keep_their_counts() -> None:
    imputed = row("adjusted", 1000, 100, 40, missing_data="multiple imputation")
    beside = row("adjusted, complete cases", 997, 99, 40, missing_data="complete cases")
    assert counts(WHOLE, imputed, beside) == [(1000, 100, 1.5), (1000, 100, 1.5), (None, None, 1.5)]


@pytest.mark.parametrize("adjustment", ["matched", "weighted", "stratified"])
def test_a_few_whom_trimming_or_matching_left_out_take_the_counts(adjustment: str) -> None:
    assert counts(WHOLE, row(adjustment, 997, 100, 40)) == [(1000, 100, 1.5), (None, None, 1.5)]
    assert counts(WHOLE, row(adjustment, 700, 60, 22)) == [(1000, 100, 1.5), (700, 60, 1.5)]


@pytest.mark.parametrize(("cases", "shown"), [(96, (None, None, "passed")), (90, (90, 2.1, "passed"))])
def test_events_that_the_gate_counted_among_those_kept_go_with_their_counts(cases: int, shown: tuple[Any, ...]) -> None:
    judged = KEYS | {"position": 1, "diagnostic": "power", "status": "passed", "value": 2.1, "n_events": cases}
    judged = {name: value for name, value in judged.items() if name in schema_of("diagnostics").arrow.names}
    rows = [WHOLE, row("adjusted", 900, cases, 35, missing_data="complete cases")]
    made = {"estimates": table("estimates", rows), "diagnostics": table("diagnostics", [judged])}
    (found,) = suppress(made, 5)["diagnostics"].to_pylist()
    assert (found["n_events"], found["value"], found["status"]) == shown


def test_applying_it_twice_changes_nothing_more() -> None:
    rows = [WHOLE, row("adjusted", 900, 98, 35, missing_data="complete cases")]
    once = suppress({"estimates": table("estimates", rows)}, 5)
    assert suppress(once, 5)["estimates"].equals(once["estimates"])


def control(adjustment: str, exposed: int, unexposed: int, **more: Any) -> dict[str, Any]:
    key = dict.fromkeys(schema_of("negative_controls").keys) | {"analysis": "main", "comparison": "no use"}
    key |= {"kind": "outcome", "control": "cataract", "exposure": "drug", "measure": "hazard_ratio"}
    counts = {"n_cases": exposed + unexposed, "n_exposed_cases": exposed, "n_unexposed_cases": unexposed}
    return key | counts | {"adjustment": adjustment, "estimate": 1.1} | more


CONTROL_COUNTS = ("n_cases", "n_exposed_cases", "n_unexposed_cases")


def counts_of_controls(*rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = suppress({"negative_controls": table("negative_controls", rows)}, 5)["negative_controls"]
    again = suppress({"negative_controls": found}, 5)["negative_controls"]
    assert again.equals(found)
    return [(item["estimate"], *(item[name] for name in CONTROL_COUNTS)) for item in found.to_pylist()]


@pytest.mark.parametrize(("exposed", "unexposed"), [(39, 50), (36, 60), (30, 58)])
def test_counts_of_a_control_go_where_they_tell_how_few_are_left_out(exposed: int, unexposed: int) -> None:
    whole = control("crude", 40, 60)
    assert counts_of_controls(whole, control("adjusted", exposed, unexposed)) == [
        (1.1, 100, 40, 60),
        (1.1, None, None, None),
    ]


@pytest.mark.parametrize(("exposed", "unexposed"), [(40, 60), (30, 50), (40, 50)])
def test_counts_of_a_control_stay_where_nobody_or_many_are_left_out(exposed: int, unexposed: int) -> None:
    found = counts_of_controls(control("crude", 40, 60), control("matched", exposed, unexposed))
    assert found[1] == (1.1, exposed + unexposed, exposed, unexposed)


def test_another_level_of_the_control_goes_with_it() -> None:
    levels = [control("crude", 40, 60, target_level="one"), control("crude", 30, 70, target_level="two")]
    less = [control("adjusted", 37, 50, target_level="one"), control("adjusted", 24, 63, target_level="two")]
    assert [row[1] for row in counts_of_controls(*levels, *less)] == [100, 100, None, None]


def curves_of(kept: list[int], crude: list[int]) -> dict[str, pa.Table]:
    """Events by interval of the target arm, of those matched and of everybody."""
    use = {"analysis": "a", "comparison": "none", "exposure": "drug"}
    intervals = {"arm": "target", "n_at_risk": None, "n_left": None, "n_remaining": None}
    made: dict[str, list[dict[str, object]]] = {"curves": [], "adjusted_curves": []}
    for at, (matched, before) in enumerate(zip(kept, crude, strict=True), start=1):
        row = use | intervals | {"position": at, "time_days": 30 * at}
        made["curves"].append(row | {"n_events": before})
        made["adjusted_curves"].append(row | {"adjustment": "matched", "n_events": matched, "risk": 0.1 * at})
    return {name: table(name, rows) for name, rows in made.items()}


@pytest.mark.parametrize(
    ("kept", "hidden"),
    [
        # The last number that stands in no other table.
        ([20, 18, 30], [False, True, False]),
        ([20, 20, 26], [False, False, True]),
        # One is hidden already: it is small.
        ([20, 3, 30], [False, True, False]),
        # Nobody of the arm with the outcome was left out.
        ([20, 20, 30], [False, False, False]),
    ],
)
def test_events_of_adjusted_curves_do_not_add_up_to_hidden_counts(kept: list[int], hidden: list[bool]) -> None:
    tables = curves_of(kept, [20, 20, 30])
    network = build_network(tables)
    rows = {name: content.to_pylist() for name, content in tables.items()}
    rows["estimates"] = [{"analysis": "a", "comparison": "none", "exposure": "drug", "adjustment": "matched"}]
    before = {("adjusted_curves", i, "n_events") for i, value in enumerate(kept) if value < 5}
    found = before | set(curve_events(rows, [True], network, before))
    assert [("adjusted_curves", i, "n_events") in found for i in range(3)] == hidden
    assert not set(curve_events(rows, [False], network, before))
