"""Hazard and rate ratios of an exposure that begins during follow-up: against R, and against immortal time."""

import numpy as np
import pytest

from equipoise import fit_cox, fit_poisson
from equipoise.analysis_set import AnalysisSet, Column
from equipoise.design.time_varying import NEVER, split

# library(survival)  # 3.5-3
# d <- data.frame(id = c(1,1,2,3,3,4,5,5,6,7,8,8), start = c(0,3,0,0,5,0,0,2,0,0,0,6),
#   stop = c(3,9,4,5,12,7,2,8,10,6,6,11), event = c(0,1,1,0,1,0,0,1,1,1,0,0),
#   x = c(0,1,0,0,1,0,0,1,0,0,0,1), age = c(60,60,70,65,65,55,72,72,58,61,66,66))
# f <- coxph(Surv(start, stop, event) ~ x + age, d, ties = "efron"); coef(f); sqrt(diag(vcov(f)))
# sqrt(diag(vcov(coxph(Surv(start, stop, event) ~ x + age, d, ties = "efron", cluster = id))))
# p <- glm(event ~ x + age + offset(log(stop - start)), poisson, d, control = list(epsilon = 1e-14))
R_COX, R_COX_ERROR = (-2.320952661198127, 0.202991174337077), (1.565249021750358, 0.151482366724835)
R_COX_ROBUST = (1.422467096080562, 0.131183757253141)
R_POISSON, R_POISSON_ERROR = (0.4815414173041742, 0.0264993339126074), (0.8763709174102, 0.0854968424521)
SAME = 1e-8  # R's Newton steps end there


def followed(stop: np.ndarray, event: np.ndarray, after: np.ndarray, age: np.ndarray) -> AnalysisSet:
    n = len(stop)
    whole = AnalysisSet(
        person=np.arange(n),
        event=event.astype(np.int8),
        start=np.zeros(n, dtype=np.int32),
        stop=stop.astype(np.int32),
        weight=np.ones(n),
        x=np.column_stack([np.zeros(n), age]),
        columns=(Column("use", "exposure"), Column("age", "covariate")),
        arm=np.zeros(n, dtype=np.int8),
    )
    return split(whole, after.astype(np.int32))


def test_split_follow_up_gives_the_numbers_of_r() -> None:
    people = followed(
        np.array([9, 4, 12, 7, 8, 10, 6, 11]),
        np.array([1, 1, 1, 0, 1, 1, 1, 0]),
        np.array([3, NEVER, 5, NEVER, 2, NEVER, NEVER, 6]),
        np.array([60, 70, 65, 55, 72, 58, 61, 66]),
    )
    assert len(people) == 12
    fit = fit_cox(people)
    np.testing.assert_allclose(fit.coefficients, R_COX, rtol=SAME)
    np.testing.assert_allclose(fit.std_errors, R_COX_ERROR, rtol=SAME)
    np.testing.assert_allclose(fit_cox(people, cluster="person").std_errors, R_COX_ROBUST, rtol=SAME)
    rates = fit_poisson(people)
    np.testing.assert_allclose(rates.coefficients[1:], R_POISSON, rtol=1e-6)
    np.testing.assert_allclose(rates.std_errors[1:], R_POISSON_ERROR, rtol=1e-6)


@pytest.mark.slow
def test_ever_use_as_if_from_the_beginning_is_biased_and_the_time_varying_exposure_is_not() -> None:
    """Use without any effect begins at a constant rate: who lives longer is likelier to begin (Suissa 2008)."""
    naive, sound, covered = [], [], 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        n = 1000
        stop = np.minimum(np.ceil(random.exponential(600, n)), 1000)
        died = (stop < 1000).astype(np.int8)
        begins = np.ceil(random.exponential(500, n))
        after = np.where(begins < stop, begins, NEVER)
        age = random.normal(65, 8, n)
        fit = fit_cox(followed(stop, died, after, age)).estimate("use")
        sound.append(fit.estimate)
        covered += fit.conf_low <= 0.0 <= fit.conf_high
        ever = followed(stop, died, np.where(after < NEVER, -1, NEVER), age)
        naive.append(fit_cox(ever).estimate("use").estimate)
    error = np.std(sound) / np.sqrt(len(sound))
    assert abs(np.mean(sound)) < 3 * error
    assert 183 <= covered <= 197  # 190 expected of 200, three standard errors of 3.1 and rounding either way
    assert np.mean(naive) < -0.5
