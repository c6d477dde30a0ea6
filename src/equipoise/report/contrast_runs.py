"""How large the avoided bias would have been, and one question answered by several designs."""

from collections.abc import Iterator, Sequence
from math import exp
from typing import Any

from equipoise.report.forest import RatioScale, axis, interval, ratio_scale, reason_text
from equipoise.report.numbers import interval_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.views import Cell, Table, grouped, head
from equipoise.results.tables import MEASURES
from equipoise.spec.contrasts import FLAWS
from equipoise.spec.study import Study
from equipoise.spec.triangulation import DIRECTIONS

Row = dict[str, Any]
CAUTION = (
    "Flawed numbers are no results of this study. They come from the same persons and records with one deliberate"
    " mistake in the design; the difference is the bias that the mistake causes here, what it changes about the"
    " question, and chance."
)
FLAWED, SOUND = "crude", "adjusted"  # how the forest draws them: open and filled


def flawed_words(study: Study, rows: Sequence[Row]) -> Iterator[str]:
    """One sentence for each flaw, with every flawed estimate that can be held against its own."""
    given = [row for row in rows if row["log_difference"] is not None]
    for (flaw, measure), own in grouped(given, lambda row: (_flaw(row), MEASURES[row["measure"]])).items():
        plural = f"{measure} would have been" if len(own) == 1 else f"{measure}s would have been"
        parts = [
            f"{ratio_text(row['flawed_estimate'])} instead of {ratio_text(row['estimate'])}"
            f" ({ratio_text(exp(row['log_difference']))} times as large; {_of(study, row)})"
            for row in own
        ]
        yield f"If {flaw}, the {plural} {'; '.join(parts)}."


def flawed_table(study: Study, rows: Sequence[Row]) -> Table:
    """Each estimate with its flawed version beneath it, on one scale; filled: of the study, open: flawed."""
    top = head("Flaw", "Of", "Design", "Ratio, log scale", "Ratio (interval)", "Difference of logs", numbers_from=9)
    pairs = [(row, _flawed_half(row)) for row in rows]
    scale = ratio_scale([half for pair in pairs for half in pair])
    body: list[list[Cell]] = []
    for row, flawed in pairs:
        difference = "" if row["log_difference"] is None else f"{row['log_difference']:+.3f}".replace("-", "\u2212")
        first = [Cell(_flaw(row), head=True, rows=2), Cell(_of(study, row), rows=2)]
        own = row | {"adjustment": SOUND}
        body.append([*first, Cell("as planned"), *_drawn(own, scale), Cell(difference, "number", rows=2)])
        body.append([Cell("FLAWED"), *_drawn(flawed, scale)])
    foot = [Cell("", columns=3), Cell(axis(scale), "plot axis-cell"), Cell("", columns=2)]
    notes = ["Filled: the analysis of the study. Open: the same analysis with the flaw; no result of the study."]
    return Table("Estimates beside deliberately flawed ones", top, body, notes, foot if body else (), "forest")


def _flawed_half(row: Row) -> Row:
    names = ("estimate", "conf_low", "conf_high", "reason")
    return {name: row[f"flawed_{name}"] for name in names} | {"adjustment": FLAWED}


def _drawn(row: Row, scale: RatioScale) -> list[Cell]:
    if row["estimate"] is None:
        return [Cell(f"Not estimated: {reason_text(row['reason'])}", "reason", columns=2)]
    numbers = f"{ratio_text(row['estimate'])} ({interval_text(row)})"
    return [Cell(interval(row, scale), "plot"), Cell(numbers, "number")]


def _flaw(row: Row) -> str:
    return next(words for flaw, words in FLAWS.items() if flaw == row["flaw"]).removeprefix("FLAWED: ")


def _of(study: Study, row: Row) -> str:
    trial = next((item.target_trial for item in study.analyses if item.id == row["analysis"]), None)
    if trial is not None:
        return f"{row['exposure']} against {row['comparison']}"
    window = f", {row['window']}" if row["window"] else ""
    return f"{exposure_label(study, row['exposure'])}{window}"


def triangulation_table(study: Study, rows: Sequence[Row]) -> Table:
    """Every answer with its interval on one scale, and the direction in which it is expected to err."""
    top = head(
        "Analysis", "Contrast", "Measure", "Ratio, log scale", "Ratio (interval)", "Expected bias", numbers_from=9
    )
    scale = ratio_scale(rows)
    titles = {analysis.id: analysis.label or analysis.id for analysis in study.every_analysis()}
    body = []
    for row in rows:
        measure = MEASURES.get(row["measure"] or "", "")
        named = Cell(titles[row["analysis"]], head=True, note=row["design"].replace("_", " "))
        contrast = row["contrast"] or (_of(study, row) if row["exposure"] else "")
        bias = Cell(_arrow(row["expected_bias"]), note=row["why"])
        body.append([named, Cell(contrast), Cell(measure), *_drawn(row, scale), bias])
    foot = [Cell("", columns=3), Cell(axis(scale), "plot axis-cell"), Cell("", columns=2)]
    notes = ["Measures differ by design: odds ratios of rare outcomes compare with hazard ratios, risk ratios less so."]
    return Table("Answers with their expected bias", top, body, notes, foot, "forest")


ARROWS = {"upward": "→ upward", "downward": "← downward"}


def _arrow(direction: str) -> str:
    return ARROWS.get(direction) or next(words for known, words in DIRECTIONS.items() if known == direction)


def triangulation_words(rows: Sequence[Row]) -> Iterator[str]:
    """What the answers say together, if every expectation holds."""
    given = [row for row in rows if row["estimate"] is not None]
    if not given:
        yield "No analysis has an estimate."
        return
    above = sum(row["estimate"] > 1 for row in given)
    yield f"{len(given)} of {len(rows)} answers have an estimate: {above} above 1, {len(given) - above} not."
    by_side = grouped(given, lambda row: _side(row))
    too_high = [row["estimate"] for row in by_side.get("too high", [])]
    too_low = [row["estimate"] for row in by_side.get("too low", [])]
    high, low = min(too_high, default=None), max(too_low, default=None)
    if high is not None and low is not None and low > high:
        yield (
            f"Answers expected to err upward lie as low as {ratio_text(high)}, those expected to err downward as high"
            f" as {ratio_text(low)}: chance apart, not all of these expectations can hold."
        )
    elif high is not None and low is not None:
        between = f"between {ratio_text(low)} and {ratio_text(high)}"
        yield f"If those expected to err do so as expected, the truth lies, chance apart, {between}."
    elif high is not None:
        yield f"If those expected to err do so as expected, the truth lies, chance apart, below {ratio_text(high)}."
    elif low is not None:
        yield f"If those expected to err do so as expected, the truth lies, chance apart, above {ratio_text(low)}."


def _side(row: Row) -> str:
    """Whether an answer is expected to be too high or too low; bias that depends on the null goes by its side of 1."""
    upper = row["estimate"] > 1
    return {
        "upward": "too high",
        "downward": "too low",
        "away from null": "too high" if upper else "too low",
        "towards": "too low" if upper else "too high",
    }.get(row["expected_bias"], "")
