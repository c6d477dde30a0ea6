"""The steps of covariates at scale in a follow-up analysis: the covariates of a comparison, then its scores."""

from collections.abc import Iterable, Mapping
from typing import Any

from equipoise.runner.scored import ROLE
from equipoise.runner.step import Step
from equipoise.spec.canonical import canonical
from equipoise.spec.follow_up import DEATH, FollowUpDesign
from equipoise.spec.study import Analysis, Study

ROLES = {"covariate_set": "covariate set", "propensity": ROLE}


def scoring_steps(
    study: Study,
    analysis: Analysis,
    target: str,
    protocol: Mapping[str, Any],
    needs: Mapping[str, str],
    made: Mapping[str, str],
    seed: int,
) -> list[Step]:
    """None where the propensity score rests on the covariates of `adjust_for` alone."""
    design = analysis.follow_up
    assert design is not None
    name = getattr(design.adjustment, "covariate_set", None)
    if name is None:
        return []
    declared = study.covariate_sets[name]
    left_out = {key: canonical(study.concept_sets[key]) for key in _left_out(study, design, target, declared.leave_out)}
    persons = dict(protocol) | {"covariates": [], "interactions": [], "subgroups": []}
    covariates = persons | {"covariate_set": canonical(declared), "left_out": left_out}
    score = {"adjustment": canonical(design.adjustment), "seed": seed}
    tag = f"{analysis.id}: {target}"
    first = Step(
        f"covariate set of {tag}",
        "covariate_set",
        covariates,
        needs,
        reads_source=True,
        detail="everything recorded before time zero",
        analysis=analysis.id,
    )
    roles = dict(made) | {ROLES["covariate_set"]: first.name}
    detail = "propensity scores by lasso, cross-validated"
    return [first, Step(f"propensity scores of {tag}", "propensity", score, roles, detail=detail, analysis=analysis.id)]


def roles_of(steps: Iterable[Step]) -> dict[str, str]:
    """Which role each plays for the estimates."""
    return {ROLES[step.kind]: step.name for step in steps}


def _left_out(study: Study, design: FollowUpDesign, target: str, more: Iterable[str]) -> list[str]:
    """Concept sets of the drugs compared, of the events, and of what the study leaves out."""
    exposures = [target, *([design.comparator] if design.comparator else [])]
    drugs = [name for exposure in exposures for name in study.exposures[exposure].concept_sets]
    events = [name for name in (*design.outcome.any_of, *design.outcome.competing) if name != DEATH]
    return list(dict.fromkeys([*drugs, *events, *more]))
