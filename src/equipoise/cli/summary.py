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

Row = Mapping[str, Any]


def summary(results: Results, page: Path) -> str:
    """Report, number of estimates, and one table for each main analysis."""
    rows = _asked_for(results)
    given = sum(row["reason"] is None for row in rows)
    lines = [f"report: {page}", f"estimates: {given:,} of {len(rows):,}"]
    for analysis in results.manifest["study"]["analyses"]:
        if shown := _main_rows(rows, analysis):
            lines += ["", _heading(analysis, shown[0]), *_estimates(shown, analysis["conf_level"])]
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


def _asked_for(results: Results) -> list[Row]:
    """Estimates in windows of the study, without those of the levels beside them, such as prevalent use."""
    windows = results.manifest["study"]["windows"]
    return [row for row in results.rows("estimates") if row["window"] in windows]


def _main_rows(rows: Sequence[Row], analysis: Row) -> list[Row]:
    """Estimates of one analysis for the whole population, with all adjustment it asks for."""
    wanted = (analysis["id"], "adjusted" if analysis["adjust_for"] else "crude", OVERALL)
    return [row for row in rows if (row["analysis"], row["adjustment"], row["subgroup"]) == wanted]


def _heading(analysis: Row, row: Row) -> str:
    return f"{analysis['label'] or analysis['id']} ({MEASURES[row['measure']]}, {row['adjustment']})"


def _estimates(rows: Sequence[Row], conf_level: float) -> list[str]:
    header = ("exposure", "window", "reading", "estimate", f"{100 * conf_level:g}% interval")
    lines = [table(header, map(_cells, rows[:MOST_ROWS]), right=[3])]
    if len(rows) > MOST_ROWS:
        lines.append(f"and {len(rows) - MOST_ROWS} more in tables/estimates.csv")
    return lines


def _cells(row: Row) -> tuple[str, ...]:
    use = (row["exposure"], row["window"], row["reading"])
    if row["reason"] is not None:
        return (*use, "-", row["reason"])
    return (*use, f"{row['estimate']:.2f}", f"{row['conf_low']:.2f} to {row['conf_high']:.2f}")
