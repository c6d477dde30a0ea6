"""Columns of a marginal structural model: trial terms, covariates, and follow-up time by arm or by treatment."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.trial_panel import Panel
from equipoise.estimators.trial_problem import Columns
from equipoise.estimators.trial_terms import TimeColumns, TimeTerms, time_columns

FOLLOW_UP, TRIAL = "follow_up", "trial_period"
MOST_NUMBERS = 50_000_000


@dataclass(frozen=True, slots=True)
class ModelTerms:
    """What enters the model: covariates at a trial's start, those that also enter by arm, and functions of time."""

    covariates: Any
    modifiers: tuple[str, ...]
    trial: TimeTerms
    follow_up: TimeTerms
    by_follow_up: bool
    cox: bool = False

    def time(self, rows: np.ndarray) -> tuple[TimeColumns, TimeColumns]:
        """Functions of follow-up time, and those that enter by themselves: none in a Cox model, whose h0 holds them."""
        made = time_columns(FOLLOW_UP, self.follow_up, np.arange(rows.shape[1], dtype=np.float64), rows.sum(axis=0))
        return made, TimeColumns(made.table[:, :0], ()) if self.cox else made


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Columns by state, the state of each arm over time, and how a row finds its state (see `FollowUp`)."""

    phi: np.ndarray
    names: tuple[str, ...]
    base: np.ndarray
    levels: np.ndarray
    cumulative: bool
    path: np.ndarray


def msm_columns(
    panel: Panel, model: ModelTerms, arms: tuple[str, ...], exposures: tuple[str, ...], states: States,
    starts: np.ndarray,
) -> Columns:  # fmt: skip
    """The columns; `arms` are names of indicators by trial, `starts` int64 (T,) the rows where trials start."""
    x, names = panel.columns(model.covariates)
    begin = int(panel.period.min())
    period = panel.period - begin
    per_period = np.bincount(period[starts], minlength=int(period.max()) + 1).astype(np.float64)
    trial = time_columns(TRIAL, model.trial, np.arange(len(per_period)) + float(begin), per_period)
    modified = tuple(_position(name, names) for name in model.modifiers)
    horizon = states.path.shape[1]
    return Columns(
        x, names, period, trial.table, trial.terms, arms, exposures, modified, states.phi, states.names, states.base,
        states.levels, states.cumulative, horizon,
    )  # fmt: skip


def states_by_arm(model: ModelTerms, arms: tuple[str, ...], rows: np.ndarray) -> States:
    """Follow-up time, and where asked its products with arms. `rows` float64 (A, K) says how many rows are where."""
    n_arms, k = rows.shape
    time, alone = model.time(rows)
    if not model.by_follow_up:
        base = np.zeros(n_arms, np.int64)
        return States(_laid(alone.table), alone.terms, base, np.empty(0, np.int64), False, base[:, None] + np.arange(k))
    base = np.arange(n_arms) * k
    table = np.hstack([np.tile(alone.table, (n_arms, 1)), *_products(time.table, n_arms)])
    names = alone.terms + tuple(f"{term}:{arm}" for arm in arms for term in time.terms)
    return States(_laid(table), names, base, np.empty(0, np.int64), False, base[:, None] + np.arange(k))


def states_by_treatment(
    model: ModelTerms, exposures: tuple[str, ...], rows: np.ndarray, panel: Panel, degree: int
) -> States:
    """Follow-up time and the current treatment (degree 0), or powers of the intervals treated so far (1 or 2)."""
    n_levels, k = len(panel.levels), rows.shape[1]
    base = np.zeros(n_levels, np.int64)
    time, alone = model.time(rows)
    n_blocks = n_levels if degree == 0 else k + 1
    if degree and n_levels > 2:
        raise UnsupportedError(Fault("exposure", f"doses of {n_levels} treatments", "the current treatment"))
    if n_blocks * k * max(len(time.terms), 1) > MOST_NUMBERS:
        raise UnsupportedError(Fault("exposure", f"doses over {k:,} intervals", "a smaller max_follow_up"))
    block = np.repeat(np.arange(n_blocks), k)
    if degree:
        exposure = block[:, None] ** np.arange(1, degree + 1).astype(np.float64)
        path = np.stack([np.arange(k), np.arange(1, k + 1) * k + np.arange(k)])
    else:
        exposure = (block[:, None] == np.arange(1, n_levels)).astype(np.float64)
        path = np.arange(n_levels)[:, None] * k + np.arange(k)
    times = np.tile(time.table, (n_blocks, 1))
    parts, names = [exposure, np.tile(alone.table, (n_blocks, 1))], exposures + alone.terms
    if model.by_follow_up:
        parts += [times * exposure[:, j : j + 1] for j in range(exposure.shape[1])]
        names += tuple(f"{term}:{name}" for name in exposures for term in time.terms)
    return States(_laid(np.hstack(parts)), names, base, panel.treatment, degree > 0, path)


def _products(table: np.ndarray, n_arms: int) -> list[np.ndarray]:
    return [np.vstack([table if a == arm else np.zeros_like(table) for a in range(n_arms)]) for arm in range(1, n_arms)]


def _laid(table: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(table.T)


def _position(name: str, names: tuple[str, ...]) -> int:
    if name not in names:
        raise DesignError(Fault(f"modifier {name!r}", "not a term of the covariates", ", ".join(names) or "none"))
    return names.index(name)
