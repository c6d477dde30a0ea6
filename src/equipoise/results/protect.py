"""Which numbers of a network to hide, so that no small one can be worked out from what is shown.

The attacker knows every relation, every shown number, and that a hidden cell is at least 1 (zeros are shown). A choice
is safe when (1) where a sum makes the total of hidden cells known, that total is not small itself, and (2) for every
small number there is another solution in whole numbers, with another value in its place. Where it is not safe, a shown
number other than zero follows: one that makes it safe before one that does not, one on which few estimates rest before
others, parts before totals, the smallest first. This is complementary cell suppression (Hundepool et al. 2012,
Statistical Disclosure Control, chapter 4) for sums that need not form a rectangular table.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from equipoise.results.network import Network
from equipoise.results.tables import ESTIMATES

# How far another solution may lie from the truth, in units of the threshold. A bound keeps the search finite; too
# small a bound can only hide more than is needed.
REACH = 50

# How many numbers beyond the nearest sums are tried as guards.
TRIED = 30


def hide(network: Network, min_cell_count: int) -> set[int]:
    """Indices of the numbers of `network` to hide: small ones, and those that would give them away.

    Small means 1 to `min_cell_count` - 1. Complements, which are published nowhere, count as hidden throughout.
    """
    return _Hiding(network, min_cell_count).run()


class _Hiding:
    def __init__(self, network: Network, k: int):
        self.value, self.k = network.value, k
        self.published = [bool(cells) for cells in network.cells]
        self.resting = [sum(table == ESTIMATES.name for table, _, _ in cells) for cells in network.cells]
        # A total below k that is known from outside would be hidden there by the same rule, so it is not known.
        self.relations = [r for r in network.relations if r.constant == 0 or r.constant >= k]
        self.of: dict[int, list[int]] = defaultdict(list)
        for at, relation in enumerate(self.relations):
            for number in relation.terms:
                self.of[number].append(at)
        self.small = {n for n, v in enumerate(self.value) if 1 <= v < k}
        self.hidden = self.small | {n for n, published in enumerate(self.published) if not published}
        self.lower = [1 if published else 0 for published in self.published]

    def run(self) -> set[int]:
        for number in sorted(self.small):
            while not self._is_safe(number) and self._hide_one_more(number):
                pass
        return {number for number in self.hidden if self.published[number]}

    def _is_safe(self, number: int) -> bool:
        return not any(self._known_small_sum(at) for at in self.of[number]) and self._can_differ(number)

    def _known_small_sum(self, at: int) -> bool:
        """True where everything hidden in a sum is on one side of it, so that its total is known, and is small."""
        terms = self.relations[at].terms
        hidden = [number for number in terms if number in self.hidden]
        signs = {terms[number] for number in hidden}
        return len(signs) == 1 and abs(signs.pop()) == 1 and sum(self.value[number] for number in hidden) < self.k

    def _hide_one_more(self, number: int) -> bool:
        """Hide one more number that could guard this one; False where nothing is left to hide."""
        near = self._shown(at for at in self.of[number] if self._known_small_sum(at)) or self._shown(self.of[number])
        helpful = [n for n in near if self._helps(n, number)]
        far: list[int] = []
        if not helpful:
            linked = {at for other in self._component(number) for at in self.of[other]}
            far = sorted(self._shown(sorted(linked)), key=self._loss)[:TRIED]
            helpful = [n for n in far if self._helps(n, number)]
        order = [*helpful, *near] or far
        if order:
            self.hidden.add(min(order, key=lambda n: (self.resting[n], n not in helpful, self._loss(n))))
        return bool(order)

    def _shown(self, relations: Iterable[int]) -> list[int]:
        """Numbers of these relations that are shown and could be hidden; zeros never are."""
        found = dict.fromkeys(n for at in relations for n in self.relations[at].terms)
        return [n for n in found if n not in self.hidden and self.value[n] > 0]

    def _helps(self, candidate: int, number: int) -> bool:
        self.hidden.add(candidate)
        safe = self._is_safe(number)
        self.hidden.remove(candidate)
        return safe

    def _loss(self, number: int) -> tuple[int, bool, int, int]:
        """What a reader loses: estimates that rest on the number, then a total rather than a part, then its size."""
        is_total = any(self.relations[at].terms[number] < 0 for at in self.of[number])
        return self.resting[number], is_total, self.value[number], number

    def _can_differ(self, number: int) -> bool:
        """True where some solution of all relations has another value for this number."""
        if self._exchange(number):
            return True
        near = {n for at in self.of[number] for n in self.relations[at].terms if n in self.hidden}
        if self._solve(number, near):
            return True
        everything = self._component(number)
        return everything != near and (self._scales(everything) or self._solve(number, everything))

    def _exchange(self, number: int) -> bool:
        """The cheap proof: a hidden number of the same relations can take one person from this one, or give it one."""
        mine = self._signature(number)
        if not mine:
            return True
        for other in self.relations[mine[0][0]].terms:
            if other == number or other not in self.hidden:
                continue
            theirs = self._signature(other)
            room = self.value[number] > self.lower[number] or self.value[other] > self.lower[other]
            if (theirs == mine and room) or theirs == [(at, -times) for at, times in mine]:
                return True
        return False

    def _signature(self, number: int) -> list[tuple[int, int]]:
        return [(at, self.relations[at].terms[number]) for at in self.of[number]]

    def _component(self, number: int) -> set[int]:
        found, todo = {number}, [number]
        while todo:
            for at in self.of[todo.pop()]:
                new = {n for n in self.relations[at].terms if n in self.hidden} - found
                found |= new
                todo += sorted(new)
        return found

    def _scales(self, numbers: set[int]) -> bool:
        """True where doubling every hidden number is another solution."""
        touched = {at for number in numbers for at in self.of[number]}
        return all(
            sum(times * self.value[n] for n, times in self.relations[at].terms.items() if n in numbers) == 0
            for at in touched
        )

    def _solve(self, number: int, free: set[int]) -> bool:
        """Search for a change of the `free` numbers, in whole persons, that keeps every relation and moves `number`."""
        order = sorted(free)
        column = {n: j for j, n in enumerate(order)}
        touched = sorted({at for n in order for at in self.of[n]})
        matrix = np.zeros((len(touched), len(order)))
        for i, at in enumerate(touched):
            for n, times in self.relations[at].terms.items():
                if n in column:
                    matrix[i, column[n]] = times
        reach = REACH * self.k
        low = [max(self.lower[n] - self.value[n], -reach) for n in order]
        for direction in (1.0, -1.0):
            goal = np.zeros(len(order))
            goal[column[number]] = direction
            answer = milp(
                goal,
                integrality=np.ones(len(order)),
                bounds=Bounds(low, reach),
                constraints=LinearConstraint(matrix, 0, 0),
            )
            if answer.x is not None and round(answer.x[column[number]]) != 0:
                return True
        return False
