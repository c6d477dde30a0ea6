"""The target trial of this folder and its flawed versions, in nations with and without an effect and with every arrow.

    python -m tests.coverage.misled_trials --nations 24 --workers 2 --to FOLDER

keeps one file a seed in FOLDER, goes on where it was interrupted, and writes FOLDER/misled_trials.md. Function and
vital capacity are measured in every patient and adjusted for, beside age and sex: at time zero they say how fast the
disease is, a year later who is still alive.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import equipoise as eq
from equipoise.knowledge.study_file import with_knowledge
from equipoise.runner.flawed_runs import flawed_rows
from equipoise.runner.progress import Silent
from equipoise.runner.store import MemoryShelf
from equipoise.runner.walk import Walk
from equipoise.simulate.nation_spec import NationSpec
from equipoise.spec.canonical import canonical
from equipoise.spec.contrasts import Contrast, Flaw
from equipoise.spec.read import parse_study
from equipoise.spec.study import Study
from tests.coverage import misled
from tests.coverage.nations import MULTIPLIER, PERSONS, TRIAL, Rows, found_by, unconfounded
from tests.coverage.simulation import TRUTH_PERSONS, simulate
from tests.coverage.summary import Truth, truths

MEASURED = {"ALSFRS-R": ("M-7012", "points"), "vital capacity": ("M-7013", "% of predicted")}
SOUND = "as planned"
FLAWS: tuple[Flaw, ...] = ("immortal_time", "prevalent_users", "covariates_after_time_zero")
KEPT = ("comparison", "exposure", "measure", "estimate", "log_estimate", "std_error", "conf_low", "conf_high", "reason")
Row = dict[str, Any]
Name = tuple[str, str, str, str, str]  # nation, flaw, strategy, strategy it is compared with, measure


def measured(spec: NationSpec) -> NationSpec:
    """The nation with a quality register of every patient from its first year on; nothing else depends on it."""
    care = spec.course.care.model_copy(update={"registry_from": 2001, "registry_inclusion": 0.9999})
    return spec.model_copy(update={"course": spec.course.model_copy(update={"care": care})})


NATIONS = {
    "effect": measured(unconfounded()),
    "no effect": measured(unconfounded(1.0)),
    "arrows": measured(misled.nation(arrows=True)),
}


def study() -> Study:
    """The trial by copies of persons, adjusted for age, sex, function and vital capacity."""
    raw = canonical(eq.read_study(TRIAL))
    for name, (code, unit) in MEASURED.items():
        place = name.lower().replace(" ", "_").replace("-", "_")
        raw["concept_sets"][place] = {"domain": "measurement", "include": [{"vocabulary": "Simulated", "code": code}]}
        one = {"name": name, "kind": "measurement", "concept_set": place, "unit": unit}
        raw["covariates"].append(one | {"window": {"days_before": [0, 183]}})
    (trial,) = raw["analyses"]
    trial["design"]["estimation"]["methods"] = ["clone_censor_weight"]
    trial["adjust_for"] += MEASURED
    return parse_study(raw)


def of_each(seed: int) -> Rows:
    """What the trial and its flawed versions find with this seed in each nation."""
    rows = []
    for name, spec in NATIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "nation"
            eq.write_nation(place, spec, persons=PERSONS, seed=seed, multiplier=MULTIPLIER, workers=1)
            rows += [{"nation": name} | row for row in _of_nation(place)]
    return rows


def _of_nation(place: Path) -> Rows:
    asked = study()
    rows = [{"flaw": SOUND} | row for row in found_by(place, asked, tables={"estimates": (*KEPT, "adjustment")})]
    with closing(eq.connect(place)) as source:
        walk = Walk(source, MemoryShelf(), Silent())
        for flaw in FLAWS:
            contrast = Contrast(base="trial", flaw=flaw)
            rows += [{"flaw": flaw} | row for row in flawed_rows(with_knowledge(asked), contrast, walk, asked.seed)]
    return [{key: row.get(key) for key in ("flaw", *KEPT)} for row in rows if row["adjustment"] != "crude"]


def values(seeds: list[Rows]) -> dict[Name, np.ndarray]:
    """Estimates of contrasts, logarithms of ratios, one value a seed; NaN where a seed has none."""
    found: dict[Name, np.ndarray] = defaultdict(lambda: np.full(len(seeds), np.nan))
    for seed, rows in enumerate(seeds):
        for row in rows:
            if row["measure"] != "risk" and row["reason"] is None:
                keys = ("nation", "flaw", "exposure", "comparison", "measure")
                value = row["estimate"] if row["log_estimate"] is None else row["log_estimate"]
                found[*(row[key] for key in keys)][seed] = value  # type: ignore[index]
    return dict(found)


@cache
def true_differences() -> dict[str, dict[tuple[str, str], Truth]]:
    """True risk differences of each nation by strategy and the one it is compared with; no effect, no difference."""
    true = truths(NATIONS["effect"], MULTIPLIER, TRUTH_PERSONS)
    names = ("none", "another", "suppressing")
    pairs = [(one, other) for one in names for other in names if one != other]
    nothing = dict.fromkeys(pairs, Truth(0.0, 0.0))
    of_effect = {(one, other): true["trial", other, one, "risk_difference"] for one, other in pairs}
    return {"effect": of_effect, "no effect": nothing, "arrows": nothing}


def page(found: dict[Name, np.ndarray], true: dict[str, dict[tuple[str, str], Truth]]) -> str:
    """Risk differences less the true ones, and hazard ratios, as rows of a table."""
    lines = [
        "| nation | design | contrast | bias of the risk difference | MC error | log hazard ratio |",
        "|---|---|---|---|---|---|",
    ]
    for name, estimates in found.items():
        nation, flaw, exposure, comparison, measure = name
        if measure == "risk_difference":
            middle, error = misled.mean(estimates - true[nation][exposure, comparison].value)
            ratio, of_ratio = misled.mean(found[*name[:-1], "hazard_ratio"])
            lines.append(
                f"| {nation} | {flaw} | {exposure} against {comparison} | {middle:+.4f} | {error:.4f} "
                f"| {ratio:+.3f} ({of_ratio:.3f}) |"
            )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    of = argparse.ArgumentParser(description=__doc__)
    of.add_argument("--nations", type=int, default=24)
    of.add_argument("--workers", type=int, default=1)
    of.add_argument("--to", type=Path, required=True)
    given = of.parse_args(arguments)
    found = values(simulate(given.nations, given.to, given.workers, of_each))
    (given.to / "misled_trials.md").write_text(page(found, true_differences()), encoding="utf-8")


if __name__ == "__main__":
    main()
