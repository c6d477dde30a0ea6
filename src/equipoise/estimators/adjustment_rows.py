"""From what a user holds to the rows that matching, weighting and stratification share: arm, propensity score, strata.

`read_adjustment_rows` is the one way in; `Adjustment` is what matching, weighting and stratification all show, so that
balance and effects can be computed of any of them; `adjusted_set` and `adjusted_frame` are the ways out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import narwhals as nw
import numpy as np
import scipy.sparse as sp

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.count_rows import Source, source
from equipoise.estimators.glm_fit import GlmFit
from equipoise.estimators.table import Table
from equipoise.kernels.glm import LOGISTIC

ARM = "arm"
PROBABILITIES = ("fitted_values", "propensity_scores")  # what fitted models of the arm call them


class FittedPropensity(Protocol):
    """A fitted propensity model: a `GlmFit` of the arm, or a `RegularisedLogisticFit`.

    It holds the probability of the target arm in every row, float64 (n,), under one of the names in PROBABILITIES.
    """


@dataclass(frozen=True, slots=True, eq=False)
class PropensityModel:
    """The logistic model behind a score: its design matrix with the intercept first, (n, 1 + k), terms left out of the
    fit not in it, and its coefficients (1 + k,). Kept where the model was fitted by maximum likelihood, so that a
    variance can account for its estimation."""

    x: np.ndarray
    coefficients: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class AdjustmentRows:
    """Rows as they came, n of them, one a person.

    source      the data they came from
    arm         bool (n,), True in the target (treated) arm
    score       float64 (n,), probability of the target arm, strictly between 0 and 1
    exact       int64 (n,), code of the exact stratum from 0; all 0 where none was asked for
    exact_names what the strata are made of
    person      int64 (n,), codes that tell persons apart and break ties
    model       the propensity model where the score came as a maximum-likelihood fit
    """

    source: Source
    arm: np.ndarray
    score: np.ndarray
    exact: np.ndarray
    exact_names: tuple[str, ...]
    person: np.ndarray
    model: PropensityModel | None = None

    def __len__(self) -> int:
        return len(self.arm)

    @property
    def reason(self) -> Reason | None:
        """ONE_ARM_EMPTY where the arms cannot be compared, else None."""
        return None if self.arm.any() and not self.arm.all() else Reason.ONE_ARM_EMPTY

    @property
    def logit(self) -> np.ndarray:
        """log(score / (1 - score)), float64 (n,)."""
        return np.log(self.score) - np.log1p(-self.score)

    @property
    def preference(self) -> np.ndarray:
        """The preference score, float64 (n,): its logit is that of the score less that of the treated share.

        nan where one arm is empty. Source: Walker et al., Comparative Effectiveness Research 2013;3:11.
        """
        if self.reason is not None:
            return np.full(len(self), np.nan)
        treated = int(self.arm.sum())
        return 1.0 / (1.0 + np.exp(np.log(treated / (len(self) - treated)) - self.logit))

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Columns of an AnalysisSet, beside the arm; () for other data."""
        own = self.source.analysis_set
        return () if own is None else tuple(name for name in own.names if name != ARM)


class Adjustment(Protocol):
    """What a matching, a weighting and a stratification have in common."""

    @property
    def kind(self) -> str:
        """ "matching", "weighting" or "stratification"."""

    @property
    def rows(self) -> AdjustmentRows:
        """The rows that were adjusted, all of them."""

    @property
    def estimand(self) -> str:
        """ "ATT", "ATC", "ATE", "ATO" or "ATM": whom the adjusted arms represent."""

    @property
    def reason(self) -> Reason | None:
        """Why there is no adjustment, None where there is one."""

    @property
    def arm(self) -> np.ndarray:
        """bool (n,), True in the target arm."""

    @property
    def weights(self) -> np.ndarray:
        """float64 (n,), the weight of each row after adjustment, 0 for rows left out."""

    @property
    def stratum(self) -> np.ndarray | None:
        """int64 (n,), matched set or stratum of each row, -1 for rows left out; None where rows form no strata."""


