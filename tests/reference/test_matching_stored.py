"""`match` against MatchIt's pairs stored here: orders, calipers, strata, several partners, replacement.

The data are made (matching.R): 160 persons on about 60 scores, and on 160. MatchIt 4.5.1 cut distances to whole numbers
and takes the lower of two equal ones; `convention="matchit-4.5.1"` does so too. Distances that it was given as a matrix
were not cut, and of equal ones it takes the first: there it finds the nearest, as `match` does by default.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from equipoise import match

STORED = json.loads((Path(__file__).parent / "matching.json").read_text(encoding="utf-8"))
OPTIONS = {
    "smallest": {"order": "smallest"},
    "control_seeks": {"estimand": "ATC"},
    "control_seeks_largest": {"estimand": "ATC", "order": "largest"},
    "exact_site": {"exact": "site"},
    "replace": {"replace": True},
    "logit": {"caliper_scale": "logit"},
    "logit_caliper": {"caliper_scale": "logit", "caliper": 0.5},
}

NEAREST = {
    "data": {"order": "data"},
    "largest": {},
    "smallest": {"order": "smallest"},
    "caliper": {"caliper": 0.2},
    "logit_caliper": {"caliper": 0.1, "caliper_scale": "logit"},
    "site": {"exact": "site"},
    "site_caliper": {"exact": "site", "caliper": 0.05, "caliper_sd": None},
    "replace": {"replace": True},
    "replace_caliper": {"replace": True, "caliper": 0.015, "caliper_sd": None},
    "two": {"ratio": 2},
    "three_caliper": {"ratio": 3, "caliper": 0.035, "caliper_sd": None},
    "control_seeks": {"estimand": "ATC"},
    "free": {},
    "free_caliper": {"caliper": 0.2},
    "free_two": {"ratio": 2, "order": "smallest"},
    "free_replace": {"replace": True},
}


def data() -> dict[str, np.ndarray]:
    whole = ("arm", "site")
    return {name: np.array(values, int if name in whole else float) for name, values in STORED["data"].items()}


@pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")
@pytest.mark.parametrize("name", NEAREST)
def test_stored_nearest_pairs(name: str) -> None:
    found = match(data(), arm="arm", score="free" if name.startswith("free") else "score", **NEAREST[name])
    assert sorted((found.pairs + 1).tolist()) == sorted(STORED["nearest"][name])
    assert len(found.pairs) > 20


@pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")
@pytest.mark.parametrize("name", OPTIONS)
def test_stored_pairs(name: str) -> None:
    found = match(data(), arm="arm", score="score", convention="matchit-4.5.1", **OPTIONS[name])
    assert sorted((found.pairs + 1).tolist()) == sorted(STORED["pairs"][name])
    assert len(found.pairs) > 20


def test_every_stored_matching_is_compared() -> None:
    assert set(OPTIONS) == set(STORED["pairs"])
    assert set(NEAREST) == set(STORED["nearest"])
