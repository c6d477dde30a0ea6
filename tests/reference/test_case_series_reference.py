"""The self-controlled case series against R's SCCS, gnm and SelfControlledCaseSeries on public data."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise import AnalysisSet, Reason, fit_conditional_logistic, fit_conditional_poisson
from equipoise.analysis_set import Column
from equipoise.estimators.fit import Fit
from tests.reference.agreement import agree
from tests.reference.case_series_rows import case_series_rows, persons_of
from tests.reference.public_cases import case, data, with_public_cases
from tests.reference.spline_columns import cyclic_spline

COEFFICIENT = 1e-7  # absolute: what the README asks of case series; R's coxph and gnm stop at about 1e-8
STD_ERROR = 1e-6  # relative
LOG_LIKELIHOOD = 1e-8
CYCLOPS = 1e-6  # absolute: Cyclops stops earlier
OHDSI_LIMIT = 2e-4  # absolute: the package's search for profile limits stops at about 1e-4

pytestmark = with_public_cases


def same(name: str, fit: Fit) -> None:
    """Coefficients and standard errors are those of the case."""
    expected = case(name)["result"]
    agree(name, "coefficients", fit.coefficients, expected["coef"], absolute=COEFFICIENT)
    agree(name, "standard errors", fit.std_errors, expected["se"], relative=STD_ERROR)


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
    name, how = STUDIES[id]
    expected, cuts = case(id)["result"], case(id)["spec"].get("age_cuts") or []
    rows = case_series_rows(persons_of(data(f"SCCS__{name}"), **how), cuts)
    fit = fit_series(rows, list(how["drugs"]), bool(cuts))
    same(id, fit)
    agree(id, "events", fit.events, expected["nevent"])
    ratio = 2 * (fit.log_likelihood - fit.log_likelihood_null)
    agree(id, "likelihood ratio", ratio, 2 * (expected["loglik"][1] - expected["loglik"][0]), absolute=1e-7)
    if len(rows) == expected["n_rows"]:  # R splits the antipsychotics' intervals further, which changes l by a constant
        found = [fit.log_likelihood_null, fit.log_likelihood]
        agree(id, "log-likelihood", found, expected["loglik"], absolute=LOG_LIKELIHOOD)
    else:
        assert id == "sccs_stroke_antipsychotic"


def as_analysis_set(person: pd.Series, event: pd.Series, days: pd.Series, x: pd.DataFrame) -> AnalysisSet:
    n = len(x)
    return AnalysisSet(
        person=person.to_numpy(),
        event=event.to_numpy(np.int8),
        start=np.zeros(n, np.int32),
        stop=days.to_numpy(np.int32),
        weight=np.ones(n),
        x=x.to_numpy(float),
        columns=tuple(Column(name, "covariate") for name in x.columns),
        stratum=person.to_numpy(),
        offset=np.log(days.to_numpy(float)),
    )


def test_gnm_and_exact_conditional_logistic_on_the_same_intervals() -> None:
    rows = data("derived__itp_sccs_intervals")
    formula = "C(mmr) + C(age)"
    fit = fit_conditional_poisson(rows, outcome="event", person="indivL", covariates=formula, person_time="interval")
    same("sccs_itp_gnm", fit)
    x = pd.get_dummies(rows[["mmr", "age"]].astype(str), drop_first=True)
    exact = fit_conditional_logistic(as_analysis_set(rows["indivL"], rows["event"], rows["interval"], x))
    same("sccs_itp_clogit", exact)


def test_gnm_on_the_oxford_data() -> None:
    rows = data("Cyclops__oxford")
    fit = fit_conditional_poisson(
        rows, outcome="event", person="indiv", covariates="C(exgr) + C(agegr)", person_time="interval"
    )
    same("sccs_oxford_gnm", fit)


def gibleed(days: int) -> pd.DataFrame:
    cases = data("derived__gibleed_sccs_cases").rename(columns={"indiv": "case", "astart": "sta", "aend": "end"})
    return case_series_rows(persons_of(cases, "aevent", {"drug": ("adrug", days)}), [])


def test_an_infinite_rate_ratio_is_called_separation() -> None:
    fit = fit_series(gibleed(89), ["drug"], False)
    infinite = fit.reasons == (Reason.SEPARATION,)
    agree("gib_sccs", "finite estimate", not infinite, case("gib_sccs")["result"]["finite_mle"])
    assert np.isnan(fit.coefficients[0])
    low, high = fit.profile_interval(fit.terms[0])
    assert low > 0
    assert high == np.inf


def test_bleeding_within_45_days_of_the_first_nsaid() -> None:
    expected = case("gib_sccs_0_44")["result"]
    fit = fit_series(gibleed(44), ["drug"], False)
    agree("gib_sccs_0_44", "events", fit.events, expected["n_cases"])
    agree("gib_sccs_0_44", "coefficients", fit.coefficients[0], expected["coef"], absolute=COEFFICIENT)
    agree("gib_sccs_0_44", "standard errors", fit.std_errors[0], expected["se"], relative=STD_ERROR)


NAIVE_DAYS = 180
WINDOWS = {"drug": ("start", 0, "end", 0), "before": ("start", -60, "start", -1), "after": ("end", 1, "end", 30)}


def ohdsi_series() -> Iterator[tuple[int, int, int, pd.DataFrame]]:
    """Persons whose first outcome comes after the naive period: person, last day, day of the outcome, eras of drugs."""
    observed = data("derived__ohdsi_sccs_cases").set_index("caseId")["observationDays"]
    eras = data("derived__ohdsi_sccs_eras")
    first = eras[eras["eraType"] == "hoi"].groupby("caseId")["startDay"].min()
    drugs = dict(iter(eras[eras["eraType"] == "rx"].groupby("caseId")))
    for person, event in first.items():
        last = int(observed[person]) - 1
        if NAIVE_DAYS <= event <= last:
            yield int(person), last, int(event), drugs.get(person, eras.head(0))


def merged(eras: pd.DataFrame) -> list[tuple[int, int]]:
    """First and last days of the eras of one drug; eras that overlap or adjoin are one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(zip(eras["startDay"], eras["endDay"], strict=True)):
        if out and start <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def window_days(eras: list[tuple[int, int]], window: tuple[str, int, str, int], last: int) -> np.ndarray:
    """Days of a window around each era. It ends before the next era of the drug begins, but may reach back into the
    one before: a day can lie in several windows, whose rate ratios then multiply."""
    from_, first_day, to, last_day = window
    inside = np.zeros(last + 1, np.bool_)
    following = [start for start, _ in eras[1:]] + [last + 1]
    for (start, end), next_start in zip(eras, following, strict=False):
        a = first_day + (start if from_ == "start" else end)
        b = min(last_day + (start if to == "start" else end), next_start - 1)
        inside[max(a, 0) : max(b + 1, 0)] = True
    return inside


