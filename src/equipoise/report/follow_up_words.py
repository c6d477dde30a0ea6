"""What a follow-up design found, in plain words: who was compared with whom, and the direction of every ratio."""

from collections.abc import Sequence
from typing import Any

from equipoise.report.follow_up import HAZARDS, number_text
from equipoise.report.forest import reason_text
from equipoise.report.numbers import ABSENT, HIDDEN, count_text, interval_text, level_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.views import Cell, Table, group_row, grouped, head
from equipoise.results.direction import assess_direction
from equipoise.spec.study import Study

Row = dict[str, Any]
HIGHER = "higher hazard of the outcome in the target arm than in the reference arm"
LOWER = "lower hazard of the outcome in the target arm than in the reference arm"
EITHER = "compatible with a lower and with a higher hazard in the target arm"


def opening(arms: Sequence[Row]) -> list[str]:
    """How many persons were followed in each arm, one sentence a comparison."""
    texts = []
    for members in grouped(arms, lambda row: row["exposure"]).values():
        parts = [
            f"{count_text(row, 'n_persons')} persons in the {row['arm']} arm ({row['label']}; "
            f"{count_text(row, 'n_events')} with the outcome)"
            for row in members
        ]
        text = f"The study follows {' and '.join(parts)}."
        texts.append(text.replace(HIDDEN, "a hidden number of"))
    return texts or ["Nobody met the rules, so there is nothing to compare."]


def findings(study: Study, rows: Sequence[Row], conf_level: float) -> Table:
    """The ratio of hazards of each comparison, adjusted where there is such an estimate, and what it says."""
    top = [
        *head("Target", "Reference", "Model", numbers_from=9),
        Cell(f"Hazard ratio ({level_text(conf_level)}\u00a0CI)", "number"),
        Cell("In words"),
    ]
    body: list[list[Cell]] = []
    for (exposure, measure), members in grouped(_ratios(rows), lambda row: (row["exposure"], row["measure"])).items():
        kind = "" if measure == HAZARDS[0] else ": subdistribution hazards"
        body.append(group_row(f"{exposure_label(study, exposure)}{kind}", len(top)))
        row = chosen(members)
        given = ABSENT if row["estimate"] is None else f"{ratio_text(row['estimate'])} ({interval_text(row)})"
        texts = [str(row[name] or "") for name in ("target_level", "reference_level", "adjustment")]
        cells = [Cell(text[:1].upper() + text[1:]) for text in texts]
        body.append([*cells, Cell(given, "number"), Cell(direction(row), "words")])
    return Table("The estimates in words", top, body)


def _ratios(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["measure"] in HAZARDS]


def chosen(members: Sequence[Row]) -> Row:
    """The estimate with the most adjustment that has a number; the first one where none has."""
    return next((row for row in reversed(members) if row["estimate"] is not None), members[0])


def direction(row: Row) -> str:
    """What a ratio of hazards and its interval say, or why there is none."""
    low, high = row["conf_low"], row["conf_high"]
    if row["estimate"] is None:
        return f"no estimate: {reason_text(row['reason'])}"
    if low is None or high is None:
        return "no interval, so nothing can be said"
    return HIGHER if low > 1 else LOWER if high < 1 else EITHER


def contradictions(study: Study, rows: Sequence[Row], curves: Sequence[Row]) -> list[str]:
    """Comparisons whose hazard ratio and difference in survival point to opposite arms, and why that may be.

    In a coherent result a hazard ratio above 1 goes with lower survival in the target arm. Each ratio is set beside
    the difference in risk (target less reference) under the same adjustment, at the last time point.
    """
    texts = []
    for (exposure, adjustment), members in grouped(rows, lambda row: (row["exposure"], row["adjustment"])).items():
        ratio = next((row for row in members if row["measure"] == "hazard_ratio" and row["estimate"]), None)
        differences = [r for r in members if r["measure"] == "risk_difference" and r["estimate"] is not None]
        if ratio is None or not differences:
            continue
        last = max(differences, key=lambda row: row["time_point_days"])
        if (ratio["estimate"] - 1.0) * last["estimate"] < 0.0:
            why = _explanation(ratio, last, members, [row for row in curves if row["exposure"] == exposure])
            texts.append(
                f"{exposure_label(study, exposure)}, {adjustment}: the hazard ratio of {ratio_text(ratio['estimate'])} "
                f"(target against reference) and the difference in risk by day {last['time_point_days']:,} of "
                f"{number_text(last)} (target less reference) point to opposite arms. {why}"
            )
    return texts


def _explanation(ratio: Row, last: Row, members: Sequence[Row], curves: Sequence[Row]) -> str:
    """Crossing curves, a swapped reference, or what else to look for."""
    risks = {
        row["target_level"]: row["estimate"]
        for row in members
        if row["measure"] == "risk" and row["time_point_days"] == last["time_point_days"]
    }
    target, reference = (risks.get(ratio.get(level)) for level in ("target_level", "reference_level"))
    if target is None or reference is None:
        target, reference = max(last["estimate"], 0.0), max(-last["estimate"], 0.0)  # the sign is what counts
    found = assess_direction(
        ratio["estimate"], survival_target=1 - target, survival_reference=1 - reference, crossing=_cross(curves)
    )
    return found.text


def _cross(curves: Sequence[Row]) -> bool:
    by_time = grouped([row for row in curves if row["risk"] is not None], lambda row: row["time_days"])
    pairs = [{row["arm"]: row["risk"] for row in same} for same in by_time.values()]
    differences = [pair["target"] - pair["reference"] for pair in pairs if len(pair) == 2]
    return any(d > 0 for d in differences) and any(d < 0 for d in differences)
