"""Writes simulated rows for logistic, Poisson and case series models as raw columns, which Python and R read alike.

Usage: count_population.py FOLDER logistic|poisson|series ROWS COLUMNS SEED

Half of the columns are normal, half are binary. Logistic: 1 in 8 has the outcome. Poisson: days at risk and about 0.1
events a row. Series: 12 intervals a person, with one event drawn with probability proportional to days and exp(x beta).
"""

import json
import sys
from pathlib import Path

import numpy as np

INTERVALS = 12


def write(folder: Path, model: str, n: int, p: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = n - n % INTERVALS if model == "series" else n
    x = rng.normal(size=(n, p))
    x[:, p // 2 :] = x[:, p // 2 :] > 0.5
    eta, days = x @ np.linspace(-0.5, 0.5, p), rng.integers(10, 400, n)
    if model == "logistic":
        y = rng.random(n) < 1.0 / (1.0 + np.exp(2.0 - eta))
    elif model == "poisson":
        y = rng.poisson(days * np.exp(eta - 8.0))
    else:
        score = (eta + np.log(days) + rng.gumbel(size=n)).reshape(-1, INTERVALS)
        y = np.zeros((n // INTERVALS, INTERVALS), np.int32)
        y[np.arange(len(y)), score.argmax(axis=1)] = 1
    (folder / "x.f8").write_bytes(x.T.tobytes())  # column after column
    for name, values in (("y", y), ("days", days), ("person", np.arange(n) // INTERVALS)):
        (folder / f"{name}.i4").write_bytes(np.ascontiguousarray(values, np.int32).tobytes())
    (folder / "shape.json").write_text(json.dumps({"rows": n, "columns": p}))


def read(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """x float64 (n, p), C-contiguous; y, days and person, int64 (n,)."""
    shape = json.loads((folder / "shape.json").read_text())
    x = np.fromfile(folder / "x.f8").reshape(shape["columns"], shape["rows"]).T
    columns = {name: np.fromfile(folder / f"{name}.i4", np.int32).astype(np.int64) for name in ("y", "days", "person")}
    return np.ascontiguousarray(x), columns


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6]))
    print(json.dumps({"seconds": 0.0}))
