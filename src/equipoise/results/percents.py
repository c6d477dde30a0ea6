"""Percents of Table 1 whose denominator is hidden: a count shown beside its percent would tell it."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]
TABLES = {
    "characteristics": (("analysis", "comparison"), ("cases", "controls")),
    "characteristics_by_arm": (("analysis", "comparison", "exposure"), ("target", "reference")),
}


def withhold_percents(rows: Mapping[str, list[Row]]) -> None:
    """Take percents away, once counts are hidden, from groups whose number of persons no characteristic shows.

    Where one characteristic shows every level, their sum is the denominator of all of them, and a percent tells
    nothing new. Otherwise a hidden level would follow: the count of a level shown, divided by its percent, is the
    number of persons, and the levels shown leave the hidden ones.
    """
    for table, (group, sides) in TABLES.items():
        together: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in rows.get(table, []):
            if row["statistic"] == "count":
                together[tuple(row[name] for name in group)].append(row)
        for members in together.values():
            for side in sides:
                _of_group(members, side)


def _of_group(members: list[Row], side: str) -> None:
    hidden = {row["variable"] for row in members if row[f"n_{side}_suppressed"]}
    if hidden >= {row["variable"] for row in members}:
        for row in members:
            row[f"value_{side}"] = None
