"""Function and survival ranked together at one day: combined assessment (CAFS) and win ratio."""

from collections.abc import Iterator
from math import log
from typing import Any

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.cafs import fit_cafs
from equipoise.estimators.win_ratio import fit_win_ratio
from equipoise.runner.function_rows import REFERENCE, TARGET, TOTAL, Compared, Row
from equipoise.runner.layers import CRUDE

CAFS = "combined assessment of function and survival"
WINS = "prioritised pairwise comparison: the outcome first, change in score second"
TERMS = {"win ratio": "win_ratio", "win odds": "win_odds", "net benefit": "net_benefit"}


def rank_rows(compared: Compared) -> Iterator[Row]:
    """Mean ranks and their difference, win ratio, win odds and net benefit at the day asked for; all of them crude."""
    data = ranked(compared)
    scored = int(np.count_nonzero(~np.isnan(data["change"])))
    everyone = np.ones(len(compared.people), dtype=bool)
    counts = compared.counts(everyone, data["event"] == 1, n_scores=scored)
    day = {"time_point_days": compared.function.day}
    for measure, more, found in _estimates(compared, data):
        model = CAFS if measure.startswith("mean_rank") else WINS
        yield compared.row(measure, CRUDE, model, **(day | more)) | counts | found


def ranked(compared: Compared) -> dict[str, np.ndarray]:
    """Arm, time, event and change in score of everyone up to the day asked for, one value a person.

    The change is from the score that stands for time zero to the one nearest to the day, at most `within_days` from it;
    nan where one of them is missing. A pair that neither the outcome nor a change decides is tied.
    """
    day, stop = compared.function.day, compared.people.stop
    event = (compared.people.event == 1) & (stop <= day)
    return {
        "arm": compared.arm.astype(np.int64),
        "time": np.minimum(stop, day).astype(np.float64),
        "event": event.astype(np.int64),
        "change": _changes(compared),
    }


def _changes(compared: Compared) -> np.ndarray:
    function, measured = compared.function, compared.measured
    score = measured.column(TOTAL)
    first, known = compared.at_time_zero(score)
    distance = np.abs(measured.day.astype(np.int64) - function.day)
    near = np.flatnonzero(~np.isnan(score) & (distance <= function.within_days))
    near = near[np.lexsort((measured.day[near], distance[near], measured.person[near]))]
    persons, position = np.unique(measured.person[near], return_index=True)
    at_day = np.full(len(known), -1, dtype=np.int64)
    at_day[persons] = near[position]
    both = known & (at_day >= 0)
    change = np.full(len(known), np.nan)
    change[both] = score[at_day[both]] - score[first[both]]
    return change


def _estimates(compared: Compared, data: dict[str, np.ndarray]) -> Iterator[tuple[str, Row, Row]]:
    """Measure, what differs in its row, and its numbers."""
    arms = [compared.of_arm(TARGET), compared.of_arm(REFERENCE), {}]
    measures = ("mean_rank", "mean_rank", "mean_rank_difference")
    reason = compared.empty_arm
    if reason is not None:
        for measure, more in zip(measures, arms, strict=True):
            yield measure, more, {"reason": reason}
        for measure in TERMS.values():
            yield measure, {}, {"reason": reason}
        return
    named: dict[str, Any] = {"arm": "arm", "time": "time", "event": "event", "reference": 0}
    named["conf_level"] = compared.conf_level
    cafs = fit_cafs(data, then="change", **named).tidy().to_dict("records")
    for measure, more, row in zip(measures, arms, cafs, strict=True):
        yield measure, more, _numbers(row)
    wins = fit_win_ratio(data, then={"change": "higher"}, **named).tidy(exponentiate=True).to_dict("records")
    for row in wins:
        measure = TERMS[row["term"]]
        yield measure, {}, _numbers(row, ratio=measure != "net_benefit")


def _numbers(row: dict[str, Any], *, ratio: bool = False) -> Row:
    if isinstance(row["reason"], str):
        return {"reason": Reason(row["reason"])}
    names = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
    found: Row = {name: float(row[name]) if np.isfinite(row[name]) else None for name in names}
    logarithm = log(found["estimate"]) if ratio and found["estimate"] else None
    return found | {"log_estimate": logarithm, "reason": None}
