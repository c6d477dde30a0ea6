"""How a target trial is analysed: methods, models, weights, bootstrap."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Wrong

SEQUENTIAL, CLONES, G_FORMULA, DOUBLY_ROBUST = (
    "sequential_trials",
    "clone_censor_weight",
    "g_formula",
    "doubly_robust",
)
ENTRY_ONLY = (G_FORMULA, DOUBLY_ROBUST)
Method = Literal["sequential_trials", "clone_censor_weight", "g_formula", "doubly_robust"]
Terms = Literal["linear", "quadratic", "cubic", "spline", "none"]


class TrialWeights(Model):
    """Inverse-probability weights for deviating from a strategy and for being lost."""

    stabilised: bool = True
    """Whether weights have the probability given covariates at time zero as numerator."""
    truncate: tuple[float, float] | None = (1.0, 99.0)
    """Percentiles between which weights are held."""
    truncate_over: Literal["strategy", "everybody"] = "strategy"
    """Whose percentiles: those of each strategy by itself (with sequential trials, of the arm at a trial's start), or
    those of all rows, which cut the weights of a strategy that few keep to."""
    loss: bool = True
    """Whether weights also make up for persons lost to follow-up."""

    @model_validator(mode="after")
    def _percentiles(self) -> "TrialWeights":
        pair = self.truncate
        if pair is not None and not 0 <= pair[0] < pair[1] <= 100:
            raise Wrong(f"truncate = [{pair[0]:g}, {pair[1]:g}]", "two percentiles such as [1, 99], the smaller first")
        return self


class TrialEstimation(Model):
    """Methods and their settings. Each method gives risks of every strategy and their contrasts."""

    methods: Annotated[tuple[Method, ...], Field(min_length=1)] = ("clone_censor_weight",)
    """Sequential trials, clone-censor-weight, parametric g-formula, or a doubly robust estimator; several stand side
    by side."""
    hazard_ratios: bool = True
    """Whether a Cox marginal structural model gives hazard ratios, of methods with weights."""
    follow_up_terms: Terms = "spline"
    """Function of the interval in models of the outcome, of treatment and of loss."""
    trial_terms: Terms = "quadratic"
    """Function of the interval in which a trial starts, in models of the outcome."""
    weights: TrialWeights = TrialWeights()
    """Weights."""
    time_points: tuple[Annotated[int, Field(ge=1, le=10_000)], ...] = ()
    """Numbers of intervals at whose ends risks are compared; the last where left out."""
    bootstrap: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Bootstrap samples of persons for limits by percentiles; 0 uses the delta method, which the g-formula lacks."""
    simulations: Annotated[int, Field(ge=100, le=10_000_000)] = 10_000
    """Persons that the g-formula follows through its models."""

    @model_validator(mode="after")
    def _sound(self) -> "TrialEstimation":
        if len(set(self.methods)) < len(self.methods):
            raise Wrong("a method twice", "each method once")
        if list(self.time_points) != sorted(set(self.time_points)):
            raise Wrong("time_points that do not rise", "each once, the smaller first")
        if self.bootstrap == 1:
            raise Wrong("bootstrap = 1", "0, or 2 and more")
        return self
