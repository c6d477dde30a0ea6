"""Negative controls: outcomes and exposures that are known to have nothing to do with the question."""

from typing import Annotated

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, Wrong


class NegativeControls(Model):
    """Run through the designs of the study in place of its outcome, or of its exposure.

    What the same design finds for them is its systematic error: the estimates of the study are calibrated by it, and a
    gate judges its size. A control is neither part of the question nor a covariate.
    """

    outcomes: tuple[Name, ...] = ()
    """Concept sets, each in place of the outcome: the same persons, arms and adjustment, or cases of its own."""
    exposures: tuple[Name, ...] = ()
    """Exposures, each in place of the exposure, where the comparison is with persons who do not use it."""
    analyses: tuple[Name, ...] = ()
    """Ids of the analyses they are run through; every main analysis where left out."""

    synthetic_effects: tuple[Annotated[float, Field(gt=1, le=10)], ...] = ()
    """Hazard ratios, such as [1.5, 2, 4], of positive controls made of each control outcome by adding outcomes in the
    target arm: systematic error is then known where there is an effect, and intervals are calibrated by it."""

    @model_validator(mode="after")
    def _some(self) -> "NegativeControls":
        if not self.outcomes and not self.exposures:
            raise Wrong("no control", "outcomes, exposures, or both")
        return self
