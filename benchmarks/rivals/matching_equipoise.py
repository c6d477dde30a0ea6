"""Equipoise's match, 1:1 within 0.2 SD, from arrays. Usage: matching_equipoise.py FOLDER ORDER CONVENTION.

The first matching of the process, which compiles or loads the kernels, is timed apart as `first_fit`.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from matching_population import read

from equipoise import match


def main(folder: str, order: str, convention: str) -> None:
    warnings.simplefilter("ignore")
    data = read(Path(folder))
    options = {"arm": "arm", "score": "score", "caliper": 0.2, "order": order, "convention": convention}
    began = time.perf_counter()
    match({name: values[:1000] for name, values in data.items()}, **options)
    first_fit = time.perf_counter() - began
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        found = match(data, **options)
        seconds.append(time.perf_counter() - began)
    one, other = found.pairs.T.astype(np.float64) + 1.0
    answer = {"seconds": min(seconds), "first_fit": first_fit, "pairs": len(one), "digest": float(one @ other)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
