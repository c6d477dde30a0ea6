"""Labels within sentences, signs of age bands, and what the page says of levels, strategies and empty tables."""

from importlib.resources import files
from typing import Any

import pytest

from equipoise.report.comparisons import side_by_side
from equipoise.report.controls import design_words
from equipoise.report.follow_up_methods import follow_up_methods
from equipoise.report.forest import forest
from equipoise.report.gate import gate_table, gate_words
from equipoise.report.page import _Page
from equipoise.report.published import published_hazards
from equipoise.report.sections import exposure
from equipoise.report.timeline import DiagramRow, timeline
from equipoise.report.wording import lowered, worded, wording
from equipoise.results.results import Results
from equipoise.spec.read import parse_study
from tests.report.example import STUDY, example_study, manifest
from tests.spec_model.test_follow_up_faults import raw

NAMED = example_study(
    STUDY.replace('label = "celecoxib"', 'label = "Hypnotics and sedatives"', 1).replace(
        'label = "peptic ulcer"', 'label = "Parkinson\'s disease"', 1
    )
)


@pytest.mark.parametrize(
    ("label", "within"),
    [
        ("Anxiolytics", "anxiolytics"),
        ("Tracheostomy with invasive ventilation", "tracheostomy with invasive ventilation"),
        ("Non-invasive ventilation", "non-invasive ventilation"),
        ("ALS in the quality register", "ALS in the quality register"),
        ("REM-suppressing antidepressant", "REM-suppressing antidepressant"),
        ("Parkinson's disease", "Parkinson's disease"),
        ("Parkinson disease", "Parkinson disease"),
        ("Non-Hodgkin lymphoma", "Non-Hodgkin lymphoma"),
        ("Vitamin D", "vitamin D"),
        ("X-ray", "X-ray"),
        ("already small", "already small"),
    ],
)
def test_a_label_loses_its_capital_unless_it_is_a_name(label: str, within: str) -> None:
    assert lowered(label) == within


def test_labels_within_a_sentence_lose_their_capital_and_headings_keep_it() -> None:
    words, prose = wording(NAMED), wording(NAMED, prose=True)
    assert words("use of Hypnotics and sedatives, ever") == "use of hypnotics and sedatives, ever"
    assert words("no Peptic ulcer or Hypnotics and sedatives") == "no peptic ulcer or hypnotics and sedatives"
    assert words("free of Parkinson's disease") == "free of Parkinson's disease"
    assert prose("2.0 times as large; Peptic ulcer") == "2.0 times as large; Peptic ulcer"
    assert words("Hypnotics and sedatives: Peptic ulcer") == "Hypnotics and sedatives: Peptic ulcer"
    assert prose("Read anew: Peptic ulcer. Peptic ulcer again.") == "Read anew: peptic ulcer. Peptic ulcer again."
    assert words("a Peptic ulcerative state") == "a Peptic ulcerative state"


def test_age_bands_have_the_sign_of_a_journal_and_ids_and_numbers_stay() -> None:
    row = {"subgroup_level": ">=65", "exposure": "celecoxib", "n": 3, "reason": None, "text": "(in groups <65, >=65)"}
    assert worded(row, wording(NAMED)) == row | {"subgroup_level": "≥65", "text": "(in groups <65, ≥65)"}


def initiation(term: str, adjustment: str, estimate: float) -> dict[str, Any]:
    counts = {"n_cases": 50, "n_exposed_cases": 20, "n_exposed_controls": 30, "n_persons": 250}
    return {
        "exposure": "celecoxib", "reading": "initiation", "window": "below minimum", "subgroup": "overall",
        "subgroup_level": "overall", "outcome": "bleed", "comparison": "population", "term": term,
        "target_level": "one dispensing only", "reference_level": "never used", "adjustment": adjustment,
        "measure": "odds_ratio", "estimate": estimate, "conf_low": 0.5, "conf_high": 2.0, "p_value": 0.4,
        "reason": None,
    } | counts  # fmt: skip


def test_a_level_estimated_in_two_models_has_a_row_header_for_each() -> None:
    first, second = (f"celecoxib | initiation | {windows} | below minimum" for windows in ("0-1 y + 1-5 y", ">1 y"))
    rows = [initiation(term, model, 1.1) for term in (first, second) for model in ("crude", "adjusted")]
    heads = [(c.content, c.note, c.rows) for line in forest(NAMED, rows, 0.95).rows for c in line if c.style == "level"]
    assert heads == [("One dispensing only", "beside 0-1 y, 1-5 y", 2), ("One dispensing only", "beside >1 y", 2)]
    (alone,) = [c for line in forest(NAMED, rows[:2], 0.95).rows for c in line if c.style == "level"]
    assert alone.note == ""


