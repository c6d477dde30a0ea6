"""The counts of the result tables as one network: which cells are the same number, and which numbers add up.

Suppression needs this, because a hidden count is given away by any sum in which it is the only unknown.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import pyarrow as pa

from equipoise.errors import EquipoiseError, Fault
from equipoise.results.schema import Chain, Joined, Levels, Overlap, Parts, Same, Total
from equipoise.results.tables import TABLES

Cell = tuple[str, int, str]  # table, row, column

# So many different counts, or one so large, do not agree by chance.
SEVERAL, LARGE = 3, 50


@dataclass(frozen=True, slots=True)
class Relation:
    """Σ coefficient × number = constant. `terms` maps numbers (by their index) to coefficients."""

    terms: dict[int, int]
    constant: int = 0


@dataclass(slots=True)
class Network:
    """Numbers and the relations between them.

    `value[i]` is the number, `cells[i]` where it is published (nowhere for a complement such as unexposed cases of an
    estimate). Two cells that hold the same number are one entry; `number` leads from a cell to it.
    """

    value: list[int] = field(default_factory=list)
    cells: list[list[Cell]] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    number: dict[Cell, int] = field(default_factory=dict)

    def add(self, value: int, cells: list[Cell]) -> int:
        self.value.append(value)
        self.cells.append(cells)
        return len(self.value) - 1


def build_network(tables: Mapping[str, pa.Table]) -> Network:
    """The network of every count in the tables, by the links that the tables declare. Null counts take no part."""
    return _Builder({name: table.to_pylist() for name, table in tables.items()}).build()


def chains(name: str, link: Chain, content: list[dict[str, Any]]) -> list[list[int]]:
    """Rows of each chain in order. Chains with null counts are left out; one whose counts do not follow is an error."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    columns = (link.entering, link.leaving, link.staying)
    for i in sorted(range(len(content)), key=lambda i: content[i][link.position]):
        groups[tuple(content[i][column] for column in link.by)].append(i)
    whole = [
        chain for chain in groups.values() if all(content[i][column] is not None for i in chain for column in columns)
    ]
    for chain in whole:
        before = content[chain[0]][link.entering]
        for row in (content[i] for i in chain):
            if row[link.entering] != before or before - row[link.leaving] != row[link.staying]:
                where = f"table {name}, rule {row[link.position]}"
                found = "counts that do not follow from the rule before"
                raise EquipoiseError(Fault(where, found, "each rule starting from what the last one left"))
            before = row[link.staying]
    return whole


