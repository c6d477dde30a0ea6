"""What a closed gate hides: every outcome by arm of a comparison, before anything is written."""

from collections.abc import Mapping, Set
from typing import Any

import pyarrow as pa

from equipoise.errors import Reason
from equipoise.results.tables import schema_of
from equipoise.spec.gate import Purpose

Row = dict[str, Any]
Comparison = tuple[str, str]  # analysis, exposure; of a target trial its strategy
# What may stand in a sealed row: what was planned, and how many persons there are in each arm at time zero.
OPEN_COLUMNS = {
    "follow_up": ("n_persons",),
    "estimates": ("time_point_days",),
    "score_response": ("position", "score_from", "score_below"),
    "function": ("time_point_days",),
    "stages": ("position", "n_persons", "percent"),
    "trial_strategies": ("n_trials",),
    "trial_follow_up": ("position", "time_days"),
}
OPEN = ("passed", "reported")
# Their very rows say when follow-up ended, or where the estimate lies.
DROPPED = (
    "trial_curves",
    "curves",
    "adjusted_curves",
    "trajectories",
    "hazard_checks",
    "likelihood_profiles",
    "heterogeneity",
)


def closed_comparisons(diagnostics: pa.Table) -> dict[Comparison, list[str]]:
    """Comparisons with a diagnostic that did not pass, and which these are; one that is only reported decides nothing.

    The names of those not evaluated say so.
    """
    closed: dict[Comparison, list[str]] = {}
    for row in diagnostics.to_pylist():
        if row["status"] not in OPEN:
            name = row["diagnostic"] + (" (not evaluated)" if row["status"] == "not_evaluated" else "")
            closed.setdefault(_key(row), []).append(name)
    return closed


def never_judged(tables: Mapping[str, pa.Table]) -> dict[Comparison, list[str]]:
    """Comparisons with outcomes by arm and without any diagnostic: the step that was to judge them failed."""
    judged = {_key(row) for row in tables["diagnostics"].to_pylist()}
    found = {_key(row) for name in (*OPEN_COLUMNS, *DROPPED) for row in tables[name].to_pylist()}
    return {comparison: ["every diagnostic (not evaluated)"] for comparison in found - judged}


def sealed(
    tables: Mapping[str, pa.Table], purpose: Purpose, unseal: str | None, *, gated: bool = True
) -> dict[str, pa.Table]:
    """The tables without what closed gates hide. Rows of estimates stay, with reason SEALED.

    A replication and a comparison of designs are shown, and so is a run with a reason to unseal; their failed
    diagnostics stand in the table `diagnostics` either way. A comparison that was never judged, because its analysis
    failed, is closed; what compares a strategy of a target trial with a closed one is, too. Apply it after suppression:
    it only takes away. Nothing is sealed in a study that is not `gated`.
    """
    if not gated:
        return dict(tables)
    closed = closed_comparisons(tables["diagnostics"]) | never_judged(tables)
    trials = {row["analysis"] for row in tables["trial_strategies"].to_pylist()}
    made = dict(tables)
    if not closed or purpose != "estimation" or unseal is not None:
        return made
    for name in (*OPEN_COLUMNS, *DROPPED):
        content = made[name].to_pylist()
        rows = [row for row in content if name not in DROPPED or not _closed_by(row, closed, trials)]
        for row in rows:
            if why := _closed_by(row, closed, trials):
                _empty(name, row)
                if name in ("function", "score_response"):
                    row["reason"] = str(Reason.SEALED)
                if name == "estimates":
                    row["reason"] = str(Reason.SEALED)
                    row["failed_diagnostics"] = "; ".join(why)
        made[name] = pa.Table.from_pylist(rows, schema=schema_of(name).arrow)
    return made


def _key(row: Row) -> Comparison:
    return row["analysis"], row["exposure"] if "exposure" in row else row["strategy"]


def _closed_by(row: Row, closed: Mapping[Comparison, list[str]], trials: Set[str]) -> list[str]:
    """Diagnostics that close a row, none where it stands open: of a target trial, those of either strategy."""
    own = closed.get(_key(row), [])
    if row["analysis"] not in trials or "comparison" not in row:
        return own
    other = closed.get((row["analysis"], row["comparison"]), [])
    named = [f"{row['comparison']}: {name}" for name in other]
    return [*(f"{row['exposure']}: {name}" for name in own), *named] if named else own


def _empty(name: str, row: Row) -> None:
    """Every number of a row but the open ones becomes null, and nothing says which of them was small."""
    for column in schema_of(name).columns:
        if column.type in ("int", "float") and column.name not in OPEN_COLUMNS[name]:
            row[column.name] = None
            if column.count:
                row[column.flag] = False
