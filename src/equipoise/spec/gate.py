"""The gate of a study: thresholds, set before the data are seen, that decide whether estimates may be shown."""

from typing import Annotated, Literal

from pydantic import Field

from equipoise.spec.model import Model
from equipoise.spec.values import Off

Purpose = Literal["estimation", "replication", "design_comparison"]


class TrialGate(Model):
    """Each strategy of a target trial must pass every diagnostic, or what rests on it stays sealed.

    They know treatment, covariates and weights, and no outcome. A diagnostic that the study does without is `none`.
    """

    positivity: Off[Annotated[float, Field(gt=0, lt=1)]] = 0.01
    """Smallest first percentile of the probability of what a strategy asks for; 0 if nobody did it in an interval."""
    largest_weight: Off[Annotated[float, Field(gt=1)]] = 20.0
    """Largest weight, after truncation."""
    effective_size: Off[Annotated[float, Field(ge=0, le=1)]] = 0.2
    """Smallest effective number of those who keep to a strategy, as a share of their number, in any interval."""
    balance: Off[Annotated[float, Field(gt=0)]] = 0.1
    """Largest absolute standardized difference at time zero between those who kept to a strategy, weighted, and all."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Probability, over all covariates of a strategy, of a failure of balance by chance."""


class GateRules(Model):
    """Each comparison of a follow-up analysis must pass every diagnostic, or its outcomes by arm stay sealed.

    A diagnostic that could not be evaluated has not passed: one the study does without is set to `none`. Balance and
    equipoise come with adjustment by a propensity score.
    """

    balance: Off[Annotated[float, Field(gt=0)]] = 0.1
    """Largest absolute standardized difference that no covariate may exceed significantly."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Probability, over all covariates, of a failure by chance."""
    equipoise: Off[Annotated[float, Field(ge=0, le=1)]] = 0.2
    """Smallest share of persons with a preference score from 0.3 to 0.7."""
    detectable_ratio: Off[Annotated[float, Field(gt=1)]] = 10.0
    """Largest minimal detectable hazard ratio, at 80 % power."""
    systematic_error: Off[Annotated[float, Field(gt=0)]] = 0.25
    """Largest expected absolute systematic error of negative controls, on the log scale."""
    negative_controls: Annotated[int, Field(ge=1)] = 30
    """Fewest usable negative controls that it may rest on."""
    target_trials: TrialGate = TrialGate()
    """What target trials must pass instead."""
