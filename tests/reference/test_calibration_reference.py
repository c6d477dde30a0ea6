"""Empirical calibration and MaxSPRT beside OHDSI's EmpiricalCalibration."""

import numpy as np
import pandas as pd
import pytest

from equipoise import EmpiricalNull, calibrate_intervals, calibrate_p_values, fit_null, fit_systematic_error
from equipoise.bias.calibration import traditional_p_values
from equipoise.bias.null_distribution import EmpiricalNull as Null
from equipoise.bias.sequential_testing import critical_value_binomial, critical_value_poisson
from equipoise.bias.systematic_error import SystematicErrorModel
from tests.reference.agreement import agree
from tests.reference.public_cases import case, data, with_public_cases

pytestmark = with_public_cases

# R's Nelder-Mead stops where the log-likelihood changes by less than 1e-8 of itself: up to 1e-4 from the maximum
STOPPED_EARLY = 2e-4
# its BFGS, with derivatives by differences of 1e-3, stops within 3e-5
BY_DIFFERENCES = 1e-4
HESSIAN_BY_DIFFERENCES = 2e-3  # of variances, relative: of a point that is 2e-5 away
GIVEN = 1e-8  # the same formula of the same parameters
ROOT_TOLERANCE = 2e-4  # R's uniroot stops within 1.2e-4
MONTE_CARLO = 0.02
SIMULATED = 0.01


def negatives(name: str) -> pd.DataFrame:
    table = data(f"EmpiricalCalibration__{name}")
    return table[table["groundTruth"] == 0] if "groundTruth" in table else table[table["trueLogRr"] == 0]


def likelihood(mean: float, sd: float, table: pd.DataFrame) -> float:
    variance = table["seLogRr"] ** 2 + sd**2
    return float(-0.5 * (np.log(variance) + (table["logRr"] - mean) ** 2 / variance).sum())


@pytest.mark.parametrize("name", ["sccs", "cohortMethod", "grahamReplication"])
def test_null_distribution(name: str) -> None:
    table, expected = negatives(name), case(f"empcal_{name}")["result"]["null"]
    null = fit_null(table["logRr"], table["seLogRr"])
    agree(f"empcal_{name}", "mean, sd", [null.mean, null.sd], expected, absolute=STOPPED_EARLY)
    assert likelihood(null.mean, null.sd, table) >= likelihood(expected["mean"], expected["sd"], table)


@pytest.mark.parametrize("name", ["sccs", "cohortMethod"])
def test_what_follows_from_a_null(name: str) -> None:
    table, result = data(f"EmpiricalCalibration__{name}"), case(f"empcal_{name}")["result"]
    null, y, s = EmpiricalNull(**result["null"]), table["logRr"], table["seLogRr"]
    p = calibrate_p_values(null, y, s)
    agree(f"empcal_{name}", "p-values", p, result["calibrated_p"], relative=GIVEN)
    upper = calibrate_p_values(null, y, s, alternative="greater")
    agree(f"empcal_{name}", "p-values", upper, result["calibrated_p_one_sided_upper"], relative=GIVEN)
    plain = traditional_p_values(y, s)
    agree(f"empcal_{name}", "traditional p-values", plain, result["traditional_p"], absolute=GIVEN)
    ease = null.expected_absolute_systematic_error()
    agree(f"empcal_{name}", "expected absolute systematic error", ease, result["EASE"], absolute=1e-5)
    of_interest = table[table["groundTruth"] == 1]
    _agree_on_intervals(f"empcal_{name}", null, of_interest, result["calibrated_ci"])


def _agree_on_intervals(id: str, model: Null | SystematicErrorModel, rows: pd.DataFrame, expected: list) -> None:
    found = calibrate_intervals(model, rows["logRr"], rows["seLogRr"])
    wanted = pd.DataFrame(expected)
    agree(id, "calibrated estimates", found.log_estimate, wanted["logRr"], absolute=ROOT_TOLERANCE)
    ours, theirs = (found.conf_low, found.conf_high), (wanted["logLb95Rr"], wanted["logUb95Rr"])
    agree(id, "limits", ours, theirs, absolute=ROOT_TOLERANCE)


def test_systematic_error_of_a_replication() -> None:
    table, result = data("EmpiricalCalibration__grahamReplication"), case("empcal_grahamReplication")["result"]
    controls, of_interest = table.dropna(subset="trueLogRr"), table[table["trueLogRr"].isna()]
    three = controls["logRr"], controls["seLogRr"], controls["trueLogRr"]
    model, log_linear = fit_systematic_error(*three), fit_systematic_error(*three, sd_scale="log_linear")
    id = "empcal_grahamReplication"
    agree(id, "coefficients", model.parameters, result["systematic_error_model"], absolute=BY_DIFFERENCES)
    legacy = result["systematic_error_model_legacy"]
    agree(id, "coefficients, log sd", log_linear.parameters, legacy, absolute=5e-4)  # of a log sd: 4e-4 away
    _agree_on_intervals(id, model, of_interest, result["calibrated_ci_of_interest"])
    p = calibrate_p_values(EmpiricalNull(**result["null"]), of_interest["logRr"], of_interest["seLogRr"])
    agree(id, "p-values", p[0], result["calibrated_p_of_interest"], relative=GIVEN)


@pytest.mark.parametrize("legacy", [False, True])
def test_systematic_error_of_made_controls(legacy: bool) -> None:
    table = data("derived__empcal_simulated_controls")
    id = "empcal_systematic_error_model" + ("_legacy" if legacy else "")
    result = case(id)["result"]
    scale = "log_linear" if legacy else "linear"
    model = fit_systematic_error(table["logRr"], table["seLogRr"], table["trueLogRr"], sd_scale=scale)
    agree(id, "coefficients", model.parameters, result["params"], absolute=BY_DIFFERENCES)
    if not legacy:
        root = np.sqrt(np.diag(model.covariance))
        scaled = model.covariance / np.outer(root, root)
        theirs = np.asarray(result["covariance"]) / np.outer(root, root)
        agree(id, "covariance, over standard errors", scaled, theirs, absolute=HESSIAN_BY_DIFFERENCES)
        _agree_on_intervals(id, model, table.head(10), result["calibrated_ci_first10"])


def test_posterior_beside_markov_chains() -> None:
    table, expected = negatives("sccs"), case("empcal_mcmc_null_sccs")["result"]
    null = fit_null(table["logRr"], table["seLogRr"], method="posterior")
    found = [null.mean, 1.0 / null.sd**2]
    agree("empcal_mcmc_null_sccs", "mean, precision", found, [*expected.values()], relative=MONTE_CARLO)


def test_critical_values() -> None:
    found = case("maxsprt_critical_values")
    groups, alpha = found["spec"]["groupSizes"], found["spec"]["alpha"]
    ours = [
        critical_value_poisson(groups, alpha=alpha, minimum_events=1).value,
        critical_value_binomial(groups, ratio=4.0, alpha=alpha, minimum_events=1).value,
    ]
    agree("maxsprt_critical_values", "critical values", ours, [*found["result"].values()], relative=SIMULATED)
