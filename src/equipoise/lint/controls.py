"""Flaws in the choice of cases and controls."""

from collections.abc import Iterator

from equipoise.lint.findings import Finding, under
from equipoise.spec.study import Analysis, Study

FEW_CONTROLS = 2
PRIOR_DAYS = 365


def few_controls(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """One or two controls a case."""
    m = analysis.case_control.controls_per_case
    if m <= FEW_CONTROLS:
        yield Finding(
            "few-controls",
            under(analysis, "design.controls_per_case"),
            f"each case gets {m} control{'s' if m > 1 else ''}",
            f"the efficiency is about {m}/{m + 1} of what unlimited controls would give (Ury, Biometrics 1975;31:643)",
            "use 4 or more: in a database, controls cost next to nothing",
        )


def prevalent_cases(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """The first record of the outcome may be the first only because observation began shortly before."""
    name = analysis.case_control.cases
    days = study.cohorts[name].prior_observation_days
    if days < PRIOR_DAYS:
        yield Finding(
            "prevalent-cases",
            f"cohorts.{name}.prior_observation_days",
            f"a case needs {days} days of observation before its first event",
            "events recorded soon after entry are often old ones "
            "(Lewis et al., Pharmacoepidemiol Drug Saf 2005;14:443)",
            "set prior_observation_days to 365 or more",
        )


def chosen_by_exposure(study: Study, analysis: Analysis) -> Iterator[Finding]:
    """Controls must be free of something that is itself the exposure."""
    exposed = {name for exposure in analysis.case_control.exposures for name in study.exposures[exposure].concept_sets}
    for name in analysis.case_control.free_of:
        if any(same_records(study, name, other) for other in exposed):
            yield Finding(
                "controls-chosen-by-exposure",
                under(analysis, "design.free_of"),
                f"controls must be free of {name!r}, which is part of an exposure",
                "controls then no longer show how common the exposure is in those who gave rise to the cases "
                "(Wacholder et al., Am J Epidemiol 1992;135:1019; Lubin & Gail, Biometrics 1984;40:63)",
                "remove it from free_of",
            )


def same_records(study: Study, name: str, other: str) -> bool:
    """Whether two concept sets are declared alike, whatever they are called."""
    ignored = {"label": None}
    return study.concept_sets[name].model_copy(update=ignored) == study.concept_sets[other].model_copy(update=ignored)
