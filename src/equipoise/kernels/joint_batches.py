"""Persons of a joint model in batches of about the same number of points, padded so that array operations fit.

Purpose    the likelihood is sums over persons, nodes and points of time; in batches each is a product of matrices, and
           what is at work at one time stays in the cache.
Padding    a padded measurement has y, x and z zero; a padded point of time has weight zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.joint_rows import Ends, Exposure, Measurements, Nodes

HELD = 120_000  # numbers a person x point x node array may hold: about a megabyte


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """n persons with at most m measurements and Q points each, K nodes.

    at (n,) the persons' places; m (n,) numbers of measurements; y (n, m), x (n, m, p), xz (n, q, p), zz (n, q, q),
    z (n, m, q); weight (n, Q), hazard (n, Q, D), fixed (n, Q, A, p), random (n, Q, A, q); last_* the same at the end of
    follow-up and its cause (n,); b (n, K, q), log_weight (n, K), and b'Z'Z b in bzzb (n, K)
    """

    at: np.ndarray
    m: np.ndarray
    y: np.ndarray
    x: np.ndarray
    z: np.ndarray
    xz: np.ndarray
    zz: np.ndarray
    weight: np.ndarray
    hazard: np.ndarray
    fixed: np.ndarray
    random: np.ndarray
    cause: np.ndarray
    last_hazard: np.ndarray
    last_fixed: np.ndarray
    last_random: np.ndarray
    b: np.ndarray
    log_weight: np.ndarray
    bzzb: np.ndarray


def batches(rows: Measurements, points: Exposure, ends: Ends, nodes: Nodes) -> list[Batch]:
    """All persons, those with few points first."""
    n_points, n_rows = np.diff(points.start), np.diff(rows.start)
    order = np.lexsort((n_rows, n_points))
    return [_batch(at, rows, points, ends, nodes) for at in _parts(order, np.maximum(n_points, 1) * len(nodes.place))]


def _parts(order: np.ndarray, size: np.ndarray) -> Iterator[np.ndarray]:
    """Consecutive parts of `order`, sizes rising in it, so that number times largest size stays near HELD."""
    first = 0
    while first < len(order):
        last = min(first + max(1, HELD // int(size[order[first]])), len(order))
        last = min(last, first + max(1, HELD // int(size[order[last - 1]])))
        yield order[first:last]
        first = last


def _batch(at: np.ndarray, rows: Measurements, points: Exposure, ends: Ends, nodes: Nodes) -> Batch:
    pick, real = _places(rows.start, at)
    y, x, z = (_padded(part, pick, real) for part in (rows.y, rows.x, rows.z))
    point, held = _places(points.start, at)
    parts = (points.weight, points.hazard, points.fixed, points.random)
    weight, hazard, fixed, random = (_padded(part, point, held) for part in parts)
    zz = np.matmul(z.transpose(0, 2, 1), z)
    b = nodes.centre[at][:, None, :] + np.matmul(nodes.place, nodes.root[at].transpose(0, 2, 1))
    return Batch(
        at, real.sum(axis=1), y, x, z, np.matmul(z.transpose(0, 2, 1), x), zz, weight, hazard, fixed, random,
        ends.cause[at], ends.hazard[at], ends.fixed[at], ends.random[at],
        b, nodes.log_weight + nodes.log_root[at][:, None], np.einsum("nkq,nkq->nk", np.matmul(b, zz), b),
    )  # fmt: skip


def _places(start: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each person (n, longest) and which of them are real; padded ones repeat row 0."""
    length = start[at + 1] - start[at]
    step = np.arange(length.max(initial=0))
    real = step < length[:, None]
    return np.where(real, start[at][:, None] + step, 0), real


def _padded(part: np.ndarray, pick: np.ndarray, real: np.ndarray) -> np.ndarray:
    if not pick.size:
        return np.zeros((*pick.shape, *part.shape[1:]))
    out = part[pick]
    out[~real] = 0.0
    return out