def patterns(person: int, event: int, levels: pd.DataFrame) -> pd.DataFrame | None:
    """Days and events by pattern of the covariates after the naive period, for a person with more than one pattern."""
    days = levels.assign(days=1, event=0)
    days.loc[event, "event"] = 1
    rows = days.iloc[NAIVE_DAYS:].groupby(list(levels.columns), as_index=False).sum()
    return rows.assign(person=person) if len(rows) > 1 else None


def ohdsi_rows(windows: list[str]) -> pd.DataFrame:
    """Rows of persons by pattern of the windows around eras of drug 1."""
    rows = []
    for person, last, event, drugs in ohdsi_series():
        eras = merged(drugs[drugs["eraId"] == 1])
        inside = {name: window_days(eras, WINDOWS[name], last).astype(float) for name in windows}
        rows.append(patterns(person, event, pd.DataFrame(inside)))
    return pd.concat([row for row in rows if row is not None], ignore_index=True)


@pytest.mark.parametrize(
    ("name", "windows"), [("ohdsi_sccs_simple", ["drug"]), ("ohdsi_sccs_preexposure_post", ["drug", "before", "after"])]
)
def test_case_series_of_ohdsi(name: str, windows: list[str]) -> None:
    expected = case(name)["result"]
    rows = ohdsi_rows(windows)
    found = [rows["person"].nunique(), len(rows), rows["days"].sum()]
    agree(name, "persons, intervals and days", found, [expected[k] for k in ("n_cases", "n_intervals", "total_time")])
    fit = fit_conditional_poisson(rows, outcome="event", person="person", covariates=windows, person_time="days")
    agree(name, "log-likelihood", fit.log_likelihood, expected["loglik"], absolute=LOG_LIKELIHOOD)
    same_ohdsi(name, fit, expected["estimates"])


