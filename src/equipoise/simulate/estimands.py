"""What a true value can be asked for: estimands of the synthetic nation, as values.

A study's estimate has a true value only once it is said of whom, from when, of what against what, on which scale and
for how long. A parameter such as "hazard ratio 0.80 while exposed" is none of these.
"""

from datetime import date
from typing import Literal

from pydantic import model_validator

from equipoise.simulate.parameters import Section, parameter
from equipoise.spec.values import Wrong

World = Literal[
    "natural",
    "never_antidepressant",
    "suppressing_at_diagnosis",
    "non_suppressing_at_diagnosis",
    "every_antidepressant_suppressing",
    "every_antidepressant_non_suppressing",
]
Covariate = Literal["age", "sex", "onset_site", "slope", "vulnerability"]
FROM_DIAGNOSIS = ("never_antidepressant", "suppressing_at_diagnosis", "non_suppressing_at_diagnosis")


class Users(Section):
    """Restricts patients to those with antidepressants in a look-back before time zero."""

    drugs: Literal["any", "suppressing", "non_suppressing"] = parameter("any", "1", "which antidepressants")
    days: int = parameter(1096, "days", "length of the look-back", gt=0)
    dispensings: int = parameter(1, "1", "on at least so many dates", ge=1)
    exclude_both: bool = parameter(True, "1", "leave out users of both kinds (where `drugs` is one kind)")


class SurvivalEstimand(Section):
    """How long patients with ALS live in one world against another.

    Patients are those diagnosed and alive at time zero in the natural world; time zero is the diagnosis or the first
    dispensing of riluzole. The hazard ratio is that of the two worlds' patients pooled, followed to the horizon: over
    everybody (marginal), or within fifths (age, slope, vulnerability) and levels (sex, onset_site) of `conditional_on`.
    """

    target: World = parameter("suppressing_at_diagnosis", "1", "world of the numerator")
    reference: World = parameter("never_antidepressant", "1", "world it is held against")
    time_zero: Literal["diagnosis", "riluzole"] = parameter("diagnosis", "1", "start of follow-up")
    registered: bool = parameter(False, "1", "patients of the quality register only")
    users: Users | None = parameter(None, "1", "users of antidepressants only")
    calendar: tuple[date, date] | None = parameter(None, "date", "time zero from and to")
    outcome: Literal["death", "death_or_ventilation"] = parameter("death", "1", "what ends follow-up")
    horizon_days: int = parameter(730, "days", "length of follow-up", gt=0)
    measure: Literal["risk_difference", "risk_ratio", "rmst_difference", "hazard_ratio"] = parameter(
        "risk_difference", "1", "scale of the contrast, target against reference"
    )
    conditional_on: tuple[Covariate, ...] = parameter((), "1", "covariates a hazard ratio is conditional on")

    @model_validator(mode="after")
    def _makes_sense(self) -> "SurvivalEstimand":
        if self.conditional_on and self.measure != "hazard_ratio":
            raise Wrong(
                f"conditional_on with {self.measure}", "measure = 'hazard_ratio'", "other measures are marginal"
            )
        if self.time_zero == "riluzole" and {self.target, self.reference} & set(FROM_DIAGNOSIS):
            raise Wrong(
                "time_zero = 'riluzole' with a world that begins at the diagnosis",
                "time_zero = 'diagnosis', or the worlds 'natural' and 'every_antidepressant_…'",
            )
        return self


class OnsetEstimand(Section):
    """How many of the cases exposed at diagnosis there would have been had nobody used any studied drug.

    The ratio of diagnoses of ALS among persons exposed at that date in the natural world to those in the untreated
    world, where exposure at a date is what background treatment up to it amounts to. Treatment that the disease itself
    brings about before it is recognised is not exposure: counting it is a bias of a study, not part of the truth.
    """

    atc: str = parameter("N06A", "1", "class or drug, as the beginning of an ATC code", min_length=1)
    reading: Literal["initiation", "any_use"] = parameter("initiation", "1", "how a window is read")
    days_before: tuple[int, int] = parameter((366, 100_000), "days", "nearest and farthest day before the diagnosis")
    dispensings: int = parameter(2, "1", "on at least so many dates", ge=1)
    calendar: tuple[date, date] = parameter((date(2015, 1, 1), date(2023, 6, 30)), "date", "diagnosis from and to")
    youngest: int = parameter(18, "years", "least age at diagnosis", ge=0)
