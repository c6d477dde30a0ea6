"""What was found, in plain words: the direction of each ratio and what its interval allows, and no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.report.forest import reason_text
from equipoise.report.numbers import count_text, interval_text, level_text, ratio_text
from equipoise.report.protocol import exposure_label, reading_text
from equipoise.spec.study import Analysis, Study

Row = dict[str, Any]
CAUTION = (
    "These are associations. An interval describes chance alone; it says nothing about confounding, misclassified "
    "exposure or outcome, or selection. Intervals are not widened for the number of comparisons."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One exposure in words: who was compared, the number, and what it says."""

    exposure: str
    contrast: str
    result: str
    meaning: str


def opening(sampling: Sequence[Row], analysis: Analysis) -> str:
    """How many cases and controls there are."""
    row = next((row for row in sampling if row["analysis"] == analysis.id), None)
    if row is None or (row["n_cases"] == 0 and not row["n_cases_suppressed"]):
        return "No person met the rules for a case, so there is nothing to compare."
    cases, controls = count_text(row, "n_cases"), count_text(row, "n_controls")
    if row["n_controls"] == 0:
        return (
            f"There were {_some(cases, 'cases')}, and no case had an eligible control, so there is nothing to compare."
        )
    text = f"The study has {_some(cases, 'cases')} and {_some(controls, 'controls')}."
    if row["n_cases_unmatched"]:
        text += f" {count_text(row, 'n_cases_unmatched')} cases had no eligible control and left the analysis."
    return text


def _some(count: str, what: str) -> str:
    return f"a number of {what} that is not shown" if not count[:1].isdigit() else f"{count} {what}"


def findings(study: Study, estimates: Sequence[Row], conf_level: float) -> list[Finding]:
    """One finding for each exposure, reading and window of the study: the adjusted estimate, else the crude one."""
    chosen: dict[tuple[Any, ...], Row] = {}
    for row in estimates:
        if row["window"] in study.windows:
            key = tuple(
                row[name] for name in ("comparison", "exposure", "reading", "window", "subgroup", "subgroup_level")
            )
            before = chosen.get(key)
            if before is None or before["estimate"] is None or row["estimate"] is not None:
                chosen[key] = row
    return [_finding(study, row, conf_level) for row in chosen.values()]


def _finding(study: Study, row: Row, conf_level: float) -> Finding:
    contrast = f"{row['target_level']}, against {row['reference_level']}"
    if row["reading"] != "any_use":
        contrast += f" ({reading_text(row['reading'])})"
    label = exposure_label(study, row["exposure"])
    if row["estimate"] is None:
        return Finding(label, contrast, "no estimate", reason_text(row["reason"]))
    interval = f"{level_text(conf_level)} CI {interval_text(row)}"
    result = f"{row['adjustment']} odds ratio {ratio_text(row['estimate'])} ({interval})"
    return Finding(label, contrast, result, direction(row))


def direction(row: Row) -> str:
    """What a ratio and its interval say about cases and controls."""
    low, high = row["conf_low"], row["conf_high"]
    if low is None or high is None:
        return "the interval could not be computed"
    if low > 1:
        return "cases had higher odds of exposure than controls"
    if high < 1:
        return "cases had lower odds of exposure than controls"
    return "the interval includes 1, so the data fit lower as well as higher odds of exposure among cases"


def tally(found: Sequence[Finding]) -> str:
    """How many intervals lie above 1, below 1 or on both sides of it."""
    above = sum(item.meaning.startswith("cases had higher") for item in found)
    below = sum(item.meaning.startswith("cases had lower") for item in found)
    absent = sum(item.result == "no estimate" for item in found)
    across = len(found) - above - below - absent
    places = [(above, "wholly above 1"), (below, "wholly below 1"), (across, "on both sides of 1")]
    text = ", ".join(f"{number} {where}" for number, where in places if number)
    text = f"Intervals: {text}." if text else "No comparison has an estimate."
    return f"{text} Without an estimate: {absent}." if absent and above + below + across else text
