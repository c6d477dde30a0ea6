"""Nations whose truth is known, small and enriched, and what the study of this folder finds in one of them."""

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import equipoise as eq
from equipoise.runner.progress import Silent
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.spec.study import Study

Rows = list[dict[str, Any]]

PERSONS, MULTIPLIER = 66_000, 200.0  # over a thousand registered cases of ALS
STUDY = Path(__file__).with_name("study.toml")
TRIAL = STUDY.with_name("trial.toml")
KEYS = ("analysis", "comparison", "exposure", "window", "adjustment", "measure")
NUMBERS = ("estimate", "log_estimate", "std_error", "conf_low", "conf_high", "reason", "n_cases", "n_exposed_cases")
ESTIMATES = {"estimates": (*KEYS, *NUMBERS)}

CONFOUNDING = (
    "vulnerability_to_prescribing", "vulnerability_to_als", "vulnerability_to_mortality", "prodrome",
    "severity_to_prescribing", "distress_to_prescribing", "registry_selection", "incomplete_capture",
)  # fmt: skip


def unconfounded(effect: float = 0.6) -> NationSpec:
    """Every arrow that misleads a naive study is off; antidepressants of both kinds are common, and one saves lives.

    `effect` is the hazard ratio of death while exposed to a drug that suppresses REM sleep.
    """
    return parse_nation(
        {
            "switches": dict.fromkeys(CONFOUNDING, False),
            "prescribing": {"antidepressants": {"rate": 60.0, "tendency": 0.0}},
            "course": {"distress": {"rate": 0.08}, "choice": {"non_suppressing": 0.0}},
            "effects": {"rem_suppression_on_death": effect},
        }
    )


def estimates(spec: NationSpec, seed: int, *studies: Path) -> Rows:
    """Rows of the tables of estimates, from a nation written as a database and read as a foreign one would be."""
    with tempfile.TemporaryDirectory() as folder:
        nation = Path(folder) / "nation"
        eq.write_nation(nation, spec, persons=PERSONS, seed=seed, multiplier=MULTIPLIER, workers=1)
        return found_by(nation, *map(eq.read_study, studies))


def found_by(database: Path, *studies: Study, tables: dict[str, tuple[str, ...]] = ESTIMATES) -> Rows:
    """Rows of tables, with the columns asked for, of several studies of one database; nothing is kept beside it."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, closing(eq.connect(database)) as source:
        for study in studies:
            to, store = Path(folder) / study.id, Path(folder) / "store"
            results = eq.run(study, source, to=to, store=store, min_cell_count=0, progress=Silent())
            for name, columns in tables.items():
                rows += [{key: row[key] for key in columns} for row in results.rows(name)]
    return rows
