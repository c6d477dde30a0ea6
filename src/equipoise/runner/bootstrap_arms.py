"""Bootstrap limits of risks and restricted means of follow-up arms: draws of persons, in steps that can be resumed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.data.source import Source
from equipoise.errors import DesignError, Reason
from equipoise.estimators.tails import two_sided_p
from equipoise.kernels.philox import uniforms
from equipoise.runner.adjusted_arms import ADJUSTMENT, fit_adjusted
from equipoise.runner.arm_rows import ArmRows, Asked, read_asked
from equipoise.runner.artifact import Artifact
from equipoise.runner.estimate import OVERALL, Part
from equipoise.runner.layers import crude
from equipoise.runner.missing_values import complete_rows
from equipoise.runner.packing import unpack_analysis_set
from equipoise.runner.pooled_rows import NUMBERS
from equipoise.runner.step import STEPS
from equipoise.spec.follow_up import PropensityScore

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
DRAWN = ("survival", "rmst")
STREAM = 23  # of random numbers, apart from those of sampling
ROLE = "bootstrap"
ENOUGH = 0.95  # share of draws that must have a number


def bootstrap(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Estimates of one part of the draws, float64 (draws, rows), NaN where a draw has none; keys of the rows."""
    people = unpack_analysis_set(inputs["analysis_set"])
    asked = read_asked(subset, people.columns[0].name)
    first, last = draws_of(subset["part"], asked)
    keys = [_key(row) for row in drawn_rows(people, asked)]
    drawn = [_numbers(drawn_persons(people, subset["seed"], draw), asked, keys) for draw in range(first, last)]
    return Artifact(
        {"estimate": np.array(drawn).reshape(last - first, len(keys))}, {"keys": [list(key) for key in keys]}
    )


def with_drawn_limits(rows: list[Row], inputs: Inputs, asked: Asked) -> list[Row]:
    """The rows, those that were drawn with standard errors, limits and p-values of the draws.

    Limits are percentiles. A number that fewer than 95 % of the draws have is withheld with a reason.
    """
    parts = [inputs[role] for role in inputs if role.startswith(ROLE)]
    if not parts:
        return rows
    draws = np.vstack([made["estimate"] for made in parts])
    at = {tuple(key): i for i, key in enumerate(parts[0].values["keys"])}
    return [
        _limited(row, draws[:, at[_key(row)]], asked.setting.conf_level)
        if row["subgroup"] == OVERALL and _key(row) in at
        else row
        for row in rows
    ]


def _limited(row: Row, draws: np.ndarray, conf_level: float) -> Row:
    if row["reason"] is not None:
        return row
    known = draws[np.isfinite(draws)]
    made = row | {"model": f"{row['model']}; limits of {len(draws):,} bootstrap draws"}
    if len(known) < ENOUGH * len(draws):
        return made | dict.fromkeys(NUMBERS) | {"reason": Reason.NOT_IDENTIFIED}
    tail = (1.0 - conf_level) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    ratio = row.get("log_estimate") is not None
    error = float(np.std(np.log(known[known > 0.0]) if ratio else known, ddof=1))
    made |= {"conf_low": float(low), "conf_high": float(high), "std_error": error}
    if row.get("p_value") is not None:
        value = row["log_estimate"] if ratio else row["estimate"]
        made["p_value"] = two_sided_p(value / error) if error > 0.0 else None
    return made


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("adjustment", "measure", "time_point_days", "term"))


def draws_of(part: int, asked: Asked) -> tuple[int, int]:
    """The first draw of a part, and the one after its last."""
    assert asked.estimator.bootstrap is not None
    n = asked.estimator.bootstrap.replicates
    return part * n // STEPS, (part + 1) * n // STEPS


def drawn_persons(people: AnalysisSet, seed: int, draw: int) -> AnalysisSet:
    """As many persons, drawn with replacement; each draw of a person is a person of its own."""
    n = len(people)
    at = np.sort((uniforms(seed, STREAM, np.arange(n), draw) * n).astype(np.int64))
    return replace(people.where(at), person=np.arange(n, dtype=np.int64))


def drawn_rows(people: AnalysisSet, asked: Asked) -> list[Row]:
    """The rows whose limits are drawn: crude ones, then those with a propensity score, of the complete cases."""
    part = Part(OVERALL, OVERALL, np.ones(len(people), dtype=bool))
    kinds = [kind for kind in asked.estimator.kinds if kind in DRAWN]
    rows = ArmRows(asked, part, crude(people, asked.setting)).rows(kinds)
    given = ADJUSTMENT.validate_python(asked.subset["adjustment"])
    if isinstance(given, PropensityScore):
        layer = fit_adjusted(people.where(complete_rows(people)), given, asked, part).layer
        rows += ArmRows(asked, part, layer).rows(kinds)
    return rows


def _numbers(people: AnalysisSet, asked: Asked, keys: list[tuple[Any, ...]]) -> list[float]:
    """The estimates of one draw in the order of the keys; NaN where it has none, or cannot be analysed."""
    try:
        found = {_key(row): row.get("estimate") for row in drawn_rows(people, asked)}
    except DesignError:
        found = {}
    values = (found.get(key) for key in keys)
    return [np.nan if value is None else float(value) for value in values]
