"""The joint model of scores and the outcome: association, and direct, mediated and total hazard ratios of the arm."""

from collections.abc import Iterator
from math import exp, isfinite
from typing import Any

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.joint import fit_joint
from equipoise.estimators.joint_estimation import ADAPTIVE, PSEUDO_ADAPTIVE
from equipoise.estimators.joint_fit import JointFit
from equipoise.runner.estimate import ratio_numbers
from equipoise.runner.function_rows import MONTH, Compared, Row
from equipoise.spec.function import Function

PERSON, SCORE, TIME = "person", "score", "months"
RULES = ((PSEUDO_ADAPTIVE, 5), (ADAPTIVE, 9))  # quadrature, and what is tried where that has not converged
ONE_MORE = {"value": "one point more of the current score", "slope": "a slope higher by one point a month"}


def joint_rows(compared: Compared) -> Iterator[Row]:
    """Association, then direct, mediated and total hazard ratios, crude and adjusted. Mediated ones are at a day."""
    person, _, _ = compared.total()
    happened = compared.people.event == 1
    for layer in compared.layers():
        counts = compared.counts(layer.kept, happened, n_scores=int(layer.kept[person].sum()))
        reason = _impossible(layer.part)
        fit = None if reason else fit_joint_model(layer.part, layer.x)
        if fit is not None and not fit.convergence.converged:
            reason, fit = next((found for found in fit.reasons if found), Reason.NOT_CONVERGED), None
        model = f"joint model, linear mixed model and {compared.function.baseline_hazard} baseline hazard"
        for measure, more, found in _effects(compared, fit, reason):
            yield compared.row(measure, layer.label, model, **more) | counts | found


def _impossible(compared: Compared) -> Reason | None:
    """Why there is no joint model, if there is none."""
    person = compared.total()[0]
    if compared.empty_arm is not None:
        return compared.empty_arm
    if not (compared.people.event == 1).any():
        return Reason.NO_EVENTS
    several = len(person) > len(np.unique(person))
    return None if several else Reason.NOT_IDENTIFIED


def fit_joint_model(compared: Compared, covariates: np.ndarray) -> JointFit:
    """Trajectory and hazard with the arm and the covariates; a person without a score still counts in the hazard."""
    person, day, score = compared.total()
    people, function = compared.people, compared.function
    late = people.start.any()
    own = {"arm": compared.arm.astype(np.float64)} | {f"c{j}": column for j, column in enumerate(covariates.T)}
    followed = {PERSON: np.arange(len(people)), "time": people.stop / MONTH, "event": people.event.astype(np.int64)}
    followed |= {"entry": people.start / MONTH} if late else {}
    long = {PERSON: person, TIME: day / MONTH, SCORE: score} | {name: column[person] for name, column in own.items()}
    names = list(own)
    for quadrature, points in RULES:
        fit = fit_joint(
            long,
            followed | own,
            person=PERSON,
            outcome=SCORE,
            measured_at=TIME,
            fixed=_fixed(function, names[1:]),
            random=TIME,
            time="time",
            event="event",
            entry="entry" if late else None,
            covariates=names,
            association=function.association,
            baseline=function.baseline_hazard,
            quadrature=quadrature,
            quadrature_points=points,
            conf_level=compared.conf_level,
        )
        if fit.convergence.converged:
            break
    return fit


def _fixed(function: Function, covariates: list[str]) -> str:
    """Time, arm and their products; covariates and their products with time."""
    knots = [round(day / MONTH, 6) for day in function.knots_days]
    time = f"natural_spline({TIME}, {knots})" if function.shape == "spline" else TIME
    return " + ".join([f"{time} * arm", *(f"{name} + {name}:{TIME}" for name in covariates)])


def _effects(compared: Compared, fit: JointFit | None, reason: Reason | None) -> Iterator[tuple[str, Row, Row]]:
    """Measure, what differs in its row, and its numbers."""
    for feature, words in ONE_MORE.items():
        if compared.function.association in (feature, "both"):
            more: Row = {"term": f"association: {feature}", "target_level": words, "reference_level": None}
            found: Row = {"reason": reason} if fit is None else ratio_numbers(fit.estimate(_association(fit, feature)))
            yield "association", more, found
    day = {"time_point_days": compared.function.day}
    if fit is None:
        for measure in ("direct", "mediated", "total"):
            yield f"{measure}_hazard_ratio", {} if measure == "direct" else day, {"reason": reason}
        return
    rows = fit.effects_of("arm", [compared.function.day / MONTH]).to_dict("records")
    for row in rows:
        if row.get("cause", 1) != 1:
            continue
        kind, _, feature = row["effect"].partition(" by ")
        more = day if kind != "direct" else {}
        if compared.function.association == "both" and feature:
            more = more | {"term": f"{compared.contrast}, by {feature}"}
        yield f"{kind}_hazard_ratio", more, _ratio(row)


def _association(fit: JointFit, feature: str) -> str:
    """The name of the term; of several causes, that of the outcome."""
    return next(name for name in fit.terms if name.startswith("association") and name.endswith(feature))


def _ratio(row: dict[str, Any]) -> Row:
    """A log hazard ratio as a ratio."""
    if not (isfinite(row["estimate"]) and isfinite(row["std_error"])):
        return {"reason": Reason.NOT_IDENTIFIED}
    found = {name: exp(row[name]) for name in ("estimate", "conf_low", "conf_high")}
    p_value = row["p_value"] if isfinite(row["p_value"]) else None
    return found | {
        "log_estimate": row["estimate"],
        "std_error": row["std_error"],
        "p_value": p_value,
        "reason": None,
    }
