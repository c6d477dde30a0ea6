"""The published survival study in expectation: its study file on the network views of many nations.

    python -m tests.coverage.published --nations 20 --to FOLDER

keeps one file a nation in FOLDER, goes on where it was interrupted, and writes FOLDER/published.md. Every seed is two
networks. One is that of the default nation, in which function and breathing are measured in every patient (by default,
in those of the quality register), so that an adjustment for severity has something to adjust for. Drugs that the study
does not look at and persons without the disease are left out, which changes nothing else: every random number is keyed
by what it is drawn for. The other network has no confounding, and more users of either kind.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import equipoise as eq
from equipoise.simulate.antidepressants import NON_SUPPRESSING, SUPPRESSING
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.relived import Followed, LogRatio, Treatments, Truth
from equipoise.simulate.true_values import Nation
from equipoise.spec.canonical import canonical
from equipoise.spec.read import parse_study
from equipoise.spec.study import Study
from tests.coverage.nations import CONFOUNDING, Rows, found_by
from tests.coverage.network_truth import users
from tests.coverage.networks import BACKGROUND
from tests.coverage.simulation import simulate

STUDY_FILE = Path(__file__).parents[2] / "studies" / "rem-suppression-als.toml"
MULTIPLIER, TREATED, FEWER = 60.0, 17_444, 4_000
TRUTH_PERSONS, TRUTH_SEED, HORIZON = 400_000, 90_003, 730
COLUMNS = ("analysis", "adjustment", "measure", "time_point_days", "term", "estimate", "log_estimate", "std_error")
ASKED = ("published-settings", "overlap-weights")
MORE = ("earlier antidepressants", "ALSFRS-R", "vital capacity")
Name = tuple[str, ...]


def confounded(treated: int) -> NationSpec:
    """The default nation, everybody's function measured; its network holds so many patients on riluzole."""
    return parse_nation(_network(treated, {}))


def _network(treated: int, course: dict[str, Any]) -> dict[str, Any]:
    unused = [name for name in BACKGROUND if name != "antidepressants"]
    measured = {"registry_from": 2001, "registry_inclusion": 0.9999}
    return {
        "prescribing": {name: {"rate": 0.0} for name in unused},
        "course": {"care": measured, **course},
        "network": {"riluzole_treated": treated, "in_care": 0.0},
    }


def unconfounded(treated: int) -> NationSpec:
    """Chance alone decides who takes which antidepressant; the network records as little as by default."""
    off = dict.fromkeys((name for name in CONFOUNDING if name != "incomplete_capture"), False)
    common = {"distress": {"rate": 0.05}, "choice": {"non_suppressing": -0.5}}
    return parse_nation({"switches": off} | _network(treated, common))


def study() -> Study:
    """The study file with its two main analyses, and one more that adjusts for severity."""
    raw = canonical(eq.read_study(STUDY_FILE))
    raw["analyses"] = [one for one in raw["analyses"] if one["id"] in ASKED]
    more = {"adjust_for": [*raw["analyses"][-1]["adjust_for"], *MORE]}
    why = "function and breathing as well, and antidepressants long before the disease"
    raw["sensitivity"] = [{"id": "severity", "base": ASKED[-1], "why": why, "change": more}]
    raw["negative_controls"], raw["published"] = None, []
    for name, code in (("alsfrs_r", "M-7012"), ("vital_capacity", "M-7013")):
        raw["concept_sets"][name] = {"domain": "measurement", "include": [{"vocabulary": "Simulated", "code": code}]}
    raw["concept_sets"]["antidepressants"] = {"domain": "drug", "include": [{"vocabulary": "ATC", "code": "N06A"}]}
    measured = {"kind": "measurement", "window": {"days_before": [0, 180]}}
    before = {"kind": "event", "concept_set": "antidepressants", "window": {"years_before": [2, 5]}}
    raw["covariates"] += [
        measured | {"name": "ALSFRS-R", "concept_set": "alsfrs_r", "unit": "points"},
        measured | {"name": "vital capacity", "concept_set": "vital_capacity", "unit": "% of predicted"},
        before | {"name": "earlier antidepressants"},
    ]
    return parse_study(raw)


