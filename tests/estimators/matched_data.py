"""Matched sets made from the conditional logistic model itself, for tests of its estimator."""

import numpy as np
import pandas as pd

from equipoise.analysis_set import AnalysisSet, Column


def simulated(rng: np.random.Generator, n_sets: int, size: int, beta: list[float]) -> pd.DataFrame:
    """1:m sets in which the case is chosen with probability proportional to exp(x beta); x1 normal, the rest binary."""
    x = rng.normal(size=(n_sets * size, len(beta)))
    x[:, 1:] = x[:, 1:] > 0.3
    score = (x @ np.array(beta) + rng.gumbel(size=len(x))).reshape(n_sets, size)
    case = np.zeros((n_sets, size), np.int64)
    case[np.arange(n_sets), score.argmax(axis=1)] = 1
    columns = {f"x{k + 1}": x[:, k] for k in range(len(beta))}
    return pd.DataFrame({"set": np.repeat(np.arange(n_sets), size), "case": case.ravel(), **columns})


def analysis_set(frame: pd.DataFrame, names: list[str], **parts: object) -> AnalysisSet:
    """The frame as an AnalysisSet, every row a person of its own unless `person` is given."""
    n = len(frame)
    given = {"person": np.arange(n), "weight": np.ones(n)} | parts
    return AnalysisSet(
        event=frame["case"].to_numpy(np.int8),
        start=np.zeros(n, np.int32),
        stop=np.ones(n, np.int32),
        x=frame[names].to_numpy(float),
        columns=tuple(Column(name, "covariate") for name in names),
        stratum=frame["set"].to_numpy(np.int64),
        **given,
    )
