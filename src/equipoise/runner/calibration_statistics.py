"""The statistics of a simulated nation that have a published counterpart: estimators applied to a sample."""

import numpy as np
import pandas as pd

from equipoise.errors import DesignError, Fault
from equipoise.estimators.conditional_logistic import fit_conditional_logistic
from equipoise.estimators.cox import fit_cox
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.matching import match
from equipoise.estimators.survival_curve import fit_survival_curve
from equipoise.simulate.anchor_frames import Frame, chosen
from equipoise.simulate.anchor_population import AGE_BANDS, USE_YEARS
from equipoise.simulate.anchor_sample import CALENDAR, Sample
from equipoise.simulate.block import MONTH, YEAR

Values = dict[str, float]
TEN_MILLION = 1e7
YEARS_AGO = (365, 1826)  # days: windows 0-1, 1-5 and more than 5 years before the index day
TWO_YEARS = 2.0
FULL = 48.0
LEAST = 2  # dispensings that make a user
FEWEST = {"registered cases": 100, "network patients on antidepressants that do not suppress REM sleep": 2}


def nation_statistics(sample: Sample) -> Values:
    """Every statistic of a sample, by the name of its anchor; percentages in per cent, ratios as ratios."""
    enough(sample)
    parts = (counts, case_mix, odds_ratios, hazard_ratios, network_survival, course, population, around_diagnosis)
    return {name: value for part in parts for name, value in part(sample).items()}


def enough(sample: Sample) -> None:
    """Raises `DesignError` where the sample is too small for its estimators."""
    users = sample.network["other"] & ~sample.network["suppressing"]
    found = dict(zip(FEWEST, (len(sample.cases["index"]), int(users.sum())), strict=True))
    faults = [
        Fault("size of a nation", f"{found[name]} {name}", f"at least {least}", "more blocks, or a higher multiplier")
        for name, least in FEWEST.items()
        if found[name] < least
    ]
    if faults:
        raise DesignError(faults)


def counts(sample: Sample) -> Values:
    """Expected numbers in 10 million persons, of a nation that is not enriched."""
    share = TEN_MILLION / sample.sums["persons"]
    found, weight = sample.relatives, sample.relatives["weight"]
    return {
        "cases": float(weight.sum() * share),
        "controls": float((weight * found["controls"]).sum() * share),
        "siblings": float((weight * found["siblings"]).sum() * share),
        "cases with siblings": float((weight * (found["siblings"] > 0)).sum() * share),
        "spouses": float((weight * found["spouses"]).sum() * share),
    }


def case_mix(sample: Sample) -> Values:
    """Age, sex and function of registered cases."""
    cases, weight = sample.cases, sample.cases["weight"]
    age = float(np.average(cases["age"], weights=weight))
    months = (cases["index"] - cases["onset"]) / MONTH
    return {
        "age": age,
        "age sd": float(np.average((cases["age"] - age) ** 2, weights=weight) ** 0.5),
        "male": float(100 * np.average(cases["female"] == 0, weights=weight)),
        "alsfrs at diagnosis": float(FULL - np.minimum(cases["slope"] * months, FULL).mean()),
    }


def odds_ratios(sample: Sample) -> Values:
    """By window of the first of at least two dispensings; never-users are the reference, matched sets the strata."""
    found: Values = {}
    for atc in ("N05B", "N05C", "N06A", "A02BC"):
        count, ago = sample.sets[f"count {atc}"], sample.sets[f"ago {atc}"]
        window = np.where(count >= LEAST, 1 + np.searchsorted(YEARS_AGO, ago), np.where(count == 0, 0, 4))
        ratios = _matched_ratios(
            sample.sets, {"0-1": window == 1, "1-5": window == 2, ">5": window == 3, "1": window == 4}
        )
        both = _matched_ratios(sample.sets, {"0-1": window == 1, ">1": (window == 2) | (window == 3), "1": window == 4})
        found |= {f"or {atc} {name}": ratio for name, ratio in (ratios | both).items()}
    found["ppi"] = found["or A02BC >1"]
    return found


def _matched_ratios(sets: Frame, indicators: dict[str, np.ndarray]) -> Values:
    frame = pd.DataFrame({"case": sets["case"], "set": sets["set"]})
    names = [f"x{position}" for position in range(len(indicators))]
    for name, indicator in zip(names, indicators.values(), strict=True):
        frame[name] = indicator.astype(float)
    fit = fit_conditional_logistic(frame, case="case", matched_set="set", covariates=names)
    return dict(zip(indicators, np.exp(np.asarray(fit.coefficients, float)).tolist(), strict=True))


def hazard_ratios(sample: Sample) -> Values:
    """Of death or invasive ventilation after the diagnosis, by use before it; adjusted for age and sex."""
    cases = sample.cases
    exposed = sample.sets["case"] == 1
    frame = _followed(cases)
    found = {"follow-up": float(frame["time"].median())}
    for atc in ("N05B", "N05C", "N06A"):
        frame["user"] = (sample.sets[f"count {atc}"][exposed] >= LEAST).astype(float)
        found[f"hr {atc}"] = _cox(frame, ["user", "age", "female"])["user"]
    return found


def _followed(cases: Frame) -> pd.DataFrame:
    """From the diagnosis to death, invasive ventilation, emigration or the end of the study."""
    event = np.minimum(cases["death"], cases["ventilation"])
    last = np.minimum(cases["leaves"], CALENDAR[1])
    columns = {name: cases[name] for name in ("age", "female", "bulbar", "slope")}
    time = (np.minimum(event, last) - cases["index"] + 1) / YEAR
    return pd.DataFrame({"time": time, "event": (event <= last).astype(int), **columns})


