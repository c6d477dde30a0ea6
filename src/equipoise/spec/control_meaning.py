"""Negative controls that belong to the question they should have nothing to do with."""

from collections.abc import Iterator

from equipoise.spec.contradictions import Said, repeated
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.follow_up import DEATH, FollowUpDesign
from equipoise.spec.negative_controls import NegativeControls
from equipoise.spec.parts import Parts
from equipoise.spec.study import Analysis

WHERE = ("negative_controls",)
WITH_CONTROLS = ("follow_up", "nested_case_control")
REMEDY = "take it out of one of the two: a control has nothing to do with the question"


def control_contradictions(parts: Parts) -> Iterator[Said]:
    """Every contradiction of the negative controls of a study."""
    for controls in parts.negative_controls.values():
        for key in ("outcomes", "exposures", "analyses"):
            yield from repeated((*WHERE, key), getattr(controls, key))
        chosen = _analyses(parts, controls)
        yield from _without_controls(parts, controls)
        yield from _outcomes(parts, controls, chosen)
        yield from _varying(controls, chosen)
        yield from _exposures(parts, controls, chosen)
        yield from _without_ratio(controls, chosen)
        yield from _synthetic(controls, chosen)


def _analyses(parts: Parts, controls: NegativeControls) -> list[Analysis]:
    ids = controls.analyses or tuple(item.id for item in parts.analyses.values())
    found = (parts.every_analysis(id) for id in ids)
    return [analysis for analysis in found if analysis is not None and analysis.design.kind in WITH_CONTROLS]


def _without_controls(parts: Parts, controls: NegativeControls) -> Iterator[Said]:
    """Analyses of designs through which no control is run."""
    for i, id in enumerate(controls.analyses):
        analysis = parts.every_analysis(id)
        if analysis is not None and analysis.design.kind not in WITH_CONTROLS:
            found = f"analysis {id!r} has a design of kind {analysis.design.kind!r}"
            yield (*WHERE, "analyses", i), found, " or ".join(map(repr, WITH_CONTROLS))


def _outcomes(parts: Parts, controls: NegativeControls, chosen: list[Analysis]) -> Iterator[Said]:
    for i, name in enumerate(controls.outcomes):
        role = next(
            (role for analysis in chosen for other, role in _roles(parts, analysis) if _same(parts, name, other)), ""
        )
        if role:
            found = f"{name!r} is a negative control, and {role}"
            yield (*WHERE, "outcomes", i), found, "outcomes that the study does not name elsewhere", REMEDY


def _varying(controls: NegativeControls, chosen: list[Analysis]) -> Iterator[Said]:
    """Control outcomes of a comparison whose persons have several rows."""
    named = [item.id for item in chosen if item.follow_up is not None and item.follow_up.timing == "time_varying"]
    if controls.outcomes and named:
        found = f"outcomes with analysis {named[0]!r}, whose exposure varies in time"
        yield (*WHERE, "outcomes"), found, "analyses with arms at time zero", "name those in analyses"


def _roles(parts: Parts, analysis: Analysis) -> Iterator[tuple[str, str]]:
    """Concept sets of one analysis with what they are in it."""
    covariates = [parts.covariate(name) for name in (*analysis.adjust_for, *analysis.subgroups)]
    for covariate in covariates:
        if covariate is not None and getattr(covariate, "concept_set", None):
            yield covariate.concept_set, f"behind the covariate {covariate.name!r}"
    design = analysis.design
    if isinstance(design, FollowUpDesign):
        for name in (*design.outcome.any_of, *design.outcome.competing):
            yield name, f"an event of analysis {analysis.id!r}"
    cases = parts.cohorts.get(design.cases) if isinstance(design, NestedCaseControl) else None
    if cases is not None:
        yield cases.entry.concept_set, f"the outcome of analysis {analysis.id!r}"


def _exposures(parts: Parts, controls: NegativeControls, chosen: list[Analysis]) -> Iterator[Said]:
    if controls.exposures and chosen and all(_active(analysis) for analysis in chosen):
        yield (
            (*WHERE, "exposures"),
            "controls of exposure where every analysis compares with users of another drug",
            "analyses that compare with persons who do not use the drug",
            "name outcomes as controls: of two drugs that are compared, both would have to be without effect",
        )
    for i, name in enumerate(controls.exposures):
        if role := next((role for analysis in chosen for role in _shared(parts, analysis, name)), ""):
            found = f"{name!r} is a negative control, and {role}"
            yield (*WHERE, "exposures", i), found, "exposures that the study does not name elsewhere", REMEDY


def _active(analysis: Analysis) -> bool:
    return analysis.follow_up is not None and analysis.follow_up.comparator is not None


def _shared(parts: Parts, analysis: Analysis, name: str) -> Iterator[str]:
    """What else of an analysis holds a drug of the control."""
    control, design = parts.exposures.get(name), analysis.design
    if control is None:
        return
    drugs: tuple[str | None, ...] = ()
    if isinstance(design, NestedCaseControl):
        drugs = design.exposures
    if isinstance(design, FollowUpDesign):
        drugs = (*design.target, design.comparator)
    for other in filter(None, drugs):
        exposure = parts.exposures.get(other)
        if other == name or (exposure and _overlap(parts, control.concept_sets, exposure.concept_sets)):
            yield f"an exposure of analysis {analysis.id!r}" if other == name else f"shares drugs with {other!r}"
    for covariate in filter(None, map(parts.covariate, (*analysis.adjust_for, *analysis.subgroups))):
        concept_set = getattr(covariate, "concept_set", None)
        if concept_set and _overlap(parts, control.concept_sets, (concept_set,)):
            yield f"behind the covariate {covariate.name!r}"


def _overlap(parts: Parts, first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    return any(_same(parts, one, other) for one in first for other in second)


def _same(parts: Parts, name: str, other: str) -> bool:
    """Whether two concept sets are declared alike, whatever they are called."""
    if name == other:
        return True
    one, two = parts.concept_sets.get(name), parts.concept_sets.get(other)
    ignored = {"label": None}
    return one is not None and two is not None and one.model_copy(update=ignored) == two.model_copy(update=ignored)


def _synthetic(controls: NegativeControls, chosen: list[Analysis]) -> Iterator[Said]:
    """Positive controls are made of outcomes in arms that are followed."""
    where = (*WHERE, "synthetic_effects")
    yield from repeated(where, [f"{effect:g}" for effect in controls.synthetic_effects])
    if controls.synthetic_effects and not controls.outcomes:
        yield where, "effects without control outcomes", "outcomes to add to", "name outcomes"
    other = [analysis.id for analysis in chosen if analysis.follow_up is None]
    if controls.synthetic_effects and other:
        found = f"analysis {other[0]!r} has a design of kind 'nested_case_control'"
        yield where, found, "analyses that follow arms from a time zero", "name those in analyses"


def _without_ratio(controls: NegativeControls, chosen: list[Analysis]) -> Iterator[Said]:
    for analysis in chosen:
        design = analysis.follow_up
        if design is not None and "cox" not in design.estimator.kinds:
            found = f"analysis {analysis.id!r} has no hazard ratio"
            yield (*WHERE, "analyses"), found, "analyses with 'cox' among estimator.kinds", "add it, or leave them out"
    if DEATH in controls.outcomes:
        yield (*WHERE, "outcomes"), f"{DEATH!r} as a negative control", "concept sets"
