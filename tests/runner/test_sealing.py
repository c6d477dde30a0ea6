"""What a closed gate hides, table by table; what stays; who is shown all the same."""

from typing import Any

import pytest

from equipoise.errors import Reason
from equipoise.results.suppress import suppress
from equipoise.results.tables import TABLES, schema_of, table
from equipoise.runner.sealing import OPEN_COLUMNS, closed_comparisons, sealed

KEY = {"analysis": "main", "comparison": "others"}


def diagnostic(exposure: str, name: str, status: str, **more: Any) -> dict:
    return KEY | {"exposure": exposure, "position": 1, "diagnostic": name, "status": status} | more


def estimate(exposure: str, **more: Any) -> dict:
    row = dict.fromkeys(schema_of("estimates").keys) | KEY
    row |= {"exposure": exposure, "subgroup": "overall", "subgroup_level": "overall", "measure": "hazard_ratio"}
    numbers = {
        "estimate": 1.5,
        "conf_low": 1.1,
        "conf_high": 2.0,
        "log_estimate": 0.4,
        "std_error": 0.1,
        "p_value": 0.01,
    }
    counts = {"n_persons": 100, "n_cases": 20, "n_exposed_cases": 12, "n_exposed_controls": 38}
    return row | numbers | counts | {"time_point_days": 730} | more


def followed(exposure: str, arm: str, events: int) -> dict:
    counts = {"n_persons": 50, "n_events": events, "n_competing": 0, "n_censored_limit": 50 - events}
    return KEY | {"exposure": exposure, "arm": arm, "label": arm, "person_years": 90.0, "rate": 1.0} | counts


def tables() -> dict:
    rows = {
        "diagnostics": [
            diagnostic("bad", "equipoise", "not_evaluated"),
            diagnostic("bad", "balance", "failed", value=0.4, covariates="age"),
            diagnostic("good", "balance", "passed", value=0.01),
        ],
        "estimates": [estimate("bad"), estimate("good")],
        "follow_up": [followed(name, arm, 12) for name in ("bad", "good") for arm in ("target", "reference")],
        "curves": [KEY | {"exposure": n, "arm": "target", "position": 1, "time_days": 30} for n in ("bad", "good")],
    }
    return {name: table(name, rows.get(name, [])) for name in TABLES}


def test_profiles_and_tests_of_a_closed_comparison_are_gone() -> None:
    made = tables()
    shared = {"outcome": "death", "subgroup": "overall", "subgroup_level": "overall", "adjustment": "crude"}
    point = shared | {"position": 1, "log_ratio": 0.0, "log_likelihood": -0.3, "n_cases": 20}
    made["likelihood_profiles"] = table("likelihood_profiles", [KEY | point | {"exposure": n} for n in ("bad", "good")])
    key = dict.fromkeys(schema_of("heterogeneity").keys) | {"across": "sex", "p_value": 0.2}
    made["heterogeneity"] = table("heterogeneity", [key | KEY | {"exposure": n} for n in ("bad", "good")])
    after = sealed(made, "estimation", None)
    for name in ("likelihood_profiles", "heterogeneity"):
        assert [row["exposure"] for row in after[name].to_pylist()] == ["good"], name


def test_one_diagnostic_that_did_not_pass_closes_a_comparison() -> None:
    assert closed_comparisons(tables()["diagnostics"]) == {("main", "bad"): ["equipoise (not evaluated)", "balance"]}


def test_every_number_of_a_sealed_comparison_is_gone_and_of_others_none() -> None:
    before, after = tables(), sealed(tables(), "estimation", None)
    for name in ("estimates", "follow_up"):
        for old, new in zip(before[name].to_pylist(), after[name].to_pylist(), strict=True):
            if new["exposure"] == "good":
                assert new == old
                continue
            for column in schema_of(name).columns:
                if column.type in ("int", "float") and column.name not in OPEN_COLUMNS[name]:
                    assert new[column.name] is None
            assert all(new[column] == old[column] for column in OPEN_COLUMNS[name])
    rows = after["estimates"].to_pylist()
    assert [row["reason"] for row in rows] == [Reason.SEALED, None]
    assert [row["exposure"] for row in after["curves"].to_pylist()] == ["good"]
    assert after["diagnostics"].equals(before["diagnostics"])


def test_a_flag_does_not_tell_which_count_was_small() -> None:
    made = tables()
    made["follow_up"] = table("follow_up", [followed("bad", "target", 2), followed("bad", "reference", 30)])
    found = sealed(suppress(made, 5), "estimation", None)["follow_up"].to_pylist()
    assert {row["n_events_suppressed"] for row in found} == {False}


@pytest.mark.parametrize(
    ("purpose", "unseal"), [("replication", None), ("design_comparison", None), ("estimation", "the board asked")]
)
def test_a_label_or_a_reason_shows_everything(purpose: Any, unseal: str | None) -> None:
    before, after = tables(), sealed(tables(), purpose, unseal)
    assert all(after[name].equals(before[name]) for name in TABLES)


def test_without_a_gate_nothing_is_sealed() -> None:
    before = tables() | {"diagnostics": table("diagnostics", [])}
    after = sealed(before, "estimation", None, gated=False)
    assert all(content.equals(before[name]) for name, content in after.items())


def test_a_comparison_that_was_never_judged_is_closed() -> None:
    """The step that fits and judges failed, and the description with its crude curves was made before."""
    made = tables()
    made["diagnostics"] = table("diagnostics", [diagnostic("good", "balance", "passed")])
    made["estimates"] = table("estimates", [estimate("good")])
    after = sealed(made, "estimation", None)
    assert [row["exposure"] for row in after["curves"].to_pylist()] == ["good"]
    assert {(row["exposure"], row["n_events"]) for row in after["follow_up"].to_pylist()} == {
        ("bad", None),
        ("good", 12),
    }
    assert {row["n_persons"] for row in after["follow_up"].to_pylist()} == {50}


def test_a_hidden_number_of_events_takes_the_detectable_ratio_with_it() -> None:
    rows = [diagnostic("bad", "power", "failed", value=14.2, n_events=3)]
    found = suppress({"diagnostics": table("diagnostics", rows)}, 5)["diagnostics"].to_pylist()[0]
    assert (found["value"], found["n_events"], found["status"]) == (None, None, "failed")
