"""Groups that are compared with one reference and hold few persons: what is withheld, tests and curves of doses too."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from equipoise.errors import Reason
from equipoise.results.dose_tables import DOSE_KEYS
from equipoise.results.indication_tables import INDICATION_KEYS

Row = dict[str, Any]
RATIO = ("estimate", "conf_low", "conf_high", "p_value", "log_estimate", "std_error")
COUNTS = ("n_cases", "n_controls")
NONE, NEITHER = "none", "neither"


def few_groups(rows: Sequence[Row], k: int, keys: Sequence[str], column: str, reference: str) -> list[bool]:
    """Before counts are hidden: whether a group, or its reference, holds 1 to k - 1 cases or controls."""
    few = {_key(row, keys): _is_few(row, k) for row in rows if row[column] == reference}
    return [_is_few(row, k) or few.get(_key(row, keys), False) for row in rows]


def few_dose_groups(rows: Sequence[Row], k: int) -> list[bool]:
    """The same of groups of dose, compared with no dose."""
    return few_groups(rows, k, DOSE_KEYS, "dose_group", NONE)


def few_of_indication(rows: Sequence[Row], k: int) -> list[bool]:
    """The same of users with and without an indication, compared with neither."""
    return few_groups(rows, k, INDICATION_KEYS, "level", NEITHER)


def withhold_groups(rows: Sequence[Row], few: Sequence[bool]) -> None:
    """Withhold estimates of groups that are few or hidden, and the tests that stand beside them."""
    for row, small in zip(rows, few, strict=True):
        if small or _is_hidden(row):
            _withhold(row)
            row["p_difference"] = None


def withhold_doses(rows: Mapping[str, list[Row]], few: Sequence[bool]) -> None:
    """Withhold estimates of groups that are few or hidden; tests and curves unless a group of users is large enough.

    A test over several groups tells of none of them by itself, so one that is shown is enough.
    """
    shown: dict[tuple[Any, ...], int] = defaultdict(int)
    for row, small in zip(rows.get("dose_groups", []), few, strict=True):
        if small or _is_hidden(row):
            _withhold(row)
        elif row["dose_group"] != NONE and row["n_cases"] and row["n_controls"]:
            shown[_key(row, DOSE_KEYS)] += 1
    for row in rows.get("dose_tests", []):
        if not shown[_key(row, DOSE_KEYS)]:
            _withhold(row)
            row["statistic"] = None
    curves = rows.get("dose_curves", [])
    curves[:] = [row for row in curves if shown[_key(row, DOSE_KEYS)]]


def _withhold(row: Row) -> None:
    row |= dict.fromkeys(RATIO)
    row["reason"] = row["reason"] or Reason.SMALL_CELLS.value


def _key(row: Row, keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in keys)


def _is_hidden(row: Row) -> bool:
    return any(row[f"{name}_suppressed"] for name in COUNTS)


def _is_few(row: Row, k: int) -> bool:
    return any(row[name] is not None and 1 <= row[name] < k for name in COUNTS)
