"""Within and between families: odds ratios of own exposure and of the family's, as a figure a kind of relatives."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from equipoise.report.comparisons import label
from equipoise.report.contrast import ContrastFigure, Group, grouped_marks
from equipoise.report.numbers import ABSENT, count_text, interval_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label, reading_text
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.spec.study import Analysis, Study

Row = Mapping[str, Any]
SHOWN = (
    ("target", "population", "population controls with a family, families left aside"),
    ("reference", "within", "within families, relatives as controls"),
    ("third", "within_given_mean", "within families, at the same mean of the family"),
    ("fourth", "between", "between families"),
)
FAMILIES = {
    "siblings": "families of siblings",
    "half_siblings": "families of half siblings",
    "cousins": "families of cousins",
    "spouses": "couples",
}
NOTE_WIDTH = 190
Key = tuple[str, str, str]


def family_figures(study: Study, analysis: Analysis, rows: Sequence[Row]) -> Iterator[ContrastFigure]:
    """The fullest model of each kind of families, with the table that holds every number."""
    for kind, own in grouped(rows, lambda row: row["comparison"]).items():
        fullest = {(_use(row), row["quantity"]): row for row in own}
        uses = list(dict.fromkeys(map(_use, own)))
        groups = [
            Group(
                f"{exposure_label(study, exposure)}: {reading_text(reading)}",
                window,
                [fullest.get(((exposure, reading, window), quantity)) for _, quantity, _ in SHOWN],
                _ratio_note(fullest.get(((exposure, reading, window), "ratio"))),
            )
            for exposure, reading, window in uses
        ]
        words = "Odds ratios within and between families, with the ratio of the two and its p-value"
        marks = [(style, text) for style, _, text in SHOWN]
        figure = grouped_marks(groups, marks, words, "between / within", NOTE_WIDTH)
        caption = f"Within and between families: {FAMILIES[kind]}"
        yield ContrastFigure(caption, figure, marks, _table(study, kind, own))


def family_words(kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The paragraph of methods, where families are told apart."""
    if kinds:
        yield (
            "Within and between families",
            "For cases and population controls alike, exposure on the index date was found of the person and of its "
            f"{' and of its '.join(label(kind) for kind in kinds)} who might serve as controls on that day; persons "
            "without one left this analysis. Conditional logistic regression of the population sets held own exposure "
            "and the mean exposure of the family (the between-within model): the coefficient of own exposure is the "
            "association within families, its sum with that of the mean the association between them, and that of the "
            "mean their ratio, whose p-value tests that causes of exposure and outcome which families share play no "
            "part. "
            "Beside it stands the estimate from relatives as controls, which leaves out all that families share. "
            "Standard errors are robust, sets of cases of one sibship as a cluster; rows with a missing covariate "
            "were left out.",
        )


def _use(row: Row) -> Key:
    return row["exposure"], row["reading"], row["window"]


def _ratio_note(row: Row | None) -> str:
    if row is None or row["estimate"] is None:
        return ABSENT
    return f"{ratio_text(row['estimate'])} ({interval_text(row)}), p {p_text(row['p_value'])}"


def _table(study: Study, kind: str, rows: Sequence[Row]) -> Table:
    top = [
        *head("Quantity", numbers_from=9),
        *head("Cases", "Exposed", "Controls", "Exposed", "Crude", "Adjusted", "p", numbers_from=0),
    ]
    body: list[list[Cell]] = []
    for use, own in grouped(rows, _use).items():
        exposure, reading, window = use
        body.append(group_row(f"{exposure_label(study, exposure)}: {reading_text(reading)}, {window}", len(top)))
        for quantity, same in grouped(own, lambda row: row["quantity"]).items():
            body.append(_line(quantity, same))
    notes = [
        "Odds ratios; the last line of each block is a ratio of odds ratios. A ratio of 1: the family tells nothing "
        "beyond own exposure. P: of the fullest model. Counts: persons with a family, observable over the window.",
    ]
    return Table(f"Within and between families: {FAMILIES[kind]}", top, body, notes)


WORDS = {quantity: text for _, quantity, text in SHOWN} | {"ratio": "between over within"}
COUNTED = ("n_cases", "n_exposed_cases", "n_controls", "n_exposed_controls")


def _line(quantity: str, same: Sequence[Row]) -> list[Cell]:
    first, last = same[0], same[-1]
    counted = quantity in ("population", "within")
    counts = [count_text(first, name) if counted else "" for name in COUNTED]
    adjusted = "" if last is first else _number(last)
    text = WORDS[quantity]
    return [
        Cell(text[:1].upper() + text[1:], "level", head=True),
        *numbers(*counts, _number(first), adjusted, p_text(last["p_value"])),
    ]


def _number(row: Row) -> str:
    if row["estimate"] is None:
        return row["reason"].replace("_", " ").lower() if row["reason"] else ABSENT
    return f"{ratio_text(row['estimate'])} ({interval_text(row)})"
