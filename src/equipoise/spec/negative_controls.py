"""Negative controls: outcomes and exposures that are known to have nothing to do with the question."""

from pydantic import model_validator

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

    @model_validator(mode="after")
    def _some(self) -> "NegativeControls":
        if not self.outcomes and not self.exposures:
            raise Wrong("no control", "outcomes, exposures, or both")
        return self
