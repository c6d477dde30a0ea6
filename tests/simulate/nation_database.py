"""Small nations on disk for tests, and questions to them in SQL."""

from pathlib import Path
from typing import Any

import duckdb

from equipoise.simulate.write_nation import write_nation

PERSONS, SEED, MULTIPLIER = 25_000, 11, 40.0


def made(folder: Path, **options: Any) -> Path:
    write_nation(folder, **{"persons": PERSONS, "seed": SEED, "multiplier": MULTIPLIER, **options})
    return folder


def ask(folder: Path, question: str) -> list[tuple[Any, ...]]:
    """Rows of a query in which `@name` stands for a table and `@truth/name` for a table of the truth."""
    for name in sorted(
        {word.strip("(),'") for word in question.split() if word.startswith("@")}, key=len, reverse=True
    ):
        question = question.replace(name, f"'{folder}/{name[1:]}.parquet'")
    with duckdb.connect() as database:
        return database.execute(question).fetchall()
