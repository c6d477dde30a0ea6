"""`duckdb://` URLs: a DuckDB file by its path, with the schema named if several hold a CDM."""

from equipoise.data.catalog import Catalog
from equipoise.data.engine import EngineOptions
from equipoise.data.files import open_duckdb_file
from equipoise.data.urls import address
from equipoise.errors import Fault, SourceError


def open_url(url: str, snapshot: str | None, options: EngineOptions) -> Catalog:
    """`duckdb:///data/cdm.duckdb` is /data/cdm.duckdb or, if there is none, data/cdm.duckdb in the working folder."""
    parts = address(url)
    path = next((path for path in parts.paths if path.is_file()), None)
    if path is None:
        raise SourceError(Fault(parts.path, "there is no such file", "the path of a DuckDB file"))
    return open_duckdb_file(path, snapshot, options, parts.choice)
