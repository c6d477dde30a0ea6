"""The follow-up analyses of a study side by side: who is left, survival, its contrasts and the hazard ratio of each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from equipoise.report.follow_up import UNITS, number_text
from equipoise.report.follow_up_words import chosen
from equipoise.report.numbers import ABSENT, breakable, count_text, interval_text, ratio_text
from equipoise.report.protocol import analysis_title, exposure_label
from equipoise.report.views import Cell, Table, grouped, head, numbers
from equipoise.spec.study import Analysis, Study

Row = Mapping[str, Any]


def side_by_side(study: Study, analyses: Iterable[Analysis], estimates: Mapping[str, Sequence[Row]]) -> list[Table]:
    """One table for each outcome that several analyses share; none where no two do."""
    lines: dict[str, list[list[Cell]]] = {}
    for analysis in analyses:
        if analysis.follow_up is None:
            continue
        whole = [row for row in estimates.get(analysis.id, ()) if row["subgroup"] == "overall"]
        for exposure, rows in grouped(whole, lambda row: row["exposure"]).items():
            lines.setdefault(rows[0]["outcome"], []).append(_line(study, analysis, exposure, rows))
    columns = (
        "Analysis",
        "Persons",
        "Hazard ratio",
        "Free\u00a0of\u00a0it, target",
        "Free\u00a0of\u00a0it, reference",
        "Risk difference, points",
        "Risk ratio",
        "Difference in restricted mean, days",
    )
    notes = [
        "Of each analysis the estimates with the most adjustment, which is named. At the last time point: the share "
        "free of the outcome, its contrasts, and the difference in restricted mean time without it. Differences are "
        "target less reference, ratios target against reference, each with its interval; where the shares are crude, "
        "so are the contrasts beside them."
    ]
    return [
        Table(f"Analyses side by side: {outcome}", head(*columns), body, notes, style="named narrow")
        for outcome, body in lines.items()
        if len(body) > 1
    ]


def _line(study: Study, analysis: Analysis, exposure: str, rows: Sequence[Row]) -> list[Cell]:
    ratios = [row for row in rows if row["measure"] == "hazard_ratio"]
    model = chosen(list(ratios or rows))  # type: ignore[arg-type]
    title = analysis_title(analysis)
    assert analysis.follow_up is not None
    if len(analysis.follow_up.target) > 1:
        title += f": {exposure_label(study, exposure)}"
    found = {measure: _last(rows, measure, model["adjustment"]) for measure in CONTRASTS}
    alive = [_survival(rows, model, level) for level in ("target_level", "reference_level")]
    ratio = _ratio(model) if ratios else ABSENT
    texts = [count_text(model, "n_persons"), ratio, *alive, *(_text(row) for row in found.values())]
    return [Cell(title, "level", head=True, note=str(model["adjustment"])), *numbers(*texts)]


CONTRASTS = ("risk_difference", "risk_ratio", "rmst_difference")


def _last(rows: Sequence[Row], measure: str, adjustment: str) -> Row | None:
    """The estimate at the last time point, under this adjustment or else crude."""
    mine = [row for row in rows if row["measure"] == measure]
    wanted = [row for row in mine if row["adjustment"] == adjustment] or mine
    return max(wanted, key=lambda row: row["time_point_days"] or 0, default=None)


def _survival(rows: Sequence[Row], model: Row, level: str) -> str:
    row = _last([row for row in rows if row["target_level"] == model[level]], "risk", model["adjustment"])
    if row is None or row["estimate"] is None:
        return ABSENT
    note = "" if row["adjustment"] == model["adjustment"] else " (crude)"
    return f"{100 * (1 - row['estimate']):.1f}\u202f%{note}"


def _text(row: Row | None) -> str:
    if row is None:
        return ABSENT
    if row["estimate"] is None:
        return _reason(row)
    return breakable(number_text(dict(row)).replace(UNITS.get(row["measure"], ""), "", 1))  # the header says the unit


def _ratio(row: Row) -> str:
    if row["estimate"] is None:
        return _reason(row)
    return breakable(f"{ratio_text(row['estimate'])} ({interval_text(dict(row))})")


def _reason(row: Row) -> str:
    """Why there is no estimate, in as few words as a narrow column takes."""
    return row["reason"].replace("_", " ").lower() if row["reason"] else ABSENT
