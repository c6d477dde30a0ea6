"""Parameters of the problem lists of the network: breathing, the site of onset, diseases that nothing joins to ALS."""

from typing import Annotated

from pydantic import Field, model_validator

from equipoise.simulate.parameters import Section, parameter
from equipoise.simulate.spec_psychiatry import ControlDisease
from equipoise.spec.values import Named, Wrong

Share = Annotated[float, Field(ge=0, le=1)]
_ALS_BREATHING = "nocturnal hypoventilation in 40 % of non-ventilated patients"

AMBULATORY = {
    "B02": ControlDisease(rate=6.0, women=1.2, per_year_of_age=0.025),
    "B07": ControlDisease(rate=9.0, per_year_of_age=-0.01),
    "B35": ControlDisease(rate=16.0, women=0.8, per_year_of_age=0.02),
    "C44": ControlDisease(rate=8.0, women=0.8, per_year_of_age=0.055),
    "D12": ControlDisease(rate=14.0, women=0.8, per_year_of_age=0.03),
    "D17": ControlDisease(rate=8.0, per_year_of_age=0.005),
    "D22": ControlDisease(rate=18.0, women=1.1),
    "E04": ControlDisease(rate=6.0, women=3.0, per_year_of_age=0.015),
    "E55": ControlDisease(rate=16.0, women=1.5, per_year_of_age=0.005),
    "H00": ControlDisease(rate=9.0, women=1.2),
    "H04": ControlDisease(rate=14.0, women=1.8, per_year_of_age=0.03),
    "H10": ControlDisease(rate=14.0, women=1.1),
    "H35": ControlDisease(rate=4.0, women=1.1, per_year_of_age=0.08),
    "H40": ControlDisease(rate=9.0, per_year_of_age=0.05),
    "H43": ControlDisease(rate=9.0, women=1.2, per_year_of_age=0.045),
    "H52": ControlDisease(rate=24.0, women=1.1, per_year_of_age=0.01),
    "H60": ControlDisease(rate=10.0, per_year_of_age=0.005),
    "H61": ControlDisease(rate=18.0, women=0.8, per_year_of_age=0.025),
    "H91": ControlDisease(rate=14.0, women=0.7, per_year_of_age=0.045),
    "I83": ControlDisease(rate=7.0, women=1.8, per_year_of_age=0.015),
    "J30": ControlDisease(rate=22.0, women=1.2, per_year_of_age=-0.005),
    "K40": ControlDisease(rate=9.0, women=0.12, per_year_of_age=0.02),
    "K57": ControlDisease(rate=12.0, per_year_of_age=0.035),
    "K64": ControlDisease(rate=14.0, per_year_of_age=0.005),
    "L21": ControlDisease(rate=10.0, women=0.9, per_year_of_age=0.01),
    "L30": ControlDisease(rate=18.0, women=1.1, per_year_of_age=0.005),
    "L57": ControlDisease(rate=14.0, women=0.8, per_year_of_age=0.05),
    "L60": ControlDisease(rate=8.0, per_year_of_age=0.01),
    "L72": ControlDisease(rate=11.0, women=0.8),
    "L82": ControlDisease(rate=14.0, per_year_of_age=0.045),
    "M10": ControlDisease(rate=9.0, women=0.35, per_year_of_age=0.025),
    "M17": ControlDisease(rate=14.0, women=1.4, per_year_of_age=0.035),
    "M20": ControlDisease(rate=6.0, women=3.5, per_year_of_age=0.02),
    "M72": ControlDisease(rate=7.0, women=0.9, per_year_of_age=0.015),
    "N20": ControlDisease(rate=11.0, women=0.7, per_year_of_age=0.005),
}
"""Diseases of out-patient care by ICD-10-CM category: rates by age and sex, orders of magnitude of out-patient care."""


class Breathing(Section):
    """Weak breathing in motor neuron disease: when it is there, and when somebody writes it down."""

    hypoventilation: float = parameter(
        76.0, "% of predicted", "mean vital capacity below which patients hypoventilate at night", source=_ALS_BREATHING
    )
    failure: float = parameter(50.0, "% of predicted", "mean vital capacity of chronic respiratory failure")
    spread: float = parameter(10.0, "% of predicted", "standard deviation of both between persons", ge=0)
    recognised: float = parameter(
        0.10, "1 a month", "rate of recognising either in diagnosed patients who have it", ge=0
    )
    at_ventilation: Share = parameter(
        0.6, "1", "share of those who begin non-invasive ventilation with hypoventilation coded as its reason"
    )


class ProblemLists(Section):
    """What the network's problem lists hold. Entries come from no visit, and with the capture of diagnoses."""

    breathing: Breathing = Field(default_factory=Breathing, description="hypoventilation and respiratory failure")
    onset_site: Share = parameter(0.85, "1", "share of patients in care whose site of onset is noted at the diagnosis")
    controls: Named[ControlDisease] = parameter(
        AMBULATORY, "tables by ICD-10-CM category", f"negative-control diseases: {', '.join(AMBULATORY)}"
    )

    @model_validator(mode="after")
    def _known(self) -> "ProblemLists":
        if unknown := sorted(set(self.controls) - set(AMBULATORY)):
            raise Wrong(f"controls that the network does not have: {', '.join(unknown)}", ", ".join(AMBULATORY))
        return self
