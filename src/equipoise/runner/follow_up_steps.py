"""The steps of a follow-up analysis: its population, then for each target the rows, their description, estimates."""

from typing import Any

from equipoise.runner.function_steps import function_steps, score_steps
from equipoise.runner.scoring_steps import roles_of, scoring_steps
from equipoise.runner.step import (
    STEPS,
    Step,
    cohort_concept_sets,
    concepts_step,
    covariate_concept_sets,
    records_of_members,
    records_step,
)
from equipoise.spec.canonical import canonical
from equipoise.spec.follow_up import DEATH, Estimator, FollowUpDesign, Regression
from equipoise.spec.study import Analysis, Study


def follow_up_steps(study: Study, analysis: Analysis, design: FollowUpDesign, seed: int) -> list[Step]:
    """Every step of one analysis in an order in which each comes after what it needs."""
    population = cohort_concept_sets(study.cohorts[design.population])
    entered = (design.follow_up.delayed_entry,) if design.follow_up.delayed_entry else ()
    named = (*design.outcome.any_of, *design.outcome.competing, *entered)
    events = [name for name in named if name != DEATH]
    member_sets = drug_concept_sets(study, design) | covariate_concept_sets(study, analysis)
    member_sets |= {item.concept_set for item in design.score.scored} if design.score is not None else set()
    steps = [Step("people", "people", {}, reads_source=True, detail="persons and their time under observation")]
    steps += [concepts_step(study, name) for name in sorted({*population, *events} | member_sets)]
    steps += [records_step(study, name, first_only) for name, first_only in sorted(population.items())]
    steps += [records_step(study, name, True) for name in sorted(events)]
    steps.append(_population(study, analysis, design, population))
    steps.append(_records_of_members(study, analysis.id, member_sets))
    steps += score_steps(study, analysis.id, design)
    for target in design.target:
        steps += _comparison(study, analysis, target, events, seed)
    return steps


def drug_concept_sets(study: Study, design: FollowUpDesign) -> set[str]:
    """Concept sets behind the exposures of a follow-up design."""
    named = [*design.target, *([design.comparator] if design.comparator else [])]
    return {name for exposure in named for name in study.exposures[exposure].concept_sets}


def set_name(analysis: str, target: str) -> str:
    """Name of the step that makes the rows of one comparison."""
    return f"analysis set of {analysis}: {target}"


def _labels(study: Study, names: Any) -> dict[str, str]:
    return {name: study.concept_sets[name].label or name for name in sorted(names)}


def _population(study: Study, analysis: Analysis, design: FollowUpDesign, sets: dict[str, bool]) -> Step:
    subset = {"population": canonical(study.cohorts[design.population]), "labels": _labels(study, sets)}
    needs = {"people": "people"} | {
        f"records {name}": records_step(study, name, first_only).name for name, first_only in sorted(sets.items())
    }
    detail = "the rules of the cohort, one by one"
    return Step(f"population of {analysis.id}", "population", subset, needs, detail=detail)


def _records_of_members(study: Study, tag: str, member_sets: set[str]) -> Step:
    subset = records_of_members(study, member_sets)
    needs = {"people": "people", "members": f"population of {tag}"}
    detail = "exposure and covariate records of the population"
    return Step(f"member records of {tag}", "member_records", subset, needs, reads_source=True, detail=detail)


