"""The mechanism of the simulated database: its truth, as numbers. No drug has any effect on ALS.

Calibrated loosely to Sweden (incidence and mortality by age, shares of users who are dispensed once); ALS is made about
thirty times as frequent as it is, so that a small database holds enough cases. See
`docs/methods/simulated-database.md`.
"""

from dataclasses import dataclass, field

import numpy as np


def day(text: str) -> int:
    """Days since 1970-01-01 of an ISO date.

    >>> day("1970-01-02")
    1
    """
    return int(np.datetime64(text, "D").astype(np.int64))


@dataclass(frozen=True, slots=True)
class DrugClass:
    """How a class of drugs is prescribed. Rates are new treatment episodes a person-year, whoever the person is.

    `rate`            for a man of 50 who is not vulnerable
    `women`           rate ratio, women to men
    `per_year_of_age` log rate ratio a year of age
    `vulnerable`      rate ratio, vulnerable persons to others
    `prodromal`       extra episodes a case of ALS begins, in expectation, in the run-up to the diagnosis
    `single`          share of episodes with one dispensing only
    `further`         mean number of dispensings after the first in the other episodes
    `days_supply`     days that one dispensing lasts
    """

    atc: str
    rate: float
    women: float
    per_year_of_age: float
    vulnerable: float
    prodromal: float
    single: float
    further: float
    days_supply: int


ANXIOLYTICS = DrugClass("N05B", 0.0085, 1.5, 0.006, 5.0, 0.12, 0.5, 4.0, 30)
HYPNOTICS = DrugClass("N05C", 0.0085, 1.5, 0.012, 5.0, 0.08, 0.5, 6.0, 30)
ANTIDEPRESSANTS = DrugClass("N06A", 0.0080, 1.6, 0.004, 5.0, 0.16, 0.25, 8.0, 60)
PROTON_PUMP_INHIBITORS = DrugClass("A02BC", 0.0250, 1.1, 0.015, 1.0, 0.02, 0.35, 5.0, 60)


@dataclass(frozen=True, slots=True)
class Mechanism:
    """Every parameter of the simulation. Rates are a person-year, times are in years unless the name says days."""

    observed_from: int = day("2005-01-01")
    drugs_recorded_from: int = day("2005-07-01")
    observed_to: int = day("2023-12-31")
    treated_from: int = day("2000-01-01")  # episodes begin before recording does, so that prevalent users exist

    women: float = 0.51
    youngest: float = 18.0  # on the first day of observation
    oldest: float = 88.0
    age_shape: tuple[float, float] = (1.5, 1.7)  # of a beta distribution between the two
    regions: int = 6
    immigrants: float = 0.06
    last_immigration: int = day("2019-12-31")
    emigration_rate: float = 0.003

    death_rate_at_80: float = 0.055  # Gompertz, men
    death_per_year_of_age: float = 0.095
    death_women: float = 0.65

    vulnerable: float = 0.20  # share of persons with the latent vulnerability
    psychiatric_visit_rate: float = 0.003
    psychiatric_visit_vulnerable: float = 120.0  # rate ratio

    als_peak_rate: float = 8e-5  # women who are not vulnerable, at the peak age, before enrichment
    als_enrichment: float = 30.0
    als_peak_age: float = 73.0
    als_age_spread: float = 13.0  # standard deviation of the bell curve of incidence over age
    als_men: float = 1.3
    als_vulnerable: float = 1.6  # the only path between drugs and ALS beyond the prodrome
    als_survival_median: float = 1.8  # from diagnosis, log-normal
    als_survival_log_sd: float = 1.0
    als_visit_days: int = 91
    prodrome_mean_days: float = 90.0  # exponential: 98 % of prodromal episodes begin in the last year

    drug_classes: tuple[DrugClass, ...] = field(
        default=(ANXIOLYTICS, HYPNOTICS, ANTIDEPRESSANTS, PROTON_PUMP_INHIBITORS)
    )


TRUTH = Mechanism()
