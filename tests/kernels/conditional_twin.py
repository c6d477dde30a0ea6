"""The conditional likelihood written down as it is defined: every subset of a set, in plain NumPy."""

from itertools import combinations, pairwise

import numpy as np


def enumerated(
    x: np.ndarray, case: np.ndarray, first: np.ndarray, beta: np.ndarray, offset: np.ndarray | None = None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Exact log-likelihood, score and information by listing all subsets of each set."""
    offset = np.zeros(len(x)) if offset is None else offset
    total, score, information = 0.0, np.zeros(x.shape[1]), np.zeros((x.shape[1],) * 2)
    for a, b in pairwise(first):
        rows, chosen = np.arange(a, b), np.flatnonzero(case[a:b])
        subsets = [rows[list(subset)] for subset in combinations(range(b - a), len(chosen))]
        sums = np.array([x[subset].sum(axis=0) for subset in subsets])
        eta = sums @ beta + np.array([offset[subset].sum() for subset in subsets])
        weight = np.exp(eta - eta.max())
        own = rows[chosen]
        total += x[own].sum(axis=0) @ beta + offset[own].sum() - eta.max() - np.log(weight.sum())
        weight /= weight.sum()
        mean = weight @ sums
        score += x[own].sum(axis=0) - mean
        information += (sums - mean).T @ ((sums - mean) * weight[:, None])
    return float(total), score, information


def approximated(
    x: np.ndarray, case: np.ndarray, first: np.ndarray, beta: np.ndarray, efron: bool
) -> tuple[float, np.ndarray, np.ndarray]:
    """Breslow's or Efron's log-likelihood, score and information, one case after the other."""
    total, score, information = 0.0, np.zeros(x.shape[1]), np.zeros((x.shape[1],) * 2)
    for a, b in pairwise(first):
        rows, is_case = x[a:b], case[a:b] == 1
        d = int(is_case.sum())
        for step in range(d):
            stays = np.where(is_case, 1.0 - step / d, 1.0) if efron else np.ones(b - a)
            weight = stays * np.exp(rows @ beta)
            total -= np.log(weight.sum())
            weight /= weight.sum()
            mean = weight @ rows
            score -= mean
            information += (rows - mean).T @ ((rows - mean) * weight[:, None])
        total += (rows[is_case] @ beta).sum()
        score += rows[is_case].sum(axis=0)
    return float(total), score, information


def random_sets(
    rng: np.random.Generator, sizes: list[tuple[int, int]], p: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, case and set bounds for sets of (rows, cases) at random places."""
    first = np.concatenate([[0], np.cumsum([n for n, _ in sizes])]).astype(np.int64)
    case = np.zeros(first[-1], np.uint8)
    for start, (n, d) in zip(first, sizes, strict=False):
        case[start + rng.choice(n, d, replace=False)] = 1
    return rng.normal(size=(first[-1], p)), case, first