def _comparison(study: Study, analysis: Analysis, target: str, events: list[str], seed: int) -> list[Step]:
    tag, design = analysis.id, analysis.follow_up
    assert design is not None
    protocol = _protocol(study, analysis, design, target, events)
    needs = {"people": "people", "population": f"population of {tag}", "records": f"member records of {tag}"}
    needs |= {f"records {name}": records_step(study, name, True).name for name in sorted(events)}
    made = {"analysis_set": set_name(tag, target)}
    full = {"id": tag, "outcome": outcome_label(study, design), "estimator": canonical(design.estimator)}
    model: dict[str, Any] = {"adjustment": canonical(design.adjustment), "seed": seed}
    model |= {key: canonical(analysis)[key] for key in ("adjust_for", "interval", "conf_level", "cluster", "missing")}
    drawn = [] if design.estimator.bootstrap is None else _bootstrap(full | model | protocol, made, tag, target)
    scoring = scoring_steps(study, analysis, target, protocol, needs, made, seed)
    model |= {} if study.gate is None else {"gate": canonical(study.gate)}
    return [
        Step(made["analysis_set"], "arms_set", protocol, needs, detail="arms, follow-up and covariates", analysis=tag),
        Step(
            f"description of {tag}: {target}",
            "arms_description",
            full | {"conf_level": analysis.conf_level} | protocol,
            needs | made,
            detail="arms, follow-up and curves as tables",
            analysis=tag,
        ),
        *drawn,
        *scoring,
        Step(
            f"estimates of {tag}: {target}",
            "arms_estimates",
            full | model | protocol,
            made | {f"bootstrap {i}": step.name for i, step in enumerate(drawn)} | roles_of(scoring),
            detail="fits every model",
            analysis=tag,
        ),
        *_score_response(design, full | model | protocol, made, tag, target),
        *_hazard_checks(design, full | model | protocol, made, tag, target),
        *function_steps(design, target, protocol, needs, made["analysis_set"], full | model, tag),
    ]


def _score_response(
    design: FollowUpDesign, subset: dict[str, Any], made: dict[str, str], tag: str, target: str
) -> list[Step]:
    """The step of the graded score; nothing without one."""
    if design.score is None:
        return []
    detail = "hazard ratios per point and by category"
    return [Step(f"score response of {tag}: {target}", "score_response", subset, made, detail=detail, analysis=tag)]


def _hazard_checks(
    design: FollowUpDesign, subset: dict[str, Any], made: dict[str, str], tag: str, target: str
) -> list[Step]:
    """The step that checks hazard ratios; nothing without any."""
    if "cox" not in design.estimator.kinds:
        return []
    needs = made | {"estimates": f"estimates of {tag}: {target}"}
    detail = "proportional hazards and E-values"
    return [Step(f"hazard checks of {tag}: {target}", "hazard_checks", subset, needs, detail=detail, analysis=tag)]


def _bootstrap(subset: dict[str, Any], made: dict[str, str], tag: str, target: str) -> list[Step]:
    """The draws of persons, in parts."""
    return [
        Step(
            f"bootstrap of {tag}: {target}, part {part + 1} of {STEPS}",
            "arms_bootstrap",
            subset | {"part": part},
            made,
            detail="persons drawn with replacement",
            analysis=tag,
        )
        for part in range(STEPS)
    ]


def _protocol(
    study: Study, analysis: Analysis, design: FollowUpDesign, target: str, events: list[str]
) -> dict[str, Any]:
    """What the rows depend on. How they are analysed is left out, so that analyses of the same rows share them."""
    rows_only = {
        "target": (target,),
        "estimator": Estimator(kinds=("cox",)),
        "adjustment": Regression(kind="regression"),
        "function": None,
    }
    recording = study.data_needs.drug_recording_from
    named = [target, *([design.comparator] if design.comparator else [])]
    return {
        "design": canonical(design.model_copy(update=rows_only)),
        "target": target,
        "exposures": [[name, canonical(study.exposures[name])] for name in named],
        "window": canonical(study.windows[design.window]) if design.window else None,
        "covariates": [canonical(study.covariate(name)) for name in analysis.adjust_for],
        "interactions": [list(pair) for pair in analysis.interactions],
        "subgroups": [canonical(study.covariate(name)) for name in analysis.subgroups],
        "labels": _labels(study, events),
        "drug_recording_from": recording.isoformat() if recording else None,
    }


def outcome_label(study: Study, design: FollowUpDesign) -> str:
    """The outcome in words: the first of its events."""
    words = [DEATH if name == DEATH else study.concept_sets[name].label or name for name in design.outcome.any_of]
    return " or ".join(words)
