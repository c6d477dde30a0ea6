"""What becomes of function after time zero: scores of the ALSFRS-R, how they are read, and what is made of them."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, SomeDays, WholeDays, Wrong

N_ITEMS = 12
Given = Literal["trajectory", "progression", "stages", "ranks", "joint"]


class Function(Model):
    """Scores of the revised ALS functional rating scale (ALSFRS-R, 0 to 48) of both arms after time zero.

    A score counts on its own day, from time zero to the end of follow-up; nothing is carried forward. Numbers outside
    the scale, scores after death, and days whose records differ are left out and counted in `data_quality`.
    """

    total: Name | None = None
    """Concept set of the measured total, 0 to 48; the sum of `items` where it is left out."""
    items: tuple[Name, ...] = ()
    """Concept sets of the twelve items, each 0 to 4, in the order of the scale: speech, salivation, swallowing,
    handwriting, cutting food, dressing and hygiene, turning in bed, walking, climbing stairs, dyspnoea, orthopnoea,
    respiratory insufficiency. Stages need them."""
    onset: Name | None = None
    """Concept set whose first record is the day of the first symptom; `progression` needs it."""
    gastrostomy: Name | None = None
    """Concept set whose first record is a gastrostomy, which makes King's stage 4."""
    ventilation: Name | None = None
    """Concept set whose first record is the start of ventilation, which makes King's stage 4."""
    gives: Annotated[tuple[Given, ...], Field(min_length=1)] = ("trajectory", "ranks", "joint")
    """Mean scores over time and their slopes (trajectory), points lost a month from onset to time zero (progression),
    King's and MiToS stages (stages), combined assessment of function and survival with win ratio (ranks), and the
    joint model of scores and the outcome (joint)."""
    baseline_days: WholeDays = 30
    """Days after time zero up to which a person's first score stands for time zero."""
    until_day: SomeDays = 730
    """Mean scores over time: last day after time zero whose scores count. Later ones are of the few who live long."""
    shape: Literal["linear", "spline"] = "linear"
    """Mean scores along a straight line, or along a natural cubic spline; each person's own line is straight."""
    knots_days: tuple[WholeDays, ...] = ()
    """Days of the knots of the spline, the outer ones included, three or more; beyond them it is straight."""
    day: SomeDays = 365
    """Day after time zero of the combined assessment, and up to which slopes of a spline and effects of the joint model
    are given."""
    within_days: WholeDays = 45
    """Combined assessment: most days between `day` and the score that stands for it."""
    association: Literal["value", "slope", "both"] = "value"
    """Joint model: what of the trajectory acts on the hazard, its current value, its slope, or both."""
    baseline_hazard: Literal["weibull", "piecewise", "spline"] = "spline"
    """Joint model: form of the baseline hazard."""

    @model_validator(mode="after")
    def _enough(self) -> "Function":
        if self.items and (len(self.items) != N_ITEMS or len(set(self.items)) != N_ITEMS):
            found = f"{len(set(self.items))} different concept sets in items"
            raise Wrong(found, f"the {N_ITEMS} items, in the order of the scale")
        if self.total is None and not self.items:
            raise Wrong("neither total nor items", "a concept set of the total, or those of the twelve items")
        if "stages" in self.gives and not self.items:
            raise Wrong("stages without items", "the twelve items", "a total does not tell which function is lost")
        if "progression" in self.gives and self.onset is None:
            raise Wrong("progression without onset", "a concept set of the first symptom")
        if self.baseline_days >= self.day:
            raise Wrong(f"baseline_days = {self.baseline_days} with day = {self.day}", "baseline_days below day")
        if self.until_day <= self.baseline_days:
            found = f"until_day = {self.until_day} with baseline_days = {self.baseline_days}"
            raise Wrong(found, "until_day above baseline_days")
        self._knots()
        return self

    def _knots(self) -> None:
        knots = self.knots_days
        if (self.shape == "spline") != bool(knots):
            found = f'shape = "{self.shape}" {"with" if knots else "without"} knots_days'
            raise Wrong(found, 'knots_days with shape = "spline", and only with it', "write knots_days = [0, 182, 730]")
        if knots and (len(knots) < 3 or any(b <= a for a, b in pairwise(knots))):
            raise Wrong("knots_days that are fewer than three, or do not rise", "three or more days that rise")

    @property
    def scores(self) -> dict[str, tuple[Name, int]]:
        """Concept set and largest value of each quantity that is read: `total`, then `item 1` to `item 12`."""
        found: dict[str, tuple[Name, int]] = {} if self.total is None else {"total": (self.total, 4 * N_ITEMS)}
        return found | {f"item {at}": (name, 4) for at, name in enumerate(self.items, start=1)}

    @property
    def firsts(self) -> dict[str, Name]:
        """Concept sets of which a person's first record counts, by their key."""
        named = (("onset", self.onset), ("gastrostomy", self.gastrostomy), ("ventilation", self.ventilation))
        return {key: name for key, name in named if name is not None}
