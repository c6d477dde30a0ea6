"""fit_mantel_haenszel: formulas written out, identities, sparse and empty tables, bad input."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise import DesignError, Reason, UnsupportedError, fit_conditional_logistic, fit_logistic, fit_mantel_haenszel
from equipoise.estimators.mantel_haenszel import MEASURES, MantelHaenszel

# exposed cases, exposed others, unexposed cases, unexposed others
TABLES = np.array([[12.0, 30, 5, 41], [20, 22, 9, 33], [7, 61, 6, 70]])


def rows(tables: np.ndarray) -> pd.DataFrame:
    """Cells as rows with their number of persons."""
    k = len(tables)
    cells = {"stratum": np.repeat(np.arange(k), 4), "exposed": [1, 1, 0, 0] * k, "case": [1, 0, 1, 0] * k}
    return pd.DataFrame(cells | {"n": tables.ravel()})


def fitted(tables: np.ndarray = TABLES, **options: Any) -> MantelHaenszel:
    roles = {"outcome": "case", "exposure": "exposed", "strata": "stratum", "weights": "n"}
    return fit_mantel_haenszel(rows(tables), **(roles | options))


def rates(tables: np.ndarray = TABLES, **options: Any) -> MantelHaenszel:
    """The same with the others read as person-time."""
    k = len(tables)
    data = {
        "stratum": np.repeat(np.arange(k), 2),
        "exposed": [1, 0] * k,
        "d": tables[:, [0, 2]].ravel(),
        "t": tables[:, [1, 3]].ravel(),
    }
    return fit_mantel_haenszel(
        data,
        outcome="d",
        exposure="exposed",
        strata="stratum",
        person_time="t",
        **({"measure": "rate_ratio"} | options),
    )


def test_the_estimators_written_out() -> None:
    a, b, c, d = TABLES.T
    n = TABLES.sum(axis=1)
    m1, m0 = a + b, c + d
    wanted = {
        "odds_ratio": (a * d / n).sum() / (b * c / n).sum(),
        "risk_ratio": (a * m0 / n).sum() / (c * m1 / n).sum(),
        "risk_difference": ((a * m0 - c * m1) / n).sum() / (m1 * m0 / n).sum(),
    }
    for measure, value in wanted.items():
        assert fitted(measure=measure).estimate.estimate == pytest.approx(value)
    t = b + d
    assert rates().estimate.estimate == pytest.approx((a * d / t).sum() / (c * b / t).sum())
    difference = rates(measure="rate_difference").estimate.estimate
    assert difference == pytest.approx(((a * d - c * b) / t).sum() / (b * d / t).sum())


def test_one_table_gives_the_crude_measures_with_their_usual_errors() -> None:
    a, b, c, d = TABLES[0]
    one = TABLES[:1]
    assert fitted(one).estimate.std_error == pytest.approx(math.sqrt(1 / a + 1 / b + 1 / c + 1 / d))
    risk = fitted(one, measure="risk_ratio").estimate
    assert risk.estimate == pytest.approx((a / (a + b)) / (c / (c + d)))
    assert risk.std_error == pytest.approx(math.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)))
    assert rates(one).estimate.std_error == pytest.approx(math.sqrt(1 / a + 1 / c))
    difference = fitted(one, measure="risk_difference").estimate
    p1, p0 = a / (a + b), c / (c + d)
    assert difference.std_error == pytest.approx(math.sqrt(p1 * (1 - p1) / (a + b) + p0 * (1 - p0) / (c + d)))
    per_time = rates(one, measure="rate_difference").estimate
    assert per_time.std_error == pytest.approx(math.sqrt(a / b**2 + c / d**2))


def test_strata_alike_give_the_crude_ratio_and_strata_without_contrast_add_nothing() -> None:
    crude = fitted(TABLES[:1] * 3)
    assert fitted(np.repeat(TABLES[:1], 3, axis=0)).estimate.estimate == pytest.approx(crude.estimate.estimate)
    idle = np.vstack([TABLES, [[4, 9, 0, 0], [0, 0, 3, 3]]])
    with_idle = fitted(idle)
    assert with_idle.estimate == fitted().estimate
    assert with_idle.statistic == pytest.approx(fitted().statistic)
    assert (with_idle.strata, with_idle.informative_strata) == (5, 3)


def test_turning_the_exposure_round_turns_the_ratio_round() -> None:
    turned = TABLES[:, [2, 3, 0, 1]]
    for method in ("mantel-haenszel", "exact"):
        one, other = fitted(method=method).estimate, fitted(turned, method=method).estimate
        assert other.estimate == pytest.approx(1 / one.estimate, rel=1e-8)
        assert [1 / other.conf_high, 1 / other.conf_low] == pytest.approx([one.conf_low, one.conf_high], rel=1e-8)


def test_without_continuity_one_table_is_pearsons_test_but_for_one_person() -> None:
    a, b, c, d = TABLES[0]
    n = a + b + c + d
    pearson = n * (a * d - b * c) ** 2 / ((a + b) * (c + d) * (a + c) * (b + d))
    assert fitted(TABLES[:1], continuity=False).statistic == pytest.approx(pearson * (n - 1) / n)
    assert fitted(TABLES[:1]).statistic < pearson


def test_the_score_test_of_conditional_logistic_regression_is_that_of_mantel_and_haenszel() -> None:
    persons = rows(TABLES).pipe(lambda d: d.loc[d.index.repeat(d["n"].astype(int))])
    fit = fit_conditional_logistic(persons, case="case", matched_set="stratum", covariates=["exposed"])
    assert fitted(continuity=False).statistic == pytest.approx(fit.score_statistic)
    assert fitted(method="exact").estimate.estimate == pytest.approx(math.exp(fit.coefficients[0]), rel=1e-7)


def test_the_crude_odds_ratio_is_that_of_logistic_regression() -> None:
    frame = rows(TABLES)
    fit = fit_logistic(frame, outcome="case", covariates=["exposed"], weights="n")
    crude = fitted(strata=None).estimate
    assert crude.estimate == pytest.approx(math.exp(fit.coefficients[1]))
    assert crude.std_error == pytest.approx(fit.std_errors[1], rel=1e-7)


@pytest.mark.parametrize("method", ["mantel-haenszel", "exact"])
@pytest.mark.parametrize(
    ("table", "reason", "estimate"),
    [
        ([[5, 0, 2, 4]], Reason.SEPARATION, math.inf),
        ([[0, 5, 4, 2]], Reason.SEPARATION, 0.0),
        ([[0, 5, 0, 6]], Reason.NO_EVENTS, math.nan),
        ([[3, 5, 0, 0]], Reason.ONE_ARM_EMPTY, math.nan),
    ],
)
def test_empty_cells(method: str, table: list[list[float]], reason: Reason, estimate: float) -> None:
    row = fitted(np.array(table, float), method=method).estimate
    assert row.reason is reason
    assert row.estimate == pytest.approx(estimate, nan_ok=True)
    assert math.isnan(row.std_error)


def test_tidy_is_one_row() -> None:
    frame = fitted().tidy()
    assert frame["measure"].tolist() == ["odds ratio"]
    assert frame["p_value"].iloc[0] == pytest.approx(fitted().p_value)


def test_what_is_not_offered_is_refused() -> None:
    for options in ({"measure": "hazard_ratio"}, {"method": "exact", "measure": "risk_ratio"}, {"method": "woolf"}):
        with pytest.raises(UnsupportedError):
            fitted(**options)
    with pytest.raises(DesignError, match="person_time"):
        fitted(measure="rate_ratio")
    with pytest.raises(DesignError, match="person_time"):
        fitted(person_time="n")
    with pytest.raises(DesignError, match="not whole"):
        fitted(TABLES + 0.5)
    assert len(MEASURES) == 5
