"""A graded score of the drugs a person used, as a dose beside the arms of a follow-up design."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, Text, Wrong, shown

Points = Annotated[float, Field(ge=0, le=1000)]


class ScoredDrugs(Model):
    """Drugs of one score."""

    concept_set: Name
    """The drugs; use of several of them counts once."""
    score: Points
    """Their score; 0 for drugs without the effect."""


class Score(Model):
    """The drugs of the scale that a person used where use makes the arm, each once, as one number.

    Drugs without a score do not count, and neither does how often or how much of a drug was dispensed. A person without
    a drug of the scale is at 0.
    """

    knowledge: Literal["rem_sleep"] | None = None
    """A topic of `equipoise knowledge` with scores: 0 no suppression of REM sleep, 1 slight, 2 clear, 3 strong."""
    file: Text | None = None
    """With `knowledge`: facts of your own in place of those of Equipoise, by a path relative to the study file."""
    scored: tuple[ScoredDrugs, ...] = ()
    """A scale of your own, in place of `knowledge`."""
    combine: Literal["highest", "sum", "mean"] = "highest"
    """The score of several drugs: the highest, their sum (as burden scores do), or their mean."""
    categories_from: tuple[Annotated[float, Field(gt=0)], ...] = ()
    """Scores at which categories above the lowest begin; where left out, every score of `highest` is one, and sum and
    mean have a trend alone."""

    @model_validator(mode="after")
    def _one_scale(self) -> "Score":
        if (self.knowledge is None) == (not self.scored):
            found = "neither knowledge nor scored" if not self.scored else "both knowledge and scored"
            raise Wrong(found, "exactly one of knowledge and scored")
        if self.file is not None and self.knowledge is None:
            raise Wrong("file without knowledge", "file together with knowledge")
        names = [item.concept_set for item in self.scored]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise Wrong(f"{shown(twice)} more than once", "each concept set once")
        if self.scored and not any(item.score > 0 for item in self.scored):
            raise Wrong("no score above 0", "at least one score above 0")
        if list(self.categories_from) != sorted(set(self.categories_from)):
            raise Wrong(f"categories_from = {list(self.categories_from)}", "rising scores")
        return self

    @property
    def cut_points(self) -> tuple[float, ...]:
        """Where the categories above the lowest begin; none where there is a trend alone."""
        if self.categories_from or self.combine != "highest":
            return self.categories_from
        return tuple(sorted({item.score for item in self.scored if item.score > 0}))
