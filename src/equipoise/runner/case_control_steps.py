"""The steps of a nested case-control analysis: cases, sets of each comparison, then rows, description, estimates."""

from typing import Any

from equipoise.runner.step import (
    Step,
    cohort_concept_sets,
    concept_sets_of,
    concepts_step,
    records_of_members,
    records_step,
)
from equipoise.spec.canonical import canonical
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.relatives import Relationships
from equipoise.spec.study import Analysis, Study

POPULATION = "population"
RELATIVES = "relatives"
OWN_LIMITS = "siblings_per_case"  # of relatives who serve as controls; the mean of a family is over all of them


def case_control_steps(study: Study, analysis: Analysis, seed: int) -> list[Step]:
    """Every step of one analysis in an order in which each comes after what it needs."""
    design = analysis.case_control
    member_sets = exposure_concept_sets(study, design) | concept_sets_of(study, covariates_of(analysis))
    eligibility_sets = _eligibility_concept_sets(study, design)
    steps = [Step("people", "people", {}, reads_source=True, detail="persons and their time under observation")]
    if needs_relatives(analysis):
        steps.append(_relatives(study))
    steps += [concepts_step(study, name) for name in sorted(set(eligibility_sets) | member_sets)]
    steps += [records_step(study, name, first_only) for name, first_only in sorted(eligibility_sets.items())]
    steps += _sampling_steps(study, analysis, eligibility_sets, seed)
    steps.append(_member_records(study, analysis, member_sets))
    for comparison in design.comparisons:
        steps += _array_steps(study, analysis, comparison, seed)
    if len(design.comparisons) > 1:
        steps.append(_contrasts(study, analysis))
    return [*steps, *(_within_between(study, analysis, kind) for kind in design.within_between)]


def case_control_set(analysis: str, comparison: str) -> str:
    """Name of the step that makes the rows of one comparison."""
    return f"analysis set of {named(analysis, comparison)}"


def named(analysis: str, comparison: str) -> str:
    """An analysis against population controls by its id, other comparisons with their name."""
    return analysis if comparison == POPULATION else f"{analysis}, {comparison}"


def covariates_of(analysis: Analysis) -> tuple[str, ...]:
    """Covariates that the analysis adjusts for, is repeated by, or tells users apart by."""
    indication = analysis.case_control.indication
    named = (*analysis.adjust_for, *analysis.subgroups, *((indication,) if indication else ()))
    return tuple(dict.fromkeys(named))


def needs_relatives(analysis: Analysis) -> bool:
    """Whether families enter the analysis, as controls or as clusters."""
    return analysis.cluster == "family" or analysis.case_control.comparisons != (POPULATION,)


def exposure_concept_sets(study: Study, design: NestedCaseControl) -> set[str]:
    """Concept sets behind the exposures of a design."""
    return {name for exposure in design.exposures for name in study.exposures[exposure].concept_sets}


def _relatives(study: Study) -> Step:
    subset: dict[str, Any] = {"relationships": canonical(study.data_needs.relationships or Relationships())}
    designs = (item.design for item in study.every_analysis() if isinstance(item.design, NestedCaseControl))
    if any("cousins" in design.comparisons for design in designs):
        subset["parents"] = True
    detail = "siblings and spouses of everyone"
    return Step(RELATIVES, "relatives", subset, {"people": "people"}, reads_source=True, detail=detail)


def _eligibility_concept_sets(study: Study, design: NestedCaseControl) -> dict[str, bool]:
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
    records = {
        f"records {name}": records_step(study, name, first_only).name for name, first_only in sorted(sets.items())
    }
    needs = {"people": "people"} | records
    steps = [Step(f"cases of {tag}", "cases", protocol, needs, detail="the rules of the cohort, one by one")]
    needs = needs | {"cases": f"cases of {tag}"}
    for comparison in design.comparisons:
        make = _population_sets if comparison == POPULATION else _relative_sets
        steps.append(make(analysis, comparison, protocol | {"free_of": list(design.free_of), "seed": seed}, needs))
    families = {"matched_sets": _sets_name(analysis, POPULATION), "relatives": RELATIVES}
    for kind in design.within_between:
        rules = {name: value for name, value in canonical(design.relatives).items() if name != OWN_LIMITS}
        subset = protocol | {"free_of": list(design.free_of), "comparison": kind, "relatives": rules}
        detail = f"finds the {kind.replace('_', ' ')} of cases and of population controls"
        steps.append(Step(_families_name(analysis, kind), "family_rows", subset, needs | families, detail=detail))
    return steps


def _population_sets(analysis: Analysis, comparison: str, protocol: dict[str, Any], needs: dict[str, str]) -> Step:
    design = analysis.case_control
    subset = protocol | {
        "controls_per_case": design.controls_per_case,
        "match_exact": list(design.match_exact),
        "birth_year_caliper": design.birth_year_caliper,
        "time_in_cohort_caliper_days": design.time_in_cohort_caliper_days,
    }
    detail = "draws controls from the risk set of each case"
    return Step(_sets_name(analysis, comparison), "matched_sets", subset, needs, detail=detail)


