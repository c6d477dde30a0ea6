"""Flaws of the protocol as a whole."""

from collections.abc import Iterator

from equipoise.lint.findings import Finding
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
    cohorts = [name for analysis in analyses for name in _cohorts(analysis)]
    exposures = [name for analysis in analyses for name in analysis.design.exposures]
    covariates = [name for analysis in analyses for name in analysis.adjust_for]
    return {
        "cohorts": cohorts,
        "exposures": exposures,
        "windows": [name for analysis in analyses for name in analysis.design.windows],
        "covariates": covariates,
        "concept_sets": [
            *(name for analysis in analyses for name in analysis.design.free_of),
            *(name for cohort in cohorts for name in _concept_sets(study, cohort)),
            *(name for exposure in exposures for name in study.exposures[exposure].concept_sets),
            *(getattr(study.covariate(name), "concept_set", "") for name in covariates),
        ],
    }


def _cohorts(analysis: Analysis) -> list[str]:
    return [name for name in (analysis.design.cases, analysis.design.within) if name is not None]


def _concept_sets(study: Study, name: str) -> list[str]:
    cohort = study.cohorts[name]
    ends = [cohort.exit.concept_set] if cohort.exit.concept_set else []
    before = [prior.concept_set for prior in cohort.exclude_prior] + [rule.concept_set for rule in cohort.rules]
    return [cohort.entry.concept_set, *ends, *before]
