"""Function in amyotrophic lateral sclerosis from the items of the ALSFRS-R: totals, progression rate, clinical stages.

The revised scale has twelve items of 0 (no function) to 4 (normal), 48 in all: Cedarbaum et al., J Neurol Sci
1999;169:13. What is computed here is arithmetic on one visit a row; nothing is estimated.
"""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.errors import DesignError, Fault
from equipoise.estimators.survival_curve_rows import survival_table
from equipoise.estimators.table import Table, label

ALSFRS_R_ITEMS = (
    "speech", "salivation", "swallowing",
    "handwriting", "cutting food", "dressing and hygiene",
    "turning in bed", "walking", "climbing stairs",
    "dyspnoea", "orthopnoea", "respiratory insufficiency",
)  # fmt: skip
BEST_ITEM, BEST_TOTAL = 4, 48
DEAD = 5
(
    SPEECH, SALIVATION, SWALLOWING, HANDWRITING, CUTTING, DRESSING,
    _, WALKING, _, DYSPNOEA, _, INSUFFICIENCY,
) = range(12)  # fmt: skip


def alsfrs_r_total(data: Any, *, items: Sequence[str] = ALSFRS_R_ITEMS) -> np.ndarray:
    """The sum of the twelve items, 0 to 48: int64 (n,), one number a row.

    data    a pandas, Polars or Arrow frame or a mapping of names to arrays, one row a visit
    items   names of the twelve columns in the order of the scale (`ALSFRS_R_ITEMS`)

    Raises DesignError for columns that are absent or hold missing values, and for values that are not 0, 1, 2, 3, 4,
    with counts by column.

    Example:
        >>> from equipoise import ALSFRS_R_ITEMS, alsfrs_r_total
        >>> alsfrs_r_total({item: [4, 3] for item in ALSFRS_R_ITEMS})
        array([48, 36])
    """
    return _items(survival_table(data), items).sum(axis=1)


def progression_rate(
    data: Any, *, months: str, total: str | None = None, items: Sequence[str] = ALSFRS_R_ITEMS
) -> np.ndarray:
    """Points of the ALSFRS-R lost each month since onset, (48 - total) / months: float64 (n,).

    months  months from onset of symptoms to the visit. Where it is not positive the rate is not defined: nan
    total   the column of totals, 0 to 48; without it the sum of `items`

    Raises DesignError for columns that are absent or hold missing values, totals outside 0 to 48 and items other than
    0, 1, 2, 3, 4, with counts.

    Source: Kimura et al., Neurology 2006;66:265; Labra et al., J Neurol Neurosurg Psychiatry 2016;87:628.

    Example:
        >>> from equipoise import progression_rate
        >>> progression_rate({"total": [36, 40], "months": [12, 0]}, months="months", total="total")
        array([ 1., nan])
    """
    table = survival_table(data)
    points = _items(table, items).sum(axis=1) if total is None else _total(table, total)
    since = _numbers(table, months)
    return np.where(since > 0.0, (BEST_TOTAL - points) / np.where(since > 0.0, since, 1.0), np.nan)


