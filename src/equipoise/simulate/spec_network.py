"""Parameters of the network view: what a network of hospitals records of the same persons."""

from typing import Annotated

from pydantic import Field, model_validator

from equipoise.simulate.parameters import Section, parameter
from equipoise.spec.values import Wrong

Share = Annotated[float, Field(ge=0, le=1)]

STUDY_B = "Fowler et al., American Thoracic Society 2025"


class NetworkSection(Section):
    """Who is in care of the network, from when to when, and what of their lives it captures."""

    riluzole_treated: int = parameter(
        17_444, "persons", "patients with ALS and riluzole the network holds at least", source=STUDY_B, ge=0
    )
    multiplier: float = parameter(
        60.0, "ratio", "incidence of ALS in the further catchment that is added to reach that number", gt=0
    )
    in_care: float = parameter(0.10, "1", "share of persons without motor neuron disease in care", ge=0, le=1)
    ill_in_care: float = parameter(0.85, "1", "share of persons with motor neuron disease in care", ge=0, le=1)
    years_before: float = parameter(5.0, "years", "mean time in care before the diagnosis, or a day of life", gt=0)
    leaves: float = parameter(
        0.30, "1 a year", "rate of leaving care after the diagnosis, or after entry", source=STUDY_B, ge=0
    )
    prescribed_in_network: float = parameter(
        0.71, "1", "share of persons whose prescriptions the network writes at all", source=STUDY_B, ge=0, le=1
    )
    prescription_captured: float = parameter(0.90, "1", "of their prescriptions, recorded", ge=0, le=1)
    riluzole_captured: float = parameter(0.92, "1", "of persons on riluzole, prescribed by the network", ge=0, le=1)
    diagnosis_captured: float = parameter(0.80, "1", "of diagnoses made while in care, recorded", ge=0, le=1)
    death_captured: float = parameter(0.86, "1", "of deaths while in care, recorded", ge=0, le=1)
    white: Share = parameter(0.78, "1", "share of White persons", source="United States")
    black: Share = parameter(0.12, "1", "share of Black persons", source="United States")
    asian: Share = parameter(0.05, "1", "share of Asian persons; race of the rest is unknown", source="United States")

    @model_validator(mode="after")
    def _shares(self) -> "NetworkSection":
        total = self.white + self.black + self.asian
        if total > 1 + 1e-9:
            raise Wrong(f"white, black and asian sum to {total:g}", "shares that sum to at most 1")
        return self
