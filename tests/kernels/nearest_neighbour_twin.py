"""Matching by looking at every pair: slow, obvious, and the same answer."""

import math

import numpy as np


def greedy(
    value: np.ndarray, seeks: np.ndarray, stratum: np.ndarray, sequence: list[int], caliper: float, partners: int,
    replace: bool = False,
) -> list[tuple[int, int]]:  # fmt: skip
    """`sequence` are rows. In rounds without replacement; with it, all partners of a person at once."""
    pool = {int(j) for j in np.flatnonzero(~seeks)}
    free = set(pool)
    pairs: list[tuple[int, int]] = []
    if replace:
        for i in sequence:
            near = sorted((abs(value[i] - value[j]), j) for j in pool if stratum[j] == stratum[i])
            pairs += [(i, j) for far, j in near[:partners] if far <= caliper]
        return pairs
    for _ in range(partners):
        for i in sequence:
            near = min(
                ((abs(value[i] - value[j]), j) for j in free if stratum[j] == stratum[i]), default=(math.inf, -1)
            )
            if near[1] >= 0 and near[0] <= caliper:
                pairs.append((i, near[1]))
                free.discard(near[1])
    return pairs


def closest(
    value: np.ndarray, seeks: np.ndarray, stratum: np.ndarray, caliper: float, partners: int
) -> list[tuple[int, int]]:
    free = {int(j) for j in np.flatnonzero(~seeks)}
    pairs: list[tuple[int, int]] = []
    seeking = {int(i) for i in np.flatnonzero(seeks)}
    for _ in range(partners):
        waiting, served = set(seeking), set()
        while True:
            every = [(abs(value[i] - value[j]), i, j) for i in waiting for j in free if stratum[i] == stratum[j]]
            far, i, j = min(every, default=(math.inf, -1, -1))
            if i < 0 or far > caliper:
                break
            pairs.append((i, j))
            waiting.discard(i)
            served.add(i)
            free.discard(j)
        seeking = served
    return pairs
