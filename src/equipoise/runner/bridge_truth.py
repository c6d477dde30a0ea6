"""The true value of a mixture's own estimand, for a bridge on a synthetic nation.

Persons, time zero, arms and follow-up are those that the mixture's study finds in the data; what would have become of
these persons under either treatment comes from the nation's truth. Persons and lives stay in memory.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.data.concepts import Match, resolve
from equipoise.data.source import Source
from equipoise.design.arms import REFERENCE, TARGET
from equipoise.design.follow_up import Followed
from equipoise.runner.follow_up import followed_persons
from equipoise.runner.follow_up_protocol import read_follow_up
from equipoise.runner.packing import unpack_people
from equipoise.runner.step import Step
from equipoise.runner.walk import Inputs, Walk
from equipoise.simulate import antidepressants as drugs
from equipoise.simulate.care import PROCEDURES
from equipoise.simulate.cdm_vocabulary import atc_id, procedure_id, product_id
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.relived import Followed as Lived
from equipoise.simulate.relived import LogRatio, Treatments, Truth, of_one_kind
from equipoise.simulate.true_values import read_nation_truth_at
from equipoise.spec.follow_up import DEATH, FollowUpDesign
from equipoise.spec.study import Study

Row = dict[str, Any]
VENTILATION = len(PROCEDURES) - 1
SMALLEST = 20  # persons whose lives make a true value


class MixtureTruth:
    """True values of mixtures. `places` are folders with the truth of a nation and of a network's further catchment."""

    def __init__(self, places: Sequence[str | Path]):
        self._truth = Truth([read_nation_truth_at(place) for place in places])
        self._drugs: dict[tuple[int, str], np.ndarray] = {}
        self._known: dict[Any, LogRatio] = {}

    def columns(self, study: Study, step: Step, walk: Walk) -> Row:
        """Columns of `bridge_steps` for a study whose rows `step` has made."""
        found = self._of(study, step, walk)
        return {"true_value": found.value, "true_error": found.error, "no_truth": found.why_not or None}

    def _of(self, study: Study, step: Step, walk: Walk) -> LogRatio:
        (analysis,) = study.analyses
        design = analysis.follow_up
        assert design is not None
        outcome = self._with_ventilation(study, design, walk.source)
        why_not = _not_among_estimands(design) or (outcome if isinstance(outcome, str) else "")
        if why_not:
            return LogRatio(None, why_not=why_not)
        named = [design.target[0], *([design.comparator] if design.comparator else [])]
        arms = [self._exposure(study, name, walk.source) for name in named]
        reference = arms[1] if len(arms) > 1 else np.zeros(len(FORMULARY), bool)
        treatments = Treatments(arms[0], reference, design.censoring.at_stop, design.censoring.at_switch)
        inputs = Inputs(walk.shelf, {role: walk.keys[name] for role, name in step.needs.items()})
        people = unpack_people(inputs["people"])
        followed = followed_persons(inputs, read_follow_up(step.subset), people)
        kept = np.isin(followed.arms.arm, _stands_for(design, arms[0], reference))
        if kept.sum() < SMALLEST:
            return LogRatio(None, why_not=f"fewer than {SMALLEST} persons whom the estimate stands for")
        return self._value(_lived(followed, people.person_id, kept, design, outcome is True), treatments)

    def _value(self, lived: Lived, treatments: Treatments) -> LogRatio:
        """Mixtures that differ in covariates or models follow the same persons, and share their true value."""
        arms = (treatments.target.tobytes(), treatments.reference.tobytes())
        rules = (treatments.nobody_stops, treatments.nobody_switches, lived.zero_counts)
        outcome = (lived.horizon_days, lived.with_ventilation)
        key = (lived.person_id.tobytes(), lived.day.tobytes(), arms, rules, outcome)
        if key not in self._known:
            self._known[key] = self._truth.log_hazard_ratio(lived, treatments)
        return self._known[key]

    def _exposure(self, study: Study, name: str, source: Source) -> np.ndarray:
        """Which drugs of the formulary an exposure is use of."""
        made = np.zeros(len(FORMULARY), bool)
        for concept_set in study.exposures[name].concept_sets:
            made |= self._concept_set(study, concept_set, source)
        return made

    def _concept_set(self, study: Study, name: str, source: Source) -> np.ndarray:
        key = (id(source), study.concept_sets[name].model_dump_json())
        if key not in self._drugs:
            found = resolve(source, name, study.concept_sets[name])
            self._drugs[key] = np.array(
                [
                    (found.included is None or _named(found.included, i)) and not _named(found.excluded, i)
                    for i in range(len(FORMULARY))
                ]
            )
        return self._drugs[key]

    def _with_ventilation(self, study: Study, design: FollowUpDesign, source: Source) -> bool | str:
        """Whether invasive ventilation counts as death does; in words, why an outcome has no true value."""
        with_ventilation = False
        for name in design.outcome.any_of:
            if name == DEATH:
                continue
            found = resolve(source, name, study.concept_sets[name])
            if found.concept_ids != {procedure_id(VENTILATION)}:
                return "of outcomes the truth knows death, and death or invasive ventilation"
            with_ventilation = True
        if DEATH not in design.outcome.any_of:
            return "of outcomes the truth knows death, and death or invasive ventilation"
        return with_ventilation


