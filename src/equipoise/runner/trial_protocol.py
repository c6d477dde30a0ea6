"""The parts of a protocol that the steps of a target trial share, read back from canonical form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from equipoise.cohort.time import epoch_day
from equipoise.runner.protocol import COVARIATES
from equipoise.spec.covariates import Covariate
from equipoise.spec.exposures import Exposure
from equipoise.spec.target_trial import TargetTrial, TreatmentStrategy


@dataclass(frozen=True, slots=True)
class TrialProtocol:
    """What a target trial looks at. `fixed` covariates are read at the start of trials, `varying` ones anew."""

    design: TargetTrial
    exposures: Mapping[str, Exposure]
    fixed: tuple[Covariate, ...]
    varying: tuple[Covariate, ...]
    labels: Mapping[str, str]
    recording_from: int | None
    flaw: str | None = None  # a deliberate violation, in contrast runs only

    @property
    def strategy_labels(self) -> dict[str, str]:
        """Strategies in words, by name."""
        return {strategy.name: self.label_of(strategy) for strategy in self.design.strategies}

    def label_of(self, strategy: TreatmentStrategy) -> str:
        if strategy.label is not None:
            return strategy.label
        unit = self.design.interval if strategy.within == 1 else f"{strategy.within} {self.design.interval}s"
        what = "no treatment that is compared" if strategy.start is None else self._exposure(strategy.start)
        begin = f"in the first {unit}" if strategy.when is None else f"within {unit} of {strategy.when}"
        words = f"{what} {begin}" if strategy.start is None else f"start {what} {begin}"
        return f"{words} and keep to it" if strategy.sustained else words

    def _exposure(self, name: str) -> str:
        return self.exposures[name].label or name


def read_trial(subset: Mapping[str, Any]) -> TrialProtocol:
    """From the subset of a step."""
    recording = subset["drug_recording_from"]
    return TrialProtocol(
        TargetTrial.model_validate(subset["design"]),
        {name: Exposure.model_validate(item) for name, item in subset["exposures"]},
        tuple(COVARIATES.validate_python(subset["fixed"])),
        tuple(COVARIATES.validate_python(subset["varying"])),
        subset["labels"],
        None if recording is None else epoch_day(date.fromisoformat(recording)),
        subset.get("flaw"),
    )
