"""What figures of an adjustment are drawn from: curves of the adjusted arms, and how scores are spread in each."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from equipoise.results.follow_up_tables import ARMS
from equipoise.runner.describe_arms import CODES, interval, interval_ends
from equipoise.runner.layers import Layer, Propensity
from equipoise.runner.risks import risks_at

Row = dict[str, Any]
GROUPS = {1000: 40, 200: 20, 0: 10}  # of scores, by the least number of persons in the smaller arm


def adjusted_curve_rows(layer: Layer, last: int | None) -> Iterator[Row]:
    """The adjusted risk of each arm at the ends of equal intervals, with the persons behind it, unweighted."""
    rows = layer.rows
    if layer.curve is None or layer.reason is not None or rows.arm is None:
        return
    days = last or (int(rows.stop.max()) if len(rows) else 0)
    curve = layer.curve()
    for arm in ARMS:
        mine = rows.where(rows.arm == CODES[arm])
        times = interval_ends(days, int((mine.stop < days).sum()))
        risks = risks_at(curve, times)[CODES[arm]]
        after, at_risk = int(mine.start.max()), len(mine)
        for position, (time, risk) in enumerate(zip(times, risks, strict=True), start=1):
            row = interval(mine, after, time, at_risk)
            after, at_risk = time, row["n_remaining"]
            limits = {"risk": risk.estimate, "conf_low": risk.conf_low, "conf_high": risk.conf_high}
            yield {"arm": arm, "position": position, "time_days": time} | row | limits


def score_rows(propensity: Propensity) -> Iterator[Row]:
    """How many persons of each arm have a preference, and a propensity, score in each group of equal width."""
    arm = propensity.rows.arm
    assert arm is not None
    smaller = min(int((arm == code).sum()) for code in CODES.values())
    number = next(groups for least, groups in GROUPS.items() if smaller >= least)
    edges = np.linspace(0.0, 1.0, number + 1).round(10)
    for scale, values in (("preference", propensity.preference), ("propensity", propensity.score)):
        group = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, number - 1)
        counts = {name: np.bincount(group[arm == code], minlength=number) for name, code in CODES.items()}
        for i in range(number):
            found = {f"n_{name}": int(count[i]) for name, count in counts.items()}
            yield {"scale": scale, "position": i + 1, "score_from": edges[i], "score_below": edges[i + 1]} | found


def characteristic_rows(layer: Layer, propensity: Propensity) -> Iterator[Row]:
    """Means, or shares, of every declared covariate in both arms before and after, with the persons behind shares."""
    rows, left = propensity.rows, layer.rows.person
    declared = {column.name for column in rows.columns if column.role == "covariate"}
    kept = np.isin(rows.person, left)
    records = [found for found in propensity.balance.tidy().to_dict("records") if found["term"] in declared]
    for position, found in enumerate(records, start=1):
        row: Row = {"position": position, "covariate": found["term"], "kind": "share" if found["binary"] else "mean"}
        if found["binary"]:
            row |= _counted(rows.column(found["term"]) == 1, rows.arm, kept)
        for when in ("before", "after"):
            row[f"smd_{when}"] = found[f"smd_{when}"]
            row |= {f"value_{arm}_{when}": found[f"mean_{arm}_{when}"] for arm in ARMS}
        yield row


def _counted(has: np.ndarray, arm: Any, kept: np.ndarray) -> Row:
    found: Row = {}
    for name, code in CODES.items():
        mine = arm == code
        for words, some in (("with", mine & has), ("without", mine & ~has)):
            found |= {f"n_{name}_{words}": int(some.sum()), f"n_{name}_{words}_kept": int((some & kept).sum())}
    return found
