"""Hiding small numbers in an attrition chain, where every number is the one above it less what the rule removed."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HiddenChain:
    """Which numbers of a chain of n rules to hide: `remaining` has n + 1 entries (the start first), `excluded` n."""

    remaining: tuple[bool, ...]
    excluded: tuple[bool, ...]


def hide_chain(remaining: Sequence[int], min_cell_count: int) -> HiddenChain:
    """Merge rules into blocks until each block removed nobody or at least `min_cell_count` persons.

    `remaining` holds the persons before the first rule and after each rule. Inside a block the persons left and the
    exclusions other than zero are hidden. The last number stays shown, for it is known from other tables, unless it is
    small itself; where the whole chain removed few persons, its start is hidden instead.

    >>> hide_chain([100, 97, 60], 5).excluded
    (True, True)
    >>> hide_chain([100, 97, 60], 5).remaining
    (False, True, False)
    """
    k = min_cell_count
    last = len(remaining) - 1
    shown: list[int] = []
    for i, count in enumerate(remaining):
        if _safe(count, k) and (not shown or _safe_between(remaining, shown[-1], i, k)):
            shown.append(i)
    if not _safe(remaining[last], k):
        shown = [i for i in shown if i != last]
        while shown and not _safe_open_end(remaining, shown[-1], k):
            shown.pop()
    elif shown[-1:] != [last]:
        while shown and not _safe_between(remaining, shown[-1], last, k):
            shown.pop()
        shown.append(last)
    # A rule that removed nobody says so, and with it that the numbers around it are the same.
    known = {remaining[i] for i in shown}
    visible = [count in known or count == 0 for count in remaining]
    return HiddenChain(
        tuple(not seen for seen in visible),
        tuple(remaining[i] > remaining[i + 1] and not (visible[i] and visible[i + 1]) for i in range(last)),
    )


def _safe(count: int, k: int) -> bool:
    return count == 0 or count >= k


def _safe_between(remaining: Sequence[int], start: int, stop: int, k: int) -> bool:
    """True where showing both ends of a block gives away neither what it removed nor what one of its rules did."""
    removed = remaining[start] - remaining[stop]
    rules = sum(remaining[i] > remaining[i + 1] for i in range(start, stop))
    return removed == 0 or (removed >= k and (rules == 1 or removed > rules))


def _safe_open_end(remaining: Sequence[int], start: int, k: int) -> bool:
    """The same for a block whose end is hidden: the persons left are one more unknown."""
    rules = sum(remaining[i] > remaining[i + 1] for i in range(start, len(remaining) - 1))
    return rules > 0 and remaining[start] >= k and remaining[start] > rules + 1
