"""Paths between two studies: each element's share in their difference, averaged over the orders of switching.

A mixture of studies A and B is a whole number whose bit i says that element i is taken from B: 0 is A, `2**n - 1` is B.
A path switches one element after another; a path is open where every mixture on it, both ends included, has a value.
Along any open path the changes add up to the difference of the ends, and so do their averages over open paths: the
value of Shapley (1953) with the orders restricted to those that can be walked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

import numpy as np

Order = tuple[int, ...]
ATTEMPTS = 50  # orders drawn for each one asked for, at most, where some cannot be walked


@dataclass(frozen=True, slots=True)
class Share:
    """What one element contributes: the mean change over open paths, the least and the largest change.

    `monte_carlo_error` is the standard error of the mean where orders were sampled; None where all were counted, or
    one alone was found.
    """

    mean: float
    least: float
    most: float
    monte_carlo_error: float | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """The share of every element, and over how many orders; without an open path there are none."""

    n_orders: int
    of: tuple[Share, ...]


def mixtures_on(order: Sequence[int]) -> Iterator[int]:
    """The mixtures of a path, both ends included.

    >>> list(mixtures_on((1, 0)))
    [0, 2, 3]
    """
    mixture = 0
    yield mixture
    for element in order:
        mixture |= 1 << element
        yield mixture


def shares_over_all_orders(values: Mapping[int, float], n: int) -> Shares:
    """Shares over every open path among `values` (mixture → value; mixtures without a value are left out).

    Counts paths through each switch instead of listing them: time and memory grow as n 2^n.

    >>> shares_over_all_orders({0: 0.0, 1: 1.0, 2: 3.0, 3: 5.0}, 2).of[0].mean
    1.5
    """
    full = (1 << n) - 1
    towards, onwards = _paths_to(values, n), _paths_from(values, n)
    total = towards.get(full, 0)
    if not total:
        return Shares(0, ())
    return Shares(total, tuple(_share(values, towards, onwards, total, 1 << i) for i in range(n)))


def _share(
    values: Mapping[int, float], towards: Mapping[int, int], onwards: Mapping[int, int], total: int, bit: int
) -> Share:
    terms, changes = [], []
    for mixture, before in values.items():
        ways = 0 if mixture & bit else towards.get(mixture, 0) * onwards.get(mixture | bit, 0)
        if ways:
            changes.append(values[mixture | bit] - before)
            terms.append(ways / total * changes[-1])
    return Share(fsum(terms), min(changes), max(changes))


def _paths_to(values: Mapping[int, float], n: int) -> dict[int, int]:
    """How many open paths lead from A to each mixture."""
    ways = {0: 1} if 0 in values else {}
    for mixture in sorted(values):
        if mixture:
            came = (mixture ^ (1 << i) for i in range(n) if mixture >> i & 1)
            ways[mixture] = sum(ways.get(before, 0) for before in came)
    return ways


def _paths_from(values: Mapping[int, float], n: int) -> dict[int, int]:
    """How many open paths lead from each mixture to B."""
    full = (1 << n) - 1
    mirrored = _paths_to({full ^ mixture: value for mixture, value in values.items()}, n)
    return {full ^ mixture: ways for mixture, ways in mirrored.items()}


def shares_over_orders(value: Callable[[int], float | None], orders: Sequence[Order], n: int) -> Shares:
    """Shares over given open orders, with the Monte Carlo error of a random sample of them."""
    if not orders:
        return Shares(0, ())
    changes = np.empty((len(orders), n))
    for row, order in enumerate(orders):
        along = [value(mixture) for mixture in mixtures_on(order)]
        changes[row, list(order)] = np.diff(np.array(along, dtype=np.float64))
    return Shares(len(orders), tuple(_sampled(changes[:, i]) for i in range(n)))


def _sampled(changes: np.ndarray) -> Share:
    error = float(changes.std(ddof=1)) / sqrt(len(changes)) if len(changes) > 1 else None
    return Share(fsum(changes) / len(changes), float(changes.min()), float(changes.max()), error)


def draw_orders(is_open: Callable[[int], bool], n: int, size: int, seed: int) -> list[Order]:
    """`size` orders drawn at random, with replacement, from those whose path is open; fewer where few are.

    Orders that cannot be walked are drawn again, so that every open one is equally likely.
    """
    random = np.random.Generator(np.random.Philox(key=seed))
    found: list[Order] = []
    for _ in range(ATTEMPTS * size):
        order = tuple(int(element) for element in random.permutation(n))
        if all(is_open(mixture) for mixture in mixtures_on(order)):
            found.append(order)
        if len(found) == size:
            break
    return found


def first_order(is_open: Callable[[int], bool], n: int) -> Order | None:
    """The open order that comes first, elements with small numbers switched early; None where no path is open."""
    dead: set[int] = set()

    def onwards(mixture: int) -> Order | None:
        if mixture in dead or not is_open(mixture):
            return None
        if mixture == (1 << n) - 1:
            return ()
        for element in (i for i in range(n) if not mixture >> i & 1):
            rest = onwards(mixture | 1 << element)
            if rest is not None:
                return (element, *rest)
        dead.add(mixture)
        return None

    return onwards(0)
