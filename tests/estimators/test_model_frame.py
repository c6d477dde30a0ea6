"""Columns of a model: factors, references, formulas, interactions, names."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from equipoise import DesignError
from equipoise.estimators.model_frame import as_table, magnitudes, model_frame

FRAME = pd.DataFrame(
    {
        "age": [50.0, 60.0, 70.0, 80.0],
        "sex": ["w", "m", "w", "m"],
        "grade": pd.Categorical(["high", "low", "mid", "low"], categories=["low", "mid", "high", "unseen"]),
        "smoker": [True, False, False, True],
        "count": [3, 1, 2, 5],
    }
)
KINDS = {"pandas": FRAME, "polars": pl.from_pandas(FRAME), "pyarrow": pa.Table.from_pandas(FRAME)}


@pytest.mark.parametrize("kind", KINDS)
def test_factors_are_compared_with_their_first_level(kind: str) -> None:
    frame = model_frame(as_table(KINDS[kind]), ["age", "sex", "grade", "smoker", "count"])
    levels = ("low", "mid", "high") if kind != "polars" else None
    assert frame.terms[:2] == ("age", "sex[w]")
    assert frame.references["sex"] == "m"
    assert frame.references["smoker"] == "False"
    assert frame.x[:, 1].tolist() == [1, 0, 1, 0]
    if levels:
        assert frame.terms == ("age", "sex[w]", "grade[mid]", "grade[high]", "smoker[True]", "count")
        assert frame.x[:, 2:4].tolist() == [[0, 1], [0, 0], [1, 0], [0, 0]]
    assert frame.x.flags.c_contiguous
    assert "sex: m" in frame.direction


def test_declared_order_sets_the_reference() -> None:
    enum = pl.DataFrame({"dose": pl.Series(["high", "none", "low"], dtype=pl.Enum(["none", "low", "high"]))})
    frame = model_frame(as_table(enum), ["dose"])
    assert frame.terms == ("dose[low]", "dose[high]")
    assert frame.references == {"dose": "none"}
    categorical = pl.DataFrame({"dose": pl.Series(["high", "none", "low"], dtype=pl.Categorical)})
    assert model_frame(as_table(categorical), ["dose"]).references == {"dose": "high"}  # no declared order: sorted


def test_interactions_of_factors_are_products_of_their_columns() -> None:
    frame = model_frame(as_table(FRAME), ["age", "sex", "grade"], [("sex", "grade"), ("age", "sex")])
    assert frame.terms[4:] == ("sex[w]:grade[mid]", "sex[w]:grade[high]", "age:sex[w]")
    assert frame.x[:, 4].tolist() == (frame.x[:, 1] * frame.x[:, 2]).tolist()
    assert frame.x[:, 6].tolist() == [50, 0, 70, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_formula_gives_the_same_columns(kind: str) -> None:
    frame = model_frame(as_table(KINDS[kind]), "age * sex + log(count)")
    assert frame.terms == ("age", "sex[w]", "log(count)", "age:sex[w]")
    assert frame.references == {"sex": "m"}
    assert frame.x[:, 2] == pytest.approx(np.log([3, 1, 2, 5]))


def test_a_formula_can_name_another_reference() -> None:
    frame = model_frame(as_table(FRAME), "C(sex, contr.treatment('w'))")
    assert list(frame.references.values()) == ["w"]
    assert frame.x[:, 0].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("case ~ age", "an outcome before ~"),
        ("age + weight", "formula"),
        ("0 + age", "leaves the intercept out"),
        ("age +", "formula"),
        ("1", "no covariates"),
        ("log(age - 50)", "0 missing and 1 infinite"),
    ],
)
def test_formulas_that_cannot_be_used(formula: str, message: str) -> None:
    with np.errstate(divide="ignore"), pytest.raises(DesignError, match=message):
        model_frame(as_table(FRAME), formula)


def test_only_columns_of_the_formula_are_checked_for_missing_values() -> None:
    holed = FRAME.assign(other=np.nan)
    assert model_frame(as_table(holed), "age").terms == ("age",)
    with pytest.raises(DesignError, match="column 'other': 4 missing"):
        model_frame(as_table(holed), "age + other")


def test_magnitudes_see_values_that_a_sample_misses() -> None:
    x = np.zeros((10_000, 2))
    x[7, 0], x[:, 1] = 3.0, -2.0
    assert magnitudes(x, ["rare", "flat"]).tolist() == [3.0, 2.0]


def test_what_is_not_a_frame_is_not_a_table() -> None:
    assert as_table([1, 2, 3]) is None
    assert as_table(FRAME["age"]) is None
    assert as_table(pl.from_pandas(FRAME).lazy()) is None
