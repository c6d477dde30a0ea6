"""On nations with a known truth: a sound design meets it where nothing biases, flawed ones miss it as predicted."""

from pathlib import Path
from typing import Any

import pytest

import equipoise as eq
from equipoise.runner.bridge import bridge
from equipoise.simulate.nation_spec import parse_nation
from equipoise.spec.canonical import canonical
from equipoise.spec.read import parse_study
from tests.studies.places import STUDIES

pytestmark = pytest.mark.slow

OFF = dict.fromkeys(
    (
        "vulnerability_to_prescribing", "vulnerability_to_als", "vulnerability_to_mortality", "prodrome",
        "severity_to_prescribing", "distress_to_prescribing",
    ),
    False,
)  # fmt: skip
TARGET = "antidepressants"


def study(**design: Any) -> dict[str, Any]:
    raw = canonical(eq.read_study(STUDIES / "als-prognosis.toml"))
    raw["sensitivity"] = []
    raw["analyses"][0]["design"] |= {"target": [TARGET], **design}
    return raw | {"contrasts": [{"base": "survival", "flaw": flaw} for flaw in ("immortal_time", "no_lag")]}


def found(place: Path, effect: float, switches: dict[str, bool]) -> dict[str, Any]:
    """The truth, the sound estimate and the flawed ones, as logarithms with standard errors."""
    spec = parse_nation({"switches": switches, "effects": {"rem_suppression_on_death": effect}})
    eq.write_nation(place / "nation", spec, persons=100_000, seed=11, multiplier=60.0)
    sound, other = parse_study(study()), parse_study(study(lag_days=0) | {"contrasts": []})
    with eq.connect(place / "nation") as source:
        results = eq.run(sound, source, to=place / "run", store=place / "store")
        walked = bridge(
            sound, other, source, analyses=("survival", "survival"), to=place / "bridge", store=place / "store",
            truth=[place / "nation" / "truth"],
        )  # fmt: skip
    first = walked.rows("bridge_steps")[0]
    assert first["n_cases"] > 500
    contrasts = {row["flaw"]: row["log_difference"] for row in results.rows("flawed_estimates")}
    return {"truth": first["true_value"], "sound": first["log_estimate"], "error": first["std_error"], **contrasts}


@pytest.mark.parametrize("effect", [1.0, 0.5])
def test_without_confounding_the_sound_design_meets_the_truth_and_immortal_time_misses_it(
    tmp_path: Path, effect: float
) -> None:
    got = found(tmp_path, effect, OFF)
    assert (got["truth"] < -0.05) == (effect < 1)
    assert abs(got["sound"] - got["truth"]) < 3 * got["error"]
    # The two estimates share their persons, so their difference is far more certain than either.
    assert got["immortal_time"] < -0.1
    assert got["sound"] + got["immortal_time"] < got["truth"]


def test_with_the_arrows_in_place_users_look_worse_than_the_truth_and_worse_still_without_a_lag(tmp_path: Path) -> None:
    got = found(tmp_path, 0.8, {})
    assert got["sound"] - got["truth"] > 3 * got["error"]
    assert got["no_lag"] > 0
    assert got["immortal_time"] < 0
