"""Writes simulated 1:m sets as raw binary columns, which Python and R read alike.

Usage: matched_sets.py FOLDER SETS ROWS_A_SET COLUMNS SEED. Half of the columns are normal, half binary; the case of a
set is drawn with probability proportional to exp(x beta), beta from -0.8 to 0.8.
"""

import json
import sys
from pathlib import Path

import numpy as np


def write(folder: Path, n_sets: int, size: int, p: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_sets * size, p))
    x[:, p // 2 :] = x[:, p // 2 :] > 0.5
    score = (x @ np.linspace(-0.8, 0.8, p) + rng.gumbel(size=len(x))).reshape(n_sets, size)
    case = np.zeros((n_sets, size), np.int32)
    case[np.arange(n_sets), score.argmax(axis=1)] = 1
    (folder / "x.f8").write_bytes(x.T.tobytes())  # column after column
    (folder / "case.i4").write_bytes(case.tobytes())
    (folder / "set.i4").write_bytes(np.repeat(np.arange(n_sets, dtype=np.int32), size).tobytes())
    (folder / "shape.json").write_text(json.dumps({"rows": len(x), "columns": p, "sets": n_sets}))


def read(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x float64 (n, p), C-contiguous; case and set, int64 (n,)."""
    shape = json.loads((folder / "shape.json").read_text())
    x = np.fromfile(folder / "x.f8").reshape(shape["columns"], shape["rows"]).T
    case, matched_set = (np.fromfile(folder / f"{name}.i4", np.int32).astype(np.int64) for name in ("case", "set"))
    return np.ascontiguousarray(x), case, matched_set


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:6]))
    print(json.dumps({"seconds": 0.0}))
