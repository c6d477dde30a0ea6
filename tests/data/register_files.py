"""Makes small registers for tests: tables as CSV, Parquet, SAS or Stata files, and a mapping file beside them."""

from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyreadstat
from pyarrow import csv, parquet

Columns = dict[str, list[Any]]

REGISTERS: dict[str, Columns] = {
    "persons": {
        "LopNr": [1, 2, 3, 4],
        "Kon": ["1", "2", "2", "1"],
        "Fodd": [date(1950, 3, 1), date(1960, 6, 30), date(2005, 5, 5), date(1970, 1, 1)],
        "Lan": ["01", "12", None, "01"],
    },
    "deaths": {"LopNr": [1], "Dag": [date(2010, 2, 3)], "Orsak": ["G122"]},
    "migrations": {
        "LopNr": [2, 2, 4],
        "Dag": [date(2003, 1, 31), date(2004, 1, 1), date(2009, 9, 9)],
        "Typ": ["Utv", "Inv", "Inv"],
    },
    "drugs": {
        "LopNr": [1, 1, 2],
        "Dag": [date(2006, 1, 2), date(2006, 1, 2), date(2008, 8, 8)],
        "ATC": ["N06AB04", "N05BA01", "N06AB04"],
        "Antal": [2.0, 1.0, 1.0],
        "Stycken": [30.0, 25.0, 100.0],
        "Styrka": [20.0, 5.0, 10.0],
    },
}
MAPPING = """
mapping_version = 1
name = "small registers"
period = { from = 2001-01-01, to = 2012-12-31 }

[persons]
file = "persons.SUFFIX"
person = "LopNr"
sex = { column = "Kon", values = { "1" = "male", "2" = "female" } }
birth = "Fodd"
region = "Lan"

[deaths]
file = "deaths.SUFFIX"
person = "LopNr"
date = "Dag"
cause = "Orsak"

[migrations]
file = "migrations.SUFFIX"
person = "LopNr"
date = "Dag"
direction = { column = "Typ", values = { Inv = "in", Utv = "out" } }

[[dispensings]]
file = "drugs.SUFFIX"
person = "LopNr"
date = "Dag"
code = "ATC"
quantity = ["Antal", "Stycken"]
strength = "Styrka"
"""


def registers(**changes: dict[str, list[Any]]) -> dict[str, Columns]:
    """The small registers with other columns in some of the tables, or further tables."""
    tables = deepcopy(REGISTERS)
    for name, columns in changes.items():
        tables[name] = columns if name not in tables else tables[name] | columns
    return tables


def write(
    folder: Path, tables: dict[str, Columns] = REGISTERS, mapping: str = MAPPING, suffix: str = "parquet"
) -> Path:
    """The mapping file, beside the tables in files of one form."""
    folder.mkdir(exist_ok=True)
    for name, columns in tables.items():
        write_table(folder / f"{name}.{suffix}", columns)
    place = folder / "mapping.toml"
    place.write_text(mapping.replace("SUFFIX", suffix), encoding="utf-8")
    return place


def write_table(path: Path, columns: Columns) -> None:
    table = pa.table(columns)
    form = path.name.partition(".")[2]
    if form == "parquet":
        parquet.write_table(table, path)
    elif form.startswith("csv"):
        with pa.output_stream(path) as stream:  # compresses by the name
            csv.write_csv(table, stream)
    else:
        frame = pd.DataFrame({name: pd.Series(cells, dtype=_dtype(cells)) for name, cells in columns.items()})
        writer = {"xpt": pyreadstat.write_xport, "dta": pyreadstat.write_dta}[form]
        writer(frame, str(path), **({"file_format_version": 8} if form == "xpt" else {}))


def _dtype(cells: list[Any]) -> str:
    if any(isinstance(cell, datetime) for cell in cells):
        return "datetime64[us]"
    return "float64" if all(isinstance(cell, int | float) or cell is None for cell in cells) else "object"
