"""Relatives as controls: which links of a database make siblings and spouses, and how they are compared with cases."""

from typing import Annotated, Literal

from pydantic import Field

from equipoise.spec.concepts import ConceptItem
from equipoise.spec.model import Model
from equipoise.spec.values import Off, WholeYears

Comparison = Literal["population", "siblings", "half_siblings", "cousins", "spouses"]
BLOOD_RELATIVES = ("siblings", "half_siblings", "cousins")
Items = tuple[ConceptItem, ...]


def _snomed(*codes: str) -> Items:
    return tuple(ConceptItem(vocabulary="SNOMED", code=code) for code in codes)


class Relationships(Model):
    """The concepts by which `fact_relationship` links persons, and `observation` dates their partnerships.

    Each list names concepts as a concept set does. The defaults are the family members of SNOMED CT.
    """

    reads: Literal["first_of_second", "second_of_first"] = "first_of_second"
    """How a row reads: fact 1 is the (mother, say) of fact 2, or fact 2 that of fact 1."""
    full_sibling: Items = _snomed("60614009", "73678001")
    """Siblings with the same two parents."""
    half_sibling: Items = _snomed("45929001", "2272004")
    """Siblings with one parent in common."""
    sibling: Items = _snomed("375005", "70924004", "27733009")
    """Siblings of unknown kind: full siblings only where the parents of both are known and the same."""
    mother: Items = _snomed("72705000", "65656005")
    """Mothers."""
    father: Items = _snomed("66839005", "9947008")
    """Fathers."""
    parent: Items = _snomed("40683002")
    """Parents; their recorded sex tells mother from father."""
    child: Items = _snomed("67822003", "65616008", "66089001")
    """Children: the same link read from the other side."""
    spouse: Items = _snomed("127848009", "127849001", "127850001", "262043009")
    """Spouses and registered partners."""
    partnership_begins: Items = ()
    """Observations that a person married; without any, partnerships have no dates."""
    partnership_ends: Items = ()
    """Observations that a person divorced or was widowed."""


class RelativeControls(Model):
    """How relatives serve as controls, in the comparisons `siblings`, `half_siblings` and `cousins`."""

    siblings_per_case: Off[Annotated[int, Field(ge=1, le=100)]] = None
    """Siblings (half siblings, cousins) drawn for each case, where there are more; `none` takes all."""
    birth_year_caliper: Off[WholeYears] = None
    """Most years between the births of a case and such a relative; `none` switches this off."""
    half_siblings: bool = False
    """Whether, in the comparison `siblings`, those with one parent in common serve as well as full siblings."""
    compared_on: Literal["index_date", "case_age"] = "index_date"
    """They are looked at on the index date of the case, or on the day they were as old as the case on it."""
