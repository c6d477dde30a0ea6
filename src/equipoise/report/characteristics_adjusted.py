"""Table 1 after adjustment: covariates of both arms before and after, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from equipoise.report.levels import covariate_name
from equipoise.report.numbers import ABSENT, decimal_text
from equipoise.report.protocol import exposure_label
from equipoise.report.sections import sentence
from equipoise.report.views import Cell, Table, grouped, head, numbers
from equipoise.results.follow_up_tables import ARMS
from equipoise.spec.study import Study

Row = Mapping[str, Any]


def characteristics_adjusted(study: Study, rows: Sequence[Row]) -> list[Table]:
    """One table a comparison; none without a propensity score."""
    columns = [f"{arm.capitalize()} arm, {when}" for when in ("before", "after") for arm in ARMS]
    columns[2:2] = ["Difference before"]
    made = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        names = (sentence(covariate_name(row["covariate"])) for row in members)
        body = [[Cell(name, head=True), *numbers(*_values(row))] for name, row in zip(names, members, strict=True)]
        caption = f"Characteristics before and after, {members[0]['adjustment']}: {exposure_label(study, exposure)}"
        made.append(Table(caption, head("Characteristic", *columns, "Difference after"), body, NOTES))
    return made


NOTES = [
    "Means, or percent of persons; weighted after weighting. Differences are standardized: target less reference, over "
    "the standard deviation before. The reference level of a categorical covariate has no line of its own."
]


def _values(row: Row) -> list[str]:
    texts = []
    for when in ("before", "after"):
        texts += [_value(row["kind"], row[f"value_{arm}_{when}"]) for arm in ARMS]
        texts.append(decimal_text(row[f"smd_{when}"], 2))
    return texts


def _value(kind: str, value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{100 * value:.1f}\u202f%" if kind == "share" else decimal_text(value, 1)
