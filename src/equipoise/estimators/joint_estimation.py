"""The maximum of a joint model's likelihood: what is determined, the start, the climb, the nodes."""

import math
from dataclasses import dataclass, replace

import numpy as np

from equipoise.errors import DesignError, Fault, Reason
from equipoise.estimators.identification import identify
from equipoise.estimators.joint_objective import (
    MAX_ITERATIONS,
    Objective,
    Rule,
    Uphill,
    at_measurements,
    at_modes,
    climb_with_moving_nodes,
    without_rows,
)
from equipoise.estimators.joint_problem import Arrays, Given, Model, Request, arrays_of, hazard_columns, model_of
from equipoise.estimators.joint_start import HazardStart, MixedModel, hazard_start, mixed_model
from equipoise.kernels.joint_baseline import PIECEWISE, WEIBULL
from equipoise.kernels.joint_quadrature import MOST_NODES, hermite_nodes
from equipoise.kernels.joint_rows import Layout, Parameters
from equipoise.kernels.newton import Maximum, maximise, solve_information

PSEUDO_ADAPTIVE, ADAPTIVE = "pseudo-adaptive", "adaptive"
NO_HAZARD = -700.0  # a log hazard that is zero in double precision and whose exponential still is a number
MISPLACED = 0.04  # of the decrement, 0.2 standard errors: where nodes at the modes would move the estimates so far
MORE = 4  # points a random effect of the finer rule
UNBOUNDED = 50.0  # standard error of a log hazard, from which the data say no more than its sign
GRADED_BELOW = 0.9  # of a Weibull shape: 15 plain points integrate its hazard with an error of 3e-4 there


@dataclass(frozen=True, slots=True)
class Determined:
    """Columns of the trajectory that are used, and for the others the reason and what they combine."""

    kept: np.ndarray
    reasons: tuple[Reason | None, ...]
    aliases: dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Solution:
    """The maximum over all parameters (size,) and what it rests on, the data in `objective`.

    theta        parameters; those that are not determined stand at 0, log hazards of intervals without events at -700
    kept         positions of the parameters that were climbed over
    enough_points  whether more points a random effect would leave the estimates where they are
    covariance   (size, size), zero for the others, nan where the information is not positive
    """

    model: Model
    objective: Objective
    theta: np.ndarray
    kept: np.ndarray
    covariance: np.ndarray
    hazard_reasons: tuple[Reason | None, ...]
    hazard_aliases: dict[int, tuple[int, ...]]
    log_likelihood: float
    log_likelihood_null: float
    converged: bool
    iterations: int
    gradient_norm: float
    quadrature: str
    enough_points: bool


def determined(found: Given) -> Determined:
    """Which fixed effects the measurements determine; random effects must all be."""
    for name, design in (("fixed", found.fixed), ("random", found.random)):
        if design.terms[:1] != ("(Intercept)",):
            raise DesignError(Fault(name, "leaves the intercept out", "no 0 or -1 in the formula"))
    deviations = np.column_stack([found.z[:, 0], found.z[:, 1:] - found.z[:, 1:].mean(axis=0)])
    if len(_independent(deviations).kept) < found.z.shape[1]:
        raise DesignError(
            Fault("random", "columns that do not vary or are combinations of others", "columns that tell persons apart")
        )
    centred = np.column_stack([found.x[:, 0], found.x[:, 1:] - found.x[:, 1:].mean(axis=0)])
    return _independent(centred)


def _independent(x: np.ndarray) -> Determined:
    found = identify(x.T @ x, np.sqrt(len(x)) * np.abs(x).max(axis=0))
    return Determined(found.kept, found.reasons, found.aliases)