def read_adjustment_rows(
    data: Any,
    *,
    arm: str | np.ndarray | None = None,
    score: str | np.ndarray | FittedPropensity | None = None,
    exact: str | Sequence[str | np.ndarray] = (),
    person: str | np.ndarray | None = None,
) -> AdjustmentRows:
    """Read an AnalysisSet, a data frame, a dict of arrays, or a matrix with arrays beside it.

    arm     1 or true in the target arm; not given for an AnalysisSet, which holds it
    score   probability of the target arm: a column, an array (n,), or a fitted logistic or regularised logistic model
    exact   columns, or arrays, within whose combinations rows are comparable
    person  an identifier, one row each; by default the persons of an AnalysisSet, else the rows in their order

    Raises DesignError for columns that are absent or hold missing or infinite values, for arms other than 0 and 1,
    for scores not strictly between 0 and 1, and for persons in several rows.
    """
    rows = source(data)
    values, model = _score(rows, score)
    names = [exact] if isinstance(exact, str) else list(exact)
    found = AdjustmentRows(
        rows,
        _arm(rows, arm),
        values,
        _strata(rows, names),
        tuple(name if isinstance(name, str) else f"array {k + 1}" for k, name in enumerate(names)),
        _persons(rows, person),
        model,
    )
    for values in (found.arm, found.score, found.exact, found.person):
        values.setflags(write=False)
    return found


def adjusted_set(
    rows: AdjustmentRows,
    at: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    stratum: np.ndarray | None = None,
    event: str | np.ndarray | None = None,
    stop: str | np.ndarray | None = None,
    start: str | np.ndarray | None = None,
    covariates: Sequence[str] = (),
) -> AnalysisSet:
    """The rows at positions `at` as an AnalysisSet with a column "arm" (role exposure) to put into a model.

    `weight` (n,) multiplies the weights there are, and `stratum` (n,) replaces the strata; None leaves them. Both are
    of the rows as they came. An AnalysisSet holds its outcomes and columns; for other data `event` and `stop` (whole
    days) are needed, and `start` and `covariates` can be given.
    """
    whole = rows.source.analysis_set
    named = [role for role, value in (("event", event), ("stop", stop), ("start", start)) if value is not None]
    if whole is None:
        whole = _made_set(rows, event, stop, start, covariates)
    elif named or len(covariates):
        raise UnsupportedError(
            Fault(role, "given beside an AnalysisSet", "none", "leave it out: the set holds it")
            for role in named or ["covariates"]
        )
    if ARM not in whole.names:
        whole = replace(whole, x=_beside(rows.arm, whole.x), columns=(Column(ARM, "exposure"), *whole.columns))
    if weight is not None:
        whole = replace(whole, weight=whole.weight * weight)
    if stratum is not None:
        whole = replace(whole, stratum=stratum)
    return whole.where(at)


def adjusted_frame(rows: AdjustmentRows, at: np.ndarray, columns: dict[str, np.ndarray]) -> Any:
    """The rows at positions `at` of a data frame, of the kind that came in, with columns (length of `at`) added."""
    table = rows.source.data
    if not isinstance(table, Table):
        raise UnsupportedError(Fault("frame()", "the data were no data frame", "analysis_set()"))
    taken = [name for name in columns if name in table.frame.columns]
    if taken:
        raise DesignError(
            Fault(f"column {name!r}", "in the data already, where a new one of this name would go", "other names")
            for name in taken
        )
    picked = table.frame[at]
    new = (nw.new_series(name, values, backend=table.frame.implementation) for name, values in columns.items())
    native = nw.to_native(picked)
    if table.kind == "pandas" and hasattr(native, "index"):  # added by position, whatever the labels of the rows are
        return native.assign(**columns)
    return nw.to_native(picked.with_columns(*new))


def _arm(rows: Source, arm: str | np.ndarray | None) -> np.ndarray:
    own = rows.analysis_set
    if own is None:
        return rows.indicator(arm, ARM) == 1.0
    if arm is not None:
        raise UnsupportedError(Fault(ARM, "given beside an AnalysisSet", "none", "leave it out: the set holds it"))
    if own.arm is None:
        raise DesignError(Fault("AnalysisSet.arm", "none", "a set with two arms"))
    if (own.arm > 1).any():
        raise UnsupportedError(Fault("AnalysisSet.arm", "more than two arms", "0 and 1", "take two arms at a time"))
    return rows.indicator(own.arm, "AnalysisSet.arm") == 1.0