def test_a_level_of_two_models_is_counted_once() -> None:
    counts = {f"n_{name}": 20 for name in ("cases", "controls", "exposed_cases", "exposed_controls",
                                           "cases_not_observable", "controls_not_observable")}  # fmt: skip
    row = {
        "exposure": "celecoxib", "reading": "initiation", "window": "below minimum", "level": "one dispensing only",
        "percent_exposed_cases": 5.0, "percent_exposed_controls": 5.0,
    } | counts  # fmt: skip
    made = exposure(NAMED, [row | {"factor": "0-1 y + 1-5 y"}, row | {"factor": ">1 y"}, row | {"level": "never used"}])
    assert [line[0].content for line in made.rows[1:]] == ["One dispensing only", "Never used"]


def test_the_gate_of_a_target_trial_names_strategies_by_their_labels() -> None:
    row = {
        "exposure": "another", "diagnostic": "positivity", "status": "failed", "value": 0.0, "threshold": 0.01,
        "covariates": None,
    }  # fmt: skip
    names = {"another": "Start another drug"}
    assert gate_words(NAMED, [row], None, names)[-1].startswith("Start another drug: probability of")
    assert gate_table(NAMED, [row], names).rows[0][0].content == "Start another drug"


def test_one_target_is_one_arm() -> None:
    study = parse_study(raw())
    analysis = study.analyses[0]
    assert analysis.follow_up is not None
    arms = dict(follow_up_methods(study, analysis, analysis.follow_up))["Arms"]
    assert arms.startswith("The target arm was users of ")
    assert "each compared by itself" not in arms


def test_controls_of_relatives_are_named() -> None:
    row = {"window": "0-1 y", "reading": "initiation", "adjustment": "crude"}
    assert design_words(row | {"comparison": "siblings"}) == "siblings, 0-1 y, initiation, crude"
    for other in ("population", "not_suppressing", None):
        assert design_words(row | {"comparison": other}) == "0-1 y, initiation, crude"


def test_columns_of_comparisons_begin_with_a_capital() -> None:
    table = side_by_side(NAMED, NAMED.analyses[0], [], [])
    assert [cell.content for cell in table.head][1] == "Population controls"


def test_the_axis_of_the_diagram_reads_as_a_sentence() -> None:
    rows = [DiagramRow("use", None, -1, "exposure")]
    assert "time relative to time zero" in timeline(rows, "time zero")
    assert "time relative to the index date" in timeline(rows, "index date")
    assert rows[0].days == "up to day \u22121"


def estimates_of(rows: list[dict[str, Any]]) -> list[str]:
    study = parse_study(raw())
    page = _Page(Results({}, manifest(study)), study)
    page.rows["estimates"] = {"main": rows}
    return [table.caption for table in page.estimates(study.analyses[0]).tables]


def test_an_analysis_with_ratios_alone_has_no_empty_block_of_risks() -> None:
    ratio = initiation("drug", "crude", 1.1) | {"exposure": "drug", "measure": "hazard_ratio", "reading": None}
    assert estimates_of([ratio]) == ["Estimates with their intervals"]
    assert estimates_of([]) == ["Risks and their contrasts"]


def test_heads_stand_over_the_sides_of_their_columns() -> None:
    figure = {"analysis": "main", "exposure": "drug", "status": "firm", "source": "A paper", "estimate": 1.2}
    study = parse_study(raw() | {"published": [figure | {"quantity": "hazard_ratio"}]})
    made = published_hazards(study, study.analyses[0], [], [])
    assert made.rows
    for column, cell in enumerate(made.head):
        assert {line[column].style for line in made.rows if not line[column].head} <= {cell.style}, cell.content


def test_a_swatch_has_the_colour_of_its_mark() -> None:
    style = (files("equipoise.report") / "templates" / "style.css").read_text(encoding="utf-8")
    (rule,) = [line for line in style.splitlines() if ".swatch.third" in line]
    assert "background: var(--green);" in rule
    assert "fill: var(--green);" in rule
