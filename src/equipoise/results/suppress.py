"""Small cells end here: counts of 1 to k-1 become null with a flag, and so does whatever would give them away."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from equipoise.errors import Reason
from equipoise.results.attrition import hide_chain
from equipoise.results.few_families import families_given_away, few_families, stand_elsewhere, withhold_families
from equipoise.results.few_groups import few_dose_groups, few_of_indication, withhold_doses, withhold_groups
from equipoise.results.hazard_tables import NUMBERS as HAZARD_NUMBERS
from equipoise.results.left_out import (
    CONTROL_COUNTS,
    blank,
    blank_events,
    curve_events,
    given_away,
    given_away_by_controls,
    without_counts,
)
from equipoise.results.network import Cell, build_network, chains
from equipoise.results.percents import withhold_percents
from equipoise.results.protect import hide
from equipoise.results.schema import Chain, ColumnSchema, TableSchema
from equipoise.results.tables import OVERALL, schema_of

Row = dict[str, Any]
TESTED = ("analysis", "exposure", "window", "reading", "term")
OF_IMPUTATION = ("degrees_of_freedom", "fraction_missing")
WITHHELD = ("estimate", "conf_low", "conf_high", "p_value", "log_estimate", "std_error")


def suppress(tables: Mapping[str, pa.Table], min_cell_count: int) -> dict[str, pa.Table]:
    """The tables with every count of 1 to `min_cell_count` - 1 null and flagged; 0 is shown.

    Give all tables of a run at once: the same number stands in several of them, and sums run across them. What follows:

    - counts that would give a hidden one away by subtraction (links declared in `equipoise.results.tables`);
    - counts of complete cases that with those of everybody tell how few lack a covariate (`results.left_out`);
    - percents, means and differences from which a hidden count could be worked out;
    - in attrition, the numbers inside a block of rules that together removed few persons;
    - estimates whose exposed or unexposed cases or controls are few or hidden: reason `SMALL_CELLS`, unless another
      reason is given already; and tests that rest on such an estimate.

    A threshold of 0 or 1 hides nothing. Applying it twice changes nothing more.
    """
    if min_cell_count <= 1:
        return dict(tables)
    rows = {name: table.to_pylist() for name, table in tables.items()}
    network = build_network(tables)
    blocks = [network.number[cell] for cell in _inside_blocks(rows, min_cell_count)]
    hidden = {cell for number in hide(network, min_cell_count, blocks) for cell in network.cells[number]}
    k = min_cell_count
    few = _few_contrasted(rows, k)
    away = given_away(rows.get("estimates", []), k)
    hidden |= set(curve_events(rows, away, network, hidden))
    controls_away = given_away_by_controls(rows.get("negative_controls", []), k)
    before = [without_counts(row) for row in rows.get("estimates", [])]
    few_at_lags = [_is_few(row, k) for row in rows.get("lag_scan", [])]
    few_of_doses = few_dose_groups(rows.get("dose_groups", []), k)
    few_with_indication = few_of_indication(rows.get("indication", []), k)
    few_with_family = few_families(rows.get("within_between", []), k)
    families_away = families_given_away(rows, k)
    families_elsewhere = stand_elsewhere(rows, hidden)
    few_on_bridge = [_any_few(_of_arms(row), k) for row in rows.get("bridge_steps", [])]
    for name, content in rows.items():
        schema = schema_of(name)
        _blank_resting_on_few(schema, content, k)
        _blank_counts(schema, content, hidden)
        _blank_derived(schema, content, min_cell_count)
    withhold_percents(rows)
    _withhold(rows.get("estimates", []), few, before)
    blank(rows.get("estimates", []), away)
    blank_events(rows.get("diagnostics", []), rows.get("estimates", []), away)
    blank(rows.get("negative_controls", []), controls_away, CONTROL_COUNTS)
    _withhold(rows.get("lag_scan", []), few_at_lags)
    withhold_doses(rows, few_of_doses)
    withhold_groups(rows.get("indication", []), few_with_indication)
    withhold_families(rows, few_with_family, families_away, families_elsewhere)
    _withhold(rows.get("bridge_steps", []), few_on_bridge)
    _withhold_tests(rows.get("heterogeneity", []), rows.get("estimates", []))
    _withhold_checks(rows.get("hazard_checks", []), rows.get("estimates", []))
    return {name: pa.Table.from_pylist(content, schema=schema_of(name).arrow) for name, content in rows.items()}


def _inside_blocks(rows: Mapping[str, list[Row]], k: int) -> Iterator[Cell]:
    """Cells of attrition to hide, so that rules are shown only in blocks that removed nobody or enough persons."""
    for name, content in rows.items():
        for link in schema_of(name).links:
            if isinstance(link, Chain):
                for members in chains(name, link, content):
                    yield from _inside_blocks_of(name, link, content, members, k)


def _inside_blocks_of(name: str, link: Chain, content: list[Row], members: list[int], k: int) -> Iterator[Cell]:
    start = content[members[0]][link.entering]
    hidden = hide_chain([start, *(content[i][link.staying] for i in members)], k)
    for step, i in enumerate(members):
        flags = (hidden.remaining[step], hidden.excluded[step], hidden.remaining[step + 1])
        for column, hide_it in zip((link.entering, link.leaving, link.staying), flags, strict=True):
            if hide_it:
                yield name, i, column


def _blank_resting_on_few(schema: TableSchema, content: list[Row], k: int) -> None:
    """Numbers that rest on few persons, told by the counts before any is hidden."""
    for column in schema.columns:
        for row in content if column.rests_on else ():
            if row[column.name] is not None and _any_few([row[name] for name in column.rests_on], k):
                row[column.name] = None
                if "reason" in row:
                    row["reason"] = row["reason"] or Reason.SMALL_CELLS.value


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
    for row in rows.get("estimates", []):
        reference = at_level.get((*(row[name] for name in use), row["reference_level"]), ())
        few.append(_any_few([*_of_arms(row), *reference], k))
    return few


def _of_arms(row: Row) -> list[int | None]:
    """Cases and others of the target level, and of the rest."""
    return [row["n_exposed_cases"], row["n_exposed_controls"], *_unexposed(row)]


def _is_few(row: Row, k: int) -> bool:
    """Whether a row of the lag scan rests on few persons on either side."""
    sides = [(row["n_exposed_cases"], row["n_cases"]), (row["n_exposed_controls"], row["n_controls"])]
    return _any_few([cell for exposed, total in sides for cell in _and_rest(exposed, total)], k)


def _and_rest(exposed: int | None, total: int | None) -> list[int | None]:
    return [exposed, None if None in (exposed, total) else total - exposed]  # type: ignore[operator]


def _any_few(cells: Iterable[int | None], k: int) -> bool:
    return any(cell is not None and 1 <= cell < k for cell in cells)


def _unexposed(row: Row) -> list[int]:
    cases, exposed_cases, exposed_controls = row["n_cases"], row["n_exposed_cases"], row["n_exposed_controls"]
    unexposed = [] if None in (cases, exposed_cases) else [cases - exposed_cases]
    if None not in (row["n_persons"], cases, exposed_controls):
        unexposed.append(row["n_persons"] - cases - exposed_controls)
    return unexposed


def _withhold_checks(checks: list[Row], estimates: list[Row]) -> None:
    """What was made of a hazard ratio that is not shown."""
    names = ("analysis", "comparison", "exposure", "adjustment")
    shown = {
        tuple(row[name] for name in names)
        for row in estimates
        if row["measure"] == "hazard_ratio" and row["subgroup"] == OVERALL and row["estimate"] is not None
    }
    for row in checks:
        if tuple(row[name] for name in names) not in shown:
            row |= dict.fromkeys(HAZARD_NUMBERS)


def _withhold_tests(tests: list[Row], estimates: list[Row]) -> None:
    """Tests of heterogeneity that rest on an estimate that is withheld: it could be worked out from the others."""
    small = {
        (*(row[name] for name in TESTED), comparison, across)
        for row in estimates
        if row["reason"] == Reason.SMALL_CELLS.value
        for comparison, across in ((row["comparison"], row["subgroup"]), ("every", "comparison"))
        if across != "comparison" or row["subgroup"] == OVERALL
    }
    for row in tests:
        if (*(row[name] for name in TESTED), row["comparison"], row["across"]) in small:
            row |= dict.fromkeys(("statistic", "p_value"))
            row["reason"] = row["reason"] or Reason.SMALL_CELLS.value


def _withhold(estimates: list[Row], few: list[bool], before: list[bool] | None = None) -> None:
    """`before` marks rows whose counts were hidden already, and whose estimate was shown without them."""
    for row, small, without in zip(estimates, few, before or [False] * len(few), strict=True):
        # Hidden totals say how many were left out elsewhere; the estimate rests on the exposed and the unexposed.
        hidden = row["n_exposed_cases_suppressed"] or row["n_exposed_controls_suppressed"]
        if small or (hidden and not without):
            row |= {name: None for name in (*WITHHELD, *OF_IMPUTATION) if name in row}
            row["reason"] = row["reason"] or Reason.SMALL_CELLS.value
