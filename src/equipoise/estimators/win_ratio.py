"""Win ratio, win odds and net benefit of prioritised outcomes: `fit_win_ratio`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import Estimate, check_conf_level
from equipoise.estimators.prioritised_rows import Later, PrioritisedRows, prioritised_rows
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import normal_quantile, two_sided_p
from equipoise.kernels.prioritised_pairs import compare_arms

RATIO, ODDS, BENEFIT = "win ratio", "win odds", "net benefit"
MEASURES = (RATIO, ODDS, BENEFIT)
NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "p_value")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WinRatio:
    """How often the target arm does better than the reference arm, pair by pair.

    target, reference   names of the arms; persons: how many in each
    outcomes        their names in order of priority; missing: values missing in the outcomes after the first
    decided         int64 (1 + L, 2), pairs won and lost by the target arm on each outcome; pairs: all compared
    shares          probabilities of a win and of a loss, float64 (2,), weighted over strata
    covariance      of the two shares, float64 (2, 2)
    strata, informative_strata    strata or matched sets, and those with persons of both arms; None without
    """

    target: str
    reference: str
    persons: tuple[int, int]
    outcomes: tuple[str, ...]
    missing: tuple[int, ...]
    decided: np.ndarray = field(repr=False)
    pairs: int
    shares: np.ndarray
    covariance: np.ndarray
    strata: int | None
    informative_strata: int | None
    conf_level: float
    variance: str
    absent: Reason | None = None
    frame_kind: str = "pandas"

    def estimate(self, measure: str, *, exponentiate: bool = False, conf_level: float | None = None) -> Estimate:
        """One measure. Ratio and odds are logarithms unless `exponentiate`; the net benefit has no logarithm."""
        if measure not in MEASURES:
            raise DesignError(Fault("measure", repr(measure), ", ".join(MEASURES)))
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        logarithm = measure != BENEFIT and not exponentiate
        scale = f"log {measure}" if logarithm else measure
        reason = self._reason(measure)
        if reason is not None:
            nan = math.nan
            return Estimate(measure, scale, nan, nan, nan, nan, nan, reason)
        value, gradient = _on_scale(measure, *self.shares)
        error = math.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))
        half = normal_quantile(0.5 + level / 2.0) * error
        numbers = np.array([value, value - half, value + half])
        middle, low, high = map(float, np.exp(numbers) if measure != BENEFIT and exponentiate else numbers)
        return Estimate(measure, scale, middle, error, low, high, two_sided_p(value / error), None)

    def tidy(self, *, exponentiate: bool = False, conf_level: float | None = None) -> Any:
        """One row a measure: term, estimate, std_error, conf_low, conf_high, p_value, reason.

        Win ratio and win odds as logarithms, or as ratios with `exponentiate` (the standard error stays that of the
        logarithm); the net benefit as it is in either case.
        """
        rows = [self.estimate(measure, exponentiate=exponentiate, conf_level=conf_level) for measure in MEASURES]
        columns: dict[str, Any] = {"term": list(MEASURES)}
        columns |= {name: np.array([getattr(row, name) for row in rows]) for name in NUMBERS}
        return frame_of(columns | {"reason": [row.reason for row in rows]}, self.frame_kind)

    def decisions(self) -> Any:
        """One row an outcome: outcome, wins, losses of the target arm; the last row, tied, has neither. Shares of all.

        Columns outcome, wins, losses, share_of_pairs.
        """
        wins, losses = np.append(self.decided, [[0, 0]], axis=0).T
        decided = self.decided.sum(axis=1)
        pairs = np.append(decided, self.pairs - decided.sum())
        share = pairs / self.pairs if self.pairs else np.full(len(pairs), np.nan)
        columns = {"outcome": [*self.outcomes, "tied"], "wins": wins, "losses": losses, "share_of_pairs": share}
        return frame_of(columns, self.frame_kind)

    def glance(self) -> Any:
        """One row: persons in each arm, pairs, wins, losses, ties, missing values, strata, variance."""
        wins, losses = (int(total) for total in self.decided.sum(axis=0))
        whole = {
            "persons_target": self.persons[0],
            "persons_reference": self.persons[1],
            "pairs": self.pairs,
            "wins": wins,
            "losses": losses,
            "ties": self.pairs - wins - losses,
            "missing": sum(self.missing),
        }
        if self.strata is not None:
            whole |= {"strata": self.strata, "informative_strata": int(self.informative_strata or 0)}
        columns = {name: np.array([value]) for name, value in whole.items()}
        return frame_of(columns | {"variance": [self.variance]}, self.frame_kind)

    def __repr__(self) -> str:
        wins, losses = self.decided.sum(axis=0)
        lines = [
            f"Prioritised comparison on {', then '.join(self.outcomes)}: {self.persons[0]:,} against "
            f"{self.persons[1]:,} persons, {self.pairs:,} pairs, {wins:,} won, {losses:,} lost",
            f"{self.target or 'target arm'} against {self.reference or 'reference'}; above 1 (net benefit above 0): "
            f"{self.target or 'target arm'} does better",
        ]
        lines += [_line(self.estimate(measure, exponentiate=True)) for measure in MEASURES]
        return "\n".join([*lines, f"{self.variance} variance, {100 * self.conf_level:g} % Wald intervals"])

    def _reason(self, measure: str) -> Reason | None:
        if self.absent is not None:
            return self.absent
        won, lost = self.shares
        if measure == RATIO:
            return Reason.SEPARATION if won == 0.0 or lost == 0.0 else None
        beyond = abs(won - lost) >= 1.0
        if measure == ODDS:
            return Reason.SEPARATION if beyond else None
        return Reason.BOUNDARY if beyond else None


def fit_win_ratio(
    data: Any,
    *,
    arm: str,
    time: str,
    event: str,
    then: Later = (),
    reference: Any = None,
    strata: str | Sequence[str] | None = None,
    matched: str | None = None,
    conf_level: float = 0.95,
) -> WinRatio:
    """Win ratio, win odds and net benefit: every person of one arm against every person of the other.

    data        a pandas, Polars or Arrow frame or a mapping of names to arrays, one row a person
    arm         two values; the first level is the reference unless `reference` names another
    time, event the first outcome: when follow-up ended, 1 or true where it ended with the event. Later is better
    then        the outcomes that decide where the first cannot, in order: names (larger is better), or a mapping of
                names to "higher" or "lower". Missing values leave a pair to the next outcome
    strata      columns; persons are compared within strata, which are weighted by n1 n0 / (n1 + n0)
    matched     a column of matched sets: as strata, but the sets are the units of the variance, so that sets of two do.
                With pairs this is the matched win ratio of Pocock et al.

    win ratio   P(win) / P(loss), without regard to ties
    win odds    (P(win) + P(tie) / 2) / (P(loss) + P(tie) / 2)
    net benefit P(win) - P(loss)

    The variance is that of a two-sample U-statistic of degree (1, 1), from what each person adds, and the delta method.
    Returns a `WinRatio`: tidy, glance, estimate, decisions (which outcome decided). No win or no loss makes the ratio
    infinite or zero: SEPARATION. No decided pair: NO_EVENTS, or NOT_DEFINED where later outcomes were given. An arm of
    one person has no variance: NOT_IDENTIFIED.

    Raises DesignError for columns that are absent, missing or infinite values (missing ones allowed in `then`), more
    than two arms, and strata with a single person in an arm; UnsupportedError for strata beside matched sets.

    Source: Pocock et al., Eur Heart J 2012;33:176; Bebu, Lachin, Biostatistics 2016;17:178; Dong et al., Pharm Stat
    2016;15:430, and J Biopharm Stat 2018;28:778 (strata); Buyse, Stat Med 2010;29:3245 (net benefit); Brunner et al.,
    Stat Med 2021;40:3367 (win odds).

    Example:
        >>> from equipoise import fit_win_ratio
        >>> rows = {"arm": [1, 1, 0, 0], "month": [5, 9, 4, 9], "died": [1, 0, 1, 0], "change": [-9, -3, -8, -5]}
        >>> fit = fit_win_ratio(rows, arm="arm", time="month", event="died", then={"change": "higher"})
        >>> fit.tidy(exponentiate=True)["estimate"].round(6).tolist()  # won: 5>4, 9>4, -3>-5; lost: death against none
        [3.0, 3.0, 0.5]
    """
    level = check_conf_level(conf_level)
    if strata is not None and matched is not None:
        raise UnsupportedError(Fault("strata", "given beside matched sets", "one of them"))
    rows = prioritised_rows(
        data, arm=arm, time=time, event=event, then=then, reference=reference, by=strata if matched is None else matched
    )
    better, worse, decided = compare_arms(rows.in_target, rows.block, rows.place, rows.event, rows.later)
    in_block = np.stack([np.bincount(rows.block[side], minlength=rows.blocks) for side in _sides(rows)])
    informative = in_block.min(axis=0) > 0
    if matched is None and strata is not None:
        _refuse_lonely(in_block, informative)
    shares, covariance = _shares(rows, np.stack([better, worse], axis=1), in_block, informative, matched is not None)
    grouped = strata is not None or matched is not None
    return WinRatio(
        target=f"{arm}={rows.target}" if rows.target else "",
        reference=f"{arm}={rows.reference}" if rows.reference else "",
        persons=rows.sizes,
        outcomes=(time, *rows.names),
        missing=rows.missing,
        decided=decided,
        pairs=int(in_block.prod(axis=0).sum()),
        shares=shares,
        covariance=covariance,
        strata=rows.blocks if grouped else None,
        informative_strata=int(informative.sum()) if grouped else None,
        conf_level=level,
        variance="between-set" if matched is not None else "U-statistic",
        absent=_absent(shares, covariance, bool(rows.names)),
        frame_kind=rows.kind,
    )


def _sides(rows: PrioritisedRows) -> tuple[np.ndarray, np.ndarray]:
    return rows.in_target, ~rows.in_target


def _refuse_lonely(in_block: np.ndarray, informative: np.ndarray) -> None:
    lonely = int(np.count_nonzero(informative & (in_block.min(axis=0) == 1)))
    if lonely:
        found = f"{lonely:,} of {in_block.shape[1]:,} with a single person in an arm"
        raise DesignError(Fault("strata", found, "two or more in each arm", "coarser strata, or matched= for sets"))


def _shares(
    rows: PrioritisedRows, counts: np.ndarray, in_block: np.ndarray, informative: np.ndarray, matched: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted shares of pairs won and lost, (2,), and their covariance, (2, 2); nan where there is no pair."""
    if not informative.any():
        return np.full(2, np.nan), np.full((2, 2), np.nan)
    n1, n0 = np.where(informative, in_block, 1).astype(np.float64)
    weight = np.where(informative, n1 * n0 / (n1 + n0), 0.0)
    weight /= weight.sum()
    won = np.stack([_sums(rows, rows.in_target, counts[:, k]) for k in range(2)], axis=1) / (n1 * n0)[:, None]
    shares = weight @ won
    if matched:
        if informative.sum() < 2:
            return shares, np.full((2, 2), np.nan)
        residual = weight[:, None] * (won - shares)
        return shares, residual.T @ residual
    covariance = np.zeros((2, 2))
    for side, own, other in zip(_sides(rows), (n1, n0), (n0, n1), strict=True):
        at = rows.block[side]
        parts = counts[side] / other[at][:, None] - won[at]
        with np.errstate(invalid="ignore", divide="ignore"):  # an arm of one has no variance: 0 / 0
            spread = np.where(informative, weight**2 / (own * (own - 1.0)), 0.0)[at]
            spread[~informative[at]] = 0.0
            covariance += (parts * spread[:, None]).T @ parts
    return shares, covariance


