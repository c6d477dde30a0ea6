"""Steps that make the rows of the table `negative_controls`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from equipoise.analysis_set import AnalysisSet
from equipoise.bias.synthetic_outcomes import inject_outcomes
from equipoise.data.source import Source
from equipoise.design.arms import TARGET
from equipoise.design.follow_up import Followed, follow
from equipoise.runner.arm_rows import ArmRows, Asked, read_asked
from equipoise.runner.artifact import Artifact
from equipoise.runner.estimate import OVERALL, Part
from equipoise.runner.follow_up import first_or_all, followed_persons
from equipoise.runner.follow_up_protocol import contrast_of
from equipoise.runner.layers import Layer, adjusted, crude, layer_by_propensity
from equipoise.runner.missing_values import complete_rows
from equipoise.runner.packing import unpack_analysis_set, unpack_people
from equipoise.runner.scored import scored_of
from equipoise.spec.follow_up import Adjustment, FollowUpOutcome, PropensityScore

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
ADJUSTMENT: TypeAdapter[Any] = TypeAdapter(Adjustment)
SAME = ("comparison", "exposure", "window", "reading", "target_level", "adjustment", "measure")
NUMBERS = ("estimate", "conf_low", "conf_high", "p_value", "log_estimate", "std_error", "reason")
RATIOS = ("odds_ratio", "hazard_ratio")


def gathered(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Estimates of an analysis that was run with a control, under the id of the analysis that it judges."""
    rows = [
        control_row(row, subset["id"], subset["kind"], subset["control"] or row["exposure"])
        for made in inputs.values()
        for row in made.values["estimates"]
        if row["measure"] in RATIOS and row["subgroup"] == OVERALL and _asked_for(row, subset["windows"])
    ]
    return Artifact({}, {"negative_controls": rows})


def _asked_for(row: Mapping[str, Any], windows: list[str]) -> bool:
    """Whether it is of a window of the study; levels beside them, such as prevalent use, have no null of their own."""
    return row["reading"] is None or row["window"] in windows


def outcomes(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Hazard ratios of every control outcome among the persons of one comparison, crude and adjusted.

    Persons, arms, time zero, covariates and adjustment are those of the comparison; whoever had the control outcome up
    to time zero is left out, and follow-up ends at it in place of the outcome.
    """
    people = unpack_analysis_set(inputs["analysis_set"])
    asked = read_asked(subset, people.columns[0].name, scored_of(inputs))
    negative: list[Row] = []
    positive: list[Row] = []
    for name, mine in _by_control(inputs, asked, people):
        found = list(_hazard_ratios(mine, asked))
        negative += [control_row(row, subset["id"], "outcome", name) for row in found]
        for effect in subset["synthetic_effects"]:
            positive += _with_effect(mine, asked, name, effect, found)
    return Artifact({}, {"negative_controls": negative, "positive_controls": positive})


def _hazard_ratios(people: AnalysisSet, asked: Asked) -> Iterator[Row]:
    for layer in _layers(people, asked):
        yield from ArmRows(asked, _everybody(people), layer).rows(["cox"])


def _with_effect(people: AnalysisSet, asked: Asked, name: str, effect: float, negative: list[Row]) -> Iterator[Row]:
    """Rows of the positive control made of a control outcome: its estimates, or why there are none."""
    assert people.arm is not None
    covariates = [at for at, column in enumerate(people.columns) if column.role == "covariate"]
    made = inject_outcomes(
        people.start,
        people.stop,
        people.event,
        people.arm == TARGET,
        effect,
        covariates=people.x[:, covariates] if covariates else None,
        seed=asked.setting.seed,
        draws_for=name,
    )
    control = {"analysis": asked.subset["id"], "control": name, "effect": effect}
    if made.reason is not None:
        absent: Row = dict.fromkeys(NUMBERS) | {"injected": None, "reason": str(made.reason)}
        yield from (control | {key: row[key] for key in SAME} | absent for row in negative)
        return
    changed = replace(people, stop=made.stop.astype(np.int32), event=made.event.astype(np.int8))
    for row in _hazard_ratios(changed, asked):
        same = {key: row[key] for key in SAME} | {key: row.get(key) for key in NUMBERS}
        yield control | {"injected": made.ratio} | same


def control_row(row: Mapping[str, Any], analysis: str, kind: str, control: str) -> Row:
    """A row of estimates as one of negative controls."""
    made = {"analysis": analysis, "kind": kind, "control": control} | {name: row[name] for name in SAME}
    counts: Row = {name: row[name] for name in ("n_cases", "n_exposed_cases")}
    counts["n_unexposed_cases"] = counts["n_cases"] - counts["n_exposed_cases"]
    return made | counts | {name: row.get(name) for name in NUMBERS}


def _by_control(inputs: Inputs, asked: Asked, people: AnalysisSet) -> Iterator[tuple[str, AnalysisSet]]:
    """The rows of the comparison, followed to each control outcome; persons and arms are found once."""
    protocol, everyone = asked.protocol, unpack_people(inputs["people"])
    main = followed_persons(inputs, protocol, everyone)
    contrast = contrast_of(protocol, inputs["records"], everyone)
    labels = {**protocol.labels, **asked.subset["controls"]}
    for name in asked.subset["controls"]:
        outcome = FollowUpOutcome(any_of=(name,), competing=protocol.design.outcome.competing)
        design = protocol.design.model_copy(update={"outcome": outcome})
        records = first_or_all(inputs, (name, *protocol.labels), everyone)
        yield name, _rows_of(people, main, follow(everyone, main.arms, contrast, records, design, labels))


def _rows_of(people: AnalysisSet, main: Followed, other: Followed) -> AnalysisSet:
    """The rows of persons still at risk, with another outcome; both are in the order of the persons' codes."""
    keep = np.isin(main.arms.person, other.arms.person)
    return replace(people.where(keep), event=other.event, stop=other.stop)


def _layers(people: AnalysisSet, asked: Asked) -> Iterable[Layer]:
    yield crude(people, asked.setting)
    given = ADJUSTMENT.validate_python(asked.subset["adjustment"])
    if isinstance(given, PropensityScore):
        yield layer_by_propensity(people.where(complete_rows(people)), given, asked.setting)
    elif asked.subset["adjust_for"]:
        yield adjusted(people.where(complete_rows(people)), asked.setting)


def _everybody(people: AnalysisSet) -> Part:
    return Part(OVERALL, OVERALL, np.ones(len(people), dtype=bool))
