"""The step that holds hazard ratios against what they assume: proportional hazards, and no confounder left out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from equipoise.analysis_set import AnalysisSet
from equipoise.bias.e_values import compute_e_value
from equipoise.data.source import Source
from equipoise.errors import UnsupportedError
from equipoise.estimators.cox_proportional_hazards import GLOBAL, assess_proportional_hazards
from equipoise.runner.arm_rows import read_asked
from equipoise.runner.artifact import Artifact
from equipoise.runner.estimate import OVERALL
from equipoise.runner.layers import ADJUSTED, CRUDE, Layer, Setting, adjusted, crude
from equipoise.runner.missing_values import complete_rows
from equipoise.runner.packing import unpack_analysis_set
from equipoise.spec.follow_up import Regression

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
COMMON = 0.15  # share with the outcome from which a hazard ratio is far from a risk ratio (VanderWeele, Ding 2017)


def hazard_checks(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the table hazard_checks, one for each hazard ratio of everybody in one comparison.

    The test of proportional hazards is made of the crude model, and of the one with covariates as terms.
    """
    people = unpack_analysis_set(inputs["analysis_set"])
    asked = read_asked(subset, people.columns[0].name)
    found = {row["adjustment"]: row for row in reversed(_hazard_ratios(inputs))}
    regression = Regression(kind="regression").kind == subset["adjustment"]["kind"]
    layers = dict(_layers(people, asked.setting, bool(subset["adjust_for"]) and regression))
    rows = [
        asked.protocol.key(subset["id"])
        | {"adjustment": label}
        | (proportionality(layers[label], asked.setting.arm) if label in layers else {})
        | e_values(row)
        for label, row in reversed(found.items())
    ]
    return Artifact({}, {"hazard_checks": rows})


def _hazard_ratios(inputs: Inputs) -> list[Row]:
    """The hazard ratios of everybody, in the order of the table of estimates."""
    rows = inputs["estimates"].values["estimates"]
    return [row for row in rows if row["measure"] == "hazard_ratio" and row["subgroup"] == OVERALL]


def _layers(people: AnalysisSet, setting: Setting, with_covariates: bool) -> Iterator[tuple[str, Layer]]:
    # The exact likelihood of ties has no such test; Efron's is next to it.
    setting = replace(setting, ties="efron") if setting.ties == "exact" else setting
    yield CRUDE, crude(people, setting)
    if with_covariates:
        yield ADJUSTED, adjusted(people.where(complete_rows(people)), setting)


def proportionality(layer: Layer, arm: str) -> Row:
    """Score tests of a hazard ratio that changes with time: of the arm, and of all terms. Empty without a model."""
    if layer.reason is not None or not (layer.rows.event == 1).any():
        return {}
    try:
        found = assess_proportional_hazards(layer.cox())
    except UnsupportedError:  # a separated term, or no event: there is no hazard ratio to test
        return {}
    tests = {row["term"]: row for row in found.tidy().to_dict("records")}
    row: Row = {}
    for prefix, term in (("arm", arm), ("all", GLOBAL)):
        if term in tests:
            test = tests[term]
            row |= {f"{prefix}_statistic": test["statistic"], f"{prefix}_p_value": test["p_value"]}
            row[f"{prefix}_df"] = test["df"]
    return row


def e_values(row: Row) -> Row:
    """E-values of a hazard ratio, in the form for a common outcome where it is one."""
    if row.get("estimate") is None or row.get("conf_low") is None or row.get("conf_high") is None:
        return {}
    rare = row["n_cases"] < COMMON * row["n_persons"]
    found = compute_e_value(
        row["estimate"], row["conf_low"], row["conf_high"], measure="hazard_ratio", rare_outcome=rare
    )
    return {"outcome": "rare" if rare else "common", "e_value": found.estimate, "e_value_limit": found.limit}
