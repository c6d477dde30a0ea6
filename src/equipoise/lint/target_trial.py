"""Flaws of target trials: what deviating depends on, and who starts afresh."""

from collections.abc import Iterator

from equipoise.lint.findings import Finding, under
from equipoise.spec.study import Analysis, Study
from equipoise.spec.target_trial import TargetTrial

SHORT_WASHOUT = 180


def _design(analysis: Analysis) -> TargetTrial:
    assert analysis.target_trial is not None  # rules of this module are asked of target trials only
    return analysis.target_trial


def nothing_varies(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Persons deviate from strategies over time, and no covariate is read after time zero."""
    design = _design(analysis)
    over_time = any(s.within > 1 or s.sustained for s in design.strategies)
    if design.contrast != "as_assigned" and over_time and not design.time_varying:
        yield Finding(
            "no-time-varying-covariates",
            under(analysis, "design.time_varying"),
            "persons keep to strategies over time, but no covariate is read after time zero",
            "who starts, stops or waits depends on how the disease goes; without it the weights leave "
            "time-varying confounding (Robins, Hernán & Brumback, Epidemiology 2000;11:550)",
            "name covariates that decide treatment over time in time_varying",
        )


def prevalent_users(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Users enter without a time free of the drugs, or after a short one."""
    design = _design(analysis)
    days = design.new_users.washout_days if design.new_users else 0
    if days < SHORT_WASHOUT:
        yield Finding(
            "prevalent-users",
            under(analysis, "design.new_users"),
            f"persons are eligible {f'after {days} days free of the drugs' if days else 'whenever they began'}",
            "a trial would not take those who are treated already "
            "(Ray, Am J Epidemiol 2003;158:915; Hernán & Robins, Am J Epidemiol 2016;183:758)",
            "write new_users = { washout_days = 365 }, say",
        )
