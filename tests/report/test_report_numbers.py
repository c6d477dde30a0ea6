"""Numbers as a journal prints them."""

import pytest

from equipoise.report.numbers import (
    count_text,
    count_with_percent,
    decimal_text,
    interval_text,
    level_text,
    p_text,
    ratio_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.849, "1.85"),
        (12.345, "12.35"),
        (99.99, "99.99"),
        (345.6, "346"),
        (12345.6, "12,346"),
        (0.0042, "0.004"),
        (0.00001, "<0.0001"),
        (float("inf"), "∞"),
        (None, "–"),
    ],
)
def test_ratios(value, text) -> None:
    assert ratio_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "<0.001"),
        (0.0009, "<0.001"),
        (0.0493, "0.049"),
        (0.0997, "0.10"),
        (0.31, "0.31"),
        (1.0, ">0.99"),
        (None, "–"),
    ],
)
def test_p_values_are_never_zero_or_one(value, text) -> None:
    assert p_text(value) == text


def test_counts() -> None:
    assert count_text({"n": 12345, "n_suppressed": False}, "n") == "12,345"
    assert count_text({"n": None, "n_suppressed": True}, "n") == "hidden"
    assert count_text({"n": None, "n_suppressed": False}, "n") == "–"
    assert count_text({"n": 0, "n_suppressed": False}, "n") == "0"
    assert count_with_percent({"n": 12, "share": 4.567}, "n", "share") == "12 (4.6\u202f%)"


def test_minus_is_a_minus_and_zero_has_none() -> None:
    assert decimal_text(-0.034, 2) == "\u22120.03"
    assert decimal_text(-0.001, 2) == "0.00"


def test_intervals_and_levels() -> None:
    assert interval_text({"conf_low": 1.2, "conf_high": 2.853}) == "1.20 to 2.85"
    assert interval_text({"conf_low": None, "conf_high": 2.0}) == "–"
    assert level_text(0.95) == "95\u202f%"
    assert level_text(0.995) == "99.5\u202f%"
