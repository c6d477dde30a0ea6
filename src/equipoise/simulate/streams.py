"""Random number streams: one for each thing that is drawn, keyed by seed and name."""

import hashlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """A Philox generator of its own for `name`, so that what is drawn for one table never shifts another.

    >>> float(stream(7, "person").random()) == float(stream(7, "person").random())
    True
    >>> float(stream(7, "person").random()) == float(stream(7, "death").random())
    False
    """
    word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.Philox(key=np.array([seed, word], dtype=np.uint64)))
