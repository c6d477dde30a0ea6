"""Balance of covariates before and after matching, weighting or stratification: `assess_balance`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np

from equipoise.diagnostics.balance_columns import BalanceColumns, balance_columns
from equipoise.errors import REASON_TEXT, Fault, Reason, UnsupportedError
from equipoise.estimators.adjustment_rows import Adjustment
from equipoise.estimators.count_rows import Source, source

Denominator = Literal["target", "reference", "pooled"]
USUAL = {"ATT": "target", "ATC": "reference"}  # the arm whose persons the adjustment stands for; else pooled
SAID = {
    "target": "the SD in the target arm",
    "reference": "the SD in the reference arm",
    "pooled": "the root of the mean of both arms' variances",
}
SCORE = {"ps": "propensity score", "logit": "logit of the propensity score", "preference": "preference score"}
SHOWN = 20


@dataclass(frozen=True, slots=True, eq=False)
class ArmBalance:
    """Both arms under one weighting of the rows, each float64 (p,): target arm first.

    smd         (mean_target - mean_reference) / sd
    std_error   of smd, persons taken as independent
    ratio       variance_target / variance_reference, nan for 0/1 columns
    gap         largest distance between the distributions, None where it was not asked for
    size        effective numbers of persons in both arms, (sum w)^2 / sum w^2
    """

    mean_target: np.ndarray
    mean_reference: np.ndarray
    smd: np.ndarray
    std_error: np.ndarray
    ratio: np.ndarray
    gap: np.ndarray | None
    size: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Balance:
    """Balance of p covariates.

    names, binary   of the covariates; `binary` bool (p,) for 0/1 columns
    sd              float64 (p,), what differences are divided by, before and after: of the unadjusted arms
    denominator     "target", "reference" or "pooled": whose SD it is
    before, after   `after` is None for data that were not adjusted
    reasons         CONSTANT where a covariate does not vary in the arms that make the SD, ONE_ARM_EMPTY for all
    adjustment      in words, "" for none
    """

    names: tuple[str, ...]
    binary: np.ndarray
    sd: np.ndarray
    denominator: str
    before: ArmBalance
    after: ArmBalance | None
    reasons: tuple[Reason | None, ...]
    adjustment: str
    frame_kind: Any

    @property
    def largest(self) -> float:
        """The largest absolute standardized difference after adjustment (before, where there is none)."""
        smd = np.abs((self.after or self.before).smd)
        return float(np.nanmax(smd)) if np.isfinite(smd).any() else math.nan

    def tidy(self) -> Any:
        """One row a covariate: term, binary, sd, then for before and after mean_target_, mean_reference_, smd_,
        std_error_, variance_ratio_ and (where asked for) ks_; reason."""
        columns: dict[str, Any] = {"term": list(self.names), "binary": self.binary, "sd": self.sd}
        for when, arms in (("before", self.before), ("after", self.after)):
            if arms is None:
                continue
            columns[f"mean_target_{when}"] = arms.mean_target
            columns[f"mean_reference_{when}"] = arms.mean_reference
            columns[f"smd_{when}"] = arms.smd
            columns[f"std_error_{when}"] = arms.std_error
            columns[f"variance_ratio_{when}"] = arms.ratio
            if arms.gap is not None:
                columns[f"ks_{when}"] = arms.gap
        columns["reason"] = [None if reason is None else str(reason) for reason in self.reasons]
        schema = dict.fromkeys(columns, nw.Float64()) | {
            "term": nw.String(), "binary": nw.Boolean(), "reason": nw.String()
        }  # fmt: skip
        # pandas infers the same kinds itself, while a declared string column would hold the word "None"
        declared = None if self.frame_kind == "pandas" else schema
        return nw.from_dict(columns, declared, backend=self.frame_kind).to_native()

    def glance(self, threshold: float = 0.1) -> Any:
        """One row each for before and after: largest_smd, beyond (covariates with |smd| over the threshold), effective
        numbers of persons in both arms."""
        both = [("before", self.before)] + ([("after", self.after)] if self.after is not None else [])
        columns: dict[str, list[Any]] = {
            "when": [when for when, _ in both],
            "largest_smd": [_largest(arms.smd) for _, arms in both],
            "beyond": [int((np.abs(arms.smd) > threshold).sum()) for _, arms in both],
            "effective_target": [arms.size[0] for _, arms in both],
            "effective_reference": [arms.size[1] for _, arms in both],
        }
        return nw.from_dict(columns, backend=self.frame_kind).to_native()

    def __repr__(self) -> str:
        return describe(self)


def assess_balance(
    adjusted: Adjustment | Any,
    *,
    covariates: Sequence[str] | np.ndarray | Any = None,
    names: Sequence[str] | None = None,
    arm: str | np.ndarray | None = None,
    weights: str | np.ndarray | None = None,
    denominator: Denominator | None = None,
    ks: bool = False,
) -> Balance:
    """Standardized mean differences, variance ratios and distances of distributions, before and after adjustment.

    adjusted     what `match`, `weigh` or `stratify` returned; or data (with `arm`, and `weights` to be looked at as an
                 adjustment)
    covariates   names of columns of the data that were adjusted; or a matrix (n, p), dense or sparse, with `names`. For
                 an AnalysisSet all its columns by default, for others the score alone. All levels of a factor of three
                 or more are shown
    denominator  whose standard deviation divides differences: "target", "reference" or "pooled" (the root of the mean
                 of both variances). It is that of the unadjusted arms, before and after: a difference does not look
                 smaller where the spread grew. By default the arm that the estimand is about, for ATT and ATC as in
                 MatchIt and cobalt, else "pooled"
    ks           the largest distance between the arms' distribution functions too; it sorts every column

    Variances of 0/1 columns are p (1 - p); of others they have n - 1, or its counterpart for weights (as cobalt's).
    The propensity score of an adjustment comes first, on the scale that was matched on.

    Returns a `Balance`: tidy() with a row a covariate and the standard error of each difference, glance(), largest.
    Where an arm is empty, or nobody was matched, numbers are nan with a `Reason`.

    Raises DesignError for columns that are absent or hold missing or infinite values, with counts.

    Source: Austin, Stat Med 2009;28:3083; Stuart, Stat Sci 2010;25:1.

    Example:
        >>> import pandas as pd
        >>> from equipoise import assess_balance, match
        >>> table = pd.DataFrame({"drug": [1, 1, 0, 0, 0], "score": [0.6, 0.4, 0.6, 0.4, 0.2], "age": [7, 5, 7, 4, 1]})
        >>> balance = assess_balance(match(table, arm="drug", score="score"), covariates=["age"])
        >>> balance.tidy()["smd_after"].round(4).tolist()  # the score, then age: (6 - 5.5) / SD of 7 and 5
        [0.0, 0.3536]
    """
    if denominator is not None and denominator not in SAID:
        raise UnsupportedError(Fault("denominator", repr(denominator), ", ".join(SAID)))
    if hasattr(adjusted, "rows") and hasattr(adjusted, "estimand"):
        given = [role for role, value in (("arm", arm), ("weights", weights)) if value is not None]
        if given:
            raise UnsupportedError(Fault(role, "given beside an adjustment", "none", "leave it out") for role in given)
        return _of_adjustment(adjusted, covariates, names, denominator, ks)
    rows = source(adjusted)
    columns = balance_columns(rows, covariates, names)
    own = rows.analysis_set
    is_target = rows.indicator(own.arm if own is not None and arm is None else arm, "arm") == 1.0
    after = None if weights is None else rows.positive(weights, "weights", zero=True)
    if after is None and own is not None and not (own.weight == 1.0).all():
        after = own.weight
    words = "" if after is None else "weighting, as given"
    return _balance(rows, columns, is_target, after, denominator or "pooled", ks, words)


def _of_adjustment(
    adjusted: Adjustment, covariates: Any, names: Sequence[str] | None, denominator: str | None, ks: bool
) -> Balance:
    rows = adjusted.rows
    scale = adjusted.caliper.scale if hasattr(adjusted, "caliper") else "ps"
    value = {"ps": rows.score, "logit": rows.logit, "preference": rows.preference}[scale]
    score = BalanceColumns(value[:, None], (SCORE[scale],), np.array([False]))
    parts = [score]
    if covariates is not None or rows.covariate_names or isinstance(rows.source.data, np.ndarray):
        parts.append(balance_columns(rows.source, covariates, names))
    usual = USUAL.get(adjusted.estimand, "pooled")
    words = f"{adjusted.kind}, {adjusted.estimand}"
    found = [
        _balance(rows.source, part, adjusted.arm, adjusted.weights, denominator or usual, ks, words) for part in parts
    ]
    return found[0] if len(found) == 1 else _joined(*found)


def _balance(
    rows: Source,
    columns: BalanceColumns,
    arm: np.ndarray,
    weight: np.ndarray | None,
    denominator: str,
    ks: bool,
    words: str,
) -> Balance:
    p = len(columns.names)
    if not arm.any() or arm.all():
        nothing = _nothing(p, ks)
        after = None if weight is None else nothing
        empty = (Reason.ONE_ARM_EMPTY,) * p
        sd = np.full(p, np.nan)
        return Balance(columns.names, columns.binary, sd, denominator, nothing, after, empty, words, rows.frame_kind)
    whole = [np.where(side, 1.0, 0.0) for side in (arm, ~arm)]
    spread = [columns.variances(share, columns.means(share)) for share in whole]
    squared, noise = _denominator(columns, whole, spread, denominator)
    before = _arms(columns, whole, squared, noise, ks)
    after = None if weight is None else _nothing(p, ks)
    if weight is not None and (weight[arm] > 0.0).any() and (weight[~arm] > 0.0).any():
        after = _arms(columns, [np.where(side, weight, 0.0) for side in (arm, ~arm)], squared, noise, ks)
    lost = after is not None and math.isnan(after.size[0])
    reasons: list[Reason | None] = [None if value > 0.0 else Reason.CONSTANT for value in squared]
    if lost:
        reasons = [Reason.NO_INFORMATIVE_SETS] * p
    return Balance(
        columns.names,
        columns.binary,
        np.sqrt(squared),
        denominator,
        before,
        after,
        tuple(reasons),
        words,
        rows.frame_kind,
    )


def _denominator(
    columns: BalanceColumns, whole: list[np.ndarray], spread: list[np.ndarray], denominator: str
) -> tuple[np.ndarray, np.ndarray]:
    """The variance that differences are divided by the root of, (p,), and the variance of its estimate.

    For a normal variable 2 s^4 / (n - 1), for a 0/1 column p (1 - p) (1 - 2p)^2 / n, which is s^2 (1 - 4 s^2) / n.
    """
    noises = []
    for share, squared in zip(whole, spread, strict=True):
        n = float(share.sum())
        as_binary = squared * np.maximum(1.0 - 4.0 * squared, 0.0) / n
        noises.append(np.where(columns.binary, as_binary, 2.0 * squared**2 / max(n - 1.0, 1.0)))
    if denominator == "pooled":
        return (spread[0] + spread[1]) / 2.0, (noises[0] + noises[1]) / 4.0
    at = 0 if denominator == "target" else 1
    return spread[at], noises[at]


def _arms(
    columns: BalanceColumns, shares: list[np.ndarray], squared: np.ndarray, noise: np.ndarray, ks: bool
) -> ArmBalance:
    means = [columns.means(share) for share in shares]
    spread = [columns.variances(share, mean) for share, mean in zip(shares, means, strict=True)]
    size = [float(share.sum() ** 2 / (share**2).sum()) for share in shares]
    with np.errstate(divide="ignore", invalid="ignore"):
        smd = np.where(squared > 0.0, (means[0] - means[1]) / np.sqrt(squared), np.nan)
        sampling = (spread[0] / size[0] + spread[1] / size[1]) / squared
        error = np.sqrt(sampling + smd**2 * noise / (4.0 * squared**2))
        ratio = np.where(columns.binary, np.nan, spread[0] / spread[1])
    gap = columns.largest_gaps(*shares) if ks else None
    return ArmBalance(means[0], means[1], smd, error, ratio, gap, (size[0], size[1]))


def _nothing(p: int, ks: bool) -> ArmBalance:
    nan = np.full(p, np.nan)
    return ArmBalance(nan, nan, nan, nan, nan, nan if ks else None, (math.nan, math.nan))


def _joined(one: Balance, two: Balance) -> Balance:
    def arms(first: ArmBalance | None, second: ArmBalance | None) -> ArmBalance | None:
        if first is None or second is None:
            return None
        gap = None if first.gap is None or second.gap is None else np.concatenate([first.gap, second.gap])
        return ArmBalance(
            np.concatenate([first.mean_target, second.mean_target]),
            np.concatenate([first.mean_reference, second.mean_reference]),
            np.concatenate([first.smd, second.smd]),
            np.concatenate([first.std_error, second.std_error]),
            np.concatenate([first.ratio, second.ratio]),
            gap,
            first.size,
        )

    before = arms(one.before, two.before)
    assert before is not None
    return Balance(
        one.names + two.names,
        np.concatenate([one.binary, two.binary]),
        np.concatenate([one.sd, two.sd]),
        one.denominator,
        before,
        arms(one.after, two.after),
        one.reasons + two.reasons,
        one.adjustment,
        one.frame_kind,
    )


def _largest(smd: np.ndarray) -> float:
    return float(np.nanmax(np.abs(smd))) if np.isfinite(smd).any() else math.nan


def describe(balance: Balance) -> str:
    """The balance as text that fits a screen: the largest differences first."""
    after = balance.after
    lines = [
        f"Balance of {len(balance.names):,} covariates" + (f" ({balance.adjustment})" if balance.adjustment else ""),
        f"standardized mean differences, target less reference arm; unit: {SAID[balance.denominator]}, unadjusted",
    ]
    for when, arms in (("before", balance.before), ("after", after)):
        if arms is not None:
            beyond = int((np.abs(arms.smd) > 0.1).sum())
            lines.append(
                f"{when + ':':<8}largest {_largest(arms.smd):.3f}, {beyond:,} beyond 0.1, effective numbers "
                f"{arms.size[0]:,.1f} and {arms.size[1]:,.1f}"
            )
    final = balance.before if after is None else after
    width = max(len(name) for name in balance.names)
    lines.append(f"{'term':<{width}} {'before':>9}" + ("" if after is None else f" {'after':>9} {'std_error':>10}"))
    order = np.argsort(-np.nan_to_num(np.abs(final.smd), nan=np.inf), kind="stable")
    for j in order[:SHOWN]:
        if balance.reasons[j] is not None:
            lines.append(f"{balance.names[j]:<{width}} {balance.reasons[j]}: {REASON_TEXT[balance.reasons[j]]}")
            continue
        tail = "" if after is None else f" {after.smd[j]:>9.3f} {after.std_error[j]:>10.3f}"
        lines.append(f"{balance.names[j]:<{width}} {balance.before.smd[j]:>9.3f}{tail}")
    if len(order) > SHOWN:
        lines.append(f"… and {len(order) - SHOWN:,} more, which differ less")
    return "\n".join(lines)
