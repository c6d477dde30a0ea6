"""One comparison of a follow-up analysis by hand: its rows and, beside them, the scores of its persons."""

from pathlib import Path

from equipoise.analysis_set import AnalysisSet, Measurements
from equipoise.data.source import Source
from equipoise.errors import DesignError, Fault
from equipoise.runner.follow_up_steps import set_name
from equipoise.runner.function_sets import unpack_measurements
from equipoise.runner.function_steps import function_set_name
from equipoise.runner.packing import unpack_analysis_set
from equipoise.runner.progress import Silent
from equipoise.runner.steps import study_steps
from equipoise.runner.store import MemoryShelf, Store
from equipoise.runner.tabulate import DESCRIPTIONS, ESTIMATES
from equipoise.runner.walk import Walk
from equipoise.spec.study import Study


def assemble_measurements(
    study: Study,
    source: Source,
    *,
    analysis: str,
    target: str | None = None,
    store: str | Path | None = None,
) -> tuple[AnalysisSet, Measurements]:
    """The rows of a follow-up analysis, one a person, and the scores that its `function` reads, one row a day.

    Persons have the same codes in both, so that the scores and `people.stop`, `people.event` and `people.arm` go
    together into `fit_linear_mixed` or `fit_joint`. `target` says which comparison of an analysis that has several;
    intermediates are kept only if `store` names a place. Raises `DesignError` for an analysis or a target the study
    does not have, and for an analysis without a function.

    >>> people, scores = assemble_measurements(
    ...     read_study("study.toml"), connect("data/"), analysis="prognosis", target="antidepressants"
    ... )  # doctest: +SKIP
    """
    known = {
        item.id: item.follow_up.target
        for item in study.every_analysis()
        if item.follow_up is not None and item.follow_up.function is not None
    }
    if analysis not in known:
        allowed = ", ".join(known) or "none: no follow-up analysis has a function"
        raise DesignError(Fault(f"analysis {analysis!r}", "no follow-up analysis with a function", allowed))
    chosen = known[analysis][0] if target is None and len(known[analysis]) == 1 else target
    if chosen is None or chosen not in known[analysis]:
        found = "not given" if target is None else repr(target)
        raise DesignError(Fault(f"target of analysis {analysis!r}", found, ", ".join(known[analysis])))
    walk = Walk(source, MemoryShelf() if store is None else Store(store), Silent())
    steps = study_steps(study, study.seed, analysis)
    walk.run(step for step in steps if step.kind not in (*DESCRIPTIONS, *ESTIMATES))
    people = unpack_analysis_set(walk.artifact(set_name(analysis, chosen)))
    return people, unpack_measurements(walk.artifact(function_set_name(analysis, chosen)))
