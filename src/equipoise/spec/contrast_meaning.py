"""Contrast runs and triangulation that do not go with the analyses they name."""

from collections.abc import Iterator

from equipoise.spec.contradictions import Said
from equipoise.spec.contrasts import FLAWS
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.flawed import why_not
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.parts import Parts
from equipoise.spec.places import Path
from equipoise.spec.target_trial import TargetTrial
from equipoise.spec.triangulation import Answer


def contrast_faults(parts: Parts) -> Iterator[Said]:
    """Flaws that do not apply to their analysis, and runs that stand twice."""
    dated = {covariate.name for covariate in parts.covariates.values() if hasattr(covariate, "window")}
    seen: set[tuple[str, str]] = set()
    for i, contrast in parts.contrasts.items():
        key = (contrast.base, contrast.flaw)
        if key in seen:
            yield ("contrasts", i), f"{contrast.flaw!r} of {contrast.base!r} twice", "each once", "remove one of them"
        seen.add(key)
        analysis = parts.analysis(contrast.base)
        why = None if analysis is None else why_not(analysis, parts.windows, dated, contrast.flaw)
        if analysis is not None and why is not None:
            applies = [flaw for flaw in FLAWS if why_not(analysis, parts.windows, dated, flaw) is None]
            allowed = ", ".join(map(repr, applies)) or "no flaw applies to this analysis"
            found = f"{contrast.flaw!r} of {contrast.base!r}, which has {why}"
            yield ("contrasts", i, "flaw"), found, allowed, "name a flaw that the design avoids"


def answer_faults(parts: Parts) -> Iterator[Said]:
    """Answers that choose by what their analysis does not have."""
    for i, answer in parts.answers.items():
        analysis = parts.every_analysis(answer.analysis)
        if analysis is not None:
            yield from _choices(analysis.design, answer, ("triangulation", "answers", i))


def _choices(design: object, answer: Answer, where: Path) -> Iterator[Said]:
    nested = isinstance(design, NestedCaseControl)
    known: dict[str, tuple[str, ...]] = {
        "window": design.windows if isinstance(design, NestedCaseControl) else (),
        "reading": design.readings if isinstance(design, NestedCaseControl) else (),
    }
    if isinstance(design, NestedCaseControl):
        known |= {"exposure": design.exposures, "comparison": design.comparisons}
    if isinstance(design, FollowUpDesign):
        known |= {"exposure": design.target}
    if isinstance(design, TargetTrial):
        names = tuple(strategy.name for strategy in design.strategies)
        known |= {"exposure": names[1:], "comparison": names[:-1]}
    for key, names in known.items():
        value = getattr(answer, key)
        if value is not None and value not in names:
            allowed = ", ".join(map(repr, names)) or f"no {key}: the analysis has none"
            yield (*where, key), f"{value!r} is not part of analysis {answer.analysis!r}", allowed
    if nested and answer.window is None and len(known["window"]) > 1:
        found, allowed = f"{len(known['window'])} windows and none chosen", ", ".join(map(repr, known["window"]))
        yield (*where, "window"), found, allowed, "an answer is one estimate; name its window"
