"""From a sound analysis to its flawed version: what changes in the design, and where a flaw does not apply."""

from collections.abc import Mapping
from typing import Any

from equipoise.spec.contrasts import FLAWS, Contrast, Flaw
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.study import Analysis, Study
from equipoise.spec.target_trial import TargetTrial, TreatmentStrategy
from equipoise.spec.trial_estimation import ENTRY_ONLY, Method
from equipoise.spec.values import Table
from equipoise.spec.windows import Window

NO_LAG = " without lag"
NO_USE = "no use"  # the strategy of a flawed trial whose own strategies all start something
NONE_DATED, HAS_NON_USERS = "no covariate that is read in a window", "persons without use as comparator already"
HOOKED: tuple[Flaw, ...] = ("immortal_time", "covariates_after_time_zero")
"""Flaws that no study file can write down: the steps that make the rows are told to commit them."""


def why_not(analysis: Analysis, windows: Mapping[str, Window], dated: set[str], flaw: Flaw) -> str | None:
    """Why an analysis cannot have a flaw, in words; None where it can.

    `dated` holds the names of covariates that are read in a window before time zero.
    """
    design = analysis.design
    if isinstance(design, NestedCaseControl):
        return _why_not_sampled(analysis, design, windows, dated, flaw)
    if isinstance(design, TargetTrial):
        return _why_not_trial(analysis, design, dated, flaw)
    return _why_not_followed(analysis, design, windows, dated, flaw)


def _why_not_sampled(
    analysis: Analysis, design: NestedCaseControl, windows: Mapping[str, Window], dated: set[str], flaw: Flaw
) -> str | None:
    lagged = any(name in windows and windows[name].last_day < -1 for name in design.windows)
    found: dict[Flaw, tuple[bool, str]] = {
        "immortal_time": ("any_use" not in design.readings, "no reading of any use"),
        "prevalent_users": ("initiation" not in design.readings, "prevalent users already"),
        "no_lag": (not lagged, "no window with a lag"),
        "covariates_after_time_zero": (not dated & set(analysis.adjust_for), NONE_DATED),
        "non_user_comparator": (True, HAS_NON_USERS),
    }
    applies_not, why = found[flaw]
    return why if applies_not else None


def _why_not_trial(analysis: Analysis, design: TargetTrial, dated: set[str], flaw: Flaw) -> str | None:
    conditions = {strategy.when for strategy in design.strategies} - {None}
    shifted = dated & {*analysis.adjust_for, *design.time_varying} - conditions
    found: dict[Flaw, tuple[bool, str]] = {
        "immortal_time": (bool(conditions), "a strategy that waits for a condition, whose start has no earlier date"),
        "prevalent_users": (design.new_users is None, "prevalent users already"),
        "no_lag": (True, "no lag already: treatment counts from time zero on"),
        "covariates_after_time_zero": (not shifted, NONE_DATED),
        "non_user_comparator": (None in {strategy.start for strategy in design.strategies}, HAS_NON_USERS),
    }
    applies_not, why = found[flaw]
    return why if applies_not else None


def compared(design: TargetTrial) -> Method:
    """The method of a trial whose estimates are held against flawed ones: the last with weights, if any has them."""
    methods = design.estimation.methods
    return ([name for name in methods if name not in ENTRY_ONLY] or list(methods))[-1]


def without_use(design: TargetTrial) -> TreatmentStrategy:
    """The strategy that starts nothing which a trial of drugs alone would have."""
    latest = max(strategy.within for strategy in design.strategies)
    sustained = all(strategy.sustained for strategy in design.strategies)
    name = NO_USE
    while name in {strategy.name for strategy in design.strategies}:
        name += " at all"
    return TreatmentStrategy(name=name, start=None, within=latest, sustained=sustained)


