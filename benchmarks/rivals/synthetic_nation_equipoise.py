"""Writes one nation and prints how long it took. Arguments: place, persons, workers."""

import json
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from equipoise.simulate.write_nation import write_nation


def main(place: str, persons: int, workers: int) -> None:
    write_nation(place, persons=100, workers=1)  # kernels are compiled before the clock runs
    start = time.perf_counter()
    write_nation(place, persons=persons, workers=workers)
    seconds = time.perf_counter() - start
    rows = pq.ParquetFile(f"{place}/drug_exposure.parquet").metadata.num_rows
    size = sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
    print(json.dumps({"seconds": seconds, "dispensings": rows, "bytes": size}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
