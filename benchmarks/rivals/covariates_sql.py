"""The covariates alone, by hand-written SQL in DuckDB and scipy's conversion. Usage: covariates_sql.py FOLDER"""

import json
import sys
import time

import duckdb
import numpy as np
from covariates_population import INDEX_DAY
from scipy import sparse

AT_LEAST = 20


def main() -> None:
    folder = sys.argv[1]
    database = duckdb.connect()
    database.execute("SET threads = 2")
    persons = database.execute(f"SELECT count(*) FROM '{folder}/person.parquet'").fetchone()[0]
    day = "DATE '1970-01-01' + "
    begun = time.perf_counter()
    found = database.execute(
        f"""SELECT DISTINCT person_id - 1 AS person, condition_concept_id AS concept
        FROM '{folder}/condition_occurrence.parquet'
        WHERE condition_start_date BETWEEN {day}{INDEX_DAY - 365} AND {day}{INDEX_DAY - 1}"""
    ).fetchnumpy()
    concepts, code = np.unique(found["concept"], return_inverse=True)
    shape = persons, len(concepts)
    x = sparse.coo_array((np.ones(len(code)), (found["person"], code)), shape=shape).tocsc()
    x = x[:, np.flatnonzero(np.diff(x.indptr) >= AT_LEAST)]
    print(json.dumps({"seconds": time.perf_counter() - begun, "columns": x.shape[1], "nonzeros": int(x.nnz)}))


if __name__ == "__main__":
    main()