def season_rows() -> pd.DataFrame:
    """Eras of drugs 1 and 2 and a cyclic spline of the month with 5 knots from January to December, as OHDSI has it.

    January and December are one point of the circle. OHDSI merges only some days of equal covariates into one
    interval, which changes the log-likelihood by a constant; here all are merged.
    """
    seasons = cyclic_spline(np.arange(1.0, 13.0), np.linspace(1, 12, 5))
    starts = data("derived__ohdsi_sccs_cases").set_index("caseId")[["startYear", "startMonth", "startDay"]]
    rows = []
    for person, last, event, drugs in ohdsi_series():
        year, month, day = starts.loc[person]
        dates = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}") + np.arange(last + 1)
        months = dates.astype("datetime64[M]").astype(int)
        days = pd.DataFrame({"month": months % 12 % 11})
        for drug in (1, 2):
            eras = merged(drugs[drugs["eraId"] == drug])
            days[f"drug{drug}"] = window_days(eras, WINDOWS["drug"], last).astype(float)
        rows.append(patterns(person, event, days))
    joined = pd.concat([row for row in rows if row is not None], ignore_index=True)
    return joined.assign(**{f"season{k}": seasons[joined["month"], k] for k in (2, 3, 0)})


def test_case_series_with_season() -> None:
    name = "ohdsi_sccs_season_spline"
    expected, rows = case(name)["result"], season_rows()
    found = [rows["person"].nunique(), rows["days"].sum()]
    agree(name, "persons and days", found, [expected["n_cases"], expected["total_time"]])
    covariates = ["season2", "season3", "season0", "drug1", "drug2"]
    fit = fit_conditional_poisson(rows, outcome="event", person="person", covariates=covariates, person_time="days")
    same_ohdsi(name, fit, expected["estimates"])


def same_ohdsi(name: str, fit: Fit, estimates: list[dict[str, Any]]) -> None:
    agree(name, "coefficients", fit.coefficients, [row["logRr"] for row in estimates], absolute=CYCLOPS)
    for term, row in zip(fit.terms, estimates, strict=True):
        if row["logLb95"] is not None:
            limits = fit.profile_interval(term)
            agree(name, "profile limits", limits, [row["logLb95"], row["logUb95"]], absolute=OHDSI_LIMIT)


def test_where_nobody_has_two_events_the_case_series_is_exact_conditional_logistic_regression() -> None:
    rows = gibleed(44)
    series = as_analysis_set(rows["person"], rows["event"], rows["days"], rows[["drug"]])
    poisson, matched = fit_conditional_poisson(series), fit_conditional_logistic(series)
    np.testing.assert_allclose(poisson.coefficients, matched.coefficients, rtol=1e-12)
    np.testing.assert_allclose(poisson.covariance, matched.covariance, rtol=1e-9)
    assert poisson.log_likelihood == pytest.approx(matched.log_likelihood, abs=1e-8)
    assert poisson.informative_strata == matched.informative_strata
