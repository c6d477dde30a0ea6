"""Writes an OMOP database as a folder of Parquet files whose conditions make a sparse matrix of covariates.

Usage: covariates_population.py FOLDER PERSONS CONCEPTS NONZEROS SEED

Shares of concepts and the treatment are those of regularised_population.py, whose raw arrays are written beside the
tables. Every entry is a record on a random day of the year before the index date, 1 January 2020; a fifth of them are
recorded twice, and as many again lie after the index date, where they must not count.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from regularised_population import write

INDEX_DAY, FIRST_CONCEPT = 18262, 1_000_000


def main() -> None:
    folder, (n, p, nonzeros, seed) = Path(sys.argv[1]), map(int, sys.argv[2:6])
    write(folder, n, p, nonzeros, seed)
    rng = np.random.default_rng(seed)
    start = np.fromfile(folder / "start.i4", np.int32)
    person = np.fromfile(folder / "rows.i4", np.int32)
    concept = np.repeat(np.arange(p, dtype=np.int32), np.diff(start))
    again, later = (np.flatnonzero(rng.random(len(person)) < 0.2) for _ in range(2))
    day = [INDEX_DAY - rng.integers(1, 366, k) for k in (len(person), len(again))]
    day.append(INDEX_DAY + rng.integers(0, 366, len(later)))
    at = rng.permutation(len(person) + len(again) + len(later))
    chosen = np.concatenate([np.arange(len(person)), again, later])[at]
    _table(
        folder,
        "condition_occurrence",
        person_id=person[chosen].astype(np.int64) + 1,
        condition_concept_id=concept[chosen].astype(np.int64) + FIRST_CONCEPT,
        condition_start_date=pa.array(np.concatenate(day)[at].astype(np.int32), pa.date32()),
    )
    ids = np.arange(1, n + 1)
    _table(
        folder,
        "person",
        person_id=ids,
        gender_concept_id=rng.choice([8507, 8532], n),
        year_of_birth=rng.integers(1930, 1990, n),
    )
    _table(
        folder,
        "observation_period",
        person_id=ids,
        observation_period_start_date=pa.array(np.full(n, 10_000, np.int32), pa.date32()),
        observation_period_end_date=pa.array(np.full(n, 20_000, np.int32), pa.date32()),
    )
    concepts = np.arange(p) + FIRST_CONCEPT
    _table(
        folder,
        "concept",
        concept_id=concepts,
        concept_name=[f"condition {k}" for k in range(p)],
        domain_id=["Condition"] * p,
        vocabulary_id=["SNOMED"] * p,
        concept_code=[str(k) for k in concepts],
        standard_concept=["S"] * p,
    )


def _table(folder: Path, name: str, **columns: object) -> None:
    parquet.write_table(pa.table(columns), folder / f"{name}.parquet")


if __name__ == "__main__":
    main()
