"""Published figures that a study is held against: shown beside its own estimates, never used to make them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.relatives import Comparison
from equipoise.spec.values import Name, SomeDays, Text, Wrong

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
    quantity: Literal["odds_ratio", "hazard_ratio", "direct_hazard_ratio", "total_hazard_ratio", "survival"] | None = (
        None
    )
    """The estimate it stands beside: the odds ratio, the hazard ratio of Cox regression, one of the joint model, or the
    share of an arm that survives without the outcome; where it is left out, the first that the design has."""
    arm: Literal["target", "reference"] | None = None
    """Of a survival: which arm."""
    time_point_days: SomeDays | None = None
    """Of a survival: the day after time zero, one of the time points of the analysis."""
    reversed: bool = False
    """Whether the paper's ratio is of the reference against the target; it is then shown the other way round too."""
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
        self._of_survival()
        return self

    def _of_survival(self) -> None:
        given = self.arm is not None, self.time_point_days is not None
        if self.quantity != "survival":
            if any(given):
                raise Wrong("arm or time_point_days of a ratio", 'arm and time_point_days with quantity = "survival"')
            return
        if not all(given):
            raise Wrong("a survival without arm and time_point_days", "both of them")
        if self.reversed:
            raise Wrong("reversed with a survival", "reversed with a ratio")
        if max(self.estimate, self.conf_high or 0.0) > 1:
            raise Wrong(f"a survival of {max(self.estimate, self.conf_high or 0.0):g}", "a share from 0 to 1")

    @property
    def towards_target(self) -> tuple[float, float | None, float | None]:
        """Estimate and limits with the target against the reference."""
        if not self.reversed:
            return self.estimate, self.conf_low, self.conf_high
        low, high = self.conf_high, self.conf_low
        return 1 / self.estimate, None if low is None else 1 / low, None if high is None else 1 / high
