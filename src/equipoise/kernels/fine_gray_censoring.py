"""How likely a person is still under observation: the weights of those who failed from another cause.

Purpose    after failing from another cause at X a row stays in the risk set of the subdistribution with weight
           G(t-) / G(X-), G being the probability of not being censored; with late entry G H, H being the probability
           of having entered.
Model      G(t-) = product over u < t of 1 - c / m, with c rows censored at u and m rows at risk of it:
           "crr" counts rows failing at u among m, as an ordinary Kaplan-Meier estimate does (R's cmprsk);
           "finegray" does not, because failures come before censoring at the same time (R's survival).
           H(t-) = product over entry times u >= t of 1 - e / a, with e rows entering at u and a rows that entered by
           then and are under observation after it.
Order      rows in any order; by group of rows that share a censoring distribution.
Singular   after the last time of a group G is not known and counts as 0, as in R. A factor of 0 in H after somebody
           failed means that nobody was under observation: `gap` says so, and weights across it are not defined.
Cost       O(n) and O(places) a group.
Paper      Fine, Gray, JASA 1999;94:496; Geskus, Biometrics 2011;67:39.
"""

from dataclasses import dataclass

import numpy as np

CRR, FINEGRAY = "crr", "finegray"


@dataclass(frozen=True, slots=True)
class Censoring:
    """By group and place on the time grid, float64 (B, T).

    observed   G(t-), times H(t-) with late entry
    at_risk    rows at risk of being censored, m
    hazard     c / m, 0 where nobody is at risk
    falls      whether the weight after a failure changes past the place: somebody is censored or enters there, bool
    gap        whether nobody was under observation for a while between entries
    """

    observed: np.ndarray
    at_risk: np.ndarray
    hazard: np.ndarray
    falls: np.ndarray
    gap: bool


def censoring(
    stop: np.ndarray,
    start: np.ndarray,
    event: np.ndarray,
    group: np.ndarray,
    n_groups: int,
    n_places: int,
    convention: str,
) -> Censoring:
    """stop, start int32 places (start of shape (0,) where nobody enters late), event uint8, group int32 codes.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.fine_gray_censoring import CRR, FINEGRAY, censoring
        >>> stop, event, none = np.array([0, 0, 1], np.int32), np.array([0, 1, 1], np.uint8), np.empty(0, np.int32)
        >>> group = np.zeros(3, np.int32)
        >>> censoring(stop, none, event, group, 1, 2, CRR).observed.round(3)
        array([[1.   , 0.667]])
        >>> censoring(stop, none, event, group, 1, 2, FINEGRAY).observed
        array([[1. , 0.5]])
    """
    size, shape = n_groups * n_places, (n_groups, n_places)

    def counted(place: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
        cell = group[rows].astype(np.int64) * n_places + place[rows]
        return np.bincount(cell, minlength=size).reshape(shape).astype(np.float64)

    everybody = slice(None)
    censored, left = counted(stop, event == 0), counted(stop, everybody)
    at_risk = _from_here_on(left)
    entered = None
    if len(start):
        entered = counted(start, everybody)
        at_risk = at_risk - _from_here_on(entered)
    if convention == FINEGRAY:
        at_risk = at_risk - (left - censored)
    hazard = np.divide(censored, at_risk, out=np.zeros(shape), where=censored > 0.0)
    followed = _from_here_on(left) > 0.0
    observed = np.where(followed, _before(np.cumprod(1.0 - hazard, axis=1)), 0.0)
    if entered is None:
        return Censoring(observed, at_risk, hazard, hazard > 0.0, False)
    inside = np.cumsum(entered, axis=1) - np.cumsum(left, axis=1)
    stays = 1.0 - np.divide(entered, inside, out=np.zeros(shape), where=entered > 0.0)
    first = (np.cumsum(entered, axis=1) == entered) & (entered > 0.0)
    stays = np.where(first, 1.0, stays)
    observed = observed * np.cumprod(stays[:, ::-1], axis=1)[:, ::-1]
    return Censoring(observed, at_risk, hazard, (hazard > 0.0) | (entered > 0.0), bool((stays == 0.0).any()))


def _from_here_on(counts: np.ndarray) -> np.ndarray:
    return np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]


def _before(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.ones((len(values), 1)), values[:, :-1]], axis=1)
