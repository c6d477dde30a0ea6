"""The one way in which reference tests compare numbers with another program's: it asserts and it records.

    from tests.reference.agreement import agree
    from tests.reference.public_cases import case, data

    expected = case("glm_lalonde_ps")["result"]
    agree("glm_lalonde_ps", "coefficients", fit.coefficients, expected["coef"], relative=1e-8)

`agree` fails where a number differs by more than `absolute + relative * |theirs|`, as numpy's assert_allclose does, and
keeps the largest difference for docs/reference/validation.md. Call it for everything a test of a public case compares,
with the id of the case, and these words for the usual quantities: coefficients, standard errors, covariance,
log-likelihood, limits, p-values. Then make the page anew: `python -m tests.reference.validation_page`. A case that no
test compares must be listed, with its reason, in not_offered.py; a test fails otherwise. A test marked slow does not
count: the page is made of what every run compares.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Comparison:
    """How far a quantity of a case is from the other program's, in the unit of its tolerance.

    With a relative tolerance r and an absolute one a, a difference d from the value v counts as d / (|v| + a/r), so
    that the test holds just when `difference <= tolerance`. Without a relative tolerance it counts as it is.
    """

    quantity: str
    difference: float
    tolerance: float
    relative: bool


RECORD: dict[str, dict[str, Comparison]] = {}  # by case and quantity, of this process


def agree(case_id: str, quantity: str, ours: Any, theirs: Any, *, relative: float = 0.0, absolute: float = 0.0) -> None:
    """Assert that `ours` is `theirs` within the tolerance, and record the largest difference.

    Both are numbers, arrays, (nested) lists, or mappings whose values are compared in their order; None is a missing
    value, and missing values must stand at the same places, as must infinite ones. Without a tolerance both must be
    equal, and may then be words.
    """
    found, wanted = _array(ours), _array(theirs)
    if found.dtype.kind != "f" or wanted.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, err_msg=f"{case_id}: {quantity}")
        return _keep(case_id, Comparison(quantity, 0.0, 0.0, False))
    np.testing.assert_allclose(found, wanted, rtol=relative, atol=absolute, err_msg=f"{case_id}: {quantity}")
    return _keep(case_id, _comparison(quantity, found, wanted, relative, absolute))


def _array(values: Any) -> np.ndarray:
    if isinstance(values, dict):
        return np.array([_array(value) for value in values.values()])
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    if array.dtype.kind == "O" and not any(isinstance(value, str) for value in array.ravel()):
        return array.astype(np.float64)
    return array


def _comparison(quantity: str, found: np.ndarray, wanted: np.ndarray, relative: float, absolute: float) -> Comparison:
    known = np.isfinite(np.broadcast_to(wanted, np.broadcast_shapes(found.shape, wanted.shape)))
    difference = np.abs(np.where(known, found, 0.0) - np.where(known, wanted, 0.0))
    if relative > 0.0:
        scale = np.abs(np.where(known, wanted, 1.0)) + absolute / relative
        difference = np.divide(difference, scale, out=np.zeros_like(difference), where=difference > 0.0)
    worst = float(difference.max(initial=0.0))
    return Comparison(quantity, worst, relative if relative > 0.0 else absolute, relative > 0.0)


def _keep(case_id: str, new: Comparison) -> None:
    kept = RECORD.setdefault(case_id, {})
    old = kept.get(new.quantity)
    if old is None or _share(new) >= _share(old):
        kept[new.quantity] = new


def _share(comparison: Comparison) -> float:
    """The part of the tolerance that the difference takes up."""
    return comparison.difference / comparison.tolerance if comparison.tolerance > 0.0 else 0.0
