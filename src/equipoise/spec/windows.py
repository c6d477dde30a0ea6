"""Windows of days before an index date, and the one place where years become days."""

from math import floor, inf, isinf
from typing import Annotated

from pydantic import Field, model_validator

from equipoise.spec.model import Model

DAYS_PER_YEAR = 365.25


def days_in_years(years: float) -> int:
    """Whole days in `years`: floor(365.25 × years), so 1 year = 365 days and 5 years = 1826.

    >>> days_in_years(1), days_in_years(5)
    (365, 1826)
    """
    return floor(DAYS_PER_YEAR * years)


Bound = Annotated[float, Field(ge=0)]


class Window(Model):
    """Days before an anchor (the index date), which itself is never inside: only day -1 and earlier count.

    `days_before = [a, b]` and `years_before = [a, b]` mean *more than a, up to and including b* days or years before;
    `b = inf` leaves the far end open. So `[0, 90]` days is [-90, -1] and `[1, 5]` years is [-1826, -366].

    >>> Window(years_before=(1, 5)).first_day, Window(years_before=(1, 5)).last_day
    (-1826, -366)
    >>> Window(days_before=(0, float("inf"))).first_day is None
    True
    """

    days_before: tuple[Bound, Bound] | None = None
    years_before: tuple[Bound, Bound] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Window":
        if (self.days_before is None) == (self.years_before is None):
            raise ValueError("give exactly one of days_before = [near, far] or years_before = [near, far]")
        near, far = self._bounds
        if isinf(near) or near >= far:
            raise ValueError("the near bound comes first, is finite and is smaller than the far bound")
        if self.days_before and any(not isinf(bound) and bound != int(bound) for bound in self.days_before):
            raise ValueError("days are whole numbers (or inf)")
        if not isinf(far) and self.first_day is not None and self.first_day > self.last_day:
            raise ValueError("the window holds no whole day")
        return self

    @property
    def _bounds(self) -> tuple[float, float]:
        bounds = self.days_before or self.years_before
        assert bounds is not None
        return bounds

    def _days(self, bound: float) -> int:
        return days_in_years(bound) if self.years_before else int(bound)

    @property
    def first_day(self) -> int | None:
        """Earliest day relative to the index date, inclusive; None where the window is open."""
        far = self._bounds[1]
        return None if far == inf else -self._days(far)

    @property
    def last_day(self) -> int:
        """Latest day relative to the index date, inclusive."""
        return -self._days(self._bounds[0]) - 1

    def overlaps(self, other: "Window") -> bool:
        """True where some day lies in both windows."""

        def starts_after(window: Window, day: int) -> bool:
            return window.first_day is not None and window.first_day > day

        return not (starts_after(self, other.last_day) or starts_after(other, self.last_day))
