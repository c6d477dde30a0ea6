"""`match` against MatchIt's pairs stored here: controls that seek, strata, replacement, calipers.

The data are made (matching.R), with 160 persons on about 60 scores. MatchIt 4.5.1 cut distances to whole numbers, and
takes the lower of two equal distances; `convention="matchit-4.5.1"` does so too.
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


@pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")
@pytest.mark.parametrize("name", OPTIONS)
def test_stored_pairs(name: str) -> None:
    data = {column: np.array(values) for column, values in STORED["data"].items()}
    found = match(data, arm="arm", score="score", convention="matchit-4.5.1", **OPTIONS[name])
    assert sorted((found.pairs + 1).tolist()) == sorted(STORED["pairs"][name])
    assert len(found.pairs) > 20


def test_every_stored_matching_is_compared() -> None:
    assert set(OPTIONS) == set(STORED["pairs"])
