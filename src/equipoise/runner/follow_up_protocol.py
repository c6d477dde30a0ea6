"""The parts of a protocol that the array steps of a follow-up design share, read back from canonical form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from equipoise.cohort.people import People
from equipoise.cohort.time import epoch_day
from equipoise.design.arms import Contrast, Drug
from equipoise.design.dispensings import distinct_dispensings
from equipoise.runner.artifact import Artifact
from equipoise.runner.packing import AMOUNTS, rows_of
from equipoise.runner.protocol import COVARIATES
from equipoise.spec.covariates import Covariate
from equipoise.spec.exposures import Exposure
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.windows import Window

NO_USE = "no use"


@dataclass(frozen=True, slots=True)
class FollowUpProtocol:
    """What one comparison of a follow-up analysis looks at. `target` and `comparator` are names of exposures."""

    design: FollowUpDesign
    exposures: Mapping[str, Exposure]
    target: str
    window: Window | None
    covariates: tuple[Covariate, ...]
    interactions: tuple[tuple[str, str], ...]
    subgroups: tuple[Covariate, ...]
    labels: Mapping[str, str]
    recording_from: int | None
    flaw: str | None = None  # a deliberate violation, in contrast runs only

    @property
    def comparator(self) -> str | None:
        return self.design.comparator

    @property
    def varies_in_time(self) -> bool:
        """Whether exposure may begin after time zero."""
        return self.design.timing == "time_varying"

    def label_of(self, exposure: str) -> str:
        return self.exposures[exposure].label or exposure

    @property
    def arm_labels(self) -> tuple[str, str]:
        """Reference and target arm in words, in the order of their codes."""
        if self.varies_in_time:
            drug = self.label_of(self.target)
            return f"no use of {drug} so far", f"use of {drug}, from its beginning on"
        ongoing = self.design.use == "ongoing"
        place = ", on entry" if ongoing else f", {self.design.window}" if self.design.window else ""
        first = "new use of " if self.design.new_users else "use of " if place else ""
        target = f"{first}{self.label_of(self.target)}{place}"
        if self.comparator is None:
            least = self.exposures[self.target].min_dispensings
            none = (
                "no use of"
                if least == 1 or self.design.below_minimum == "exclude"
                else f"fewer than {least} dispensings of"
            )
            return f"{none} {self.label_of(self.target)}{place}", target
        return f"{first}{self.label_of(self.comparator)}{place}", target

    @property
    def contrast_label(self) -> str:
        reference, target = self.arm_labels
        return f"{target} against {reference}"

    def key(self, analysis: str) -> dict[str, Any]:
        """The columns that name the comparison in every table."""
        return {"analysis": analysis, "comparison": self.comparator or NO_USE, "exposure": self.target}


def read_follow_up(subset: Mapping[str, Any]) -> FollowUpProtocol:
    """From the subset of a step."""
    recording, window = subset["drug_recording_from"], subset["window"]
    return FollowUpProtocol(
        FollowUpDesign.model_validate(subset["design"]),
        {name: Exposure.model_validate(item) for name, item in subset["exposures"]},
        subset["target"],
        None if window is None else Window.model_validate(window),
        tuple(COVARIATES.validate_python(subset["covariates"])),
        tuple((first, second) for first, second in subset["interactions"]),
        tuple(COVARIATES.validate_python(subset["subgroups"])),
        subset["labels"],
        None if recording is None else epoch_day(date.fromisoformat(recording)),
        subset.get("flaw"),
    )


def contrast_of(protocol: FollowUpProtocol, records: Artifact, people: People) -> Contrast:
    """The drugs of both arms with their dispensings."""

    def drug(name: str) -> Drug:
        exposure = protocol.exposures[name]
        made = rows_of(records, exposure.concept_sets)
        amounts = {column: made[column] for column in AMOUNTS}
        dispensed = distinct_dispensings(people, made["person_id"], made["day"], amounts)
        return Drug(name, protocol.label_of(name), exposure.min_dispensings, dispensed)

    return Contrast(drug(protocol.target), drug(protocol.comparator) if protocol.comparator else None)


def drug_of(concept_set: str, records: Artifact, people: People) -> Drug:
    """The drugs of one concept set with their dispensings."""
    made = rows_of(records, (concept_set,))
    amounts = {column: made[column] for column in AMOUNTS}
    return Drug(concept_set, concept_set, 1, distinct_dispensings(people, made["person_id"], made["day"], amounts))
