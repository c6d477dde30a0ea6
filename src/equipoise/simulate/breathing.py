"""Weak breathing as care recognises it: nocturnal hypoventilation and chronic respiratory failure."""

import numpy as np

from equipoise.simulate.block import Disease, Records
from equipoise.simulate.care import day_in_month, sorted_records
from equipoise.simulate.course_draws import Draws
from equipoise.simulate.illness import NO_MONTH, Illness, first_month
from equipoise.simulate.spec_problems import Breathing

BREATHING = ("nocturnal hypoventilation", "chronic respiratory failure")
HYPOVENTILATION, FAILURE = range(2)


def draw_breathing(
    rules: Breathing, disease: Disease, illness: Illness, diagnosed: np.ndarray, last: np.ndarray, draws: Draws
) -> Records:
    """First day on which either is recognised in diagnosed patients, up to `last`; `what` indexes `BREATHING`.

    Vital capacity below a limit of the patient's own is recognised at a constant rate from the diagnosis of the disease
    on. Who begins non-invasive ventilation may have hypoventilation coded as its reason.
    """
    shift = rules.spread * draws.normal("breathing")
    months = [
        _recognised(illness, limit + shift, rules.recognised, draws.exponential("breathing recognised", kind))
        for kind, limit in enumerate((rules.hypoventilation, rules.failure))
    ]
    reason = draws.uniform("reason of ventilation") < rules.at_ventilation
    months[HYPOVENTILATION] = np.minimum(months[HYPOVENTILATION], np.where(reason, illness.niv, NO_MONTH))
    days = np.stack([day_in_month(disease, month) for month in months])
    what, row = np.nonzero(diagnosed & (days <= last))
    return sorted_records(disease.person[row], days[what, row], what, np.ones(len(row)))


def _recognised(illness: Illness, limit: np.ndarray, rate: float, waits: np.ndarray) -> np.ndarray:
    """Month in which capacity below each patient's limit is recognised: shape (n,), `NO_MONTH` where never."""
    begins = first_month(illness.capacity < limit[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        month = np.maximum(begins, illness.diagnosis) + np.floor(waits / rate)
    return np.where((begins == NO_MONTH) | ~(month < illness.months), NO_MONTH, month).astype(np.int32)
