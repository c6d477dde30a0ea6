"""Random numbers of multiple imputation: each is a function of the seed and of what it is drawn for.

A draw for a person depends on the seed, the imputation, the iteration, the column and the person's number, and not on
the order of rows or on any other draw.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv, ndtri

from equipoise.errors import DesignError, Fault
from equipoise.kernels.philox import uniforms

IMPUTATIONS, ITERATIONS, COLUMNS = 1 << 12, 1 << 10, 1 << 10  # 32 bits of a stream
PARAMETERS = 1 << 16  # draw numbers from here on belong to parameters, below to persons


@dataclass(frozen=True, slots=True)
class Draws:
    """The random numbers of one column in one iteration of one imputation; `part` tells its uses apart."""

    seed: int
    imputation: int
    iteration: int
    column: int

    @property
    def stream(self) -> int:
        return (self.imputation * ITERATIONS + self.iteration) * COLUMNS + self.column

    def uniform(self, ids: np.ndarray, part: int = 0) -> np.ndarray:
        """One number in (0, 1) for each person, float64 (n,)."""
        return uniforms(self.seed, self.stream, ids, part)

    def normal(self, ids: np.ndarray, part: int = 0) -> np.ndarray:
        """One standard normal number for each person."""
        return ndtri(self.uniform(ids, part))

    def of_parameters(self, count: int, part: int = 0) -> np.ndarray:
        """Standard normal numbers for coefficients, float64 (count,)."""
        return ndtri(uniforms(self.seed, self.stream, np.arange(count), PARAMETERS + part))

    def chi_squared(self, df: int) -> float:
        """A number from the chi-squared law."""
        level = uniforms(self.seed, self.stream, np.arange(1), 2 * PARAMETERS)[0]
        return float(2.0 * gammaincinv(df / 2.0, level))


def check_counts(m: int, iterations: int, columns: int, seed: int) -> None:
    """Whole numbers within what a stream of random numbers can hold, or a DesignError."""
    faults = [
        Fault(name, repr(value), f"a whole number from {least} to {most:,}")
        for name, value, least, most in (
            ("m", m, 2, IMPUTATIONS - 1),
            ("iterations", iterations, 1, ITERATIONS - 1),
            ("columns", columns, 1, COLUMNS),
            ("seed", seed, 0, 2**64 - 1),
        )
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most
    ]
    if faults:
        raise DesignError(faults)
