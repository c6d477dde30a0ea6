"""The register form of the nation: the declared columns, the same bytes from any number of threads, the same people."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from equipoise.errors import OutputError, UnsupportedError
from equipoise.simulate import drawn_nation, write_nation
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.register_reference import AGAIN, reference_page
from equipoise.simulate.register_tables import COLUMNS, MAKERS, MAPPING, mapping_text
from tests.simulate.nation_database import ask
from tests.studies.places import ROOT

OPTIONS = {"persons": 4_000, "seed": 3, "multiplier": 60.0}


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms")
    for form in ("omop", "registers"):
        write_nation.write_nation(folder / form, form=form, **OPTIONS)
    return folder


def test_every_table_has_the_declared_columns(forms: Path) -> None:
    assert COLUMNS.keys() == MAKERS.keys()
    for table, columns in COLUMNS.items():
        assert pq.read_schema(forms / "registers" / f"{table}.parquet").names == list(columns)
    files = {path.name for path in (forms / "registers").iterdir()}
    assert files == {*(f"{table}.parquet" for table in COLUMNS), MAPPING, "truth"}


def test_the_page_of_columns_is_up_to_date() -> None:
    page = ROOT / "docs" / "reference" / "register-tables.md"
    assert page.read_text(encoding="utf-8") == reference_page(), AGAIN


def test_the_truth_is_the_same_in_both_forms(forms: Path) -> None:
    for path in (forms / "omop" / "truth").iterdir():
        assert path.read_bytes() == (forms / "registers" / "truth" / path.name).read_bytes()


def test_the_bytes_do_not_depend_on_the_number_of_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn_nation, "BLOCK_PERSONS", 1_000)
    for workers in (1, 3):
        write_nation.write_nation(tmp_path / str(workers), form="registers", workers=workers, **OPTIONS)
    for table in (*(f"{name}.parquet" for name in COLUMNS), MAPPING):
        assert (tmp_path / "1" / table).read_bytes() == (tmp_path / "3" / table).read_bytes()


def test_numbers_of_persons_and_of_unseen_parents_are_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn_nation, "BLOCK_PERSONS", 1_000)
    write_nation.write_nation(tmp_path, form="registers", **OPTIONS)
    mothers = "from @parents q left join @persons p on p.LopNr = LopNrMor"
    seen, unseen = ask(tmp_path, f"select count(p.LopNr), count(*) - count(p.LopNr) {mothers}")[0]
    assert seen > 0
    assert unseen > 0
    # Nobody is both a mother and a father, and no unseen parent has children in two blocks.
    assert ask(tmp_path, "select count(*) from @parents a join @parents b on a.LopNrMor = b.LopNrFar") == [(0,)]
    block = "(LopNr - 1) // 1000"
    shared = f"from @parents where LopNrMor > 1000000 group by LopNrMor having max({block}) > min({block})"
    assert ask(tmp_path, f"select LopNrMor {shared}") == []


def test_an_earlier_nation_of_the_other_form_is_replaced(tmp_path: Path) -> None:
    for form in ("omop", "registers", "omop"):
        write_nation.write_nation(tmp_path, persons=100, form=form)
        assert (tmp_path / MAPPING).exists() == (form == "registers")
        assert (tmp_path / "person.parquet").exists() == (form == "omop")
        assert (tmp_path / "persons.parquet").exists() == (form == "registers")


def test_registers_of_somebody_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "persons.parquet").write_bytes(b"not ours")
    with pytest.raises(OutputError):
        write_nation.write_nation(tmp_path, persons=100, form="registers")
    assert (tmp_path / "persons.parquet").read_bytes() == b"not ours"


def test_registers_are_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="a folder"):
        write_nation.write_nation(tmp_path / "nation.duckdb", persons=100, form="registers")


def test_what_is_interrupted_leaves_no_mapping_and_no_table(tmp_path: Path) -> None:
    def interrupt(done: int, expected: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_nation.write_nation(tmp_path, persons=100, form="registers", progress=interrupt)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_mapping_says_the_nation_s_own_period() -> None:
    spec = parse_nation({"population": {"register_from": "2003-01-01", "register_to": "2019-12-31"}})
    text = mapping_text(spec)
    assert "from = 2003-01-01\nto = 2019-12-31\n" in text
    assert text.count("2003-01-01") == 1
    assert mapping_text(NationSpec()).count("2001-01-01") == 1


def test_the_strength_of_a_pack_is_its_defined_daily_doses(forms: Path) -> None:
    file = forms / "registers" / "dispensings.parquet"
    found = duckdb.sql(f"select distinct ANTNUM * STYRKNUM / FORPDDD from '{file}' where ATC = 'N06AB04'").fetchall()
    assert found == [(20.0,)]
