"""The self-controlled case series against R's SCCS, gnm and SelfControlledCaseSeries on public data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise import AnalysisSet, Reason, fit_conditional_logistic, fit_conditional_poisson
from equipoise.analysis_set import Column
from equipoise.estimators.fit import Fit
from tests.reference.case_series_rows import case_series_rows, persons_of

COEFFICIENT = 1e-7  # absolute: what the README asks of case series; R's coxph and gnm stop at about 1e-8
STD_ERROR = 1e-6  # relative
LOG_LIKELIHOOD = 1e-8
OHDSI_LIMIT = 2e-4  # absolute: the package's search for profile limits stops at about 1e-4
SHARED = Path(__file__).parents[2].parent / "shared" / "reference"

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the reference answers (../shared/reference) are not here")


def case_of(file: str, id: str) -> dict[str, Any]:
    cases = json.loads((SHARED / "cases" / f"{file}.json").read_text())["cases"]
    return next(case for case in cases if case["id"] == id)


def data(name: str) -> pd.DataFrame:
    return pd.read_csv(SHARED / "data" / f"{name}.csv")


def fit_series(rows: pd.DataFrame, drugs: list[str], ages: bool) -> Fit:
    formula = " + ".join([f"C({drug})" for drug in drugs] + (["C(age)"] if ages else []))
    return fit_conditional_poisson(rows, outcome="event", person="person", covariates=formula, person_time="days")


STUDIES: dict[str, tuple[str, dict[str, Any]]] = {
    "sccs_itp_noage": ("itpdat", {"event": "itp", "drugs": {"mmr": ("mmr", 42)}}),
    "sccs_itp_age": ("itpdat", {"event": "itp", "drugs": {"mmr": ("mmr", 42)}}),
    "sccs_itp_manual_example": ("itpdat", {"event": "itp", "drugs": {"mmr": ("mmr", 42)}, "risk": (0, 15, 29)}),
    "sccs_hipfracture_antidepressant_washout": (
        "hipdat",
        {"event": "frac", "drugs": {"ad": ("ad", "endad")}, "risk": (0, 15, 43), "washout": (1, 92, 182)},
    ),
    "sccs_gibleed_nsaid_stacked": ("gidat", {"event": "bleed", "drugs": {"ns": ("ns", "endns")}, "stacked": True}),
    "sccs_convulsions_hib_mmr": (
        "condat",
        {"event": "conv", "drugs": {"hib": ("hib", 14), "mmr": ("mmr", 14)}, "risk": (0, 8)},
    ),
    "sccs_fracture_thiazolidinedione": ("adidat", {"event": "frac", "drugs": {"adi": ("adi", "end")}}),
    "sccs_stroke_antipsychotic": (
        "apdat",
        {"event": "stro", "drugs": {"ap": ("ap", "endap")}, "washout": (1, 36, 71, 106, 141, 176), "stacked": True},
    ),
}


@pytest.mark.parametrize("id", STUDIES)
def test_standard_case_series(id: str) -> None:
    case, (name, how) = case_of("05_sccs", id), STUDIES[id]
    expected, cuts = case["result"], case["spec"].get("age_cuts") or []
    rows = case_series_rows(persons_of(data(f"SCCS__{name}"), **how), cuts)
    fit = fit_series(rows, list(how["drugs"]), bool(cuts))
    np.testing.assert_allclose(fit.coefficients, list(expected["coef"].values()), rtol=0, atol=COEFFICIENT)
    np.testing.assert_allclose(fit.std_errors, list(expected["se"].values()), rtol=STD_ERROR)
    assert fit.events == expected["nevent"]
    ratio = 2 * (fit.log_likelihood - fit.log_likelihood_null)
    assert ratio == pytest.approx(2 * (expected["loglik"][1] - expected["loglik"][0]), abs=1e-7)
    if len(rows) == expected["n_rows"]:  # R splits the antipsychotics' intervals further, which changes l by a constant
        found = [fit.log_likelihood_null, fit.log_likelihood]
        np.testing.assert_allclose(found, expected["loglik"], rtol=0, atol=LOG_LIKELIHOOD)
    else:
        assert id == "sccs_stroke_antipsychotic"


def test_gnm_and_exact_conditional_logistic_on_the_same_intervals() -> None:
    expected = case_of("05_sccs", "sccs_itp_gnm")["result"]
    rows = data("derived__itp_sccs_intervals")
    formula = "C(mmr) + C(age)"
    fit = fit_conditional_poisson(rows, outcome="event", person="indivL", covariates=formula, person_time="interval")
    np.testing.assert_allclose(fit.coefficients, list(expected["coef"].values()), rtol=0, atol=COEFFICIENT)
    np.testing.assert_allclose(fit.std_errors, list(expected["se"].values()), rtol=STD_ERROR)
    clogit = case_of("05_sccs", "sccs_itp_clogit")["result"]
    np.testing.assert_allclose(fit.coefficients, list(clogit["coef"].values()), rtol=0, atol=COEFFICIENT)


def test_gnm_on_the_oxford_data() -> None:
    expected = case_of("05_sccs", "sccs_oxford_gnm")["result"]
    rows = data("Cyclops__oxford")
    fit = fit_conditional_poisson(
        rows, outcome="event", person="indiv", covariates="C(exgr) + C(agegr)", person_time="interval"
    )
    np.testing.assert_allclose(fit.coefficients, list(expected["coef"].values()), rtol=0, atol=COEFFICIENT)
    np.testing.assert_allclose(fit.std_errors, list(expected["se"].values()), rtol=STD_ERROR)


def gibleed(days: int) -> pd.DataFrame:
    cases = data("derived__gibleed_sccs_cases").rename(columns={"indiv": "case", "astart": "sta", "aend": "end"})
    return case_series_rows(persons_of(cases, "aevent", {"drug": ("adrug", days)}), [])


def test_an_infinite_rate_ratio_is_called_separation() -> None:
    assert case_of("16_gibleed", "gib_sccs")["result"]["finite_mle"] is False
    fit = fit_series(gibleed(89), ["drug"], False)
    assert fit.reasons == (Reason.SEPARATION,)
    assert np.isnan(fit.coefficients[0])
    low, high = fit.profile_interval(fit.terms[0])
    assert low > 0
    assert high == np.inf


def test_bleeding_within_45_days_of_the_first_nsaid() -> None:
    expected = case_of("16_gibleed", "gib_sccs_0_44")["result"]
    fit = fit_series(gibleed(44), ["drug"], False)
    assert fit.events == expected["n_cases"]
    assert fit.coefficients[0] == pytest.approx(expected["coef"], abs=COEFFICIENT)
    assert fit.std_errors[0] == pytest.approx(expected["se"], rel=STD_ERROR)


def ohdsi_rows(naive_days: int = 180) -> pd.DataFrame:
    """Days in and out of eras of drug 1 for persons whose first outcome comes after the naive period."""
    cases = data("derived__ohdsi_sccs_cases").set_index("caseId")
    eras = data("derived__ohdsi_sccs_eras")
    first = eras[eras["eraType"] == "hoi"].groupby("caseId")["startDay"].min()
    exposures = eras[(eras["eraType"] == "rx") & (eras["eraId"] == 1)].groupby("caseId")
    rows = []
    for person, era in exposures:
        last, event = int(cases.loc[person, "observationDays"]) - 1, int(first.get(person, -1))
        if not naive_days <= event <= last:
            continue
        exposed = np.zeros(last + 1, np.bool_)
        for a, b in zip(era["startDay"], era["endDay"], strict=True):
            exposed[max(a, 0) : b + 1] = True
        if exposed[naive_days:].any():
            for level in (False, True):
                days = int((exposed[naive_days:] == level).sum())
                rows.append((person, int(exposed[event] == level), days, float(level)))
    return pd.DataFrame(rows, columns=["person", "event", "days", "drug"])


def test_the_simple_case_series_of_ohdsi() -> None:
    expected = case_of("15_ohdsi_sccs_cohortmethod", "ohdsi_sccs_simple")["result"]
    rows = ohdsi_rows()
    assert [rows["person"].nunique(), len(rows), rows["days"].sum()] == [
        expected["n_cases"],
        expected["n_intervals"],
        expected["total_time"],
    ]
    fit = fit_conditional_poisson(rows, outcome="event", person="person", covariates=["drug"], person_time="days")
    (drug,) = expected["estimates"]
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=LOG_LIKELIHOOD)
    assert fit.coefficients[0] == pytest.approx(drug["logRr"], abs=1e-6)  # Cyclops stops earlier
    limits = fit.profile_interval("drug")
    np.testing.assert_allclose(limits, [drug["logLb95"], drug["logUb95"]], rtol=0, atol=OHDSI_LIMIT)


def test_where_nobody_has_two_events_the_case_series_is_exact_conditional_logistic_regression() -> None:
    rows = gibleed(44)
    n = len(rows)
    series = AnalysisSet(
        person=rows["person"].to_numpy(),
        event=rows["event"].to_numpy(np.int8),
        start=np.zeros(n, np.int32),
        stop=rows["days"].to_numpy(np.int32),
        weight=np.ones(n),
        x=rows[["drug"]].to_numpy(float),
        columns=(Column("drug", "exposure"),),
        stratum=rows["person"].to_numpy(),
        offset=np.log(rows["days"].to_numpy(float)),
    )
    poisson, matched = fit_conditional_poisson(series), fit_conditional_logistic(series)
    np.testing.assert_allclose(poisson.coefficients, matched.coefficients, rtol=1e-12)
    np.testing.assert_allclose(poisson.covariance, matched.covariance, rtol=1e-9)
    assert poisson.log_likelihood == pytest.approx(matched.log_likelihood, abs=1e-8)
    assert poisson.informative_strata == matched.informative_strata
