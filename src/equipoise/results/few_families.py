"""Odds ratios within and between families: which rest on few persons, which counts tell of few without relatives."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from equipoise.errors import Reason
from equipoise.results.family_tables import COUNTS, OF_POPULATION, RATIO, USE
from equipoise.results.left_out import blank
from equipoise.results.network import Cell

Row = dict[str, Any]
POPULATION, WITHIN, BETWEEN, CRUDE = "population", "within", "between", "crude"


def few_families(rows: Sequence[Row], k: int) -> list[bool]:
    """Before counts are hidden: whether one of the rows whose persons a row rests on has 1 to k - 1 in a cell."""
    small = {_counted(row, row["quantity"]) for row in rows if any(1 <= cell < k for cell in _cells(row))}
    return [bool(small & _resting_on(row)) for row in rows]


def families_given_away(rows: Mapping[str, Sequence[Row]], k: int) -> list[bool]:
    """Whether counts of persons with relatives, taken from those of everybody, leave a number of 1 to k - 1.

    Then they go in all rows of that kind of relatives, for numbers of exposures and windows add up. Give rows whose
    counts are still there.
    """
    made = rows.get("within_between", [])
    everybody = _everybody(rows)
    close = set()
    for row in made:
        for other in everybody[_base(row)] if row["quantity"] != BETWEEN else ():
            left_out = (a - b for a, b in zip(other, _cells(row), strict=False))
            if any(0 < number < k for number in left_out):
                close.add(_of_kind(row))
    return [_of_kind(row) in close for row in made]


def stand_elsewhere(rows: Mapping[str, Sequence[Row]], hidden: set[Cell]) -> set[tuple[int, str]]:
    """Counts (row and column) that the table `exposure` shows of the same persons: to hide them would hide nothing."""
    keys = ("analysis", "comparison", *USE)
    shown = {
        (name, row[name], *(row[key] for key in keys))
        for i, row in enumerate(rows.get("exposure", []))
        for name in COUNTS
        if row[name] is not None and ("exposure", i, name) not in hidden
    }
    return {
        (i, name)
        for i, row in enumerate(rows.get("within_between", []))
        for name in COUNTS
        if (name, row[name], *(row[key] for key in keys)) in shown and ("within_between", i, name) not in hidden
    }


def withhold_families(
    rows: Mapping[str, list[Row]], few: Sequence[bool], away: Sequence[bool], elsewhere: set[tuple[int, str]]
) -> None:
    """Withhold what rests on few persons or on hidden counts, or whose plain estimate is withheld.

    Counts of rows that are given `away` are hidden, those that stand `elsewhere` left out.
    """
    made = rows.get("within_between", [])
    names = ("analysis", "comparison", *USE)
    plain = {
        tuple(row[name] for name in names)
        for row in rows.get("estimates", [])
        if row["reason"] == Reason.SMALL_CELLS.value and row["subgroup"] == "overall"
    }
    # Hidden totals say how many were left out elsewhere; the estimate rests on the exposed and the unexposed.
    hidden = {
        _counted(row, row["quantity"])
        for row in made
        if any(row[f"n_exposed_{who}_suppressed"] for who in ("cases", "controls"))
    }
    for row, small, goes in zip(made, few, away, strict=True):
        if small or (not goes and hidden & _resting_on(row)) or _base(row) in plain:
            row |= dict.fromkeys(RATIO)
            row["reason"] = row["reason"] or Reason.SMALL_CELLS.value
    for i, row in enumerate(made):
        blank([row], away[i : i + 1], [name for name in COUNTS if (i, name) not in elsewhere])


def _everybody(rows: Mapping[str, Sequence[Row]]) -> Mapping[tuple[Any, ...], list[list[int]]]:
    """Cells of everybody by comparison and use: those of plain estimates, and crude ones of this table."""
    found: dict[tuple[Any, ...], list[list[int]]] = defaultdict(list)
    names = ("analysis", "comparison", *USE)
    for row in rows.get("estimates", []):
        if row["subgroup"] == "overall" and None not in (row["n_persons"], row["n_cases"]):
            cells = row | {"n_controls": row["n_persons"] - row["n_cases"]}
            found[tuple(row[name] for name in names)].append(_cells(cells))
    for row in rows.get("within_between", []):
        if row["adjustment"] == CRUDE and row["quantity"] in (POPULATION, WITHIN) and row["n_cases"] is not None:
            found[_base(row)].append(_cells(row))
    return found


def _cells(row: Mapping[str, Any]) -> list[int]:
    """Cases and controls, at the level and not; nothing where a row has no counts."""
    return list(_numbers(row)) if None not in (row[name] for name in COUNTS) else []


def _numbers(row: Mapping[str, Any]) -> Iterator[int]:
    for who in ("cases", "controls"):
        yield row[f"n_{who}"]
        yield row[f"n_exposed_{who}"]
        yield row[f"n_{who}"] - row[f"n_exposed_{who}"]


def _base(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The comparison and use of which the persons of a row are a part."""
    comparison = row["comparison"] if row["quantity"] == WITHIN else POPULATION
    return row["analysis"], comparison, *(row[name] for name in USE)


def _of_kind(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Rows that have, or would have, the counts of the same persons: those of population sets, or of relatives."""
    return row["analysis"], row["comparison"], row["quantity"] in OF_POPULATION


def _resting_on(row: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    """Rows whose counts a row rests on: its own; of the model with the family's mean, own use and that of relatives."""
    own = (row["quantity"],) if row["quantity"] in (POPULATION, WITHIN) else (POPULATION, BETWEEN)
    return {_counted(row, quantity) for quantity in own}


def _counted(row: Mapping[str, Any], quantity: str) -> tuple[Any, ...]:
    return (row["analysis"], row["comparison"], *(row[name] for name in USE), row["adjustment"], quantity)
