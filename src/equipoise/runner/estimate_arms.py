"""The step that fits the models of a follow-up design: crude and adjusted, of everybody and in subgroups."""

from collections.abc import Iterator, Mapping
from typing import Any

from equipoise.analysis_set import AnalysisSet
from equipoise.data.source import Source
from equipoise.runner.adjusted_arms import AdjustedArms, adjust
from equipoise.runner.adjusted_pictures import adjusted_curve_rows, characteristic_rows, score_rows
from equipoise.runner.arm_rows import ArmRows, Asked, read_asked
from equipoise.runner.artifact import Artifact
from equipoise.runner.balance import adjustment_row, balance_rows
from equipoise.runner.bootstrap_arms import with_drawn_limits
from equipoise.runner.diagnose import diagnostic_rows
from equipoise.runner.estimate import OVERALL, Part, parts_of
from equipoise.runner.heterogeneity import heterogeneity_rows
from equipoise.runner.layers import Layer, Propensity, crude
from equipoise.runner.likelihood_profiles import profile_rows
from equipoise.runner.missing_values import Completed, asked_imputation, complete_rows, complete_sets, outcome_of_cohort
from equipoise.runner.packing import unpack_analysis_set
from equipoise.runner.pooled_rows import averaged
from equipoise.runner.scored import scored_of

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]


def estimates(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of estimates, heterogeneity, adjustment, balance, diagnostics and likelihood profiles."""
    people = unpack_analysis_set(inputs["analysis_set"])
    asked = read_asked(subset, people.columns[0].name, scored_of(inputs))
    completed = completed_of(people, subset)
    found: dict[str, list[Row]] = {"estimates": [], "adjustment": [], "balance": []}
    for part in parts_of(people):
        mine = people.where(part.rows)
        layer = crude(mine, asked.setting)
        made = adjust(mine, _where(completed, part), asked, part)
        crudely = ArmRows(asked, part, layer).rows()
        found["estimates"] += list(_by_kind(asked, [crudely, *([] if made is None else made.rows())]))
        if part.subgroup == OVERALL:
            found |= _described(mine, layer, made, asked)
        found.setdefault("likelihood_profiles", []).extend(profile_rows(asked, part, layer, made))
    found["estimates"] = with_drawn_limits(found["estimates"], inputs, asked)
    found["heterogeneity"] = heterogeneity_rows(found["estimates"])
    return Artifact({}, found)


def completed_of(people: AnalysisSet, subset: Mapping[str, Any]) -> Completed | None:
    """The completed data sets, where imputation is asked for and something is missing; else None."""
    asked = asked_imputation(subset)
    if asked is None or complete_rows(people).all():
        return None
    return complete_sets(people, asked, outcome_of_cohort(people), subset["seed"])


def _where(completed: Completed | None, part: Part) -> Completed | None:
    return None if completed is None else completed.where(part.rows)


def _by_kind(asked: Asked, layers: list[list[Row]]) -> Iterator[Row]:
    """The rows of every layer, kind of estimate by kind, as a reader compares them."""
    order = {measure: i for i, measure in enumerate(dict.fromkeys(row["measure"] for rows in layers for row in rows))}
    kinds = {measure: _family(measure) for measure in order}
    for family in dict.fromkeys(kinds.values()):
        for rows in layers:
            yield from (row for row in rows if kinds[row["measure"]] == family)


def _family(measure: str) -> str:
    """Measures that one estimator gives together."""
    return next((name for name in ("rmst", "risk", "rate") if measure.startswith(name)), measure)


def _described(people: AnalysisSet, layer: Layer, made: AdjustedArms | None, asked: Asked) -> dict[str, list[Row]]:
    """What a propensity score did, of everybody; over completed data sets, means."""
    key = asked.protocol.key(asked.subset["id"])
    found: dict[str, list[Row]] = {}
    scored = [] if made is None else [item for item in made.main if item.propensity is not None]
    if scored:
        named = key | {"adjustment": scored[0].layer.label}
        found["adjustment"] = [
            named | averaged([adjustment_row(people, item.layer, _score(item.propensity)) for item in scored])
        ]
        lists = [list(balance_rows(_score(item.propensity))) for item in scored]
        found["balance"] = [named | averaged(alike) for alike in zip(*lists, strict=True)]
        if len(scored) == 1:  # of several completed data sets there is no one curve
            days = asked.protocol.design.follow_up.clock_days
            found["scores"] = [named | row for row in score_rows(_score(scored[0].propensity))]
            rows = characteristic_rows(scored[0].layer, _score(scored[0].propensity))
            found["characteristics_adjusted"] = [named | row for row in rows]
            found["adjusted_curves"] = [named | row for row in adjusted_curve_rows(scored[0].layer, days)]
    if "gate" in asked.subset:
        last = layer if made is None or not made.main else made.main[0].layer
        rows = diagnostic_rows(last.rows, scored[0].propensity if scored else None, asked.subset["gate"])
        found["diagnostics"] = [key | row for row in rows]
    return found


def _score(propensity: Propensity | None) -> Propensity:
    assert propensity is not None
    return propensity
