"""Mean scores over time: a linear mixed model with the arm, its slopes and their difference, and curves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.joint_design import natural_spline
from equipoise.estimators.linear_mixed import fit_linear_mixed
from equipoise.estimators.linear_mixed_fit import LinearMixedFit
from equipoise.runner.function_rows import MONTH, REFERENCE, TARGET, Compared, Row, mean_numbers, numbers
from equipoise.runner.layers import CRUDE
from equipoise.spec.function import Function

MODEL = "linear mixed model, random intercept and slope"
ARMS = (("target", TARGET), ("reference", REFERENCE))
INTERVAL, MOST = 91, 16  # days, and the most intervals of a curve
Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A fitted model with the form of its time, or the reason why there is none."""

    fit: LinearMixedFit | None
    function: Function
    reason: Reason | None = None

    def weights(self, months: float, arm: int, *, slope: bool = False) -> Weights:
        """The weights of the terms that make the mean score of an arm at a time; of `slope`, without the intercept."""
        basis = time_columns(np.array([months]), self.function)[0]
        found = {} if slope else {"(Intercept)": 1.0, "arm": float(arm)}
        for j, value in enumerate(basis):
            found |= {f"time {j}": value, f"arm time {j}": value * arm}
        return found

    def estimated(self, weights: Weights, conf_level: float, *, tested: bool) -> Row:
        """A weighted sum of the coefficients."""
        if self.fit is None:
            return {"reason": self.reason}
        used = {name: weight for name, weight in weights.items() if weight != 0.0}
        at = np.array([self.fit.terms.index(name) for name in used])
        missing = [self.fit.reasons[j] for j in at if self.fit.reasons[j] is not None]
        if missing:
            return {"reason": missing[0]}
        weight = np.array(list(used.values()))
        variance = weight @ self.fit.covariance[np.ix_(at, at)] @ weight
        return numbers(float(weight @ self.fit.coefficients[at]), float(np.sqrt(variance)), conf_level, tested=tested)


def time_columns(months: np.ndarray, function: Function) -> np.ndarray:
    """The columns of time: time itself, or a natural cubic spline of it."""
    if function.shape == "linear":
        return months[:, None]
    return np.asarray(natural_spline(months, [day / MONTH for day in function.knots_days]))


def early(compared: Compared) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Person, day and score of every total up to the last day that counts for mean scores."""
    person, day, score = compared.total()
    counts = day <= compared.function.until_day
    return person[counts], day[counts], score[counts]


def fit_trajectory(compared: Compared, covariates: np.ndarray) -> Trajectory:
    """Score = time and arm with all of their products, covariates and their products with time; each person's own line.

    covariates  float64 (n, p), one row a person, centred, so that means hold at their averages
    """
    person, day, score = early(compared)
    if len(np.unique(compared.arm[person])) < 2:
        return Trajectory(None, compared.function, Reason.ONE_ARM_EMPTY)
    months, arm = day / MONTH, compared.arm[person].astype(np.float64)
    columns: dict[str, np.ndarray] = {"arm": arm}
    for j, column in enumerate(time_columns(months, compared.function).T):
        columns |= {f"time {j}": column, f"arm time {j}": arm * column}
    for j, column in enumerate(covariates[person].T):
        columns |= {f"covariate {j}": column, f"covariate {j} time": column * months}
    data = columns | {"score": score, "person": person, "months": months}
    fit = fit_linear_mixed(data, outcome="score", person="person", fixed=list(columns), random=["months"])
    known = fit.reasons[0] is None
    return Trajectory(fit, compared.function) if known else Trajectory(None, compared.function, fit.reasons[0])


def trajectory_rows(compared: Compared) -> Iterator[Row]:
    """Mean scores at time zero, slopes by arm and their difference, difference in score, crude and adjusted."""
    person = early(compared)[0]
    has = np.isin(np.arange(len(compared.people)), person)
    yield from _at_time_zero(compared)
    day, level = compared.function.day, compared.conf_level
    months = day / MONTH
    for layer in compared.layers():
        label, found = layer.label, fit_trajectory(layer.part, layer.x)
        counts = compared.counts(has & layer.kept, n_scores=int(layer.kept[person].sum()))
        slopes = {code: _divided(found.weights(months, code, slope=True), months) for _, code in ARMS}
        for _, code in ARMS:
            row = compared.row("slope", label, MODEL, **compared.of_arm(code))
            yield row | counts | found.estimated(slopes[code], level, tested=False)
        difference = _less(slopes[TARGET], slopes[REFERENCE])
        yield compared.row("slope_difference", label, MODEL) | counts | found.estimated(difference, level, tested=True)
        for at in (0, day):
            weights = _less(found.weights(at / MONTH, TARGET), found.weights(at / MONTH, REFERENCE))
            row = compared.row("score_difference", label, MODEL, time_point_days=at)
            yield row | counts | found.estimated(weights, level, tested=True)


def _at_time_zero(compared: Compared) -> Iterator[Row]:
    """The observed mean score that stands for time zero."""
    score = compared.measured.column("total")
    at, known = compared.at_time_zero(score)
    for _, code in ARMS:
        mine = known & (compared.arm == code)
        row = compared.row("score", CRUDE, "observed mean", **compared.of_arm(code), time_point_days=0)
        made = mean_numbers(score[at[mine]], compared.conf_level)
        yield row | compared.counts(known, n_scores=int(known.sum())) | made


def _divided(weights: Weights, by: float) -> Weights:
    return {name: weight / by for name, weight in weights.items()}


def _less(one: Weights, other: Weights) -> Weights:
    return {name: weight - other[name] for name, weight in one.items()}


def curve_rows(compared: Compared) -> Iterator[Row]:
    """Scores by interval and the mean of the crude model, of each arm with scores."""
    person, day, score = early(compared)
    if not len(day):
        return
    found = fit_trajectory(compared, np.empty((len(compared.people), 0)))
    for name, code in ARMS:
        mine = compared.arm[person] == code
        measured = len(np.unique(person[mine]))
        for position, (first, last) in enumerate(intervals(int(day.max()), compared.function.baseline_days), start=1):
            inside = mine & (day >= first) & (day <= last)
            if not inside.any():
                continue
            time = 0 if first == 0 else (first + last) // 2
            mean = found.estimated(found.weights(time / MONTH, code), compared.conf_level, tested=False)
            yield {
                "arm": name,
                "position": position,
                "from_day": first,
                "to_day": last,
                "time_days": time,
                "n_measured": measured,
                "n_persons": len(np.unique(person[inside])),
                "n_scores": int(inside.sum()),
                "observed_mean": float(score[inside].mean()),
                "mean": mean.get("estimate"),
                "conf_low": mean.get("conf_low"),
                "conf_high": mean.get("conf_high"),
            }


def intervals(last: int, baseline_days: int) -> list[tuple[int, int]]:
    """First and last days: those that stand for time zero, then stretches of equal length up to day `last`."""
    width = max(INTERVAL, -(-max(last - baseline_days, 0) // MOST))
    starts = range(baseline_days + 1, last + 1, width)
    return [(0, baseline_days), *((first, first + width - 1) for first in starts)]
