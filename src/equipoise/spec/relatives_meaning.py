"""What contradicts itself in how relatives serve: as controls, and to tell within from between families."""

from collections.abc import Iterator

from equipoise.spec.contradictions import Said, repeated
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.places import Path
from equipoise.spec.relatives import BLOOD_RELATIVES, RelativeControls


def relatives_contradictions(design: NestedCaseControl, where: Path) -> Iterator[Said]:
    """Settings of relatives without them, kinds of families that are not compared; `where` leads to the analysis."""
    if design.relatives != RelativeControls() and not set(BLOOD_RELATIVES) & set(design.comparisons):
        found = f"settings of siblings with comparisons = [{', '.join(map(repr, design.comparisons))}]"
        yield (*where, "design", "relatives"), found, 'them together with the comparison "siblings"'
    place = (*where, "design", "within_between")
    yield from repeated(place, design.within_between)
    for i, kind in enumerate(design.within_between):
        others = [name for name in design.comparisons if name != "population"]
        if kind not in others:
            allowed = ", ".join(map(repr, others)) or "no kind, for the comparisons name no relatives"
            yield (*place, i), f"{kind!r} is not a comparison with relatives", allowed
    if design.within_between and "population" not in design.comparisons:
        remedy = 'add "population" to comparisons: families are compared with families of population controls'
        yield place, "without population controls", '"population" among the comparisons', remedy
    named = set(design.within_between) & set(design.comparisons) & set(BLOOD_RELATIVES)
    if named and design.relatives.compared_on == "case_age":
        remedy = "leave one of the two out: a family is looked at on one day"
        yield place, 'with relatives.compared_on = "case_age"', '"index_date"', remedy
