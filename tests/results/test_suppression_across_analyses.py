"""Analyses of the same persons give nothing away about one another; margins that no table shows are not known."""

from typing import Any

import pytest

from equipoise.results.suppress import suppress
from equipoise.results.tables import schema_of, table

K = 5
CONTROLS = [("naevus", 70, 20), ("cataract", 81, 33), ("nodule", 64, 25)]
COUNTS = ("n_cases", "n_exposed_cases", "n_unexposed_cases")


def control(analysis: str, name: str, adjustment: str, exposed: int, unexposed: int) -> dict[str, Any]:
    key = dict.fromkeys(schema_of("negative_controls").keys) | {"comparison": "no use", "kind": "outcome"}
    key |= {"analysis": analysis, "control": name, "adjustment": adjustment, "measure": "hazard_ratio"}
    counts = {"n_cases": exposed + unexposed, "n_exposed_cases": exposed, "n_unexposed_cases": unexposed}
    return key | {"exposure": "drug"} | counts


def suppressed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return suppress({"negative_controls": table("negative_controls", rows)}, K)["negative_controls"].to_pylist()


@pytest.mark.parametrize(("other", "joined"), [(0, True), (9, False)])
def test_a_count_is_hidden_in_every_analysis_of_the_same_persons(other: int, joined: bool) -> None:
    first = [control("one", *of, "crude", n, m) for *of, n, m in CONTROLS]
    second = [control("two", *of, "crude", n + other, m + other) for *of, n, m in CONTROLS]
    # Three matched cases are hidden, and with them a count of the same row, which stands in the crude row too.
    found = suppressed([*first, *second, control("one", "naevus", "matched", 3, 20)])
    assert found[-1]["n_exposed_cases"] is None
    gone = [{name for name in COUNTS if row[name] is None} for row in found]
    assert gone[0] == {"n_unexposed_cases", "n_exposed_cases"} or gone[0] == {"n_unexposed_cases", "n_cases"}
    assert gone[3] == (gone[0] if joined else set())


def level(level: str, uses: str, diagnosed: str, cases: int) -> dict[str, Any]:
    key = dict.fromkeys(schema_of("indication").keys) | {"analysis": "risk", "comparison": "population"}
    key |= {"indication": "psychiatric", "exposure": "drug", "window": "1-5 y", "reading": "any_use", "position": 0}
    return key | {"level": level, "uses": uses, "diagnosed": diagnosed, "n_cases": cases, "n_controls": None}


def test_margins_that_no_table_shows_are_not_known() -> None:
    rows = [level("neither", "no", "no", 80), level("diagnosis only", "no", "yes", 3)]
    rows += [level("user without", "yes", "no", 40), level("user with", "yes", "yes", 30)]
    found = suppress({"indication": table("indication", rows)}, K)["indication"].to_pylist()
    assert [row["n_cases"] for row in found] == [80, None, 40, 30]
