"""Length of life under a hazard with three parts: infancy, a constant background, and ageing.

Every part has a cumulative hazard that can be inverted in closed form, so a life is the shortest of three, each from
one unit exponential. Ageing is Gompertz's law; a hazard that falls by a constant share each calendar year falls by the
same share each year of a life, so along a life it is Gompertz again, with a smaller slope. Ages are in years.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.simulate.spec_population import Population

INFANCY = 0.1  # mean age at death of causes of infancy, in years
REFERENCE_YEAR = 2011.0
REFERENCE_AGE = 80.0


@dataclass(frozen=True, slots=True)
class Mortality:
    """Hazard of death by sex and time of birth, arrays of length n: infancy, background, level·exp(slope·age)."""

    infant: float
    background: np.ndarray
    level: np.ndarray
    slope: float

    @staticmethod
    def of(spec: Population, female: np.ndarray, birth_year: np.ndarray) -> "Mortality":
        """The mortality of persons born at a calendar time, in years with fractions."""
        slope = spec.mortality_per_year_of_age + spec.mortality_per_calendar_year
        shift = spec.mortality_per_calendar_year * (birth_year - REFERENCE_YEAR)
        shift = shift - spec.mortality_per_year_of_age * REFERENCE_AGE
        sex = female.astype(np.intp)
        return Mortality(
            -np.log1p(-spec.infant_mortality),
            np.array(spec.background_mortality)[sex],
            np.array(spec.mortality_at_80)[sex] * np.exp(shift),
            max(slope, 1e-6),
        )

    def survival(self, age: np.ndarray) -> np.ndarray:
        """Share that lives to an age."""
        ageing = self.level * np.expm1(self.slope * age) / self.slope
        return np.exp(-self.infant * -np.expm1(-age / INFANCY) - self.background * age - ageing)

    def age_at_death(self, alive_at: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """Age at death of persons alive at an age."""
        infancy, background, ageing = draw.exponential(1.0, (3, len(alive_at)))
        left = self.infant * np.exp(-alive_at / INFANCY)  # cumulative hazard of infancy that still lies ahead
        with np.errstate(all="ignore"):
            in_infancy = alive_at - INFANCY * np.log1p(-np.minimum(infancy / left, 1.0))
            by_background = alive_at + background / self.background
        start = np.exp(self.slope * alive_at)
        by_ageing = np.log(start + self.slope * ageing / self.level) / self.slope
        return np.fmin(np.fmin(in_infancy, by_background), by_ageing)
