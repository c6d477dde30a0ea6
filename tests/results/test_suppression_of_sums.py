"""Numbers tied by sums: an attacker who knows every sum and every shown number cannot pin a small one."""

from itertools import product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equipoise.results.network import Network, Relation
from equipoise.results.protect import hide


def solutions(network: Network, hidden: set[int], largest: int) -> list[tuple[int, ...]]:
    """Every way to fill in the hidden numbers (1 to `largest`; complements from 0) that keeps all relations."""
    unknown = [n for n in range(len(network.value)) if n in hidden or not network.cells[n]]
    found = []
    for values in product(*(range(1 if network.cells[n] else 0, largest + 1) for n in unknown)):
        trial = list(network.value)
        for n, value in zip(unknown, values, strict=True):
            trial[n] = value
        if all(sum(times * trial[n] for n, times in r.terms.items()) == r.constant for r in network.relations):
            found.append(tuple(trial))
    return found


def network_of(values: list[int], relations: list[Relation], unpublished: set[int] = frozenset()) -> Network:
    cells = [[] if n in unpublished else [("t", n, "c")] for n in range(len(values))]
    return Network(values, cells, relations)


def total_of(total: int, *parts: int) -> Relation:
    return Relation({total: -1} | dict.fromkeys(parts, 1))


def test_the_smallest_other_part_follows_a_single_small_one() -> None:
    assert hide(network_of([40, 3, 7, 30], [total_of(0, 1, 2, 3)]), 5) == {1, 2}


def test_zero_is_shown_and_does_not_protect() -> None:
    assert hide(network_of([33, 3, 0, 30], [total_of(0, 1, 2, 3)]), 5) == {1, 3}


def test_parts_that_together_are_few_take_a_third_with_them() -> None:
    assert hide(network_of([33, 1, 2, 30], [total_of(0, 1, 2, 3)]), 5) == {1, 2, 3}


def test_two_small_parts_that_together_are_enough_need_no_third() -> None:
    assert hide(network_of([37, 3, 4, 30], [total_of(0, 1, 2, 3)]), 5) == {1, 2}


def test_the_total_follows_where_every_part_is_one_person() -> None:
    assert hide(network_of([5, 1, 1, 1, 1, 1], [total_of(0, 1, 2, 3, 4, 5)]), 5) == set(range(6))


def test_a_small_complement_that_is_published_nowhere_hides_its_counterpart() -> None:
    assert hide(network_of([355, 353, 2], [total_of(0, 1, 2)], unpublished={2}), 5) == {1}


def test_a_number_in_two_sums_is_guarded_in_both() -> None:
    # A two-by-two table with margins and their total: hiding one inner cell takes all four.
    relations = [total_of(4, 0, 1), total_of(5, 2, 3), total_of(6, 0, 2), total_of(7, 1, 3)]
    relations += [total_of(8, 4, 5), total_of(8, 6, 7)]
    assert hide(network_of([3, 20, 30, 40, 23, 70, 33, 60, 93], relations), 5) == {0, 1, 2, 3}


def test_sizes_of_sets_and_controls_together_do_not_give_a_set_away() -> None:
    # 2 sets of one control and 8 of two: known numbers of sets (28) and of controls (2 + 16 + 90) would solve for both.
    relations = [total_of(3, 0, 1, 2), Relation({4: -1, 0: 1, 1: 2, 2: 5})]
    assert hide(network_of([2, 8, 18, 28, 108], relations), 5) == {0, 1, 2}


def test_a_threshold_of_one_hides_nothing() -> None:
    assert hide(network_of([5, 1, 4], [total_of(0, 1, 2)]), 1) == set()


@st.composite
def tables_with_margins(draw: st.DrawFn) -> Network:
    """A small table of counts with row sums, column sums and the grand total, and perhaps one weighted sum."""
    rows, columns = draw(st.sampled_from([(1, 2), (1, 3), (1, 4), (2, 2)]))
    inner = draw(st.lists(st.integers(0, 6), min_size=rows * columns, max_size=rows * columns))
    values, relations = list(inner), []
    at = [[i * columns + j for j in range(columns)] for i in range(rows)]
    margins = []
    for line in [*at, *(zip(*at, strict=True) if rows > 1 else [])]:
        margins.append(len(values))
        values.append(sum(inner[n] for n in line))
        relations.append(total_of(margins[-1], *line))
    if rows > 1:
        values.append(sum(inner))
        relations += [total_of(len(values) - 1, *margins[:rows]), total_of(len(values) - 1, *margins[rows:])]
    if draw(st.booleans()):
        values.append(sum((n + 1) * value for n, value in enumerate(inner)))
        relations.append(Relation({len(values) - 1: -1} | {n: n + 1 for n in range(len(inner))}))
    unpublished = {n for n in range(len(inner)) if draw(st.integers(0, 5)) == 0}
    return network_of(values, relations, unpublished)


@settings(max_examples=250, deadline=None)
@given(tables_with_margins(), st.sampled_from([2, 3, 5]))
def test_no_small_number_can_be_pinned(network: Network, k: int) -> None:
    hidden = hide(network, k)
    unknown = len(hidden) + sum(not cells for cells in network.cells)
    largest = max(network.value) + 3
    assume((largest + 1) ** unknown < 300_000)
    found = solutions(network, hidden, largest)
    assert tuple(network.value) in found
    for n, value in enumerate(network.value):
        if 1 <= value < k:
            assert len({trial[n] for trial in found}) > 1, f"{value} at {n} is given away: {network} {hidden}"
        elif value == 0:
            assert n not in hidden
