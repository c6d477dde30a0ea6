"""Settings of a target trial that are each allowed but contradict one another, or other parts of the study."""

from collections.abc import Iterator

from equipoise.spec.contradictions import Said, repeated
from equipoise.spec.follow_up import DEATH
from equipoise.spec.parts import Parts
from equipoise.spec.places import Path
from equipoise.spec.study import Analysis
from equipoise.spec.target_trial import TargetTrial
from equipoise.spec.values import shown

TWO_LEVELS = ("event",)
MOVING = ("event", "count", "measurement", "category")


def target_trial_contradictions(parts: Parts, analysis: Analysis, design: TargetTrial, where: Path) -> Iterator[Said]:
    """Every contradiction of one analysis; `where` is its place in the file."""
    inside = (*where, "design")
    yield from repeated((*inside, "time_varying"), design.time_varying)
    yield from repeated((*where, "adjust_for"), analysis.adjust_for)
    yield from repeated((*inside, "outcome", "any_of"), design.outcome.any_of)
    yield from repeated((*inside, "outcome", "competing"), design.outcome.competing)
    yield from repeated((*inside, "eligibility"), [rule.name for rule in design.eligibility])
    yield from _exposures(parts, design)
    yield from _drugs_in_common(parts, design, inside)
    yield from _covariates(parts, analysis, design, where)
    yield from _conditions(parts, design, inside)
    yield from _not_offered(analysis, where)
    named = parts.concept_sets.get(DEATH)
    if named is not None and named.domain != "death" and DEATH in (*design.outcome.any_of, *design.outcome.competing):
        found = f"a set of the domain {shown(named.domain)} is called {DEATH!r}, the name of death itself in outcomes"
        yield ("concept_sets", DEATH), found, "another name for the set"


def _exposures(parts: Parts, design: TargetTrial) -> Iterator[Said]:
    for name in design.exposures:
        exposure = parts.exposures.get(name)
        if exposure is not None and exposure.min_dispensings > 1:
            yield (
                ("exposures", name, "min_dispensings"),
                f"{exposure.min_dispensings} dispensings make a user, whom a strategy asks to start with the first one",
                "min_dispensings = 1 in a target trial",
                "whoever lives to have a later dispensing would be immortal until then",
            )


def _drugs_in_common(parts: Parts, design: TargetTrial, inside: Path) -> Iterator[Said]:
    """Exposures with a drug in common: strategies of which one dispensing follows two."""
    names = design.exposures
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            one, other = parts.exposures.get(first), parts.exposures.get(second)
            common = sorted(set(one.concept_sets) & set(other.concept_sets)) if one and other else []
            if common:
                found = f"exposures {first!r} and {second!r} both hold {common[0]!r}, so that strategies overlap"
                yield (*inside, "strategies"), found, "exposures without a drug in common", "take it out of one of them"


def _covariates(parts: Parts, analysis: Analysis, design: TargetTrial, where: Path) -> Iterator[Said]:
    for i, name in enumerate(design.time_varying):
        covariate = parts.covariate(name)
        if name in analysis.adjust_for:
            found = f"{name!r} both in adjust_for and in time_varying"
            yield (*where, "design", "time_varying", i), found, "each covariate in one of them"
        if covariate is not None and covariate.kind not in MOVING:
            found = f"covariate {name!r} of kind {covariate.kind!r}"
            yield (*where, "design", "time_varying", i), found, "covariates of records, which change over time"


def _conditions(parts: Parts, design: TargetTrial, inside: Path) -> Iterator[Said]:
    for i, strategy in enumerate(design.strategies):
        if strategy.when is None:
            continue
        covariate = parts.covariate(strategy.when)
        if covariate is None:
            continue  # a name that is not defined is a fault of its own
        if strategy.when not in design.time_varying:
            found = f"{strategy.when!r} is not in time_varying, so that nobody could follow the strategy"
            yield (*inside, "strategies", i, "when"), found, ", ".join(map(repr, design.time_varying)) or "none yet"
        elif covariate.kind not in TWO_LEVELS:
            found = f"covariate {strategy.when!r} of kind {covariate.kind!r}"
            yield (*inside, "strategies", i, "when"), found, "a covariate of kind 'event', which is no or yes"


def _not_offered(analysis: Analysis, where: Path) -> Iterator[Said]:
    given = {
        "interactions": bool(analysis.interactions),
        "subgroups": bool(analysis.subgroups),
        "interval": analysis.interval != "wald",
        "cluster": analysis.cluster is not None,
        "ties": analysis.ties != "exact",
        "missing": analysis.missing.method != "complete_case",  # a trial marks what is missing
    }
    for key, stands in given.items():
        if stands:
            yield (*where, key), f"{key} with a target trial", "a target trial without it", "remove it"
