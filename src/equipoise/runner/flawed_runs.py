"""Contrast runs: analyses beside their deliberately flawed versions, in a table that holds nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import log
from typing import Any

import pyarrow as pa

from equipoise.data.source import Source
from equipoise.errors import Reason
from equipoise.results.tables import OVERALL, table
from equipoise.runner.failures import Failure
from equipoise.runner.progress import Progress
from equipoise.runner.step import Step
from equipoise.runner.steps import study_steps
from equipoise.runner.store import Shelf
from equipoise.runner.trial_methods import WORDS as METHODS
from equipoise.runner.walk import Walk
from equipoise.spec.contrasts import FLAWS, Contrast
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.flawed import HOOKED, NO_LAG, compared, flawed_study, without_use
from equipoise.spec.study import Analysis, Study
from equipoise.spec.target_trial import EVERY, TargetTrial, interval_end

Row = dict[str, Any]
NAME = "flawed_estimates"
RATIOS = ("odds_ratio", "hazard_ratio", "subdistribution_hazard_ratio")
FITTED = ("estimates", "arms_estimates", "trial_estimates")
HOOKS = ("arms_set", "trial_panel", "analysis_set")  # the steps that make rows
COUNTED = "trial_description"  # which has the counts that estimates of trials rest on
SHOWN = ("estimate", "conf_low", "conf_high")


def flawed_estimates(
    study: Study, source: Source, shelf: Shelf, seed: int, shown: pa.Table, min_cell_count: int, progress: Progress
) -> tuple[pa.Table, dict[str, Failure]]:
    """Every contrast run of a study, and what failed of those of an analysis, by its id.

    `shown` is the table of estimates as it is written: suppressed and sealed. What is withheld there is withheld here,
    and so is a flawed estimate that rests on few persons.
    """
    sound, rows = shown.to_pylist(), list[Row]()
    lagged = {name for name, window in study.windows.items() if window.last_day < -1}
    failed: dict[str, Failure] = {}
    for contrast in study.contrasts:
        base = next(item for item in study.analyses if item.id == contrast.base)
        walk = Walk(source, shelf, progress)
        made = [row for row in flawed_rows(study, contrast, walk, seed) if _held(base, row)]
        for failure in walk.failures.values():
            failed.setdefault(base.id, replace(failure, step=f"{contrast.flaw}, a flawed run: {failure.step}"))
        mine = [
            row
            for row in sound
            if row["analysis"] == base.id and _held(base, row) and _meant(base, contrast, row, lagged)
        ]
        rows += [_beside(contrast, row, _same(base, contrast, row, made), min_cell_count) for row in _fullest(mine)]
    return table(NAME, rows), failed


def _held(base: Analysis, row: Row) -> bool:
    """Whether an estimate, sound or flawed, is one of those that are held against each other."""
    if row["subgroup"] != OVERALL:
        return False
    if not isinstance(base.design, TargetTrial):
        return row["measure"] in RATIOS
    last = interval_end(base.design.interval, base.design.time_points[-1])
    of_method = row["adjustment"] == METHODS[compared(base.design)]
    return of_method and (row["measure"], row["time_point_days"]) == ("risk_ratio", last)


def _meant(base: Analysis, contrast: Contrast, row: Row, lagged: set[str]) -> bool:
    """Whether an estimate of the analysis is one that the flaw changes; `lagged` are the windows with a lag."""
    if not isinstance(base.design, NestedCaseControl):
        return True
    if contrast.flaw == "immortal_time":
        return row["reading"] == "any_use"
    if contrast.flaw == "prevalent_users":
        return row["reading"] == "initiation" and row["window"] in base.design.windows
    return contrast.flaw != "no_lag" or row["window"] in lagged


def flawed_rows(study: Study, contrast: Contrast, walk: Walk, seed: int) -> Iterator[Row]:
    """Every row of estimates of a flawed run, held against the study or not; none of a comparison that fails."""
    derived = flawed_study(study, contrast)
    steps = [_hooked(step, contrast) for step in study_steps(derived, seed, contrast.base)]
    wanted = _needed(steps)
    walk.run(wanted, go_on=True)
    strategies = [row for step in wanted if step.kind == COUNTED and step.name not in walk.failures
                  for row in walk.artifact(step.name).values["trial_strategies"]]  # fmt: skip
    for step in wanted:
        if step.kind == "trial_estimates" and step.name not in walk.failures:
            yield from _with_counts(walk.artifact(step.name).values["estimates"], strategies)
            continue
        if step.kind in FITTED and step.name not in walk.failures:
            yield from walk.artifact(step.name).values["estimates"]


def _with_counts(rows: Iterable[Row], strategies: Iterable[Row]) -> Iterator[Row]:
    """Contrasts of strategies with the counts of both: events, and others who kept to the strategy."""
    counted = {row["strategy"]: row for row in strategies if "n_events" in row}
    for row in rows:
        if row["comparison"] == EVERY:
            continue  # a risk, which is compared with nothing
        target, reference = counted.get(row["exposure"]), counted.get(row["comparison"])
        if target is None or reference is None:
            yield row | {"reason": row["reason"] or Reason.NOT_DEFINED}
            continue
        others = [own["n_trials"] - own["n_deviated"] - own["n_events"] for own in (target, reference)]
        cases = target["n_events"] + reference["n_events"]
        yield row | {
            "n_cases": cases, "n_persons": cases + sum(others), "n_exposed_cases": target["n_events"],
            "n_exposed_controls": others[0],
        }  # fmt: skip


def _hooked(step: Step, contrast: Contrast) -> Step:
    """The step that makes the rows is told to commit the flaw, if no study file can say it."""
    if step.kind in HOOKS and contrast.flaw in HOOKED:
        return replace(step, subset=step.subset | {"flaw": contrast.flaw})
    return step


def _needed(steps: list[Step]) -> list[Step]:
    """Fitted models and what they rest on, in order."""
    wanted = {step.name for step in steps if step.kind in (*FITTED, COUNTED)}
    found: list[Step] = []
    for step in reversed(steps):
        if step.name in wanted:
            found.append(step)
            wanted |= set(step.needs.values())
    return found[::-1]


def _fullest(rows: list[Row]) -> list[Row]:
    """Of each quantity the estimate with the fullest adjustment, which stands last."""
    return list({_key(row, True): row for row in rows}.values())


def _key(row: Row, with_comparison: bool) -> tuple[Any, ...]:
    window = (row["window"] or "").removesuffix(NO_LAG)
    own = (row["comparison"],) if with_comparison else ()
    return (row["exposure"], window, row["reading"], row["measure"], *own)


def _same(base: Analysis, contrast: Contrast, row: Row, made: list[Row]) -> Row | None:
    """The flawed estimate of the same quantity with the same adjustment; the comparator may be what is flawed."""
    same_comparison = contrast.flaw != "non_user_comparator"
    if contrast.flaw == "prevalent_users" and isinstance(base.design, NestedCaseControl):
        row = row | {"reading": "any_use"}
    if not same_comparison and isinstance(base.design, TargetTrial):
        row, same_comparison = row | {"comparison": without_use(base.design).name}, True
    key = _key(row, same_comparison)
    of_key = (
        other for other in made if other["adjustment"] == row["adjustment"] and _key(other, same_comparison) == key
    )
    return next(of_key, None)


def _beside(contrast: Contrast, row: Row, flawed: Row | None, min_cell_count: int) -> Row:
    columns = (
        "comparison",
        "exposure",
        "time_point_days",
        "window",
        "reading",
        "outcome",
        "adjustment",
        "measure",
        *SHOWN,
        "reason",
    )
    made = {name: row[name] for name in columns}
    made |= {"analysis": contrast.base, "flaw": contrast.flaw, "flawed_design": FLAWS[contrast.flaw]}
    reason = _why_withheld(row, flawed, min_cell_count)
    made["flawed_reason"] = reason
    if reason is None and flawed is not None:
        made |= {f"flawed_{name}": flawed[name] for name in SHOWN}
        if row["estimate"] is not None:
            made["log_difference"] = log(flawed["estimate"]) - log(row["estimate"])
    return made


def _why_withheld(row: Row, flawed: Row | None, min_cell_count: int) -> str | None:
    """Why a flawed estimate is not shown. What hides the sound one hides it, too."""
    if row["reason"] in (Reason.SEALED, Reason.SMALL_CELLS):
        return row["reason"]
    if flawed is None:
        return Reason.NOT_DEFINED
    if flawed["reason"] is not None:
        return flawed["reason"]
    return Reason.SMALL_CELLS if _rests_on_few(flawed, min_cell_count) else None


def _rests_on_few(row: Row, min_cell_count: int) -> bool:
    cases, others = row["n_cases"], row["n_persons"] - row["n_cases"]
    exposed = row["n_exposed_cases"], row["n_exposed_controls"]
    cells = (*exposed, cases - exposed[0], others - exposed[1])
    return any(0 < cell < min_cell_count for cell in cells)
