"""What a marginal structural model of trials is fitted to: the parts that every design has in common."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from equipoise.estimators.trial_columns import ModelTerms, States, msm_columns
from equipoise.estimators.trial_estimation import Expanded
from equipoise.estimators.trial_panel import Panel
from equipoise.estimators.trial_problem import Columns
from equipoise.estimators.trial_risks import Standard
from equipoise.estimators.trial_weighting import WeightModel
from equipoise.kernels.trial_rows import Trials, TrialWeights, expansion_of


@dataclass(frozen=True, slots=True, eq=False)
class Assembly:
    """Trials made from a panel: rows of the outcome, of the competing event, over whom risks are standardized."""

    outcome: Expanded
    competing: Expanded | None
    standard: Standard
    weight_models: tuple[WeightModel, ...]


@dataclass(frozen=True, slots=True)
class Naming:
    """Names of all arms, the reference first, of their indicators by trial, and of every term that tells them apart."""

    arms: tuple[str, ...]
    by_trial: tuple[str, ...]
    exposures: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Trials of the outcome and of the competing event (or None), their weights, and one trial for each baseline."""

    panel: Panel
    model: ModelTerms
    naming: Naming
    trials: Trials
    others: Trials | None
    weights: TrialWeights
    weight_models: tuple[WeightModel, ...]
    y: np.ndarray
    baseline: Trials


def assembled(parts: Parts, states: Callable[[np.ndarray], States], times: np.ndarray) -> Assembly:
    """The parts put together; `states` makes columns from rows by arm and time, `times` (G,) are counts."""
    longest = max(int(t.length.max(initial=0)) for t in (parts.trials, parts.others) if t is not None)
    horizon = max(longest, 1)
    n_arms, naming = len(parts.naming.arms), parts.naming
    found = expansion_of(parts.trials, parts.weights, parts.y, n_arms, horizon)
    laid = states(found.rows)
    columns = msm_columns(parts.panel, parts.model, naming.by_trial, naming.exposures, laid, parts.baseline.start)
    outcome = Expanded(parts.trials, parts.weights, columns, parts.y, found, parts.panel.persons)
    base, kind = parts.baseline, parts.panel.source.frame_kind
    standard = Standard(naming.arms, base.start, times[base.person], laid.path, kind)
    return Assembly(outcome, _competing(parts, columns, n_arms, horizon), standard, parts.weight_models)


def _competing(parts: Parts, columns: Columns, n_arms: int, horizon: int) -> Expanded | None:
    if parts.others is None:
        return None
    y = parts.panel.competing
    found = expansion_of(parts.others, parts.weights, y, n_arms, horizon)
    return Expanded(parts.others, parts.weights, columns, y, found, parts.panel.persons)
