"""Result tables follow their declaration, and `estimates` has exactly the agreed columns."""

import numpy as np
import pytest

from equipoise.errors import EquipoiseError
from equipoise.results.results import Results
from equipoise.results.tables import TABLES, table

ESTIMATES = [
    "analysis",
    "comparison",
    "exposure",
    "window",
    "reading",
    "subgroup",
    "subgroup_level",
    "outcome",
    "time_point_days",
    "adjustment",
    "contrast",
    "model",
    "term",
    "measure",
    "target_level",
    "reference_level",
    "estimate",
    "conf_low",
    "conf_high",
    "p_value",
    "log_estimate",
    "std_error",
    "calibrated_estimate",
    "calibrated_conf_low",
    "calibrated_conf_high",
    "calibrated_p_value",
    "n_sets",
    "n_persons",
    "n_cases",
    "n_exposed_cases",
    "n_exposed_controls",
    "reason",
    "missing_data",
    "degrees_of_freedom",
    "fraction_missing",
    "failed_diagnostics",
]
MATCHING = {"analysis": "risk", "comparison": "cases", "controls_in_set": 5, "n_sets": 12}


def test_estimates_has_the_agreed_columns_in_order_then_flags() -> None:
    schema = TABLES["estimates"]
    assert list(schema.names) == ESTIMATES
    assert list(schema.keys) == ESTIMATES[:13]
    assert schema.arrow.names[len(ESTIMATES) :] == [name + "_suppressed" for name in schema.counts]


@pytest.mark.parametrize("schema", TABLES.values(), ids=lambda schema: schema.name)
def test_declarations_are_sound(schema) -> None:
    assert len(set(schema.names)) == len(schema.names)
    assert set(schema.keys) <= set(schema.names)
    assert all(column.meaning for column in schema.columns)
    assert all(column.type == "int" for column in schema.columns if column.count)
    for column in schema.columns:
        assert set(column.derived_from) <= set(schema.counts), column.name


def test_rows_become_a_table_with_flags() -> None:
    built = table("matching", [MATCHING | {"n_sets": np.int64(12)}])
    assert built.to_pylist() == [MATCHING | {"n_sets_suppressed": False}]


def test_not_a_number_and_whole_floats_are_tidied() -> None:
    row = {"analysis": "a", "comparison": "c", "n_cases": 12.0, "risk_set_size_min": float("nan")}
    built = table("sampling", [row]).to_pylist()[0]
    assert (built["n_cases"], built["risk_set_size_min"]) == (12, None)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (MATCHING | {"cases": 3}, "unknown column cases"),
        ({"analysis": "risk", "comparison": "cases"}, "no value for controls_in_set"),
        (MATCHING | {"controls_in_set": None}, "null"),
        (MATCHING | {"n_sets": "many"}, "str"),
        (MATCHING | {"n_sets": True}, "bool"),
        (MATCHING | {"n_sets": -1}, "negative"),
        (MATCHING | {"n_sets": 1.5}, "float"),
    ],
)
def test_a_row_that_breaks_the_declaration_is_refused(row, said) -> None:
    with pytest.raises(EquipoiseError, match=said):
        table("matching", [row])


def test_a_key_appears_once() -> None:
    with pytest.raises(EquipoiseError, match="same key as row 1"):
        table("matching", [MATCHING, MATCHING])


def test_closed_lists_are_closed() -> None:
    key = dict.fromkeys(TABLES["estimates"].keys) | {"analysis": "a", "comparison": "c"}
    assert table("estimates", [key | {"reason": "SEPARATION"}]).num_rows == 1
    with pytest.raises(EquipoiseError, match="BECAUSE"):
        table("estimates", [key | {"reason": "BECAUSE"}])


def test_results_hold_every_table_and_refuse_a_strange_one() -> None:
    results = Results({"matching": table("matching", [MATCHING])})
    assert set(results.tables) == set(TABLES)
    assert results.rows("estimates") == []
    assert "matching 1" in repr(results)
    with pytest.raises(EquipoiseError, match="no such table"):
        Results({"persons": table("matching", [])})
    with pytest.raises(EquipoiseError, match="n_sets"):
        Results({"matching": table("matching", [MATCHING]).drop_columns(["n_sets"])})


def test_the_threshold_is_recorded() -> None:
    few = table("matching", [MATCHING | {"n_sets": 3}])
    results = Results.suppressed({"matching": few}, {"seed": 1}, min_cell_count=5)
    assert results.manifest == {"seed": 1, "min_cell_count": 5}
    assert results.rows("matching")[0]["n_sets"] is None
    assert results.rows("matching")[0]["n_sets_suppressed"] is True
