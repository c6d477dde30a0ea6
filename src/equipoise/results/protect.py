"""Which numbers of a network to hide, so that no small one can be worked out from what is shown.

The attacker knows every relation, every shown number, and that a hidden cell is at least 1 (zeros are shown). A choice
is safe when (1) where a sum makes the total of hidden cells known, that total is not small itself, and (2) for every
small number there is another solution in whole numbers, with another value in its place. Where it is not safe, a shown
number other than zero follows. This is complementary cell suppression (Hundepool et al. 2012, Statistical Disclosure
Control, chapter 4) for sums that need not form a rectangular table.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from equipoise.results.network import Network
from equipoise.results.tables import ESTIMATES
from equipoise.results.whole_numbers import Equations, cheapest, movable, proof

# How far another solution may lie from the truth, in units of the threshold. A bound keeps the search finite; too
# small a bound can only hide more than is needed.
REACH = 50

# Counts of `estimates` without which an estimate is withheld.
RESTED_ON = ("n_exposed_cases", "n_exposed_controls")

# Among how many unknowns the sums by which a number is worked out are looked for.
LOCAL = 100

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
        self.relations = [r for r in network.relations if r.constant == 0 or r.constant >= k]
        self.of: dict[int, list[int]] = defaultdict(list)
        for at, relation in enumerate(self.relations):
            for number in relation.terms:
                self.of[number].append(at)
        self.hidden = {n for n, published in enumerate(self.published) if not published} | set(also)
        # Small numbers not yet known to be safe. To hide more never makes a safe one unsafe.
        self.small = {n for n, v in enumerate(self.value) if 1 <= v < k}
        self.open = set(self.small)
        self.hidden |= self.small
        self.fixed: set[int] = set()  # small numbers that no hiding makes safe
        self.last = -1  # the number hidden last

    def run(self) -> set[int]:
        self._settle()
        while sum(self._hide_least(weight) for weight in self._sums_left()):
            self._settle()
        return {number for number in self.hidden if self.published[number]}

    def _settle(self) -> None:
        """Hide more until no small number can be worked out, as far as that can be had."""
        while unsafe := sorted(self._unsafe()):
            if not (self._withdraw(unsafe) or self._make_room(unsafe) or self._widen(unsafe)):
                break

    def _withdraw(self, unsafe: list[int]) -> bool:
        """Hide one number after another of those by which these can be worked out, until none follows from sums nearby.

        What was just hidden may have helped the next one too, so how that is worked out is asked anew.
        """
        left = unsafe
        while followed := [number for number in left if self._hide_least(self._giving_away(number))]:
            left = followed
        return left is not unsafe

    def _make_room(self, unsafe: list[int]) -> bool:
        """Hide the numbers that lose least among those with which each of these has another solution."""
        before = len(self.hidden)
        for number in unsafe:
            if len(self.hidden) == before or not self._exchange(number):
                self.hidden |= self._room_for(number)
        return len(self.hidden) > before

    def _widen(self, unsafe: list[int]) -> bool:
        """Hide a number beside each of these, unless one that was just hidden stands in a sum with it."""
        touched: set[int] = set()
        for number in unsafe:
            if not touched.intersection(self.of[number]) and self._hide_least(self._around(number)):
                touched.update(self.of[self.last])
        return bool(touched)

    def _sums_left(self) -> Iterator[dict[int, float]]:
        """For each small sum that is known because other hidden numbers of it can be worked out: what may be hidden."""
        beyond_help = {at for n in self.fixed for at in self.of[n]}
        sums = sorted({at for n in self.small for at in self.of[n]} - beyond_help)
        unknown = self._movable_in(sums)
        for at in sums:
            if self._known_small_sum(at, unknown) and not self._known_small_sum(at, self.hidden):
                weight = dict.fromkeys(self._shown([at]), 1.0)
                for n in self.relations[at].terms:
                    if n in self.hidden and n not in unknown:
                        weight |= self._by_which(n)
                yield weight

    def _movable_in(self, sums: Iterable[int]) -> set[int]:
        """Hidden numbers of these sums that cannot be worked out."""
        numbers = {n for at in sums for n in self.relations[at].terms if n in self.hidden}
        unknown = {n for n in numbers if self._exchange(n)}
        asked = sorted(numbers - unknown)
        return unknown | (movable(self._equations(self._linked(asked)), asked) if asked else set())

    def _hide_least(self, weight: dict[int, float]) -> bool:
        """Hide the number whose loss is least, of those without which a small one cannot be worked out."""
        if weight:
            # A number that every way of working it out needs has weight 1.
            order = {n: (self.resting[n], -round(min(w, 1.0), 6), *self._loss(n)) for n, w in weight.items()}
            self.last = min(order, key=lambda n: order[n])
            self.hidden.add(self.last)
        return bool(weight)

    def _unsafe(self) -> set[int]:
        """Small numbers that can be worked out as things stand."""
        small_sums = {n for n in self.open if any(self._known_small_sum(at, self.hidden) for at in self.of[n])}
        self.open = small_sums | {n for n in self.open - small_sums if not self._exchange(n)}
        if asked := sorted(self.open - small_sums):
            self.open -= movable(self._equations(self._linked(asked)), asked)
        return self.open - self.fixed

    def _known_small_sum(self, at: int, unknown: set[int]) -> bool:
        """True where all that is unknown in a sum is on one side of it, so that its total is known, and is small."""
        terms = self.relations[at].terms
        left = [number for number in terms if number in unknown]
        signs = {terms[number] for number in left}
        return len(signs) == 1 and abs(signs.pop()) == 1 and sum(self.value[number] for number in left) < self.k

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

    def _giving_away(self, number: int) -> dict[int, float]:
        """Shown numbers of a sum that is known to be small, else those from which the number follows, with weights."""
        small = [at for at in self.of[number] if self._known_small_sum(at, self.hidden)]
        return dict.fromkeys(self._shown(small), 1.0) if small else self._by_which(number)

    def _around(self, number: int) -> dict[int, float]:
        """Shown numbers near this one, for where it is not sums alone that fix it but that nothing is below 1."""
        return dict.fromkeys(self._shown(self.of[number]) or self._shown(self._far(number)), 1.0)

    def _by_which(self, number: int) -> dict[int, float]:
        """Shown numbers from which this one follows, weighted by their share in it; empty where it does not."""
        relations: list[int] = []
        reached = self.of[number]
        while len(reached) > len(relations):
            relations = list(reached)
            rows = [{n: c for n, c in self.relations[at].terms.items() if n in self.hidden} for at in relations]
            shares = proof(rows, number)
            if shares is not None:
                return self._weights(relations, shares)
            hidden = {n for row in rows for n in row}
            if len(hidden) > LOCAL:
                break
            reached = sorted({at for n in hidden for at in self.of[n]})
        return {}

    def _room_for(self, number: int) -> set[int]:
        """Shown numbers that move in a cheap solution in which this one moves; none where none is needed.

        The cheapest among the numbers nearest to it; farther ones are asked only where these have no solution.
        """
        asked = 0
        for most in (*NEAREST, len(self.value)):
            near = self._near(number, most)
            if len(near) == asked:
                break
            asked = len(near)
            equations = self._equations(near)
            price = [0.0 if n in self.hidden else self._price(n) for n in equations.order]
            for by in (1, -1) if self.value[number] > self._least(number) else (1,):
                if moving := cheapest(equations, number, np.array(price), by):
                    return moving - self.hidden
        # Zeros are shown, and with them alone no other solution is left: to hide more would not help.
        self.fixed.add(number)
        return set()

    def _near(self, number: int, most: int) -> set[int]:
        """Numbers other than zero that relations tie to this one, hidden or not: the nearest, about `most` of them."""
        found, ring, seen = {number}, [number], set()
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

    def _weights(self, relations: list[int], shares: np.ndarray) -> dict[int, float]:
        weight: dict[int, float] = defaultdict(float)
        for at, share in zip(relations, shares, strict=True):
            for n, times in self.relations[at].terms.items():
                weight[n] += share * times
        return {n: abs(weight[n]) for n in self._shown(relations) if abs(weight[n]) > 1e-9}

    def _shown(self, relations: Iterable[int]) -> list[int]:
        """Numbers of these relations that are shown and could be hidden; zeros never are."""
        found = dict.fromkeys(n for at in relations for n in self.relations[at].terms)
        return [n for n in found if n not in self.hidden and self.value[n] > 0]

    def _far(self, number: int) -> list[int]:
        return sorted({at for n in self._linked([number]) for at in self.of[n]})

    def _loss(self, number: int) -> tuple[bool, int, int]:
        """What a reader loses: a total is worth more than a part, a large number more than a small one."""
        is_total = any(self.relations[at].terms[number] < 0 for at in self.of[number])
        return is_total, self.value[number], number
