"""The table of mixtures: small cells hidden, the path first, and counts that differ by few persons hidden too."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from equipoise.results.bridge_tables import COUNTS
from equipoise.results.schema import FLAG
from equipoise.results.suppress import suppress
from equipoise.results.tables import schema_of, table

Row = dict[str, Any]
NAME = "bridge_steps"
TRUE = ("true_value", "true_error", "bias")
CHANGES = {"log_estimate": "change", "true_value": "true_change", "bias": "bias_change"}


def protected(rows: Mapping[int, Row], min_cell_count: int) -> dict[int, Row]:
    """The rows by mixture, with small cells hidden and estimates that rest on few persons withheld."""
    numbers = sorted(rows)
    given = table(NAME, [rows[number] | {"position": i} for i, number in enumerate(numbers, start=1)])
    safe = suppress({NAME: given}, min_cell_count)[NAME].to_pylist()
    for row in safe:
        if None in (row["log_estimate"], row["true_value"]):
            row |= dict.fromkeys(TRUE)
        else:
            row["bias"] = row["log_estimate"] - row["true_value"]
    return dict(zip(numbers, safe, strict=True))


def steps_table(rows: Mapping[int, Row], path: Sequence[int], elements: Sequence[str], min_cell_count: int) -> pa.Table:
    """Protected rows as `bridge_steps`: those of the path in its order, then the others by elements taken from B.

    `path` holds the mixtures from A to B, `elements` the element switched at each of its steps.
    """
    beside = sorted(rows.keys() - set(path), key=lambda number: (number.bit_count(), number))
    made = [dict(rows[number]) for number in (*path, *beside)]
    for i, row in enumerate(made):
        row["position"] = i + 1
        if i < len(path):
            row |= {"path_position": i, "element": elements[i - 1] if i else None}
    for before, row in pairwise(made[: len(path)]):
        for name, change in CHANGES.items():
            values = before[name], row[name]
            row[change] = None if None in values else values[1] - values[0]
    ends = made[0], made[len(path) - 1]
    _hide_close_counts([*ends, *made[1 : len(path) - 1], *made[len(path) :]], min_cell_count)  # the ends first
    return pa.Table.from_pylist(made, schema=schema_of(NAME).arrow)


def _hide_close_counts(rows: Iterable[Row], min_cell_count: int) -> None:
    """Hide the counts of a row where one, or what follows from them, differs by few persons from a row above.

    Mixtures are studies of nearly the same persons: the difference of two counts would be a small count.
    """
    seen: dict[str, set[int]] = {}
    for row in rows:
        numbers = dict(_numbers(row))
        if any(_is_close(value, seen.get(name, set()), min_cell_count) for name, value in numbers.items()):
            row |= dict.fromkeys(COUNTS) | {name + FLAG: True for name in COUNTS if row[name] is not None}
        else:
            for name, value in numbers.items():
                seen.setdefault(name, set()).add(value)


def _is_close(value: int, others: set[int], min_cell_count: int) -> bool:
    return any(value + by in others or value - by in others for by in range(1, min_cell_count))


def _numbers(row: Row) -> Iterator[tuple[str, int]]:
    """Every number of persons that a row tells: its counts, and their sums and differences."""
    persons, cases, exposed_cases, exposed_others = (row[name] for name in COUNTS)
    derived = {
        "n_persons": (persons, 0),
        "n_cases": (cases, 0),
        "n_exposed_cases": (exposed_cases, 0),
        "n_exposed_controls": (exposed_others, 0),
        "n_non_cases": (persons, cases),
        "n_unexposed_cases": (cases, exposed_cases),
    }
    for name, (total, part) in derived.items():
        if total is not None and part is not None:
            yield name, total - part
    if exposed_cases is not None and exposed_others is not None:
        yield "n_exposed", exposed_cases + exposed_others
        if persons is not None:
            yield "n_unexposed", persons - exposed_cases - exposed_others
        if persons is not None and cases is not None:
            yield "n_unexposed_controls", persons - cases - exposed_others
