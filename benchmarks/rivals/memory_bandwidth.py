"""How fast one core reads memory: the sum of an array too large for any cache, best of five."""

import json
import time

import numpy as np

BYTES = 512 * 1024**2


def main() -> None:
    values = np.ones(BYTES // 8)
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        values.sum()
        best = min(best, time.perf_counter() - begin)
    print(json.dumps({"seconds": best, "bytes_a_second": BYTES / best}))


if __name__ == "__main__":
    main()
