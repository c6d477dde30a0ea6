"""What a Fit says, in every form: table, one line, text."""

from math import exp, nan

import numpy as np
import pandas as pd
import pytest

from equipoise import DesignError, Reason, UnsupportedError
from equipoise.estimators.fit import Convergence, Fit

Z = 1.959963984540054  # the 97.5 % point of the normal law


def made(**changes: object) -> Fit:
    values = {
        "model": "A model",
        "measure": "log odds ratio",
        "direction": "of an event: one unit more",
        "terms": ("a", "b", "c"),
        "coefficients": np.array([0.5, -2.0, nan]),
        "covariance": np.array([[0.04, 0.01, nan], [0.01, 0.25, nan], [nan, nan, nan]]),
        "reasons": (None, None, Reason.COLLINEAR),
        "log_likelihood": -40.0,
        "log_likelihood_null": -50.0,
        "rank": 2,
        "rows": 1234,
        "events": 56,
        "convergence": Convergence(True, 5, 1e-9),
        "aliases": {"c": ("a", "b")},
    }
    return Fit(**(values | changes))


def test_tidy_is_on_the_linear_scale() -> None:
    table = made().tidy()
    assert list(table.columns) == ["term", "estimate", "std_error", "conf_low", "conf_high", "p_value", "reason"]
    first = table.iloc[0]
    assert first["estimate"] == 0.5
    assert first["std_error"] == pytest.approx(0.2)
    assert (first["conf_low"], first["conf_high"]) == (pytest.approx(0.5 - Z * 0.2), pytest.approx(0.5 + Z * 0.2))
    assert first["p_value"] == pytest.approx(0.012419330651552, rel=1e-12)  # 2 (1 - Phi(2.5))
    assert table["reason"].tolist() == [None, None, "COLLINEAR"]
    assert table.iloc[2][["estimate", "std_error", "conf_low", "conf_high", "p_value"]].isna().all()


def test_tidy_as_ratios_keeps_the_error_of_the_logarithm() -> None:
    row = made().tidy(exponentiate=True, conf_level=0.9).iloc[1]
    assert row["estimate"] == pytest.approx(exp(-2.0))
    assert row["std_error"] == 0.5
    assert row["conf_high"] == pytest.approx(exp(-2.0 + 1.6448536269514722 * 0.5))


def test_an_estimate_states_its_scale() -> None:
    assert made().estimate("a").measure == "log odds ratio"
    assert made().estimate("a", exponentiate=True).measure == "odds ratio"
    assert made().estimate("c").reason is Reason.COLLINEAR
    with pytest.raises(UnsupportedError, match="the scale is risk difference"):
        made(measure="risk difference").tidy(exponentiate=True)
    with pytest.raises(DesignError, match="not in the model"):
        made().estimate("d")


def test_huge_estimates_exponentiate_to_infinity() -> None:
    assert made(coefficients=np.array([800.0, 0, 0])).estimate("a", exponentiate=True).estimate == np.inf


def test_glance_tests_all_terms_at_once() -> None:
    row = made(score_statistic=18.0, strata=9, informative_strata=8).glance().iloc[0]
    assert row["statistic_ratio"] == 20.0
    assert row["p_value_ratio"] == pytest.approx(exp(-10.0))  # chi-squared, two degrees of freedom
    assert row["p_value_score"] == pytest.approx(exp(-9.0))
    beta, v = np.array([0.5, -2.0]), np.array([[0.04, 0.01], [0.01, 0.25]])
    assert row["statistic_wald"] == pytest.approx(beta @ np.linalg.inv(v) @ beta)
    assert row["aic"] == 84.0
    assert (row["strata"], row["informative_strata"]) == (9, 8)
    assert "persons" not in row.index


def test_text_fits_a_screen_and_says_what_is_compared() -> None:
    text = repr(made(strata=9, informative_strata=8, persons=700))
    assert "1,234 rows, 700 persons, 56 events, 8 of 9 strata informative" in text
    assert "log odds ratio of an event: one unit more" in text
    assert "c     COLLINEAR" in text
    assert "(a, b)" in text
    assert "converged after 5 iterations" in text
    long = made(
        terms=tuple(f"t{k}" for k in range(300)),
        coefficients=np.zeros(300),
        covariance=np.eye(300),
        reasons=(None,) * 300,
    )
    assert "… and 260 more terms" in repr(long)
    assert repr(long).count("\n") < 50


def test_a_fit_is_frozen_and_profiles_only_a_likelihood() -> None:
    fit = made()
    with pytest.raises(AttributeError):
        fit.rows = 3
    with pytest.raises(UnsupportedError, match="no likelihood to profile"):
        fit.tidy(interval="profile")
    with pytest.raises(UnsupportedError, match="wald, profile"):
        fit.tidy(interval="bootstrap")
    with pytest.raises(DesignError, match="conf_level"):
        fit.tidy(conf_level=1.0)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_tables_come_in_the_kind_asked_for(kind: str) -> None:
    fit = made(frame_kind=kind)
    for table in (fit.tidy(), fit.glance()):
        assert type(table).__module__.split(".")[0] == kind
    everything = made(frame_kind=kind, reasons=(None,) * 3).tidy()
    assert everything["reason"].to_numpy().tolist() == [None] * 3


def test_estimates_match_the_table() -> None:
    fit = made()
    rows = pd.DataFrame([fit.estimate(term).__class__.__slots__ for term in fit.terms])
    assert rows.shape == (3, 8)
    assert [fit.estimate(term).conf_low for term in ("a", "b")] == fit.tidy()["conf_low"].tolist()[:2]
