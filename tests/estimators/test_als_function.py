"""ALSFRS-R: totals, progression rate, King's and MiToS stages, from the published rules."""

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest

from equipoise import ALSFRS_R_ITEMS, alsfrs_r_total, kings_stage, mitos_stage, progression_rate
from equipoise.errors import DesignError
from equipoise.simulate.function_items import ITEMS


def visit(**changed: int) -> dict[str, list[int]]:
    """One visit of a patient without loss but in the items named."""
    return {item: [changed.get(item.replace(" ", "_"), 4)] for item in ALSFRS_R_ITEMS}


def every_visit(n: int = 4_000) -> dict[str, np.ndarray]:
    scores = np.random.default_rng(3).integers(0, 5, (n, 12))
    return dict(zip(ALSFRS_R_ITEMS, scores.T, strict=True))


def test_the_items_are_those_of_the_synthetic_nation() -> None:
    assert ALSFRS_R_ITEMS == ITEMS


@pytest.mark.parametrize(
    ("changed", "stage"),
    [
        ({}, 0),
        ({"speech": 3}, 1),
        ({"salivation": 0, "swallowing": 0}, 1),
        ({"handwriting": 3, "cutting_food": 3}, 1),
        ({"walking": 0}, 1),
        ({"speech": 3, "cutting_food": 3}, 2),
        ({"swallowing": 3, "handwriting": 1, "walking": 3}, 3),
        ({"dressing_and_hygiene": 0, "turning_in_bed": 0, "climbing_stairs": 0, "orthopnoea": 0}, 0),
        ({"dyspnoea": 1}, 0),
        ({"dyspnoea": 0}, 4),
        ({"respiratory_insufficiency": 3}, 4),
    ],
)
def test_kings_stage_by_hand(changed: dict[str, int], stage: int) -> None:
    assert kings_stage(visit(**changed)).tolist() == [stage]


@pytest.mark.parametrize(
    ("changed", "stage"),
    [
        ({}, 0),
        ({"walking": 2, "dressing_and_hygiene": 2, "swallowing": 2, "speech": 2, "dyspnoea": 2}, 0),
        ({"walking": 1, "dressing_and_hygiene": 0}, 1),
        ({"dressing_and_hygiene": 1}, 1),
        ({"speech": 0}, 0),  # communication needs speech and handwriting
        ({"handwriting": 0}, 0),
        ({"speech": 1, "handwriting": 1}, 1),
        ({"respiratory_insufficiency": 3}, 0),
        ({"respiratory_insufficiency": 2}, 1),
        ({"dyspnoea": 1, "swallowing": 1}, 2),
        (dict.fromkeys((item.replace(" ", "_") for item in ITEMS), 0), 4),
    ],
)
def test_mitos_stage_by_hand(changed: dict[str, int], stage: int) -> None:
    assert mitos_stage(visit(**changed)).tolist() == [stage]


def test_treatment_and_death_override_the_items() -> None:
    rows = visit(speech=3) | {"yes": [1], "no": [0]}
    assert kings_stage(rows, gastrostomy="yes").tolist() == [4]
    assert kings_stage(rows, ventilation="yes").tolist() == [4]
    assert kings_stage(rows, gastrostomy="no", ventilation="no", dead="no").tolist() == [1]
    assert kings_stage(rows, gastrostomy="yes", dead="yes").tolist() == [5]
    assert mitos_stage(rows, dead="yes").tolist() == [5]


def test_stages_never_fall_when_an_item_falls() -> None:
    rows = every_visit()
    for item, stage in itertools.product(ALSFRS_R_ITEMS, (kings_stage, mitos_stage)):
        worse = rows | {item: np.maximum(rows[item] - 1, 0)}
        assert (stage(worse) >= stage(rows)).all()


def test_totals_and_rates_in_every_kind_of_frame() -> None:
    rows = every_visit(50) | {"months": np.linspace(0.5, 40.0, 50)}
    total = sum(rows[item] for item in ALSFRS_R_ITEMS)
    for frame in (rows, pd.DataFrame(rows), pl.DataFrame(rows), pl.DataFrame(rows).to_arrow()):
        assert (alsfrs_r_total(frame) == total).all()
        np.testing.assert_allclose(progression_rate(frame, months="months"), (48 - total) / rows["months"], rtol=1e-15)


def test_names_of_ones_own_in_the_order_of_the_scale() -> None:
    rows = every_visit(20)
    own = {f"ALSFRS{k + 1}": rows[item] for k, item in enumerate(ALSFRS_R_ITEMS)}
    assert (kings_stage(own, items=list(own)) == kings_stage(rows)).all()
    assert (mitos_stage(own, items=list(own)) == mitos_stage(rows)).all()


def test_the_rate_is_not_defined_on_or_before_onset() -> None:
    rate = progression_rate({"t": [48, 24, 24, 24], "m": [6, 6, 0, -3]}, months="m", total="t")
    np.testing.assert_array_equal(rate, [0.0, 4.0, np.nan, np.nan])


def test_what_cannot_be_an_item_is_refused_with_counts() -> None:
    rows = {item: [4, 4, 4] for item in ALSFRS_R_ITEMS} | {"walking": [5, -1, 4], "speech": [2.5, 4, 4]}
    with pytest.raises(DesignError, match=r"'speech': 1 values.*\n?.*'walking': 2 values"):
        alsfrs_r_total(rows)
    with pytest.raises(DesignError, match="1 missing"):
        mitos_stage(rows | {"walking": [np.nan, 1, 4], "speech": [4, 4, 4]})
    with pytest.raises(DesignError, match="2 values outside 0 to 48"):
        progression_rate({"t": [49, -1, 3], "m": [1, 1, 1]}, months="m", total="t")
    with pytest.raises(DesignError, match="11 different names"):
        kings_stage(rows, items=ALSFRS_R_ITEMS[:11])
    with pytest.raises(DesignError, match="type String"):
        progression_rate({"t": ["a", "b"], "m": [1, 1]}, months="m", total="t")
    with pytest.raises(DesignError, match="neither 0 nor 1"):
        kings_stage(visit() | {"peg": [2]}, gastrostomy="peg")
