"""The reference page of the register form of the synthetic nation, made from its declaration."""

from equipoise.simulate.register_tables import COLUMNS

AGAIN = "python -m equipoise.simulate.register_reference > docs/reference/register-tables.md"
OPENING = f"""# The synthetic nation as registers

`equipoise simulate --form registers --to DIR` writes the persons of the nation as tables like those of Swedish national
registers, one Parquet file a table, with the column names that such registers use, and `DIR/mapping.toml`, by which
`--data DIR/mapping.toml` reads them ([the mapping file](register-mapping.md)). The truth is in `DIR/truth`, as in the
OMOP form. Both forms hold the same people with the same numbers, and a study gives the same estimates from both.

Dates are dates, numbers of persons whole numbers; rows are sorted by person. This page is made from
`equipoise.simulate.register_tables`; print it anew with
`{AGAIN}`.
"""


def reference_page() -> str:
    """The page in Markdown."""
    return "\n".join([OPENING, *(_table(name, columns) for name, columns in COLUMNS.items())])


def _table(name: str, columns: dict[str, str]) -> str:
    rows = [f"| `{column}` | {meaning} |" for column, meaning in columns.items()]
    return "\n".join([f"## `{name}.parquet`\n", "| column | meaning |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    print(reference_page(), end="")
