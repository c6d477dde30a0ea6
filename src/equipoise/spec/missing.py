"""What becomes of persons with missing covariates in adjusted models."""

from typing import Annotated, Literal

from pydantic import Field

from equipoise.spec.model import Model


class CompleteCases(Model):
    """Adjusted models rest on persons with every covariate; of sets, on those that keep a case and a control."""

    method: Literal["complete_case"]
    """Persons with a missing covariate leave adjusted models."""


class MultipleImputation(Model):
    """Missing covariates are filled in several times by chained equations, and the estimates pooled by Rubin's rules.

    The exposure and the outcome enter the imputation: case status and matching variables, or the event and the
    cumulative hazard. Estimates of the complete cases stand beside.
    """

    method: Literal["multiple_imputation"]
    """Missing covariates are imputed."""
    imputations: Annotated[int, Field(ge=2, le=1000)] = 20
    """How many completed data sets; at least the percentage of persons with a missing value."""
    iterations: Annotated[int, Field(ge=1, le=200)] = 10
    """Rounds through the covariates before each is taken."""


MissingData = Annotated[CompleteCases | MultipleImputation, Field(discriminator="method")]
