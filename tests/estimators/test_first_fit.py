"""What a fresh install takes to answer: the first fit compiles, later processes load what was kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FIRST_SECONDS, LATER_SECONDS = 5.0, 2.5  # a whole process, import and compilation included
ROWS = """
import numpy as np
import equipoise as eq
random, n = np.random.default_rng(1), 1000
rows = {name: random.normal(size=n) for name in "abc"}
rows |= {"time": np.ceil(random.exponential(100.0, n)), "event": random.integers(0, 2, n)}
rows |= {"cause": random.integers(0, 3, n), "set": np.arange(n) // 5, "case": (np.arange(n) % 5 == 0) * 1}
covariates = ["a", "b", "c"]
"""
FITS = {
    "cox": "eq.fit_cox(rows, time='time', event='event', covariates=covariates).tidy()",
    "conditional logistic": "eq.fit_conditional_logistic(rows, case='case', matched_set='set', covariates=covariates)",
    "logistic": "eq.fit_logistic(rows, outcome='event', covariates=covariates).tidy()",
    "poisson": "eq.fit_poisson(rows, outcome='cause', covariates=covariates).tidy()",
    "case series": "eq.fit_conditional_poisson(rows, outcome='case', person='set', covariates=covariates).tidy()",
    "survival curve": "eq.fit_survival_curve(rows, time='time', event='event').tidy()",
    "cumulative incidence": "eq.fit_cumulative_incidence(rows, time='time', event='cause').tidy()",
    "linear mixed": "eq.fit_linear_mixed(rows, outcome='a', person='set', fixed='b + c', random='c').tidy()",
    "fine-gray": "eq.fit_fine_gray(rows, time='time', event='cause', cause=1, covariates=covariates).tidy()",
}


def seconds_of(code: str, cache: Path) -> float:
    """Processor seconds of a process: its wall time on a machine that does nothing else."""
    before = os.times()
    environment = {**os.environ, "EQUIPOISE_KERNEL_CACHE": str(cache)}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.slow
@pytest.mark.parametrize("name", FITS)
def test_the_first_fit_and_the_first_of_a_later_process(name: str, tmp_path: Path) -> None:
    """The best of two, for the work of others only adds."""
    code = ROWS + FITS[name]
    assert min(seconds_of(code, tmp_path / str(k)) for k in range(2)) < FIRST_SECONDS
    assert min(seconds_of(code, tmp_path / "0") for _ in range(2)) < LATER_SECONDS
