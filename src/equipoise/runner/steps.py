"""The steps of a study: which function makes what, from which part of the protocol and from which other steps."""

from typing import Any

from equipoise.runner.follow_up_steps import follow_up_steps
from equipoise.runner.step import Step, cohort_concept_sets, concepts_step, covariate_concept_sets, records_step
from equipoise.spec.canonical import canonical
from equipoise.spec.study import Analysis, Study


def study_steps(study: Study, seed: int, analysis: str | None = None) -> tuple[Step, ...]:
    """Every step of a study in an order in which each comes after what it needs; of one analysis if it is named."""
    chosen = [item for item in study.every_analysis() if analysis in (None, item.id)]
    steps: dict[str, Step] = {}
    if analysis is None:
        _add(
            steps, Step("data quality", "quality", _domains(study), reads_source=True, detail="checks of the database")
        )
    for item in chosen:
        for step in _analysis_steps(study, item, seed):
            _add(steps, step)
    return tuple(steps.values())


def _add(steps: dict[str, Step], step: Step) -> None:
    steps.setdefault(step.name, step)


def _domains(study: Study) -> dict[str, Any]:
    return {"domains": sorted({item.domain for item in study.concept_sets.values()})}


def _analysis_steps(study: Study, analysis: Analysis, seed: int) -> list[Step]:
    if analysis.follow_up is not None:
        return follow_up_steps(study, analysis, analysis.follow_up)
    member_sets = exposure_concept_sets(study, analysis) | covariate_concept_sets(study, analysis)
    eligibility_sets = _eligibility_concept_sets(study, analysis)
    steps = [Step("people", "people", {}, reads_source=True, detail="persons and their time under observation")]
    steps += [concepts_step(study, name) for name in sorted(set(eligibility_sets) | member_sets)]
    steps += [records_step(study, name, first_only) for name, first_only in sorted(eligibility_sets.items())]
    steps += _sampling_steps(study, analysis, eligibility_sets, seed)
    steps.append(_member_records(study, analysis.id, member_sets))
    return steps + _array_steps(study, analysis)


def _eligibility_concept_sets(study: Study, analysis: Analysis) -> dict[str, bool]:
    design = analysis.case_control
    sets: dict[str, bool] = dict.fromkeys(design.free_of, True)
    for cohort in (study.cohorts[name] for name in (design.cases, design.within) if name):
        for name, first_only in cohort_concept_sets(cohort).items():
            sets[name] = sets.get(name, True) and first_only
    return sets


def _sampling_steps(study: Study, analysis: Analysis, sets: dict[str, bool], seed: int) -> list[Step]:
    design, tag = analysis.case_control, analysis.id
    protocol = {
        "cases": canonical(study.cohorts[design.cases]),
        "within": canonical(study.cohorts[design.within]) if design.within else None,
        "labels": {name: study.concept_sets[name].label or name for name in sets},
    }
    sampling = protocol | {
        "free_of": list(design.free_of),
        "controls_per_case": design.controls_per_case,
        "match_exact": list(design.match_exact),
        "birth_year_caliper": design.birth_year_caliper,
        "time_in_cohort_caliper_days": design.time_in_cohort_caliper_days,
        "seed": seed,
    }
    records = {
        f"records {name}": records_step(study, name, first_only).name for name, first_only in sorted(sets.items())
    }
    needs = {"people": "people"} | records
    return [
        Step(f"cases of {tag}", "cases", protocol, needs, detail="the rules of the cohort, one by one"),
        Step(
            f"matched sets of {tag}",
            "matched_sets",
            sampling,
            needs | {"cases": f"cases of {tag}"},
            detail="draws controls from the risk set of each case",
        ),
    ]


def _member_records(study: Study, tag: str, member_sets: set[str]) -> Step:
    subset = {"concept_sets": {name: canonical(study.concept_sets[name]) for name in sorted(member_sets)}}
    needs = {"people": "people", "members": f"matched sets of {tag}"}
    detail = "exposure and covariate records of cases and controls"
    return Step(f"set records of {tag}", "member_records", subset, needs, reads_source=True, detail=detail)


def _array_steps(study: Study, analysis: Analysis) -> list[Step]:
    design, tag = analysis.case_control, analysis.id
    recording = study.data_needs.drug_recording_from
    protocol = {
        "design": canonical(design),
        "exposures": [[name, canonical(study.exposures[name])] for name in design.exposures],
        "windows": [[name, canonical(study.windows[name])] for name in design.windows],
        "covariates": [canonical(study.covariate(name)) for name in analysis.adjust_for],
        "interactions": [list(pair) for pair in analysis.interactions],
        "drug_recording_from": recording.isoformat() if recording else None,
    }
    settings = ("id", "adjust_for", "ties", "interval", "conf_level", "cluster")
    model = {key: canonical(analysis)[key] for key in settings}
    outcome = {"outcome": study.cohorts[design.cases].label or design.cases}
    needs = {
        "people": "people",
        "cases": f"cases of {tag}",
        "matched_sets": f"matched sets of {tag}",
        "records": f"set records of {tag}",
    }
    made = {"analysis_set": f"analysis set of {tag}"}
    return [
        Step(
            made["analysis_set"],
            "analysis_set",
            protocol,
            needs,
            detail="windows, readings and covariates as columns",
            analysis=tag,
        ),
        Step(
            f"description of {tag}",
            "description",
            {"id": tag} | outcome | protocol,
            needs | made,
            detail="matching, characteristics and exposure as tables",
            analysis=tag,
        ),
        Step(
            f"estimates of {tag}",
            "estimates",
            model | outcome | protocol,
            made,
            detail="fits every model",
            analysis=tag,
        ),
    ]


def exposure_concept_sets(study: Study, analysis: Analysis) -> set[str]:
    """Concept sets behind the exposures of an analysis."""
    return {name for exposure in analysis.case_control.exposures for name in study.exposures[exposure].concept_sets}