def _named(found: Match, drug: int) -> bool:
    atc = FORMULARY[drug].atc
    by_concept = product_id(drug) in found.concept_ids or atc_id(atc) in found.source_concept_ids
    return by_concept or any(atc.startswith(prefix) for prefix in found.prefixes)


def _not_among_estimands(design: FollowUpDesign) -> str:
    """Why the mixture's estimate stands for nobody whose lives could be lived, in words."""
    if design.outcome.competing:
        return "a hazard ratio with competing events is not among the true values"
    time = design.follow_up
    if time.starts_day or time.minimum_days or time.delayed_entry or time.by_use:
        return "who is followed depends on what happens after time zero"
    adjustment = design.adjustment
    if getattr(design, "timing", "fixed") != "fixed":
        return "use that begins after time zero is not among the true values"
    if any(getattr(adjustment, f"trim_{rule}", None) is not None for rule in ("equipoise", "bounds", "fraction")):
        return "it stands for the persons left by trimming, who depend on the model of the score"
    if getattr(adjustment, "estimand", None) in ("overlap", "matching"):
        return "it stands for a weighting of persons that depends on the model of the score"
    return ""


def _stands_for(design: FollowUpDesign, target: np.ndarray, reference: np.ndarray) -> list[int]:
    """The arms whose persons an estimate stands for.

    Without a comparator, or with one of another class, only users of the target can be thought of without it: when and
    for how long the others would have used it is not defined. Nor can a drug be given that is not of one kind.
    """
    if not of_one_kind(reference):
        return [REFERENCE] if reference.any() and drugs.ANTIDEPRESSANT[reference].all() else [TARGET]
    if not of_one_kind(target):
        return [TARGET]
    estimand = getattr(design.adjustment, "estimand", "ATE")
    return {"ATT": [TARGET], "ATC": [REFERENCE]}.get(estimand, [TARGET, REFERENCE])


def _lived(
    followed: Followed, person_id: np.ndarray, kept: np.ndarray, design: FollowUpDesign, with_ventilation: bool
) -> Lived:
    """Of follow-up without an end, the longest time that anybody was followed."""
    days = design.follow_up.days or int(followed.stop[kept].max())
    day = followed.arms.day[kept].astype(np.int64)
    zero_counts = design.time_zero == "first_use" or design.use == "ongoing"
    return Lived(person_id[followed.arms.person[kept]].astype(np.int64), day, days, with_ventilation, zero_counts)
