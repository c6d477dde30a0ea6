"""Table 1 of two groups: mean and median of numeric characteristics, counts and percent of the levels of others."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from equipoise.cohort.covariates import CovariateValues
from equipoise.diagnostics.balance import standardized_categorical_difference, standardized_mean_difference

Row = dict[str, Any]
MISSING = "missing"


def characteristic_rows(
    groups: tuple[str, str], first: np.ndarray, variables: Iterable[CovariateValues]
) -> Iterator[Row]:
    """Rows with columns named after the two groups, such as `n_cases`; `first` (bool) marks the first group's rows."""
    for variable in variables:
        known = ~variable.missing
        values = (variable.values[first & known], variable.values[~first & known])
        missing = (int((first & ~known).sum()), int((~first & ~known).sum()))
        if variable.numeric:
            yield from _numeric_rows(variable, groups, values, missing)
        else:
            yield from _level_rows(variable, groups, values, missing)


def percent(part: int, whole: int) -> float | None:
    """Of a hundred; None of nothing."""
    return 100 * part / whole if whole else None


def _numeric_rows(
    variable: CovariateValues,
    groups: tuple[str, str],
    values: tuple[np.ndarray, np.ndarray],
    missing: tuple[int, int],
) -> Iterator[Row]:
    means: Row = {
        "statistic": "mean",
        "standardized_difference": standardized_mean_difference(*values),
    }
    medians: Row = {"statistic": "median"}
    for who, numbers, absent in zip(groups, values, missing, strict=True):
        shared = {"variable": variable.label, "level": None, f"n_{who}": len(numbers), f"n_{who}_missing": absent}
        means |= shared | {
            f"value_{who}": _or_none(np.mean, numbers, 1),
            f"spread_{who}": _or_none(lambda sample: np.std(sample, ddof=1), numbers, 2),
        }
        medians |= shared | {
            f"value_{who}": _or_none(np.median, numbers, 1),
            f"spread_{who}": _or_none(_interquartile_range, numbers, 1),
        }
    yield means
    yield medians


def _interquartile_range(values: np.ndarray) -> float:
    return float(np.subtract(*np.quantile(values, [0.75, 0.25])))


def _or_none(statistic: Callable[[np.ndarray], Any], values: np.ndarray, at_least: int) -> float | None:
    return float(statistic(values)) if len(values) >= at_least else None


def _level_rows(
    variable: CovariateValues,
    groups: tuple[str, str],
    values: tuple[np.ndarray, np.ndarray],
    missing: tuple[int, int],
) -> Iterator[Row]:
    difference = standardized_categorical_difference(*values, len(variable.levels))
    for code, level in enumerate(variable.levels):
        row: Row = {"variable": variable.label, "level": level, "statistic": "count"}
        for who, codes, absent in zip(groups, values, missing, strict=True):
            n = int((codes == code).sum())
            row |= {f"n_{who}": n, f"value_{who}": percent(n, len(codes) + absent)}
        yield row | {"standardized_difference": difference}
    if any(missing):
        row = {"variable": variable.label, "level": MISSING, "statistic": "count"}
        for who, codes, absent in zip(groups, values, missing, strict=True):
            row |= {f"n_{who}": absent, f"value_{who}": percent(absent, len(codes) + absent)}
        yield row
