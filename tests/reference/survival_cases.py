"""Data of the reference cases on survival curves and competing risks."""

from typing import Any

import numpy as np
import pandas as pd

from tests.reference.public_cases import data


def lung() -> pd.DataFrame:
    """survival::lung with `died`."""
    return data("survival__lung").assign(died=lambda d: (d["status"] == 2).astype(int))


def mgus2() -> pd.DataFrame:
    """survival::mgus2 with the first of plasma cell malignancy (cause 1) and death without it (cause 2)."""
    frame = data("survival__mgus2")
    progressed = frame["pstat"] == 1
    return frame.assign(
        etime=np.where(progressed, frame["ptime"], frame["futime"]),
        cause=np.where(progressed, 1, 2 * frame["death"]),
        male=(frame["sex"] == "M").astype(float),
    )


def numbers(values: Any) -> np.ndarray:
    """A JSON list, nested or not, as float64; null is nan."""
    return np.array(values, np.float64)
