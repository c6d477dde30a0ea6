"""The formulary: real codes, shares that move with the years, and the default set of drugs that suppress REM sleep."""

import re

import numpy as np
import pytest

from equipoise.simulate.formulary import (
    CLASS_OF,
    FORMULARY,
    PRESCRIBED,
    RILUZOLE,
    STUDIED,
    members,
    pick_drug,
    shares,
)
from tests.simulate.made_people import day

SUPPRESSING = re.compile(r"N06AA(04|09|10)|N06AB|N06AX(16|21|26)")
CONFLICTING = {"moclobemide", "trazodone"}


def test_codes_are_of_level_five_and_listed_once() -> None:
    codes = [drug.atc for drug in FORMULARY]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[A-Z]\d\d[A-Z]{2}\d\d", code) for code in codes)


def test_every_drug_but_riluzole_belongs_to_one_prescribed_class() -> None:
    assert [drug.substance for drug, of in zip(FORMULARY, CLASS_OF, strict=True) if of < 0] == ["riluzole"]
    assert FORMULARY[RILUZOLE].atc == "N07XX02"
    for drug, of in zip(FORMULARY, CLASS_OF, strict=True):
        assert of < 0 or drug.atc.startswith(PRESCRIBED[of])
    assert set(STUDIED) <= set(PRESCRIBED)


def test_rem_suppression_follows_polysomnography() -> None:
    for drug in FORMULARY:
        if drug.substance in CONFLICTING:
            assert drug.rem_suppressing is None
        else:
            assert drug.rem_suppressing is bool(SUPPRESSING.match(drug.atc)), drug.substance


def test_a_pack_holds_the_tablets_of_its_days() -> None:
    by_name = {drug.substance: drug for drug in FORMULARY}
    assert by_name["riluzole"].tablets == 56  # two tablets of 50 mg a day for 28 days
    assert all(drug.tablets >= drug.pack_days for drug in FORMULARY)


@pytest.mark.parametrize("atc", PRESCRIBED)
def test_shares_sum_to_one_in_every_year(atc: str) -> None:
    table = shares(members(atc), np.arange(1995, 2031))
    assert (table >= 0).all()
    np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-12)


def test_citalopram_gives_way_to_sertraline_and_nothing_is_sold_before_its_time() -> None:
    positions = members("N06A")
    names = [FORMULARY[position].substance for position in positions]
    then, now = shares(positions, np.array([2005, 2023]))
    assert then[names.index("citalopram")] > 2 * then[names.index("sertraline")] * 0.9
    assert now[names.index("sertraline")] > 3 * now[names.index("citalopram")]
    assert then[names.index("vortioxetine")] == 0.0


def test_drugs_are_picked_by_the_shares_of_the_year() -> None:
    n = 40_000
    positions = members("N05C")
    picked = pick_drug("N05C", np.full(n, day("2015-06-01")), (np.arange(n) + 0.5) / n)
    wanted = shares(positions, np.array([2015]))[0]
    np.testing.assert_allclose([(picked == position).mean() for position in positions], wanted, atol=1.5 / n)
    assert pick_drug("N05C", np.zeros(0), np.zeros(0)).dtype == np.int16
