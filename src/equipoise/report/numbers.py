"""Numbers as a journal prints them."""

from collections.abc import Mapping
from math import isinf
from typing import Any

ABSENT = "–"
HIDDEN = "hidden"
THIN = "\u202f"  # narrow no-break space, between a number and its percent sign
INFINITE = 1e9  # a limit beyond this is not a number anyone should read


def count_text(row: Mapping[str, Any], column: str) -> str:
    """A count with thousands separated; `hidden` where it is suppressed, a dash where there is none."""
    if row.get(f"{column}_suppressed"):
        return HIDDEN
    return ABSENT if row.get(column) is None else f"{row[column]:,}"


def count_with_percent(row: Mapping[str, Any], column: str, percent: str) -> str:
    """`123 (4.5 %)`."""
    text = count_text(row, column)
    return text if row.get(percent) is None else f"{text} ({row[percent]:.1f}{THIN}%)"


def decimal_text(value: float | None, places: int = 1) -> str:
    """A number with fixed places and a true minus sign; a dash for None."""
    if value is None:
        return ABSENT
    text = f"{value:,.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", "\u2212")


def ratio_text(value: float | None) -> str:
    """A ratio: two places, none from 100 on, one significant figure below 0.01.

    >>> ratio_text(1.849), ratio_text(345.6), ratio_text(0.0042)
    ('1.85', '346', '0.004')
    """
    if value is None:
        return ABSENT
    if isinf(value) or value > INFINITE:
        return "∞"
    if value >= 99.995:
        return f"{value:,.0f}"
    if 0 < value < 0.01:
        return "<0.0001" if value < 0.0001 else f"{value:.1g}"
    return f"{value:.2f}"


def interval_text(row: Mapping[str, Any]) -> str:
    """`1.20 to 2.85`."""
    if row["conf_low"] is None or row["conf_high"] is None:
        return ABSENT
    return f"{ratio_text(row['conf_low'])} to {ratio_text(row['conf_high'])}"


def breakable(text: str) -> str:
    """An estimate with its interval that breaks before the bracket and nowhere else, for narrow columns."""
    return text.replace(" ", "\u00a0").replace("\u00a0(", " (", 1)


def p_text(value: float | None) -> str:
    """Three places below 0.1, else two; never 0 or 1.

    >>> p_text(0.0002), p_text(0.0493), p_text(0.31), p_text(0.999)
    ('<0.001', '0.049', '0.31', '>0.99')
    """
    if value is None:
        return ABSENT
    if value < 0.001:
        return "<0.001"
    if value > 0.99:
        return ">0.99"
    return f"{value:.3f}" if value < 0.0995 else f"{value:.2f}"


def level_text(conf_level: float) -> str:
    """`95 %`, `99.5 %`."""
    return f"{100 * conf_level:g}{THIN}%"
