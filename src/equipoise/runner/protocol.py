"""The parts of a protocol that the array steps share, read back from canonical form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from equipoise.cohort.time import epoch_day
from equipoise.spec.covariates import Covariate
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.exposures import Exposure
from equipoise.spec.windows import Window

COVARIATES: TypeAdapter[list[Covariate]] = TypeAdapter(list[Covariate])


@dataclass(frozen=True, slots=True)
class Protocol:
    """What one comparison of an analysis looks at: exposures and windows by name in the order of the design, …"""

    comparison: str
    design: NestedCaseControl
    exposures: Mapping[str, Exposure]
    windows: Mapping[str, Window]
    covariates: tuple[Covariate, ...]
    interactions: tuple[tuple[str, str], ...]
    subgroups: tuple[Covariate, ...]
    recording_from: int | None
    flaw: str | None = None  # a deliberate violation, in contrast runs only

    @property
    def with_relatives(self) -> bool:
        """Whether controls are relatives, matched on nothing but their family."""
        return self.comparison != "population"


def read_protocol(subset: Mapping[str, Any]) -> Protocol:
    """From the subset of a step."""
    recording = subset["drug_recording_from"]
    return Protocol(
        subset["comparison"],
        NestedCaseControl.model_validate(subset["design"]),
        {name: Exposure.model_validate(item) for name, item in subset["exposures"]},
        {name: Window.model_validate(item) for name, item in subset["windows"]},
        tuple(COVARIATES.validate_python(subset["covariates"])),
        tuple((first, second) for first, second in subset["interactions"]),
        tuple(COVARIATES.validate_python(subset["subgroups"])),
        None if recording is None else epoch_day(date.fromisoformat(recording)),
        subset.get("flaw"),
    )
