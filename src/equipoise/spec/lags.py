"""Lags before the index date over which a study is repeated."""

from typing import Annotated

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import WholeDays, Wrong

DAYS_IN_A_MONTH = 30.4375


class LagScan(Model):
    """The analysis over again, each time blind to the last days before the index date: any use before each lag.

    A disease that begins long before its diagnosis leads to prescribing in the years between. Such reverse causation
    fades as the lag grows; an effect of the drug, or of what leads to its use, does not have to.
    """

    days: tuple[WholeDays, ...] = ()
    """Lags in days, rising."""
    monthly_up_to_years: Annotated[int, Field(ge=1, le=40)] | None = None
    """Lags in whole months of 30.4375 days from 0 to so many years; instead of `days`."""

    @model_validator(mode="after")
    def _rising(self) -> "LagScan":
        if bool(self.days) == (self.monthly_up_to_years is not None):
            found = "both days and monthly_up_to_years" if self.days else "neither days nor monthly_up_to_years"
            raise Wrong(found, "one of them", "write days = [0, 90, 365], say")
        if list(self.days) != sorted(set(self.days)):
            raise Wrong("lags that do not rise", "rising numbers of days, each once")
        return self

    @property
    def stretches(self) -> tuple[int, ...]:
        """The lags between which use that began is counted: fewer than months, so that each holds enough persons.

        >>> LagScan(monthly_up_to_years=3).stretches
        (0, 91, 182, 365, 730, 1095)
        """
        if self.monthly_up_to_years is None:
            return self.days
        months = (0, 3, 6, *range(12, 12 * self.monthly_up_to_years + 1, 12))
        return tuple(int(month * DAYS_IN_A_MONTH) for month in months)

    @property
    def lags(self) -> tuple[int, ...]:
        """Every lag in days.

        >>> LagScan(monthly_up_to_years=1).lags[:4]
        (0, 30, 60, 91)
        """
        if self.monthly_up_to_years is None:
            return self.days
        return tuple(int(month * DAYS_IN_A_MONTH) for month in range(12 * self.monthly_up_to_years + 1))
