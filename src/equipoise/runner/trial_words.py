"""The protocol of a target trial in words, element by element, beside what was done with the data."""

from collections.abc import Iterator, Mapping
from typing import Any

from equipoise.runner.trial_methods import WORDS, TrialData
from equipoise.spec.target_trial import TargetTrial
from equipoise.spec.trial_estimation import CLONES, SEQUENTIAL, TrialWeights

Row = dict[str, Any]
CONTRASTS = {
    "as_assigned": "the effect of being assigned, whatever is done afterwards (intention to treat)",
    "per_protocol": "the effect of keeping to the strategy (per protocol)",
    "as_treated": "the effect of treatment as it is taken over time",
}
EFFECTS = {
    "total": "total effect, through competing events as well",
    "direct": "direct effect, in a world without competing events",
    "composite": "effect on the first of outcome and competing events",
}


def protocol_rows(data: TrialData, subset: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of the table trial_protocol without the analysis."""
    made = _elements(data, data.protocol.design, subset)
    for position, (element, target, emulation) in enumerate(made, start=1):
        yield {"position": position, "element": element, "target_trial": target, "emulation": emulation}


def _elements(data: TrialData, design: TargetTrial, subset: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield "Eligibility", _eligible(design, subset["population"]), _eligible_in_data(data, design)
    yield "Treatment strategies", "; ".join(data.protocol.strategy_labels.values()), _treatment(data, design)
    yield "Assignment", design.assignment, _assignment(data, design)
    yield "Time zero", *_time_zero(design)
    yield "Follow-up", *_follow_up(design)
    yield "Outcome", *_outcome(data, design, subset["outcome"])
    yield "Causal contrast", CONTRASTS[design.contrast], _contrast(design)
    yield "Assumptions", "Those of a trial without loss", " ".join(design.assumptions) or "none stated"
    yield "Analysis", _trial_analysis(design), _analysis(data, design)


def _eligible(design: TargetTrial, population: str) -> str:
    parts = [population]
    if design.new_users is not None:
        parts.append(f"no drug that is compared in the {design.new_users.washout_days:,} days before")
    parts += [rule.name for rule in design.eligibility]
    return "; ".join(parts)


def _eligible_in_data(data: TrialData, design: TargetTrial) -> str:
    where = "judged from records up to time zero; the first entry of each person counts"
    if design.time_zero == "every_interval":
        where = f"judged anew from records before each {design.interval}"
    return f"The same, {where}. No outcome or competing event up to time zero, and observed beyond it."


def _treatment(data: TrialData, design: TargetTrial) -> str:
    if design.treatment == "initiation":
        how = "treatment starts in the interval of the first dispensing from time zero on."
    else:
        lasts, more = (f"{days:,} days" for days in (design.supply.supply_days, design.supply.grace_days))
        how = f"treated as long as the last dispensing lasts ({lasts} where none are recorded) and {more} more."
    return f"The same; {how} {_order(design)}"


def _order(design: TargetTrial) -> str:
    if design.events_first:
        return (
            f"Events of a {design.interval} come before what is done in it: a death in a grace period counts for every "
            "strategy still followed."
        )
    return f"What is done in a {design.interval} comes before its events: who dies in it untreated did not start in it."


def _assignment(data: TrialData, design: TargetTrial) -> str:
    named = _named(data)
    how = {
        SEQUENTIAL: "By the treatment in the first interval of each trial",
        CLONES: "A copy of each person for each strategy, followed while the person keeps to it",
    }
    methods = [how[method] for method in design.estimation.methods if method in how]
    start = methods[0] if methods else "None: outcomes under each strategy are predicted by models"
    return f"{start}; taken as random given {named}."


def _named(data: TrialData) -> str:
    names = [c.label or c.name for c in (*data.protocol.fixed, *data.protocol.varying)]
    return ", ".join(names) if names else "nothing (no covariates)"


def _time_zero(design: TargetTrial) -> tuple[str, str]:
    if design.time_zero == "every_interval":
        until = f"up to {design.interval} {design.last_start} after entry" if design.last_start else "at entry"
        return "Assignment", f"The beginning of every {design.interval} in which a person is eligible, {until}."
    if design.delay_days:
        days = "The day" if design.delay_days == 1 else f"{design.delay_days:,} days"
        return "Assignment, at entry", f"{days} after entry, so that records of the day of entry are known."
    return "Assignment, at entry", "The day of entry."


def _follow_up(design: TargetTrial) -> tuple[str, str]:
    words = f"{design.follow_up:,} {design.interval}s ({design.days:,} days)"
    end = f", or {design.last_day.isoformat()}" if design.last_day else ""
    return (
        f"From time zero to the outcome, or for {words}",
        f"The same, in intervals of a {design.interval}; until observation ends{end}.",
    )


def _outcome(data: TrialData, design: TargetTrial, outcome: str) -> tuple[str, str]:
    if not design.outcome.competing:
        return outcome, "The first record."
    names = " or ".join(data.protocol.labels.get(name, name) for name in design.outcome.competing)
    return f"{outcome}; {EFFECTS[design.competing_effect]} ({names})", "The first record of each."


def _contrast(design: TargetTrial) -> str:
    if design.contrast == "as_assigned" and SEQUENTIAL not in design.estimation.methods:
        return "Not defined: at time zero every person could be in every arm."
    return "The same, if the assumptions hold." if design.contrast != "as_assigned" else "Its observational analogue."


def _trial_analysis(design: TargetTrial) -> str:
    return f"Risks by strategy, their differences and ratios; {CONTRASTS[design.contrast].partition(' (')[0]}"


def _analysis(data: TrialData, design: TargetTrial) -> str:
    asked = design.estimation
    parts = [", ".join(WORDS[method] for method in asked.methods)]
    if set(asked.methods) - {"g_formula"}:
        held = _held(asked.weights)
        kind = "stabilised" if asked.weights.stabilised else "unstabilised"
        lost = " and for loss to follow-up" if asked.weights.loss else ""
        parts.append(f"{kind} inverse-probability weights for deviating{lost}{held}")
    varying = [c.label or c.name for c in data.protocol.varying]
    if varying:
        parts.append(f"read anew in every interval: {', '.join(varying)}")
    spread = f"{asked.bootstrap:,} bootstrap samples of persons" if asked.bootstrap else "robust variance by person"
    return "; ".join([*parts, spread]) + "."


def _held(weights: TrialWeights) -> str:
    """How weights are truncated."""
    if weights.truncate is None:
        return ""
    low, high = weights.truncate
    whose = "of each strategy by itself" if weights.truncate_over == "strategy" else "of all strategies together"
    return f", held between percentiles {low:g} and {high:g} {whose}"
