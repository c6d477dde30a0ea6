"""The page says what the results hold, in words, and holds nothing that is hidden."""

import os
import re
from html import unescape
from pathlib import Path

import pytest

from equipoise.errors import OutputError, SourceError
from equipoise.report.findings import direction, tally
from equipoise.report.write import report_html, write_report
from equipoise.results.results import Results
from equipoise.results.suppress import suppress
from equipoise.results.tables import table
from equipoise.results.write import write
from tests.report.example import EXPOSURES, STUDY, example_results, example_study, manifest
from tests.results.invented import invent, invented_tables

SECTIONS = [
    "found",
    "design",
    "attrition",
    "characteristics",
    "exposure",
    "estimates",
    "matching",
    "data-quality",
    "concept-sets",
    "methods",
    "provenance",
]


@pytest.fixture(scope="module")
def results() -> Results:
    return example_results()


@pytest.fixture(scope="module")
def page(results: Results) -> str:
    return report_html(results)


def words(page: str) -> str:
    """The text of a page without its style sheet, white space made single."""
    text = re.sub(r"<style>.*?</style>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))


def test_every_section_is_there_in_order(page: str) -> None:
    assert re.findall(r'<section id="([^"]+)">', page) == SECTIONS


def test_the_page_asks_for_nothing_from_outside(page: str) -> None:
    assert "http" not in re.sub(r'http-equiv="[^"]+"', "", page)
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page)
    assert "@import" not in page
    assert "url(" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_tables_are_labelled(page: str) -> None:
    tables = re.findall(r"<table>.*?</table>", page, flags=re.S)
    assert len(tables) > 10
    for text in tables:
        assert "<caption>" in text
        assert '<th scope="col"' in text
    for header in re.findall(r"<th\b[^>]*>", page):
        assert "scope=" in header
    for figure in re.findall(r"<figure.*?</figure>", page, flags=re.S):
        assert "<figcaption>" in figure
        assert "<table>" in figure


def test_each_row_has_as_many_cells_as_its_head(page: str) -> None:
    for text in re.findall(r"<table>.*?</table>", page, flags=re.S):
        columns = len(re.findall(r'<th scope="col"', text))
        carried = 0
        for row in re.findall(
            r"<tr>(.*?)</tr>", re.search(r"<tbody>(.*)</tbody>", text, flags=re.S).group(1), flags=re.S
        ):
            cells = re.findall(r"<t[hd]([^>]*)>", row)
            width = sum(int((re.search(r'colspan="(\d+)"', cell) or [0, 1])[1]) for cell in cells)
            assert width + (1 if carried else 0) == columns
            carried = max(carried - 1, 0)
            for cell in cells:
                if span := re.search(r'rowspan="(\d+)"', cell):
                    carried = int(span[1]) - 1


def test_the_estimates_stand_with_their_numbers(results: Results, page: str) -> None:
    row = next(row for row in results.rows("estimates") if row["estimate"] is not None)
    text = words(page)
    assert f"{row['estimate']:.2f} ({row['conf_low']:.2f} to {row['conf_high']:.2f})" in text
    assert f"{row['n_exposed_cases']} / {row['n_cases']}" in text
    assert "Not estimated: the estimate rests on a count that is suppressed" in text
    assert "SMALL_CELLS" not in text
    assert "reference: never used" in text


def test_hidden_counts_are_said_to_be_hidden(page: str) -> None:
    assert "Hidden: a count of 1 to 4, or one from which such a count could be worked out" in page
    assert "hidden" in words(page)


def test_the_threshold_is_that_of_the_run() -> None:
    assert "Hidden: a count of 1 to 9," in report_html(example_results(min_cell_count=10))
    shown = report_html(example_results(min_cell_count=0))
    assert "Hidden:" not in shown
    assert "Counts are shown as they are" in shown


def test_methods_are_those_of_the_protocol(page: str) -> None:
    text = words(page)
    for phrase in (
        "incidence-density (risk-set) sampling",
        "for each case up to 4, at random and without replacement",
        "matched to the case on sex and year of birth (± 2 years)",
        "age 40 to 89 years",
        "a date from 2008-01-01 to 2020-12-31",
        "at least 365 days of prior observation",
        "no peptic ulcer in the 180 days before",
        "dispensings on at least 2 distinct dates",
        "1-5 y (day −1,826 to day −366)",
        ">5 y (any day up to day −1,827)",
        "took account of peptic ulcer (recorded, day −730 to day −1)",
        "conditional logistic regression with the exact conditional likelihood",
        "95\u202f% Wald confidence intervals",
        "Standard errors are model-based",
    ):
        assert phrase.replace("\u202f", " ") in text.replace("\u202f", " "), phrase


