"""Where the climb of a joint model starts: the linear mixed model, then the hazard with trajectories held known."""

from dataclasses import dataclass

import numpy as np

from equipoise.estimators.identification import Identified, identify
from equipoise.estimators.joint_objective import Objective, Uphill, no_exposure
from equipoise.estimators.linear_mixed import fit_linear_mixed
from equipoise.kernels.joint_likelihood import JointLikelihood
from equipoise.kernels.joint_modes import modes
from equipoise.kernels.joint_rows import Ends, Exposure, Layout, Measurements, Nodes, Parameters, precision_root
from equipoise.kernels.newton import Maximum, maximise

LEAST_SHARE = 1e-3  # of the residual standard deviation: a start away from singular covariance matrices


@dataclass(frozen=True, slots=True)
class MixedModel:
    """The linear mixed model of the measurements alone: REML estimates, and its log-likelihood maximised (not REML)."""

    beta: np.ndarray
    sigma: float
    covariance: np.ndarray
    log_likelihood: float

    def parameters(self, n_features: int) -> Parameters:
        """As parameters of a joint model without causes."""
        root, none = precision_root(self.covariance), np.empty(0)
        return Parameters(self.beta, np.array([self.sigma]), root, none, np.empty((0, n_features)))


def mixed_model(rows: Measurements) -> MixedModel | None:
    """Fit by REML, as R's lme does, and by maximum likelihood for its log-likelihood; None where there is no fit.

    The first columns of x and z are all ones.
    """
    person = np.repeat(np.arange(len(rows.start) - 1), np.diff(rows.start))
    fixed = {f"x{j}": rows.x[:, j] for j in range(1, rows.x.shape[1])}
    random = {f"z{j}": rows.z[:, j] for j in range(1, rows.z.shape[1])}
    data = {"person": person, "y": rows.y} | fixed | random
    given = {"outcome": "y", "person": "person", "fixed": list(fixed), "random": list(random)}
    restricted, full = (fit_linear_mixed(data, **given, method=method) for method in ("reml", "ml"))
    if any(fit.reasons != (None,) * rows.x.shape[1] for fit in (restricted, full)):
        return None
    if not restricted.convergence.converged or not restricted.sigma > 0.0:
        return None
    covariance = restricted.random_covariance
    if not np.isfinite(covariance).all():
        return None
    least = np.diag((LEAST_SHARE * restricted.sigma) ** 2 / np.mean(rows.z**2, axis=0)) * restricted.singular
    return MixedModel(restricted.coefficients, restricted.sigma, covariance + least, full.log_likelihood)


@dataclass(frozen=True, slots=True)
class HazardStart:
    """psi and alpha with trajectories held known, what of them is determined, and the maximum without association."""

    psi: np.ndarray
    alpha: np.ndarray
    identified: Identified
    log_likelihood_null: float


def hazard_start(
    data: tuple[Measurements, Exposure, Ends],
    at_entry: Exposure | None,
    late: np.ndarray,
    layout: Layout,
    mixed: MixedModel,
    psi: np.ndarray,
    open_psi: np.ndarray,
) -> HazardStart:
    """Fit the hazard with each person's trajectory at its posterior mean given the measurements.

    psi (D,) are first values, open_psi (D,) the columns that may move.
    """
    alone = _known_trajectories(data, at_entry, late, layout, mixed)
    at_psi, at_alpha, size = alone.layout.at_psi, alone.layout.at_alpha, alone.layout.size
    theta = np.concatenate([[1.0, 0.0], psi, np.zeros(size - at_alpha)])
    information = alone.main.evaluate(theta).information[at_psi:, at_psi:]
    closed = np.flatnonzero(~np.append(open_psi, np.ones(size - at_alpha, np.bool_)))
    information[closed] = 0.0
    information[:, closed] = 0.0
    identified = _identify(information, layout)
    kept = at_psi + identified.kept
    without = kept[kept < at_alpha]
    null = _climb(alone, theta, without)
    theta[without] = null.beta
    theta[kept] = _climb(alone, theta, kept).beta
    return HazardStart(theta[at_psi:at_alpha], theta[at_alpha:], identified, null.at.log_likelihood)


def _climb(alone: Objective, theta: np.ndarray, kept: np.ndarray) -> Maximum:
    seen = Uphill(alone, kept, theta)
    return maximise(seen.evaluate, theta[kept])


def _identify(information: np.ndarray, layout: Layout) -> Identified:
    """What is determined, each cause by itself: its own columns, then its associations."""
    d = int(layout.cause_start[-1])
    kept, reasons, aliases = [], [None] * len(information), {}
    for c in range(layout.causes):
        own = np.arange(layout.cause_start[c], layout.cause_start[c + 1])
        own = np.append(own, d + c * layout.n_features + np.arange(layout.n_features))
        found = identify(information[np.ix_(own, own)], np.zeros(len(own)))
        kept.append(own[found.kept])
        for j, reason in enumerate(found.reasons):
            reasons[own[j]] = reason
        aliases |= {int(own[j]): tuple(int(own[k]) for k in others) for j, others in found.aliases.items()}
    return Identified(np.sort(np.concatenate(kept)) if kept else np.empty(0, np.int64), tuple(reasons), aliases)


def _known_trajectories(
    data: tuple[Measurements, Exposure, Ends],
    at_entry: Exposure | None,
    late: np.ndarray,
    layout: Layout,
    mixed: MixedModel,
) -> Objective:
    """The likelihood of the follow-up with one node a person: features are numbers, with one coefficient of 1."""
    rows, points, ends = data
    n = len(ends.cause)
    own = mixed.parameters(layout.n_features)
    nothing = Ends(np.zeros(n, np.int64), *ends[1:])
    rule = (np.zeros((1, layout.q)), np.zeros(1))
    effects = modes(rows, no_exposure(points, n), nothing, own, np.zeros(1, np.int64), rule).centre
    small = Layout(1, 0, layout.n_features, layout.cause_start)
    values = np.einsum("iap,p->ia", ends.fixed, own.beta) + np.einsum("iaq,iq->ia", ends.random, effects)
    last = Ends(ends.cause, ends.hazard, values[:, :, None].copy(), np.empty((*values.shape, 0)))
    main = JointLikelihood(_no_rows(n), _as_numbers(points, own, effects), last, _one_node(n), small)
    if at_entry is None:
        return Objective(main, None, late, np.empty(0, np.int64))
    early = Ends(np.zeros(len(late), np.int64), *(part[late] for part in last[1:]))
    nodes = _one_node(len(late))
    entry = JointLikelihood(_no_rows(len(late)), _as_numbers(at_entry, own, effects[late]), early, nodes, small)
    return Objective(main, entry, late, np.empty(0, np.int64))


def _as_numbers(points: Exposure, own: Parameters, effects: np.ndarray) -> Exposure:
    person = np.repeat(np.arange(len(effects)), np.diff(points.start))
    values = np.einsum("jap,p->ja", points.fixed, own.beta) + np.einsum("jaq,jq->ja", points.random, effects[person])
    return Exposure(points.weight, points.hazard, values[:, :, None].copy(), np.empty((*values.shape, 0)), points.start)


def _no_rows(n: int) -> Measurements:
    return Measurements(np.empty(0), np.empty((0, 1)), np.empty((0, 0)), np.zeros(n + 1, np.int64))


def _one_node(n: int) -> Nodes:
    return Nodes(np.zeros((n, 0)), np.zeros((n, 0, 0)), np.zeros(n), np.zeros((1, 0)), np.zeros(1))
