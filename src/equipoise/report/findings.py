"""What was found, in plain words: the direction of each ratio and what its interval allows, and no more."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from equipoise.report.forest import reason_text
from equipoise.report.numbers import ABSENT, HIDDEN, count_text, interval_text, level_text, ratio_text
from equipoise.report.protocol import exposure_label, reading_text
from equipoise.report.views import Cell, Table, group_row, grouped, head
from equipoise.spec.study import Analysis, Study

Row = dict[str, Any]
CAUTION = (
    "These are associations. An interval describes chance alone; it says nothing about confounding, misclassified "
    "exposure or outcome, or selection. Intervals are not widened for the number of comparisons."
)


HIGHER = "higher odds of exposure among cases than among controls"
LOWER = "lower odds of exposure among cases than among controls"
EITHER = "compatible with lower and with higher odds among cases"


def opening(sampling: Sequence[Row], analysis: Analysis, comparison: str = "") -> str:
    """How many cases and controls there are, of one comparison where there are several."""
    return f"{_sentence(comparison)}: {_opening(sampling, analysis)}" if comparison else _opening(sampling, analysis)


def _opening(sampling: Sequence[Row], analysis: Analysis) -> str:
    row = next((row for row in sampling if row["analysis"] == analysis.id), None)
    if row is None or row["n_cases"] == 0:
        return "No person met the rules for a case, so there is nothing to compare."
    if row["n_controls"] == 0:
        return f"No case had an eligible control, so there is nothing to compare. Cases: {count_text(row, 'n_cases')}."
    cases, controls = count_text(row, "n_cases_matched"), count_text(row, "n_controls")
    if HIDDEN in (cases, controls):
        return "The number of cases or controls is hidden: with it, a small count elsewhere could be worked out."
    text = f"The study compares {cases} cases with {controls} matched controls."
    unmatched = count_text(row, "n_cases_unmatched")
    if unmatched == HIDDEN:
        return f"{text} A few further cases had no eligible control and left the analysis."
    return (
        text
        if unmatched in ("0", ABSENT)
        else f"{text} {unmatched} further cases had no eligible control and left the analysis."
    )


def chosen_estimates(study: Study, estimates: Sequence[Row]) -> list[Row]:
    """One row for each exposure, reading and window of the study: the adjusted estimate, else the crude one."""
    names = ("comparison", "exposure", "reading", "window", "subgroup", "subgroup_level")
    chosen: dict[tuple[Any, ...], Row] = {}
    for row in estimates:
        if row["window"] in study.windows:
            before = chosen.get(tuple(row[name] for name in names))
            if before is None or before["estimate"] is None or row["estimate"] is not None:
                chosen[tuple(row[name] for name in names)] = row
    return list(chosen.values())


def findings(study: Study, chosen: Sequence[Row], conf_level: float) -> Table:
    """Who was compared, the number, and what it says."""
    top = [
        *head("Exposure", "Reference", "Model", numbers_from=9),
        Cell(f"Odds ratio ({level_text(conf_level)}\u00a0CI)", "number"),
    ]
    top.append(Cell("In words"))
    body: list[list[Cell]] = []
    for (exposure, reading), rows in grouped(chosen, lambda row: (row["exposure"], row["reading"])).items():
        body.append(group_row(f"{exposure_label(study, exposure)}: {reading_text(reading)}", len(top)))
        for row in rows:
            numbers = ABSENT if row["estimate"] is None else f"{ratio_text(row['estimate'])} ({interval_text(row)})"
            body.append(
                [
                    Cell(_sentence(row["target_level"] or row["term"]), "level", head=True),
                    Cell(_sentence(row["reference_level"])),
                    Cell(_sentence(row["adjustment"])),
                    Cell(numbers, "number"),
                    Cell(direction(row), "words"),
                ]
            )
    return Table("The estimates in words", top, body)


def direction(row: Row) -> str:
    """What a ratio and its interval say about cases and controls, or why there is none."""
    low, high = row["conf_low"], row["conf_high"]
    if row["estimate"] is None:
        return f"no estimate: {reason_text(row['reason'])}"
    if low is None or high is None:
        return "no interval, so nothing can be said"
    return HIGHER if low > 1 else LOWER if high < 1 else EITHER


def tally(chosen: Sequence[Row]) -> str:
    """How many intervals lie above 1, below 1 or on both sides of it."""
    said = Counter(direction(row) for row in chosen)
    absent = len(chosen) - said[HIGHER] - said[LOWER] - said[EITHER]
    places = [
        (said[HIGHER], "lies wholly above 1 (exposure more common among cases)"),
        (said[LOWER], "lies wholly below 1 (exposure less common among cases)"),
        (said[EITHER], "includes 1"),
    ]
    shown = "; ".join(f"in {number} the interval {where}" for number, where in places if number)
    missing = f"{absent} {'has' if absent == 1 else 'have'} no estimate" if absent else ""
    total = f"Of {len(chosen)} estimates" if len(chosen) > 1 else "Of the one estimate"
    return f"{total}: {'; '.join(part for part in (shown, missing) if part)}."


def _sentence(text: str | None) -> str:
    return f"{(text or '')[:1].upper()}{(text or '')[1:]}"
