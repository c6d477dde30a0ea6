"""Nations in which every arrow misleads and no drug does anything: what naive and better analyses make of them.

    python -m tests.coverage.misled --nations 20 --to FOLDER

keeps one file a nation in FOLDER, goes on where it was interrupted, and writes FOLDER/misled.md. No drug has an effect,
neither on the onset of the disease nor on death: the true value of every ratio is 1, whatever its population.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import equipoise as eq
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from tests.coverage.nations import CONFOUNDING, MULTIPLIER, PERSONS, STUDY, Rows, found_by
from tests.coverage.simulation import simulate

CONFOUNDED = STUDY.with_name("confounded.toml")
FOLLOWED = ("users", "two-kinds")
RATIO = ("analysis", "comparison", "adjustment", "estimate", "std_error", "reason")
TABLES = {
    "estimates": (*RATIO, "exposure", "window", "reading", "contrast", "term", "measure", "n_cases"),
    "lag_scan": (*RATIO, "lag_days", "population"),
    "flawed_estimates": ("analysis", "flaw", "estimate", "flawed_estimate"),
}
Row = dict[str, Any]
Name = tuple[str, ...]


def nation(arrows: bool) -> NationSpec:
    """Every arrow in place, or every arrow that misleads taken out; no drug has an effect in either.

    Vulnerability runs in families more, and does more to the hazard of the disease, than by default; fast disease calls
    more often for a drug that does not suppress REM sleep; antidepressants after the diagnosis are common.
    """
    return parse_nation(
        {
            "switches": {} if arrows else dict.fromkeys(CONFOUNDING, False),
            "population": {"familial_share": 0.9},
            "disease": {
                "incidence": {"vulnerability": 0.5},
                "prodrome": {"antidepressants": {"non_suppressing_slope": 1.5}},
            },
            "course": {"distress": {"rate": 0.06}, "choice": {"non_suppressing": -1.5, "slope": 1.5}},
            "effects": {"rem_suppression_on_death": 1.0},
        }
    )


def of_both(seed: int) -> Rows:
    """What the study finds with this seed in the nation with all arrows, and its follow-up in the one without."""
    study = eq.read_study(CONFOUNDED)
    follow_up = [one for one in study.analyses if one.id in FOLLOWED]
    followed = study.model_copy(update={"analyses": tuple(follow_up), "sensitivity": ()})
    rows = []
    for arrows, asked in ((True, study), (False, followed)):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "nation"
            eq.write_nation(place, nation(arrows), persons=PERSONS, seed=seed, multiplier=MULTIPLIER, workers=1)
            rows += [row | {"arrows": arrows} for row in found_by(place, asked, tables=TABLES)]
    return rows


def logarithms(nations: list[Rows]) -> dict[Name, np.ndarray]:
    """Logarithms of ratios by what they are of, one value a nation; NaN where a nation has none.

    First comes whether the arrows are in place, then what: ("odds", comparison), ("lag", comparison, days),
    ("hazard", analysis, adjustment), ("flawed", analysis, flaw).
    """
    found: dict[Name, np.ndarray] = defaultdict(lambda: np.full(len(nations), np.nan))
    for nation, rows in enumerate(nations):
        for row in rows:
            name = _name(row)
            ratio = row["flawed_estimate"] if "flaw" in row else row["estimate"]
            if name and ratio:
                found["arrows" if row["arrows"] else "none", *name][nation] = np.log(ratio)
    return dict(found)


def _name(row: Row) -> Name | None:
    if "flaw" in row:
        return "flawed", row["analysis"], row["flaw"]
    if "lag_days" in row:
        return ("lag", row["comparison"], str(row["lag_days"])) if row["population"] == "fixed" else None
    if row["measure"] == "odds_ratio":
        fullest = row["adjustment"] != "crude" or row["comparison"] == "population"
        return ("odds", row["comparison"]) if fullest and row["window"] == ">1 y" else None
    return ("hazard", row["analysis"], row["adjustment"]) if row["measure"] == "hazard_ratio" else None


def mean(values: np.ndarray) -> tuple[float, float]:
    """Mean over the nations that have a value, and its Monte Carlo error."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()), float(kept.std(ddof=1) / len(kept) ** 0.5)


def page(found: dict[Name, np.ndarray]) -> str:
    """Every mean as a row of a table."""
    lines = ["| of | nations | ratio | mean log | MC error |", "|---|---|---|---|---|"]
    for name, values in found.items():
        middle, error = mean(values)
        known = int((~np.isnan(values)).sum())
        lines.append(f"| {', '.join(name)} | {known} | {np.exp(middle):.3f} | {middle:+.4f} | {error:.4f} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    of = argparse.ArgumentParser(description=__doc__)
    of.add_argument("--nations", type=int, default=20)
    of.add_argument("--workers", type=int, default=1)
    of.add_argument("--to", type=Path, required=True)
    given = of.parse_args(arguments)
    found = simulate(given.nations, given.to, given.workers, of_both)
    (given.to / "misled.md").write_text(page(logarithms(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
