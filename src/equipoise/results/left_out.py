"""Counts of some beside those of everybody: their difference is how many lack a covariate, or were left out."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from equipoise.results.network import Cell, Network

Row = dict[str, Any]
COMPLETE_CASES = "complete cases"
COUNTS = ("n_sets", "n_persons", "n_cases", "n_exposed_cases", "n_exposed_controls")
FAMILY = (
    "analysis", "comparison", "exposure", "window", "reading", "outcome", "time_point_days", "measure", "target_level",
)  # fmt: skip
LEVEL = ("subgroup", "subgroup_level")
COMPARED = ("analysis", "comparison", "exposure")
CURVES = "adjusted_curves"
CONTROL_COUNTS = ("n_cases", "n_exposed_cases", "n_unexposed_cases")
CONTROL = ("analysis", "comparison", "kind", "control", "exposure", "window", "reading", "measure")


def given_away(estimates: Sequence[Mapping[str, Any]], k: int) -> list[bool]:
    """By row of `estimates`: whether its counts, taken from those of everybody, leave a number of 1 to k - 1.

    These are complete cases, or persons whom trimming or matching kept. Then the counts of that quantity with that
    adjustment go, in every subgroup, for these add up. Give rows whose counts are still there.
    """
    everybody = {
        tuple(row[name] for name in (*FAMILY, *LEVEL)): row for row in estimates if row["adjustment"] == "crude"
    }
    close = set()
    for row in estimates:
        whole = everybody.get(tuple(row[name] for name in (*FAMILY, *LEVEL)))
        if whole is not None:
            left_out = (a - b for a, b in zip(_cells(whole), _cells(row), strict=True))
            if any(0 < number < k for number in left_out):
                close.add(_of_fewer(row))
    return [_of_fewer(row) in close for row in estimates]


def _of_fewer(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What rows with the counts of the same persons have in common; complete cases are the same in every adjustment."""
    complete = row["missing_data"] == COMPLETE_CASES
    return (*(row[name] for name in FAMILY), COMPLETE_CASES if complete else row["adjustment"])


def given_away_by_controls(controls: Sequence[Mapping[str, Any]], k: int) -> list[bool]:
    """By row of `negative_controls`: whether its counts, taken from the crude ones, leave a number of 1 to k - 1.

    Then the counts of that adjustment of the control go, at every level. Give rows whose counts are still there.
    """
    crude = {_of_level(row): row for row in controls if row["adjustment"] == "crude"}
    close = set()
    for row in controls:
        whole = crude.get(_of_level(row), row)
        left_out = (whole[name] - row[name] for name in CONTROL_COUNTS if None not in (whole[name], row[name]))
        if any(0 < number < k for number in left_out):
            close.add(_of_adjustment(row))
    return [_of_adjustment(row) in close for row in controls]


def _of_level(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*CONTROL, "target_level"))


def _of_adjustment(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*CONTROL, "adjustment"))


def blank(rows: Sequence[Row], away: Sequence[bool], counts: Sequence[str] = COUNTS) -> None:
    """Hide the counts of these rows; their estimates stay."""
    for row, goes in zip(rows, away, strict=True):
        if goes:
            for name in counts:
                row[name + "_suppressed"] = row[name + "_suppressed"] or row[name] is not None
                row[name] = None


def blank_events(diagnostics: Sequence[Row], estimates: Sequence[Mapping[str, Any]], away: Sequence[bool]) -> None:
    """Hide the events that the gate counted among those kept, and the ratio worked out from them."""
    gone = {tuple(row[name] for name in COMPARED) for row, goes in zip(estimates, away, strict=True) if goes}
    for row in diagnostics:
        if row["n_events"] is not None and tuple(row[name] for name in COMPARED) in gone:
            row |= {"n_events": None, "n_events_suppressed": True, "value": None}


def curve_events(
    rows: Mapping[str, Sequence[Mapping[str, Any]]], away: Sequence[bool], network: Network, hidden: set[Cell]
) -> Iterator[Cell]:
    """Events of adjusted curves to hide, so that their sum does not tell the events among those kept.

    In each arm the last number that stands in no other table, for the risks of later intervals would tell it too; none
    where one is hidden already.
    """
    gone = {_curve_of(row) for row, goes in zip(rows.get("estimates", []), away, strict=True) if goes}
    arms: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    curves = rows.get(CURVES, [])
    for i, row in enumerate(curves):
        if _curve_of(row) in gone:
            arms[row["arm"], *_curve_of(row)].append(i)
    for members in arms.values():
        if any(curves[i]["n_events"] is None or (CURVES, i, "n_events") in hidden for i in members):
            continue
        for i in sorted(members, key=lambda i: -curves[i]["position"]):
            cells = network.cells[network.number[CURVES, i, "n_events"]]
            if curves[i]["n_events"] and all(name == CURVES for name, _, _ in cells):
                yield from cells
                break


def _curve_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*COMPARED, "adjustment"))


def without_counts(row: Mapping[str, Any]) -> bool:
    """Whether the counts of those kept are hidden already, all of them."""
    return row["adjustment"] != "crude" and all(row[name + "_suppressed"] for name in COUNTS[1:])


def _cells(row: Mapping[str, Any]) -> list[int]:
    """Persons, cases and others, at the target level and not; zero for a number that a row does not have."""
    sets, persons, cases, exposed, others = (row[name] or 0 for name in COUNTS)
    return [sets, persons, cases, exposed, cases - exposed, others, persons - cases - others]
