"""Designs: how persons and time are compared. Each is one tagged value, so that further kinds stand beside it."""

from typing import Annotated, Literal

from pydantic import Field

from equipoise.spec.model import Model
from equipoise.spec.values import Name, Off, WholeDays, WholeYears

MatchVariable = Literal["sex", "region", "race", "ethnicity", "care_site"]
Reading = Literal["any_use", "initiation"]


class NestedCaseControl(Model):
    """Cases of a cohort, each with controls drawn from those at risk on the case's index date.

    Index date = the case's entry date. Controls are alive, under observation, free of the outcome (the entry event of
    `cases`) and of everything in `free_of` on or before that date, and meet the cohort's rules on it. With `within`,
    cases and controls are members of that cohort on the index date (else: everyone under observation).

    Incidence-density sampling (Prentice & Breslow 1978; Lubin & Gail 1984): without replacement inside a set,
    independent between sets. In the file, a caliper of "none" switches that matching off.
    """

    kind: Literal["nested_case_control"]
    cases: Name
    within: Off[Name] = None
    controls_per_case: Annotated[int, Field(ge=1, le=100)] = 5
    match_exact: tuple[MatchVariable, ...] = ("sex",)
    birth_year_caliper: Off[WholeYears] = 0
    time_in_cohort_caliper_days: Off[WholeDays] = None
    free_of: tuple[Name, ...] = ()
    exposures: Annotated[tuple[Name, ...], Field(min_length=1)]
    windows: Annotated[tuple[Name, ...], Field(min_length=1)]
    readings: Annotated[tuple[Reading, ...], Field(min_length=1)] = ("any_use", "initiation")
    any_use_reference: Literal["none_in_window", "never_before_index"] = "none_in_window"
    initiation_date: Literal["first", "qualifying"] = "first"
    run_in_days: WholeDays = 365
    unobservable: Literal["leave_out", "keep"] = "leave_out"


# One member today. Follow-up designs (prognosis, active comparator, target trial) join this union as one
# `FollowUpDesign`, told apart by `kind`.
Design = NestedCaseControl
