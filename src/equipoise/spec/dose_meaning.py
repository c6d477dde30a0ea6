"""What contradicts itself in the doses and the indication that a nested case-control design asks for."""

from collections.abc import Iterator

from equipoise.spec.contradictions import Said
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.parts import Parts
from equipoise.spec.places import Path


def dose_contradictions(parts: Parts, design: NestedCaseControl, where: Path) -> Iterator[Said]:
    """Doses over windows that the design does not look at, or asked for twice; `where` leads to the analysis."""
    seen: set[tuple[str, str]] = set()
    for i, asked in enumerate(design.dose_response):
        place = (*where, "design", "dose_response", i)
        for j, window in enumerate(asked.windows):
            if window not in design.windows:
                allowed = ", ".join(map(repr, design.windows))
                yield (*place, "windows", j), f"{window!r} is not a window of the design", allowed
        both = {(asked.by, window) for window in asked.windows or design.windows}
        if both & seen:
            yield (*place, "by"), f"{asked.by!r} twice for a window", "each measure once for a window"
        seen |= both


def indication_contradictions(parts: Parts, design: NestedCaseControl, where: Path) -> Iterator[Said]:
    """An indication that is not whether something was recorded."""
    covariate = parts.covariate(design.indication) if design.indication else None
    if covariate is not None and covariate.kind != "event":
        found = f"covariate {covariate.name!r} is of kind {covariate.kind!r}"
        yield (*where, "design", "indication"), found, "a covariate of kind 'event'"
