"""The tables of a page, each from one result table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from equipoise.report.numbers import ABSENT, HIDDEN, count_text, count_with_percent, decimal_text
from equipoise.report.protocol import concept_set_text, exposure_label, reading_text
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.spec.study import Study

Row = Mapping[str, Any]
STATISTICS = {"mean": "mean (SD)", "median": "median (interquartile range)"}


def attrition(rows: Sequence[Row], label: str) -> Table:
    """Rules of one cohort with the persons before, removed and left."""
    body = [
        [
            Cell(sentence(row["rule"]), head=True),
            *numbers(*(count_text(row, name) for name in ("n_in", "n_excluded", "n_remaining"))),
        ]
        for row in rows
    ]
    return Table(f"Attrition: {label}", head("Rule", "Persons before", "Removed", "Left"), body)


def characteristics(rows: Sequence[Row], sampling: Row | None) -> Table:
    """Table 1. Numeric variables have a row a statistic, categorical ones a row a level."""
    n_cases, n_controls = _group_sizes(rows, sampling)
    top = head(
        "Characteristic",
        f"Cases (n\u00a0=\u00a0{n_cases})",
        f"Controls (n\u00a0=\u00a0{n_controls})",
        "Standardized difference",
    )
    body: list[list[Cell]] = []
    for variable, members in grouped(rows, lambda row: row["variable"]).items():
        if members[0]["statistic"] == "count":
            body += _levels(variable, members)
        else:
            body += _numeric(variable, members)
    notes = [
        "Standardized difference: in units of the pooled standard deviation; cases less controls for numeric "
        "characteristics, without sign for categorical ones."
    ]
    return Table("Table 1. Characteristics on the index date", top, body, notes)


def _group_sizes(rows: Sequence[Row], sampling: Row | None) -> tuple[str, str]:
    """Cases and controls that Table 1 describes: those of a numeric row with nothing missing, else those matched."""
    for row in rows:
        if row["statistic"] != "count" and row["n_cases_missing"] == 0 == row["n_controls_missing"]:
            return count_text(row, "n_cases"), count_text(row, "n_controls")
    if sampling is None:
        return ABSENT, ABSENT
    return count_text(sampling, "n_cases_matched"), count_text(sampling, "n_controls")


def _levels(variable: str, members: Sequence[Row]) -> Iterator[list[Cell]]:
    difference = decimal_text(members[0]["standardized_difference"], 2)
    yield [Cell(f"{sentence(variable)}, n (%)", "level", head=True), *numbers("", "", difference)]
    for row in members:
        texts = [count_with_percent(row, f"n_{who}", f"value_{who}") for who in ("cases", "controls")]
        yield [Cell(row["level"], "indent", head=True), *numbers(*texts, "")]


def _numeric(variable: str, members: Sequence[Row]) -> Iterator[list[Cell]]:
    differences = [row["standardized_difference"] for row in members if row["statistic"] == "mean"]
    difference = decimal_text(differences[0] if differences else None, 2)
    yield [Cell(sentence(variable), "level", head=True), *numbers("", "", difference)]
    for row in members:
        texts = [centre_and_spread(row, who) for who in ("cases", "controls")]
        yield [Cell(STATISTICS[row["statistic"]], "indent", head=True), *numbers(*texts, "")]
    first = members[0]
    if first["n_cases_missing"] != 0 or first["n_controls_missing"] != 0:
        texts = [count_text(first, f"n_{who}_missing") for who in ("cases", "controls")]
        yield [Cell("missing, n", "indent", head=True), *numbers(*texts, "")]


def centre_and_spread(row: Row, who: str) -> str:
    """Mean (SD) or median (interquartile range) of one group."""
    centre, spread = row[f"value_{who}"], row[f"spread_{who}"]
    # Calendar years are not thousands.
    year = row["variable"].lower().startswith(("calendar year", "year")) or row["variable"].lower() == "birth year"
    text = decimal_text(centre).replace(",", "") if year else decimal_text(centre)
    return text if spread is None else f"{text} ({decimal_text(spread)})"


def exposure(study: Study, rows: Sequence[Row]) -> Table:
    """Exposed cases and controls among those observable over the window."""
    top = head(
        "Exposure", "Exposed cases", "of cases", "Exposed controls", "of controls", "Cases not observable",
        "Controls not observable",
    )  # fmt: skip
    body: list[list[Cell]] = []
    for (name, reading), members in grouped(rows, lambda row: (row["exposure"], row["reading"])).items():
        body.append(group_row(f"{exposure_label(study, name)}: {reading_text(reading)}", len(top)))
        for window, same in grouped(members, lambda row: row["window"]).items():
            body += _exposure_rows(study, window, _once(same))
    notes = [
        "Not observable: left out of the row because their own use, or that of the case they were drawn for, could not "
        "be seen over the whole window."
    ]
    return Table("Exposed cases and controls", top, body, notes)


def _once(rows: Sequence[Row]) -> list[Row]:
    """Rows that differ by more than the model they are of: a level beside the windows is in several, with one count."""
    return [row for i, row in enumerate(rows) if all(_apart(row, before) for before in rows[:i])]


def _apart(row: Row, other: Row) -> bool:
    return any(row[name] != other[name] for name in row if name != "factor")


def _exposure_rows(study: Study, window: str, same: Sequence[Row]) -> Iterator[list[Cell]]:
    for i, row in enumerate(same):
        cells = [
            cell
            for who in ("cases", "controls")
            for cell in (
                count_with_percent(row, f"n_exposed_{who}", f"percent_exposed_{who}"),
                count_text(row, f"n_{who}"),
            )
        ]
        cells += [count_text(row, f"n_{who}_not_observable") for who in ("cases", "controls")]
        yield [Cell(sentence(row["level"] or window), "indent" if i else "level", head=True), *numbers(*cells)]


def use(study: Study, rows: Sequence[Row]) -> Table:
    """How much was used by the exposed, and how much of the window could be seen."""
    top = head(
        "Exposure", "Days seen, cases", "controls", "Dispensings, cases", "controls", "Days supplied, cases",
        "controls", "Dose, cases", "controls",
    )  # fmt: skip
    body: list[list[Cell]] = []
    described = [row for row in rows if any(row[name] is not None for name in _AMOUNTS)]
    for (name, reading), members in grouped(described, lambda row: (row["exposure"], row["reading"])).items():
        body.append(group_row(f"{exposure_label(study, name)}: {reading_text(reading)}", len(top)))
        for row in members:
            texts = [decimal_text(row[name], 0 if name.startswith("median") else 1) for name in _AMOUNTS]
            if row["dose_unit"]:
                texts[-2:] = [text if text == ABSENT else f"{text} {row['dose_unit']}" for text in texts[-2:]]
            body.append([Cell(sentence(row["level"] or row["window"]), "level", head=True), *numbers(*texts)])
    notes = [
        "Days seen: median days of the window in which use could be seen. The others: means among the exposed; a dash "
        "where the database does not say, or too few were exposed."
    ]
    return Table("Amount of use, and time in which use could be seen", top, body, notes)


_AMOUNTS = tuple(
    f"{name}_{who}"
    for name in ("median_days_observed", "mean_dispensings", "mean_days_supplied", "mean_dose")
    for who in ("cases", "controls")
)


def coexposure(study: Study, rows: Sequence[Row]) -> Table:
    """Of those with one exposure, how many have another in the same window."""
    top = head("Exposure", "Also exposed to", "Window", "Cases with both", "of exposed cases", "Controls with both",
               "of exposed controls", numbers_from=3)  # fmt: skip
    body = [
        [
            Cell(exposure_label(study, row["exposure"]), head=True),
            Cell(exposure_label(study, row["other_exposure"])),
            Cell(row["window"]),
            *numbers(
                count_with_percent(row, "n_cases_both", "percent_cases_both"),
                count_text(row, "n_exposed_cases"),
                count_with_percent(row, "n_controls_both", "percent_controls_both"),
                count_text(row, "n_exposed_controls"),
            ),
        ]
        for row in rows
    ]
    return Table("Exposure to more than one drug", top, body)


def matching(rows: Sequence[Row]) -> Table:
    """Sets by the number of controls in them."""
    body = [
        [Cell(f"{row['controls_in_set']:,}", "number", head=True), *numbers(count_text(row, "n_sets"))] for row in rows
    ]
    return Table("Matched sets by number of controls", head("Controls in the set", "Sets", numbers_from=0), body)


def sampling(row: Row) -> Table:
    """The drawing of controls in summary."""
    lines = [
        ("Cases", count_text(row, "n_cases")),
        ("Cases with at least one control", count_text(row, "n_cases_matched")),
        ("Cases without any control", count_text(row, "n_cases_unmatched")),
        ("Controls drawn", count_text(row, "n_controls")),
        ("Distinct persons among the controls", count_text(row, "n_control_persons")),
        ("Controls per case, mean", decimal_text(row["mean_controls_per_case"], 2)),
        ("Persons at risk per case, median", _size(row, "risk_set_size_median")),
        ("Persons at risk per case, smallest", _size(row, "risk_set_size_min")),
        ("Persons at risk per case, largest", _size(row, "risk_set_size_max")),
        ("Probability of a person at risk to be drawn, mean", _probability(row["mean_inclusion_probability"])),
    ]
    return Table(
        "Sampling of controls", head("Quantity", "Value"), [[Cell(a, head=True), *numbers(b)] for a, b in lines]
    )


def _size(row: Row, name: str) -> str:
    """A size of risk sets is null where it is small, or where there are no cases."""
    return HIDDEN if row[name] is None and row["n_cases"] != 0 else decimal_text(row[name], 0)


def _probability(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.3g}"


def data_quality(rows: Sequence[Row]) -> Table:
    """The checks that found something, and how many found nothing."""
    found = [row for row in rows if row["n_records"] != 0]
    body = [
        [
            Cell(sentence(row["check"]), head=True),
            Cell(row["table"], "code"),
            *numbers(count_text(row, "n_records"), count_text(row, "n_persons")),
            Cell(sentence(row["rule"])),
        ]
        for row in found
    ]
    top = [*head("What was found", "Table", numbers_from=2), *head("Records", "Persons", numbers_from=0), Cell("Rule")]
    nothing = len(rows) - len(found)
    notes = [f"{nothing} further {'check' if nothing == 1 else 'checks'} found nothing."] if nothing else []
    return Table("Records that contradict themselves or one another", top, body, notes)


def concept_sets(study: Study, rows: Sequence[Row]) -> Table:
    """What each concept set means and what it found."""
    body = []
    for row in rows:
        concepts = study.concept_sets.get(row["name"])
        label = (concepts.label if concepts else None) or row["name"]
        body.append(
            [
                Cell(label, "level", head=True, note=row["warning"] or ""),
                Cell(row["domain"]),
                Cell(concept_set_text(concepts) if concepts else ""),
                *numbers(*(count_text(row, name) for name in ("n_concepts", "n_records", "n_persons"))),
            ]
        )
    top = head("Concept set", "Domain", "Definition", "Concepts", "Records", "Persons", numbers_from=3)
    return Table("Concept sets and what they match in the database", top, body)


def sentence(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