def of_both(treated: int, fewer: int, seed: int) -> Rows:
    """What the study finds in both networks with this seed."""
    rows: Rows = []
    for arrows, spec in ((True, confounded(treated)), (False, unconfounded(fewer))):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "nation"
            eq.write_nation(place, spec, persons=1, seed=seed, views=("network",), workers=1)
            found = found_by(place / "network", study(), tables={"estimates": COLUMNS})
        rows += [row | {"arrows": arrows} for row in found if row["time_point_days"] in (None, HORIZON)]
    return rows


def true_log_ratio(spec: NationSpec) -> LogRatio:
    """The true log hazard ratio of the network's users, each with a drug of the one kind in hand or of the other."""
    nation = Nation(spec, TRUTH_PERSONS, TRUTH_SEED, MULTIPLIER)
    parts = [(place.first_person, *users(nation, number)) for number, place in enumerate(nation.places())]
    person = np.concatenate([first + rows.astype(np.int64) for first, rows, _, _ in parts])
    day = np.concatenate([zero for _, _, zero, _ in parts])
    return Truth([nation]).log_hazard_ratio(Followed(person, day, HORIZON), Treatments(SUPPRESSING, NON_SUPPRESSING))


def by_quantity(networks: list[Rows]) -> dict[Name, np.ndarray]:
    """Log hazard ratios and two-year survival by arrows, analysis, adjustment and quantity, one a seed."""
    found: dict[Name, np.ndarray] = defaultdict(lambda: np.full(len(networks), np.nan))
    for seed, rows in enumerate(networks):
        for row in rows:
            name, value = _quantity(row)
            if name and value is not None:
                found["arrows" if row["arrows"] else "none", row["analysis"], row["adjustment"], name][seed] = value
    return dict(found)


def _quantity(row: dict[str, Any]) -> tuple[str, float | None]:
    if row["measure"] == "hazard_ratio":
        return "log hazard ratio", row["log_estimate"]
    if row["measure"] == "risk":
        arm = "other" if "does not suppress" in row["term"] else "suppressing"
        return f"survival, {arm}", None if row["estimate"] is None else 1 - row["estimate"]
    return "", None


def page(found: dict[Name, np.ndarray], truths: dict[str, LogRatio]) -> str:
    """Every mean as a row of a table, below the true values."""
    lines = [
        f"True log hazard ratio, {name}: {true.value:+.4f} (error {true.error:.4f})" for name, true in truths.items()
    ]
    lines += [
        "",
        "| network | analysis | adjustment | quantity | seeds | mean | MC error |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, values in found.items():
        kept = values[~np.isnan(values)]
        error = kept.std(ddof=1) / len(kept) ** 0.5
        lines.append(f"| {' | '.join(name)} | {len(kept)} | {kept.mean():+.4f} | {error:.4f} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    of = argparse.ArgumentParser(description=__doc__)
    of.add_argument("--nations", type=int, default=20)
    of.add_argument("--workers", type=int, default=1)
    of.add_argument("--treated", type=int, default=TREATED, help="patients on riluzole in the default network")
    of.add_argument("--fewer", type=int, default=FEWER, help="patients on riluzole in the one without confounding")
    of.add_argument("--to", type=Path, required=True)
    given = of.parse_args(arguments)
    found = simulate(given.nations, given.to, given.workers, partial(of_both, given.treated, given.fewer))
    truths = {"arrows": true_log_ratio(confounded(given.treated)), "none": true_log_ratio(unconfounded(given.fewer))}
    (given.to / "published.md").write_text(page(by_quantity(found), truths), encoding="utf-8")


if __name__ == "__main__":
    main()
