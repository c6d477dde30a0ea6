"""Run a study end to end, or assemble one analysis: the two verbs that join the wings."""

import platform
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from equipoise import __version__
from equipoise.analysis_set import AnalysisSet
from equipoise.data.source import Source
from equipoise.errors import DesignError, Fault, OutputError
from equipoise.knowledge.study_file import with_knowledge
from equipoise.results.results import Results
from equipoise.results.write import check_destination, write
from equipoise.runner.calibrate_estimates import calibrated
from equipoise.runner.case_control_steps import case_control_set
from equipoise.runner.code_hash import library_versions
from equipoise.runner.failures import Failure
from equipoise.runner.flawed_runs import flawed_estimates
from equipoise.runner.follow_up_steps import set_name
from equipoise.runner.packing import unpack_analysis_set
from equipoise.runner.progress import Progress, Silent
from equipoise.runner.run_summary import failed_throughout, run_summary
from equipoise.runner.sealing import sealed
from equipoise.runner.step import Step
from equipoise.runner.steps import steps_by_analysis, study_steps
from equipoise.runner.store import MemoryShelf, Store
from equipoise.runner.tabulate import DESCRIPTIONS, ESTIMATES, tables_of
from equipoise.runner.triangulation import triangulation
from equipoise.runner.walk import Walk
from equipoise.spec.canonical import canonical, study_hash
from equipoise.spec.designs import Design, NestedCaseControl
from equipoise.spec.study import Study
from equipoise.spec.target_trial import TargetTrial

MIN_CELL_COUNT = 5


def run(
    study: Study,
    source: Source,
    *,
    to: str | Path,
    seed: int | None = None,
    min_cell_count: int = MIN_CELL_COUNT,
    store: str | Path | None = None,
    progress: Progress | None = None,
    unseal: str | None = None,
) -> Results:
    """Carry out every analysis of a study and write `manifest.json`, `run.json` and `tables/` into the folder `to`.

    Steps whose inputs have not changed are taken from the store (`store`, default the user's cache folder), so that an
    interrupted run resumes and a repeated run does no work. `seed` overrides the study's. Counts from 1 to
    `min_cell_count` - 1 are suppressed. Outcomes by arm that the study's gate closes are sealed: they are written
    nowhere in `to`. An analysis that fails stops none of the others: the table `run_summary` says what became of each,
    and the error is raised only where no analysis could estimate anything. `unseal` is a reason to show sealed outcomes
    all the same, and the report carries it. Raises `OutputError` before any work if `to` cannot take results,
    `DesignError` for a reason without words.

    >>> results = run(read_study("study.toml"), connect("data/"), to="results/")  # doctest: +SKIP
    """
    if unseal is not None and not unseal.strip():
        raise DesignError(Fault("unseal", "no words", "the reason for which sealed estimates are opened"))
    study = with_knowledge(study)
    check_destination(to)
    shelf = Store(store)
    check_apart(Path(to), shelf.place)
    chosen_seed = study.seed if seed is None else seed
    steps = study_steps(study, chosen_seed)
    walk = Walk(source, shelf, progress or Silent())
    walk.run(steps, go_on=True)
    of_analysis = steps_by_analysis(study, chosen_seed)
    if (failure := failed_throughout(of_analysis, walk.failures)) is not None:
        raise failure.error
    results = Results.suppressed(
        made := tables_of(walk, tuple(step for step in steps if step.name not in walk.failures)),
        _manifest(study, source, walk, steps, chosen_seed) | ({} if unseal is None else {"unsealed": unseal.strip()}),
        min_cell_count=min_cell_count,
        timings={"seconds": walk.seconds},
    )
    gated = study.gate is not None
    shown = sealed(calibrated(made, results.tables, study), study.purpose, unseal, gated=gated)
    failed: dict[str, Failure] = {}
    if study.contrasts:
        flawed = (source, shelf, chosen_seed, shown["estimates"], min_cell_count, progress or Silent())
        shown["flawed_estimates"], failed = flawed_estimates(study, *flawed)
    if study.triangulation is not None:
        shown["triangulation"] = triangulation(study, shown["estimates"])
    shown["run_summary"] = run_summary(study.every_analysis(), of_analysis, walk.failures, shown["estimates"], failed)
    results = replace(results, tables=shown)
    write(results, to)
    return results


def assemble(
    study: Study,
    source: Source,
    *,
    analysis: str,
    target: str | None = None,
    comparison: str | None = None,
    seed: int | None = None,
    store: str | Path | None = None,
) -> AnalysisSet:
    """One analysis of a study as an `AnalysisSet`, in memory; intermediates are kept only if `store` names a place.

    `target` says which comparison of a follow-up analysis that has several; `comparison` with whom cases of a nested
    case-control analysis are compared, such as "siblings", its first one where this is left out. Raises `DesignError`
    for an analysis, a target or a comparison the study does not have.

    >>> people = assemble(read_study("study.toml"), connect("data/"), analysis="risk")  # doctest: +SKIP
    """
    known = {item.id: item.design for item in study.every_analysis()}
    if analysis not in known:
        raise DesignError(Fault(f"analysis {analysis!r}", "not in the study", ", ".join(known)))
    wanted = _set_of(analysis, known[analysis], target, comparison)
    steps = study_steps(study, study.seed if seed is None else seed, analysis)
    walk = Walk(source, MemoryShelf() if store is None else Store(store), Silent())
    walk.run(step for step in steps if step.kind not in (*DESCRIPTIONS, *ESTIMATES))
    return unpack_analysis_set(walk.artifact(wanted))


def _set_of(analysis: str, design: Design, target: str | None, comparison: str | None) -> str:
    """The step that makes the rows asked for."""
    if isinstance(design, TargetTrial):
        found = "a target trial, whose rows are persons by interval"
        raise DesignError(Fault(f"analysis {analysis!r}", found, "analyses of other kinds", "call assemble_panel"))
    compared = design.comparisons if isinstance(design, NestedCaseControl) else ()
    if comparison is not None and comparison not in compared:
        where = f"comparison of analysis {analysis!r}"
        raise DesignError(Fault(where, repr(comparison), ", ".join(compared) or "none: its design is another"))
    if compared and target is None:
        return case_control_set(analysis, comparison or compared[0])
    targets = () if isinstance(design, NestedCaseControl) else design.target
    if target is None and len(targets) < 2:
        return set_name(analysis, targets[0]) if targets else f"analysis set of {analysis}"
    if target not in targets:
        found = "not given" if target is None else repr(target)
        raise DesignError(Fault(f"target of analysis {analysis!r}", found, ", ".join(targets) or "none"))
    return set_name(analysis, target)


def check_apart(results: Path, store: Path) -> None:
    """Person-level intermediates never lie inside the results folder, nor results inside the store."""
    one, other = results.absolute().resolve(), store.absolute().resolve()
    if one == other or one in other.parents or other in one.parents:
        found = f"the store {store} and the results folder {results} lie inside one another"
        raise OutputError(Fault("store", found, "two places apart from each other", "name another place with --store"))


def _manifest(study: Study, source: Source, walk: Walk, steps: tuple[Step, ...], seed: int) -> dict[str, Any]:
    return {
        "study": canonical(study),
        "study_hash": study_hash(study),
        "source": asdict(source.description) | {"fingerprint": source.fingerprint()},
        "seed": seed,
        "versions": {"equipoise": __version__, "python": platform.python_version(), **library_versions()},
        "platform": f"{sys.platform} {platform.machine()}",
        "steps": [{"name": step.name, "kind": step.kind, "state": walk.states[step.name]} for step in steps],
    }
