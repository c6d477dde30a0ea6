"""The reference page of the result tables, made from their declaration."""

from equipoise.results.schema import ColumnSchema, TableSchema
from equipoise.results.tables import TABLES

OPENING = """# Result tables

A results folder holds `manifest.json` (study, source, versions, seed, steps), `run.json` (timings) and, in `tables/`,
each table below as CSV and as Parquet. This page is made from the declaration in `equipoise.results.tables`; print it
anew with `python -m equipoise.results.reference > docs/reference/results.md`.

A count of 1 to k-1 (k = `min_cell_count` in the manifest, 5 unless the run says otherwise) is null and its flag column,
named `…_suppressed` and placed after the declared columns, is true; 0 is shown. Counts that would give a hidden one
away are hidden in the same way, and so are the numbers made of them. In CSV, null is empty and empty text is `""`.
"""


def reference_page() -> str:
    """The page in Markdown."""
    return "\n".join([OPENING, *(_section(schema) for schema in TABLES.values())])


def _section(schema: TableSchema) -> str:
    lines = [
        f"## {schema.name}",
        "",
        schema.meaning,
        "",
        f"Key: {', '.join(f'`{name}`' for name in schema.keys)}.",
        "",
        "| column | type | unit | meaning |",
        "|---|---|---|---|",
        *(_line(column) for column in schema.columns),
        "",
    ]
    return "\n".join(lines)


def _line(column: ColumnSchema) -> str:
    kind = "count" if column.count else column.type
    values = f" One of: {', '.join(f'`{value}`' for value in column.values)}." if column.values else ""
    return f"| `{column.name}` | {kind} | {column.unit} | {column.meaning}.{values} |"


if __name__ == "__main__":
    print(reference_page(), end="")
