"""Flaws of follow-up designs: who enters, from when, compared with whom."""

from collections.abc import Iterator

from equipoise.lint.adjustment import counting_records_of
from equipoise.lint.findings import Finding, adjusted, under
from equipoise.spec.follow_up import EXPOSURE_END, FollowUpDesign
from equipoise.spec.study import Analysis, Study

LAG_DAYS = 90
SHORT_WASHOUT = 180


def _design(analysis: Analysis) -> FollowUpDesign:
    assert analysis.follow_up is not None  # rules of this module are asked of follow-up designs only
    return analysis.follow_up


def prevalent_users(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Users enter without a time free of the drug, or after a short one."""
    design = _design(analysis)
    days = design.new_users.washout_days if design.new_users else 0
    if days < SHORT_WASHOUT:
        says = f"users enter after {days} days free of the drugs" if days else "users enter whenever they began"
        yield Finding(
            "prevalent-users",
            under(analysis, "design.new_users"),
            says,
            "those harmed early are gone, and covariates at time zero can be effects of the drug "
            "(Ray, Am J Epidemiol 2003;158:915)",
            "write new_users = { washout_days = 365 }, say, or show both in a sensitivity analysis",
        )


def compared_with_no_use(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """The reference are persons without the drug, not users of another one."""
    if _design(analysis).comparator is None:
        yield Finding(
            "compared-with-no-use",
            under(analysis, "design.comparator"),
            "users are compared with persons who use nothing for the same reason",
            "the reason for the drug then stands between the arms: confounding by indication "
            "(Lund, Richardson & Stürmer, Curr Epidemiol Rep 2015;2:221)",
            "name a drug with the same indication as comparator, or adjust for the indication",
        )


def use_not_observable(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """The window of use reaches beyond the observation that the population requires."""
    design = _design(analysis)
    if design.window is None:
        return
    first, required = study.windows[design.window].first_day, study.cohorts[design.population].prior_observation_days
    washout = design.new_users.washout_days if design.new_users else 0
    if first is None or -first > required + washout:
        reach = "without limit" if first is None else f"{-first:,} days"
        yield Finding(
            "use-not-observable",
            f"cohorts.{design.population}.prior_observation_days",
            f"use is looked for {reach} back, and {required:,} days of observation are required",
            "days on which use could not be seen count as days without use, which misclassifies the arms "
            "(Riis et al., Pharmacoepidemiol Drug Saf 2015;24:478)",
            "require as many days of prior observation as the window is long",
        )


def survivors_only(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Who enters depends on what happens after time zero."""
    design = _design(analysis)
    days = max(design.follow_up.minimum_days, design.follow_up.starts_day)
    if design.follow_up.start_anchor == EXPOSURE_END:
        yield Finding(
            "survivors-only",
            under(analysis, "design.follow_up.start_anchor"),
            "persons are left out by what becomes of them while they use the drug",
            "nobody knows at time zero when use will end, and those who live to see it differ between arms wherever "
            "use lasts longer in one or harms in it (Suissa, Am J Epidemiol 2008;167:492)",
            "begin at time zero and let time at risk reach beyond use, and show this as a sensitivity analysis",
        )
    elif days > 1:
        key = "minimum_days" if design.follow_up.minimum_days >= design.follow_up.starts_day else "starts_day"
        yield Finding(
            "survivors-only",
            under(analysis, f"design.follow_up.{key}"),
            f"persons are left out by what becomes of them in the {days:,} days after time zero",
            "nobody knows at time zero who that will be, and time in which nobody can fail biases where arms differ "
            "in it (Suissa, Am J Epidemiol 2008;167:492)",
            "set it to 0, or show in a sensitivity analysis that it does not matter",
        )


def small_early_risk_sets(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Curves under delayed entry begin with those few who entered first."""
    design = _design(analysis)
    curves = sorted({"survival", "rmst", "cumulative_incidence"} & set(design.estimator.kinds))
    if design.follow_up.delayed_entry is not None and curves:
        yield Finding(
            "small-early-risk-sets",
            under(analysis, "design.follow_up.delayed_entry"),
            f"{' and '.join(curves)} with delayed entry",
            "few are at risk at first, where one event moves a curve far and for good, and nothing is seen before the "
            "first entry (Tsai, Jewell & Wang, Biometrika 1987;74:883)",
            "look at the numbers at risk in the table curves, and rest on the hazard ratio",
        )


def stopping_in_one_arm(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Stopping censors users, and non-users have nothing to stop."""
    design = _design(analysis)
    if design.censoring.at_stop and design.comparator is None:
        yield Finding(
            "stopping-in-one-arm",
            under(analysis, "design.censoring.at_stop"),
            "users are censored where they stop, persons without use are not",
            "those who stop differ in prognosis from those who go on: censoring in one arm only is informative "
            "(Hernán & Robins, Am J Epidemiol 2016;183:758)",
            "compare with users of another drug, or follow everyone regardless",
        )


def lagless_use(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Use up to the day before time zero makes the arm."""
    design = _design(analysis)
    if design.window is None:
        return
    last = min(study.windows[design.window].last_day, -design.lag_days - 1)
    if last >= -LAG_DAYS:
        yield Finding(
            "no-lag-before-time-zero",
            under(analysis, "design.lag_days"),
            f"use up to day {last} makes the arm (day 0 is time zero)",
            "a drug given for early signs of a bad course then looks like its cause: protopathic bias "
            "(Tamim et al., Pharmacoepidemiol Drug Saf 2007;16:250)",
            "set lag_days in this analysis or in a sensitivity analysis",
        )


def adjusting_for_the_drug(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """A covariate counts the records that make an arm."""
    design = _design(analysis)
    arms = [*design.target, *([design.comparator] if design.comparator else [])]
    return counting_records_of(study, analysis, arms)


def age_left_open(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Nothing makes the arms alike in age."""
    kinds = {covariate.kind for covariate in adjusted(study, analysis)}
    if not kinds & {"age", "birth_year"}:
        yield Finding(
            "age-left-open",
            under(analysis, "adjust_for"),
            "age is not adjusted for",
            "age drives most outcomes and most prescribing, so it confounds (Pearce, BMJ 2016;352:i969)",
            "add a covariate of kind age to adjust_for",
        )
