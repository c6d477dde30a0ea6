"""The network view: the same persons with the same identifiers, in care only, recorded in part."""

from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import equipoise as eq
from equipoise.data.people import extract_people
from equipoise.data.quality import data_quality
from equipoise.errors import DesignError
from equipoise.simulate.block import NEVER, Place
from equipoise.simulate.course_episodes import RILUZOLE
from equipoise.simulate.nation import Block, draw_block
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.network import network_tables, network_view
from equipoise.simulate.true_values import read_nation_truth
from equipoise.simulate.write_nation import write_nation

PLACE = Place(seed=4, block=0, first_person=1, persons=8_000)


@pytest.fixture(scope="module")
def block() -> Block:
    return draw_block(NationSpec(), PLACE, 80.0)


def treated(view) -> set[int]:
    return set(view.dispensings.person[view.dispensings.what == RILUZOLE].tolist())


def test_nothing_is_recorded_outside_care(block: Block) -> None:
    view = network_view(NationSpec(), block)
    here = np.zeros(len(block.people), bool)
    here[view.persons] = True
    for records in (view.conditions, view.dispensings, view.visits, view.procedures, view.problems):
        assert len(records)
        assert here[records.person].all()
        assert (records.day >= view.start[records.person]).all()
        assert (records.day <= view.end[records.person]).all()
    dead = view.death < NEVER
    assert (view.death[dead] == block.death[dead]).all()
    assert here[dead].all()
    assert (view.end[dead] == block.death[dead]).all()


def test_records_are_those_of_the_nation(block: Block) -> None:
    view = network_view(NationSpec(), block)
    whole = set(zip(block.dispensings.person, block.dispensings.day, block.dispensings.what, strict=True))
    part = set(zip(view.dispensings.person, view.dispensings.day, view.dispensings.what, strict=True))
    assert part < whole


def test_shares_match_their_parameters(block: Block) -> None:
    spec = NationSpec()
    view = network_view(spec, block)
    ill = np.zeros(len(block.people), bool)
    ill[block.disease.person[block.course.diagnosed]] = True
    here = np.zeros(len(block.people), bool)
    here[view.persons] = True

    def close(share: float, expected: float, n: int) -> bool:
        return abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n)

    assert close(here[ill].mean(), spec.network.ill_in_care, ill.sum())
    assert close(here[~ill].mean(), spec.network.in_care, (~ill).sum())
    dies_here = here & (block.death <= view.end)
    assert close((view.death < NEVER)[dies_here].mean(), spec.network.death_captured, dies_here.sum())


def test_complete_capture_is_the_register(block: Block) -> None:
    spec = parse_nation({"switches": {"incomplete_capture": False}})
    view = network_view(spec, block)
    assert len(view.persons) == len(block.people)
    assert len(view.dispensings) == len(block.dispensings)
    assert len(view.conditions) == len(block.conditions)
    seen = block.death <= block.people.leaves
    assert np.array_equal(view.death[seen], block.death[seen])
    assert (view.death[~seen] == NEVER).all()


def test_a_person_is_seen_alike_whatever_else_is_prescribed(block: Block) -> None:
    spec = parse_nation({"network": {"in_care": 0.5}})
    few, many = network_view(NationSpec(), block), network_view(spec, block)
    assert set(few.persons) < set(many.persons)
    assert treated(few) == treated(many)


def test_tables_know_race_and_no_relatives_or_civil_life(block: Block) -> None:
    tables, patients = network_tables(NationSpec(), block)
    assert patients == len(treated(network_view(NationSpec(), block)))
    assert "fact_relationship" not in tables
    assert set(tables["observation"]["observation_source_value"].to_pylist()) == {"Spinal onset", "Bulbar onset"}
    race = np.asarray(tables["person"]["race_concept_id"])
    assert abs((race == 8527).mean() - 0.78) < 4 * np.sqrt(0.78 * 0.22 / len(race))


def small(patients: int, **more: Any) -> NationSpec:
    return parse_nation({"network": {"riluzole_treated": patients, **more}})


def count(folder: Path, table: str, where: str = "true") -> int:
    query = f"select count(*) from read_parquet('{folder / table}.parquet') where {where}"
    return duckdb.connect().execute(query).fetchall()[0][0]


def test_the_network_is_enlarged_to_its_size_with_persons_beyond_the_nation(tmp_path: Path) -> None:
    place = tmp_path / "nation"
    write_nation(place, small(300), persons=3_000, seed=2, views=("register", "network"), workers=2)
    network = place / "network"
    drugs = f"read_parquet('{network}/drug_exposure.parquet')"
    query = f"select count(distinct person_id) from {drugs} where drug_source_value = 'N07XX02'"
    assert duckdb.connect().execute(query).fetchall()[0][0] >= 300
    assert count(place, "person") == 3_000
    inside, beyond = count(network, "person", "person_id <= 3000"), count(network, "person", "person_id > 3000")
    assert 0 < inside < 3_000
    assert beyond > inside
    same = f"""select count(*) from read_parquet('{network}/person.parquet') n
               join read_parquet('{place}/person.parquet') p using (person_id)
               where n.year_of_birth = p.year_of_birth and n.gender_concept_id = p.gender_concept_id"""
    assert duckdb.connect().execute(same).fetchall()[0][0] == inside
    catchment = read_nation_truth(network)
    assert (catchment.first_block, catchment.first_person) == (1, 3_001)
    assert catchment.multiplier == NationSpec().network.multiplier
    patients = count(network / "truth", "disease")
    assert patients > 300
    kinds = ("condition_occurrence", "drug_exposure", "procedure_occurrence", "measurement")
    with closing(eq.connect(network)) as source:
        assert len(extract_people(source)) == inside + beyond
        assert not [finding for finding in data_quality(source, kinds) if finding.n_records]


def test_the_bytes_do_not_depend_on_the_workers(tmp_path: Path) -> None:
    for workers in (1, 3):
        write_nation(
            tmp_path / str(workers), small(100), persons=2_000, seed=2, views=("register", "network"), workers=workers
        )
    files = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*.*"))
    assert len(files) > 25
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "3" / file).read_bytes(), file


def test_a_smaller_nation_replaces_a_larger_one_with_its_network(tmp_path: Path) -> None:
    write_nation(tmp_path, small(50), persons=1_000, views=("register", "network"))
    write_nation(tmp_path, small(50), persons=1_000)
    assert not (tmp_path / "network").exists()


def test_a_network_as_duckdb_file(tmp_path: Path) -> None:
    write_nation(tmp_path / "n.duckdb", small(0), persons=1_000, views=("register", "network"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "n.duckdb", "n.network.duckdb", "n.network.truth", "n.truth"
    ]  # fmt: skip


def test_patients_that_never_come_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equipoise.simulate.drawn_nation.BLOCK_PERSONS", 200)
    with pytest.raises(DesignError, match="riluzole_treated"):
        write_nation(tmp_path / "n", small(10, riluzole_captured=0.0), persons=200, views=("network",))
    assert not list(tmp_path.rglob("*.parquet"))
