"""Flaws in what the analysis holds fixed."""

from collections.abc import Iterable, Iterator

from equipoise.lint.controls import same_records
from equipoise.lint.findings import Finding, adjusted, under
from equipoise.spec.study import Analysis, Study

NEAR_DAYS = 30
WIDE_BIRTH_YEARS = 5


def near_the_index_date(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """A covariate is looked for up to the last days before the index date."""
    for covariate in adjusted(study, analysis):
        if hasattr(covariate, "window") and covariate.window.last_day >= -NEAR_DAYS:
            yield Finding(
                "covariate-near-index",
                f'covariates["{covariate.name}"].window',
                f"{covariate.name!r} counts records up to day {covariate.window.last_day} (day 0 is the index date)",
                "such a record can follow the exposure and lie on the way to the outcome, or be its first sign; "
                "adjusting for it biases (Schisterman, Cole & Platt, Epidemiology 2009;20:488)",
                "end the window before the exposure windows begin, or show both in a sensitivity analysis",
            )


def for_the_exposure(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """A covariate counts the records that make the exposure."""
    return counting_records_of(study, analysis, analysis.case_control.exposures)


def counting_records_of(study: Study, analysis: Analysis, exposures: Iterable[str]) -> Iterator[Finding]:
    """Covariates that count records of one of the exposures."""
    exposed = {name for exposure in exposures for name in study.exposures[exposure].concept_sets}
    for covariate in adjusted(study, analysis):
        name = getattr(covariate, "concept_set", None)
        if name is not None and any(same_records(study, name, other) for other in exposed):
            yield Finding(
                "adjusting-for-exposure",
                under(analysis, "adjust_for"),
                f"{covariate.name!r} counts records of {name!r}, which are part of an exposure",
                "the estimate then compares users with themselves: overadjustment "
                "(Schisterman, Cole & Platt, Epidemiology 2009;20:488)",
                "remove it from adjust_for",
            )


def age_left_open(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Neither matching nor adjustment makes cases and controls alike in age."""
    caliper = analysis.case_control.birth_year_caliper
    kinds = {covariate.kind for covariate in adjusted(study, analysis)}
    if (caliper is None or caliper > WIDE_BIRTH_YEARS) and not kinds & {"age", "birth_year"}:
        width = "not matched on" if caliper is None else f"matched to within {caliper} years"
        yield Finding(
            "age-left-open",
            under(analysis, "design.birth_year_caliper"),
            f"birth year is {width}, and the model does not hold age",
            "age drives most outcomes and most prescribing, so it confounds; matching that is not close needs "
            "adjustment as well (Pearce, BMJ 2016;352:i969)",
            "narrow the caliper to 2 years or less, or add a covariate of kind age to adjust_for",
        )


def sex_left_open(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Neither matching, adjustment nor restriction makes cases and controls alike in sex."""
    design = analysis.case_control
    kinds = {covariate.kind for covariate in adjusted(study, analysis)}
    cohorts = [study.cohorts[name] for name in (design.cases, design.within) if name is not None]
    restricted = any(cohort.sex is not None and len(cohort.sex) == 1 for cohort in cohorts)
    if "sex" not in design.match_exact and "sex" not in kinds and not restricted:
        yield Finding(
            "sex-left-open",
            under(analysis, "design.match_exact"),
            "sex is neither matched on nor adjusted for",
            "many outcomes and most prescribing differ between the sexes, so it confounds (Pearce, BMJ 2016;352:i969)",
            'add "sex" to match_exact, or a covariate of kind sex to adjust_for',
        )
