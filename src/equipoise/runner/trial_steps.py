"""The steps of a target trial: population, panel, description, and for each method the bootstrap and estimates."""

from collections.abc import Iterator
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
from equipoise.spec.follow_up import DEATH
from equipoise.spec.study import Analysis, Study
from equipoise.spec.target_trial import TargetTrial
from equipoise.spec.trial_estimation import DOUBLY_ROBUST, TrialEstimation

BATCH = 25  # replicates of a bootstrap step: after each of them the run can be resumed, and says how far it is


def trial_steps(study: Study, analysis: Analysis, design: TargetTrial, seed: int) -> list[Step]:
    """Every step of one analysis in an order in which each comes after what it needs."""
    tag = analysis.id
    population = cohort_concept_sets(study.cohorts[design.population])
    events = sorted({name for name in (*design.outcome.any_of, *design.outcome.competing) if name != DEATH})
    members = member_concept_sets(study, analysis, design)
    steps = [Step("people", "people", {}, reads_source=True, detail="persons and their time under observation")]
    steps += [concepts_step(study, name) for name in sorted({*population, *events} | members)]
    steps += [records_step(study, name, first_only) for name, first_only in sorted(population.items())]
    steps += [records_step(study, name, True) for name in events]
    steps += [_population(study, tag, design, population), _records_of_members(study, tag, members)]
    steps += [_panel(study, analysis, design, events)]
    full = trial_subset(study, analysis, design) | {"id": tag}
    gate = {} if study.gate is None else {"gate": canonical(study.gate.target_trials)}
    description = Step(f"description of {tag}", "trial_description", full | gate, {"panel": panel_name(tag)},
                       detail="protocol, follow-up, weights and positivity as tables", analysis=tag)  # fmt: skip
    return [*steps, description, *_estimates(study, analysis, design, full, seed)]


def member_concept_sets(study: Study, analysis: Analysis, design: TargetTrial) -> set[str]:
    """Concept sets whose records are read of members of the population alone."""
    drugs = {name for exposure in design.exposures for name in study.exposures[exposure].concept_sets}
    rules = {rule.concept_set for rule in design.eligibility}
    return drugs | rules | concept_sets_of(study, (*analysis.adjust_for, *design.time_varying))


def panel_name(analysis: str) -> str:
    """Name of the step that makes the panel of an analysis."""
    return f"panel of {analysis}"


def trial_subset(study: Study, analysis: Analysis, design: TargetTrial) -> dict[str, Any]:
    """What describes a trial and its estimates, beside method and seed."""
    recording = study.data_needs.drug_recording_from
    named = {*design.outcome.any_of, *design.outcome.competing} - {DEATH}
    return {
        "design": canonical(design),
        "exposures": [[name, canonical(study.exposures[name])] for name in design.exposures],
        "fixed": [canonical(study.covariate(name)) for name in analysis.adjust_for],
        "varying": [canonical(study.covariate(name)) for name in design.time_varying],
        "labels": {name: study.concept_sets[name].label or name for name in sorted(named)},
        "drug_recording_from": recording.isoformat() if recording else None,
        "conf_level": analysis.conf_level,
        "outcome": _outcome(study, design),
        "population": study.cohorts[design.population].label or design.population,
    }


def _outcome(study: Study, design: TargetTrial) -> str:
    names = design.outcome.any_of
    if design.competing_effect == "composite":
        names = (*names, *design.outcome.competing)
    return " or ".join(DEATH if name == DEATH else study.concept_sets[name].label or name for name in names)


def _population(study: Study, tag: str, design: TargetTrial, sets: dict[str, bool]) -> Step:
    labels = {name: study.concept_sets[name].label or name for name in sorted(sets)}
    subset = {"population": canonical(study.cohorts[design.population]), "labels": labels}
    needs = {"people": "people"} | {
        f"records {name}": records_step(study, name, first_only).name for name, first_only in sorted(sets.items())
    }
    return Step(f"population of {tag}", "population", subset, needs, detail="the rules of the cohort, one by one")


def _records_of_members(study: Study, tag: str, member_sets: set[str]) -> Step:
    subset = records_of_members(study, member_sets)
    needs = {"people": "people", "members": f"population of {tag}"}
    detail = "exposure and covariate records of the population"
    return Step(f"member records of {tag}", "member_records", subset, needs, reads_source=True, detail=detail)


def _panel(study: Study, analysis: Analysis, design: TargetTrial, events: list[str]) -> Step:
    """The rows do not depend on how they are analysed, so that analyses of the same rows share them."""
    tag = analysis.id
    order = "events_first" if design.events_first else "treatment_first"
    rows_only = {"estimation": TrialEstimation(), "assumptions": (), "assignment": "-", "contrast": "per_protocol",
                 "order": order if design.treatment == "supply" else None}  # fmt: skip
    design = design.model_copy(update=rows_only)
    subset = trial_subset(study, analysis, design)
    needs = {"people": "people", "population": f"population of {tag}", "records": f"member records of {tag}"}
    needs |= {f"records {name}": records_step(study, name, True).name for name in events}
    detail = "persons by interval: treatment, events, covariates"
    return Step(panel_name(tag), "trial_panel", subset, needs, detail=detail, analysis=tag)


def _estimates(
    study: Study, analysis: Analysis, design: TargetTrial, full: dict[str, Any], seed: int
) -> Iterator[Step]:
    """For each method the batches of its bootstrap, then its estimates."""
    tag = analysis.id
    panel = {"panel": panel_name(tag)}
    for method in design.estimation.methods:
        asked = 0 if method == DOUBLY_ROBUST else design.estimation.bootstrap  # which has limits by influence functions
        subset = full | {"method": method, "seed": seed}
        batches = {}
        for first in range(0, asked, BATCH):
            last = min(first + BATCH, asked)
            # A last batch of one replicate joins the one before it.
            if asked - last == 1:
                last = asked
            name = f"bootstrap of {tag}: {method}, {first + 1} to {last} of {asked}"
            batches[f"draws {first:06d}"] = name
            yield Step(name, "trial_bootstrap", subset | {"first": first, "last": last}, panel,
                       detail="persons drawn anew, every model fitted anew", analysis=tag)  # fmt: skip
            if last == asked:
                break
        yield Step(f"estimates of {tag}: {method}", "trial_estimates", subset, panel | batches,
                   detail="risks, contrasts, curves", analysis=tag)  # fmt: skip
