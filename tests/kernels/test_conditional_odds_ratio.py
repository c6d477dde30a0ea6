"""Exact conditional odds ratios against enumeration of tables."""

import itertools
import math

import numpy as np
import pytest

from equipoise.kernels.conditional_odds_ratio import ConditionalTables, conditional_tables

TABLES = np.array([[3, 2, 1, 4], [2, 2, 3, 5], [0, 4, 2, 1]])
ROOT = 1e-10


def enumerated(tables: np.ndarray, psi: float) -> dict[int, float]:
    """Probabilities of the sum of exposed cases given all margins, by going through every combination."""
    laws = []
    for a, b, c, d in tables.tolist():
        values = range(max(0, a + c - (c + d)), min(a + c, a + b) + 1)
        laws.append({k: math.comb(a + b, k) * math.comb(c + d, a + c - k) * psi**k for k in values})
    out: dict[int, float] = {}
    for combination in itertools.product(*(law.items() for law in laws)):
        total = sum(k for k, _ in combination)
        out[total] = out.get(total, 0.0) + math.prod(p for _, p in combination)
    whole = sum(out.values())
    return {k: p / whole for k, p in out.items()}


@pytest.fixture(name="tables")
def made() -> ConditionalTables:
    return conditional_tables(*TABLES.T)


@pytest.mark.parametrize("psi", [0.01, 1.0, 3.7])
def test_the_law_is_that_of_all_combinations(tables: ConditionalTables, psi: float) -> None:
    wanted = enumerated(TABLES, psi)
    assert tables.support.tolist() == sorted(wanted)
    np.testing.assert_allclose(tables.law(math.log(psi)), [wanted[k] for k in sorted(wanted)], rtol=1e-12)
    assert tables.observed == TABLES[:, 0].sum()


def test_the_estimate_makes_the_observed_sum_the_expected_one(tables: ConditionalTables) -> None:
    law = enumerated(TABLES, tables.estimate())
    assert sum(k * p for k, p in law.items()) == pytest.approx(tables.observed, rel=ROOT)


def test_the_limits_leave_half_of_the_rest_in_either_tail(tables: ConditionalTables) -> None:
    low, high = tables.interval(0.9)
    above = sum(p for k, p in enumerated(TABLES, low).items() if k >= tables.observed)
    below = sum(p for k, p in enumerated(TABLES, high).items() if k <= tables.observed)
    assert [above, below] == pytest.approx([0.05, 0.05], rel=ROOT)


def test_the_p_value_adds_what_is_no_likelier(tables: ConditionalTables) -> None:
    law = enumerated(TABLES, 1.0)
    wanted = sum(p for p in law.values() if p <= law[tables.observed] * (1 + 1e-7))
    assert tables.p_value() == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize(("cells", "estimate", "low", "high"), [((5, 0, 2, 4), math.inf, None, math.inf),
                                                                 ((0, 5, 4, 2), 0.0, 0.0, None)])  # fmt: skip
def test_an_empty_cell_makes_the_estimate_zero_or_infinite(
    cells: tuple[int, ...], estimate: float, low: float | None, high: float | None
) -> None:
    tables = conditional_tables(*(np.array([cell]) for cell in cells))
    assert tables.estimate() == estimate
    found = tables.interval(0.95)
    wanted_low, wanted_high = found[0] if low is None else low, found[1] if high is None else high
    assert found == (wanted_low, wanted_high)
    assert found[0] < 1.0 or found[1] > 1.0
    assert 0.0 <= found[0] < found[1] <= math.inf


def test_large_tables_keep_their_precision() -> None:
    tables = conditional_tables(*(np.array([cell]) for cell in (4000, 3000, 3500, 3200)))
    assert tables.law(0.0).sum() == pytest.approx(1.0)
    assert tables.estimate() == pytest.approx(4000 * 3200 / (3000 * 3500), rel=1e-3)  # nearly the unconditional one
