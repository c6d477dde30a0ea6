"""pandas and statsmodels: the population comparison of study A as an analyst would script it. Usage: NATION

Cases from the quality register, five controls of the same sex and birth year under observation and free of the disease,
three classes of drugs in four windows of initiation, conditional logistic regression adjusted for four covariates.
"""

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
from statsmodels.discrete.conditional_models import ConditionalLogit

CLASSES = {"anxiolytics": "N05B", "hypnotics": "N05C", "antidepressants": "N06A"}
WINDOWS = {"0-1 y": (0, 1), "1-5 y": (1, 5), ">5 y": (5, np.inf), ">1 y": (1, np.inf)}
REGISTER, EDUCATION, INCOME = (
    2000008011,
    {"secondary": [2000008001], "tertiary": [2000008002]},
    [2000008003, 2000008004],
)
COVARIATES = [*EDUCATION, "low income", "psychiatric"]
YEAR = np.timedelta64(1, "D") * 365.25


def read(nation: str, table: str, *columns: str) -> pd.DataFrame:
    frame = pd.read_parquet(f"{nation}/{table}.parquet", columns=list(columns))
    for name in columns:
        if name.endswith("_date"):
            frame[name] = pd.to_datetime(frame[name])
    return frame


def risk_sets(nation: str, observations: pd.DataFrame, conditions: pd.DataFrame) -> pd.DataFrame:
    """One row a member of a set: set, person_id, case, index."""
    person = read(nation, "person", "person_id", "gender_concept_id", "year_of_birth")
    period = read(
        nation, "observation_period", "person_id", "observation_period_start_date", "observation_period_end_date"
    )
    person = person.merge(period.rename(columns=lambda name: name.replace("observation_period_", "")), on="person_id")
    ill = conditions[conditions["condition_source_value"].str.startswith("G12.2")].groupby("person_id")
    person["ill"] = person["person_id"].map(ill["condition_start_date"].min())
    register = observations[observations["observation_concept_id"] == REGISTER]
    index = register.groupby("person_id")["observation_date"].min()
    index = index[(index >= "2015-01-01") & (index <= "2023-07-01")]
    cases = person[person["person_id"].isin(index.index)].drop_duplicates("person_id")
    groups = dict(list(person.groupby(["gender_concept_id", "year_of_birth"])))
    random, sets = np.random.default_rng(1), []
    for case in cases.itertuples():
        near, day = groups[case.gender_concept_id, case.year_of_birth], index[case.person_id]
        free = near["ill"].isna() | (near["ill"] > day)
        pool = near[(near["start_date"] <= day) & (near["end_date"] >= day) & free]
        chosen = pool["person_id"].drop_duplicates()
        chosen = chosen[chosen != case.person_id]
        controls = chosen.sample(min(5, len(chosen)), random_state=random)
        ids = [case.person_id, *controls]
        sets.append(
            pd.DataFrame({"set": case.person_id, "person_id": ids, "case": [1] + [0] * len(controls), "index": day})
        )
    return pd.concat(sets, ignore_index=True)


def with_covariates(rows: pd.DataFrame, observations: pd.DataFrame, conditions: pd.DataFrame) -> pd.DataFrame:
    wanted = {**EDUCATION, "low income": INCOME}
    found = rows.assign(row=rows.index)
    seen = found.merge(observations, on="person_id")
    for name, concepts in wanted.items():
        hit = seen[seen["observation_concept_id"].isin(concepts) & (seen["observation_date"] <= seen["index"])]
        rows[name] = rows.index.isin(hit["row"]).astype(float)
    diagnosed = found.merge(conditions[conditions["condition_source_value"].str.startswith("F")], on="person_id")
    hit = diagnosed[diagnosed["condition_start_date"] <= diagnosed["index"] - YEAR]
    rows["psychiatric"] = rows.index.isin(hit["row"]).astype(float)
    return rows


def odds_ratio(rows: pd.DataFrame, dispensed: pd.DataFrame, window: tuple[float, float]) -> float:
    """First use in the window against never use, of those with two dispensings before the index date."""
    before = rows.assign(row=rows.index).merge(dispensed, on="person_id")
    before = before[before["drug_exposure_start_date"] < before["index"]]
    first = before.groupby("row")["drug_exposure_start_date"].agg(["min", "size"])
    years = (rows["index"] - first["min"].reindex(rows.index)) / YEAR
    began = (years > window[0]) & (years <= window[1]) & (first["size"].reindex(rows.index) >= 2)
    kept = rows.assign(exposed=began.astype(float))[began | years.isna()]
    x = kept[["exposed", *COVARIATES]]
    try:
        fit = ConditionalLogit(kept["case"], x, groups=kept["set"]).fit(disp=0)
    except (ValueError, np.linalg.LinAlgError):  # too few cases in the window
        return float("nan")
    return float(np.exp(fit.params["exposed"]))


def main(nation: str) -> None:
    warnings.simplefilter("ignore")
    begin, processor = time.perf_counter(), time.process_time()
    observations = read(nation, "observation", "person_id", "observation_concept_id", "observation_date")
    conditions = read(nation, "condition_occurrence", "person_id", "condition_source_value", "condition_start_date")
    rows = with_covariates(risk_sets(nation, observations, conditions), observations, conditions)
    drugs = read(nation, "drug_exposure", "person_id", "drug_exposure_start_date", "drug_source_value")
    drugs = drugs[drugs["person_id"].isin(rows["person_id"])]
    estimates = {}
    for name, code in CLASSES.items():
        dispensed = drugs[drugs["drug_source_value"].str.startswith(code)]
        for label, window in WINDOWS.items():
            estimates[f"{name} {label}"] = odds_ratio(rows, dispensed, window)
    last = {name: estimates[f"{name} >1 y"] for name in CLASSES}
    answer = {"seconds": time.perf_counter() - begin, "processor_seconds": time.process_time() - processor}
    print(json.dumps(answer | {"sets": int(rows["case"].sum()), "estimates": last}))


if __name__ == "__main__":
    main(sys.argv[1])
