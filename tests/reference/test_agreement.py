"""The recorder of comparisons fails where numbers differ and keeps the largest difference."""

from collections.abc import Iterator

import pytest

from tests.reference.agreement import RECORD, Comparison, agree

CASE = "a case of this test"


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    RECORD.pop(CASE, None)


def test_the_largest_relative_difference_is_kept() -> None:
    agree(CASE, "coefficients", [1.0, 2.0], {"a": 1.0, "b": 2.02}, relative=0.1)
    agree(CASE, "coefficients", [1.0, 2.0], [1.0, 2.0], relative=0.1)
    assert RECORD[CASE]["coefficients"].difference == pytest.approx(0.02 / 2.02)


def test_a_difference_without_relative_tolerance_counts_as_it_is() -> None:
    agree(CASE, "log-likelihood", -700.5, -700.25, absolute=0.5)
    assert RECORD[CASE]["log-likelihood"] == Comparison("log-likelihood", 0.25, 0.5, False)


def test_zero_is_measured_against_the_absolute_tolerance() -> None:
    agree(CASE, "covariance", [0.001], [0.0], relative=0.1, absolute=0.002)
    assert RECORD[CASE]["covariance"].difference == pytest.approx(0.05)


def test_missing_values_and_words() -> None:
    agree(CASE, "limits", [float("nan"), 1.0], [None, 1.0])
    agree(CASE, "groups", ["a", "b"], ["a", "b"])
    assert set(RECORD[CASE]) == {"limits", "groups"}


@pytest.mark.parametrize(
    ("ours", "theirs"), [([1.0, 2.0], [1.0, 2.1]), ([1.0], [None]), (["a"], ["b"]), ([1.0, 2.0], [1.0, 2.0, 3.0])]
)
def test_a_difference_beyond_the_tolerance_fails_and_is_not_recorded(ours: list, theirs: list) -> None:
    with pytest.raises(AssertionError):
        agree(CASE, "coefficients", ours, theirs, relative=0.01)
    assert CASE not in RECORD
