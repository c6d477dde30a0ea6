"""Reads a study before any data are touched and names the flaws of its design."""

from collections.abc import Callable, Iterator

from equipoise.lint import adjustment, arms, controls, exposure, follow_up, protocol, target_trial
from equipoise.lint.findings import Finding
from equipoise.spec.study import Analysis, Study

Rule = Callable[[Study, Analysis], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    exposure.windows_without_lag,
    exposure.lag_that_counts,
    exposure.short_run_in,
    exposure.unobservable_kept,
    exposure.overlapping_windows,
    exposure.daily_doses_not_stated,
    controls.few_controls,
    controls.prevalent_cases,
    controls.chosen_by_exposure,
    adjustment.near_the_index_date,
    adjustment.for_the_exposure,
    adjustment.age_left_open,
    adjustment.sex_left_open,
)

FOLLOW_UP_RULES: tuple[Rule, ...] = (
    arms.drug_in_both_arms,
    follow_up.prevalent_users,
    follow_up.compared_with_no_use,
    follow_up.use_not_observable,
    follow_up.survivors_only,
    follow_up.small_early_risk_sets,
    follow_up.stopping_in_one_arm,
    follow_up.lagless_use,
    adjustment.near_the_index_date,
    follow_up.adjusting_for_the_drug,
    follow_up.age_left_open,
)

TRIAL_RULES: tuple[Rule, ...] = (target_trial.prevalent_users, target_trial.nothing_varies)


def lint_study(study: Study) -> list[Finding]:
    """Every flaw that can be seen in the protocol, in the order of its analyses. Empty where nothing was found.

    Sensitivity analyses are not judged: they exist to do otherwise.
    """
    findings = list(protocol.recording_start_unknown(study))
    for analysis in study.analyses:
        for rule in _rules(analysis):
            findings += rule(study, analysis)
    return [*findings, *protocol.defined_but_unused(study)]


def _rules(analysis: Analysis) -> tuple[Rule, ...]:
    if analysis.target_trial is not None:
        return TRIAL_RULES
    return FOLLOW_UP_RULES if analysis.follow_up else RULES