def _sums(rows: PrioritisedRows, side: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.bincount(rows.block[side], values[side], rows.blocks)


def _absent(shares: np.ndarray, covariance: np.ndarray, has_later: bool) -> Reason | None:
    if np.isnan(shares).any():
        return Reason.ONE_ARM_EMPTY
    if not shares.any():
        return Reason.NOT_DEFINED if has_later else Reason.NO_EVENTS
    if not np.isfinite(covariance).all():
        return Reason.NOT_IDENTIFIED
    won, lost = shares
    degenerate = not covariance.any() and abs(won - lost) < 1.0
    return Reason.NOT_IDENTIFIED if degenerate else None


def _on_scale(measure: str, won: float, lost: float) -> tuple[float, np.ndarray]:
    """The measure (ratios as logarithms) and its derivative by the shares of wins and losses."""
    benefit = won - lost
    if measure == RATIO:
        return math.log(won / lost), np.array([1.0 / won, -1.0 / lost])
    if measure == ODDS:
        slope = 2.0 / (1.0 - benefit**2)
        return math.log((1.0 + benefit) / (1.0 - benefit)), np.array([slope, -slope])
    return benefit, np.array([1.0, -1.0])


def _line(row: Estimate) -> str:
    if row.reason is not None:
        return f"{row.term:<12} {row.reason}: {REASON_TEXT[row.reason]}"
    return f"{row.term:<12} {row.estimate:>9.4g} ({row.conf_low:.4g} to {row.conf_high:.4g}), p = {row.p_value:.3g}"
