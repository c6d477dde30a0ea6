"""Parameters of what is diagnosed: psychiatric illness by vulnerability, and diseases that nothing joins to ALS."""

from typing import Annotated

from pydantic import Field, model_validator

from equipoise.simulate.parameters import Section, parameter
from equipoise.spec.values import Named, Wrong

Rate = Annotated[float, Field(ge=0, le=10_000)]
_CARE = "specialised care, order of magnitude of the Swedish patient register"


class PsychiatricDiagnosis(Section):
    """One psychiatric diagnosis. An episode of illness has one visit or more, each recorded or not."""

    rate: Rate = parameter(
        4.0, "episodes per 1,000 person-years", "in men of 20 to 65, on average over vulnerability", source=_CARE
    )
    women: float = parameter(1.5, "rate ratio", "women to men", source=_CARE, gt=0)
    elderly: float = parameter(0.7, "rate ratio", "above 65", gt=0)
    young: float = parameter(0.5, "rate ratio", "10 to 20; nobody younger falls ill", gt=0)
    vulnerability: float = parameter(1.0, "log rate ratio", "for a standard deviation of vulnerability")


class ControlDisease(Section):
    """A negative-control disease: by age and sex, and by nothing else."""

    rate: Rate = parameter(1.0, "per 1,000 person-years", "in men of 50", source=_CARE)
    women: float = parameter(1.0, "rate ratio", "women to men", gt=0)
    per_year_of_age: float = parameter(0.0, "log rate ratio", "for every year of age", ge=-0.1, le=0.1)


PSYCHIATRIC = {
    "F32": PsychiatricDiagnosis(rate=3.2, women=1.6, vulnerability=1.0),
    "F33": PsychiatricDiagnosis(rate=1.2, women=1.7, elderly=0.8, vulnerability=1.3),
    "F41": PsychiatricDiagnosis(rate=3.0, women=1.6, elderly=0.6, young=0.8, vulnerability=1.0),
    "F43": PsychiatricDiagnosis(rate=2.2, women=1.8, elderly=0.3, vulnerability=0.8),
}
CONTROLS = {
    "H25": ControlDisease(rate=1.5, women=1.2, per_year_of_age=0.07),
    "K35": ControlDisease(rate=1.0, women=0.9, per_year_of_age=-0.015),
    "K80": ControlDisease(rate=2.0, women=1.8, per_year_of_age=0.015),
    "L40": ControlDisease(rate=1.2, per_year_of_age=0.005),
    "S52": ControlDisease(rate=3.5, women=1.6, per_year_of_age=0.012),
}


class Psychiatry(Section):
    """Diagnoses other than motor neuron disease, by their ICD-10 category."""

    diagnoses: Named[PsychiatricDiagnosis] = parameter(
        PSYCHIATRIC, "tables by ICD-10 category", "psychiatric diagnoses: F32, F33, F41, F43"
    )
    controls: Named[ControlDisease] = parameter(
        CONTROLS, "tables by ICD-10 category", "negative-control diseases: H25, K35, K80, L40, S52"
    )
    visits: float = parameter(3.0, "1", "mean visits of an episode of psychiatric illness (1 + Poisson)", ge=1, le=50)
    visit_days: float = parameter(45.0, "days", "mean time between them (exponential)", gt=0)
    sensitivity: float = parameter(
        0.75,
        "1",
        "share of visits with a recorded diagnosis",
        ge=0,
        le=1,
        source="outpatient care is recorded in part",
    )

    @model_validator(mode="after")
    def _known(self) -> "Psychiatry":
        for name, given, known in (("diagnoses", self.diagnoses, PSYCHIATRIC), ("controls", self.controls, CONTROLS)):
            if unknown := sorted(set(given) - set(known)):
                raise Wrong(f"{name} that the nation does not have: {', '.join(unknown)}", ", ".join(known))
        return self
