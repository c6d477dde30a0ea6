"""Emulated trials written out row by row, in plain loops: the obvious second implementation."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

import equipoise as eq

COLUMNS = {
    "person": "id", "period": "t", "treatment": "a", "eligible": "e", "outcome": "y",
}  # fmt: skip


def made(persons: int = 60, periods: int = 9, seed: int = 1, levels: int = 2, lost: float = 0.03) -> pd.DataFrame:
    """A panel in which a covariate moves treatment, loss and the outcome."""
    draw = np.random.default_rng(seed)
    rows = []
    for id in range(persons):
        sex, severity, drug = int(draw.random() < 0.5), draw.normal(), 0
        for t in range(int(draw.integers(0, 3)), periods):
            severity = 0.7 * severity + draw.normal() + 0.2 * (drug > 0)
            if draw.random() < 1 / (1 + np.exp(1.2 - severity)):
                drug = int(draw.integers(0, levels))
            event = draw.random()
            chance = 1 / (1 + np.exp(3.0 - 0.6 * severity + 0.5 * (drug > 0) - 0.3 * sex))
            row = {"id": id, "t": t, "a": drug, "e": int(t < 6 and draw.random() < 0.8), "sex": sex, "l": severity}
            row |= {"c": 0, "d": 0, "y": 0, "when": bool(severity > 0.5)}
            row["c" if event < lost else "d" if event < 2 * lost else "y"] = int(event < 2 * lost + chance)
            rows.append(row)
            if row["c"] or row["d"] or row["y"]:
                break
    return pd.DataFrame(rows)


def expanded(panel: pd.DataFrame, follows: bool, factor: Callable[[pd.DataFrame, int, int], float]) -> pd.DataFrame:
    """Every row of every trial: person, start, follow-up, arm, weight, outcome, and both rows' columns.

    `factor(rows of the person, k, start)` is the factor of the weight in row k of a trial.
    """
    out = []
    for _, own in panel.sort_values(["id", "t"]).groupby("id"):
        own = own.reset_index(drop=True)
        for start in np.flatnonzero(own["e"] == 1):
            weight = 1.0
            for k in range(start, len(own)):
                now, first = own.loc[k], own.loc[start]
                if follows and now["a"] != first["a"]:
                    break
                if now["c"]:
                    break
                weight *= factor(own, k, start)
                row = {"id": now["id"], "trial": first["t"], "k": k - start, "arm": first["a"], "now": now["a"]}
                row |= {"dose": int(own.loc[start:k, "a"].sum()), "w": weight, "y": now["y"], "d": now["d"]}
                out.append(row | {"sex": first["sex"], "l": first["l"]})
    return pd.DataFrame(out)


def fit_rows(rows: pd.DataFrame, columns: dict[str, np.ndarray], outcome: str = "y") -> eq.Fit:
    """The pooled logistic model of rows that are written out, with columns by the names of the terms."""
    data = pd.DataFrame({"y": rows[outcome], "id": rows["id"], "w": rows["w"], **columns})
    return eq.fit_logistic(data, outcome="y", covariates=list(columns), weights="w", cluster="id")


def powers(name: str, values: Sequence[float]) -> dict[str, np.ndarray]:
    """A time and its square, as the default terms have them."""
    return {name: np.asarray(values, float), f"{name}^2": np.asarray(values, float) ** 2}


def by_term(fit: eq.Fit) -> pd.DataFrame:
    """Coefficient and standard error by term."""
    return pd.DataFrame({"b": fit.coefficients, "se": fit.std_errors}, index=list(fit.terms)).sort_index()
