"""From a sound analysis to its flawed version: what changes in the design, and where a flaw does not apply."""

from collections.abc import Mapping
from typing import Any

from equipoise.spec.contrasts import FLAWS, Contrast, Flaw
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.study import Analysis, Study
from equipoise.spec.target_trial import TargetTrial
from equipoise.spec.trial_estimation import ENTRY_ONLY, Method
from equipoise.spec.values import Table
from equipoise.spec.windows import Window

NO_LAG = " without lag"
HOOKED: tuple[Flaw, ...] = ("immortal_time", "covariates_after_time_zero")
"""Flaws that no study file can write down: the steps that make the rows are told to commit them."""


def why_not(analysis: Analysis, windows: Mapping[str, Window], dated: set[str], flaw: Flaw) -> str | None:
    """Why an analysis cannot have a flaw, in words; None where it can.

    `dated` holds the names of covariates that are read in a window before time zero.
    """
    design = analysis.design
    if isinstance(design, NestedCaseControl):
        if flaw != "no_lag":
            return "a nested case-control study, for which 'no_lag' is the only flaw"
        lagged = any(name in windows and windows[name].last_day < -1 for name in design.windows)
        return None if lagged else "no window with a lag"
    if isinstance(design, TargetTrial):
        return _why_not_trial(design, flaw)
    if not isinstance(design, FollowUpDesign):
        return f"a design of kind {design.kind!r}"
    return _why_not_followed(analysis, design, windows, dated, flaw)


def _why_not_trial(design: TargetTrial, flaw: Flaw) -> str | None:
    if flaw != "prevalent_users":
        return "a target trial, for which 'prevalent_users' is the only flaw"
    if design.new_users is None:
        return "prevalent users already"
    return None if _with_hazard_ratio(design) else "no hazard ratio that could be compared"


def _with_hazard_ratio(design: TargetTrial) -> tuple[Method, ...]:
    """The first method that gives hazard ratios, if any does."""
    asked = design.estimation
    return tuple(name for name in asked.methods if name not in ENTRY_ONLY and asked.hazard_ratios)[:1]


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
        "covariates_after_time_zero": "no covariate that is read in a window",
        "non_user_comparator": "persons without use as comparator already",
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
        ratios = {"methods": _with_hazard_ratio(design), "bootstrap": 0}
        return design.model_copy(
            update={"new_users": None, "estimation": design.estimation.model_copy(update=ratios)}
        ), made
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
