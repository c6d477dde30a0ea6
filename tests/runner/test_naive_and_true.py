"""Without confounding, reverse causation and severity, among new users with full capture, naive estimates are true."""

import numpy as np
import pytest

from equipoise.estimators.conditional_logistic import fit_conditional_logistic
from equipoise.estimators.survival_curve import fit_survival_curve
from equipoise.simulate.anchor_frames import DAYS, Frame, between, dates, stacked
from equipoise.simulate.anchor_sample import draw_sample
from equipoise.simulate.antidepressants import ANTIDEPRESSANT, NON_SUPPRESSING, SUPPRESSING
from equipoise.simulate.block import YEAR
from equipoise.simulate.course_episodes import RILUZOLE
from equipoise.simulate.estimands import OnsetEstimand, SurvivalEstimand, Users
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.nation import Block, draw_block
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.true_values import Nation, compute_truth

pytestmark = pytest.mark.slow

OFF = dict.fromkeys(
    (
        "vulnerability_to_prescribing", "vulnerability_to_als", "vulnerability_to_mortality", "prodrome",
        "severity_to_prescribing", "distress_to_prescribing", "registry_selection", "incomplete_capture",
    ),
    False,
)  # fmt: skip
LAST = 19_722  # 2023-12-31


def nation(blocks: int, multiplier: float, seed: int = 31, **settings: object) -> Nation:
    return Nation(parse_nation({"switches": OFF, **settings}), 20_000 * blocks, seed, multiplier)


def odds_ratio(sets: Frame, atc: str) -> tuple[float, float]:
    """Log odds ratio of first use more than a year before the index day, two dispensings, and its standard error."""
    count, ago = sets[f"count {atc}"], sets[f"ago {atc}"]
    users = (count >= 2) & (ago > 365)
    kept = users | (count == 0)
    fit = fit_conditional_logistic(
        {"user": users[kept].astype(float), "case": sets["case"][kept], "set": sets["set"][kept]},
        case="case", matched_set="set", covariates=["user"],
    )  # fmt: skip
    return float(fit.coefficients[0]), float(np.sqrt(fit.covariance[0, 0]))


@pytest.mark.parametrize("ratio", [1.0, 1.8])
def test_the_odds_ratio_is_the_true_ratio_of_exposed_diagnoses(ratio: float) -> None:
    """Enriched little, so that controls who stay free of the disease have the exposure of everybody."""
    of = nation(120, 15.0, effects={"class_on_als_onset": {"N06A": ratio}})
    sets = stacked([draw_sample(of.spec, place, of.multiplier).sets for place in of.places()])
    estimate, error = odds_ratio(sets, "N06A")
    truth = compute_truth(of, OnsetEstimand(atc="N06A"))
    assert abs(estimate - np.log(truth.value)) < 3 * np.hypot(error, truth.std_error / truth.value)
    assert (truth.value > 1.2) == (ratio > 1)
    if ratio > 1:
        assert estimate > 3 * error
    for other in ("N05B", "N05C"):
        estimate, error = odds_ratio(sets, other)
        assert abs(estimate) < 3.5 * error


def new_users(block: Block) -> Frame:
    """Patients whose first antidepressant ever falls into the three years up to their first riluzole, of one kind."""
    disease = block.disease
    row = np.flatnonzero((disease.kind == 0) & block.course.diagnosed)
    person = disease.person[row].astype(np.int64)
    first = np.full(len(block.people), 2**31, np.int64)
    started = dates(block.dispensings, np.arange(len(FORMULARY)) == RILUZOLE)
    np.minimum.at(first, started // DAYS, started % DAYS)
    end = np.minimum(np.minimum(block.death, block.people.leaves), LAST)[person].astype(np.int64)
    treated = first[person] <= end
    row, person, end = row[treated], person[treated], end[treated]
    zero = first[person]
    ever = dates(block.dispensings, ANTIDEPRESSANT)
    new = between(ever, person, np.zeros(len(person), np.int64), zero - 1096) == 0
    kinds = [
        between(dates(block.dispensings, kind), person, zero - 1096, zero + 1) > 0
        for kind in (SUPPRESSING, NON_SUPPRESSING)
    ]
    kept = new & (kinds[0] ^ kinds[1])
    return {
        "suppressing": kinds[0][kept],
        "years": ((end - zero + 1) / YEAR)[kept],
        "died": (block.death[person] <= end)[kept].astype(float),
    }


def two_years(users: Frame, rows: np.ndarray) -> tuple[float, float]:
    curve = fit_survival_curve({"years": users["years"][rows], "died": users["died"][rows]}, time="years", event="died")
    at = curve.survival_at([2.0]).iloc[0]
    return float(at["estimate"]), float(at["std_error"])


def naive_difference(of: Nation) -> tuple[float, float]:
    """Difference of two-year risk, suppressing less other, and its standard error."""
    users = stacked([new_users(draw_block(of.spec, place, of.multiplier)) for place in of.places()])
    (one, error), (other, more) = (two_years(users, rows) for rows in (users["suppressing"], ~users["suppressing"]))
    return other - one, float(np.hypot(error, more))


def test_two_year_survival_of_new_users_differs_as_in_truth() -> None:
    """A strong effect, and much new use of either kind that lasts, so that the difference stands out of its error.

    Use begins by chance once the disease is known: whoever has stopped, or takes the other kind later, is a user whose
    worlds differ less than those of the estimand do.
    """
    lasting = {"distress": {"rate": 0.08, "stopping": 1e-9}, "choice": {"non_suppressing": 0.0}}
    none_before = {"antidepressants": {"rate": 0.0}}
    of = nation(60, 60.0, prescribing=none_before, course=lasting, effects={"rem_suppression_on_death": 0.5})
    estimand = SurvivalEstimand(
        target="every_antidepressant_suppressing",
        reference="every_antidepressant_non_suppressing",
        time_zero="riluzole",
        users=Users(drugs="any"),
    )
    difference, error = naive_difference(of)
    truth = compute_truth(of, estimand)
    assert truth.value < -0.05
    assert abs(difference - truth.value) < 3 * np.hypot(error, truth.std_error)
    assert difference < -3 * error


def test_with_the_arrows_in_place_the_odds_ratio_is_not_the_truth() -> None:
    of = Nation(NationSpec(), 20_000 * 60, 31, 60.0)
    sets = stacked([draw_sample(of.spec, place, of.multiplier).sets for place in of.places()])
    estimate, error = odds_ratio(sets, "N06A")
    assert estimate > 3 * error  # the truth is 1
