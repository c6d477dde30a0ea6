"""Settings that are each allowed but contradict one another; checked once every name is known."""

from collections.abc import Iterator

from pydantic import ValidationError

from equipoise.errors import Fault
from equipoise.spec.study import Analysis, Study, varied


def check_meaning(study: Study) -> list[Fault]:
    """Every contradiction in a study whose names are all defined."""
    faults = [*_cohort_faults(study), *_exposure_faults(study)]
    for i, analysis in enumerate(study.analyses):
        faults += _analysis_faults(study, analysis, f"analyses[{i}]")
    for i, item in enumerate(study.sensitivity):
        try:
            faults += _analysis_faults(study, varied(study, item), f"sensitivity[{i}].change")
        except ValidationError as error:
            for wrong in error.errors(include_url=False):
                place = ".".join(str(part) for part in wrong["loc"])
                faults.append(Fault(f"sensitivity[{i}].change.{place}", wrong["msg"], "a setting of an analysis"))
    return faults


def _cohort_faults(study: Study) -> Iterator[Fault]:
    for name, cohort in study.cohorts.items():
        where = f"cohorts.{name}"
        if cohort.washout_days is not None and cohort.entry.occurrence == "first":
            yield Fault(
                f"{where}.washout_days",
                "a washout of the entry event, where entry is the first ever event",
                'a washout with entry.occurrence = "every"',
                "leave the washout out: no event comes before the first one",
            )


def _exposure_faults(study: Study) -> Iterator[Fault]:
    for name, exposure in study.exposures.items():
        for concept_set in exposure.concept_sets:
            domain = study.concept_sets[concept_set].domain
            if domain == "death":
                yield Fault(f"exposures.{name}.concept_sets", f"{concept_set!r} is a set of deaths", "dispensed drugs")


def _analysis_faults(study: Study, analysis: Analysis, where: str) -> Iterator[Fault]:
    design = analysis.design
    if study.cohorts[design.cases].entry.occurrence != "first":
        yield Fault(
            f"{where}.design.cases",
            f"cohort {design.cases!r} is entered at every event",
            'a cohort with entry.occurrence = "first"',
            "a person is a case once, at the first event",
        )
    for key in ("exposures", "windows", "readings", "match_exact", "free_of"):
        values = getattr(design, key)
        if len(set(values)) < len(values):
            yield Fault(f"{where}.design.{key}", "the same name twice", "each name once")
    matched = set(design.match_exact)
    for name in analysis.adjust_for:
        kind = study.covariate(name).kind
        if kind in matched:
            yield Fault(
                f"{where}.adjust_for",
                f"covariate {name!r} is {kind}, on which sets are matched exactly",
                "covariates that vary within matched sets",
                "remove it: within a set it is constant and has no coefficient",
            )
    for i, pair in enumerate(analysis.interactions):
        if pair[0] == pair[1] or not set(pair) <= set(analysis.adjust_for):
            yield Fault(f"{where}.interactions[{i}]", f"{pair[0]!r} × {pair[1]!r}", "two covariates of adjust_for")
