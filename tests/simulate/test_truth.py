"""True values: hand-worked contrasts, the structural parameter where it is the answer, and what is refused."""

import json

import numpy as np
import pytest

from equipoise.errors import DesignError, SourceError, SpecError
from equipoise.simulate.estimands import OnsetEstimand, SurvivalEstimand, Users
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.true_values import Nation, compute_truth, read_nation_truth
from equipoise.simulate.truth import pooled_hazard_ratio, true_survival
from equipoise.simulate.truth_survival import Patients
from equipoise.simulate.write_nation import write_nation

FLAT = dict.fromkeys(("lost_function", "slope", "age", "bulbar", "lost_capacity", "niv", "vulnerability"), 0.0)


def nation(settings: dict | None = None, persons: int = 60_000) -> Nation:
    return Nation(parse_nation(settings or {}), persons, seed=5, multiplier=60.0)


def test_contrasts_of_a_hand_worked_nation():
    """Of 100 patients, 40 die by day 100 in the target world and 50 in the reference world, all of these on day 50."""
    target = np.where(np.arange(100) < 40, 50.0, 200.0)
    reference = np.where(np.arange(100) < 50, 50.0, 200.0)
    patients = Patients(target, reference, np.zeros(100, np.int64))

    def value(measure: str) -> float:
        return true_survival([patients], SurvivalEstimand(measure=measure, horizon_days=100)).value

    assert value("risk_difference") == pytest.approx(-0.10)
    assert value("risk_ratio") == pytest.approx(0.8)
    assert value("rmst_difference") == pytest.approx(0.1 * 50)
    # One death time: 40 - 90·(100θ / (100θ + 100)) = 0, so θ = 40/50.
    assert value("hazard_ratio") == pytest.approx(0.8)


def test_thepooled_hazard_ratio_solves_the_stratified_partial_score():
    rng = np.random.default_rng(2)
    target, reference = np.ceil(rng.exponential(300, 400)), np.ceil(rng.exponential(200, 400))
    stratum = rng.integers(0, 3, 400)
    theta = pooled_hazard_ratio(target, reference, stratum, 365.0)
    score = 0.0
    for s in range(3):
        one, other = target[stratum == s], reference[stratum == s]
        for day in np.unique(np.concatenate([one, other])):
            if day <= 365:
                deaths = (one == day).sum() + (other == day).sum()
                at_risk = theta * (one >= day).sum(), (other >= day).sum()
                score += (one == day).sum() - deaths * at_risk[0] / sum(at_risk)
    assert abs(score) < 1e-8


def test_the_structuralpooled_hazard_ratio_is_the_answer_where_nothing_else_kills():
    """Constant hazard for everyone, exposure from diagnosis on, no other deaths: then, and only then, HR = 0.80."""
    flat = {"course": {"death": {"baseline": -3.0, **FLAT}, "ventilation": {"invasive_share": 0.0}}}
    ratio = SurvivalEstimand(
        target="suppressing_at_diagnosis", reference="never_antidepressant", measure="hazard_ratio", horizon_days=365
    )
    found = compute_truth(nation(flat, persons=120_000), ratio)
    # Deaths from other causes, the same in both worlds, pull it towards 1 a little.
    assert found.value == pytest.approx(0.80, abs=0.02 + 4 * found.std_error)


def test_a_marginalpooled_hazard_ratio_lies_nearer_to_1_than_the_conditional_one():
    marginal = SurvivalEstimand(measure="hazard_ratio")
    conditional = SurvivalEstimand(measure="hazard_ratio", conditional_on=("slope", "onset_site"))
    values = [compute_truth(nation(), estimand).value for estimand in (marginal, conditional)]
    assert 0.77 < values[1] < values[0] < 1


def test_without_an_effect_every_contrast_is_null():
    null = nation({"effects": {"rem_suppression_on_death": 1.0}})
    assert compute_truth(null, SurvivalEstimand()).value == 0.0
    assert compute_truth(null, SurvivalEstimand(measure="hazard_ratio")).value == pytest.approx(1.0, abs=1e-9)
    assert compute_truth(null, OnsetEstimand()).value == 1.0


def test_a_class_that_doubles_the_hazard_while_taken_does_less_over_a_window():
    doubled = nation({"effects": {"class_on_als_onset": {"N06A": 2.0}}}, persons=100_000)
    antidepressants = compute_truth(doubled, OnsetEstimand(atc="N06A"))
    assert 1.2 < antidepressants.value < 2.0
    benign = compute_truth(doubled, OnsetEstimand(atc="A02BC"))
    assert benign.value < antidepressants.value


def test_study_b_contrasts_swap_the_drug_and_keep_its_timing():
    contrast = SurvivalEstimand(
        target="every_antidepressant_suppressing",
        reference="every_antidepressant_non_suppressing",
        time_zero="riluzole",
        users=Users(drugs="any"),
    )
    larger = nation(persons=120_000)
    found = compute_truth(larger, contrast)
    assert found.value < -2 * found.std_error
    everybody = compute_truth(larger, contrast.model_copy(update={"users": None}))
    assert everybody.persons > found.persons
    assert abs(everybody.value) < abs(found.value)


def test_estimands_that_contradict_themselves_are_refused():
    with pytest.raises(ValueError, match="conditional_on with risk_ratio"):
        SurvivalEstimand(measure="risk_ratio", conditional_on=("age",))
    with pytest.raises(ValueError, match="begins at the diagnosis"):
        SurvivalEstimand(time_zero="riluzole", target="never_antidepressant", reference="natural")


def test_strata_too_small_for_a_conditional_ratio_are_refused():
    many = SurvivalEstimand(measure="hazard_ratio", conditional_on=("age", "sex", "slope", "vulnerability"))
    with pytest.raises(DesignError, match="persons a stratum"):
        compute_truth(nation(persons=20_000), many)


def test_too_few_persons_are_no_truth():
    with pytest.raises(DesignError, match="at least 50"):
        compute_truth(Nation(NationSpec(), 1000, 1), SurvivalEstimand())


def test_the_truth_of_a_nation_on_disk(tmp_path):
    write_nation(tmp_path / "n", persons=20_000, seed=5, multiplier=60.0)
    found = read_nation_truth(tmp_path / "n")
    assert (found.persons, found.seed, found.multiplier) == (20_000, 5, 60.0)
    assert compute_truth(tmp_path / "n", SurvivalEstimand()) == compute_truth(found, SurvivalEstimand())
    with pytest.raises(SourceError, match="truth of a nation"):
        read_nation_truth(tmp_path / "elsewhere")
    label = tmp_path / "n" / "truth" / "nation.json"
    content = json.loads(label.read_text()) | {"nation": {"effects": {"nothing": 1}}}
    label.write_text(json.dumps(content))
    with pytest.raises(SpecError, match="nothing"):
        read_nation_truth(tmp_path / "n")