def _cox(frame: pd.DataFrame, covariates: list[str]) -> Values:
    fit = fit_cox(frame[["time", "event", *covariates]], time="time", event="event", covariates=covariates)
    return dict(zip(covariates, np.exp(np.asarray(fit.coefficients, float)).tolist(), strict=True))


def network_survival(sample: Sample) -> Values:
    """Two-year survival of users of one kind of antidepressant, crude and matched one to one by age and sex."""
    everybody = sample.network
    kinds = {"suppressing": everybody["suppressing"] & ~everybody["other"],
             "other": everybody["other"] & ~everybody["suppressing"]}  # fmt: skip
    found = {f"network {name}": float(100 * rows.mean()) for name, rows in kinds.items()}
    found |= {f"survival {name}": _two_years(chosen(everybody, rows)) for name, rows in kinds.items()}
    users = chosen(everybody, kinds["suppressing"] | kinds["other"])
    frame = pd.DataFrame(users)
    frame["arm"] = users["suppressing"].astype(float)
    found["hr network"] = _arms(frame)
    score = fit_logistic(frame, outcome="arm", covariates=["age", "female"])
    matched = match(frame, arm="arm", score=score, estimand="ATC").frame()
    target = matched[matched["arm"] == 1]
    found["survival suppressing matched"] = _two_years({name: target[name].to_numpy() for name in ("years", "died")})
    return found | {"hr network matched": _arms(matched)}


def _two_years(frame: Frame) -> float:
    curve = fit_survival_curve({"years": frame["years"], "died": frame["died"]}, time="years", event="died")
    return 100 * float(curve.survival_at([TWO_YEARS], extend=True)["estimate"].iloc[0])


def _arms(frame: pd.DataFrame) -> float:
    renamed = frame.rename(columns={"years": "time", "died": "event"})
    return _cox(renamed, ["arm"])["arm"]


def course(sample: Sample) -> Values:
    """Slope, delay, site, survival and what predicts it."""
    everybody, cases = sample.onsets, chosen(sample.onsets, sample.onsets["diagnosed"])
    months = (cases["death"] - cases["onset"]) / MONTH
    years = (cases["death"] - cases["index"]) / YEAR
    lived = np.maximum((everybody["death"] - everybody["onset"]) / MONTH, 0.5)
    low, high = np.quantile(sample.cases["slope"], (0.025, 0.975))
    ratios = _cox(_followed(sample.cases), ["slope", "age", "bulbar", "female"])
    gain = np.median(sample.ventilated["with"]) - np.median(sample.ventilated["without"])
    return {
        "slope mean": float(sample.cases["slope"].mean()),
        "slope low": float(low),
        "slope high": float(high),
        "delay": float(np.median((cases["index"] - cases["onset"]) / YEAR)),
        "bulbar": float(100 * cases["bulbar"].mean()),
        "survival from onset": float(np.median(months)),
        "survival from diagnosis": float(np.median(years)),
        "first-year mortality": float(100 * (years < 1).mean()),
        "log sd": float(np.log(lived).std()),
        "hr slope": ratios["slope"],
        "hr age": ratios["age"],
        "hr bulbar": ratios["bulbar"],
        "niv": float(365.25 * gain),
    }


def population(sample: Sample) -> Values:
    """Incidence, family recurrence and use of drugs, from sums over everybody."""
    sums = sample.sums
    disease = sums["als"] + sums["other"]
    rate = [sums[f"als at {age:.0f}"] / max(sums[f"years at {age:.0f}"], 1.0) for age in AGE_BANDS]
    elderly = [sums[f"users elderly {year}"] / sums[f"living elderly {year}"] for year in USE_YEARS[1:]]
    return {
        "incidence": 1e5 * disease / sums["years"],
        "als share": 100 * sums["als"] / disease,
        "peak age": float(AGE_BANDS[int(np.argmax(rate))] + 2.5),
        "sibling recurrence": sums["sibling pairs"] / sums["strangers' pairs"],
        "use 2006": 1000 * sums["users all 2006"] / sums["living all 2006"],
        "use 2021": 1000 * sums["users all 2021"] / sums["living all 2021"],
        "use elderly": 1000 * float(np.mean(elderly)),
        "new users": 1000 * sums["new users"] / sums["new years"],
        "new once": 100 * sums["new once"] / sums["new users"],
    }


def around_diagnosis(sample: Sample) -> Values:
    """Antidepressants and depression shortly before and after the diagnosis, against controls at the index day."""
    sets = sample.sets
    washed = chosen(sets, sets["washed"])
    count, ago = sets["count depression"], sets["ago depression"]
    last_year = (count > 0) & (ago <= YEARS_AGO[0])
    never = chosen(sets, sets["count N06A"] == 0)
    rates = [_rate(chosen(never, never["case"] == case)) for case in (1, 0)]
    earlier = (count > 0) & ~last_year
    return {
        "roos before": _matched_ratios(washed, {"new": washed["last year"]})["new"],
        "roos after": rates[0] / rates[1],
        "depression": _matched_ratios(sets, {"ever": count > 0})["ever"],
        "depression last year": _matched_ratios(sets, {"new": last_year, "earlier": earlier})["new"],
    }


def _rate(frame: Frame) -> float:
    return float(frame["begun after"].sum() / frame["days after"].sum())
