"""What a gate asks for that the analyses of the study cannot answer, and thresholds that none of them is held to."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from equipoise.spec.contradictions import Said
from equipoise.spec.gate import GateRules, TrialGate
from equipoise.spec.parts import Parts
from equipoise.spec.study import Analysis
from equipoise.spec.trial_estimation import SEQUENTIAL
from equipoise.spec.values import shown

OF_FOLLOW_UP = ("balance", "alpha", "equipoise", "detectable_ratio", "negative_controls")


def gate_contradictions(parts: Parts, raw: Any) -> Iterator[Said]:
    """Every contradiction of `[gate]`, each of its keys once; `raw` is the study as plain values."""
    if not isinstance(raw, dict) or raw.get("gate") is None:
        return
    yield from _not_followed(parts)
    try:
        rules = GateRules.model_validate(raw["gate"])
    except ValidationError:
        return  # a fault of its own
    said: dict[Any, Said] = {}
    for analysis in _trials(parts):
        for fault in _of_trial(rules, analysis):
            said.setdefault(fault[0], fault)
    yield from said.values()
    if len(parts.analyses) == len(raw["analyses"]):
        yield from _nobody_held_to(parts, rules)


def _not_followed(parts: Parts) -> Iterator[Said]:
    for i, analysis in parts.analyses.items():
        if analysis.target_trial is None and analysis.follow_up is None:
            found = f"a design of kind {analysis.design.kind!r} in a study with a gate"
            remedy = "a gate seals arms that are followed; give this analysis a study file of its own"
            yield ("analyses", i, "design"), found, "designs of kind 'follow_up' or 'target_trial'", remedy


def _trials(parts: Parts) -> Iterator[Analysis]:
    """Target trials among the analyses, those that a sensitivity analysis changes included."""
    ids = [item.id for item in parts.analyses.values()] + [item.id for item in parts.sensitivity.values()]
    for analysis in map(parts.every_analysis, ids):
        if analysis is not None and analysis.target_trial is not None:
            yield analysis


def _of_trial(rules: GateRules, analysis: Analysis) -> Iterator[Said]:
    named = f"with analysis {analysis.id!r} of kind 'target_trial'"
    if rules.systematic_error is not None:
        found = f"systematic_error = {rules.systematic_error:g} {named}, through which no negative controls are run"
        remedy = "negative controls are run through designs of kind 'follow_up'; or give the trial a file of its own"
        yield ("gate", "systematic_error"), found, 'systematic_error = "none"', remedy
    if analysis.target_trial is not None and SEQUENTIAL in analysis.target_trial.estimation.methods:
        for key in ("positivity", "balance"):
            if getattr(rules.target_trials, key) is not None:
                found = f"{key} {named} and method {SEQUENTIAL!r}, which adjusts for time zero by regression"
                yield ("gate", "target_trials", key), found, f'{key} = "none"', "or use clone_censor_weight"


def _nobody_held_to(parts: Parts, rules: GateRules) -> Iterator[Said]:
    """Thresholds other than the default that would decide nothing, which whoever set them would not see."""
    designs = [analysis.design.kind for analysis in parts.analyses.values()]
    if "target_trial" not in designs and rules.target_trials != TrialGate():
        yield ("gate", "target_trials"), "thresholds in a study without a target trial", "a target trial", "remove them"
    if "follow_up" in designs or "target_trial" not in designs:
        return
    for key in OF_FOLLOW_UP:
        value = getattr(rules, key)
        if value is not None and value != GateRules.model_fields[key].default:
            found = f"{key} = {shown(value)} in a study whose analyses are target trials"
            same = key in TrialGate.model_fields
            remedy = f"write {key} below [gate.target_trials]" if same else "remove it"
            yield ("gate", key), found, "analyses of kind 'follow_up', which it is for", remedy
