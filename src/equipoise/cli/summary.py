"""What a run came to, in a few lines: where the report is, the main estimates, and what is absent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equipoise.cli.output import table
from equipoise.errors import REASON_TEXT, Reason
from equipoise.results.results import Results
from equipoise.results.tables import MEASURES, OVERALL

MOST_ROWS = 24
MOST_FAILURES = 3

Row = Mapping[str, Any]


def summary(results: Results, page: Path) -> str:
    """Report, number of estimates, and one table for each main analysis."""
    rows = _asked_for(results)
    given = sum(row["reason"] is None for row in rows)
    lines = [f"report: {page}", f"estimates: {given:,} of {len(rows):,}"]
    for analysis in results.manifest["study"]["analyses"]:
        if shown := _main_rows(rows, analysis):
            kind = analysis["design"]["kind"]
            block = {"follow_up": _follow_up, "target_trial": _target_trial}.get(kind, _case_control)
            lines += ["", *block(analysis, shown)]
    return "\n".join(lines)


def absences(results: Results) -> str | None:
    """One sentence on estimates without a number and concept sets without a record; None where there are none."""
    rows = _asked_for(results)
    reasons = Counter(Reason(row["reason"]) for row in rows if row["reason"] is not None)
    parts = []
    if reasons:
        listed = "; ".join(f"{n} {reason}, {REASON_TEXT[reason]}" for reason, n in reasons.most_common())
        parts.append(f"{reasons.total():,} of {len(rows):,} estimates are absent ({listed})")
    if empty := [row["name"] for row in results.rows("concept_sets") if row["n_records"] == 0]:
        parts.append(f"no record matches the concept sets {', '.join(empty)}")
    return "; ".join(parts) or None


def failures(results: Results) -> str | None:
    """One sentence on analyses that failed; None where there are none."""
    failed = [row for row in results.rows("run_summary") if row["state"] != "completed"]
    if not failed:
        return None
    listed = "; ".join(f"{row['analysis']}: {row['step']}: {row['says']}" for row in failed[:MOST_FAILURES])
    more = f"; and {len(failed) - MOST_FAILURES} more in tables/run_summary.csv" if len(failed) > MOST_FAILURES else ""
    return f"{len(failed)} of {len(results.rows('run_summary'))} analyses failed ({listed}{more})"


def _asked_for(results: Results) -> list[Row]:
    """Estimates that the study asks for: without those of levels beside its windows, such as prevalent use."""
    windows = results.manifest["study"]["windows"]
    return [row for row in results.rows("estimates") if row["reading"] is None or row["window"] in windows]


def _main_rows(rows: Sequence[Row], analysis: Row) -> list[Row]:
    """Estimates of one analysis for the whole population, with all adjustment it asks for."""
    own = [row for row in rows if (row["analysis"], row["subgroup"]) == (analysis["id"], OVERALL)]
    if analysis["design"]["kind"] != "nested_case_control":
        return own
    wanted = "adjusted" if analysis["adjust_for"] else "crude"
    return [row for row in own if row["adjustment"] == wanted]


def _name(analysis: Row) -> str:
    return analysis["label"] or analysis["id"]


def _case_control(analysis: Row, rows: Sequence[Row]) -> list[str]:
    header = ("exposure", "window", "reading", "estimate", _interval(analysis))
    heading = f"{_name(analysis)} ({MEASURES[rows[0]['measure']]}, {rows[0]['adjustment']})"
    return [heading, *_listed(header, [_cells(row) for row in rows])]


def _follow_up(analysis: Row, rows: Sequence[Row]) -> list[str]:
    header = ("target", "quantity", "day", "estimate", _interval(analysis))
    return [_name(analysis), *_listed(header, [_follow_up_cells(row) for row in rows if row["measure"] != "rmst"])]


def _target_trial(analysis: Row, rows: Sequence[Row]) -> list[str]:
    """Contrasts of strategies by the first method of the study."""
    header = ("strategy", "against", "quantity", "estimate", _interval(analysis))
    contrasts = [row for row in rows if row["measure"] != "risk" and row["adjustment"] != "crude"]
    first = [row for row in contrasts if row["adjustment"] == contrasts[0]["adjustment"]]
    heading = f"{_name(analysis)} ({first[0]['adjustment']})" if first else _name(analysis)
    return [heading, *_listed(header, [_trial_cells(row) for row in first])]


def _trial_cells(row: Row) -> tuple[str, ...]:
    when = "" if row["time_point_days"] is None else f", day {row['time_point_days']}"
    use = (row["exposure"], row["comparison"], f"{MEASURES[row['measure']]}{when}")
    if row["reason"] is not None:
        return (*use, "-", row["reason"])
    limits = "" if row["conf_low"] is None else f"{row['conf_low']:.2f} to {row['conf_high']:.2f}"
    return (*use, f"{row['estimate']:.2f}", limits)


def _interval(analysis: Row) -> str:
    return f"{100 * analysis['conf_level']:g}% interval"


def _listed(header: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [table(header, cells[:MOST_ROWS], right=[3])]
    if len(cells) > MOST_ROWS:
        lines.append(f"and {len(cells) - MOST_ROWS} more in tables/estimates.csv")
    return lines


def _follow_up_cells(row: Row) -> tuple[str, ...]:
    arm = f", {row['target_level']}" if row["measure"] == "risk" else ""
    what = f"{MEASURES[row['measure']]}, {row['adjustment']}{arm}"
    use = (row["exposure"], what, str(row["time_point_days"] or ""))
    if row["reason"] is not None:
        return (*use, "-", row["reason"])
    limits = "" if row["conf_low"] is None else f"{row['conf_low']:.2f} to {row['conf_high']:.2f}"
    return (*use, f"{row['estimate']:.2f}", limits)


def _cells(row: Row) -> tuple[str, ...]:
    use = (row["exposure"], row["window"], row["reading"])
    if row["reason"] is not None:
        return (*use, "-", row["reason"])
    return (*use, f"{row['estimate']:.2f}", f"{row['conf_low']:.2f} to {row['conf_high']:.2f}")