def _score(rows: Source, score: Any) -> tuple[np.ndarray, PropensityModel | None]:
    model = None
    name = next((name for name in PROBABILITIES if hasattr(score, name)), None)
    if name is not None:
        model = _model(score)
        score = np.asarray(getattr(score, name), np.float64)
        if len(score) != len(rows):
            found = f"a model fitted to {len(score):,} rows"
            raise DesignError(Fault("score", found, f"a model of these {len(rows):,} rows"))
    values = np.array(rows.numbers(score, "score"), np.float64)
    outside = int(np.count_nonzero(~((values > 0.0) & (values < 1.0))))
    if outside:
        raise DesignError(
            Fault(
                "score",
                f"{outside:,} of {len(values):,} values are not strictly between 0 and 1",
                "probabilities of the target arm",
                "leave out the covariate that determines the arm, or the rows where it does; or penalise the model",
            )
        )
    return values, model


def _model(fit: Any) -> PropensityModel | None:
    if not isinstance(fit, GlmFit) or fit.means is None:
        return None
    if fit.means.family != LOGISTIC:
        raise UnsupportedError(Fault("score", fit.model, "a logistic model of the arm, or its probabilities"))
    if len(fit.means.rows.weight) or len(fit.means.rows.offset) or "Firth" in fit.model:
        return None  # another model than the one whose estimation a variance accounts for
    kept = np.array([reason is None for reason in fit.reasons])
    if not np.isfinite(fit.coefficients[kept]).all() or not kept[0]:
        return None
    columns = fit.means.rows.x
    x = np.ones((len(columns), int(kept.sum())))
    x[:, 1:] = columns if kept.all() else columns[:, kept[1:]]
    return PropensityModel(x, fit.coefficients[kept])


def _strata(rows: Source, names: Sequence[str | np.ndarray]) -> np.ndarray:
    code = np.zeros(len(rows), np.int64)
    for name in names:
        level = np.unique(_levels(rows, name), return_inverse=True)[1]
        both = code * (int(level.max(initial=0)) + 1) + level
        code = np.unique(both, return_inverse=True)[1].astype(np.int64)
    return code


def _levels(rows: Source, name: str | np.ndarray) -> np.ndarray:
    if isinstance(name, str) and isinstance(rows.data, Table):
        return rows.data.codes(name)
    if isinstance(name, str):
        return rows.numbers(name, f"exact {name!r}")
    values = np.asarray(name)
    if values.dtype.kind == "f":
        return rows.numbers(values, "exact")
    return rows.codes(values, "exact")


def _persons(rows: Source, person: str | np.ndarray | None) -> np.ndarray:
    own = rows.analysis_set
    if own is None and person is None:
        return np.arange(len(rows))
    code = np.array(own.person if own is not None and person is None else rows.codes(person, "person"), np.int64)
    several = len(code) - len(np.unique(code))
    if several:
        raise DesignError(
            Fault(
                "person",
                f"{several:,} rows beyond the first of a person",
                "one row a person",
                "adjust the persons first, and split their follow-up afterwards",
            )
        )
    return code


def _made_set(rows: AdjustmentRows, event: Any, stop: Any, start: Any, covariates: Sequence[str]) -> AnalysisSet:
    own = rows.source
    columns = own.columns(list(covariates), ())
    return AnalysisSet(
        person=rows.person,
        event=own.counts(event, "event").astype(np.int8),
        start=np.zeros(len(rows), np.int32) if start is None else _days(own, start, "start"),
        stop=_days(own, stop, "stop"),
        weight=np.ones(len(rows)),
        x=columns.x,
        columns=tuple(Column(term, "covariate") for term in columns.terms),
        arm=rows.arm.astype(np.int8),
    )


def _days(own: Source, given: Any, role: str) -> np.ndarray:
    values = own.numbers(given, role)
    broken = int(np.count_nonzero(values != np.floor(values)))
    if broken:
        raise DesignError(Fault(role, f"{broken:,} values that are not whole days", "whole days; or use frame()"))
    return values.astype(np.int32)


def _beside(arm: np.ndarray, x: Any) -> Any:
    column = arm.astype(np.float64)[:, None]
    return sp.hstack([sp.csr_array(column), x], format="csr") if sp.issparse(x) else np.hstack([column, x])
