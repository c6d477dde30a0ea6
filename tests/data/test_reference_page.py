"""The reference page of data sources names every table, column, check and rule that there is."""

from pathlib import Path

import pytest

from equipoise.data.connect import connect
from equipoise.data.quality import data_quality
from equipoise.data.tables import TABLES, CdmTable
from tests.data.build import ONE_PERSON, write_parquet

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "data-sources.md").read_text()


def row_of(table: CdmTable) -> str:
    names = []
    for column in table.columns:
        name = f"**{column.name}**" if column.required else column.name
        names.append(name + (f" ({', '.join(column.also)})" if column.also else ""))
    return f"| {f'**{table.name}**' if table.required else table.name} | {', '.join(names)} |"


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_table_and_column_is_listed(table: CdmTable) -> None:
    assert row_of(table) in PAGE


def test_every_rule_is_listed(tmp_path: Path) -> None:
    with connect(write_parquet(tmp_path, ONE_PERSON)) as source:
        for finding in data_quality(source, {"drug_exposure"}):
            table = (
                f"`{finding.table}`"
                if finding.table in ("person", "observation_period", "death")
                else "each table of events"
            )
            assert f"| {table} | {finding.check} | {finding.rule} |" in PAGE
