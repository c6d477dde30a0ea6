"""Combined assessment of function and survival: `fit_cafs`."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import REASON_TEXT, Reason
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.prioritised_rows import Later, prioritised_rows
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import normal_quantile, two_sided_p
from equipoise.kernels.prioritised_pairs import scores_among_all

DIFFERENCE = "difference in mean rank"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cafs:
    """Joint ranks of function and survival in two arms.

    scores, ranks   of each person, in the order of the rows: int64 (n,), others done better than less those done worse
                    than; float64 (n,), 1 for the worst outcome, mean ranks for equal scores
    mean_ranks      of the target and the reference arm; std_errors: theirs, from the spread within the arm
    difference, std_error    of the two means, and its standard error with a variance of each arm's own
    z_rank, z_score the tests that the arms do not differ, of ranks (Wilcoxon) and of scores (Finkelstein, Schoenfeld),
                    standard normal if so
    """

    target: str
    reference: str
    persons: tuple[int, int]
    outcomes: tuple[str, ...]
    missing: tuple[int, ...]
    scores: np.ndarray = field(repr=False)
    ranks: np.ndarray = field(repr=False)
    mean_ranks: tuple[float, float]
    std_errors: tuple[float, float]
    difference: float
    std_error: float
    z_rank: float
    z_score: float
    conf_level: float
    reason: Reason | None
    frame_kind: str = "pandas"

    def tidy(self, *, conf_level: float | None = None) -> Any:
        """Mean rank of each arm and their difference: term, estimate, std_error, conf_low, conf_high, p_value, reason.

        The p-value, of the difference alone, is Wilcoxon's (normal, corrected for ties, no correction for continuity).
        """
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        estimate = np.array([*self.mean_ranks, self.difference])
        error = np.array([*self.std_errors, self.std_error])
        half = normal_quantile(0.5 + level / 2.0) * error
        columns: dict[str, Any] = {
            "term": [f"mean rank, {self.target}", f"mean rank, {self.reference}", DIFFERENCE],
            "estimate": estimate,
            "std_error": error,
            "conf_low": estimate - half,
            "conf_high": estimate + half,
            "p_value": np.array([math.nan, math.nan, two_sided_p(self.z_rank)]),
            "reason": [None, None, self.reason],
        }
        return frame_of(columns, self.frame_kind)

    def glance(self) -> Any:
        """One row: persons in each arm, missing values, both tests with their p-values."""
        columns: dict[str, Any] = {
            "persons_target": np.array([self.persons[0]]),
            "persons_reference": np.array([self.persons[1]]),
            "missing": np.array([sum(self.missing)]),
            "statistic_rank": np.array([self.z_rank]),
            "p_value_rank": np.array([two_sided_p(self.z_rank)]),
            "statistic_score": np.array([self.z_score]),
            "p_value_score": np.array([two_sided_p(self.z_score)]),
        }
        return frame_of(columns, self.frame_kind)

    def __repr__(self) -> str:
        head = (
            f"Combined assessment on {', then '.join(self.outcomes)}: ranks of {sum(self.persons):,} persons, 1 worst"
        )
        if self.reason is not None:
            return f"{head}\n{self.reason}: {REASON_TEXT[self.reason]}"
        arms = zip((self.target, self.reference), self.mean_ranks, self.persons, strict=True)
        lines = [f"{name}: mean rank {rank:.4g} of {persons:,} persons" for name, rank, persons in arms]
        half = normal_quantile(0.5 + self.conf_level / 2.0) * self.std_error
        low, high = self.difference - half, self.difference + half
        test = f"Wilcoxon's p = {two_sided_p(self.z_rank):.3g}"
        return "\n".join([head, *lines, f"difference {self.difference:.4g} ({low:.4g} to {high:.4g}), {test}"])


def fit_cafs(
    data: Any,
    *,
    arm: str,
    time: str,
    event: str,
    then: Later,
    reference: Any = None,
    conf_level: float = 0.95,
) -> Cafs:
    """Rank all persons by survival first and change in function second, and compare the mean ranks of two arms.

    data        a pandas, Polars or Arrow frame or a mapping of names to arrays, one row a person
    arm         two values; the first level is the reference unless `reference` names another
    time, event when follow-up ended, 1 or true where it ended with the event (death)
    then        change in function, such as that of the ALSFRS-R from baseline: a name (larger is better) or names in
                order, or a mapping of names to "higher" or "lower". Missing values leave a pair tied

    Each person is compared with every other, of either arm: who died first did worse; where neither is known to have
    died first, who lost more did worse. Scores (better less worse) are ranked and Wilcoxon's test compares the arms;
    the test of the scores themselves, of Finkelstein and Schoenfeld, stands in `glance`.

    Returns a `Cafs`. One arm empty: ONE_ARM_EMPTY; all persons tied: NOT_DEFINED; an arm of one: NOT_IDENTIFIED.

    Raises DesignError for columns that are absent, missing or infinite values (missing ones allowed in `then`), and
    more than two arms.

    Source: Berry et al., Amyotroph Lateral Scler Frontotemporal Degener 2013;14:162; Finkelstein, Schoenfeld, Stat Med
    1999;18:1341.

    Example:
        >>> from equipoise import fit_cafs
        >>> rows = {"arm": [1, 1, 0, 0], "month": [5, 9, 4, 9], "died": [1, 0, 1, 0], "change": [-9, -3, -8, -5]}
        >>> fit = fit_cafs(rows, arm="arm", time="month", event="died", then="change")
        >>> fit.ranks  # dead first, dead next, then the larger loss
        array([2., 4., 1., 3.])
        >>> fit.mean_ranks
        (3.0, 2.0)
    """
    level = check_conf_level(conf_level)
    rows = prioritised_rows(data, arm=arm, time=time, event=event, then=then, reference=reference, by=None)
    scores = scores_among_all(rows.place, rows.event, rows.later)
    ranks = mean_ranks_of(scores)
    target, other = ranks[rows.in_target], ranks[~rows.in_target]
    means, errors = (_mean(target), _mean(other)), (_error(target), _error(other))
    reason = _reason(rows.sizes, scores)
    return Cafs(
        target=f"{arm}={rows.target}",
        reference=f"{arm}={rows.reference}",
        persons=rows.sizes,
        outcomes=(time, *rows.names),
        missing=rows.missing,
        scores=scores,
        ranks=ranks,
        mean_ranks=means,
        std_errors=errors,
        difference=math.nan if reason else means[0] - means[1],
        std_error=math.nan if reason else math.hypot(*errors),
        z_rank=math.nan if reason else _z(ranks, rows.in_target),
        z_score=math.nan if reason else _z(scores.astype(np.float64), rows.in_target),
        conf_level=level,
        reason=reason,
        frame_kind=rows.kind,
    )


def mean_ranks_of(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing the mean of theirs: float64 (n,).

    Example:
        >>> import numpy as np
        >>> mean_ranks_of(np.array([7, 3, 7]))
        array([2.5, 1. , 2.5])
    """
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2.0)[code]


def _reason(sizes: tuple[int, int], scores: np.ndarray) -> Reason | None:
    if min(sizes) == 0:
        return Reason.ONE_ARM_EMPTY
    if not scores.any():
        return Reason.NOT_DEFINED
    return Reason.NOT_IDENTIFIED if min(sizes) == 1 else None


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _z(values: np.ndarray, in_target: np.ndarray) -> float:
    """The difference of means in units of its standard deviation when arms are allotted at random."""
    n1, n = int(in_target.sum()), len(values)
    difference = values[in_target].mean() - values[~in_target].mean()
    return float(difference / math.sqrt(values.var(ddof=1) * (1.0 / n1 + 1.0 / (n - n1))))
