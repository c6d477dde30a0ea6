"""Random number streams: one for each thing that is drawn, keyed by seed and name; and days as numbers."""

import hashlib
from datetime import date

import numpy as np

EPOCH = date(1970, 1, 1).toordinal()


def stream(seed: int, name: str) -> np.random.Generator:
    """A Philox generator of its own for `name`, so that what is drawn for one table never shifts another.

    >>> float(stream(7, "person").random()) == float(stream(7, "person").random())
    True
    >>> float(stream(7, "person").random()) == float(stream(7, "death").random())
    False
    """
    word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.Philox(key=np.array([seed, word], dtype=np.uint64)))


def day_number(day: date) -> int:
    """Days since 1970-01-01.

    >>> day_number(date(1970, 1, 2))
    1
    """
    return day.toordinal() - EPOCH
