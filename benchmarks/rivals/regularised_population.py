"""Writes a sparse 0/1 matrix and a treatment as raw arrays, which Python and R read alike.

Usage: regularised_population.py FOLDER ROWS COLUMNS NONZEROS SEED

Shares of ones are gamma distributed, a few columns common and most rare, as covariates from a health database are;
300 of the columns have an effect. Also writes `folds`, so that all programs cross-validate on the same ones.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy import sparse

WITH_EFFECT, FOLDS = 300, 5


def write(folder: Path, n: int, p: int, nonzeros: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    share = rng.gamma(0.5, size=p)
    share = np.clip(share / share.sum() * nonzeros / n, 20 / n, 0.9)
    columns = [_ones(rng, n, q) for q in share]
    start = np.concatenate(([0], np.cumsum([len(rows) for rows in columns])))
    eta = np.zeros(n)
    for j in rng.choice(p, min(WITH_EFFECT, p), replace=False):
        eta[columns[j]] += rng.normal(0.0, 0.5)
    y = rng.random(n) < 1.0 / (1.0 + np.exp(np.median(eta) + 0.8 - eta))
    (folder / "start.i4").write_bytes(start.astype(np.int32).tobytes())
    (folder / "rows.i4").write_bytes(np.concatenate(columns).astype(np.int32).tobytes())
    (folder / "y.i4").write_bytes(y.astype(np.int32).tobytes())
    (folder / "folds.i4").write_bytes(rng.permutation(np.arange(n) % FOLDS).astype(np.int32).tobytes())
    (folder / "shape.json").write_text(json.dumps({"rows": n, "columns": p, "nonzeros": int(start[-1])}))


def _ones(rng: np.random.Generator, n: int, share: float) -> np.ndarray:
    if share > 0.05:
        return np.flatnonzero(rng.random(n) < share)
    return np.unique(rng.integers(0, n, rng.poisson(share * n) + 1))


def read(folder: Path) -> tuple[sparse.csc_array, np.ndarray, np.ndarray]:
    """x (n, p) as CSC of float64, y and folds int64 (n,)."""
    shape = json.loads((folder / "shape.json").read_text())
    start, rows, y, folds = (np.fromfile(folder / f"{name}.i4", np.int32) for name in ("start", "rows", "y", "folds"))
    x = sparse.csc_array((np.ones(len(rows)), rows, start), shape=(shape["rows"], shape["columns"]))
    return x, y.astype(np.int64), folds.astype(np.int64)


def objective(x: sparse.csc_array, y: np.ndarray, coefficients: np.ndarray, intercept: float, penalty: float) -> float:
    """The mean negative log-likelihood with the lasso, by which all programs are compared."""
    eta = x @ coefficients + intercept
    return float(np.logaddexp(0.0, np.where(y > 0, -eta, eta)).mean() + penalty * np.abs(coefficients).sum())


def largest(x: sparse.csc_array, y: np.ndarray) -> float:
    """The least lasso under which no column enters."""
    return float(np.abs(x.T @ (y - y.mean())).max() / len(y))


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:6]))
    print(json.dumps({"seconds": 0.0}))
