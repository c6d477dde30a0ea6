"""The calibration: hand-worked summaries, weights that undo enrichment, resumption, and at full size every anchor."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from equipoise.errors import DesignError
from equipoise.runner import calibration as module
from equipoise.runner.calibration import MC_SHARE, NationCalibration, calibrate_nation, summarised
from equipoise.runner.calibration_statistics import nation_statistics
from equipoise.runner.calibration_table import COLUMNS, csv_text, markdown, write_calibration
from equipoise.simulate.anchor_frames import DAYS, between, dates, first_after, history
from equipoise.simulate.anchor_patients import in_calendar, patients
from equipoise.simulate.anchor_sample import CALENDAR, draw_sample, joined
from equipoise.simulate.anchors import Anchor, anchors
from equipoise.simulate.block import Place, Records
from equipoise.simulate.nation import draw_block
from equipoise.simulate.nation_spec import NationSpec, parse_nation


def named(name: str) -> Anchor:
    return next(anchor for anchor in anchors() if anchor.name == name)


@pytest.fixture(scope="module")
def small() -> NationCalibration:
    return calibrate_nation(seeds=3, blocks=3)


def test_the_mean_of_a_ratio_and_its_error_are_those_of_its_logarithm() -> None:
    anchor = named("hr N06A")
    result = summarised(anchor, [{"hr N06A": 1.5}, {"hr N06A": 2.0}])
    assert result.simulated == pytest.approx(3**0.5)
    assert result.mc_error == pytest.approx(np.log(2.0 / 1.5) / 2)
    assert result.deviation == pytest.approx(np.log(3**0.5 / 1.72))
    assert result.within == (abs(result.deviation) <= 0.072)
    assert not result.precise


def test_dates_of_a_person_in_a_time() -> None:
    """Person 0 on days 10 (twice), 20 and 400; person 2 on day 15."""
    records = Records(
        np.array([0, 0, 0, 0, 2], np.int32), np.array([10, 10, 20, 400, 15], np.int32),
        np.array([1, 0, 1, 1, 1], np.int16), np.ones(5, np.float32),
    )  # fmt: skip
    found = dates(records, np.array([True, True]))
    assert found.tolist() == [10, 20, 400, 2 * DAYS + 15]
    person = np.array([0, 1, 2])
    assert between(found, person, np.full(3, 11), np.full(3, 401)).tolist() == [2, 0, 1]
    assert first_after(found, person, np.full(3, 11)).tolist() == [20, DAYS, 15]
    count, ago = history(found, person, np.full(3, 100))
    assert (count.tolist(), ago.tolist()) == ([2, 0, 1], [90, 0, 85])


def test_weights_undo_the_enrichment() -> None:
    """Expected diagnoses of six blocks, from nations enriched 30 and 120 times: the same within their errors."""
    spec, totals = NationSpec(), {}
    for multiplier in (30.0, 120.0):
        cases = []
        for block in range(6):
            drawn = draw_block(spec, Place(5, block, 1 + block * 20_000, 20_000), multiplier)
            cases.append(in_calendar(patients(spec, drawn, multiplier), CALENDAR)["weight"])
        weight = np.concatenate(cases)
        totals[multiplier] = (weight.sum(), (weight**2).sum())
    (one, variance), (other, more) = totals.values()
    assert abs(one - other) < 4 * (variance + more) ** 0.5
    assert totals[120.0][0] * 1e7 / 120_000 == pytest.approx(2_280, rel=0.15)


def test_controls_share_sex_and_year_of_birth_and_are_there() -> None:
    sample = draw_sample(NationSpec(), Place(5, 0, 1, 20_000), 60.0)
    sets = sample.sets
    of_case = np.bincount(np.unique(sets["set"], return_inverse=True)[1], weights=1 - sets["case"])
    assert of_case.max() == 5
    assert of_case.mean() > 4.8
    assert sets["case"].sum() == len(sample.cases["index"]) == len(np.unique(sets["set"]))


def test_every_anchor_has_a_statistic_and_every_required_one_is_near(small: NationCalibration) -> None:
    assert {result.anchor.name for result in small.results} == {anchor.name for anchor in anchors()}
    for result in small.results:
        assert np.isfinite(result.simulated), result.anchor.name
        if result.anchor.required:
            allowed = result.anchor.tolerance + 6 * result.mc_error + 0.02
            assert abs(result.deviation) < allowed, result.anchor.name


def test_anchors_agree_with_what_is_published() -> None:
    assert named("or N05B >1").tolerance == pytest.approx(np.log(1.60 / 1.12) / 3.92 / 2, abs=0.004)
    assert named("hr N06A").tolerance == pytest.approx(np.log(2.29 / 1.30) / 3.92 / 2, abs=0.002)
    assert len({anchor.name for anchor in anchors()}) == len(anchors())


def test_an_interrupted_comparison_goes_on_and_another_nation_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = calibrate_nation(seeds=2, blocks=2, to=tmp_path)
    drawn: list[int] = []
    whole = module._one_nation

    def counted(spec: NationSpec, seed: int, *rest: object) -> dict[str, float]:
        drawn.append(seed)
        return whole(spec, seed, *rest)

    monkeypatch.setattr(module, "_one_nation", counted)
    again = calibrate_nation(seeds=3, blocks=2, to=tmp_path)
    assert drawn == [3]
    # As text, for a nation so small can lack a figure, and no such number equals another.
    assert csv_text(calibrate_nation(seeds=2, blocks=2, to=tmp_path)) == csv_text(first)
    assert csv_text(again) != csv_text(first)
    (tmp_path / "seeds" / "1.json").write_text("broken")
    calibrate_nation(seeds=2, blocks=2, to=tmp_path)
    assert drawn == [3, 1]
    calibrate_nation(parse_nation({"effects": {"rem_suppression_on_death": 1.0}}), seeds=2, blocks=2, to=tmp_path)
    assert drawn == [3, 1, 1, 2]
    assert json.loads((tmp_path / "seeds" / "1.json").read_text())["statistics"]["male"] > 40


def test_the_number_of_threads_changes_nothing() -> None:
    one, two = (module._one_nation(NationSpec(), 4, 2, 60.0, workers) for workers in (1, 2))
    assert one.keys() == two.keys()
    np.testing.assert_array_equal(list(one.values()), list(two.values()))


def test_the_table_says_all_of_it(small: NationCalibration, tmp_path: Path) -> None:
    places = write_calibration(small, tmp_path)
    rows = list(csv.DictReader(places[0].read_text().splitlines()))
    assert len(rows) == len(anchors())
    assert tuple(rows[0]) == COLUMNS
    by_name = {row["anchor"]: row for row in rows}
    assert float(by_name["hr N06A"]["simulated"]) == small["hr N06A"].simulated
    assert by_name["hr N06A"]["within"] == str(small["hr N06A"].within).lower()
    page = places[1].read_text()
    assert all(anchor.quantity in page for anchor in anchors())
    assert "PHQ-9" in page
    assert (csv_text(small), markdown(small)) == (places[0].read_text(), page)


def test_a_nation_without_vulnerability_in_its_mortality_loses_its_hazard_ratios(small: NationCalibration) -> None:
    off = {"vulnerability_to_mortality": False, "severity_to_prescribing": False}
    switched = parse_nation({"switches": off, "effects": {"rem_suppression_on_death": 1.0}})
    places = [Place(1, block, block * 20_000 + 1, 20_000) for block in range(6)]
    values = nation_statistics(joined([draw_sample(switched, place, 60.0) for place in places]))
    assert values["hr N06A"] < 1.25 < small["hr N06A"].simulated


def test_what_cannot_be_used_is_named() -> None:
    with pytest.raises(DesignError) as raised:
        calibrate_nation(seeds=1, blocks=0, multiplier=0)
    assert len(raised.value.faults) == 3
    with pytest.raises(DesignError, match="registered cases"):
        calibrate_nation(seeds=2, blocks=2, multiplier=1.0)


@pytest.mark.slow
def test_the_default_nation_meets_every_required_anchor() -> None:
    found = calibrate_nation()
    required = [result for result in found.results if result.anchor.required]
    assert [result.anchor.name for result in required if not result.precise] == []
    assert [result.anchor.name for result in required if not result.within] == []
    assert MC_SHARE == 0.25
