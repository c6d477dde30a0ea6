"""Which unknowns of sums in whole numbers can move, and at which price."""

import numpy as np

from equipoise.results.whole_numbers import Equations, cheapest, movable


def equations(rows: list[dict[int, int]], lower: list[float], upper: list[float]) -> Equations:
    return Equations(list(range(len(lower))), rows, np.array(lower), np.array(upper))


def test_parts_of_a_sum_move_against_each_other_and_a_lone_part_does_not() -> None:
    rows = [{0: 1, 1: 1}, {2: 1}]
    assert movable(equations(rows, [-2, -2, -2], [9, 9, 9]), [0, 1, 2]) == {0, 1}


def test_what_can_only_rise_gives_no_room_to_what_can_only_rise() -> None:
    assert movable(equations([{0: 1, 1: 1}], [0, 0], [9, 9]), [0, 1]) == set()


def test_a_move_of_three_against_two_needs_whole_numbers_within_reach() -> None:
    # 2 x = 3 y: fractions always fit, whole numbers from (3, 2) on.
    assert movable(equations([{0: 2, 1: -3}], [0, 0], [3, 3]), [0, 1]) == {0, 1}
    assert movable(equations([{0: 2, 1: -3}], [0, 0], [2, 2]), [0, 1]) == set()


def test_fractions_in_one_corner_do_not_hide_that_others_move_or_cannot() -> None:
    rows = [{0: 2, 1: -3}, {2: 1, 3: -1}, {4: 1}]
    assert movable(equations(rows, [0] * 5, [2] * 5), [0, 1, 2, 3, 4]) == {2, 3}


def test_an_unknown_in_no_sum_moves() -> None:
    assert movable(equations([], [0], [9]), [0]) == {0}


def test_the_cheapest_way_to_make_room() -> None:
    # 0 may change with 1 and 2, or with 3 alone.
    rows = [{0: 1, 1: 1, 3: 1}, {1: 1, 2: 1}]
    made = equations(rows, [-1, -5, -5, -5], [9, 9, 9, 9])
    assert cheapest(made, [0], np.array([0.0, 1.0, 1.0, 3.0])) == {0, 1, 2}
    assert cheapest(made, [0], np.array([0.0, 1.0, 1.0, 1.5])) == {0, 3}


def test_nothing_makes_room_for_what_a_sum_fixes() -> None:
    assert cheapest(equations([{0: 1}], [-1], [9]), [0], np.array([0.0])) == set()


def test_what_moves_a_sum_of_two_leaves_their_exchange_aside() -> None:
    # 0 and 1 may change with each other at no price, but that their sum moves takes 2.
    made = equations([{0: 1, 1: 1, 2: 1}], [-1, -1, -5], [9, 9, 9])
    assert 2 in cheapest(made, [0, 1], np.array([0.0, 0.0, 7.0]))
