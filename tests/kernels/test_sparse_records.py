"""Long records to compressed columns: by hand, and as scipy does it."""

import numpy as np
import pytest
from scipy import sparse

from equipoise import DesignError
from equipoise.cohort.covariates_at_scale import sparse_covariates


def test_by_hand() -> None:
    row, column, value = np.array([2, 0, 2, 1]), np.array([1, 0, 1, 1]), np.array([3.0, 1.0, 4.0, 2.0])
    largest = sparse_covariates(row, column, value, n_rows=3, n_covariates=3)
    assert largest.indptr.tolist() == [0, 1, 3, 3]
    assert largest.indices.tolist() == [0, 1, 2]
    assert largest.data.tolist() == [1.0, 2.0, 4.0]
    assert sparse_covariates(row, column, value, n_rows=3, n_covariates=3, adds=True).data.tolist() == [1.0, 2.0, 7.0]


@pytest.mark.parametrize("seed", range(4))
def test_as_scipy_adds_them_in_any_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, shape = 5_000, (300, 40)
    row, column = rng.integers(0, shape[0], n), rng.integers(0, shape[1], n)
    value = rng.integers(1, 9, n).astype(float)
    found = sparse_covariates(row, column, value, n_rows=shape[0], n_covariates=shape[1], adds=True)
    expected = sparse.coo_array((value, (row, column)), shape=shape).tocsc()
    expected.sum_duplicates()
    assert found.indptr.tolist() == expected.indptr.tolist()
    assert found.indices.tolist() == expected.indices.tolist()
    assert found.data.tolist() == expected.data.tolist()
    again = rng.permutation(n)
    shuffled = sparse_covariates(row[again], column[again], n_rows=shape[0], n_covariates=shape[1])
    assert shuffled.indices.tolist() == expected.indices.tolist()
    assert set(shuffled.data) == {1.0}


def test_no_records_make_an_empty_matrix() -> None:
    empty = np.empty(0, np.int64)
    found = sparse_covariates(empty, empty, n_rows=3, n_covariates=2)
    assert (found.shape, found.nnz) == ((3, 2), 0)
    assert sparse_covariates(empty, empty, n_rows=0, n_covariates=0).shape == (0, 0)


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [([3], [0], "row"), ([-1], [0], "row"), ([0], [2], "covariate"), ([0, 1], [0], "records")],
)
def test_codes_that_fit_nowhere_are_refused(row: list, column: list, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        sparse_covariates(np.array(row), np.array(column), n_rows=3, n_covariates=2)
