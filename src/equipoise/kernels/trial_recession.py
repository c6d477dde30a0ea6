"""Separation in a pooled logistic model over trials: a direction in which its likelihood rises for ever.

Purpose    prove that some coefficients are infinite without writing the rows down. A direction delta has
           delta'x <= 0 in every row without the event and >= 0 in every row with it, and is not zero in all.
Order      as in `trial_rows`.
Method     the projection on the cone of such directions (see `recession`); the row that violates its constraint most
           is found in one pass over the trials.
Cost       one pass a constraint met.
Paper      Albert, Anderson, Biometrika 1984;71:1.
"""

from dataclasses import replace

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.recession import project_on_cone
from equipoise.kernels.trial_likelihood import TrialLikelihood
from equipoise.kernels.trial_rows import PADDING, TIE, Limit, lay_out, leave, states_of, weigh_rows


def trial_recession(likelihood: TrialLikelihood, scale: np.ndarray) -> np.ndarray | None:
    """A direction (P,) along which the likelihood rises for ever and some row leaves, or None.

    `scale` (P,) divides the columns; zero leaves a column out.
    """
    inverse = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0.0)
    target = np.zeros(len(scale))
    _inward(*_problem(likelihood), target)

    def worst_row(delta: np.ndarray) -> np.ndarray:
        row = np.zeros(len(scale))
        _worst(*_problem(likelihood), delta * inverse, row)
        return row * inverse

    found = project_on_cone(target * inverse, worst_row)
    if found is None:
        return None
    delta = found * inverse
    return delta if _leaves(*_problem(likelihood), delta) else None


def limit_along(likelihood: TrialLikelihood, delta: np.ndarray) -> TrialLikelihood:
    """The likelihood of the rows that are not fitted perfectly in the limit along delta (P,)."""
    p = likelihood.width
    dz = np.vstack([likelihood.limit.dz, delta[None, :p]])
    dh = np.vstack([likelihood.limit.dh, (delta[p:] @ likelihood.follow_up.phi)[None, :]])
    return replace(likelihood, limit=Limit(dz, dh))


def _problem(likelihood: TrialLikelihood) -> tuple:
    longest = likelihood.follow_up.horizon + PADDING
    scratch = (np.empty(longest), np.empty(longest, np.int64), np.empty(likelihood.width))
    own = (likelihood.trials, likelihood.weights, likelihood.design, likelihood.follow_up)
    return *own, likelihood.limit, likelihood.y, *scratch


@compiled
def _rows(trials, i, weights, design, follow_up, limit, w, place, z):
    n = weigh_rows(trials, i, weights, w)
    lay_out(design, trials.start[i], trials.arm[i], z)
    states_of(trials, i, follow_up, place)
    leave(limit, z, place, n, w)
    return n


@compiled
def _inward(trials, weights, design, follow_up, limit, y, w, place, z, out):
    """Minus the sum of the constraints' rows."""
    p, phi = z.shape[0], follow_up.phi
    for i in range(trials.start.shape[0]):
        n = _rows(trials, i, weights, design, follow_up, limit, w, place, z)
        for k in range(n):
            if w[k] > 0.0:
                sign = 1.0 if y[trials.start[i] + k] else -1.0
                for j in range(p):
                    out[j] += sign * z[j]
                for j in range(phi.shape[0]):
                    out[p + j] += sign * phi[j, place[k]]


@compiled
def _worst(trials, weights, design, follow_up, limit, y, w, place, z, delta, row):
    """The constraint row that is violated most, into `row`."""
    p, phi, worst = z.shape[0], follow_up.phi, -np.inf
    for i in range(trials.start.shape[0]):
        n = _rows(trials, i, weights, design, follow_up, limit, w, place, z)
        own = 0.0
        for j in range(p):
            own += delta[j] * z[j]
        for k in range(n):
            if w[k] > 0.0:
                along = own
                for j in range(phi.shape[0]):
                    along += delta[p + j] * phi[j, place[k]]
                sign = -1.0 if y[trials.start[i] + k] else 1.0
                if sign * along > worst:
                    worst = sign * along
                    for j in range(p):
                        row[j] = sign * z[j]
                    for j in range(phi.shape[0]):
                        row[p + j] = sign * phi[j, place[k]]


@compiled
def _leaves(trials, weights, design, follow_up, limit, y, w, place, z, delta):
    """Whether some row is not level along delta."""
    p, phi = z.shape[0], follow_up.phi
    for i in range(trials.start.shape[0]):
        n = _rows(trials, i, weights, design, follow_up, limit, w, place, z)
        own = 0.0
        for j in range(p):
            own += delta[j] * z[j]
        for k in range(n):
            along = own
            for j in range(phi.shape[0]):
                along += delta[p + j] * phi[j, place[k]]
            if w[k] > 0.0 and abs(along) > TIE:
                return True
    return False
