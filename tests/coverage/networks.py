"""The simulation study of networks of hospitals: users of two kinds of antidepressants, under every adjustment.

    python -m tests.coverage.networks --nations 200 --to FOLDER

keeps one file a network in FOLDER, goes on where it was interrupted, and writes FOLDER/coverage.md.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import equipoise as eq
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.true_values import Nation
from tests.coverage.nations import CONFOUNDING, ESTIMATES, STUDY, Rows, found_by
from tests.coverage.network_truth import true_contrasts
from tests.coverage.simulation import simulate
from tests.coverage.summary import Coverage, Truth, by_measure, of_users, summarised

NETWORK = STUDY.with_name("network.toml")
FIRST = "inverse-probability"  # the analysis whose crude estimates stand for all
ENRICHED, TREATED = 130.0, 800
TRUTH_PERSONS, TRUTH_SEED = 1_000_000, 90_002
WITH_COUNTS = {"estimates": (*ESTIMATES["estimates"], "n_persons", "n_exposed_controls")}
MEASURES = ("hazard_ratio", "risk_difference", "risk_ratio", "rmst_difference")
WORDS = {
    "crude": "nothing",
    "match": "matching, default caliper",
    "match-as-published": "matching, as published",
    "strata": "strata of the score",
    "inverse-probability": "weights for everybody",
    "trimmed": "the same, trimmed",
    "overlap": "overlap weights",
    "matching-weights": "matching weights",
}
BACKGROUND = (
    "anxiolytics", "hypnotics", "antidepressants", "proton_pump_inhibitors", "calcium_channel_blockers",
    "ace_inhibitors", "penicillins", "antihistamines", "thyroid_hormones",
)  # fmt: skip


def unconfounded_network() -> NationSpec:
    """Either kind of antidepressant begins by chance once the disease is known, and is then kept.

    What the network records of its patients is complete for as long as they are in care; when care begins and ends is
    chance. So the worlds in which users take one kind or the other are what a comparison of users estimates.
    """
    recorded = ("prescribed_in_network", "prescription_captured", "diagnosis_captured", "death_captured")
    off = (*CONFOUNDING, "incomplete_diagnoses")
    return parse_nation(
        {
            "switches": dict.fromkeys(off, False) | {"incomplete_capture": True},
            "prescribing": {name: {"rate": 0.0} for name in BACKGROUND},
            "course": {
                "distress": {"rate": 0.12, "stopping": 1e-9},
                "choice": {"non_suppressing": 0.0},
                "care": {"riluzole_delay": 7.0},
            },
            "effects": {"rem_suppression_on_death": 0.6},
            "network": {"riluzole_treated": TREATED, "multiplier": ENRICHED} | dict.fromkeys(recorded, 1.0),
        }
    )


def of_network(seed: int) -> Rows:
    """What the study of networks finds in the network with this seed, which is written and read as any other."""
    with tempfile.TemporaryDirectory() as folder:
        nation = Path(folder) / "nation"
        eq.write_nation(nation, unconfounded_network(), persons=1, seed=seed, views=("network",), workers=1)
        rows = found_by(nation / "network", eq.read_study(NETWORK), tables=WITH_COUNTS)
    return [row for row in rows if row["adjustment"] != "crude" or row["analysis"] == FIRST]


def smaller_arm(rows: Rows) -> int:
    """Persons in the smaller arm before any adjustment."""
    first = next(row for row in rows if (row["adjustment"], row["measure"]) == ("crude", "hazard_ratio"))
    target = first["n_exposed_cases"] + first["n_exposed_controls"]
    return int(min(target, first["n_persons"] - target))


def true_values(persons: int = TRUTH_PERSONS) -> dict[tuple[str, ...], Truth]:
    """True values of the users whom networks record, whose lives are lived on from time zero both ways."""
    nation = Nation(unconfounded_network(), persons, TRUTH_SEED, ENRICHED)
    found = true_contrasts(nation, [of_users(measure) for measure in MEASURES])
    return by_measure(dict(zip(MEASURES, found, strict=True)))


def table(summary: list[Coverage]) -> str:
    """The table of the methods page: one row a way of making arms alike and a measure."""
    head = "| arms made alike by | measure | networks | true value | bias / MC error | SD / mean SE | coverage, % |"
    lines = [head + " largest abs(z) |", "|" + "---|" * 8]
    for one in sorted(summary, key=lambda one: (list(WORDS).index(_way(one)), MEASURES.index(one.key[-1]))):
        ratio = one.key[-1].endswith("ratio")
        name = ("log " if ratio else "") + one.key[-1].replace("_", " ").replace("rmst", "RMST")
        digits = 1 if "rmst" in one.key[-1] else 3
        lines.append(
            f"| {WORDS[_way(one)]} | {name} | {len(one.estimates)} | {one.truth.value:.{digits}f} "
            f"| {one.bias:+.{digits}f} / {one.bias_error:.{digits}f} | {one.spread_ratio:.2f} "
            f"| {100 * one.coverage:.1f} | {one.largest:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _way(one: Coverage) -> str:
    return "crude" if one.key[-2] == "crude" else one.key[0]


def main(arguments: Sequence[str] | None = None) -> None:
    of = argparse.ArgumentParser(description=__doc__)
    of.add_argument("--nations", type=int, default=200)
    of.add_argument("--workers", type=int, default=1)
    of.add_argument("--to", type=Path, required=True)
    given = of.parse_args(arguments)
    found = simulate(given.nations, given.to, given.workers, of_network)
    (given.to / "coverage.md").write_text(table(summarised(found, true_values())), encoding="utf-8")


if __name__ == "__main__":
    main()