class _Builder:
    """Reads the rows once and turns each declared link into shared numbers or relations."""

    def __init__(self, rows: dict[str, list[dict[str, Any]]]):
        self.rows = rows
        self.network = Network()
        self.number = self.network.number
        self.places: dict[Total, dict[tuple[Any, ...], int]] = {}
        self.unpublished: dict[tuple[Any, ...], int] = {}

    def build(self) -> Network:
        self._join_cells()
        for name in self.rows:
            for link in TABLES[name].links:
                if isinstance(link, Parts):
                    self.network.relations += self._parts(name, link)
                elif isinstance(link, Levels):
                    self.network.relations += self._levels(name, link)
                elif isinstance(link, Joined):
                    self.network.relations += self._joined(name, link)
                elif isinstance(link, Overlap):
                    self.network.relations += self._overlaps(name, link)
                elif isinstance(link, Chain):
                    self.network.relations += self._chains(name, link)
        return self.network

    def _join_cells(self) -> None:
        """Give each cell its number. Cells joined by a `Same` link share one where their values agree."""
        leader = {
            (name, i, column): (name, i, column)
            for name, content in self.rows.items()
            for column in TABLES[name].counts
            for i, row in enumerate(content)
            if row[column] is not None
        }

        def find(cell: Cell) -> Cell:
            while leader[cell] != cell:
                leader[cell] = leader[leader[cell]]
                cell = leader[cell]
            return cell

        for one, other in (*self._same_pairs(), *self._chain_pairs(), *self._twin_pairs()):
            leader[find(one)] = find(other)
        groups: dict[Cell, list[Cell]] = defaultdict(list)
        for cell in leader:
            groups[find(cell)].append(cell)
        for members in groups.values():
            name, i, column = members[0]
            self.number |= dict.fromkeys(members, self.network.add(self.rows[name][i][column], members))

    def _same_pairs(self) -> Iterator[tuple[Cell, Cell]]:
        for name, content in self.rows.items():
            for link in TABLES[name].links:
                if not isinstance(link, Same):
                    continue
                there: dict[tuple[Any, ...], Cell] = {}
                for i, row in enumerate(self.rows.get(link.table, [])):
                    key = (row[link.other], *(row[other] for _, other in link.on))
                    there.setdefault(key, (link.table, i, link.other))
                for i, row in enumerate(content):
                    match = there.get((row[link.column], *(row[own] for own, _ in link.on)))
                    # Zeros are always shown, so nothing is gained by joining them.
                    concerned = link.where is None or row[link.where[0]] == link.where[1]
                    if match is not None and row[link.column] and concerned:
                        yield (name, i, link.column), match

    def _chain_pairs(self) -> Iterator[tuple[Cell, Cell]]:
        """What a rule of attrition leaves is what enters the next one."""
        for name, content in self.rows.items():
            for link in TABLES[name].links:
                if isinstance(link, Chain):
                    for chain in chains(name, link, content):
                        for before, after in pairwise(chain):
                            yield (name, before, link.staying), (name, after, link.entering)

    def _twin_pairs(self) -> Iterator[tuple[Cell, Cell]]:
        """Counts of two analyses, comparisons or exposures that agree in all rows they share: the persons are the same.

        No table need declare this. Zeros are always shown, so nothing is gained by joining them.
        """
        for name, content in self.rows.items():
            for column in TABLES[name].counts:
                for apart in (("analysis",), ("comparison",), ("analysis", "comparison"), ("exposure",)):
                    if set(apart) <= set(TABLES[name].keys):
                        for i, j in _twins(content, column, TABLES[name].keys, apart):
                            if content[i][column]:
                                yield (name, i, column), (name, j, column)

    def _chains(self, name: str, link: Chain) -> Iterator[Relation]:
        for chain in chains(name, link, self.rows[name]):
            for i in chain:
                entering, leaving, staying = (
                    self.number[name, i, column] for column in (link.entering, link.leaving, link.staying)
                )
                yield _relation([(entering, -1), (leaving, 1), (staying, 1)])

    def _parts(self, name: str, link: Parts) -> Iterator[Relation]:
        published = [part for part in link.parts if not part.startswith(".")]
        for i, row in enumerate(self.rows[name]):
            if row[link.total] is None or any(row[part] is None for part in published):
                continue
            rest = row[link.total] - sum(row[part] for part in published)
            numbers = [self.number[name, i, part] for part in published]
            if len(published) < len(link.parts) and rest >= 0:
                numbers.append(self.network.add(rest, []))
            elif rest != 0:
                continue
            yield _relation([(self.number[name, i, link.total], -1), *((n, 1) for n in numbers)])

    def _levels(self, name: str, link: Levels) -> Iterator[Relation]:
        for key, rows in self._groups(name, link).items():
            cells = [(i, column) for i in rows for column in link.columns]
            known = [(i, column) for i, column in cells if self.rows[name][i][column] is not None]
            parts = [
                (self.number[name, i, column], 1 if link.times is None else self.rows[name][i][link.times])
                for i, column in known
            ]
            value = sum(self.network.value[n] * times for n, times in parts)
            if link.within is not None:
                if len(known) == len(cells):
                    yield from self._with_rest(self.number.get((name, rows[0], link.within)), parts, value)
                continue
            total = self._total(name, link, dict(zip(link.by, key, strict=True)), value)
            if total is not None:
                yield _relation([*parts, (total, -1)])
            elif link.known and len(parts) > 1:
                yield _relation(parts, value)

    def _with_rest(self, total: int | None, parts: list[tuple[int, int]], value: int) -> Iterator[Relation]:
        if total is not None and self.network.value[total] >= value:
            rest = self.network.add(self.network.value[total] - value, [])
            yield _relation([*parts, (rest, 1), (total, -1)])

    def _groups(self, name: str, link: Levels) -> dict[tuple[Any, ...], list[int]]:
        groups: dict[tuple[Any, ...], dict[Any, int]] = defaultdict(dict)
        for i, row in enumerate(self.rows[name]):
            if link.where is None or row[link.where[0]] == link.where[1]:
                groups[tuple(row[column] for column in link.by)].setdefault(row[link.once] if link.once else i, i)
        return {key: list(members.values()) for key, members in groups.items()}

    def _total(self, name: str, link: Levels, key: Mapping[str, Any], value: int) -> int | None:
        """The published number that a group of rows adds up to, or the unpublished one that groups share, if any."""
        for total in link.totals:
            place = (value, *(key[column] for column in total.on))
            if place in self._places(total):
                return self._places(total)[place]
        if link.shared is None:
            return None
        unpublished = (name, link, value, *(key[column] for column in link.shared))
        if unpublished not in self.unpublished:
            self.unpublished[unpublished] = self.network.add(value, [])
        return self.unpublished[unpublished]

    def _places(self, total: Total) -> dict[tuple[Any, ...], int]:
        if total not in self.places:
            self.places[total] = {
                (row[total.column], *(row[name] for name in total.on)): self.number[total.table, i, total.column]
                for i, row in enumerate(self.rows.get(total.table, []))
                if row[total.column] is not None and (total.where is None or row[total.where[0]] == total.where[1])
            }
        return self.places[total]

    def _joined(self, name: str, link: Joined) -> Iterator[Relation]:
        there = {tuple(row[other] for _, other in link.on): i for i, row in enumerate(self.rows.get(link.table, []))}
        for i, row in enumerate(self.rows[name]):
            match = there.get(tuple(row[own] for own, _ in link.on))
            cells = [(name, i, part) for part in (link.total, *link.parts)]
            numbers = [
                self.number.get(cell) for cell in (*cells, (link.table, -1 if match is None else match, link.other))
            ]
            known = [number for number in numbers if number is not None]
            if len(known) < len(numbers):
                continue
            total, *parts = known
            if self.network.value[total] == sum(self.network.value[number] for number in parts):
                yield _relation([(total, -1), *((number, 1) for number in parts)])

    def _overlaps(self, name: str, link: Overlap) -> Iterator[Relation]:
        """Persons with either of two exposures = the first + the second - both, for every group that is their union."""
        found: dict[tuple[Any, ...], list[list[int]]] = defaultdict(list)
        users = self._users(link)
        for i, row in enumerate(self.rows[name]):
            for member in users[tuple(row[column] for column in link.on)]:
                one, other = member.get(row[link.name]), member.get(row[link.other])
                for group in set(member) - {row[link.name], row[link.other]} if None not in (one, other) else ():
                    key = (*(row[column] for column in link.within), row[link.name], row[link.other], group)
                    for both, count in zip(link.both, link.columns, strict=True):
                        cells = [(link.table, at, count) for at in (one, other, member[group])]
                        numbers = [self.number.get(cell) for cell in ((name, i, both), *cells)]
                        if None not in numbers:
                            found[key].append([n for n in numbers if n is not None])
        value = self.network.value
        for quadruples in found.values():
            if all(value[q[0]] == value[q[1]] + value[q[2]] - value[q[3]] for q in quadruples):
                for overlap, first, second, union in quadruples:
                    yield _relation([(first, 1), (second, 1), (overlap, -1), (union, -1)])

    def _users(self, link: Overlap) -> dict[tuple[Any, ...], list[dict[str, int]]]:
        """By the columns the rows are joined by: for each way of reading use, the row of each exposure."""
        found: dict[tuple[Any, ...], dict[tuple[Any, ...], dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
        # Levels are worded by exposure; the first row of each is that of the users.
        others = [key for key in TABLES[link.table].keys if key not in (*link.on, link.name, "level")]
        for i, row in enumerate(self.rows.get(link.table, [])):
            key = tuple(row[column] for column in link.on)
            found[key][tuple(row[column] for column in others)].setdefault(row[link.name], i)
        return defaultdict(list, {key: list(variants.values()) for key, variants in found.items()})


def _twins(
    content: list[dict[str, Any]], column: str, keys: Sequence[str], apart: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """Rows that differ in the columns `apart` only, of two values of these whose rows all have the same count."""
    rest = [key for key in keys if key not in apart]
    parts: dict[tuple[Any, ...], dict[tuple[Any, ...], int]] = defaultdict(dict)
    for i, row in enumerate(content):
        if row[column] is not None:
            parts[tuple(row[key] for key in apart)][tuple(row[key] for key in rest)] = i
    for one, other in combinations(parts.values(), 2):
        shared = [(one[key], other[key]) for key in one if key in other]
        if all(content[i][column] == content[j][column] for i, j in shared):
            values = {content[i][column] for i, _ in shared} - {0}
            # Few and small counts may agree by chance.
            if len(values) >= SEVERAL or max(values, default=0) >= LARGE:
                yield from shared


def _relation(terms: list[tuple[int, int]], constant: int = 0) -> Relation:
    """Terms of the same number are put together; those that cancel are left out."""
    together: dict[int, int] = defaultdict(int)
    for number, times in terms:
        together[number] += times
    return Relation({number: times for number, times in together.items() if times}, constant)
