"""Designs: how persons and time are compared. Each is one tagged value, so that further kinds stand beside it."""

from typing import Annotated, Literal

from pydantic import Field

from equipoise.spec.dose import DoseResponse
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.lags import LagScan
from equipoise.spec.model import Model
from equipoise.spec.relatives import Comparison, RelativeControls
from equipoise.spec.target_trial import TargetTrial
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
    """A nested case-control study."""
    cases: Name
    """The cohort whose entries are cases."""
    within: Off[Name] = None
    """A cohort to which cases and controls belong on the index date; `none` is everyone under observation."""
    comparisons: Annotated[tuple[Comparison, ...], Field(min_length=1)] = ("population",)
    """With whom cases are compared, each by itself: persons drawn from the population, or kinds of relatives."""
    controls_per_case: Annotated[int, Field(ge=1, le=100)] = 5
    """Population controls drawn for each case, where there are so many."""
    match_exact: tuple[MatchVariable, ...] = ("sex",)
    """Characteristics a population control shares with its case."""
    birth_year_caliper: Off[WholeYears] = 0
    """Most years between the births of case and population control; `none` switches this off."""
    time_in_cohort_caliper_days: Off[WholeDays] = None
    """Most days between their times in the cohort on the index date; `none` switches this off."""
    free_of: tuple[Name, ...] = ()
    """Concept sets of which a control has no record on or before the index date."""
    relatives: RelativeControls = RelativeControls()
    """How siblings and spouses serve as controls."""
    within_between: tuple[Comparison, ...] = ()
    """Kinds of relatives by whose exposure odds ratios are told apart within and between families: the model of
    population sets then holds own exposure and the mean exposure of the family."""
    exposures: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Exposures to analyse, each by itself."""
    windows: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Windows to analyse."""
    readings: Annotated[tuple[Reading, ...], Field(min_length=1)] = ("any_use", "initiation")
    """How use is read: any use inside the window, or initiation in it."""
    any_use_reference: Literal["none_in_window", "never_before_index"] = "none_in_window"
    """With what any use is compared: no qualifying use in the window, or none ever before the index date."""
    initiation_date: Literal["first", "qualifying"] = "first"
    """The date that decides in which window use began: the first dispensing, or the one that made the person a user."""
    lag_dispensings: Literal["count", "ignore"] = "count"
    """Initiation: whether days after the latest window, the lag, count towards use and its minimum."""
    run_in_days: WholeDays = 365
    """Days from the start of drug recording or of observation in which users count as prevalent."""
    unobservable: Literal["leave_out", "keep"] = "leave_out"
    """What becomes of sets that are not observable over the whole window."""
    lag_scan: Off[LagScan] = None
    """Lags over which any use is analysed again; `none` does without."""
    indication: Off[Name] = None
    """A covariate of kind `event`: users with it and users without it are each compared with persons with neither;
    `none` does without."""
    dose_response: tuple[DoseResponse, ...] = ()
    """Amounts of use by which the analysis is repeated, in groups and as a curve; none where this is left out."""


Design = Annotated[NestedCaseControl | FollowUpDesign | TargetTrial, Field(discriminator="kind")]
