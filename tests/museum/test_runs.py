"""Runs that once went wrong without a word, in their smallest form."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import equipoise as eq
from equipoise.errors import EquipoiseError, OutputError, SourceError, SpecError
from equipoise.runner.artifact import Artifact
from equipoise.runner.code_hash import PACKAGE, code_hash
from equipoise.runner.store import Store
from equipoise.spec.read import parse_study
from tests.generative.databases import random_people, write_database
from tests.generative.test_case_control import STUDY


@pytest.fixture
def database(tmp_path: Path) -> Path:
    rng = np.random.default_rng(2)
    write_database(random_people(rng, 300), tmp_path / "data", rng)
    return tmp_path / "data"


def changed(**parts: Any) -> eq.Study:
    return parse_study(deepcopy(STUDY) | parts)


def test_clearing_a_folder_that_is_not_a_store_is_refused(tmp_path: Path) -> None:
    """`store clear` once removed a user's own folder that happened to be called like one of ours."""
    (tmp_path / "artefacts").mkdir()
    (tmp_path / "artefacts" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="something other than a store"):
        Store(tmp_path).clear()
    with pytest.raises(OutputError, match="something other than a store"):
        Store(tmp_path).keep("k", Artifact())
    assert (tmp_path / "artefacts" / "thesis.txt").exists()


def test_a_place_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    """A store in an existing folder once locked the owner's colleagues out of it."""
    place = tmp_path / "shared"
    place.mkdir(mode=0o775)
    before = place.stat().st_mode
    Store(place).keep("k", Artifact())
    assert place.stat().st_mode == before
    assert (place / "artefacts").stat().st_mode & 0o777 == 0o700


def test_a_damaged_artefact_is_noticed_and_made_anew(tmp_path: Path) -> None:
    """A store once believed whatever it found."""
    store = Store(tmp_path / "store")
    store.keep("k", Artifact({}, {"n": 355}))
    (path,) = (tmp_path / "store").rglob("values.json")
    path.write_text('{"n": 444}')
    with pytest.raises(OutputError, match="damaged"):
        store.load("k")
    assert store.digest("k") is None


def test_data_that_change_under_an_open_source_are_refused(database: Path, tmp_path: Path) -> None:
    """What had been read before the change was once filed as the content after it."""
    with eq.connect(database) as source:
        table = pq.read_table(database / "condition_occurrence.parquet")
        pq.write_table(table.slice(5), database / "condition_occurrence.parquet")
        with pytest.raises(SourceError, match="changed while they were being read"):
            eq.run(changed(), source, to=tmp_path / "results", store=tmp_path / "store")
    assert not (tmp_path / "results").exists()


def test_a_covariate_cannot_take_the_name_of_a_column_of_ours() -> None:
    """A covariate named like the observability column once decided which rows were used."""
    bad = {"name": "observable | any_use | 0-1 y", "kind": "birth_year"}
    with pytest.raises(SpecError, match="vertical bar"):
        changed(covariates=[bad])


def test_an_exposure_may_be_called_like_a_window(database: Path, tmp_path: Path) -> None:
    """Equal parts of a column's name once fell together, so two columns had one name."""
    raw = deepcopy(STUDY)
    raw["exposures"] = {"0-1 y": raw["exposures"]["drug"]}
    raw["analyses"][0]["design"]["exposures"] = ["0-1 y"]
    with eq.connect(database) as source:
        people = eq.assemble(parse_study(raw), source, analysis="risk")
    assert len(set(people.names)) == len(people.names)


def test_a_concept_set_may_be_called_like_a_step(database: Path, tmp_path: Path) -> None:
    """Steps were once told apart by a text that the name of a concept set could repeat."""
    name = "the sets of risk"
    raw = deepcopy(STUDY)
    raw["concept_sets"][name] = raw["concept_sets"]["ulcer"]
    raw["cohorts"]["bleeders"]["exclude_prior"] = [{"concept_set": name, "days": 100}]
    with eq.connect(database) as source:
        assert len(eq.assemble(parse_study(raw), source, analysis="risk"))


def test_store_and_results_lie_apart(database: Path, tmp_path: Path) -> None:
    """Person-level arrays once came to lie inside the results folder."""
    with eq.connect(database) as source:
        for to, store in (("a", "a"), ("a", "a/store"), ("b/results", "b")):
            with pytest.raises(OutputError, match="inside one another"):
                eq.run(changed(), source, to=tmp_path / to, store=tmp_path / store)
    assert not (tmp_path / "a").exists()


def test_a_birth_year_out_of_range_is_no_birth_date(database: Path, tmp_path: Path) -> None:
    """One absurd year once stopped the run."""
    people = pq.read_table(database / "person.parquet").to_pylist()
    people[0]["year_of_birth"] = 20_000_000
    pq.write_table(type(pq.read_table(database / "person.parquet")).from_pylist(people), database / "person.parquet")
    with eq.connect(database) as source:
        assert len(eq.assemble(changed(), source, analysis="risk"))


def test_the_key_of_reading_steps_covers_everything_that_reads() -> None:
    """Drivers and readers are loaded by name, so that following imports does not find them."""
    module = "equipoise.runner.extraction"
    assert (PACKAGE / "data" / "files.py").exists()
    assert code_hash(module, "data") != code_hash(module)


def test_errors_of_paths_are_the_users_own(tmp_path: Path) -> None:
    """A path that the system refuses was once called a defect of Equipoise."""
    (tmp_path / "file").write_text("")
    for place in (tmp_path / ("x" * 300), tmp_path / "file" / "inside"):
        with pytest.raises(EquipoiseError):
            eq.connect(place)
