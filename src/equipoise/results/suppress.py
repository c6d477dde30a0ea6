"""Small cells end here: counts of 1 to k-1 become null with a flag, and so does whatever would give them away."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from equipoise.errors import EquipoiseError, Fault, Reason
from equipoise.results.attrition import hide_chain
from equipoise.results.network import Cell, build_network
from equipoise.results.protect import hide
from equipoise.results.schema import Chain, ColumnSchema, TableSchema
from equipoise.results.tables import ESTIMATE_COUNTS, schema_of

Row = dict[str, Any]
WITHHELD = ("estimate", "conf_low", "conf_high", "p_value", "log_estimate", "std_error")


def suppress(tables: Mapping[str, pa.Table], min_cell_count: int) -> dict[str, pa.Table]:
    """The tables with every count of 1 to `min_cell_count` - 1 null and flagged; 0 is shown.

    Give all tables of a run at once: the same number stands in several of them, and sums run across them. What follows:

    - counts that would give a hidden one away by subtraction (links declared in `equipoise.results.tables`);
    - percents, means and differences from which a hidden count could be worked out;
    - in attrition, the numbers inside a block of rules that together removed few persons;
    - estimates whose exposed or unexposed cases or controls are few or hidden: reason `SMALL_CELLS`, unless another
      reason is given already.

    A threshold of 0 or 1 hides nothing. Applying it twice changes nothing more.
    """
    if min_cell_count <= 1:
        return dict(tables)
    rows = {name: table.to_pylist() for name, table in tables.items()}
    network = build_network(tables)
    hidden = {cell for number in hide(network, min_cell_count) for cell in network.cells[number]}
    if "estimates" in rows:
        few = _few_contrasted(rows, min_cell_count)
    hidden = {cell for cell in hidden if not _in_chain(cell[0])} | _hidden_in_chains(rows, hidden, min_cell_count)
    for name, content in rows.items():
        schema = schema_of(name)
        _blank_counts(schema, content, hidden)
        _blank_derived(schema, content, min_cell_count)
    if "estimates" in rows:
        _withhold(rows["estimates"], few)
    return {name: pa.Table.from_pylist(content, schema=schema_of(name).arrow) for name, content in rows.items()}


def _in_chain(table: str) -> bool:
    return any(isinstance(link, Chain) for link in schema_of(table).links)


def _hidden_in_chains(rows: Mapping[str, list[Row]], hidden: set[Cell], k: int) -> set[Cell]:
    """Cells of attrition to hide. A last count that is hidden as a number of other tables is hidden here too."""
    found: set[Cell] = set()
    for name, content in rows.items():
        for link in schema_of(name).links:
            if isinstance(link, Chain):
                for members in _chains(link, content):
                    secret = (name, members[-1], link.staying) in hidden
                    found |= _hidden_in_chain(name, link, content, members, secret, k)
    return found


def _chains(link: Chain, content: list[Row]) -> list[list[int]]:
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for i, row in enumerate(content):
        groups[tuple(row[column] for column in link.by)].append(i)
    return [sorted(members, key=lambda i: content[i][link.position]) for members in groups.values()]


def _hidden_in_chain(name: str, link: Chain, content: list[Row], members: list[int], secret: bool, k: int) -> set[Cell]:
    rows = [content[i] for i in members]
    if any(row[column] is None for row in rows for column in (link.entering, link.leaving, link.staying)):
        return set()
    remaining = [rows[0][link.entering], *(row[link.staying] for row in rows)]
    for before, row, after in zip(remaining, rows, remaining[1:], strict=False):
        if row[link.entering] != before or before - row[link.leaving] != after:
            where = f"table {name}, rule {row[link.position]}"
            raise EquipoiseError(Fault(where, "counts that do not follow from the rule before", "a chain of rules"))
    chain = hide_chain(remaining, k, last_is_secret=secret)
    found = set()
    for step, i in enumerate(members):
        found |= {(name, i, link.entering)} if chain.remaining[step] else set()
        found |= {(name, i, link.leaving)} if chain.excluded[step] else set()
        found |= {(name, i, link.staying)} if chain.remaining[step + 1] else set()
    return found


def _blank_counts(schema: TableSchema, content: list[Row], hidden: set[Cell]) -> None:
    for column in schema.columns:
        if column.count:
            for i, row in enumerate(content):
                if (schema.name, i, column.name) in hidden:
                    row[column.name], row[column.flag] = None, True


def _blank_derived(schema: TableSchema, content: list[Row], k: int) -> None:
    for column in schema.columns:
        for row in _touched(schema, column, content):
            row[column.name] = None
        if column.size:
            for row in content:
                if row[column.name] is not None and 0 < row[column.name] < k:
                    row[column.name] = None


def _touched(schema: TableSchema, column: ColumnSchema, content: list[Row]) -> list[Row]:
    """Rows in which a number must go, for a count that it is made of is hidden."""
    flags = [schema.column(name).flag for name in column.derived_from]
    touched = [row for row in content if any(row[flag] for flag in flags)]
    if column.derived_over:
        groups = {tuple(row[name] for name in column.derived_over) for row in touched}
        touched = [row for row in content if tuple(row[name] for name in column.derived_over) in groups]
    return touched


def _few_contrasted(rows: Mapping[str, list[Row]], k: int) -> list[bool]:
    """By row of `estimates`: whether an exposed, unexposed or reference group of cases or controls is small."""
    use = ("analysis", "comparison", "exposure", "window", "reading")
    at_level = {
        (*(row[name] for name in use), row["level"]): (row["n_exposed_cases"], row["n_exposed_controls"])
        for row in rows.get("exposure", [])
    }
    few = []
    for row in rows["estimates"]:
        reference = at_level.get((*(row[name] for name in use), row["reference_level"]), ())
        cells = [row["n_exposed_cases"], row["n_exposed_controls"], *_unexposed(row), *reference]
        few.append(any(cell is not None and 1 <= cell < k for cell in cells))
    return few


def _unexposed(row: Row) -> list[int]:
    cases, exposed_cases, exposed_controls = row["n_cases"], row["n_exposed_cases"], row["n_exposed_controls"]
    unexposed = [] if None in (cases, exposed_cases) else [cases - exposed_cases]
    if None not in (row["n_persons"], cases, exposed_controls):
        unexposed.append(row["n_persons"] - cases - exposed_controls)
    return unexposed


def _withhold(estimates: list[Row], few: list[bool]) -> None:
    for row, small in zip(estimates, few, strict=True):
        if small or any(row[f"{name}_suppressed"] for name in ESTIMATE_COUNTS):
            row |= dict.fromkeys(WITHHELD)
            row["reason"] = row["reason"] or Reason.SMALL_CELLS.value
