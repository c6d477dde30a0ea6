"""Published figures that a study is held against: shown beside its own estimates, never used to make them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.relatives import Comparison
from equipoise.spec.values import Name, Text, Wrong

Ratio = Annotated[float, Field(gt=0)]


class Published(Model):
    """One figure of a paper, and the estimate of this study that it belongs to."""

    analysis: Name
    """The id of the analysis."""
    comparison: Comparison = "population"
    """Which controls."""
    exposure: Name
    """The exposure."""
    window: Name | None = None
    """The window; of a follow-up analysis, which has one at most, it may be left out."""
    reading: Literal["any_use", "initiation"] = "initiation"
    """The reading of use."""
    adjustment: Literal["crude", "adjusted"] = "adjusted"
    """Whether the paper adjusted for covariates."""
    subgroup: Name | None = None
    """The covariate that defines a subgroup; left out for everyone."""
    subgroup_level: Name | None = None
    """Level of that covariate."""
    quantity: Literal["odds_ratio", "hazard_ratio", "direct_hazard_ratio", "total_hazard_ratio"] | None = None
    """The estimate it stands beside: the odds ratio, the hazard ratio of Cox regression, or one of the joint model;
    where it is left out, the first that the design has."""
    form: Literal["unknown"] | None = None
    """`unknown` where the paper does not say what kind of model the figure is from; the report says so."""
    estimate: Ratio
    """The published ratio."""
    conf_low: Ratio | None = None
    """Lower confidence limit, where it was published."""
    conf_high: Ratio | None = None
    """Upper confidence limit, where it was published."""
    status: Literal["firm", "soft", "derived"]
    """Seen in two or more independent places, in one secondary place, or worked out from firm figures."""
    source: Text
    """Where it was published."""

    @model_validator(mode="after")
    def _in_order(self) -> "Published":
        if (self.subgroup is None) != (self.subgroup_level is None):
            raise Wrong("subgroup and subgroup_level one without the other", "both, or neither")
        if (self.conf_low is None) != (self.conf_high is None):
            raise Wrong("one confidence limit", "both, or neither")
        low, high = self.conf_low or self.estimate, self.conf_high or self.estimate
        if not low <= self.estimate <= high:
            raise Wrong("an estimate outside its limits", "conf_low, estimate and conf_high in rising order")
        return self