def causes_of(found: Given) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The causes of which somebody had an event, and those below the largest of which nobody had."""
    seen = tuple(int(c) for c in np.unique(found.ends.cause) if c)
    largest = max(seen, default=1)
    return seen, tuple(c for c in range(1, largest + 1) if c not in seen)


def solve(found: Given, request: Request, columns: Determined, points: int, quadrature: str) -> Solution | None:
    """The maximum; None where the measurements alone do not determine their model."""
    infinite = separated(found, causes_of(found)[0])
    model = model_of(found, request, columns.kept, causes_of(found)[0], infinite.origin)
    arrays = arrays_of(found, model)
    if len(arrays.rows.y) <= len(columns.kept):
        return None
    mixed = mixed_model(arrays.rows)
    if mixed is None:
        return None
    layout = Layout(len(columns.kept), found.z.shape[1], len(model.trajectory.features), model.cause_start)
    first = _first_hazards(found, model, arrays, infinite)
    start = _start(arrays, layout, mixed, first)
    shapes = 1.0 + start.psi[_shapes(model)]
    if request.may_grade and (shapes < GRADED_BELOW).any():
        model = replace(model, graded=True)
        arrays = arrays_of(found, model)
        start = _start(arrays, layout, mixed, first)
    solution = _climb(model, arrays, layout, mixed, start, _rules(points, layout.q), quadrature)
    known = _unbounded(found, solution) | first.reasons
    reasons = [known.get(j, reason) for j, reason in enumerate(solution.hazard_reasons)]
    return replace(solution, hazard_reasons=tuple(reasons))


def _start(arrays: Arrays, layout: Layout, mixed: MixedModel, first: "FirstHazards") -> HazardStart:
    data = (arrays.rows, arrays.points, arrays.ends)
    return hazard_start(data, arrays.entry_points, arrays.entered_late, layout, mixed, first.psi, first.is_open)


def _shapes(model: Model) -> np.ndarray:
    """Where shapes less 1 stand among psi, none unless the baseline is Weibull's."""
    return model.cause_start[:-1] + 1 if model.baseline.kind == WEIBULL else np.empty(0, np.int64)


def _unbounded(found: Given, solution: Solution) -> dict[int, Reason]:
    """Log hazards that the likelihood bounds on one side only, by their place among psi.

    Their steps never end, and the climb does where nothing is left to gain: a spline of the baseline beyond the last
    event, covariates that separate in combination.
    """
    layout, out = solution.objective.layout, {}
    w = hazard_columns(found.hazard, found.w)[0]
    ranges = np.concatenate([np.ones(len(solution.model.baseline.names)), np.ptp(w, axis=0)])
    reasons = [Reason.NO_EVENTS] * len(solution.model.baseline.names) + [Reason.SEPARATION] * w.shape[1]
    errors = np.sqrt(np.maximum(solution.covariance.diagonal()[layout.at_psi : layout.at_alpha], 0.0))
    for first in (int(start) for start in layout.cause_start[:-1]):
        for j in np.flatnonzero(errors[first : first + len(ranges)] * ranges > UNBOUNDED):
            out[first + int(j)] = reasons[j]
    return out


@dataclass(frozen=True, slots=True)
class Separated:
    """Covariates all of whose events lie at their smallest or largest value, while others were at risk.

    step (C, k): the coefficient, minus or plus, that makes every other hazard zero; 0 where a covariate is not
    separated. origin (C, k): the value at which the events are, 0 elsewhere.
    """

    step: np.ndarray
    origin: np.ndarray


def separated(found: Given, causes: tuple[int, ...]) -> Separated:
    """Look at each covariate by itself; a combination of several that separates is not looked for."""
    w = hazard_columns(found.hazard, found.w)[0]
    step, origin = np.zeros((len(causes), w.shape[1])), np.zeros((len(causes), w.shape[1]))
    for c, cause in enumerate(causes):
        for j, column in enumerate(w.T):
            values, levels = column[found.ends.cause == cause], np.unique(column)
            if len(levels) > 1 and (values == levels[0]).all():
                step[c, j], origin[c, j] = NO_HAZARD / (levels[1] - levels[0]), levels[0]
            elif len(levels) > 1 and (values == levels[-1]).all():
                step[c, j], origin[c, j] = -NO_HAZARD / (levels[-1] - levels[-2]), levels[-1]
    return Separated(step, origin)


@dataclass(frozen=True, slots=True)
class FirstHazards:
    """First values of psi (D,), which of them may move, and reasons of terms by their place."""

    psi: np.ndarray
    is_open: np.ndarray
    reasons: dict[int, Reason]


