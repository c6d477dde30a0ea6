"""The nation file: defaults, faults, and the page that is made from the models."""

import re
from pathlib import Path

import pytest

from equipoise.errors import SpecError
from equipoise.simulate.nation_reference import reference_page
from equipoise.simulate.nation_spec import NationSpec, parse_nation, read_nation
from equipoise.simulate.parameters import Section

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "nation.md"


def test_an_empty_file_is_the_default_nation(tmp_path: Path) -> None:
    path = tmp_path / "nation.toml"
    path.write_text("")
    assert read_nation(path) == NationSpec()


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "nation.toml"
    path.write_text(
        "[effects]\nrem_suppression_on_death = 1.0\nclass_on_als_onset = { N05B = 1.5 }\n"
        "[population]\nregister_from = 2003-01-01\n[switches]\nprodrome = false\n"
    )
    nation = read_nation(path)
    assert nation.effects.class_on_als_onset == {"N05B": 1.5, "N05C": 1.0, "N06A": 1.0}
    assert nation.population.register_from.isoformat() == "2003-01-01"
    assert nation.switches.prodrome is False
    assert nation.course == NationSpec().course


def test_a_table_of_tables_keeps_what_it_does_not_name() -> None:
    psychiatry = parse_nation({"psychiatry": {"diagnoses": {"F33": {"rate": 9.0}}}}).psychiatry
    default = NationSpec().psychiatry.diagnoses
    assert psychiatry.diagnoses["F33"] == default["F33"].model_copy(update={"rate": 9.0})
    assert psychiatry.diagnoses["F32"] == default["F32"]


def test_every_fault_is_reported_at_once() -> None:
    raw = {
        "population": {"regions": 0, "girlz": 0.5, "births": [[2000, -1.0]]},
        "switches": {"prodrome": 1},
        "effects": {"class_on_als_onset": {"N05B": "none"}},
        "extra": {},
    }
    with pytest.raises(SpecError) as caught:
        parse_nation(raw)
    places = {fault.where for fault in caught.value.faults}
    assert {
        "population.regions", "population.girlz", "switches.prodrome", "extra", "effects.class_on_als_onset.N05B",
    } <= places  # fmt: skip
    (girls,) = (fault for fault in caught.value.faults if fault.where == "population.girlz")
    assert "did you mean 'girls'" in girls.remedy


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"population": {"register_to": "1999-12-31"}}, "follow"),
        ({"population": {"births": [[2000, 1.0], [1990, 1.0]]}}, "ascend"),
        ({"population": {"children": [0.0]}}, "all 0"),
        ({"population": {"stay_years": [3.0, 1.0]}}, "shortest stay"),
        ({"psychiatry": {"diagnoses": {"F99": {}}}}, "F99"),
    ],
)
def test_contradictions_are_faults(raw: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_nation(raw)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"a = ", "not TOML"), (b"\xff", "UTF-8"), (b"a = " + b"[" * 5000, "TOML")],
)
def test_files_that_are_no_nation(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "nation.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=words):
        read_nation(path)


def test_the_page_is_up_to_date() -> None:
    again = "python -m equipoise.simulate.nation_reference > docs/reference/nation.md"
    assert PAGE.read_text(encoding="utf-8") == reference_page(), f"make it anew: {again}"


def sections(section: Section) -> list[Section]:
    inside = [getattr(section, name) for name in type(section).model_fields]
    inside += [item for value in inside if isinstance(value, dict) for item in value.values()]
    return [section, *(each for value in inside if isinstance(value, Section) for each in sections(value))]


def test_every_parameter_has_a_unit_a_source_and_a_meaning() -> None:
    for section in sections(NationSpec()):
        for name, field in type(section).model_fields.items():
            if isinstance(getattr(section, name), Section):
                continue
            about = field.json_schema_extra
            assert isinstance(about, dict), f"{type(section).__name__}.{name}"
            assert about["unit"]
            assert about["source"]
            assert field.description
    assert len(re.findall(r"^\| `", reference_page(), flags=re.MULTILINE)) > 100
