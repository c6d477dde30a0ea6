"""What adjustment by a propensity score did: persons kept, overlap of the arms, balance before and after."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.runner.layers import Layer, Propensity

Row = dict[str, Any]
ARMS = (("target", 1), ("reference", 0))


def adjustment_row(people: AnalysisSet, layer: Layer, propensity: Propensity) -> Row:
    """The adjustment in one row."""
    before, after = propensity.balance.before, propensity.balance.after
    row: Row = {}
    for arm, code in (("target", 1), ("reference", 0)):
        assert people.arm is not None
        assert layer.rows.arm is not None
        assert propensity.rows.arm is not None
        arms = (people.arm, propensity.rows.arm, layer.rows.arm)
        n, scored, kept = (int(np.count_nonzero(values == code)) for values in arms)
        row |= {f"n_{arm}": n, f"n_{arm}_kept": kept, f"n_{arm}_left_out": n - kept}
        row |= {f"n_{arm}_trimmed": n - scored, f"n_{arm}_unpaired": scored - kept}
    return row | {
        "auc": propensity.auc,
        "equipoise": propensity.equipoise,
        "largest_before": _largest(before.smd),
        "largest_after": _largest(after.smd) if after is not None else None,
        "findings": "; ".join(propensity.findings) or None,
    }


def balance_rows(propensity: Propensity) -> Iterator[Row]:
    """One row a covariate: its standardized differences, and for an indicator how many persons have it."""
    frame = propensity.balance.tidy()
    assert propensity.rows.arm is not None
    members = {arm: np.where(propensity.rows.arm == code, 1.0, 0.0) for arm, code in ARMS}
    sizes = {arm: int(mine.sum()) for arm, mine in members.items()}
    sums = {arm: np.asarray(mine @ propensity.x).ravel() for arm, mine in members.items()}
    score = len(frame) - len(propensity.names)  # the score comes before the covariates
    for position, found in enumerate(frame.to_dict("records"), start=1):
        row: Row = {"position": position, "covariate": found["term"]}
        if found["binary"] and position > score:
            for arm, _ in ARMS:
                n = round(float(sums[arm][position - score - 1]))
                row |= {f"n_{arm}_with": n, f"n_{arm}_without": sizes[arm] - n}
        for when in ("before", "after"):
            row |= {f"smd_{when}": found[f"smd_{when}"], f"variance_ratio_{when}": found[f"variance_ratio_{when}"]}
        yield row


def _largest(smd: np.ndarray) -> float | None:
    known = np.abs(smd[np.isfinite(smd)])
    return float(known.max()) if len(known) else None
