"""Which numbers of a network to hide, so that no small one can be worked out from what is shown.

The attacker knows every relation, every shown number, and that a hidden cell is at least 1 (zeros are shown). A choice
is safe when (1) where a sum makes the total of hidden cells known, that total is not small itself, and (2) for every
small number there is another solution in whole numbers, with another value in its place. Where it is not safe, a shown
number other than zero follows. This is complementary cell suppression (Hundepool et al. 2012, Statistical Disclosure
Control, chapter 4) for sums that need not form a rectangular table.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from equipoise.results.network import Network
from equipoise.results.tables import ESTIMATES
from equipoise.results.whole_numbers import Equations, cheapest, movable

# How far another solution may lie from the truth, in units of the threshold. A bound keeps the search finite; too
# small a bound can only hide more than is needed.
REACH = 50

# Counts of `estimates` without which an estimate is withheld.
RESTED_ON = ("n_exposed_cases", "n_exposed_controls")

# Among how many numbers nearest to a small one another solution is looked for, before all that hang together are asked.
NEAREST = (150, 1_500)


def hide(network: Network, min_cell_count: int, also: Iterable[int] = ()) -> set[int]:
    """Indices of the numbers of `network` to hide: small ones, those in `also`, and what would give small ones away.

    Small means 1 to `min_cell_count` - 1. Complements, which are published nowhere, count as hidden throughout.
    """
    return _Hiding(network, min_cell_count, also).run()


class _Hiding:
    def __init__(self, network: Network, k: int, also: Iterable[int]):
        self.value, self.k = network.value, k
        self.published = [bool(cells) for cells in network.cells]
        # Hiding one of these withholds an estimate; hiding the total of cases, sets or persons does not.
        self.resting = [
            sum(table == ESTIMATES.name and column in RESTED_ON for table, _, column in cells)
            for cells in network.cells
        ]
        # A total below k that is known from outside would be hidden there by the same rule, so it is not known.
        known = (r for r in network.relations if r.constant == 0 or r.constant >= k)
        self.relations = list({(frozenset(r.terms.items()), r.constant): r for r in known}.values())
        self.of: dict[int, list[int]] = defaultdict(list)
        for at, relation in enumerate(self.relations):
            for number in relation.terms:
                self.of[number].append(at)
        self.totals = {n for r in self.relations for n, times in r.terms.items() if times < 0}
        self.hidden = {n for n, published in enumerate(self.published) if not published} | set(also)
        self.small = {n for n, v in enumerate(self.value) if 1 <= v < k}
        self.hidden |= self.small
        self.must = set(self.hidden)
        # What is known to have another solution; to hide more never takes that away.
        self.free: set[int] = set()
        # Small numbers and small sums that no hiding helps.
        self.fixed: set[int] = set()
        self.fixed_sums: set[int] = set()

    def run(self) -> set[int]:
        self._settle()
        while self._loosen_sums():
            self._settle()
        self._show_again()
        return {number for number in self.hidden if self.published[number]}

    def _settle(self) -> None:
        """Hide more until no small number can be worked out, as far as that can be had."""
        while unsafe := sorted(self._pinned(self.small) - self.fixed):
            if not (self._make_room(unsafe) or self._widen(unsafe)):
                break

    def _make_room(self, unsafe: list[int]) -> bool:
        """Hide the numbers that lose least among those with which each of these has another solution."""
        before = len(self.hidden)
        moved: set[int] = set()
        for number in unsafe:
            if number not in moved and (not moved or not self._exchange(number)):
                moving = self._moving([number])
                self.hidden |= moving
                moved |= moving
                if not moving:
                    self.fixed.add(number)
        return len(self.hidden) > before

    def _widen(self, unsafe: list[int]) -> bool:
        """Hide a number beside each of these, for where other solutions are in fractions only."""
        touched: set[int] = set()
        for number in unsafe:
            if not touched.intersection(self.of[number]) and (around := self._around(number)):
                least = min(around, key=lambda n: (self.resting[n], *self._loss(n)))
                self.hidden.add(least)
                touched.update(self.of[least])
        return bool(touched)

    def _loosen_sums(self) -> bool:
        """Hide what each sum of small total can be exchanged with, where that total is known."""
        before = len(self.hidden)
        sums = sorted({at for n in self.small - self.fixed for at in self.of[n]} - self.fixed_sums)
        hidden = {n for at in sums for n in self.relations[at].terms if n in self.hidden}
        unknown = hidden - self._pinned(hidden)
        for at in sums:
            if few := self._known_small_sum(at, unknown):
                moving = self._moving(few)
                self.hidden |= moving
                unknown |= moving
                if not moving:
                    self.fixed_sums.add(at)
        return len(self.hidden) > before

    def _known_small_sum(self, at: int, unknown: set[int]) -> list[int]:
        """What is unknown in a sum where that is all on one side, so that its total is known, and small; else empty."""
        terms = self.relations[at].terms
        left = [number for number in terms if number in unknown]
        signs = {terms[number] for number in left}
        is_known = len(signs) == 1 and abs(signs.pop()) == 1
        return left if is_known and sum(self.value[number] for number in left) < self.k else []

    def _show_again(self) -> None:
        """Show the numbers without which all is as safe: what estimates rest on first, then what protects nothing."""
        spare = self.hidden - self.must
        for number in sorted((n for n in spare if self.resting[n]), key=lambda n: (-self.resting[n], n)):
            self._show_if_safe(number)
        for number in sorted(self._pinned(self.hidden - self.must)):
            self._show_if_safe(number)

    def _show_if_safe(self, number: int) -> None:
        around = self._linked([number])
        self.hidden.discard(number)
        free, self.free = self.free, self.free - around
        if not self._is_safe(around - {number}):
            self.hidden.add(number)
            self.free = free

    def _is_safe(self, numbers: set[int]) -> bool:
        """Whether no small one of these can be worked out, nor the total of those in a small sum."""
        small = self.small & numbers - self.fixed
        if self._pinned(small):
            return False
        sums = {at for n in small for at in self.of[n]} - self.fixed_sums
        hidden = {n for at in sums for n in self.relations[at].terms if n in self.hidden}
        unknown = hidden - self._pinned(hidden)
        return not any(self._known_small_sum(at, unknown) for at in sums)

    def _pinned(self, numbers: Iterable[int]) -> set[int]:
        """Those of these hidden numbers that can be worked out as things stand."""
        left = {n for n in numbers if n not in self.free}
        self.free |= {n for n in left if self._exchange(n)}
        if asked := sorted(left - self.free):
            self.free |= movable(self._equations(self._linked(asked)), asked)
        return left - self.free

    def _exchange(self, number: int) -> bool:
        """The cheap proof: a hidden number of the same relations can take one person from this one, or give it one."""
        mine = self._signature(number)
        if not mine:
            return True
        for other in self.relations[mine[0][0]].terms:
            if other == number or other not in self.hidden:
                continue
            theirs = self._signature(other)
            room = self.value[number] > self._least(number) or self.value[other] > self._least(other)
            if (theirs == mine and room) or theirs == [(at, -times) for at, times in mine]:
                return True
        return False

    def _signature(self, number: int) -> list[tuple[int, int]]:
        return [(at, self.relations[at].terms[number]) for at in self.of[number]]

    def _least(self, number: int) -> int:
        return 1 if self.published[number] else 0

    def _linked(self, numbers: Iterable[int]) -> set[int]:
        """Hidden numbers that relations tie to these, through others too, and these."""
        found, waiting, seen = set(numbers), list(numbers), set()
        while waiting:
            for at in self.of[waiting.pop()]:
                if at not in seen:
                    seen.add(at)
                    new = [n for n in self.relations[at].terms if n in self.hidden and n not in found]
                    found.update(new)
                    waiting += new
        return found

    def _equations(self, numbers: Iterable[int]) -> Equations:
        """What ties hidden numbers to one another, in terms of how far each may move from its true value."""
        order = sorted(numbers)
        touched = sorted({at for n in order for at in self.of[n]})
        asked = set(order)
        rows = [{n: times for n, times in self.relations[at].terms.items() if n in asked} for at in touched]
        reach = REACH * self.k
        lower = [max(self._least(n) - self.value[n], -reach) for n in order]
        return Equations(order, rows, np.array(lower, dtype=np.float64), np.full(len(order), float(reach)))

    def _moving(self, few: list[int]) -> set[int]:
        """What moves in the cheapest solution in which the sum of these moves by one; empty where there is none.

        The cheapest among the numbers nearest to them; farther ones are asked only where these have no solution. Zeros
        are shown, and with them alone there may be none at all: to hide more would not help.
        """
        asked = 0
        lowest = all(self.value[n] <= self._least(n) for n in few)
        for most in (*NEAREST, len(self.value)):
            near = self._near(few, most)
            if len(near) == asked:
                break
            asked = len(near)
            equations = self._equations(near)
            price = np.array([0.0 if n in self.hidden else self._price(n) for n in equations.order])
            for by in (1,) if lowest else (1, -1):
                if moving := cheapest(equations, few, price, by):
                    return moving
        return set()

    def _near(self, numbers: Iterable[int], most: int) -> set[int]:
        """Numbers other than zero that relations tie to these, hidden or not: the nearest, about `most` of them."""
        found, ring = set(numbers), list(numbers)
        seen: set[int] = set()
        while ring and len(found) < most:
            around = sorted({at for n in ring for at in self.of[n]} - seen)
            seen.update(around)
            ring = sorted({n for at in around for n in self.relations[at].terms if self._may_move(n)} - found)
            found.update(ring)
        return found

    def _may_move(self, number: int) -> bool:
        return number in self.hidden or (self.value[number] > 0 and self.published[number])

    def _price(self, number: int) -> float:
        is_total, value, _ = self._loss(number)
        return (1 + 9 * self.resting[number]) * (1 + 2 * is_total) * (1 + np.log(value))

    def _around(self, number: int) -> list[int]:
        """Shown numbers in sums with this one, or else with those that hang together with it."""
        return self._shown(self.of[number]) or self._shown({at for n in self._linked([number]) for at in self.of[n]})

    def _shown(self, relations: Iterable[int]) -> list[int]:
        """Numbers of these relations that are shown and could be hidden; zeros never are."""
        found = dict.fromkeys(n for at in relations for n in self.relations[at].terms)
        return [n for n in found if n not in self.hidden and self.value[n] > 0]

    def _loss(self, number: int) -> tuple[bool, int, int]:
        """What a reader loses: a total is worth more than a part, a large number more than a small one."""
        return number in self.totals, self.value[number], number
