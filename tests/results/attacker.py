"""An attacker on whole runs, who works apart from the package's own proof.

Beside the sums that the tables declare, the attacker knows every sum that the tables of a run obey without declaring
it: columns that add up in all rows of a table, counts that are the same number wherever rows of two tables agree, rows
that add up to a count of the same or another table, and analyses or comparisons that hold the same persons. They are
found by trying, on the true numbers; such a sum must hold in every row it concerns and be no coincidence.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import combinations

import numpy as np
import pyarrow as pa
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from equipoise.results.network import build_network
from equipoise.results.tables import TABLES

Cell = tuple[str, int, str]
Row = Mapping[str, object]
# Columns of keys that say the same under different names.
ALIAS = {"target_level": "level", "covariate": "variable", "group": "arm"}
LARGE, FAR = 50, 400.0
LIMITS = {"node_limit": 20_000}


class Attacker:
    """What can be worked out from `published`, given the sums that hold in `truth` (both tables by name)."""

    def __init__(self, published: Mapping[str, pa.Table], truth: Mapping[str, pa.Table]):
        rows = {name: table.to_pylist() for name, table in truth.items() if name in published}
        shown = {name: published[name].to_pylist() for name in rows}
        self.truth = {
            (name, i, column): row[column]
            for name, content in rows.items()
            for column in TABLES[name].counts
            for i, row in enumerate(content)
            if row[column] is not None
        }
        self.shown = {cell for cell in self.truth if shown[cell[0]][cell[1]][cell[2]] is not None}
        self.leader: dict[object, object] = {}
        self.sums: list[dict[object, int]] = []
        self.least = dict.fromkeys(self.truth, 1)
        self._declared(truth)
        for same in (*same_numbers(rows), *same_persons(rows)):
            self._join(*same)
        self.found = [*sums_in_rows(rows), *sums_of_rows(rows)]
        self.sums += self.found

    def _declared(self, truth: Mapping[str, pa.Table]) -> None:
        network = build_network(truth)
        name: list[object] = []
        for i, cells in enumerate(network.cells):
            name.append(cells[0] if cells else ("nowhere", i, ""))
            for cell in cells:
                self._join(cells[0], cell)
            if not cells:
                self.truth[name[i]] = network.value[i]
                self.least[name[i]] = 0
        # A sum that is taken to be known from outside is a number of its own, which is shown.
        for at, relation in enumerate(network.relations):
            terms: dict[object, int] = {name[n]: times for n, times in relation.terms.items()}
            if relation.constant:
                outside = ("outside", at, "")
                self.truth[outside], terms[outside] = relation.constant, -1
                self.shown.add(outside)
            self.sums.append(terms)

    def _join(self, one: object, other: object) -> None:
        assert self.truth[one] == self.truth[other], "not the same number"
        self.leader[self._find(one)] = self._find(other)

    def _find(self, cell: object) -> object:
        while (up := self.leader.setdefault(cell, cell)) != cell:
            self.leader[cell] = self.leader[up]
            cell = self.leader[cell]
        return cell

    def pinned(self, k: int) -> list[tuple[object, int]]:
        """Hidden numbers of 1 to `k` - 1, and any others that are hidden, for which only the true number fits."""
        known = {self._find(cell) for cell in self.shown}
        unknown = list(dict.fromkeys(found for cell in self.truth if (found := self._find(cell)) not in known))
        least: dict[object, int] = defaultdict(int)
        for cell, value in self.least.items():
            least[self._find(cell)] = max(least[self._find(cell)], value)
        at = {cell: n for n, cell in enumerate(unknown)}
        entries = []
        for i, terms in enumerate(self.sums):
            assert sum(times * self.truth[cell] for cell, times in terms.items()) == 0, terms
            entries += [(i, at[found], times) for cell, times in terms.items() if (found := self._find(cell)) in at]
        low = np.array([least[cell] - self.truth[cell] for cell in unknown], dtype=float)
        stuck = _stuck(entries, np.maximum(low, -FAR), len(self.sums))
        published = {self._find(cell) for cell in self.truth if cell[0] in TABLES}
        return [
            (unknown[n], self.truth[unknown[n]])
            for n in stuck
            if 1 <= self.truth[unknown[n]] < k or unknown[n] in published
        ]

    def same_as(self, cell: object) -> set[object]:
        """Every place of the number that stands here."""
        return {other for other in self.truth if self._find(other) == self._find(cell)}

    def given_away(self) -> list[Cell]:
        """Hidden cells whose number is shown in another place."""
        known = {self._find(cell) for cell in self.shown}
        return [
            cell for cell in self.truth if cell[0] in TABLES and cell not in self.shown and self._find(cell) in known
        ]


def _stuck(entries: list[tuple[int, int, int]], low: np.ndarray, n_sums: int) -> list[int]:
    """Unknowns that no solution in whole numbers moves, one group that hangs together after another."""
    i, j, times = np.array(entries, dtype=float).reshape(-1, 3).T
    matrix = csr_array((times, (i.astype(int), j.astype(int))), shape=(n_sums, len(low)))
    ends = coo_array((np.ones(len(i)), (i.astype(int), j.astype(int) + n_sums)), shape=(n_sums + len(low),) * 2)
    group = connected_components(ends, directed=False)[1][n_sums:]
    order = np.argsort(group, kind="stable")
    found: list[int] = []
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        part = matrix[:, members]
        rows = np.flatnonzero(np.diff(part.indptr))
        if len(rows):
            found += [int(members[n]) for n in _stuck_in(part[rows], low[members])]
    return sorted(found)


def _stuck_in(sums: csr_array, low: np.ndarray) -> np.ndarray:
    """All that are left are asked at once until none moves more; what then is left is asked one by one."""
    left = np.ones(len(low), dtype=bool)
    weights = np.random.default_rng(1).uniform(1, 2, len(low))
    before = None
    while before != left.sum():
        before = left.sum()
        for goal in (1.0, -1.0):
            left &= _move(sums, low, goal * weights * left, False) == 0
    for n in np.flatnonzero(left):
        for goal in (1.0, -1.0):
            if left[n]:
                left &= _move(sums, low, goal * (np.arange(len(low)) == n), True) == 0
    return np.flatnonzero(left)


def _move(sums: csr_array, low: np.ndarray, goal: np.ndarray, whole: bool) -> np.ndarray:
    """A solution in whole numbers with a small sum of `goal`; zeros where the one found is not whole."""
    constraint, bounds = LinearConstraint(sums, 0, 0), Bounds(low, np.full(len(low), FAR))
    options = LIMITS if whole else {}
    found = milp(
        goal, integrality=np.full(len(low), int(whole)), bounds=bounds, constraints=constraint, options=options
    )
    if found.x is None:
        return np.zeros(len(low))
    moves = np.round(found.x)
    return moves if not (sums @ moves).any() and (moves >= low).all() else np.zeros(len(low))


def _counted(rows: Mapping[str, list[Row]]) -> Iterator[tuple[str, list[Row], str]]:
    for name, content in rows.items():
        for column in TABLES[name].counts:
            if any(row[column] for row in content):
                yield name, content, column


@cache
def _keys(name: str) -> dict[str, str]:
    """Columns that identify a row, by the name that tables share."""
    return {
        ALIAS.get(column, column): column for column in (*TABLES[name].keys, *ALIAS) if column in TABLES[name].names
    }


def _views(name: str, content: list[Row]) -> Iterator[list[int]]:
    """All rows of a table, and those with one value of one key."""
    yield list(range(len(content)))
    for column in _keys(name).values():
        if 1 < len(values := {row[column] for row in content}) <= 12:
            for value in sorted(values, key=str):
                yield [i for i, row in enumerate(content) if row[column] == value]


def _is_no_coincidence(values: Iterable[int]) -> bool:
    """Three or more agree, at least two of them different or all of them large."""
    made = [value for value in values if value]
    return len(made) >= 3 and (len(set(made)) >= 3 or min(made) >= LARGE)


def sums_in_rows(rows: Mapping[str, list[Row]]) -> Iterator[dict[object, int]]:
    """Counts of a row that are the sum of two others in every row of a table."""
    for name, content in rows.items():
        columns = [column for found, _, column in _counted({name: content})]
        for total in columns:
            for one, other in combinations([column for column in columns if column != total], 2):
                whole = [i for i, row in enumerate(content) if None not in (row[total], row[one], row[other])]
                adds_up = all(content[i][total] == content[i][one] + content[i][other] for i in whole)
                if adds_up and _is_no_coincidence(min(content[i][one], content[i][other]) for i in whole):
                    for i in whole:
                        yield {(name, i, total): -1, (name, i, one): 1, (name, i, other): 1}


def same_persons(rows: Mapping[str, list[Row]]) -> Iterator[tuple[Cell, Cell]]:
    """Counts of two analyses, comparisons or exposures that agree in every row of a table that they share."""
    for name, content, column in _counted(rows):
        for apart in (("analysis",), ("comparison",), ("analysis", "comparison"), ("exposure",)):
            if not set(apart) <= set(TABLES[name].keys):
                continue
            rest = [key for key in TABLES[name].keys if key not in apart]
            parts: dict[tuple, dict[tuple, int]] = defaultdict(dict)
            for i, row in enumerate(content):
                if row[column] is not None:
                    parts[tuple(row[key] for key in apart)][tuple(row[key] for key in rest)] = i
            for one, other in combinations(parts.values(), 2):
                pairs = [(one[key], other[key]) for key in one if key in other]
                agree = all(content[i][column] == content[j][column] for i, j in pairs)
                if agree and _is_no_coincidence(content[i][column] for i, _ in pairs):
                    yield from (((name, i, column), (name, j, column)) for i, j in pairs)


def same_numbers(rows: Mapping[str, list[Row]]) -> Iterator[tuple[Cell, Cell]]:
    """Counts of two tables that are the same wherever their rows agree in all keys that both have."""
    places = _Places(rows)
    for name, content, column in _counted(rows):
        for view in _views(name, content):
            for target, keys in places.targets(name):
                if target == (name, column):
                    continue
                place = places.of(target, keys)
                own = [_keys(name)[key] for key in keys]
                pairs, agree = [], True
                for i in view:
                    match = place.get(tuple(content[i][key] for key in own))
                    if match is not None and content[i][column] is not None:
                        agree = content[i][column] == match[0]
                        if not agree:
                            break
                        pairs.append((i, match[1]))
                if agree and _is_no_coincidence(content[i][column] for i, _ in pairs):
                    yield from (((name, i, column), cell) for i, cell in pairs)


def sums_of_rows(rows: Mapping[str, list[Row]]) -> Iterator[dict[object, int]]:
    """Rows of a table that add up to a count of it or another one, taken by the keys both have and one more."""
    places = _Places(rows)
    for name, content, column in _counted(rows):
        for view in _views(name, content):
            known = [i for i in view if content[i][column] is not None]
            by_keys: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
            for target, keys in places.targets(name):
                by_keys[keys].append(target)
            for keys, targets in by_keys.items():
                for more in (None, *(key for key in _keys(name).values() if ALIAS.get(key, key) not in keys)):
                    own = [_keys(name)[key] for key in keys]
                    groups: dict[tuple, list[int]] = defaultdict(list)
                    for i in known:
                        groups[tuple(content[i][key] for key in (*own, *([more] if more else [])))].append(i)
                    if len(groups) == len(known):
                        continue
                    sums = {key: sum(content[i][column] for i in members) for key, members in groups.items()}
                    for target in targets:
                        if _adds_up(sums, place := places.of(target, keys), len(own)):
                            for key, members in groups.items():
                                parts = {(name, i, column): 1 for i in members}
                                if key[: len(own)] in place and place[key[: len(own)]][1] not in parts:
                                    yield {place[key[: len(own)]][1]: -1} | parts


def _adds_up(sums: Mapping[tuple, int], place: Mapping[tuple, tuple[int, Cell]], n: int) -> bool:
    matched = []
    for key, value in sums.items():
        if (match := place.get(key[:n])) is not None:
            if match[0] != value:
                return False
            matched.append(value)
    return _is_no_coincidence(matched)


class _Places:
    """Where each count stands by some of its keys, where these lead to one number only."""

    def __init__(self, rows: Mapping[str, list[Row]]):
        self.rows = rows
        self.made: dict[tuple, dict[tuple, tuple[int, Cell]]] = {}
        self.columns = [(name, column) for name, _, column in _counted(rows)]
        self.of_table = {name: list(self._targets(name)) for name in rows}

    def targets(self, name: str) -> list[tuple[tuple[str, str], tuple[str, ...]]]:
        """Counts of every table, with the keys by which rows of this one may lead to them."""
        return self.of_table[name]

    def _targets(self, name: str) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
        for target in self.columns:
            if keys := tuple(sorted(set(_keys(name)) & set(_keys(target[0])))):
                yield target, keys
                if target[0] == name:
                    yield from ((target, tuple(k for k in keys if k != key)) for key in keys if len(keys) > 1)

    def of(self, target: tuple[str, str], keys: tuple[str, ...]) -> dict[tuple, tuple[int, Cell]]:
        if (target, keys) not in self.made:
            name, column = target
            own = [_keys(name)[key] for key in keys]
            found: dict[tuple, tuple[int, Cell]] = {}
            several = set()
            for i, row in enumerate(self.rows[name]):
                if row[column] is not None:
                    key = tuple(row[k] for k in own)
                    if found.setdefault(key, (row[column], (name, i, column)))[0] != row[column]:
                        several.add(key)
            self.made[target, keys] = {key: place for key, place in found.items() if key not in several}
        return self.made[target, keys]
