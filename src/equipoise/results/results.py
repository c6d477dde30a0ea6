"""Waist 2: the results of a run as declared tables and a manifest. Never a person-level row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from equipoise.errors import EquipoiseError, Fault
from equipoise.results.suppress import suppress
from equipoise.results.tables import TABLES, schema_of


@dataclass(frozen=True, slots=True)
class Results:
    """Result tables by name, what is known about how they came to be, and how long it took.

    `tables`    Arrow tables that follow `equipoise.results.tables`; one that is not given is empty
    `manifest`  plain values: study, source, versions, seed, steps; the same for the same inputs
    `timings`   plain values that differ from run to run, kept apart so that the rest can be compared byte for byte

    Raises `EquipoiseError` on a table that does not follow its declaration.
    """

    tables: Mapping[str, pa.Table]
    manifest: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, table in self.tables.items():
            if not table.schema.equals(schema_of(name).arrow):
                found = ", ".join(table.schema.names)
                raise EquipoiseError(Fault(f"result table {name!r}", found, ", ".join(schema_of(name).arrow.names)))
        whole = {name: self.tables.get(name, schema.arrow.empty_table()) for name, schema in TABLES.items()}
        object.__setattr__(self, "tables", MappingProxyType(whole))

    @classmethod
    def suppressed(
        cls,
        tables: Mapping[str, pa.Table],
        manifest: Mapping[str, Any],
        *,
        min_cell_count: int,
        timings: Mapping[str, Any] | None = None,
    ) -> "Results":
        """Results with counts of 1 to `min_cell_count` - 1 hidden, and what gives them away; the threshold recorded."""
        safe = suppress(tables, min_cell_count)
        return cls(safe, {**manifest, "min_cell_count": min_cell_count}, timings or {})

    def rows(self, name: str) -> list[dict[str, Any]]:
        """One table as plain dictionaries, in order."""
        schema_of(name)
        return self.tables[name].to_pylist()

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {table.num_rows:,}" for name, table in self.tables.items() if table.num_rows)
        return f"Results({sizes or 'empty'})"