def kings_stage(
    data: Any,
    *,
    items: Sequence[str] = ALSFRS_R_ITEMS,
    gastrostomy: str | None = None,
    ventilation: str | None = None,
    dead: str | None = None,
) -> np.ndarray:
    """King's clinical stage: int64 (n,), 1 to 4, 0 where no region is affected, 5 where dead.

    Regions affected: bulbar (speech, salivation or swallowing below 4), arms (handwriting or cutting food below 4),
    legs (walking below 4). Their number is the stage, unless nutrition or breathing has failed, which is stage 4:
    a gastrostomy; or dyspnoea 0, respiratory insufficiency below 4, or ventilation, non-invasive or invasive.

    gastrostomy, ventilation, dead   columns of 0 and 1 that hold at the visit. The total cannot tell a gastrostomy:
                without that column stage 4 is by breathing alone

    A patient whose only loss is in dressing, turning in bed, climbing stairs or orthopnoea has stage 0 by these rules;
    with the diagnosis made, symptoms have begun, and such rows are often counted as stage 1.

    Raises DesignError as `alsfrs_r_total` does.

    Source: Roche et al., Brain 2012;135:847; Balendra et al., Amyotroph Lateral Scler Frontotemporal Degener
    2014;15:279.

    Example:
        >>> from equipoise import ALSFRS_R_ITEMS, kings_stage
        >>> visits = {item: [4, 4, 4] for item in ALSFRS_R_ITEMS} | {"speech": [3, 3, 4], "walking": [4, 2, 4]}
        >>> kings_stage(visits | {"peg": [0, 0, 1]}, gastrostomy="peg")
        array([1, 2, 4])
    """
    table = survival_table(data)
    score = _items(table, items)
    affected = score < BEST_ITEM
    regions = (
        affected[:, [SPEECH, SALIVATION, SWALLOWING]].any(axis=1).astype(np.int64)
        + affected[:, [HANDWRITING, CUTTING]].any(axis=1)
        + affected[:, WALKING]
    )
    failed = (score[:, DYSPNOEA] == 0) | affected[:, INSUFFICIENCY]
    failed |= _is(table, gastrostomy) | _is(table, ventilation)
    return np.where(_is(table, dead), DEAD, np.where(failed, 4, regions))


def mitos_stage(data: Any, *, items: Sequence[str] = ALSFRS_R_ITEMS, dead: str | None = None) -> np.ndarray:
    """Milano-Torino stage: int64 (n,), the number of domains (0 to 4) in which independence is lost, 5 where dead.

    Movement: walking or dressing and hygiene at most 1. Swallowing: at most 1. Communication: speech and handwriting
    both at most 1. Breathing: dyspnoea at most 1, or respiratory insufficiency at most 2.

    Raises DesignError as `alsfrs_r_total` does.

    Source: Chiò et al., J Neurol Neurosurg Psychiatry 2015;86:38.

    Example:
        >>> from equipoise import ALSFRS_R_ITEMS, mitos_stage
        >>> visits = {item: [4, 4, 1] for item in ALSFRS_R_ITEMS} | {"walking": [4, 1, 0]}
        >>> mitos_stage(visits)
        array([0, 1, 4])
    """
    table = survival_table(data)
    score = _items(table, items)
    low = score <= 1
    lost = (
        (low[:, WALKING] | low[:, DRESSING]).astype(np.int64)
        + low[:, SWALLOWING]
        + (low[:, SPEECH] & low[:, HANDWRITING])
        + (low[:, DYSPNOEA] | (score[:, INSUFFICIENCY] <= 2))
    )
    return np.where(_is(table, dead), DEAD, lost)


def _items(table: Table, items: Sequence[str]) -> np.ndarray:
    """The twelve items, int64 (n, 12)."""
    names = list(items)
    if len(names) != len(ALSFRS_R_ITEMS) or len(set(names)) != len(names):
        raise DesignError(Fault("items", f"{len(set(names))} different names", "twelve, in the order of the scale"))
    table.require(names)
    columns = [_numbers(table, name) for name in names]
    faults = [
        Fault(f"item {label(name)}", f"{outside:,} values that are not 0, 1, 2, 3 or 4 in {len(table):,} rows")
        for name, values in zip(names, columns, strict=True)
        if (outside := int(np.count_nonzero(~np.isin(values, range(BEST_ITEM + 1)))))
    ]
    if faults:
        raise DesignError(faults)
    return np.column_stack(columns).astype(np.int64)


def _total(table: Table, name: str) -> np.ndarray:
    points = _numbers(table, name)
    outside = int(np.count_nonzero((points < 0.0) | (points > BEST_TOTAL)))
    if outside:
        raise DesignError(Fault(f"total {label(name)}", f"{outside:,} values outside 0 to {BEST_TOTAL}"))
    return points


def _numbers(table: Table, name: str) -> np.ndarray:
    table.require([name])
    if not (table.frame[name].dtype.is_numeric() or table.frame[name].dtype == nw.Boolean):
        raise DesignError(Fault(f"column {label(name)}", f"type {table.frame[name].dtype}", "numbers"))
    return table.numbers(name)


def _is(table: Table, name: str | None) -> np.ndarray:
    return np.zeros(len(table), np.bool_) if name is None else table.cases(name).astype(np.bool_)
