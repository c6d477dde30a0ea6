"""The step that repeats an analysis over lags, and counts who began use when: reverse causation against effect."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.cohort.covariates import IndexRows
from equipoise.data.source import Source
from equipoise.design.dispensings import UseOfRows
from equipoise.design.nested_case_control import members
from equipoise.runner.artifact import Artifact
from equipoise.runner.assembly import uses, visible_days
from equipoise.runner.estimate import OVERALL, Model, Part, adjustments, estimate_row, observable_rows
from equipoise.runner.packing import unpack_analysis_set, unpack_people, unpack_sets
from equipoise.runner.protocol import read_protocol
from equipoise.spec.windows import Window

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
SHOWN = (
    "analysis", "comparison", "exposure", "outcome", "adjustment", "estimate", "conf_low", "conf_high", "p_value",
    "log_estimate", "std_error", "n_sets", "n_cases", "n_exposed_cases", "n_exposed_controls", "reason",
)  # fmt: skip
DAYS_IN_A_YEAR = 365.25


def lag_scan(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the tables lag_scan and initiation_rates."""
    protocol = read_protocol(subset)
    scan = protocol.design.lag_scan
    assert scan is not None
    people, sets = unpack_people(inputs["people"]), members(unpack_sets(inputs["matched_sets"]))
    assembled = unpack_analysis_set(inputs["analysis_set"])
    windows = {str(lag): Window(days_before=(lag, float("inf"))) for lag in scan.lags}
    rows = IndexRows(sets.person, sets.index_day)
    visible_from = visible_days(people, sets, protocol)
    used = uses(inputs["records"], replace(protocol, windows=windows), people, rows, visible_from)
    seen = rows.day.astype(np.int64) - visible_from
    key = {"analysis": subset["id"], "comparison": protocol.comparison}
    rates = [
        key | row for use in used for row in initiation_rates(use, sets.is_case, seen, scan.stretches, protocol.design)
    ]
    made = [row for use in used for row in _over_lags(assembled, use, seen, scan.lags, subset)]
    return Artifact({}, {"lag_scan": made, "initiation_rates": rates})


def _over_lags(
    people: AnalysisSet, use: UseOfRows, seen: np.ndarray, lags: tuple[int, ...], subset: Any
) -> Iterator[Row]:
    """Any use up to each lag, on the sets observable then, and on those observable at every lag."""
    name, covariates = list(adjustments(people, subset).items())[-1]
    fixed = observable_rows(people, seen > lags[-1])
    for position, lag in enumerate(lags):
        exposed = use.counted.days[:, position] >= use.min_dispensings
        column = _column(use, lag)
        with_use = replace(
            people, x=np.column_stack([people.x, exposed.astype(np.float64)]), columns=(*people.columns, column)
        )
        for population, rows in (("observable", observable_rows(people, seen > lag)), ("fixed", fixed)):
            part = Part(OVERALL, OVERALL, np.ones(len(people), dtype=bool))
            made = estimate_row(with_use, Model(rows, (column,), column), part, name, covariates, subset)
            controls = made["n_persons"] - made["n_cases"]
            own = {"lag_days": lag, "population": population, "n_controls": controls}
            yield {key: made.get(key) for key in SHOWN} | own


def _column(use: UseOfRows, lag: int) -> Column:
    tags = {"exposure": use.exposure, "reading": "any_use", "factor": str(lag), "level": str(lag)}
    words = {"target": f"used more than {lag} days before", "reference": f"not used more than {lag} days before"}
    return Column(f"lag scan | {use.exposure}", "exposure", tuple((tags | words).items()))


def initiation_rates(
    use: UseOfRows, is_case: np.ndarray, seen: np.ndarray, lags: tuple[int, ...], design: Any
) -> Iterator[Row]:
    """How often cases and controls began use between one lag and the next.

    At risk are persons whose use could be seen, after the run-in, over the whole stretch, and who had none before it.
    """
    before = use.before(-1)
    began = np.where(before.n_recorded > 0, use.index_day.astype(np.int64) - before.first_day, -1)
    new = ~before.early
    for near, far in pairwise(lags):
        at_risk = new & (seen - design.run_in_days >= far) & (began <= far)
        begins = at_risk & (began > near)
        days = np.where(begins, far - began + 1, far - near)
        for who, group in (("cases", is_case), ("controls", ~is_case)):
            yield _rate(use.exposure, who, near, far, begins[group], days[at_risk & group], at_risk[group])


def _rate(exposure: str, who: str, near: int, far: int, begins: np.ndarray, days: np.ndarray, at_risk: Any) -> Row:
    years = float(days.sum()) / DAYS_IN_A_YEAR
    n = int(begins.sum())
    return {
        "exposure": exposure,
        "who": who,
        "from_day": -far,
        "to_day": -near - 1,
        "n_at_risk": int(at_risk.sum()),
        "n_initiating": n,
        "person_years": years,
        "rate": 1000 * n / years if years else None,
    }
