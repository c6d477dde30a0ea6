"""Propensity-score matching: `match`."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.adjustment_rows import AdjustmentRows, FittedPropensity, read_adjustment_rows
from equipoise.estimators.matching_result import ORDERS, SCALES, Caliper, Matching, MatchingFinding, MatchingWarning
from equipoise.kernels.nearest_neighbour import (
    BEYOND_CALIPER,
    NONE_LEFT,
    MatchingProblem,
    descending,
    greedy_pairs,
    matching_problem,
    nearest_pairs,
)
from equipoise.kernels.nearest_pairs import closest_pairs
from equipoise.kernels.philox import uniforms
from equipoise.kernels.whole_distances import whole_distance_pairs

Scale = Literal["ps", "logit", "preference"]
Order = Literal["largest", "smallest", "closest", "data", "random"]
Convention = Literal["nearest", "matchit-4.5.1"]
UNITS = ("overall", "pooled", None)
WARNED = ("LARGER_ARM", "WHOLE_DISTANCES", "SCORE_APART")
SCORE_APART = 0.25  # standardized difference of the score beyond which regression cannot mend it (Rubin 2001)
CONVENTIONS = ("nearest", "matchit-4.5.1")
USUAL_ORDER = {"ATT": "largest", "ATC": "smallest"}  # as MatchIt: the hardest to match come first
RANDOM_ORDER = 0x4D41  # stream of the draws that put persons in random order


@dataclass(frozen=True, slots=True)
class _Rules:
    """What was asked for, checked."""

    estimand: str
    ratio: int
    max_ratio: int | None
    caliper: float | None
    scale: str
    unit: str | None
    replace: bool
    order: str
    seed: int
    short_sets: str
    convention: str

    @property
    def variable(self) -> bool:
        return self.max_ratio is not None

    @property
    def partners(self) -> int:
        """The most partners a set can have."""
        return int(self.ratio if self.max_ratio is None else self.max_ratio)


def match(
    data: Any,
    *,
    arm: str | np.ndarray | None = None,
    score: str | np.ndarray | FittedPropensity | None = None,
    estimand: Literal["ATT", "ATC"] = "ATT",
    ratio: int = 1,
    max_ratio: int | None = None,
    caliper: float | None = None,
    caliper_scale: Scale = "ps",
    caliper_sd: Literal["overall", "pooled"] | None = "overall",
    exact: str | Sequence[str | np.ndarray] = (),
    replace: bool = False,
    order: Order | None = None,
    seed: int = 1,
    short_sets: Literal["keep", "drop"] = "keep",
    person: str | np.ndarray | None = None,
    convention: Convention = "nearest",
) -> Matching:
    """Greedy nearest-neighbour matching on a propensity score.

    data      an AnalysisSet, a pandas, Polars or Arrow frame, a dict of arrays, or a matrix with arrays beside it; one
              row a person
    arm       1 or true in the target arm; an AnalysisSet holds it
    score     probability of the target arm, strictly between 0 and 1: a column, an array (n,), or a fitted logistic or
              regularised logistic model
    estimand  "ATT": persons of the target arm seek partners; "ATC": persons of the reference arm do
    ratio     partners for each of them. Everybody finds a first partner before anybody finds a second, as in MatchIt
    max_ratio variable ratio instead: up to so many partners, as far as the caliper and the pool allow
    caliper   how far partners may be apart (that far is still allowed), None for no limit. Its unit is caliper_sd x
              the scale: "overall" the SD over all rows (as MatchIt and CohortMethod), "pooled" the root of the mean
              of both arms' variances (as Austin 2011), None the scale itself
    caliper_scale   what distances are measured on: "ps" (as MatchIt's default), "logit", "preference"
    exact     columns, or arrays, that partners share
    replace   a person can be partner in several sets
    order     who seeks first: "largest" value, "smallest" value, "closest" pair of all (as CohortMethod), "data"
              (rows as they came), "random". By default "largest" for ATT and "smallest" for ATC, as MatchIt. It
              changes the answer, and much so where the index arm is the larger one
    seed      of the random order; draws belong to persons, whatever the order of rows
    short_sets  "keep" sets with fewer than `ratio` partners, as MatchIt, or "drop" them
    person    an identifier; the lowest code wins ties. By default the persons of an AnalysisSet, else rows as they came

    convention  "nearest", or "matchit-4.5.1" to reproduce matchings of MatchIt 4.5.1 to 4.5.3 as built on many systems:
              they cut distances to whole numbers, so that calipers on the propensity score did not hold and the next
              lower free score was taken for the nearest. Not for new analyses; one partner at most

    Returns a `Matching`: pairs in the order they were formed, sets, weights, `.analysis_set()`, `.frame()`, findings.
    Where an arm is empty or nobody has a partner it holds no pairs and a `Reason`.

    Warns with `MatchingWarning` where the arm that seeks partners is the larger one and no caliper binds, for who is
    matched is then decided by the order; and where the matched arms differ by more than 0.25 SD in what they were
    matched on (Rubin, Health Serv Outcomes Res Methodol 2001;2:169).

    Raises DesignError for columns that are absent or hold missing or infinite values, scores outside (0, 1), several
    rows a person, and ratios or calipers that are none; UnsupportedError for "closest" with replacement, for more than
    two arms and for sets with weights.

    Source: Rosenbaum, Rubin, Am Stat 1985;39:33; Austin, Stat Med 2014;33:1057; for the preference score Walker et
    al., Comparative Effectiveness Research 2013;3:11.

    Example:
        >>> import pandas as pd
        >>> from equipoise import match
        >>> table = pd.DataFrame({"drug": [1, 1, 0, 0, 0], "score": [0.6, 0.4, 0.58, 0.41, 0.2]})
        >>> matching = match(table, arm="drug", score="score", caliper=0.05, caliper_sd=None)
        >>> matching.pairs.tolist()
        [[0, 2], [1, 3]]
        >>> matching.frame()["matched_set"].tolist()
        [0, 1, 0, 1]
    """
    order = USUAL_ORDER.get(estimand, "largest") if order is None else order
    rules = _Rules(
        estimand, ratio, max_ratio, caliper, caliper_scale, caliper_sd, replace, order, seed, short_sets, convention
    )
    _check(rules)
    rows = read_adjustment_rows(data, arm=arm, score=score, exact=exact, person=person)
    own = rows.source.analysis_set
    if own is not None and not (own.weight == 1.0).all():
        raise UnsupportedError(Fault("AnalysisSet.weight", "weights already", "a set in which every row counts once"))
    if rows.reason is not None:
        nothing = Caliper(
            math.inf if rules.caliper is None else float(rules.caliper), rules.scale, rules.unit, math.nan
        )
        return _matching(rows, rules, nothing, np.empty((0, 2), np.int64), (0, 0), (), rows.reason)
    return _matched(rows, rules)


def _matched(rows: AdjustmentRows, rules: _Rules) -> Matching:
    value = _value(rows, rules.scale)
    caliper = _caliper(rules, value, rows.arm)
    by_person = _row_order(rows.person)
    line = value[by_person]
    seeks = (rows.arm if rules.estimand == "ATT" else ~rows.arm)[by_person]
    stratum = rows.exact[by_person] if rows.exact_names else None
    problem = matching_problem(line, seeks, stratum)
    if rules.convention == "nearest":
        index, partner, state = _pairs(problem, rules, rows.person[by_person], by_person, caliper.width)
    else:
        sequence = _sequence(problem, rules, rows.person[by_person], by_person)
        stratum = np.zeros(len(rows), np.int64) if stratum is None else stratum
        turns = problem.index[sequence].astype(np.int64)
        index, partner, found = whole_distance_pairs(line, seeks, stratum, turns, caliper.width, rules.replace)
        state = np.empty_like(found)
        state[sequence] = found
    pairs = by_person[np.column_stack([index, partner])]
    if rules.short_sets == "drop":
        pairs = pairs[np.bincount(pairs[:, 0], minlength=len(rows))[pairs[:, 0]] == rules.partners]
    alone = np.bincount(index, minlength=len(rows))[problem.index] == 0
    unmatched = tuple(int(np.count_nonzero(alone & (state == why))) for why in (BEYOND_CALIPER, NONE_LEFT))
    findings = _findings(rows, rules, pairs, state, unmatched) + _score_apart(rows, rules, value, pairs)
    told = "; ".join(finding.text for finding in findings if finding.name in WARNED)
    if told:
        warnings.warn(told, MatchingWarning, stacklevel=3)
    reason = None if len(pairs) else Reason.NO_INFORMATIVE_SETS
    return _matching(rows, rules, caliper, pairs, unmatched, findings, reason)


def _value(rows: AdjustmentRows, scale: str) -> np.ndarray:
    if scale == "ps":
        return rows.score
    return rows.logit if scale == "logit" else rows.preference


def _matching(
    rows: AdjustmentRows,
    rules: _Rules,
    caliper: Caliper,
    pairs: np.ndarray,
    unmatched: tuple[int, ...],
    findings: tuple[MatchingFinding, ...],
    reason: Reason | None,
) -> Matching:
    pairs = np.ascontiguousarray(pairs, np.int64)
    pairs.setflags(write=False)
    return Matching(
        rows=rows,
        estimand=rules.estimand,
        pairs=pairs,
        ratio=rules.partners,
        variable=rules.variable,
        caliper=caliper,
        order=rules.order,
        replace=rules.replace,
        beyond_caliper=unmatched[0],
        none_left=unmatched[1],
        findings=findings,
        reason=reason,
    )


def _pairs(
    problem: MatchingProblem, rules: _Rules, person: np.ndarray, row: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if rules.order == "closest":
        return closest_pairs(problem, width, rules.partners)
    kernel = nearest_pairs if rules.replace else greedy_pairs
    return kernel(problem, _sequence(problem, rules, person, row), width, rules.partners)


def _sequence(problem: MatchingProblem, rules: _Rules, person: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Positions in `problem.index` of those who seek, in their turn: int64 (a,)."""
    if rules.order == "largest":
        return descending(problem)
    if rules.order == "smallest":
        return np.arange(len(problem.index))
    if rules.order == "data":
        return np.argsort(row[problem.index], kind="stable")
    draws = uniforms(rules.seed, RANDOM_ORDER, person[problem.index].astype(np.uint64))
    return np.lexsort((problem.index, draws))


def _row_order(person: np.ndarray) -> np.ndarray:
    """Rows by person code, int64 (n,)."""
    if len(person) < 2 or (person[1:] > person[:-1]).all():
        return np.arange(len(person))
    return np.argsort(person, kind="stable")


def _caliper(rules: _Rules, value: np.ndarray, arm: np.ndarray) -> Caliper:
    given = math.inf if rules.caliper is None else float(rules.caliper)
    if rules.unit is None or rules.caliper is None:
        return Caliper(given, rules.scale, rules.unit, 1.0)
    if rules.unit == "overall":
        return Caliper(given, rules.scale, rules.unit, float(np.std(value, ddof=1)))
    arms = (value[arm], value[~arm])
    if min(map(len, arms)) < 2:
        raise DesignError(Fault("caliper_sd", "'pooled' with one person in an arm", "overall, None"))
    variance = sum(float(np.var(part, ddof=1)) for part in arms) / 2.0
    return Caliper(given, rules.scale, rules.unit, math.sqrt(variance))


def _findings(
    rows: AdjustmentRows, rules: _Rules, pairs: np.ndarray, state: np.ndarray, unmatched: tuple[int, ...]
) -> tuple[MatchingFinding, ...]:
    seek = int(rows.arm.sum()) if rules.estimand == "ATT" else int((~rows.arm).sum())
    pool = len(rows) - seek
    found = []
    if rules.convention != "nearest":
        text = (
            "distances were cut to whole numbers, as by MatchIt 4.5.1 to 4.5.3: partners can be far beyond the caliper"
        )
        found.append(MatchingFinding("WHOLE_DISTANCES", text))
    if seek > pool and not rules.replace and not (state == BEYOND_CALIPER).any():
        found.append(
            MatchingFinding(
                "LARGER_ARM",
                f"{seek:,} persons seek partners among {pool:,}, and no caliper binds: who is matched is decided by "
                "the order, and the matched arms can differ much; let the smaller arm seek, set a caliper, or weight",
            )
        )
    elif unmatched[1]:
        found.append(
            MatchingFinding(
                "POOL_EXHAUSTED",
                f"{unmatched[1]:,} persons found nobody left: the order decided that it was they; see assess_balance",
            )
        )
    if not rules.variable and rules.partners > 1 and len(pairs):
        sizes = np.bincount(pairs[:, 0], minlength=len(rows))
        short = int(np.count_nonzero((sizes > 0) & (sizes < rules.ratio)))
        if short:
            text = f"{short:,} sets have fewer than {rules.ratio} partners: weight them, or stratify by set"
            found.append(MatchingFinding("SHORT_SETS", text))
    return tuple(found)


def _score_apart(
    rows: AdjustmentRows, rules: _Rules, value: np.ndarray, pairs: np.ndarray
) -> tuple[MatchingFinding, ...]:
    """A finding where matched arms still differ in what they were matched on."""
    seekers = value[rows.arm if rules.estimand == "ATT" else ~rows.arm]
    spread = float(np.std(seekers, ddof=1)) if len(seekers) > 1 else 0.0
    if not len(pairs) or not spread > 0.0:
        return ()
    share = 1.0 / np.bincount(pairs[:, 0], minlength=len(rows))[pairs[:, 0]]
    gap = float(share @ (value[pairs[:, 0]] - value[pairs[:, 1]]) / share.sum()) / spread
    if abs(gap) <= SCORE_APART:
        return ()
    text = f"the matched arms differ by {abs(gap):.2f} SD in {SCALES[rules.scale]}: set a narrower caliper, or weight"
    return (MatchingFinding("SCORE_APART", text),)


def _check(rules: _Rules) -> None:
    for role, value, allowed in (
        ("estimand", rules.estimand, tuple(USUAL_ORDER)),
        ("caliper_scale", rules.scale, tuple(SCALES)),
        ("caliper_sd", rules.unit, UNITS),
        ("order", rules.order, tuple(ORDERS)),
        ("replace", rules.replace, (True, False)),
        ("short_sets", rules.short_sets, ("keep", "drop")),
        ("convention", rules.convention, CONVENTIONS),
    ):
        if not any(value is choice or value == choice for choice in allowed):
            raise UnsupportedError(Fault(role, repr(value), ", ".join(map(str, allowed))))
    for role, value in (("ratio", rules.ratio), ("max_ratio", 1 if rules.max_ratio is None else rules.max_ratio)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise DesignError(Fault(role, repr(value), "a whole number of partners, 1 or more"))
    if rules.variable and rules.ratio != 1:
        raise DesignError(Fault("max_ratio", "given beside ratio", "one of the two"))
    if rules.variable and rules.short_sets == "drop":
        raise DesignError(Fault("short_sets", "'drop' with a variable ratio", "keep"))
    width = rules.caliper
    is_number = isinstance(width, int | float | np.number) and not isinstance(width, bool)
    if width is not None and not (is_number and 0.0 <= width < math.inf):
        raise DesignError(Fault("caliper", repr(width), "zero or more, or None for no limit"))
    if rules.order == "closest" and (rules.replace or rules.convention != "nearest"):
        with_what = "with replacement" if rules.replace else f"beside convention {rules.convention!r}"
        raise UnsupportedError(Fault("order", f"'closest' {with_what}", "another order"))
    if rules.convention != "nearest" and rules.partners > 1:
        raise UnsupportedError(Fault("ratio", f"several partners by convention {rules.convention!r}", "1"))