def _first_hazards(found: Given, model: Model, arrays: Arrays, infinite: Separated) -> FirstHazards:
    """Constant hazards as first values; what is infinite at the supremum is held there.

    An interval of a piecewise baseline without events has hazard zero. Where a separated covariate's events are not at
    0, the baseline at 0 is infinite as well.
    """
    width, d = int(model.cause_start[-1]), len(model.baseline.names)
    psi, is_open, reasons = np.zeros(width), np.ones(width, np.bool_), {}
    exposure = float((found.ends.time - found.ends.entry).sum())
    for c, first in enumerate(int(start) for start in model.cause_start[:-1]):
        had = arrays.ends.cause == c + 1
        levels = 1 if model.baseline.kind == WEIBULL else d
        psi[first : first + levels] = math.log(np.count_nonzero(had) / exposure)
        psi[first + d : first + d + len(infinite.step[c])] = infinite.step[c]
        closed = infinite.step[c] != 0.0
        if (closed & (infinite.origin[c] != 0.0)).any():
            reasons |= dict.fromkeys(
                range(first, first + (1 if model.baseline.kind == WEIBULL else d)), Reason.SEPARATION
            )
        reasons |= {first + d + int(j): Reason.SEPARATION for j in np.flatnonzero(closed)}
        is_open[first + d : first + d + len(closed)] = ~closed
        if model.baseline.kind == PIECEWISE:
            empty = np.flatnonzero(arrays.ends.hazard[had, first : first + d].sum(axis=0) == 0.0)
            psi[first + empty], is_open[first + empty] = NO_HAZARD, False
            reasons |= {first + int(j): Reason.NO_EVENTS for j in empty}
    return FirstHazards(psi, is_open, reasons)


def _climb(
    model: Model,
    arrays: Arrays,
    layout: Layout,
    mixed: MixedModel,
    start: HazardStart,
    rules: tuple[Rule, Rule],
    quadrature: str,
) -> Solution:
    base = mixed.parameters(layout.n_features)
    own = Parameters(*base[:3], start.psi, start.alpha.reshape(layout.causes, layout.n_features))
    kept = np.append(np.arange(layout.at_psi), layout.at_psi + start.identified.kept)
    theta = layout.pack(own)
    (rule, finer), best = rules, None
    seen = _pseudo_adaptive(model, arrays, layout, rule, own)
    if quadrature == PSEUDO_ADAPTIVE and arrays.entry_points is None:
        best = maximise(Uphill(seen, kept, theta).evaluate, theta[kept], max_iterations=MAX_ITERATIONS)
        if _misplaced(seen, kept, Uphill(seen, kept, theta).fill(best.beta), finer):
            best = None
    used = PSEUDO_ADAPTIVE if best else ADAPTIVE
    if best is None:
        climbed = climb_with_moving_nodes(seen, kept, theta, rule)
        seen, best = climbed.seen, climbed.maximum
    theta = Uphill(seen, kept, theta).fill(best.beta)
    enough = used == PSEUDO_ADAPTIVE or not _misplaced(seen, kept, theta, finer)
    covariance, gradient_norm = _covariance(best, kept, layout.size)
    return Solution(
        model, seen.unpadded(), theta, kept, covariance, start.identified.reasons, start.identified.aliases,
        best.at.log_likelihood, mixed.log_likelihood + start.log_likelihood_null,
        enough and best.converged and bool(np.isfinite(covariance).all()), best.iterations, gradient_norm, used, enough,
    )  # fmt: skip


def _rules(points: int, q: int) -> tuple[Rule, Rule]:
    """The rule of the quadrature, and a finer one that it is held against, where there is room for one."""
    rule = hermite_nodes(points, q)
    return rule, hermite_nodes(points + MORE, q) if (points + MORE) ** q <= MOST_NODES else rule


def _misplaced(seen: Objective, kept: np.ndarray, theta: np.ndarray, rule: Rule) -> bool:
    """Whether nodes of another rule, at the modes under the estimates, would move these, or have no mode there."""
    there = Uphill(at_modes(seen, theta, rule), kept, theta).evaluate(theta[kept])
    if not np.isfinite(there.log_likelihood):
        return True
    step = solve_information(there.information, there.score)
    return step is None or not float(there.score @ step) <= MISPLACED


def _pseudo_adaptive(model: Model, arrays: Arrays, layout: Layout, rule: Rule, own: Parameters) -> Objective:
    shapes = layout.at_psi + _shapes(model)
    at_entry = None
    if arrays.entry_points is not None:
        at_entry = without_rows(arrays.entry_points, arrays.entered_late, layout.p, layout.q)
    data = (arrays.rows, arrays.points, arrays.ends)
    return at_measurements(data, at_entry, arrays.entered_late, layout, shapes, rule, own)


def _covariance(best: Maximum, kept: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """The inverse of the observed information (size, size), and the largest score in standard deviations."""
    out = np.zeros((size, size))
    inverse = solve_information(best.at.information, np.eye(len(kept)))
    out[np.ix_(kept, kept)] = np.nan if inverse is None else inverse
    units = np.sqrt(np.maximum(best.at.information.diagonal(), np.finfo(float).tiny))
    return out, float(np.abs(best.at.score / units).max(initial=0.0))
