"""Files that cannot be read or are not TOML, and what reading does not do: run code, guess, change."""

import ast
import copy
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import equipoise.spec.read as reading
from equipoise.errors import Fault, SpecError
from equipoise.spec.canonical import study_hash
from equipoise.spec.read import parse_study, read_study, study_from_bytes
from tests.spec_model.examples import FULL, changed, full, minimal

ROOT = Path(__file__).parents[2]


def fault_of(content: bytes | str) -> Fault:
    with pytest.raises(SpecError) as caught:
        study_from_bytes(content.encode() if isinstance(content, str) else content, "study.toml")
    (fault,) = caught.value.faults
    return fault


def fault_at(path: Path) -> Fault:
    with pytest.raises(SpecError) as caught:
        read_study(path)
    (fault,) = caught.value.faults
    assert fault.where == str(path)
    return fault


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(FULL, encoding="utf-8")
    assert read_study(path) == read_study(str(path)) == parse_study(full())


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    marked = b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode()
    assert study_from_bytes(marked, "x") == parse_study(full())


def test_names_are_the_same_however_their_accents_are_composed() -> None:
    text = FULL.replace("past =", '"pass\u00e9" =').replace('"past"', '"passe\u0301"')
    assert "pass\u00e9" in study_from_bytes(text.encode(), "x").windows


def test_no_file(tmp_path: Path) -> None:
    assert fault_at(tmp_path / "none.toml").found == "no such file"


def test_a_folder(tmp_path: Path) -> None:
    assert fault_at(tmp_path).found == "a folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.touch(mode=0o000)
    assert fault_at(path).found == "no permission to read it"


def test_a_file_that_refuses_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert fault_at(tmp_path / "study.toml").found == "no permission to read it"


def test_a_path_that_is_none() -> None:
    with pytest.raises(SpecError, match="not a path"):
        read_study("a\0b")


@pytest.mark.parametrize("content", [b"", b"  \n\n", b"\xef\xbb\xbf"])
def test_an_empty_file(content: bytes) -> None:
    assert fault_of(content).found == "an empty file"


def test_text_in_another_encoding() -> None:
    fault = fault_of('title = "Café"'.encode("latin-1"))
    assert (fault.found, fault.remedy) == ("not text in UTF-8 (byte 13)", "save it as UTF-8")


def test_a_file_too_large_to_be_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 10)
    assert fault_of("x = 1234567").found == "11 bytes"


@pytest.mark.parametrize(
    "content",
    [
        "title = ",
        "[[analyses]\n",
        "a = 1\na = 2\n",
        '{"id": "json"}',
        "id: yaml\n",
        "\x00",
        "seed = 0x",
        "d = 2015-02-30",
    ],
)
def test_text_that_is_not_toml(content: str) -> None:
    fault = fault_of(content)
    assert fault.found.startswith("not TOML: ")
    assert fault.allowed == "a study file in TOML 1.0"


def test_a_number_too_long_to_read() -> None:
    assert fault_of("seed = " + "9" * 5000).found.startswith("not TOML: ")


def test_tables_nested_too_deeply() -> None:
    assert fault_of("x = " + "[" * 100_000 + "]" * 100_000).found == "tables or lists nested too deeply"


def test_comments_only_leave_every_required_key_missing() -> None:
    with pytest.raises(SpecError) as caught:
        study_from_bytes(b"# nothing yet\n", "x")
    assert {fault.where for fault in caught.value.faults} == {
        *("spec_version", "id", "title", "question"),
        *("concept_sets", "cohorts", "exposures", "windows", "analyses"),
    }
    assert {fault.found for fault in caught.value.faults} == {"missing"}


CODE = "__import__('os').system('touch ran')"


@pytest.mark.parametrize(
    "path", ["title", "question/text", "covariates/1/label", "analyses/0/label", "data_needs/note"]
)
def test_what_looks_like_code_stays_text(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = parse_study(changed(full(), path, CODE))
    assert CODE in study.model_dump_json()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("key", ["formula", "python", "sql", "connection", "password", "include_file"])
def test_there_is_no_place_for_code_or_secrets(key: str) -> None:
    for path in (key, f"question/{key}", f"covariates/1/{key}", f"analyses/0/{key}", f"analyses/0/design/{key}"):
        with pytest.raises(SpecError, match="unknown key"):
            parse_study(changed(full(), path, CODE))


def test_reading_calls_nothing_that_could_run_a_text() -> None:
    runners = {"eval", "exec", "compile", "__import__", "import_module", "getattr_static", "loads_pickle", "system"}
    for path in (ROOT / "src" / "equipoise" / "spec").glob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else None
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            owner = called.value.id if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) else ""
            assert name not in runners or owner == "re", f"{path.name}:{node.lineno} calls {name}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "yaml", "importlib", "subprocess", "os"}, path.name


def test_dates_may_stand_in_quotes() -> None:
    quoted = changed(full(), "data_needs/drug_recording_from", "2005-07-01")
    assert study_hash(parse_study(quoted)) == study_hash(parse_study(full()))


def test_the_word_none_switches_a_setting_off() -> None:
    study = parse_study(changed(full(), "analyses/0/design/birth_year_caliper", "none"))
    assert study.analyses[0].design.birth_year_caliper is None
    assert study.every_analysis()[1].design.birth_year_caliper is None


@pytest.mark.parametrize("make", [full, minimal])
def test_a_study_cannot_be_changed(make: Any) -> None:
    study = parse_study(make())
    before = study_hash(study)
    with pytest.raises(ValidationError):
        study.seed = 2
    with pytest.raises(ValidationError):
        study.analyses[0].design.controls_per_case = 1
    for table in (study.windows, study.concept_sets, study.cohorts, study.exposures):
        for change in (
            lambda t: t.update(x=1),
            lambda t: t.pop("drug", None),
            lambda t: t.clear(),
            lambda t: t.__setitem__("x", 1),
            lambda t: t.__delitem__("drug"),
            lambda t: t.__ior__({"x": 1}),
            lambda t: t.setdefault("x", 1),
        ):
            with pytest.raises(TypeError, match="cannot be changed"):
                change(table)
    assert study_hash(study) == before


def test_changes_of_sensitivity_analyses_cannot_be_changed_either() -> None:
    change = parse_study(full()).sensitivity[0].change
    with pytest.raises(TypeError):
        change["design"]["windows"] = ("recent",)
    assert change["design"]["windows"] == ("past", "remote")


def test_reading_leaves_the_plain_values_as_they_were() -> None:
    raw = full()
    parse_study(raw)
    assert raw == full()


def test_studies_survive_copying_and_pickling() -> None:
    study = parse_study(full())
    assert copy.deepcopy(study) == study == pickle.loads(pickle.dumps(study))
