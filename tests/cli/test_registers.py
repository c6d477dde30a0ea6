"""Registers on the command line: written, planned and studied through their mapping file; its faults as exit codes."""

from pathlib import Path

import pytest

from tests.cli.command import ROOT, equipoise

STUDY = ROOT / "studies" / "als-prognosis.toml"


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("nation") / "registers"
    done = equipoise(
        "simulate", "--form", "registers", "--persons", 3_000, "--als-incidence-multiplier", 100, "--to", place
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{place}: 3,000 persons, registers; use them with --data {place / 'mapping.toml'}",
        f"{place / 'truth'}: what no table of the database holds, every parameter included",
    ]
    return place


def test_a_study_runs_on_a_mapping_file(nation: Path, tmp_path: Path) -> None:
    mapping = nation / "mapping.toml"
    done = equipoise("run", STUDY, "--data", mapping, "--to", tmp_path / "results", store=tmp_path / "store")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "report.html").exists()
    again = equipoise("plan", STUDY, "--data", mapping, store=tmp_path / "store")
    assert again.returncode == 0, again.stderr
    assert "to do" not in again.stdout


def test_faults_of_the_mapping_and_of_what_it_names_have_their_exit_codes(nation: Path, tmp_path: Path) -> None:
    text = (nation / "mapping.toml").read_text(encoding="utf-8")
    wrong = {
        10: (text.replace("mapping_version = 1", "mapping_version = 9"), "mapping_version"),
        11: (text.replace('"EDATUM"', '"EXPEDITION"'), "dispensings.parquet has no column 'EXPEDITION'"),
    }
    for code, (written, said) in wrong.items():
        (nation / "wrong.toml").write_text(written, encoding="utf-8")
        done = equipoise("run", STUDY, "--data", nation / "wrong.toml", "--to", tmp_path / "results")
        assert done.returncode == code
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def test_validate_names_sets_that_share_records_and_codes_that_are_not_there(nation: Path, tmp_path: Path) -> None:
    """The faults of a run, in seconds and without one."""
    text = STUDY.read_text(encoding="utf-8").replace(
        "[concept_sets.antidepressants]",
        '[concept_sets.ssri]\ndomain = "drug"\n'
        'include = [{ code_prefix = "N06AB" }, { vocabulary = "ATC", code = "Z9" }]\n\n'
        "[concept_sets.antidepressants]",
    )
    asked = {"antidepressants": 12, "hypnotics": 0}
    for beside, code in asked.items():
        study = tmp_path / f"{beside}.toml"
        study.write_text(text.replace(f'= ["{beside}"]', f'= ["{beside}", "ssri"]'), encoding="utf-8")
        done = equipoise("validate", study, "--data", nation / "mapping.toml")
        assert done.returncode == code, done.stderr
        assert done.stdout.startswith("als-prognosis: a valid study")
        if code:
            refused = equipoise(
                "run", study, "--data", nation / "mapping.toml", "--to", tmp_path / "results", store=tmp_path / "store"
            )
            assert (refused.returncode, refused.stderr[refused.stderr.index("error:") :]) == (code, done.stderr)
            assert (
                "exposures.antidepressants.concept_sets\n    found    'antidepressants' and 'ssri' name the"
                in done.stderr
            )
        else:
            assert (
                "\nwarning unknown-code: concept set 'ssri', code 'Z9' of ATC: not in the table concept\n"
                in done.stdout
            )
            assert done.stdout.endswith(
                "data: every concept set can be looked up, and those of an exposure share no record\n"
            )


def test_index_dates_before_the_registers_begin_are_an_answer_with_reasons(nation: Path, tmp_path: Path) -> None:
    text = (nation / "mapping.toml").read_text(encoding="utf-8")
    (nation / "late.toml").write_text(text.replace("from = 2001-01-01", "from = 2023-12-30"), encoding="utf-8")
    results = tmp_path / "results"
    done = equipoise("run", STUDY, "--data", nation / "late.toml", "--to", results, store=tmp_path / "store")
    assert done.returncode == 0, done.stderr
    assert "warning: 102 of 102 estimates are absent (102 ONE_ARM_EMPTY" in done.stderr
    attrition = (results / "tables" / "attrition.csv").read_text(encoding="utf-8")
    assert "at least 1826 days of observation before the day" in attrition
    assert (results / "report.html").exists()
