"""What adjustment by a propensity score did: persons kept, overlap, differences of covariates before and after."""

from collections.abc import Sequence
from typing import Any

from equipoise.report.levels import covariate_name
from equipoise.report.numbers import count_text, decimal_text
from equipoise.report.protocol import exposure_label
from equipoise.report.sections import sentence
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.spec.study import Study

Row = dict[str, Any]
SHOWN = 40  # covariates of a comparison, of more the rest stand in the table alone
NAMED = 10  # covariates in a sentence
IMBALANCE = 0.1  # standardized difference beyond which a covariate is named (Austin, Stat Med 2009;28:3083)


def adjustments(study: Study, rows: Sequence[Row]) -> Table:
    """Persons before and after, and how far the arms overlap, one column a comparison."""
    top = head("Quantity", *(exposure_label(study, row["exposure"]) for row in rows))
    shown = [name for name in _COUNTS if not name.endswith("_trimmed") or any(row[name] != 0 for row in rows)]
    lines = [
        ("Adjustment", [sentence(row["adjustment"]) for row in rows]),
        *((_COUNTS[name], [count_text(row, name) for row in rows]) for name in shown),
        ("Area under the curve of the score", [decimal_text(row["auc"], 3) for row in rows]),
        ("Share of persons in equipoise (preference 0.3 to 0.7)", [decimal_text(row["equipoise"], 3) for row in rows]),
        ("Largest standardized difference before", [decimal_text(row["largest_before"], 3) for row in rows]),
        ("Largest standardized difference after", [decimal_text(row["largest_after"], 3) for row in rows]),
    ]
    body = [[Cell(name, head=True), *numbers(*texts)] for name, texts in lines]
    notes = [f"{exposure_label(study, row['exposure'])}: {row['findings']}." for row in rows if row["findings"]]
    return Table("Adjustment by the propensity score", top, body, notes)


_COUNTS = {
    "n_target": "Persons in the target arm",
    "n_target_trimmed": "of these, left out by trimming",
    "n_target_kept": "of these, kept",
    "n_reference": "Persons in the reference arm",
    "n_reference_trimmed": "of these, left out by trimming",
    "n_reference_kept": "of these, kept",
}


def balance(study: Study, rows: Sequence[Row]) -> Table:
    """Standardized differences before and after: of every covariate, or of many those that differ most."""
    top = head("Covariate", "Difference before", "Difference after", "Variance ratio before", "Variance ratio after")
    body: list[list[Cell]] = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        body.append(group_row(exposure_label(study, exposure), len(top)))
        for row in _most_apart(members):
            texts = [decimal_text(row[f"{name}_{when}"], 3) for name in ("smd", "variance_ratio")
                     for when in ("before", "after")]  # fmt: skip
            body.append([Cell(sentence(covariate_name(row["covariate"])), "level", head=True), *numbers(*texts)])
    notes = [
        "Differences are standardized: target less reference, over the standard deviation before adjustment. Variance "
        "ratios are shown for numeric covariates.",
        *(
            f"{exposure_label(study, exposure)}: the {SHOWN} of {len(members) - 1:,} covariates that differ most, "
            "before or after; the table balance holds all of them."
            for exposure, members in grouped(rows, lambda row: row["exposure"]).items()
            if len(members) - 1 > SHOWN
        ),
    ]
    return Table("Balance before and after adjustment", top, body, notes)


def _most_apart(members: Sequence[Row]) -> list[Row]:
    """The score, and the covariates with the largest difference before or after adjustment, in their order."""
    if len(members) - 1 <= SHOWN:
        return list(members)
    most = sorted(members[1:], key=lambda row: -max(abs(row[name] or 0.0) for name in ("smd_before", "smd_after")))
    chosen = {row["position"] for row in [members[0], *most[:SHOWN]]}
    return [row for row in members if row["position"] in chosen]


def imbalances(study: Study, rows: Sequence[Row]) -> list[str]:
    """One sentence on each comparison whose covariates still differ after adjustment."""
    texts = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        apart = [row for row in members if row["smd_after"] is not None and abs(row["smd_after"]) > IMBALANCE]
        if apart:
            apart.sort(key=lambda row: -abs(row["smd_after"]))
            named = ", ".join(
                f"{covariate_name(row['covariate'])} ({decimal_text(row['smd_after'], 2)})" for row in apart[:NAMED]
            )
            named += f" and {len(apart) - NAMED:,} more" if len(apart) > NAMED else ""
            texts.append(
                f"{exposure_label(study, exposure)}: after adjustment the arms still differ by more than {IMBALANCE:g} "
                f"standard deviations in {named}."
            )
    return texts
