"""Windows of days before an index date, and the one place where years become days."""

from math import floor, inf, isinf
from typing import Any

from pydantic import field_validator, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import MOST_DAYS, Bound, Wrong

DAYS_PER_YEAR = 365.25


def days_in_years(years: float) -> int:
    """Whole days in `years`: floor(365.25 × years), so 1 year = 365 days and 5 years = 1826.

    >>> days_in_years(1), days_in_years(5)
    (365, 1826)
    """
    return floor(DAYS_PER_YEAR * years)


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
    """More than the first and up to the second number of days before; `inf` leaves the far end open."""
    years_before: tuple[Bound, Bound] | None = None
    """The same in years; k years are floor(365.25 k) days."""

    @field_validator("days_before", "years_before", mode="before")
    @classmethod
    def _not_after(cls, bounds: Any) -> Any:
        numbers = bounds if isinstance(bounds, list | tuple) else ()
        if any(isinstance(bound, int | float) and bound < 0 for bound in numbers):
            raise Wrong(
                "days after the index date",
                "days before it: two numbers of at least 0",
                "what is measured only after time zero is no characteristic of those who are compared",
            )
        return bounds

    @model_validator(mode="after")
    def _ordered(self) -> "Window":
        if (self.days_before is None) == (self.years_before is None):
            given = "both" if self.days_before else "neither"
            raise Wrong(
                f"{given} of days_before and years_before",
                "exactly one of them",
                "write days_before = [0, 365], say, or years_before = [0, 1]",
            )
        near, far = self._bounds
        if isinf(near) or near >= far:
            raise Wrong(f"[{near:g}, {far:g}]", "[near, far], where near is smaller than far; far may be inf")
        if self.days_before and any(not isinf(bound) and bound != int(bound) for bound in self.days_before):
            raise Wrong(f"[{near:g}, {far:g}] days", "whole days, or inf")
        if max(self._days(bound) for bound in self._bounds if not isinf(bound)) > MOST_DAYS:
            raise Wrong(f"[{near:g}, {far:g}]", f"at most {MOST_DAYS:,} days", "write inf to leave the far end open")
        if self.first_day is not None and self.first_day > self.last_day:
            raise Wrong(f"[{near:g}, {far:g}] holds no whole day", "at least one day")
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


class CovariateWindow(Window):
    """Days before an anchor in which a covariate is looked for, and, where asked for, the anchor itself.

    >>> CovariateWindow(days_before=(0, float("inf")), time_zero=True).last_day
    0
    """

    time_zero: bool = False
    """Whether time zero itself counts too, as for what is recorded with the diagnosis; in follow-up designs only, with
    0 as the first of the two bounds."""

    @model_validator(mode="before")
    @classmethod
    def _from_window(cls, given: Any) -> Any:
        return given.model_dump() if type(given) is Window else given

    @model_validator(mode="after")
    def _up_to_time_zero(self) -> "CovariateWindow":
        if self.time_zero and self._bounds[0] > 0:
            found = f"time_zero = true with a window that ends {self._bounds[0]:g} before"
            raise Wrong(found, "0 as the first bound, such as days_before = [0, inf]")
        return self

    @property
    def last_day(self) -> int:
        """Latest day relative to the index date, inclusive."""
        return 0 if self.time_zero else super().last_day
