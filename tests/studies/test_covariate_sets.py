"""Covariates at scale from a study file to scores by lasso, balance over all of them, and the report."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import equipoise as eq
from equipoise.errors import SpecError
from equipoise.report.write import report_html
from equipoise.runner import large_covariates
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import parse_study
from tests.studies.test_follow_up_runs import STUDY

LARGE = {"domains": ["condition", "drug", "visit"], "windows": [{"days_before": [0, 365]}], "min_share": 0.002}
MATCH = {"kind": "match", "penalty": "lasso", "covariate_set": "large"}


def study(adjustment: dict[str, Any], *, large: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    raw = deepcopy(STUDY)
    raw["analyses"][0]["design"] |= {
        "target": ["antidepressants"],
        "adjustment": adjustment,
        "estimator": {"kinds": ["cox"]},
    }
    return raw | {"covariate_sets": {"large": LARGE | (large or {})}} | top


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large") / "register"
    write_nation(folder, persons=20_000, seed=3)
    return folder


def run(raw: dict[str, Any], database: Path, to: Path, **options: Any) -> eq.Results:
    with eq.connect(database) as source:
        return eq.run(parse_study(raw), source, to=to, store=to.parent / "store", **options)


@pytest.fixture(scope="module")
def matched(database: Path, tmp_path_factory: pytest.TempPathFactory) -> eq.Results:
    return run(study(MATCH), database, tmp_path_factory.mktemp("run") / "r", min_cell_count=1)


def test_everything_recorded_before_time_zero_is_balanced(matched: eq.Results) -> None:
    names = [row["covariate"] for row in matched.rows("balance")]
    assert names[0] == "logit of the propensity score"
    assert len(names) == len(set(names)) > 40
    assert any(name.startswith("drug atc") for name in names)
    assert any(name.startswith("condition") for name in names)
    assert all("days -365 to -1" in name or "days … to -1" in name for name in names if "recorded in" in name)
    (row,) = matched.rows("adjustment")
    assert "covariates of the set" in row["findings"]
    assert "by cross-validation" in row["findings"]
    assert 0.5 < row["auc"] < 1.0


def test_the_drugs_compared_and_their_classes_are_no_covariates(matched: eq.Results) -> None:
    names = [row["covariate"] for row in matched.rows("balance")]
    assert not [name for name in names if "N06A" in name or "antidepress" in name.lower()]
    assert any("drug atc" in name for name in names)


def test_counts_of_the_balance_are_those_of_the_arms(matched: eq.Results) -> None:
    arms = {row["arm"]: row["n_persons"] for row in matched.rows("follow_up")}
    counted = [row for row in matched.rows("balance") if row["n_target_with"] is not None]
    assert len(counted) > 40
    for row in counted:
        for arm, n in arms.items():
            assert row[f"n_{arm}_with"] + row[f"n_{arm}_without"] == n
        shares = [row[f"n_{arm}_with"] / n for arm, n in arms.items()]
        if row["smd_before"] is not None:  # constant in the target arm, whose spread is the unit
            assert np.sign(row["smd_before"]) == np.sign(shares[0] - shares[1])


@pytest.mark.parametrize(
    "adjustment",
    [
        {"kind": "weigh", "estimand": "overlap", "penalty": "lasso", "covariate_set": "large"},
        {"kind": "stratify", "penalty": "lasso", "covariate_set": "large", "trim_bounds": [0.05, 0.95]},
    ],
)
def test_scores_weigh_and_stratify(database: Path, tmp_path: Path, adjustment: dict[str, Any]) -> None:
    results = run(study(adjustment), database, tmp_path / "r", min_cell_count=1)
    (row,) = results.rows("adjustment")
    assert row["n_target"] == row["n_target_kept"] + row["n_target_left_out"]
    if "trim_bounds" in adjustment:
        assert row["n_reference_trimmed"] > 0
    estimates = [row for row in results.rows("estimates") if row["adjustment"] != "crude"]
    assert [row["reason"] for row in estimates] == [None]


def test_the_score_is_estimated_once_for_estimates_and_controls(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = []
    fit = large_covariates.fit_regularised_logistic

    def counted(*given: Any, **named: Any) -> Any:
        fitted.append(1)
        return fit(*given, **named)

    monkeypatch.setattr(large_covariates, "fit_regularised_logistic", counted)
    raw = study(MATCH, negative_controls={"outcomes": ["K80", "S52", "H25"]})
    for code in ("K80", "S52", "H25"):
        raw["concept_sets"][code] = {"domain": "condition", "include": [{"code_prefix": code}]}
    results = run(raw, database, tmp_path / "r", min_cell_count=1)
    assert len(fitted) == 1
    rows = results.rows("negative_controls")
    assert [row["control"] for row in rows if row["adjustment"] == "matched"] == ["K80", "S52", "H25"]


def test_small_counts_of_the_balance_are_hidden_with_what_gives_them_away(database: Path, tmp_path: Path) -> None:
    results = run(study(MATCH, large={"min_share": 0.001}), database, tmp_path / "r", min_cell_count=5)
    rows = results.rows("balance")
    hidden = [row for row in rows if row["n_target_with_suppressed"] or row["n_reference_with_suppressed"]]
    assert hidden
    assert {row["smd_before"] for row in hidden} == {row["smd_after"] for row in hidden} == {None}
    assert not [
        n for row in rows for name, n in row.items() if name.startswith("n_") and n in (1, 2, 3, 4) and n is not True
    ]


def test_the_report_shows_the_largest_differences_and_says_how_many_there_are(matched: eq.Results) -> None:
    page = report_html(matched)
    section = page[page.index('<section id="balance">') : page.index('<section id="follow-up">')]
    assert f"the 40 of {len(matched.rows('balance')) - 1:,} covariates that differ most" in section
    named = [
        row for row in matched.rows("balance") if f">{row['covariate'][:1].upper()}{row['covariate'][1:]}<" in section
    ]
    assert len(named) <= 41


def test_a_named_covariate_set_shares_its_rows_with_others(database: Path, tmp_path: Path) -> None:
    raw = study(MATCH)
    raw["sensitivity"] = [
        {
            "id": "weighed",
            "base": "main",
            "why": "Weights",
            "change": {"design": {"adjustment": {**MATCH, "kind": "weigh"}}},
        }
    ]
    results = run(raw, database, tmp_path / "r", min_cell_count=1)
    states = [(step["kind"], step["state"]) for step in results.manifest["steps"] if step["kind"] == "covariate_set"]
    assert states == [("covariate_set", "computed"), ("covariate_set", "cached")]


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "without a penalty": (
        {"kind": "match", "covariate_set": "large"},
        {},
        'analyses["main"].design.adjustment',
        "covariate_set 'large' without a penalty",
    ),
    "nobody defined it": (
        MATCH | {"covariate_set": "larg"},
        {},
        'analyses["main"].design.adjustment.covariate_set',
        "unknown covariate set 'larg'",
    ),
    "only after time zero": (
        MATCH,
        {"windows": [{"days_before": [-30, 0]}]},
        "covariate_sets.large.windows[0].days_before",
        "days after the index date",
    ),
    "no domain": (MATCH, {"domains": []}, "covariate_sets.large.domains", "0 items"),
    "a domain twice": (
        MATCH,
        {"domains": ["drug", "drug"]},
        "covariate_sets.large",
        "domains that name one thing twice",
    ),
    "deaths": (MATCH, {"domains": ["death"]}, "covariate_sets.large.domains[0]", "'death'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_with_a_set_is_named(name: str) -> None:
    adjustment, large, where, found = FAULTS[name]
    with pytest.raises(SpecError) as caught:
        parse_study(study(adjustment, large=large))
    assert [(fault.where, fault.found) for fault in caught.value.faults] == [(where, found)]


def test_what_would_estimate_the_score_anew_is_refused() -> None:
    raw = study(MATCH | {"kind": "weigh"})
    raw["analyses"][0]["design"]["estimator"] = {
        "kinds": ["survival"],
        "bootstrap": {"replicates": 200},
        "time_points_days": [365],
    }
    with pytest.raises(SpecError, match="a covariate_set with a bootstrap"):
        parse_study(raw)
