"""Progression up to time zero, and clinical stages: at time zero, and the time from there to each."""

from collections.abc import Iterator

import numpy as np

from equipoise.estimators.als_function import ALSFRS_R_ITEMS, kings_stage, mitos_stage, progression_rate
from equipoise.estimators.survival_curve import fit_survival_curve
from equipoise.runner.function_rows import (
    MONTH,
    REFERENCE,
    TARGET,
    TOTAL,
    Compared,
    Row,
    difference_numbers,
    mean_numbers,
)
from equipoise.runner.layers import CRUDE

ARMS = (("target", TARGET), ("reference", REFERENCE))
HIGHEST = 4
UNKNOWN = "not known"
RATE = "points lost a month since the first symptom"


def progression_rows(compared: Compared) -> Iterator[Row]:
    """Mean points lost a month from the first symptom to the score that stands for time zero, and their difference."""
    score = compared.measured.column(TOTAL)
    at, known = compared.at_time_zero(score)
    day = np.where(known, compared.measured.day[at] if len(score) else 0, np.nan)
    months = (day - compared.measured.marks["onset"]) / MONTH
    has = known & (months > 0.0)
    rate = np.full(len(known), np.nan)
    if has.any():
        rate[has] = progression_rate({"total": score[at[has]], "months": months[has]}, months="months", total="total")
    counts = compared.counts(has, n_scores=int(has.sum()))
    groups = {code: rate[has & (compared.arm == code)] for _, code in ARMS}
    for _, code in ARMS:
        row = compared.row("progression_rate", CRUDE, RATE, **compared.of_arm(code), time_point_days=0)
        yield row | counts | mean_numbers(groups[code], compared.conf_level)
    row = compared.row("progression_rate_difference", CRUDE, RATE, time_point_days=0)
    yield row | counts | difference_numbers(groups[TARGET], groups[REFERENCE], compared.conf_level)


def stage_rows(compared: Compared) -> Iterator[Row]:
    """Both scales in both arms, the highest stage first."""
    items = np.column_stack([compared.measured.column(f"item {at}") for at in range(1, len(ALSFRS_R_ITEMS) + 1)])
    known = ~np.isnan(items).any(axis=1)
    stages = {name: np.full(len(known), -1) for name in ("kings", "mitos")}
    if known.any():
        data = dict(zip(ALSFRS_R_ITEMS, items[known].T, strict=True)) | _failed(compared, known)
        stages["kings"][known] = kings_stage(data, gastrostomy="gastrostomy", ventilation="ventilation")
        stages["mitos"][known] = mitos_stage(data)
    at, _ = compared.at_time_zero(items)
    for arm, code in ARMS:
        mine = np.flatnonzero(compared.arm == code)
        for scale, stage in stages.items():
            for row in _of_scale(compared, stage, at, mine):
                yield {"arm": arm, "scale": scale} | row


def _failed(compared: Compared, known: np.ndarray) -> dict[str, np.ndarray]:
    """Whether a gastrostomy and ventilation had come by each visit."""
    person, day = compared.measured.person[known], compared.measured.day[known]
    nobody = np.full(len(compared.people), np.nan)
    marks = {name: compared.measured.marks.get(name, nobody)[person] for name in ("gastrostomy", "ventilation")}
    return {name: (mark <= day).astype(np.int64) for name, mark in marks.items()}


def _of_scale(compared: Compared, stage: np.ndarray, at: np.ndarray, mine: np.ndarray) -> Iterator[Row]:
    first = np.where(at[mine] >= 0, stage[at[mine]] if len(stage) else -1, -1)
    left, everyone = len(mine), len(mine)
    for position, level in enumerate((-1, *range(HIGHEST, -1, -1)), start=1):
        here = int((first == level).sum())
        row: Row = {"position": position, "stage": UNKNOWN if level < 0 else str(level)}
        row |= {"n_at_most": left, "n_persons": here, "n_below": left - here}
        left -= here
        times = _median_time(compared, stage, mine[(first >= 0) & (first < level)], level) if level > 0 else {}
        yield row | {"percent": 100.0 * here / everyone if everyone else None} | times


def _median_time(compared: Compared, stage: np.ndarray, below: np.ndarray, level: int) -> Row:
    """Median time to a visit at `level` or a higher stage, or the outcome, of the persons `below` it at time zero.

    Who has neither is censored at the last visit with a stage: what came after it nobody saw.
    """
    if not len(below):
        return {}
    measured, n = compared.measured, len(compared.people)
    reached, seen = np.full(n, np.inf), np.ones(n)
    known = stage >= 0
    np.maximum.at(seen, measured.person[known], measured.day[known])
    np.minimum.at(reached, measured.person[stage >= level], measured.day[stage >= level])
    ended = np.where(compared.people.event > 0, compared.people.stop, np.inf)
    first = np.minimum(reached, ended)
    event = np.isfinite(first)
    time = np.maximum(np.where(event, first, seen), 1.0)
    rows = {"time": time[below], "event": event[below].astype(np.int64)}
    curve = fit_survival_curve(rows, time="time", event="event", conf_level=compared.conf_level)
    found = curve.quantiles(0.5).to_dict("records")[0]
    names = (("median_days", "estimate"), ("conf_low", "conf_low"), ("conf_high", "conf_high"))
    return {ours: float(found[theirs]) if np.isfinite(found[theirs]) else None for ours, theirs in names}
