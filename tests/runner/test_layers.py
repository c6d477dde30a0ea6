"""Matching, weighting and stratification of a follow-up design, against R's answers on the same persons."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import Reason
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.propensity_scores import trim
from equipoise.runner.balance import adjustment_row
from equipoise.runner.layers import Layer, Propensity, Setting, _without_counts, by_propensity
from equipoise.runner.risks import Quantity, risk_contrasts, risks_at
from equipoise.spec.follow_up import Match, Stratify, Weigh

SHARED = Path(__file__).parents[3] / "shared" / "reference"
ARM = "celecoxib against diclofenac"
COVARIATES = (
    "age", "female", "n_prior_conditions", "n_drug_eras_365d", "p_peptic_ulcer", "p_viral_sinusitis", "p_otitis_media",
    "p_strep_throat", "p_concussion", "p_acute_bronchitis", "p_chronic_sinusitis", "p_sprain_ankle", "p_ecoli_uti",
)  # fmt: skip
SETTING = Setting(ARM, "efron", 0.95, False, 1)


@pytest.fixture(scope="module")
def people() -> AnalysisSet:
    path = SHARED / "data" / "derived__gibleed_cohort.csv"
    if not path.exists():
        pytest.skip(f"no reference data at {path}")
    table = pd.read_csv(path)
    table = table[table["time"] > 0]
    columns = (Column(ARM, "exposure"), *(Column(name, "covariate") for name in COVARIATES))
    n = len(table)
    return AnalysisSet(
        person=np.arange(n, dtype=np.int64),
        event=table["event"].to_numpy(np.int8),
        start=np.zeros(n, dtype=np.int32),
        stop=table["time"].to_numpy(np.int32),
        weight=np.ones(n),
        x=table[["target", *COVARIATES]].to_numpy(np.float64),
        columns=columns,
        arm=table["target"].to_numpy(np.int8),
    )


def expected(case: str) -> dict[str, Any]:
    cases = json.loads((SHARED / "cases" / "16_gibleed.json").read_text(encoding="utf-8"))["cases"]
    return next(item["result"] for item in cases if item["id"] == case)


def made(people: AnalysisSet, given: Any) -> tuple[Layer, Propensity]:
    layer, propensity = by_propensity(people, given, SETTING)
    assert propensity is not None
    return layer, propensity


def test_weights_give_rs_ratio(people: AnalysisSet) -> None:
    r = expected("gib_cox_iptw")
    layer, propensity = made(people, Weigh(kind="weigh", stabilised=True))
    term = layer.cox().estimate(ARM)
    assert term.estimate == pytest.approx(r["coef"]["target"], rel=1e-6)
    # The estimation of the score is accounted for, which R's robust variance does not do.
    assert term.std_error == pytest.approx(r["se"]["target"], rel=0.1)
    assert propensity.auc == pytest.approx(r["auc"], abs=1e-6)


def test_pairs_give_rs_ratio_with_its_standard_error(people: AnalysisSet) -> None:
    r = expected("gib_cox_psmatched_smaller_arm_smallest")
    layer, propensity = made(people, Match(kind="match", estimand="ATC", caliper=None, caliper_scale="ps"))
    assert len(layer.rows) == r["n"]
    assert propensity.balance.largest < 0.1
    term = layer.cox().estimate(ARM)
    assert term.estimate == pytest.approx(r["coef"]["target"], abs=0.02)
    assert term.std_error == pytest.approx(r["se"]["target"], rel=0.1)


def test_matching_the_larger_arm_is_named(people: AnalysisSet) -> None:
    _, propensity = made(people, Match(kind="match", estimand="ATT", caliper=None))
    assert propensity.balance.largest > 0.1
    assert propensity.findings[0].startswith("persons seek partners among the others, and no caliper")


def test_strata_are_stratified_in_the_model(people: AnalysisSet) -> None:
    layer, propensity = made(people, Stratify(kind="stratify", strata=5))
    fit = layer.cox()
    assert fit.strata == 5
    crude = expected("gib_cox_crude")["coef"]["target"]
    assert abs(fit.estimate(ARM).estimate) < crude, "most of the confounding is taken away"
    before = propensity.balance.before.smd
    assert np.nanmax(np.abs(before)) > propensity.balance.largest


@pytest.mark.parametrize("given", [Weigh(kind="weigh"), Match(kind="match", estimand="ATC"), Stratify(kind="stratify")])
def test_risks_are_adjusted_the_same_way(people: AnalysisSet, given: Any) -> None:
    layer, _ = made(people, given)
    assert layer.curve is not None
    curve = layer.curve()
    (reference,), (target,) = risks_at(curve, [180])
    (difference,) = risk_contrasts(curve, [180], "difference")
    assert difference.estimate == pytest.approx(target.estimate - reference.estimate, abs=1e-12)
    crude = 355 / 1800 - 124 / 830
    assert abs(difference.estimate) < crude
    assert isinstance(difference, Quantity)
    assert difference.conf_low < difference.estimate < difference.conf_high


def test_trimming_keeps_persons_in_equipoise(people: AnalysisSet) -> None:
    whole, _ = made(people, Weigh(kind="weigh"))
    layer, propensity = made(people, Weigh(kind="weigh", trim_equipoise=(0.3, 0.7)))
    assert len(layer.rows) == len(whole.rows) - propensity.trimmed
    assert propensity.trimmed > 0


@pytest.mark.parametrize("rule", [{"trim_bounds": (0.5, 0.8)}, {"trim_fraction": 0.05}])
def test_trimming_by_score_leaves_out_what_trim_does(people: AnalysisSet, rule: dict[str, Any]) -> None:
    _, propensity = made(people, Match(kind="match", estimand="ATC", **rule))
    score = fit_logistic(people.select(list(COVARIATES)).x, outcome=people.arm.astype(np.float64))
    name, limits = next(iter(rule.items()))
    kept = trim(people.select([ARM]), score=score, **{name.removeprefix("trim_"): limits}).keep
    assert 0 < propensity.trimmed == int((~kept).sum()) < len(people)


def test_counts_of_an_adjustment_add_up(people: AnalysisSet) -> None:
    layer, propensity = made(people, Match(kind="match", estimand="ATC", trim_fraction=0.05))
    row = adjustment_row(people, layer, propensity)
    for arm in ("target", "reference"):
        assert row[f"n_{arm}"] == row[f"n_{arm}_kept"] + row[f"n_{arm}_left_out"]
        assert row[f"n_{arm}_left_out"] == row[f"n_{arm}_trimmed"] + row[f"n_{arm}_unpaired"]
    assert row["n_target_trimmed"] + row["n_reference_trimmed"] == propensity.trimmed > 0
    assert row["n_target_kept"] == row["n_reference_kept"]


def test_the_preset_is_its_settings(people: AnalysisSet) -> None:
    """1:1, greedy, 0.1 pooled standard deviations of the logit, random order; a study's own caliper is another."""
    settings = {"ratio": 1, "caliper": 0.1, "caliper_scale": "logit", "caliper_sd": "pooled", "order": "random"}
    preset, spelled = Match(kind="match", preset="network-tool"), Match(kind="match", **settings)
    assert preset.model_dump() == spelled.model_dump() | {"preset": "network-tool"}
    assert Match.model_validate(preset.model_dump()) == preset, "canonical form can be read again"
    one, other = made(people, preset), made(people, spelled)
    np.testing.assert_array_equal(one[0].rows.person, other[0].rows.person)
    default = Match(kind="match")
    assert (default.caliper, default.caliper_scale, default.caliper_sd) == (0.2, "logit", "overall")


