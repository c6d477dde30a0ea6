"""Many analyses in few lines: targets, comparators and outcomes crossed with settings, each combination an analysis."""

import hashlib
import re
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Id, Name, Off, Settings, Table, Text, Wrong

LONGEST = 60  # of an id
DIGEST = 8


class Variation(Model):
    """One way of doing every analysis of a grid: the settings of the base analysis that it changes."""

    id: Id
    """Short name; part of the ids of its analyses."""
    why: Text
    """Why it is done; part of the names of its analyses in the report."""
    change: Annotated[Settings, Field(default_factory=Table)]
    """The settings that differ, with those of the design in a table `design`; none where left out."""


class Grid(Model):
    """Every target with every comparator and every outcome, done in every variation: one analysis for each combination.

    What a list does not name is as in the analysis `base`, of a follow-up design. A target is not compared with itself.
    The id of an analysis is made of that of the grid and of the names in the lists, so that it stays the same when the
    lists grow; one of more than 60 signs is cut and ends in eight signs of a hash of the whole.
    """

    id: Id
    """Short name; the ids of its analyses begin with it."""
    base: Name
    """The id of an analysis under `analyses`, of a follow-up design."""
    targets: tuple[Name, ...] = ()
    """Exposures, each the target of analyses of its own."""
    comparators: tuple[Off[Name], ...] = ()
    """Exposures, each the comparator of analyses of its own; `none` is persons without use of the target."""
    outcomes: tuple[Name, ...] = ()
    """Concept sets, or `death`, each the only event of analyses of its own."""
    variations: tuple[Variation, ...] = ()
    """Ways of doing each of these analyses; as the base does it where left out."""

    @model_validator(mode="after")
    def _some_list(self) -> "Grid":
        if not (self.targets or self.comparators or self.outcomes or self.variations):
            raise Wrong("no list", "at least one of targets, comparators, outcomes and variations")
        for name in ("targets", "comparators", "outcomes"):
            listed = getattr(self, name)
            if len(set(listed)) < len(listed):
                raise Wrong(f"{name} that name one thing twice", "each once")
        ids = [variation.id for variation in self.variations]
        if len(set(ids)) < len(ids):
            raise Wrong("variations that share an id", "each id once")
        return self

    def cells(self) -> "Iterator[Cell]":
        """Every combination in the order of the lists, the last list fastest."""
        every = (
            self.targets or (...,),
            self.comparators or (...,),
            self.outcomes or (...,),
            self.variations or (None,),
        )
        for target, comparator, outcome, variation in product(*every):
            if target is ... or target != comparator:
                yield Cell(self, target, comparator, outcome, variation)


class Cell:
    """One combination of a grid; `...` stands for what the base says."""

    def __init__(self, grid: Grid, target: Any, comparator: Any, outcome: Any, variation: Variation | None):
        self.grid, self.variation = grid, variation
        self.target, self.comparator, self.outcome = target, comparator, outcome

    @property
    def id(self) -> str:
        """Unique among the cells of a grid, as long as slugs of its names are; stable when lists grow."""
        named = [name for name in (self.target, self.comparator, self.outcome) if name is not ...]
        words = [self.grid.id, *("none" if name is None else name for name in named)]
        words += [self.variation.id] if self.variation else []
        whole = ".".join(_slug(word) for word in words)
        if len(whole) <= LONGEST:
            return whole
        digest = hashlib.sha256("\n".join(words).encode()).hexdigest()[:DIGEST]
        return f"{whole[: LONGEST - DIGEST - 1]}-{digest}"

    @property
    def change(self) -> dict[str, Any]:
        """The settings of the base that it changes; what a list names comes after what the variation changes."""
        change: dict[str, Any] = dict(self.variation.change) if self.variation else {}
        design: dict[str, Any] = dict(change.get("design", {}))
        if self.target is not ...:
            design["target"] = (self.target,)
        if self.comparator is not ...:
            design["comparator"] = self.comparator
        if self.outcome is not ...:
            design["outcome"] = {**dict(design.get("outcome", {})), "any_of": (self.outcome,)}
        return change | ({"design": design} if design else {})

    def label(self, base: str) -> str:
        """The analysis in words; `base` names that of the base."""
        versus = "" if self.comparator is ... else f" against {self.comparator or 'no use'}"
        said = (
            []
            if self.target is ... and not versus
            else [f"{'' if self.target is ... else self.target}{versus}".strip()]
        )
        said += [] if self.outcome is ... else [str(self.outcome)]
        said += [self.variation.why] if self.variation else []
        return f"{base}: {', '.join(said)}"


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "x"