def _why_not_followed(
    analysis: Analysis, design: FollowUpDesign, windows: Mapping[str, Window], dated: set[str], flaw: Flaw
) -> str | None:
    first_use = design.time_zero == "first_use"
    if first_use and flaw in ("immortal_time", "non_user_comparator"):
        return 'time_zero = "first_use", which persons without use do not have'
    if design.use == "ongoing" and flaw == "immortal_time":
        return 'use = "ongoing", which has no window of use to reach beyond time zero'
    if design.follow_up.by_use and flaw == "non_user_comparator":
        return "time at risk from or to the end of exposure, which persons without use do not have"
    window = windows.get(design.window or "")
    reasons: dict[Flaw, bool] = {
        "prevalent_users": design.new_users is None,
        "no_lag": not design.lag_days and (window is None or window.last_day == -1),
        "covariates_after_time_zero": not dated & set(analysis.adjust_for),
        "non_user_comparator": design.comparator is None,
    }
    if not reasons.get(flaw, False):
        return None
    return {
        "prevalent_users": "prevalent users already",
        "no_lag": "no lag already",
        "covariates_after_time_zero": NONE_DATED,
        "non_user_comparator": HAS_NON_USERS,
    }[flaw]


def flawed_study(study: Study, contrast: Contrast) -> Study:
    """The study with the flawed version of one analysis as its only analysis, under an id that names the flaw."""
    base = next(item for item in study.analyses if item.id == contrast.base)
    design, windows = _flawed(base.design, study.windows, contrast.flaw)
    own = {"id": base.id, "label": FLAWS[contrast.flaw], "design": design}
    update = {"windows": Table(windows), "analyses": (base.model_copy(update=own),)}
    return study.model_copy(update=update | {"sensitivity": (), "grids": (), "contrasts": (), "triangulation": None})


def _flawed(design: Any, windows: Mapping[str, Window], flaw: Flaw) -> tuple[Any, dict[str, Window]]:
    made = dict(windows)
    if isinstance(design, TargetTrial):
        return _flawed_trial(design, flaw), made
    if isinstance(design, NestedCaseControl) and flaw in ("immortal_time", "prevalent_users"):
        reference = "never_before_index" if flaw == "prevalent_users" else design.any_use_reference  # as of initiation
        read: dict[str, Any] = {"readings": ("any_use",), "lag_scan": None, "any_use_reference": reference}
        return design.model_copy(update=read), made
    if flaw == "prevalent_users":
        return design.model_copy(update={"new_users": None}), made
    if flaw == "non_user_comparator":
        # No use has no years on the market, in which a design with another drug may keep both arms.
        return design.model_copy(update={"comparator": None, "common_period": False}), made
    if flaw != "no_lag":
        return design, made
    named = design.windows if isinstance(design, NestedCaseControl) else ([design.window] if design.window else [])
    lagless = [name + NO_LAG if windows[name].last_day < -1 else name for name in named]
    made |= {name + NO_LAG: _up_to_the_day_before(windows[name]) for name in named if name + NO_LAG in lagless}
    if isinstance(design, NestedCaseControl):
        lagged = tuple(name for name in lagless if name.endswith(NO_LAG))
        return design.model_copy(update={"windows": lagged, "lag_scan": None}), made
    return design.model_copy(update={"window": lagless[0] if lagless else None, "lag_days": 0}), made


def _flawed_trial(design: TargetTrial, flaw: Flaw) -> TargetTrial:
    """With the method that is compared alone, and no bootstrap."""
    alone = {"methods": (compared(design),), "bootstrap": 0, "hazard_ratios": False}
    order = "events_first" if design.events_first else "treatment_first"  # which could follow from other methods
    changed: dict[str, Any] = {"estimation": design.estimation.model_copy(update=alone), "order": order}
    if flaw == "prevalent_users":
        changed["new_users"] = None
    if flaw == "immortal_time":
        # What a person is ever to do is known at time zero, so that nobody waits, and nobody is copied.
        changed["strategies"] = tuple(own.model_copy(update={"within": 1}) for own in design.strategies)
        changed["order"] = "treatment_first"
    if flaw == "non_user_comparator":
        changed["strategies"] = (without_use(design), *design.strategies)
    return design.model_copy(update=changed)


def _up_to_the_day_before(window: Window) -> Window:
    far = float("inf") if window.first_day is None else float(-window.first_day)
    return Window(days_before=(0.0, far))


def every_flaw(study: Study) -> tuple[Contrast, ...]:
    """A contrast run for every main analysis and every flaw that applies to it."""
    dated = {covariate.name for covariate in study.covariates if hasattr(covariate, "window")}
    return tuple(
        Contrast(base=analysis.id, flaw=flaw)
        for analysis in study.analyses
        for flaw in FLAWS
        if why_not(analysis, study.windows, dated, flaw) is None
    )
