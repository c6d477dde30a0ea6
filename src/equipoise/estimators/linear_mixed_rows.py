"""Rows of a linear mixed model, from whatever a user holds to arrays, and which of its terms the data determine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.count_rows import Source, source
from equipoise.estimators.identification import Identified, identify
from equipoise.estimators.model_frame import LARGEST, ModelFrame, magnitudes
from equipoise.estimators.table import Table, label, out_of_range

INTERCEPT = "(Intercept)"
ALONE = ("", "1")


@dataclass(frozen=True, slots=True, eq=False)
class MixedRows:
    """y (n,), x (n, p) and z (n, q) with a first column of ones, terms of both; person (n,) codes, labels (n,)."""

    y: np.ndarray
    x: np.ndarray
    z: np.ndarray
    person: np.ndarray
    labels: Any
    terms: tuple[str, ...]
    random_terms: tuple[str, ...]
    direction: str
    frame_kind: str

    def __len__(self) -> int:
        return len(self.y)

    def part(self, fixed: np.ndarray, random: np.ndarray) -> "MixedRows":
        """The same with the fixed and random terms at the positions given."""
        return replace(
            self,
            x=self.x[:, fixed],
            z=self.z[:, random],
            terms=tuple(self.terms[j] for j in fixed),
            random_terms=tuple(self.random_terms[j] for j in random),
        )


def mixed_rows(data: Any, outcome: Any, person: Any, fixed: Any, random: Any) -> MixedRows:
    """Read the columns of the model; missing and infinite values are refused with counts by column."""
    given = source(data)
    _refuse_what_is_not_used(given)
    fixed, random = _covariates(fixed, "fixed"), _covariates(random, "random")
    if isinstance(given.data, Table):
        named = [*fixed * (not isinstance(fixed, str)), *random * (not isinstance(random, str))]
        given.data.require(dict.fromkeys([outcome] * isinstance(outcome, str) + named))
    y = given.numbers(outcome, "outcome")
    if len(y) and np.abs(y).max() > LARGEST:
        raise DesignError(
            out_of_range(label(outcome if isinstance(outcome, str) else "outcome"), "values beyond 1e100")
        )
    columns, slopes = given.columns(fixed, ()), given.columns(random, ())
    return MixedRows(
        y,
        _with_intercept(columns),
        _with_intercept(slopes),
        given.codes(person, "person"),
        _labels(given, person),
        (INTERCEPT, *columns.terms),
        (INTERCEPT, *slopes.terms),
        columns.direction if columns.terms else "the mean",
        given.frame_kind,
    )


def _refuse_what_is_not_used(given: Source) -> None:
    own = given.analysis_set
    if own is None:
        return
    found = {
        "weight": "weights other than 1" if (own.weight != 1.0).any() else "",
        "offset": "an offset" if own.offset is not None else "",
        "stratum": "strata" if own.stratum is not None else "",
    }
    faults = [
        Fault(f"AnalysisSet.{name}", f"{what}, which this model does not use", f"none, or a frame without {name}")
        for name, what in found.items()
        if what
    ]
    if faults:
        raise UnsupportedError(faults)


def identified_fixed(rows: MixedRows) -> Identified:
    """Which fixed terms are determined beside the intercept, which always is."""
    return _beside_intercept(rows.x, rows.terms)


def identified_random(rows: MixedRows, correlated: bool) -> Identified:
    """Which random terms vary and, where they are correlated, are no combinations of others."""
    if correlated:
        return _beside_intercept(rows.z, rows.random_terms)
    size = magnitudes(rows.z, rows.random_terms)
    return identify(np.diag(np.sum((rows.z - _first_mean(rows.z)) ** 2, axis=0)), size)


def _beside_intercept(x: np.ndarray, terms: Sequence[str]) -> Identified:
    centred = x - _first_mean(x)
    return identify(centred.T @ centred, magnitudes(x, terms))


def _first_mean(x: np.ndarray) -> np.ndarray:
    """The means of all columns but the first, which is left as it is."""
    mean = x.mean(axis=0)
    mean[0] = 0.0
    centred = x - mean
    return mean + np.append(0.0, centred[:, 1:].mean(axis=0))  # once more, for what rounding left


def _with_intercept(columns: ModelFrame) -> np.ndarray:
    return np.column_stack([np.ones(len(columns.x)), columns.x])


def _covariates(given: Any, role: str) -> Any:
    if isinstance(given, str):
        return [] if given.strip() in ALONE else given
    if given is None:
        raise DesignError(Fault(role, "not given", "a formula's right-hand side or a list of columns", "[] or '1'"))
    return list(given)


def labels_at(rows: MixedRows, at: np.ndarray) -> np.ndarray | list[str]:
    """What tells persons apart, as given, of the rows at the positions `at`: numbers, or text."""
    taken = rows.labels[at] if isinstance(rows.labels, np.ndarray) else rows.labels[at.tolist()].to_list()
    values = np.asarray(taken)
    return values if values.dtype.kind in "iuf" else [str(value) for value in taken]


def _labels(given: Source, person: Any) -> Any:
    """What tells persons apart, as given, one value a row."""
    if isinstance(person, str):
        return given.data.frame[person] if isinstance(given.data, Table) else given.codes(person, "person")
    return np.asarray(person)
