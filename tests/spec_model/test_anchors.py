"""Anchors of time at risk, as other tools have them: what stands in their place, or why nothing does."""

from copy import deepcopy

import pytest

import equipoise as eq
from equipoise.spec.read import parse_study
from tests.studies.test_follow_up_runs import STUDY


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("start_anchor", "from the end of exposure it cannot be counted"),
        ("end_anchor", "censoring = { at_stop = true, after_stop_days = 30 }"),
    ],
)
def test_an_anchor_of_another_tool_is_refused_with_what_there_is(key: str, remedy: str) -> None:
    raw = deepcopy(STUDY)
    raw["analyses"][0]["design"]["follow_up"][key] = "exposure_end"
    with pytest.raises(eq.SpecError) as refused:
        parse_study(raw)
    (fault,) = refused.value.faults
    assert fault.where == f'analyses["main"].design.follow_up.{key}'
    assert (fault.found, "starts_day" in fault.allowed) == ("unknown key", True)
    assert remedy in fault.remedy
