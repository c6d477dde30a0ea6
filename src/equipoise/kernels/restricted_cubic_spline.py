"""Restricted (natural) cubic spline: cubic between its knots, a straight line beyond the first and the last.

Purpose: columns whose linear combinations are all such functions with value 0 at 0, the first column x itself.
Order: knots ascend strictly; x in any order.
Scale: the other columns are divided by the square of the distance of the outer knots, so all are in the units of x.
Cost: one pass over x for each column.
Paper: Stone & Koo, Additive splines in statistics, ASA Proceedings 1985; Harrell, Regression Modeling Strategies,
2015, section 2.4.5.
"""

import numpy as np

from equipoise.errors import DesignError, Fault

FEWEST_KNOTS = 3
# Percentiles at which Harrell (2015, table 2.3) places so many knots.
PERCENTILES = {3: (10.0, 50.0, 90.0), 4: (5.0, 35.0, 65.0, 95.0), 5: (5.0, 27.5, 50.0, 72.5, 95.0)}


def restricted_cubic_spline(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Columns of the spline: float64 (n, k - 1) for k knots, 3 or more that ascend (else `DesignError`).

    >>> restricted_cubic_spline(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 1.0, 2.0])).tolist()
    [[0.0, 0.0], [1.0, 0.25], [2.0, 1.5], [4.0, 4.5]]
    """
    knots = np.asarray(knots, dtype=np.float64)
    if len(knots) < FEWEST_KNOTS or not (np.diff(knots) > 0).all():
        raise DesignError(Fault("knots", f"{len(knots)} knots", f"{FEWEST_KNOTS} or more that ascend"))
    x = np.asarray(x, dtype=np.float64)
    *inner, before_last, last = knots
    curved = [
        _cube(x - t)
        - _cube(x - before_last) * (last - t) / (last - before_last)
        + _cube(x - last) * (before_last - t) / (last - before_last)
        for t in inner
    ]
    return np.column_stack([x, *(part / (last - knots[0]) ** 2 for part in curved)])


def _cube(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0) ** 3
