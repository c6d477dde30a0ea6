"""Nations whose truth is known, small and enriched, and what the study of this folder finds in one of them."""

import tempfile
from pathlib import Path
from typing import Any

import equipoise as eq
from equipoise.runner.progress import Silent
from equipoise.simulate.nation_spec import NationSpec, parse_nation

PERSONS, MULTIPLIER = 66_000, 200.0  # over a thousand registered cases of ALS
STUDY = Path(__file__).with_name("study.toml")
TRIAL, CONFOUNDED = STUDY.with_name("trial.toml"), STUDY.with_name("confounded.toml")
KEYS = ("analysis", "comparison", "exposure", "window", "adjustment", "measure")
NUMBERS = ("estimate", "log_estimate", "std_error", "conf_low", "conf_high", "reason", "n_cases", "n_exposed_cases")

CONFOUNDING = (
    "vulnerability_to_prescribing", "vulnerability_to_als", "vulnerability_to_mortality", "prodrome",
    "severity_to_prescribing", "distress_to_prescribing", "registry_selection", "incomplete_capture",
)  # fmt: skip


def unconfounded() -> NationSpec:
    """Every arrow that misleads a naive study is off; antidepressants of both kinds are common, and one saves lives."""
    return parse_nation(
        {
            "switches": dict.fromkeys(CONFOUNDING, False),
            "prescribing": {"antidepressants": {"rate": 60.0, "tendency": 0.0}},
            "course": {"distress": {"rate": 0.08}, "choice": {"non_suppressing": 0.0}},
            "effects": {"rem_suppression_on_death": 0.6},
        }
    )


def confounded() -> NationSpec:
    """Every arrow in place; antidepressants after the diagnosis, and of these such for weight loss, are common."""
    return parse_nation({"course": {"distress": {"rate": 0.03}, "choice": {"non_suppressing": -1.5}}})


def estimates(spec: NationSpec, seed: int, *studies: Path) -> list[dict[str, Any]]:
    """Rows of the tables of estimates, from a nation written as a database and read as a foreign one would be."""
    with tempfile.TemporaryDirectory() as folder:
        nation = Path(folder) / "nation"
        eq.write_nation(nation, spec, persons=PERSONS, seed=seed, multiplier=MULTIPLIER, workers=1)
        rows = []
        for study in studies:
            results = eq.run(
                eq.read_study(study),
                eq.connect(nation),
                to=Path(folder) / study.stem,
                store=Path(folder) / "store",
                min_cell_count=0,
                progress=Silent(),
            )
            rows += [{key: row[key] for key in (*KEYS, *NUMBERS)} for row in results.rows("estimates")]
        return rows
