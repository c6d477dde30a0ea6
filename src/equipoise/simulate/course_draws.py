"""Random numbers of the course: a function of the person, the month and what is drawn for.

Every world a patient lives in shares them, so that two worlds differ by what is done in them and by nothing else.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from equipoise.kernels.philox import uniforms

FIRST_STREAM = 0x4E41_0000  # far from the streams of sampling, so that a study's draws are others

PURPOSES = (
    "failure", "ventilated", "after ventilation", "capacity", "niv", "symptoms", "gastrostomy", "begin", "which",
    "stop", "riluzole", "riluzole day", "riluzole stop", "registry", "visit day", "visit score", "dropout", "loss",
    "other begin", "other kind", "other length", "capacity score", "breathing", "breathing recognised",
    "reason of ventilation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws for persons `ids` (int64, shape (n,)) of the nation with `seed`."""

    seed: int
    ids: np.ndarray

    def uniform(self, purpose: str, draw: int = 0) -> np.ndarray:
        """One number in (0, 1) a person, shape (n,)."""
        return uniforms(self.seed, FIRST_STREAM + PURPOSES.index(purpose), self.ids, draw)

    def normal(self, purpose: str, draw: int = 0) -> np.ndarray:
        """One standard normal number a person, shape (n,)."""
        return ndtri(self.uniform(purpose, draw))

    def exponential(self, purpose: str, draw: int = 0) -> np.ndarray:
        """One unit-exponential number a person, shape (n,)."""
        return -np.log(self.uniform(purpose, draw))

    def months(self, purpose: str, months: int) -> np.ndarray:
        """One number in (0, 1) a person and month, shape (n, months)."""
        n = len(self.ids)
        draws = np.tile(np.arange(1, months + 1), n)
        stream = FIRST_STREAM + PURPOSES.index(purpose)
        return uniforms(self.seed, stream, np.repeat(self.ids, months), draws).reshape(n, months)
