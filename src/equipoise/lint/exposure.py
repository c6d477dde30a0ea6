"""Flaws in the time in which exposure is looked for."""

from collections.abc import Iterator
from itertools import combinations

from equipoise.lint.findings import Finding, under
from equipoise.spec.study import Analysis, Study, varied

LAG_DAYS = 365
RUN_IN_DAYS = 180


def windows_without_lag(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Every window, here and in the sensitivity analyses of this one, reaches into the last year."""
    variants = _variants(study, analysis)
    windows = [study.windows[name] for variant in variants for name in variant.case_control.windows]
    if all(window.last_day >= -LAG_DAYS for window in windows):
        yield Finding(
            "no-lag",
            under(analysis, "design.windows"),
            "every window includes days of the last year before the index date",
            "a drug given for early symptoms of the outcome then looks like its cause: protopathic bias "
            "(Horwitz & Feinstein, Am J Med 1980;68:255; Tamim et al., Pharmacoepidemiol Drug Saf 2007;16:250)",
            "add a window that begins a year or more before the index date, or a sensitivity analysis with one, unless "
            "the outcome has no prodrome",
        )


def _variants(study: Study, analysis: Analysis) -> list[Analysis]:
    """The analysis and the variations of it that are nested case-control studies too."""
    varied_here = [varied(study, item) for item in study.sensitivity if item.base == analysis.id]
    return [analysis, *(variant for variant in varied_here if variant.follow_up is None)]


def lag_that_counts(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Initiation is read with a lag whose dispensings still make users, here and in every variant of the analysis."""
    variants = _variants(study, analysis)
    lagged = max(study.windows[name].last_day for name in analysis.case_control.windows) < -1
    counted = all(variant.case_control.lag_dispensings == "count" for variant in variants)
    if "initiation" in analysis.case_control.readings and lagged and counted:
        yield Finding(
            "lag-that-counts",
            under(analysis, "design.lag_dispensings"),
            "dispensings after the latest window count towards use and its minimum",
            "those who first use the drug for early symptoms leave the reference, cases more often than controls, "
            "which raises every initiation estimate (Tamim et al., Pharmacoepidemiol Drug Saf 2007;16:250)",
            'set lag_dispensings = "ignore", here or in a sensitivity analysis',
        )


def short_run_in(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Initiation is read with too short a time free of use before it."""
    design = analysis.case_control
    if "initiation" in design.readings and design.run_in_days < RUN_IN_DAYS:
        yield Finding(
            "short-run-in",
            under(analysis, "design.run_in_days"),
            f"initiation is read after a run-in of {design.run_in_days} days",
            "continuing users then pass for new ones, and those harmed early are already gone "
            "(Ray, Am J Epidemiol 2003;158:915; Riis et al., Pharmacoepidemiol Drug Saf 2015;24:478)",
            "set run_in_days to 365 or more",
        )


def unobservable_kept(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Sets stay in although part of a window lies before dispensings can be seen."""
    if analysis.case_control.unobservable == "keep":
        yield Finding(
            "unobservable-kept",
            under(analysis, "design.unobservable"),
            "sets stay in the estimates although part of a window lies before dispensings can be seen",
            "time that is not observed is counted as time without use, which misclassifies exposure "
            "(Riis et al., Pharmacoepidemiol Drug Saf 2015;24:478)",
            'use unobservable = "leave_out" in the main analysis and "keep" in a sensitivity analysis',
        )


def daily_doses_not_stated(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Daily doses are asked for and the study does not say what one is."""
    design = analysis.case_control
    if not any(asked.by == "daily_doses" for asked in design.dose_response):
        return
    for name in design.exposures:
        lacking = [each for each in study.exposures[name].concept_sets if each not in study.exposures[name].daily_doses]
        if lacking:
            yield Finding(
                "daily-doses-not-stated",
                f"exposures.{name}.daily_doses",
                f"no daily dose of {', '.join(map(repr, lacking))}",
                "only data that record the number of defined daily doses of a dispensing answer the question; "
                "elsewhere it stays unknown (WHO Collaborating Centre for Drug Statistics Methodology, Guidelines for "
                "ATC classification and DDD assignment 2024)",
                "state milligrams by concept set, one for each substance, or run the study on such data",
            )


def overlapping_windows(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Two windows of an analysis share days."""
    names = analysis.case_control.windows
    pairs = [(a, b) for a, b in combinations(names, 2) if study.windows[a].overlaps(study.windows[b])]
    if pairs:
        listed = ", ".join(f"{a!r} and {b!r}" for a, b in pairs)
        yield Finding(
            "overlapping-windows",
            under(analysis, "design.windows"),
            f"these windows share days: {listed}",
            "their estimates rest on the same dispensings: they are not independent, and a difference between them "
            "cannot be read as an effect of timing; windows are to be reported so that readers can tell them apart "
            "(RECORD-PE: Langan et al., BMJ 2018;363:k3532)",
            "use windows that follow one another, or state which estimate is the main one",
        )
