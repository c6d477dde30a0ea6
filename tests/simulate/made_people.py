"""People made up for tests of one mechanism: no families, no migration, everybody in view until the end of 2023."""

import numpy as np

from equipoise.simulate.block import NEVER, YEAR, People

END = int(np.datetime64("2023-12-31", "D").astype(int))


def day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(int))


def made_people(
    born: np.ndarray, female: np.ndarray, vulnerability: np.ndarray, *, start: str = "2001-01-01", carriers: float = 0.0
) -> People:
    """Persons who live beyond 2023; the first share `carriers` of them carry the gene."""
    n = len(born)
    none, level, parent = np.full(n, NEVER, np.int32), np.zeros(n, np.int8), np.full(n, -1, np.int64)
    born = born.astype(np.int32)
    return People(
        female=female,
        born=born,
        start=np.maximum(born, day(start)).astype(np.int32),
        leaves=np.full(n, END, np.int32),
        dies=np.full(n, END + 40_000, np.int32),
        gap_start=none,
        gap_end=none,
        region=level + 1,
        education=level,
        income=level,
        mother=parent,
        father=parent,
        mother_key=parent,
        father_key=parent,
        vulnerability=vulnerability,
        carrier=np.arange(n) < carriers * n,
    )


def adults(n: int, seed: int = 1, youngest: float = 20.0, oldest: float = 80.0, carriers: float = 0.0) -> People:
    """Aged evenly between the two on 2001-01-01, half of them women, vulnerability standard normal."""
    draw = np.random.default_rng(seed)
    born = np.floor(day("2001-01-01") - YEAR * draw.uniform(youngest, oldest, n))
    return made_people(born, draw.random(n) < 0.5, draw.standard_normal(n), carriers=carriers)
