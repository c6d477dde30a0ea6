"""The tables of a nation that study A reads as CSV, for programs that do not read Parquet. Usage: NATION FOLDER"""

import sys
from pathlib import Path

import duckdb

COLUMNS = {
    "person": "person_id, gender_concept_id, year_of_birth",
    "observation_period": "person_id, observation_period_start_date AS start, observation_period_end_date AS stop",
    "observation": "person_id, observation_concept_id AS concept, observation_date AS day",
    "condition_occurrence": "person_id, condition_source_value AS code, condition_start_date AS day",
    "drug_exposure": "person_id, drug_source_value AS code, drug_exposure_start_date AS day",
}


def main(nation: str, folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"memory_limit": "2GB"}) as database:
        for table, columns in COLUMNS.items():
            database.execute(
                f"COPY (SELECT {columns} FROM '{nation}/{table}.parquet') TO '{folder}/{table}.csv' (HEADER)"
            )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
