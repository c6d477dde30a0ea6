"""The steps of function after time zero: scores of the population, then for each target their rows and estimates."""

from collections.abc import Mapping
from typing import Any

from equipoise.runner.step import Step, concepts_step, records_step
from equipoise.spec.canonical import canonical
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.study import Study


def score_steps(study: Study, tag: str, design: FollowUpDesign) -> list[Step]:
    """The scores of the population and the first records of events that belong to them; nothing without a function."""
    function = design.function
    if function is None:
        return []
    firsts = sorted(set(function.firsts.values()))
    named = sorted({*(name for name, _ in function.scores.values()), *firsts})
    read = {key: [name, canonical(study.concept_sets[name]), most] for key, (name, most) in function.scores.items()}
    needs = {"people": "people", "members": f"population of {tag}"}
    detail = "scores of function of the population"
    return [
        *(concepts_step(study, name) for name in named),
        *(records_step(study, name, True) for name in firsts),
        Step(_scores(tag), "scores", {"scores": read}, needs, reads_source=True, detail=detail),
    ]


def function_set_name(analysis: str, target: str) -> str:
    """Name of the step that lays out the scores of one comparison."""
    return f"function set of {analysis}: {target}"


def function_steps(
    design: FollowUpDesign,
    target: str,
    protocol: Mapping[str, Any],
    needs: Mapping[str, str],
    rows: str,
    settings: Mapping[str, Any],
    tag: str,
) -> list[Step]:
    """The steps of one comparison, whose rows are made by the step `rows`; nothing without a function."""
    function = design.function
    if function is None:
        return []
    firsts = {f"first {key}": f"first records of {name}" for key, name in function.firsts.items()}
    name = function_set_name(tag, target)
    subset = {**protocol, "firsts": sorted(function.firsts)}
    asked = {**protocol, "function": canonical(function), "id": tag, "conf_level": settings["conf_level"]}
    made = {"analysis_set": rows, "measurements": name}
    return [
        Step(
            name,
            "function_set",
            subset,
            {**needs, **firsts, "scores": _scores(tag)},
            detail="scores from time zero to the end of follow-up",
            analysis=tag,
        ),
        Step(
            f"function of {tag}: {target}",
            "function",
            asked,
            made,
            detail="trajectories, stages, ranks, joint model",
            analysis=tag,
        ),
    ]


def _scores(tag: str) -> str:
    return f"scores of {tag}"
