"""Dose-response that rests on few persons: which groups are withheld, and with them which tests and curves."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from equipoise.errors import Reason
from equipoise.results.dose_tables import DOSE_KEYS

Row = dict[str, Any]
RATIO = ("estimate", "conf_low", "conf_high", "p_value", "log_estimate", "std_error")
COUNTS = ("n_cases", "n_controls")
NONE = "none"


def few_dose_groups(rows: Sequence[Row], k: int) -> list[bool]:
    """Before counts are hidden: whether a group, or nothing as its reference, holds 1 to k - 1 cases or controls."""
    reference = {_key(row): _is_few(row, k) for row in rows if row["dose_group"] == NONE}
    return [_is_few(row, k) or reference.get(_key(row), False) for row in rows]


def withhold_doses(rows: Mapping[str, list[Row]], few: Sequence[bool]) -> None:
    """Withhold estimates of groups that are few or hidden; tests and curves unless a group of users is large enough.

    A test over several groups tells of none of them by itself, so one that is shown is enough.
    """
    shown: dict[tuple[Any, ...], int] = defaultdict(int)
    for row, small in zip(rows.get("dose_groups", []), few, strict=True):
        hidden = small or any(row[f"{name}_suppressed"] for name in COUNTS)
        if hidden:
            _withhold(row)
        elif row["dose_group"] != NONE and row["n_cases"] and row["n_controls"]:
            shown[_key(row)] += 1
    for row in rows.get("dose_tests", []):
        if not shown[_key(row)]:
            _withhold(row)
            row["statistic"] = None
    curves = rows.get("dose_curves", [])
    curves[:] = [row for row in curves if shown[_key(row)]]


def _withhold(row: Row) -> None:
    row |= dict.fromkeys(RATIO)
    row["reason"] = row["reason"] or Reason.SMALL_CELLS.value


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in DOSE_KEYS)


def _is_few(row: Row, k: int) -> bool:
    return any(row[name] is not None and 1 <= row[name] < k for name in COUNTS)