def test_a_penalised_score_balances_as_well(people: AnalysisSet) -> None:
    layer, propensity = made(people, Weigh(kind="weigh", penalty="lasso"))
    assert propensity.balance.largest < 0.1
    assert layer.cox().estimate(ARM).reason is None


def test_one_arm_without_persons_is_a_reason(people: AnalysisSet) -> None:
    alone = people.where(people.arm == 1)
    layer, propensity = by_propensity(alone, Weigh(kind="weigh"), SETTING)
    assert layer.reason is Reason.ONE_ARM_EMPTY
    assert propensity is None


def test_competing_events_stay_competing_in_matched_sets(people: AnalysisSet) -> None:
    event = np.where((people.event == 0) & (people.stop < 180), 2, people.event).astype(np.int8)
    event[np.flatnonzero(event == 0)[:50]] = 2
    setting = replace(SETTING, competing=True)
    layer, _ = by_propensity(replace(people, event=event), Match(kind="match", estimand="ATC"), setting)
    assert layer.curve is not None
    assert layer.curve().causes == (1, 2)


def test_covariates_that_determine_the_arm_are_a_reason(people: AnalysisSet) -> None:
    x = np.column_stack([people.x[:, 0], people.x[:, 0]])
    columns = (people.columns[0], Column("arm again", "covariate"))
    layer, propensity = by_propensity(replace(people, x=x, columns=columns), Match(kind="match"), SETTING)
    assert (layer.reason, propensity) == (Reason.SEPARATION, None)


def test_without_overlap_nobody_is_matched_and_there_is_a_reason(people: AnalysisSet) -> None:
    """Scores farther apart than the caliper: no pairs, and no estimate made of nothing."""
    far = people.x.copy()
    far[:, 1] = people.arm * 40 + np.arange(len(people)) % 39  # ages of the arms do not meet
    layer, _ = by_propensity(replace(people, x=far), Match(kind="match", estimand="ATC", caliper=0.01), SETTING)
    assert layer.reason in (Reason.NO_INFORMATIVE_SETS, Reason.SEPARATION)
    bare = people.select([ARM, "age"])
    none, _ = by_propensity(bare, Match(kind="match", estimand="ATC", caliper=1e-300, caliper_sd=None), SETTING)
    assert none.reason is None, "persons of one age have one score"
    spread = replace(bare, x=np.column_stack([bare.x[:, 0], np.arange(len(bare)) + bare.arm * 0.5]))
    alone, _ = by_propensity(spread, Match(kind="match", estimand="ATC", caliper=1e-300, caliper_sd=None), SETTING)
    assert alone.reason is Reason.NO_INFORMATIVE_SETS


def test_fewer_candidates_than_partners_asked_for_are_named(people: AnalysisSet) -> None:
    _, propensity = made(people, Match(kind="match", estimand="ATT", ratio=3, caliper=None))
    assert any("no partner left" in finding or "fewer" in finding for finding in propensity.findings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("3 sets have fewer than 4 partners: weight them", "sets have fewer than 4 partners: weight them"),
        ("1,204 persons seek partners among 2, and no", "persons seek partners among the others, and no"),
        ("the matched arms differ by 0.31 SD", "the matched arms differ by 0.31 SD"),
    ],
)
def test_findings_tell_no_number_of_persons_or_sets(text: str, told: str) -> None:
    assert _without_counts(text) == told
