"""Grids whose analyses contradict themselves or one another."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError

from equipoise.errors import Fault
from equipoise.spec.contradictions import Said
from equipoise.spec.grids import Cell, Grid
from equipoise.spec.parts import Parts
from equipoise.spec.places import Path, place
from equipoise.spec.study import Analysis, of_cell
from equipoise.spec.wording import worded

Judge = Callable[[Parts, Analysis, Path], Iterator[Said]]
LISTS = ("targets", "comparators", "outcomes")


def grid_faults(parts: Parts, raw: Any, judge: Judge) -> Iterator[Fault]:
    """What is wrong with grids; `judge` finds the contradictions of one analysis."""
    taken = {analysis.id for analysis in parts.analyses.values()} | {item.id for item in parts.sensitivity.values()}
    for i, grid in parts.grids.items():
        where: Path = ("grids", i)
        base = parts.analysis(grid.base)
        if base is None:
            continue
        if base.follow_up is None:
            found = f"analysis {base.id!r} has a design of kind {base.design.kind!r}"
            yield Fault(place((*where, "base"), raw), found, "an analysis with a design of kind 'follow_up'")
            continue
        yield from _own_names(grid, where, raw)
        yield from _cells(parts, grid, base, where, raw, judge)
        for cell in grid.cells():
            if cell.id in taken:
                found = f"makes an analysis {cell.id!r}, of which there is one already"
                yield Fault(place((*where, "id"), raw), found, "ids of its own", "give the grid another id")
            taken.add(cell.id)


def _own_names(grid: Grid, where: Path, raw: Any) -> Iterator[Fault]:
    """Variations set what no list of the grid sets."""
    by_list = {"targets": "target", "comparators": "comparator"}
    for j, variation in enumerate(grid.variations):
        design = variation.change.get("design", {})
        inside = (*where, "variations", j, "change")
        for key in sorted({"id", "label"} & set(variation.change)):
            yield Fault(place((*inside, key), raw), "cannot be changed", "settings of an analysis")
        for name, key in by_list.items():
            if getattr(grid, name) and key in design:
                found = f"{key} in a grid with {name}"
                yield Fault(place((*inside, "design", key), raw), found, "one of them")


def _cells(parts: Parts, grid: Grid, base: Analysis, where: Path, raw: Any, judge: Judge) -> Iterator[Fault]:
    """Faults of the analyses that the base does not have, each once, at the list or variation that makes them."""
    already = list(judge(parts, base, ()))
    seen: set[tuple[Any, ...]] = set()
    for cell in grid.cells():
        inside = _place_of(grid, cell, where)
        try:
            analysis = of_cell(base, cell)
        except ValidationError as error:
            yield from worded(error, Analysis, raw, inside)
            return
        for path, *said in (new for new in judge(parts, analysis, ()) if new not in already):
            if (key := (inside, *said)) not in seen:
                seen.add(key)
                yield Fault(place((*inside, *path) if "variations" in inside else inside, raw), *said)


def _place_of(grid: Grid, cell: Cell, where: Path) -> Path:
    """Where in the file a contradiction of a cell most likely comes from: its variation, else the grid."""
    if cell.variation is not None and cell.variation.change:
        return (*where, "variations", grid.variations.index(cell.variation), "change")
    return where
