"""The files of registers as relations of the embedded engine: Parquet, delimited text, SAS and Stata."""

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path

import ibis.expr.types as ir

from equipoise.data.engine import DuckDBEngine, quoted_name
from equipoise.data.engine_errors import said_plainly
from equipoise.data.files import scan_of_parquet, scan_of_text
from equipoise.errors import Fault, SourceError

PARQUET, TEXT = (".parquet",), (".csv", ".csv.gz", ".tsv", ".tsv.gz")
STATISTICAL = (".sas7bdat", ".xpt", ".dta")
FORMS = ", ".join((*PARQUET, *TEXT, *STATISTICAL))


def form_of(path: Path) -> str | None:
    """How a file's name ends, of the forms that are read; None for any other."""
    name = path.name.lower()
    return next((form for form in (*PARQUET, *TEXT, *STATISTICAL) if name.endswith(form)), None)


class RegisterFile:
    """A table kept in one file, or in several files of the same form with the same columns.

    `shown`    its name in messages
    `columns`  names as written
    `stored`   every column as stored, a relation
    `fill`     copies the rows of a SAS or Stata file into the engine, at the first call; needed before `stored` is read
    `is_text`  a scan of it is dear, so that what is needed of it is read once
    """

    def __init__(self, engine: DuckDBEngine, paths: tuple[Path, ...]):
        self.shown = " + ".join(path.name for path in paths)
        self._engine, self._paths = engine, paths
        forms = {form_of(path) for path in paths}
        if len(forms) > 1 or None in forms:
            raise SourceError(Fault(self.shown, "files of several forms or of one that is not read", FORMS))
        form = str(forms.pop())
        self.is_text, self._is_statistical = form in TEXT, form in STATISTICAL
        with said_plainly(self.shown):
            self.stored = _statistical().prepare(engine, paths) if self._is_statistical else self._view()
        self.columns = tuple(self.stored.columns)
        self.fill = cache(self._fill)

    def _fill(self) -> None:
        if self._is_statistical:
            _statistical().fill(self._engine, self.stored, self._paths)

    def column(self, name: str) -> str | None:
        """The column of that name as written; any letter case if that tells it apart."""
        if name in self.columns:
            return name
        alike = [column for column in self.columns if column.lower() == name.lower()]
        return alike[0] if len(alike) == 1 else None

    def meant(self, name: str) -> str:
        """A remedy for a name that is no column."""
        close = get_close_matches(name, self.columns, n=1)
        return f"did you mean {close[0]!r}?" if close else ""

    def _view(self) -> ir.Table:
        scans = [scan_of_text(path) for path in self._paths] if self.is_text else [scan_of_parquet(self._paths)]
        self._refuse_other_columns()
        name = self._engine.new_name("register")
        rows = " UNION ALL BY NAME ".join(f"SELECT * FROM {scan}" for scan in scans)
        self._engine.run(f"CREATE VIEW {quoted_name(name)} AS {rows}")
        return self._engine.stored(name)

    def _refuse_other_columns(self) -> None:
        """A column that only some parts have would read as nothing in the others."""
        if len(self._paths) == 1:
            return
        scans = [scan_of_text(path) if self.is_text else scan_of_parquet([path]) for path in self._paths]
        columns = [{str(row[0]) for row in self._engine.run(f"DESCRIBE SELECT * FROM {scan}")} for scan in scans]
        other = sorted(columns[0].union(*columns) - columns[0].intersection(*columns))
        if other:
            found = f"not every part has the columns {', '.join(map(repr, other))}"
            raise SourceError(Fault(self.shown, found, "the same columns in every part"))


def _statistical():
    try:
        return import_module("equipoise.data.statistical_files")
    except ImportError:
        fault = Fault(
            "files of SAS or Stata",
            "reading them needs the Python package pyreadstat, which is not installed",
            remedy="pip install 'equipoise[statistical-files]', or export the tables as Parquet or CSV",
        )
        raise SourceError(fault) from None
