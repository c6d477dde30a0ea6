"""Simulated persons with a line as trajectory and hazards that depend on it, drawn exactly."""

import numpy as np
import pandas as pd

NAMES = {
    "person": "id",
    "outcome": "y",
    "measured_at": "t",
    "fixed": "t * x",
    "random": "t",
    "time": "end",
    "event": "cause",
    "covariates": ["x"],
}
TRUTH = {
    "trajectory: (Intercept)": 1.0,
    "trajectory: t": 0.2,
    "trajectory: x": 0.3,
    "trajectory: t:x": -0.1,
    "hazard: x": 0.4,
    "association: value": 0.5,
    "baseline: (Intercept)": float(np.log(0.1)),
    "baseline: log shape": 0.0,
    "sd (Intercept)": 0.8,
    "sd t": 0.25,
    "cor (Intercept), t": 0.3,
    "sd residual": 0.4,
}
SECOND = {"hazard 2: x": -0.4, "association 2: value": -0.3, "baseline 2: (Intercept)": float(np.log(0.05))}


def population(n: int, seed: int, late: bool = False, causes: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """n persons: measurements (id, t, y, x) at whole times from entry on, and follow-up (id, end, cause, x, entry).

    The hazard of a line is Gompertz's, so that its times are drawn by inversion. With `late` persons enter at random
    times up to 3 and those with an earlier event are never seen.
    """
    draw = np.random.default_rng(seed)
    kept: list[np.ndarray] = []
    have = 0
    while have < n:
        m = 2 * n
        x = draw.integers(0, 2, m).astype(float)
        b = draw.normal(size=(m, 2))
        level = 1.0 + 0.3 * x + 0.8 * b[:, 0]
        rise = 0.2 - 0.1 * x + 0.25 * (0.3 * b[:, 0] + np.sqrt(0.91) * b[:, 1])
        times = [_event(draw, 0.1, 0.4, 0.5, x, level, rise)]
        if causes == 2:
            times.append(_event(draw, 0.05, -0.4, -0.3, x, level, rise))
        first, cause = np.min(times, axis=0), 1 + np.argmin(times, axis=0)
        entry = draw.uniform(0.0, 3.0, m) if late else np.zeros(m)
        censored = entry + draw.uniform(1.0, 8.0, m)
        end = np.minimum(first, censored)
        rows = np.column_stack([level, rise, x, entry, end, np.where(first <= censored, cause, 0)])[first > entry]
        kept.append(rows[: n - have])
        have += len(kept[-1])
    level, rise, x, entry, end, cause = np.vstack(kept).T
    count = np.floor(end - entry).astype(int) + 1
    person = np.repeat(np.arange(n), count)
    t = entry[person] + np.arange(len(person)) - np.repeat(np.cumsum(count) - count, count)
    y = level[person] + rise[person] * t + 0.4 * draw.normal(size=len(person))
    measured = pd.DataFrame({"id": person, "t": t, "y": y, "x": x[person]})
    lives = pd.DataFrame({"id": np.arange(n), "end": end, "cause": cause.astype(int), "x": x, "entry": entry})
    return measured, lives


def _event(
    draw: np.random.Generator,
    rate: float,
    gamma: float,
    alpha: float,
    x: np.ndarray,
    level: np.ndarray,
    rise: np.ndarray,
) -> np.ndarray:
    """Times with hazard rate exp(gamma x + alpha (level + rise t)); infinite where it fades before."""
    start = rate * np.exp(gamma * x + alpha * level)
    growth = alpha * rise
    inside = 1.0 + growth * draw.exponential(size=len(x)) / start
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(inside > 0.0, np.log(inside) / growth, np.inf)