def test_options_change_the_methods() -> None:
    text = STUDY.replace(
        'adjust_for = ["ulcer", "region"]',
        'adjust_for = ["ulcer", "region"]\ninteractions = [["ulcer", "region"]]\nties = "efron"\ninterval = "profile"\n'
        "conf_level = 0.9",
    ).replace("birth_year_caliper = 2", 'birth_year_caliper = 0\nunobservable = "keep"\nfree_of = ["ulcer"]')
    shown = words(report_html(example_results(study=example_study(text)))).replace("\u202f", " ")
    for phrase in (
        "Efron's approximation",
        "90 % profile-likelihood confidence intervals",
        "Interactions: peptic ulcer × Region",
        "matched to the case on sex and year of birth.",
        "free of peptic ulcer, and who met",
        "the shortfall is shown",
    ):
        assert phrase in shown, phrase
    clustered = text.replace('interval = "profile"', 'cluster = "person"')
    shown = words(report_html(example_results(study=example_study(clustered))))
    assert "robust; a set is a cluster, together with sets of which its case is a member" in shown


def test_provenance_is_complete_and_leaves_out_what_changes_between_runs(results: Results) -> None:
    page = report_html(results)
    text = words(page)
    for value in (results.manifest["study_hash"], "ab" * 32, "20251", "numpy 2.4.6", "Invented register", "5.4"):
        assert value in text
    cached = {**results.manifest, "steps": [{"name": "people", "kind": "people", "state": "cached"}]}
    assert report_html(Results(results.tables, cached, {"seconds": 3})) == page


def test_sensitivity_analyses_are_listed_and_folded(page: str) -> None:
    assert "design.run_in_days = 0" in page
    assert page.count('<details class="analysis"><summary>Does the run-in matter?</summary>') >= 5


def test_text_of_the_study_cannot_become_markup(results: Results) -> None:
    study = example_study(STUDY.replace('label = "Celecoxib"', 'label = "<img src=x onerror=alert(1)>"'))
    page = report_html(Results(results.tables, {**results.manifest, **manifest(study)}))
    assert "<img" not in page
    assert "&lt;img" in page


@pytest.mark.parametrize("n_sets", [0, 1])
def test_a_study_without_an_answer_is_a_page_too(n_sets: int) -> None:
    tables = invented_tables(invent(1, n_sets, n_exposures=3), EXPOSURES, unmatched=0)
    text = words(report_html(Results.suppressed(tables, manifest(example_study()), min_cell_count=5)))
    assert ("nothing to compare" in text) == (n_sets == 0)
    assert "Not estimated" in text


def test_no_rows_at_all() -> None:
    text = words(report_html(Results({}, {**manifest(example_study()), "min_cell_count": 5})))
    assert "No person met the rules for a case" in text
    assert "No cohort was formed" in text


def test_no_control_at_all() -> None:
    sampling = {"analysis": "risk", "comparison": "population", "n_cases": 12, "n_cases_unmatched": 12, "n_controls": 0}
    tables = suppress({"sampling": table("sampling", [sampling])}, 5)
    assert "No case had an eligible control" in words(report_html(Results(tables, manifest(example_study()))))


def test_directions_say_no_more_than_the_interval() -> None:
    above = {"estimate": 1.5, "conf_low": 1.1, "conf_high": 2.0, "reason": None}
    below = {"estimate": 0.5, "conf_low": 0.3, "conf_high": 0.9, "reason": None}
    across = {"estimate": 1.5, "conf_low": 0.8, "conf_high": 2.0, "reason": None}
    absent = {"estimate": None, "conf_low": None, "conf_high": None, "reason": "SEPARATION"}
    assert direction(above).startswith("higher odds")
    assert direction(below).startswith("lower odds")
    assert "compatible with lower and with higher" in direction(across)
    assert "separates cases from controls" in direction(absent)
    said = tally([above, above, below, across, absent])
    assert said.startswith("Of 5 estimates: in 2 the interval lies wholly above 1")
    assert "in 1 the interval lies wholly below 1" in said
    assert "1 has no estimate" in said


def test_a_folder_and_its_results_give_the_same_page(results: Results, tmp_path: Path) -> None:
    write(results, tmp_path / "out")
    one = write_report(results, tmp_path / "a.html").read_bytes()
    assert write_report(tmp_path / "out", tmp_path / "deep" / "b.html").read_bytes() == one
    assert os.stat(tmp_path / "a.html").st_mode & 0o400


def test_results_without_a_study_have_no_report() -> None:
    with pytest.raises(SourceError, match="holds no study"):
        report_html(Results({}, {"seed": 1}))
    with pytest.raises(SourceError, match="cannot be read at"):
        report_html(Results({}, {"study": {"spec_version": 1}}))


def test_a_place_that_cannot_be_written_is_one_message(results: Results, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        write_report(results, tmp_path / "file" / "report.html")
    assert caught.value.exit_code == 11
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        write_report(results, tmp_path / "folder")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
