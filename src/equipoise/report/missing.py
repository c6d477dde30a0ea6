"""What is missing, as a table and in words."""

from collections.abc import Sequence
from typing import Any

from equipoise.report.numbers import count_text, count_with_percent
from equipoise.report.protocol import exposure_label
from equipoise.report.sections import sentence
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.results.missing_tables import ANY
from equipoise.spec.missing import MultipleImputation
from equipoise.spec.missing_meaning import can_be_missing
from equipoise.spec.study import Analysis, Study

Row = dict[str, Any]
GROUPS = {"target": "target arm", "reference": "reference arm", "cases": "cases", "controls": "controls"}
IN_SETS = " Of matched sets stay those that keep a case and a control."


def missing_table(study: Study, rows: Sequence[Row]) -> list[Table]:
    """Missing covariates by group, one table; none where no covariate is missing of anybody."""
    if not any(row["covariate"] != ANY for row in rows):
        return []
    groups = list(dict.fromkeys(row["group"] for row in rows))
    sizes = {row["group"]: row for row in rows}
    columns = [f"{sentence(GROUPS[name])} (n\u00a0=\u00a0{count_text(sizes[name], 'n_persons')})" for name in groups]
    several = len({(row["comparison"], row["exposure"]) for row in rows}) > 1
    top = head("Covariate", *(map(sentence, map(GROUPS.__getitem__, groups)) if several else columns))
    body: list[list[Cell]] = []
    for (comparison, exposure), members in grouped(rows, lambda row: (row["comparison"], row["exposure"])).items():
        if several:
            title = exposure_label(study, exposure) if exposure else sentence(comparison)
            body.append(group_row(title, len(top)))
        for label, same in grouped(members, lambda row: row["covariate"]).items():
            by_group = {row["group"]: row for row in same}
            texts = [count_with_percent(by_group[name], "n_missing", "percent_missing") for name in groups]
            body.append([Cell(sentence(label), "level", head=True), *numbers(*texts)])
    return [Table("Missing covariates, n (%)", top, body)]


def missing_words(study: Study, analysis: Analysis) -> str:
    """What became of persons with a missing covariate; nothing where none can be missing."""
    if not any(can_be_missing(study.covariate(name)) for name in analysis.adjust_for):
        return ""
    in_sets = IN_SETS if analysis.follow_up is None else ""
    complete = f"Persons with a missing covariate were left out of adjusted estimates.{in_sets}"
    if not isinstance(analysis.missing, MultipleImputation):
        return complete
    given = analysis.missing
    entered = (
        "the event and the cumulative hazard at the end of follow-up, the arm"
        if analysis.follow_up is not None
        else "case status, the matching variables, every exposure"
    )
    return (
        f"Missing covariates were imputed {given.imputations} times by chained equations ({given.iterations} rounds), "
        f"into which {entered} and all other covariates entered; estimates were pooled by Rubin's rules with Barnard "
        f"and Rubin's degrees of freedom. Beside them stand estimates of the complete cases.{in_sets}"
    )
