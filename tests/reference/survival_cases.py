"""Where the reference answers on survival curves and competing risks are, and the data they were computed on."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


@cache
def _cases(file: str) -> dict[str, dict[str, Any]]:
    text = (REFERENCE / "cases" / f"{file}.json").read_text(encoding="utf-8")
    return {case["id"]: case for case in json.loads(text)["cases"]}


def case(name: str, file: str = "03_survfit_competing") -> dict[str, Any]:
    """The result of a case; the test is skipped where the reference answers are not at hand."""
    if not REFERENCE.exists():
        pytest.skip("the reference answers (../shared/reference) are not here")
    return _cases(file)[name]


def data(name: str) -> pd.DataFrame:
    """A reference data set."""
    if not REFERENCE.exists():
        pytest.skip("the reference data (../shared/reference) are not here")
    return pd.read_csv(REFERENCE / "data" / f"{name}.csv")


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
