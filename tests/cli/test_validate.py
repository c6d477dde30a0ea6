"""`equipoise validate`: every fault at once, then what the design leaves open to doubt."""

from pathlib import Path

import pytest

from tests.cli.command import STUDY, equipoise
from tests.spec_model.examples import FULL


def test_a_valid_study(tmp_path: Path) -> None:
    done = equipoise("validate", STUDY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("nsaid-gi-bleed: a valid study with 1 analysis\n")
    assert "warning no-lag: analyses" in done.stdout


def test_a_study_from_standard_input() -> None:
    done = equipoise("validate", "-", stdin=FULL)
    assert done.returncode == 0
    assert done.stdout.startswith("full: a valid study with 1 analysis and 1 sensitivity analysis\n")
    assert equipoise("validate", "-", stdin="x = ").stderr.startswith("error:\n  standard input\n    found    not TOML")


def test_every_fault_at_once(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    damaged = FULL.replace("seed = 7", "sead = 7").replace('ties = "efron"', 'ties = "efron2"')
    path.write_text(damaged.replace('cases = "cases"', 'cases = "case"'))
    done = equipoise("validate", path)
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr == (
        "error: 3 faults\n"
        '  analyses["main"].design.cases\n'
        "    found    unknown cohort 'case'\n"
        "    allowed  'cases', 'users'\n"
        "    to do    did you mean 'cases'?\n"
        '  analyses["main"].ties\n'
        "    found    'efron2'\n"
        "    allowed  'exact', 'efron', 'breslow'\n"
        "    to do    did you mean 'efron'?\n"
        "  sead\n"
        "    found    unknown key\n"
        "    allowed  analyses, cohorts, concept_sets, contrasts, covariate_sets, covariates, data_needs, exposures, "
        "gate, grids, id, negative_controls, published, purpose, question, seed, sensitivity, spec_version, title, "
        "triangulation, windows\n"
        "    to do    did you mean 'seed'?\n"
    )


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"a: 1"])
def test_what_is_no_study(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    done = equipoise("validate", path)
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr.startswith(f"error:\n  {path}\n    found    ")


def test_no_such_file_and_a_folder(tmp_path: Path) -> None:
    for path, found in ((tmp_path / "none.toml", "no such file"), (tmp_path, "a folder")):
        done = equipoise("validate", path)
        assert done.returncode == 10
        assert done.stderr.startswith(f"error:\n  {path}\n    found    {found}\n")
