"""Direct, mediated and total effect of a covariate on the hazard of a joint model.

The hazard of a person with random effects b is h0(t) exp(w gamma + sum over features a of alpha_a m_a(t)). A covariate
moves it directly, with the trajectory held where it is, and through the trajectory: by alpha_a times its effect on the
feature, which changes with time. Their sum is the total effect. All are log hazard ratios given b.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from equipoise.errors import DesignError, Fault
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.joint_design import Design
from equipoise.estimators.joint_estimation import Solution
from equipoise.estimators.joint_problem import hazard_columns
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.table import label
from equipoise.estimators.tails import normal_quantile, two_sided_p

DIRECT, MEDIATED, TOTAL = "direct", "mediated", "total"


def effects_of(
    solution: Solution,
    persons: pd.DataFrame,
    covariate: str,
    times: Sequence[float],
    values: tuple[Any, Any] | None,
    at: Mapping[str, Any],
    settings: tuple[bool, float, str],
) -> Any:
    """See `JointFit.effects_of`; `persons` holds the covariates; `settings` are exponentiate, level, kind."""
    exponentiate, conf_level, kind = settings
    ahead = np.atleast_1d(np.asarray(times, np.float64))
    if not len(ahead) or not np.isfinite(ahead).all() or (ahead < 0.0).any():
        raise DesignError(Fault("times", "not times of 0 or later", "finite numbers"))
    pair = _profiles(solution, persons, covariate, values, at)
    rows = []
    for place, cause in enumerate(solution.model.causes):
        parts = _parts(solution, pair, ahead, place)
        for k, time in enumerate(ahead):
            rows += [(cause, float(time), name, *_estimate(solution, part[k])) for name, part in parts.items()]
    return _frame(rows, len(solution.model.causes) > 1, exponentiate, check_conf_level(conf_level), kind)


def _profiles(
    solution: Solution, persons: pd.DataFrame, covariate: str, values: tuple[Any, Any] | None, at: Mapping[str, Any]
) -> pd.DataFrame:
    """Two persons who differ in the covariate; the others at given values, or at means and first levels."""
    model = solution.model
    used = {*model.trajectory.fixed.variables, *model.trajectory.random.variables, *model.hazard.variables}
    used = sorted(used - {model.columns.measured_at})
    for name in (covariate, *at):
        if name not in used:
            raise DesignError(Fault(f"covariate {label(name)}", "not in the model", ", ".join(used)))
    chosen: dict[str, Any] = {}
    for name in used:
        column = persons[name]
        levels = isinstance(column.dtype, pd.CategoricalDtype)
        if name == covariate:
            pair = values or ((column.cat.categories[0], column.cat.categories[1]) if levels else (0.0, 1.0))
        else:
            other = at.get(name, column.cat.categories[0] if levels else float(column.mean()))
            pair = (other, other)
        if levels:
            pair = _as_levels(name, pair, column)
        chosen[name] = pair
    return pd.DataFrame(chosen)


def _as_levels(name: str, pair: tuple[Any, Any], column: pd.Series) -> pd.Categorical:
    known = [str(level) for level in column.cat.categories]
    if any(str(value) not in known for value in pair):
        raise DesignError(Fault(f"covariate {label(name)}", "a level that is not in the data", ", ".join(known)))
    return pd.Categorical([str(value) for value in pair], categories=known)


def _difference(design: Design, pair: pd.DataFrame) -> np.ndarray:
    two = design.columns(pair)
    return two[1] - two[0]


def _parts(solution: Solution, pair: pd.DataFrame, times: np.ndarray, place: int) -> dict[str, np.ndarray]:
    """Value and slope by every parameter of each effect, (times, 1 + size)."""
    layout, model, theta = solution.objective.layout, solution.model, solution.theta
    par, m = layout.unpack(theta), len(times)
    two = hazard_columns(model.hazard, model.hazard.columns(pair))[0]
    step = two[1] - two[0]
    d = len(model.baseline.names)
    direct = np.zeros((m, 1 + layout.size))
    first = layout.at_psi + int(layout.cause_start[place]) + d
    direct[:, 1 + first : 1 + first + len(step)] = step
    direct[:, 0] = step @ theta[first : first + len(step)]
    upper, lower = (model.trajectory.at(pair, np.full(m, row), times)[0] for row in (1, 0))
    change = upper - lower
    parts = {DIRECT: direct}
    for a, feature in enumerate(model.trajectory.features):
        part = np.zeros((m, 1 + layout.size))
        alpha = par.alpha[place, a]
        moved = change[:, a] @ par.beta
        part[:, 0] = alpha * moved
        part[:, 1 : 1 + layout.p] = alpha * change[:, a]
        part[:, 1 + layout.at_alpha + place * layout.n_features + a] = moved
        parts[f"{MEDIATED} by {feature}"] = part
    return parts | {TOTAL: sum(parts.values())}


def _estimate(solution: Solution, part: np.ndarray) -> tuple[float, float]:
    """Value and standard error; nan where it rests on a parameter that is not determined."""
    layout, slope = solution.objective.layout, part[1:]
    open_ = np.ones(layout.size, np.bool_)
    open_[solution.kept] = False
    if (open_ & (slope != 0.0)).any():
        return np.nan, np.nan
    return float(part[0]), float(np.sqrt(max(slope @ solution.covariance @ slope, 0.0)))


def _frame(rows: list[tuple], several: bool, exponentiate: bool, conf_level: float, kind: str) -> Any:
    cause, time, effect, estimate, error = (list(part) for part in zip(*rows, strict=True))
    value, spread = np.array(estimate), np.array(error)
    half = normal_quantile(0.5 + conf_level / 2.0) * spread
    turn = np.exp if exponentiate else np.asarray
    columns: dict[str, Any] = {"cause": np.array(cause)} if several else {}
    columns |= {
        "time": np.array(time),
        "effect": effect,
        "estimate": turn(value),
        "std_error": spread,
        "conf_low": turn(value - half),
        "conf_high": turn(value + half),
        "p_value": np.array([two_sided_p(v / s) if s > 0.0 else np.nan for v, s in zip(value, spread, strict=True)]),
    }
    return frame_of(columns, kind)