def _relative_sets(analysis: Analysis, comparison: str, protocol: dict[str, Any], needs: dict[str, str]) -> Step:
    subset = protocol | {"comparison": comparison, "relatives": canonical(analysis.case_control.relatives)}
    detail = f"finds the {comparison} of each case who may serve as controls"
    name = _sets_name(analysis, comparison)
    return Step(name, "relative_sets", subset, needs | {"relatives": RELATIVES}, detail=detail)


def _sets_name(analysis: Analysis, comparison: str) -> str:
    return f"matched sets of {named(analysis.id, comparison)}"


def _families_name(analysis: Analysis, kind: str) -> str:
    return f"families of {named(analysis.id, kind)}"


def _member_records(study: Study, analysis: Analysis, member_sets: set[str]) -> Step:
    subset = records_of_members(study, member_sets)
    members = {f"members {name}": _sets_name(analysis, name) for name in analysis.case_control.comparisons}
    members |= {
        f"members of families {kind}": _families_name(analysis, kind) for kind in analysis.case_control.within_between
    }
    detail = "exposure and covariate records of cases and controls"
    needs = {"people": "people"} | members
    return Step(f"set records of {analysis.id}", "member_records", subset, needs, reads_source=True, detail=detail)


def _protocol(study: Study, analysis: Analysis, comparison: str) -> dict[str, Any]:
    design = analysis.case_control
    recording = study.data_needs.drug_recording_from
    return {
        "comparison": comparison,
        "design": canonical(design),
        "exposures": [[name, canonical(study.exposures[name])] for name in design.exposures],
        "windows": [[name, canonical(study.windows[name])] for name in design.windows],
        "covariates": [canonical(study.covariate(name)) for name in analysis.adjust_for],
        "interactions": [list(pair) for pair in analysis.interactions],
        "subgroups": [canonical(study.covariate(name)) for name in analysis.subgroups],
        "families": needs_relatives(analysis),
        "imputed": analysis.missing.method == "multiple_imputation",
        "drug_recording_from": recording.isoformat() if recording else None,
    }


def _model(study: Study, analysis: Analysis) -> dict[str, Any]:
    """How models are fitted, and the name of the outcome."""
    settings = ("id", "adjust_for", "ties", "interval", "conf_level", "cluster", "missing")
    outcome = study.cohorts[analysis.case_control.cases].label or analysis.case_control.cases
    return {key: canonical(analysis)[key] for key in settings} | {"outcome": outcome}


def _contrasts(study: Study, analysis: Analysis) -> Step:
    design = analysis.case_control
    subset = _model(study, analysis) | _protocol(study, analysis, POPULATION)
    needs: dict[str, str] = {name: case_control_set(analysis.id, name) for name in design.comparisons}
    name = f"contrasts of {analysis.id}"
    return Step(name, "contrasts", subset, needs, detail="compares the comparisons", analysis=analysis.id)


def _within_between(study: Study, analysis: Analysis, kind: str) -> Step:
    subset = _model(study, analysis) | _protocol(study, analysis, POPULATION) | {"kind": kind}
    needs = {
        "people": "people",
        "relatives": RELATIVES,
        "records": f"set records of {analysis.id}",
        "matched_sets": _sets_name(analysis, POPULATION),
        "family_rows": _families_name(analysis, kind),
        "population": case_control_set(analysis.id, POPULATION),
        "within": case_control_set(analysis.id, kind),
    }
    name, detail = f"within and between {named(analysis.id, kind)}", "fits own exposure beside that of the family"
    return Step(name, "within_between", subset, needs, detail=detail, analysis=analysis.id)


def _array_steps(study: Study, analysis: Analysis, comparison: str, seed: int) -> list[Step]:
    tag, name = analysis.id, named(analysis.id, comparison)
    protocol, model = _protocol(study, analysis, comparison), _model(study, analysis)
    families = {"relatives": RELATIVES} if needs_relatives(analysis) else {}
    needs = {
        "people": "people",
        "cases": f"cases of {tag}",
        "matched_sets": _sets_name(analysis, comparison),
        "records": f"set records of {tag}",
    }
    made = {"analysis_set": case_control_set(tag, comparison)}

    def step(kind: str, subset: dict[str, Any], roles: dict[str, str], detail: str) -> Step:
        return Step(f"{kind.replace('_', ' ')} of {name}", kind, subset, roles, detail=detail, analysis=tag)

    described = {"id": tag, "outcome": model["outcome"]} | protocol
    steps = [
        step("analysis_set", protocol, needs | families, "windows, readings and covariates as columns"),
        step("description", described, needs | made, "matching, characteristics and exposure as tables"),
        step("estimates", model | {"seed": seed} | protocol, made, "fits every model"),
    ]
    if analysis.case_control.lag_scan is not None:
        steps.append(step("lag_scan", model | protocol, needs | made, "fits a model for every lag"))
    if analysis.case_control.dose_response:
        steps.append(step("dose_response", model | protocol, needs | made, "fits models of dose"))
    if (name_of := analysis.case_control.indication) is not None:
        asked = {"indication": canonical(study.covariate(name_of))}
        steps.append(step("indication", model | protocol | asked, needs | made, "users with and without an indication"))
    return steps
