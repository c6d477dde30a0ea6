"""Whether a hazard ratio and a difference in survival point to the same arm, and what explains it where they do not."""

from dataclasses import dataclass
from math import isfinite, log
from typing import Literal

from equipoise.errors import DesignError, Fault

# A Cox ratio and the ratio of cumulative hazards agree only about, even where hazards are proportional.
ABOUT_EQUAL = 0.15  # on the logarithmic scale
Explanation = Literal["coherent", "swapped_reference", "crossing_curves", "too_small_to_tell", "not_explained"]


@dataclass(frozen=True, slots=True)
class Direction:
    """What `assess_direction` found.

    coherent                 whether both point to the same arm, or one of them to neither
    explanation              why not, where they do not
    survival_difference      target less reference
    cumulative_hazard_ratio  ln S(target) / ln S(reference); nan where a survival is 0 or 1
    """

    hazard_ratio: float
    survival_difference: float
    cumulative_hazard_ratio: float
    explanation: Explanation

    @property
    def coherent(self) -> bool:
        return self.explanation == "coherent"

    @property
    def text(self) -> str:
        """The explanation in a sentence."""
        if self.explanation == "swapped_reference":
            return (
                f"The ratio the other way round, {1 / self.hazard_ratio:.2f}, fits the survival: the cumulative "
                f"hazards have the ratio {self.cumulative_hazard_ratio:.2f}. The reference was swapped."
            )
        return {
            "coherent": "Hazard ratio and survival point to the same arm.",
            "too_small_to_tell": "The ratio and its inverse fit the survival about equally: both are near 1.",
            "crossing_curves": "The curves cross, so the hazards are not proportional: one ratio does not sum them up.",
            "not_explained": (
                "The curves shown do not cross, and the ratio the other way round does not fit the survival either; "
                "look for hazards that are not proportional, or a difference that is small against its interval."
            ),
        }[self.explanation]


def assess_direction(
    hazard_ratio: float, *, survival_target: float, survival_reference: float, crossing: bool = False
) -> Direction:
    """Hold a hazard ratio (target against reference) beside the survival of both arms at one time.

    In a coherent result a hazard ratio above 1 goes with lower survival in the target arm. Where both have the same
    sign, curves known to cross (`crossing`) explain it, or a reference that was swapped: then the ratio the other way
    round is about that of the cumulative hazards, and the ratio itself is not. Where both are, neither can be told.

    Raises DesignError for a ratio that is not above 0 and a survival outside 0 to 1.

    Example, as printed for REM-suppressing antidepressants in ALS (47.18 % against 41.06 % alive, "HR 1.21"):
        >>> from equipoise import assess_direction
        >>> found = assess_direction(1.21, survival_target=0.4718, survival_reference=0.4106)
        >>> found.explanation, round(found.cumulative_hazard_ratio, 2)
        ('swapped_reference', 0.84)
        >>> assess_direction(1 / 1.21, survival_target=0.4718, survival_reference=0.4106).coherent
        True
    """
    if not (isfinite(hazard_ratio) and hazard_ratio > 0):
        raise DesignError(Fault("hazard_ratio", repr(hazard_ratio), "a number above 0"))
    for name, value in (("survival_target", survival_target), ("survival_reference", survival_reference)):
        if not 0 <= value <= 1:
            raise DesignError(Fault(name, repr(value), "a probability from 0 to 1"))
    difference = survival_target - survival_reference
    inside = all(0 < value < 1 for value in (survival_target, survival_reference))
    cumulative = log(survival_target) / log(survival_reference) if inside else float("nan")
    explanation: Explanation = "not_explained"
    if log(hazard_ratio) * difference <= 0:
        explanation = "coherent"
    elif crossing:
        explanation = "crossing_curves"
    elif inside and abs(log(hazard_ratio) + log(cumulative)) <= ABOUT_EQUAL:
        fits_as_it_is = abs(log(hazard_ratio) - log(cumulative)) <= ABOUT_EQUAL
        explanation = "too_small_to_tell" if fits_as_it_is else "swapped_reference"
    return Direction(hazard_ratio, difference, cumulative, explanation)
