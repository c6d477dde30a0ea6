"""Whole runs of the shipped studies and of the demonstration: no hidden count of any table can be worked out.

The attacker also uses sums that no table declares (see `tests.results.attacker`).
"""

from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

import equipoise as eq
from equipoise.results import results as results_of_runs
from equipoise.results.suppress import suppress
from equipoise.results.tables import table
from equipoise.simulate.demo import demo_database, demo_study
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.study import Study
from tests.results.attacker import Attacker
from tests.results.invented import invent, invented_tables
from tests.studies.places import STUDIES, shared_data

K = 5


def run_seen(study: Study, data: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict, dict]:
    """The tables of a run before suppression and as they were published."""
    seen: list[dict[str, pa.Table]] = []

    def keep(tables: dict[str, pa.Table], k: int) -> dict[str, pa.Table]:
        seen.append(dict(tables))
        return suppress(tables, k)

    monkeypatch.setattr(results_of_runs, "suppress", keep)
    with closing(eq.connect(data)) as source:
        published = eq.run(study, source, to=place / "to", store=place / "store", min_cell_count=K).tables
    return seen[0], {name: content for name, content in published.items() if name in seen[0]}


def assert_nothing_is_given_away(truth: dict, published: dict) -> None:
    attacker = Attacker(published, truth)
    assert attacker.given_away() == []
    assert attacker.pinned(K) == []
    for name, content in published.items():
        for row in content.to_pylist():
            shown = (row[column.removesuffix("_suppressed")] for column in row if column.endswith("_suppressed"))
            assert not any(value is not None and 1 <= value < K for value in shown), name


@pytest.mark.parametrize("name", ["celecoxib-diclofenac", "nsaid-gi-bleed"])
def test_studies_of_gibleed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = eq.read_study(STUDIES / f"{name}.toml")
    assert_nothing_is_given_away(*run_seen(study, shared_data("gibleed"), tmp_path, monkeypatch))


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation")
    write_nation(folder, persons=30_000, seed=7, multiplier=60, views=("register", "network"))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("als-prognosis", "register"),
        ("rem-target-trial", "register"),
        ("rem-suppression-als", "network"),
        ("psychotropics-als", "register"),
    ],
)
def test_studies_of_the_nation(
    name: str, view: str, nation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = eq.read_study(STUDIES / f"{name}.toml")
    data = nation / view if (nation / view).is_dir() else nation
    assert_nothing_is_given_away(*run_seen(study, data, tmp_path, monkeypatch))


@pytest.mark.slow
def test_the_demonstration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo_database(tmp_path / "data")
    assert_nothing_is_given_away(*run_seen(demo_study(), tmp_path / "data", tmp_path, monkeypatch))


def test_the_attacker_finds_sums_that_are_not_declared_and_what_they_give_away() -> None:
    truth = invented_tables(invent(3, 300), ["celecoxib", "diclofenac"], 0)
    careless = {name: _only_small_hidden(name, content) for name, content in truth.items()}
    attacker = Attacker(careless, truth)
    assert attacker.found
    assert attacker.pinned(K)
    assert_nothing_is_given_away(truth, suppress(truth, K))


def _only_small_hidden(name: str, content: pa.Table) -> pa.Table:
    rows = content.to_pylist()
    counts = [column.removesuffix("_suppressed") for column in content.column_names if column.endswith("_suppressed")]
    for row in rows:
        for column in counts:
            row.pop(f"{column}_suppressed")
            if row[column] is not None and 1 <= row[column] < K:
                row[column] = None
    return table(name, rows)
