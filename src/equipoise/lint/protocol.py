"""Flaws of the protocol as a whole."""

from collections.abc import Iterator

from equipoise.lint.findings import Finding
from equipoise.spec.function import Function
from equipoise.spec.study import Analysis, Study


def recording_start_unknown(study: Study) -> Iterator[Finding]:
    """The study does not say since when dispensings are recorded."""
    if study.data_needs.drug_recording_from is None:
        yield Finding(
            "recording-start-unknown",
            "data_needs.drug_recording_from",
            "the study does not say since when dispensings are recorded",
            "observation can begin years before drugs are recorded; that time then counts as time without use "
            "(RECORD-PE: Langan et al., BMJ 2018;363:k3532)",
            "state the first day of complete drug recording, unless it covers all observation",
        )


def defined_but_unused(study: Study) -> Iterator[Finding]:
    """Names that no analysis uses, directly or through others."""
    for key, names in _used(study).items():
        for name in _defined(study, key):
            if name not in set(names):
                yield Finding(
                    "unused",
                    f'covariates["{name}"]' if key == "covariates" else f"{key}.{name}",
                    f"{name!r} is defined, but no analysis uses it",
                    "readers take what a protocol defines for what was done "
                    "(HARPER: Wang et al., Pharmacoepidemiol Drug Saf 2023;32:44)",
                    "use it or remove it",
                )


def _defined(study: Study, key: str) -> list[str]:
    parts = getattr(study, key)
    return [part.name for part in parts] if key == "covariates" else list(parts)


def _used(study: Study) -> dict[str, list[str]]:
    analyses = study.every_analysis()
    named = [_named(analysis) for analysis in analyses]
    cohorts = [name for names in named for name in names["cohorts"]]
    controls = study.negative_controls
    exposures = [name for names in named for name in names["exposures"]]
    exposures += [] if controls is None else controls.exposures
    covariates = [name for analysis in analyses for name in (*analysis.adjust_for, *_varying(analysis))]
    return {
        "cohorts": cohorts,
        "exposures": exposures,
        "windows": [name for names in named for name in names["windows"]],
        "covariates": covariates,
        "concept_sets": [
            *(name for names in named for name in names["concept_sets"]),
            *([] if controls is None else controls.outcomes),
            *(name for cohort in cohorts for name in _concept_sets(study, cohort)),
            *(name for exposure in exposures for name in study.exposures[exposure].concept_sets),
            *(getattr(study.covariate(name), "concept_set", "") for name in covariates),
        ],
    }


def _named(analysis: Analysis) -> dict[str, list[str]]:
    """What the design of an analysis names."""
    if (design := analysis.follow_up) is not None:
        return {
            "cohorts": [design.population],
            "exposures": [*design.target, *([design.comparator] if design.comparator else [])],
            "windows": [design.window] if design.window else [],
            "concept_sets": [
                *design.outcome.any_of,
                *design.outcome.competing,
                *([design.follow_up.delayed_entry] if design.follow_up.delayed_entry else []),
                *_of_function(design.function),
            ],
        }
    if (trial := analysis.target_trial) is not None:
        return {
            "cohorts": [trial.population],
            "exposures": list(trial.exposures),
            "windows": [],
            "concept_sets": [
                *trial.outcome.any_of, *trial.outcome.competing, *(rule.concept_set for rule in trial.eligibility)
            ],
        }  # fmt: skip
    nested = analysis.case_control
    return {
        "cohorts": [name for name in (nested.cases, nested.within) if name is not None],
        "exposures": list(nested.exposures),
        "windows": list(nested.windows),
        "concept_sets": list(nested.free_of),
    }


def _of_function(function: Function | None) -> list[str]:
    """Concept sets of scores and of the events that belong to them."""
    return [] if function is None else [*(name for name, _ in function.scores.values()), *function.firsts.values()]


def _concept_sets(study: Study, name: str) -> list[str]:
    cohort = study.cohorts[name]
    ends = [cohort.exit.concept_set] if cohort.exit.concept_set else []
    before = [prior.concept_set for prior in cohort.exclude_prior] + [rule.concept_set for rule in cohort.rules]
    return [*cohort.entry.concept_sets, *ends, *before]


def _varying(analysis: Analysis) -> tuple[str, ...]:
    """Covariates that a target trial reads anew in every interval."""
    return analysis.target_trial.time_varying if analysis.target_trial is not None else ()
