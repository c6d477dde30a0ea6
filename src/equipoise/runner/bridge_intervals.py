"""Percentile intervals of the changes on a path and of contributions, from mixtures with persons drawn again."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from equipoise.runner.bridge_paths import Shares

Row = dict[str, Any]
FEWEST = 20  # replicates from which an interval is told


class Intervals:
    """What replicates say of a bridge. `drawn` holds the log hazard ratios of each mixture, replicate by replicate.

    In each replicate contributions are averaged over the orders in which every mixture has an estimate in it, too.
    """

    def __init__(
        self,
        drawn: Mapping[int, np.ndarray],
        path: Sequence[int],
        shares: Callable[[Mapping[int, float]], Shares],
        conf_level: float,
    ):
        self._drawn, self._path, self._conf_level = drawn, path, conf_level
        size = len(next(iter(drawn.values()))) if drawn else 0
        found = [shares(self._values(replicate)) for replicate in range(size)]
        self._shares = [item for item in found if item.of]

    def _values(self, replicate: int) -> dict[int, float]:
        values = {number: float(found[replicate]) for number, found in self._drawn.items()}
        return {number: value for number, value in values.items() if np.isfinite(value)}

    def of(self, element: int) -> Row:
        """Columns of `bridge_contributions`; none without replicates."""
        if not self._drawn:
            return {}
        found = np.array([shares.of[element].mean for shares in self._shares])
        low, high = self._limits(found)
        return {"conf_low": low, "conf_high": high, "n_replicates": len(found)}

    def with_changes(self, rows: Mapping[int, Row]) -> dict[int, Row]:
        """Rows of `bridge_steps` by mixture, those of the path with the interval of their change."""
        made = dict(rows)
        for before, number in pairwise(self._path):
            if before in self._drawn and number in self._drawn:
                changes = self._drawn[number] - self._drawn[before]
                low, high = self._limits(changes[np.isfinite(changes)])
                made[number] = {**made[number], "change_low": low, "change_high": high}
        return made

    def _limits(self, found: np.ndarray) -> tuple[float | None, float | None]:
        if len(found) < FEWEST:
            return None, None
        tail = (1.0 - self._conf_level) / 2.0
        low, high = np.quantile(found, [tail, 1.0 - tail])
        return float(low), float(high)
