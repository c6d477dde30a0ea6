"""What many nations say of one estimator: bias, coverage and largest standardised error, with their own errors."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from equipoise.simulate.estimands import SurvivalEstimand, Users
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.true_values import Nation
from equipoise.simulate.truth import TrueValue
from tests.coverage.nations import Rows
from tests.coverage.trial_truth import true_risks

Key = tuple[str, str, str, str, str, str]
LEVEL = 0.95
NO_EFFECT_ON_DEATH = ("anxiolytics", "hypnotics")
HEAD = "| analysis | comparison | exposure | window | adjustment | measure | nations | truth | mean | bias / MC error |"
HEAD += " SD / mean SE | coverage, % | largest abs(z) |\n|" + "---|" * 13


@dataclass(frozen=True, slots=True)
class Truth:
    """A true value and its own Monte Carlo error, on the additive scale (the log of ratios)."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """One estimator over many nations; estimates on the additive scale."""

    key: Key
    estimates: np.ndarray
    errors: np.ndarray
    inside: np.ndarray
    truth: Truth

    @property
    def bias(self) -> float:
        return float(self.estimates.mean() - self.truth.value)

    @property
    def bias_error(self) -> float:
        return float(np.hypot(self.estimates.std(ddof=1) / len(self.estimates) ** 0.5, self.truth.error))

    @property
    def coverage(self) -> float:
        return float(self.inside.mean())

    @property
    def coverage_error(self) -> float:
        return float((LEVEL * (1 - LEVEL) / len(self.inside)) ** 0.5)

    @property
    def spread_ratio(self) -> float:
        """Standard deviation of the estimates over nations, against the mean of their standard errors."""
        return float(self.estimates.std(ddof=1) / self.errors.mean())

    @property
    def largest(self) -> float:
        return float(np.abs((self.estimates - self.truth.value) / self.errors).max())

    @property
    def farthest(self) -> float:
        """The same by the mean standard error: that of a small risk is small because the risk is."""
        return float(np.abs(self.estimates - self.truth.value).max() / self.errors.mean())

    @property
    def bound(self) -> float:
        """Bonferroni's bound of the largest standardised error."""
        return float(norm.isf((1 - LEVEL) / 2 / len(self.estimates)))


def truths(spec: NationSpec, multiplier: float, persons: int) -> dict[tuple[str, ...], Truth]:
    """True values, by measure or by analysis, comparison, exposure and measure.

    No drug has an effect on onset, and neither anxiolytics nor hypnotics on death; a trial's strategies are lived by
    the same persons.
    """
    nothing = Truth(0.0, 0.0)
    found = {("odds_ratio",): nothing} | {("no use", name, "hazard_ratio"): nothing for name in NO_EFFECT_ON_DEATH}
    return found | _of_trial(Nation(spec, persons, 90_001, multiplier))


def by_measure(values: dict[str, TrueValue]) -> dict[tuple[str, ...], Truth]:
    """True values of suppressing drugs against others on the additive scale."""
    return {
        ("not_suppressing", "suppressing", measure): Truth(_additive(measure, true.value), true.std_error)
        for measure, true in values.items()
    }


def of_users(measure: str) -> SurvivalEstimand:
    """The estimand of a comparison of users of two kinds of antidepressants from riluzole on."""
    return SurvivalEstimand(
        target="every_antidepressant_suppressing",
        reference="every_antidepressant_non_suppressing",
        time_zero="riluzole",
        users=Users(drugs="any"),
        measure=measure,  # type: ignore[arg-type]
    )


def _additive(measure: str, value: float) -> float:
    return float(np.log(value)) if measure.endswith("ratio") else value


def _of_trial(nation: Nation) -> dict[tuple[str, ...], Truth]:
    died = {name: lives.mean(axis=1) for name, lives in true_risks(nation).items()}
    found = {("every strategy", name, "risk"): _mean(risks) for name, risks in died.items()}
    for one in died:
        for other in died:
            found["trial", other, one, "risk_difference"] = _mean(died[one] - died[other])
            if nation.spec.effects.rem_suppression_on_death == 1.0:
                found |= {("trial", other, one, ratio): Truth(0.0, 0.0) for ratio in ("risk_ratio", "hazard_ratio")}
    return found


def _mean(values: np.ndarray) -> Truth:
    return Truth(float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5))


def truth_of(row: dict[str, Any], true: dict[tuple[str, ...], Truth]) -> Truth | None:
    """The true value behind a row of estimates, if it is known."""
    analysis, comparison, exposure, measure = (row[key] for key in ("analysis", "comparison", "exposure", "measure"))
    names = (
        (analysis, comparison, exposure, measure),
        (comparison, exposure, measure),
        (measure,),
    )
    return next((true[name] for name in names if name in true), None)


def summarised(nations: list[Rows], true: dict[tuple[str, ...], Truth]) -> list[Coverage]:
    """Every estimator whose measure has a true value, over the nations in which it gave an estimate."""
    rows: dict[Key, Rows] = defaultdict(list)
    for nation in nations:
        for row in nation:
            if truth_of(row, true) is not None and row["reason"] is None:
                name = (row[key] or "" for key in ("analysis", "comparison", "exposure", "window", "adjustment"))
                rows[*name, row["measure"]].append(row)  # type: ignore[index]
    return [_over_nations(key, found, truth_of(found[0], true)) for key, found in rows.items()]  # type: ignore[arg-type]


def _over_nations(key: Key, rows: Rows, truth: Truth) -> Coverage:
    ratio = key[-1].endswith("ratio")
    value = np.exp(truth.value) if ratio else truth.value
    return Coverage(
        key,
        np.array([row["log_estimate" if ratio else "estimate"] for row in rows]),
        np.array([row["std_error"] for row in rows]),
        np.array([row["conf_low"] <= value <= row["conf_high"] for row in rows]),
        truth,
    )


def page(summary: list[Coverage], nations: int) -> str:
    """The table of the methods page."""
    lines = [HEAD]
    for one in summary:
        lines.append(
            f"| {' | '.join(one.key)} | {len(one.estimates)} | {one.truth.value:.3f} | {one.estimates.mean():.3f} "
            f"| {one.bias:+.4f} / {one.bias_error:.4f} | {one.spread_ratio:.2f} | {100 * one.coverage:.1f} "
            f"| {one.largest:.2f} (bound {one.bound:.2f}) |"
        )
    return "\n".join(lines) + "\n"


def read(folder: Path) -> list[Rows]:
    """The nations kept in a folder."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
