"""Models of treatment and of censoring over the rows of a panel, and the factors of weights that follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault
from equipoise.estimators.glm_fit import GlmFit
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.trial_options import check_choices
from equipoise.estimators.trial_panel import Panel
from equipoise.kernels.trial_percentiles import weight_percentiles
from equipoise.kernels.trial_rows import Trials, TrialWeights

UNCENSORED = "uncensored"
STRATEGY, EVERYBODY = "strategy", "everybody"
OVER = (STRATEGY, EVERYBODY)


@dataclass(frozen=True, slots=True)
class Truncation:
    """Percentiles between which weights are held, None for none; of each strategy by itself, or of all rows."""

    percentiles: tuple[float, float] | None
    over: str


@dataclass(frozen=True, slots=True)
class WeightTerms:
    """Covariates of the models behind the weights, None where there is no model; how weights are held."""

    treatment_numerator: Any
    treatment_denominator: Any
    censoring_numerator: Any
    censoring_denominator: Any
    truncation: Truncation
    rows: str


@dataclass(frozen=True, slots=True, eq=False)
class WeightModel:
    """One model behind the weights. `of` and `given` say what is modelled among whom; `role` its part in the ratio."""

    of: str
    given: str
    role: str
    fit: GlmFit


@dataclass(frozen=True, slots=True, eq=False)
class Probabilities:
    """Probability of each level (columns) in each row, float64 (N, L), one where nothing is modelled; the models."""

    values: np.ndarray
    models: tuple[WeightModel, ...]


def treatment_probabilities(
    panel: Panel, covariates: Any, rows: np.ndarray, at_risk: np.ndarray, times: np.ndarray, role: str
) -> Probabilities:
    """The probability of each treatment given the one before, by pooled logistic models in the rows bool (N,).

    Levels are taken one after the other: P(above level j, given at least j), separately by the treatment before.
    Where nobody with a treatment before changes it in a row at risk bool (N,), keeping it has probability one.
    """
    x, terms = panel.columns(covariates)
    before, n_levels = panel.previous, len(panel.levels)
    out, models = np.ones((len(panel), n_levels)), []
    for was in range(n_levels):
        at = np.flatnonzero(rows & (before == was))
        if not (at_risk & (before == was) & (panel.treatment != was) & (times > 0.0)).any():
            out[at] = np.arange(n_levels) == was
            continue
        left = np.ones(len(at))
        for level in range(n_levels - 1):
            reached = panel.treatment[at] >= level
            fit, above = _fitted(x[at], terms, panel.treatment[at] > level, reached * times[at])
            words = f"treatment above {panel.levels[level]}" if n_levels > 2 else f"treatment {panel.levels[1]}"
            models.append(WeightModel(words, f"before: {panel.levels[was]}", role, fit))
            out[at, level] = left * (1.0 - above)
            left = left * above
        out[at, n_levels - 1] = left
    return Probabilities(out, tuple(models))


def uncensored_probabilities(
    panel: Panel, covariates: Any, rows: np.ndarray, times: np.ndarray, role: str, treated: np.ndarray | None = None
) -> Probabilities:
    """The probability of not being lost in a row, by pooled logistic models for each treatment, as a column (N, 1).

    The treatment is that of the row, or `treated` int64 (N,).
    """
    treated = panel.treatment if treated is None else treated
    x, terms = panel.columns(covariates)
    out, models = np.ones((len(panel), 1)), []
    for level, name in enumerate(panel.levels):
        at = np.flatnonzero(rows & (treated == level))
        if len(at):
            fit, stays = _fitted(x[at], terms, panel.censored[at] == 0, times[at])
            models.append(WeightModel(UNCENSORED, f"treatment: {name}", role, fit))
            out[at, 0] = stays
    return Probabilities(out, tuple(models))


def _fitted(x: np.ndarray, terms: Sequence[str], y: np.ndarray, weight: np.ndarray) -> tuple[GlmFit, np.ndarray]:
    """A logistic model of rows with weight, and its probability in all rows."""
    weights = None if (weight == 1.0).all() else weight
    data = x if x.shape[1] else np.zeros((len(x), 1))
    fit = fit_logistic(data, outcome=y, covariates=list(terms) if x.shape[1] else (), weights=weights)
    if fit.means is None:  # nobody, or everybody
        return fit, np.full(len(y), float(bool((y & (weight > 0.0)).any())))
    return fit, fit.fitted_values


def ratio_of(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Numerator over denominator; zero over zero, which nobody who is counted has, is one."""
    return np.divide(numerator, denominator, out=np.ones(len(numerator)), where=denominator > 0.0)


def check_truncation(truncate: Any, over: Any) -> Truncation:
    """Two percentiles, the lower below the higher, or None; `over` whom they are taken."""
    check_choices({"truncate_over": (over, OVER)})
    if truncate is None:
        return Truncation(None, over)
    pair = tuple(truncate) if isinstance(truncate, Sequence) and not isinstance(truncate, str) else ()
    if len(pair) != 2 or not all(isinstance(p, int | float) for p in pair) or not 0.0 <= pair[0] < pair[1] <= 100.0:
        raise DesignError(Fault("truncate", repr(truncate), "two percentiles such as (1, 99), or None"))
    return Truncation((float(pair[0]), float(pair[1])), over)


def truncated(trials: Trials, weights: TrialWeights, truncation: Truncation) -> TrialWeights:
    """The weights held between their percentiles.

    Where few keep to a strategy their weights are the largest of all: percentiles of everybody's would cut just these.
    """
    if truncation.percentiles is None or not len(weights.factor):
        return weights
    n_arms = len(weights.kinds)
    if truncation.over == EVERYBODY:
        limits = np.tile(weight_percentiles(trials, weights, truncation.percentiles), (n_arms, 1))
    else:
        each = (_of_arm(trials, arm) for arm in range(n_arms))
        limits = np.stack([weight_percentiles(own, weights, truncation.percentiles) for own in each])
    return weights._replace(low=limits[:, 0].copy(), high=limits[:, 1].copy())


def _of_arm(trials: Trials, arm: int) -> Trials:
    mine = trials.arm == arm
    cut = trials.cut[mine] if len(trials.cut) > 1 else trials.cut
    return Trials(trials.start[mine], trials.length[mine], trials.arm[mine], trials.person[mine], cut)


def all_or_counts(times: np.ndarray) -> np.ndarray:
    """Counts by person, of shape (0,) where everybody counts once."""
    return np.empty(0) if (times == 1.0).all() else times


def positivity_of(panel: Panel, rows: np.ndarray) -> dict[str, list]:
    """Rows and changes of treatment by period and treatment before."""
    begin = int(panel.period.min())
    n_levels = len(panel.levels)
    cell = (panel.period - begin) * n_levels + panel.previous
    size = int(cell.max()) + 1
    changed = rows & (panel.treatment != panel.previous)
    total, changes = np.bincount(cell[rows], minlength=size), np.bincount(cell[changed], minlength=size)
    at = np.flatnonzero(total)
    return {
        "period": (at // n_levels + begin).tolist(),
        "previous": [panel.levels[i] for i in at % n_levels],
        "rows": total[at].tolist(),
        "changes": changes[at].tolist(),
        "violated": ((changes[at] == 0) | (changes[at] == total[at])).tolist(),
    }
