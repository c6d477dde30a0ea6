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
    """What an analysis looks at: design, exposures and windows by name in the order of the design, covariates."""

    design: NestedCaseControl
    exposures: Mapping[str, Exposure]
    windows: Mapping[str, Window]
    covariates: tuple[Covariate, ...]
    interactions: tuple[tuple[str, str], ...]
    recording_from: int | None


def read_protocol(subset: Mapping[str, Any]) -> Protocol:
    """From the subset of a step."""
    recording = subset["drug_recording_from"]
    return Protocol(
        NestedCaseControl.model_validate(subset["design"]),
        {name: Exposure.model_validate(item) for name, item in subset["exposures"]},
        {name: Window.model_validate(item) for name, item in subset["windows"]},
        tuple(COVARIATES.validate_python(subset["covariates"])),
        tuple((first, second) for first, second in subset["interactions"]),
        None if recording is None else epoch_day(date.fromisoformat(recording)),
    )
