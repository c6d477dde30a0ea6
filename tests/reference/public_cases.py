"""The public reference cases and their data, from `../shared/reference` beside the repository."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
ABSENT = "the reference answers (../shared/reference) are not here"

with_public_cases = pytest.mark.skipif(not REFERENCE.is_dir(), reason=ABSENT)


@cache
def case_files() -> dict[str, dict[str, Any]]:
    """Every file of cases by its name without the ending; empty where the reference answers are absent."""
    found = sorted((REFERENCE / "cases").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in found}


@cache
def cases() -> dict[str, dict[str, Any]]:
    """Every case by its id, which is unique over the files."""
    return {case["id"]: case for content in case_files().values() for case in content["cases"]}


def case(id: str) -> dict[str, Any]:
    """One case; the test is skipped where the reference answers are absent."""
    if not REFERENCE.is_dir():
        pytest.skip(ABSENT)
    return cases()[id]


def data(name: str) -> pd.DataFrame:
    """One data set by its name without the ending; the test is skipped where the reference answers are absent."""
    if not REFERENCE.is_dir():
        pytest.skip(ABSENT)
    return pd.read_csv(REFERENCE / "data" / f"{name}.csv")
