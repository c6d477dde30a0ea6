"""`Matching`: who was matched with whom, by which rules, and what is left to say about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import REASON_TEXT, Fault, Reason, UnsupportedError
from equipoise.estimators.adjustment_rows import AdjustmentRows, adjusted_frame, adjusted_set

SCALES = {
    "ps": "the propensity score",
    "logit": "the logit of the propensity score",
    "preference": "the preference score",
}
ORDERS = {
    "largest": "largest value first",
    "smallest": "smallest value first",
    "closest": "closest pair first",
    "data": "rows as they came",
    "random": "at random",
}
SET, WEIGHT = "matched_set", "match_weight"


class MatchingWarning(UserWarning):
    """The matching was made as asked, and is likely not to be what was wanted."""


@dataclass(frozen=True, slots=True)
class Caliper:
    """How far partners may be apart, and on what: `width` = `value` x `sd`, in units of the scale.

    value   the number given, inf where there is no caliper
    scale   "ps", "logit" or "preference": what distances are measured on, with or without a caliper
    unit    "overall" (the SD over all rows), "pooled" (the root of the mean of both arms' variances), or None where
            the value is in units of the scale
    sd      that standard deviation, 1 where the value is in units of the scale
    """

    value: float
    scale: str
    unit: str | None
    sd: float

    @property
    def width(self) -> float:
        return self.value * self.sd

    def __str__(self) -> str:
        if self.value == np.inf:
            return f"no caliper, distances on {SCALES[self.scale]}"
        times = "in its units" if self.unit is None else f"x SD ({self.unit}, {self.sd:.6g})"
        return f"caliper {self.value:g} {times} on {SCALES[self.scale]} = {self.width:.6g}"


@dataclass(frozen=True, slots=True)
class MatchingFinding:
    """What a reader should know, with a sentence.

    Names are LARGER_ARM, POOL_EXHAUSTED, SCORE_APART, SHORT_SETS and WHOLE_DISTANCES.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Matching:
    """Matched sets of one index person each, with one or more partners of the other arm.

    rows        all the rows, n of them
    estimand    "ATT": the target arm seeks partners; "ATC": the reference arm does
    pairs       int64 (k, 2), rows of the index person and of the partner, in the order in which pairs were formed
    ratio       partners sought for each index person
    variable    whether fewer partners are part of the plan (`max_ratio`)
    caliper, order, replace     the rules
    beyond_caliper, none_left   index persons without a partner, because free persons were too far or there were none
    findings    what a reader should know
    reason      ONE_ARM_EMPTY or NO_INFORMATIVE_SETS where nobody could be matched
    """

    rows: AdjustmentRows
    estimand: str
    pairs: np.ndarray
    ratio: int
    variable: bool
    caliper: Caliper
    order: str
    replace: bool
    beyond_caliper: int
    none_left: int
    findings: tuple[MatchingFinding, ...]
    reason: Reason | None

    @property
    def kind(self) -> str:
        return "matching"

    @property
    def arm(self) -> np.ndarray:
        """bool (n,), True in the target arm."""
        return self.rows.arm

    @property
    def index(self) -> np.ndarray:
        """bool (n,), True in the arm for which partners are sought."""
        return self.rows.arm if self.estimand == "ATT" else ~self.rows.arm

    @property
    def partners(self) -> np.ndarray:
        """int64 (n,), the number of partners each index person has; 0 in the other arm."""
        return np.bincount(self.pairs[:, 0], minlength=len(self.rows))

    @property
    def uses(self) -> np.ndarray:
        """int64 (n,), the number of sets in which each row is a partner."""
        return np.bincount(self.pairs[:, 1], minlength=len(self.rows))

    @property
    def pair_set(self) -> np.ndarray:
        """int64 (k,), the set of each pair: 0, 1, … as the sets were begun."""
        first = np.full(len(self.rows), len(self.pairs))
        np.minimum.at(first, self.pairs[:, 0], np.arange(len(self.pairs)))
        begun = np.sort(first[first < len(self.pairs)])
        return np.searchsorted(begun, first[self.pairs[:, 0]])

    @property
    def sets(self) -> np.ndarray | None:
        """int64 (n,), the set of each row, -1 for rows left out; None with replacement, where rows are in several."""
        if self.replace:
            return None
        out = np.full(len(self.rows), -1)
        out[self.pairs[:, 0]] = out[self.pairs[:, 1]] = self.pair_set
        return out

    @property
    def stratum(self) -> np.ndarray | None:
        """The same as `sets`, under the name that all adjustments share."""
        return self.sets

    @property
    def weights(self) -> np.ndarray:
        """float64 (n,): 1 for an index person with partners, for a partner the sum of 1 / (partners in the set).

        So each set's partners stand for one index person. Rows left out have 0.
        """
        partners = self.partners
        shares = 1.0 / partners[self.pairs[:, 0]]
        return (partners > 0) + np.bincount(self.pairs[:, 1], weights=shares, minlength=len(self.rows))

    def analysis_set(
        self,
        *,
        weighted: bool = False,
        event: str | np.ndarray | None = None,
        stop: str | np.ndarray | None = None,
        start: str | np.ndarray | None = None,
        covariates: Sequence[str] = (),
    ) -> AnalysisSet:
        """The matched rows in their order, with the matched set as `stratum` and a column "arm".

        weighted    multiply the weights by `weights`: for models that are not stratified by set, where sets differ in
                    size. With replacement rows are in several sets: they come once, without a stratum, and only
                    weighted; no variance of other models is proven for them, so ask for a robust one
        event, stop, start, covariates      columns or arrays, for data that were no AnalysisSet: event 0 or a cause,
                    and whole days

        Raises UnsupportedError with replacement, where `weighted` is not asked for.
        """
        if self.replace and not weighted:
            raise UnsupportedError(
                Fault(
                    "analysis_set",
                    "without weights, of persons who are in several sets",
                    "weighted=True",
                    "use fit_average_effect, whose variance counts how often a person was used",
                )
            )
        weight = self.weights if weighted else None
        return adjusted_set(
            self.rows, self._kept(), weight=weight, stratum=self.sets, event=event, stop=stop, start=start,
            covariates=covariates,
        )  # fmt: skip

    def frame(self) -> Any:
        """The matched rows of the data frame that came in, with columns matched_set and match_weight.

        With replacement rows are in several sets: they come once, with their weight alone.
        """
        at = self._kept()
        columns = {} if self.sets is None else {SET: self.sets[at]}
        return adjusted_frame(self.rows, at, {**columns, WEIGHT: self.weights[at]})

    def tidy(self) -> Any:
        """One row an arm: arm, sought ("partners" or "nobody"), persons, matched, unmatched."""
        arms = (self.arm, ~self.arm)
        persons = [int(arm.sum()) for arm in arms]
        matched = [int((self.weights[arm] > 0.0).sum()) for arm in arms]
        columns = {
            "arm": ["target", "reference"],
            "sought": ["partners", "nobody"] if self.estimand == "ATT" else ["nobody", "partners"],
            "persons": persons,
            "matched": matched,
            "unmatched": [a - b for a, b in zip(persons, matched, strict=True)],
        }
        return nw.from_dict(columns, backend=self.rows.source.frame_kind).to_native()

    def bootstrap(self, *_: Any, **__: Any) -> None:
        """Not offered: resampling persons does not give the variance of a matched estimate."""
        raise UnsupportedError(
            Fault(
                "bootstrap of a matching",
                "not valid, for matching is not a smooth function of the persons",
                "fit_average_effect; models clustered by set",
            )
        )

    def _kept(self) -> np.ndarray:
        return np.flatnonzero(self.weights > 0.0)

    def __repr__(self) -> str:
        return describe(self)


def describe(matching: Matching) -> str:
    """The matching as text that fits a screen: the rules, the counts, the findings."""
    seeking, sought = ("target", "reference") if matching.estimand == "ATT" else ("reference", "target")
    many = f"up to {matching.ratio}" if matching.variable else str(matching.ratio)
    again = "with" if matching.replace else "without"
    lines = [
        f"Matching ({matching.estimand}): nearest neighbour, 1:{many}, {again} replacement; "
        f"persons of the {seeking} arm seek partners in the {sought} arm",
        str(matching.caliper),
        f"order: {matching.order} ({ORDERS[matching.order]}); ties by lowest person code",
    ]
    if matching.rows.exact_names:
        lines.append(f"within strata of {', '.join(matching.rows.exact_names)}")
    lines.append(f"{'arm':<10} {'persons':>10} {'matched':>10} {'unmatched':>10}")
    table = nw.from_native(matching.tidy())
    for arm, _, persons, matched, unmatched in table.iter_rows():
        lines.append(f"{arm:<10} {persons:>10,} {matched:>10,} {unmatched:>10,}")
    lines.append(
        f"unmatched of those who sought: {matching.beyond_caliper:,} with nobody free within the caliper, "
        f"{matching.none_left:,} with nobody left"
    )
    if matching.reason is not None:
        lines.append(f"{matching.reason}: {REASON_TEXT[matching.reason]}")
    lines += [f"{finding.name}: {finding.text}" for finding in matching.findings]
    return "\n".join(lines)
