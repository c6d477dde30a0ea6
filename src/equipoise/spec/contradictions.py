"""What checks of meaning share: how a contradiction is said, and two questions asked of every design."""

from collections.abc import Iterator, Sequence
from typing import Any

from equipoise.spec.parts import Parts
from equipoise.spec.places import Path

Said = tuple[Any, ...]  # path, found, allowed, remedy


def repeated(where: Path, names: Sequence[str]) -> Iterator[Said]:
    """Names that stand twice in a list."""
    for name in sorted({name for name in names if list(names).count(name) > 1}):
        yield where, f"{name!r} twice", "each once", "remove one of them"


def is_death(parts: Parts, concept_set: str) -> bool:
    """Whether a concept set is one of deaths."""
    found = parts.concept_sets.get(concept_set)
    return found is not None and found.domain == "death"


def interactions(adjust_for: Sequence[str], pairs: Sequence[tuple[str, str]], where: Path) -> Iterator[Said]:
    """Interactions of covariates that the analysis does not adjust for, or of one with itself."""
    yield from repeated((*where, "interactions"), [" × ".join(sorted(pair)) for pair in pairs])
    for i, pair in enumerate(pairs):
        if pair[0] == pair[1] or not set(pair) <= set(adjust_for):
            found = f"{pair[0]!r} × {pair[1]!r}"
            yield (*where, "interactions", i), found, "two different covariates of adjust_for"
