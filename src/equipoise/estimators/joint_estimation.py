"""The maximum of a joint model's likelihood: what is determined, the start, the climb, the nodes."""

import math
from dataclasses import dataclass, replace

import numpy as np

from equipoise.errors import DesignError, Fault, Reason
from equipoise.estimators.identification import identify
from equipoise.estimators.joint_objective import Objective, Rule, Uphill, objective, without_rows
from equipoise.estimators.joint_problem import Arrays, Given, Model, Request, arrays_of, model_of
from equipoise.estimators.joint_start import HazardStart, MixedModel, hazard_start, mixed_model
from equipoise.kernels.joint_baseline import PIECEWISE, WEIBULL
from equipoise.kernels.joint_quadrature import hermite_nodes
from equipoise.kernels.joint_rows import Layout, Parameters
from equipoise.kernels.newton import Maximum, maximise, solve_information

PSEUDO_ADAPTIVE, ADAPTIVE = "pseudo-adaptive", "adaptive"
NO_HAZARD = -700.0  # a log hazard that is zero in double precision and whose exponential still is a number
ROUNDS = 20  # of moving the nodes
SETTLED = 1e-5  # of a standard error: the climb's own last step is of that size
MAX_ITERATIONS = 100


@dataclass(frozen=True, slots=True)
class Determined:
    """Columns of the trajectory that are used, and for the others the reason and what they combine."""

    kept: np.ndarray
    reasons: tuple[Reason | None, ...]
    aliases: dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Solution:
    """The maximum over all parameters (size,) and what it rests on.

    theta        parameters; those that are not determined stand at 0, log hazards of intervals without events at -700
    kept         positions of the parameters that were climbed over
    covariance   (size, size), zero for the others, nan where the information is not positive
    """

    model: Model
    arrays: Arrays
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
    model = model_of(found, request, columns.kept, causes_of(found)[0])
    arrays = arrays_of(found, model)
    if len(arrays.rows.y) <= len(columns.kept):
        return None
    mixed = mixed_model(arrays.rows)
    if mixed is None:
        return None
    layout = Layout(len(columns.kept), found.z.shape[1], len(model.trajectory.features), model.cause_start)
    data = (arrays.rows, arrays.points, arrays.ends)
    psi, open_psi = _first_hazards(found, model, arrays)
    start = hazard_start(data, arrays.entry_points, arrays.entered_late, layout, mixed, psi, open_psi)
    return _climb(model, arrays, layout, mixed, start, hermite_nodes(points, layout.q), quadrature)


def _first_hazards(found: Given, model: Model, arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Constant hazards as first values of psi (D,), and whether each column may move.

    An interval of a piecewise baseline without events has hazard zero at the supremum.
    """
    width, d = int(model.cause_start[-1]), len(model.baseline.names)
    psi, open_psi = np.zeros(width), np.ones(width, np.bool_)
    exposure = float((found.ends.time - found.ends.entry).sum())
    for c, first in enumerate(model.cause_start[:-1]):
        had = arrays.ends.cause == c + 1
        rate = math.log(np.count_nonzero(had) / exposure)
        psi[first : first + (1 if model.baseline.kind == WEIBULL else d)] = rate
        if model.baseline.kind == PIECEWISE:
            empty = arrays.ends.hazard[had, first : first + d].sum(axis=0) == 0.0
            psi[first : first + d][empty] = NO_HAZARD
            open_psi[first : first + d][empty] = False
    return psi, open_psi


def _climb(
    model: Model, arrays: Arrays, layout: Layout, mixed: MixedModel, start: HazardStart, rule: Rule, quadrature: str
) -> Solution:
    base = mixed.parameters(layout.n_features)
    own = Parameters(*base[:3], start.psi, start.alpha.reshape(layout.causes, layout.n_features))
    kept = np.append(np.arange(layout.at_psi), layout.at_psi + start.identified.kept)
    theta = layout.pack(own)
    seen = _objective(model, arrays, layout, rule, (own, own), quadrature == PSEUDO_ADAPTIVE)
    best = _maximum(seen, kept, theta)
    iterations = best.iterations
    if quadrature == ADAPTIVE:
        seen, best, iterations = _with_moving_nodes(model, arrays, seen, best, kept, theta, rule)
    theta = Uphill(seen, kept, theta).fill(best.beta)
    covariance, gradient_norm = _covariance(best, kept, layout.size)
    return Solution(
        model, arrays, seen, theta, kept, covariance, start.identified.reasons, start.identified.aliases,
        best.at.log_likelihood, mixed.log_likelihood + start.log_likelihood_null,
        best.converged and bool(np.isfinite(covariance).all()), iterations, gradient_norm,
    )  # fmt: skip


def _objective(
    model: Model, arrays: Arrays, layout: Layout, rule: Rule, own: tuple[Parameters, Parameters], measured: bool
) -> Objective:
    shapes = np.empty(0, np.int64)
    if model.baseline.kind == WEIBULL:
        shapes = layout.at_psi + model.cause_start[:-1] + 1
    at_entry = None
    if arrays.entry_points is not None:
        at_entry = without_rows(arrays.entry_points, arrays.entered_late, layout.p, layout.q)
    data = (arrays.rows, arrays.points, arrays.ends)
    return objective(data, at_entry, arrays.entered_late, layout, shapes, rule, own, measured)


def _maximum(seen: Objective, kept: np.ndarray, theta: np.ndarray) -> Maximum:
    return maximise(Uphill(seen, kept, theta).evaluate, theta[kept], max_iterations=MAX_ITERATIONS)


def _with_moving_nodes(
    model: Model, arrays: Arrays, seen: Objective, best: Maximum, kept: np.ndarray, theta: np.ndarray, rule: Rule
) -> tuple[Objective, Maximum, int]:
    """Nodes at the modes under the latest parameters, until these stay where they are."""
    iterations = best.iterations
    for _ in range(ROUNDS):
        before = Uphill(seen, kept, theta).fill(best.beta)
        own = seen.layout.unpack(before)
        seen = _objective(model, arrays, seen.layout, rule, (own, own), False)
        best = _maximum(seen, kept, before)
        iterations += best.iterations
        errors = _covariance(best, kept, len(theta))[0].diagonal()[kept]
        if bool((np.abs(best.beta - before[kept]) <= SETTLED * np.sqrt(errors)).all()):
            return seen, best, iterations
    return seen, replace(best, converged=False), iterations


def _covariance(best: Maximum, kept: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """The inverse of the observed information (size, size), and the largest score in standard deviations."""
    out = np.zeros((size, size))
    inverse = solve_information(best.at.information, np.eye(len(kept)))
    out[np.ix_(kept, kept)] = np.nan if inverse is None else inverse
    units = np.sqrt(np.maximum(best.at.information.diagonal(), np.finfo(float).tiny))
    return out, float(np.abs(best.at.score / units).max(initial=0.0))
