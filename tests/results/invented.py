"""Result tables of an invented nested case-control study: every count follows from the same invented persons."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Any

import numpy as np
import pyarrow as pa

from equipoise.results.tables import TABLES, table

KEY = {"analysis": "risk", "comparison": "population"}
WINDOWS = {"0-1 y": (-365, -1), "1-5 y": (-1826, -366), ">5 y": (None, -1827)}
Row = dict[str, Any]


@dataclass(frozen=True)
class Persons:
    """Rows of matched sets: case or control, whether observable in each window, level of each exposure (0 never)."""

    case: np.ndarray
    observable: np.ndarray
    level: np.ndarray
    sex: np.ndarray
    age: np.ndarray
    ulcer: np.ndarray


def invent(seed: int, n_sets: int, n_exposures: int = 2, rates: tuple[float, float] = (0.12, 0.2)) -> Persons:
    """`n_sets` sets of one case and up to four controls. `rates` are shares of exposed controls and cases."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 3, 4], size=n_sets, p=[0.05, 0.15, 0.8])
    case = np.concatenate([np.r_[True, np.zeros(m, dtype=bool)] for m in sizes]) if n_sets else np.zeros(0, dtype=bool)
    n = len(case)
    share = np.where(case, rates[1], rates[0])
    used = rng.random((n, n_exposures)) < share[:, None]
    level = np.where(used, rng.choice([1, 2, 3], size=(n, n_exposures), p=[0.5, 0.35, 0.15]), 0)
    observable = np.column_stack([rng.random(n) < p for p in (1.0, 0.97, 0.8)])
    return Persons(
        case,
        observable,
        level,
        rng.integers(0, 2, n),
        60 + 12 * rng.standard_normal(n),
        rng.random(n) < 0.08 + 0.04 * case,
    )


def invented_tables(persons: Persons, exposures: list[str], unmatched: int = 3) -> dict[str, pa.Table]:
    """Every table, nothing suppressed."""
    rows = {
        "attrition": list(_attrition(persons, unmatched)),
        "sampling": [_sampling(persons, unmatched)],
        "matching": list(_matching(persons, unmatched)),
        "characteristics": list(_characteristics(persons)),
        "exposure": [row for e, name in enumerate(exposures) for row in _exposure(persons, e, name)],
        "coexposure": list(_coexposure(persons, exposures)),
        "estimates": [row for e, name in enumerate(exposures) for row in _estimates(persons, e, name)],
        "concept_sets": [_concepts(name, 9000 + i) for i, name in enumerate(exposures)],
        "data_quality": list(_quality()),
    }
    return {name: table(name, [_keyed(name, row) for row in made]) for name, made in rows.items()}


def _keyed(name: str, row: Row) -> Row:
    return {key: value for key, value in KEY.items() if key in TABLES[name].names} | row


def _sizes(persons: Persons) -> np.ndarray:
    starts = np.flatnonzero(persons.case)
    return np.diff(np.r_[starts, len(persons.case)]) - 1


def _attrition(persons: Persons, unmatched: int) -> Iterator[Row]:
    matched = int(persons.case.sum())
    chains = {
        "gi_bleed": [
            ("persons in the database", 0, 52_310),
            ("date of birth known", 12, 52_298),
            (
                "first record of gastrointestinal haemorrhage",
                52_298 - matched - unmatched - 25,
                matched + unmatched + 25,
            ),
            ("under observation on the day", 2, matched + unmatched + 23),
            ("at least 365 days of observation before the day", 23, matched + unmatched),
            ("at least one eligible control", unmatched, matched),
        ],
        "persons who may serve as controls": [
            ("persons in the database", 0, 52_310),
            ("date of birth known", 12, 52_298),
            ("under observation, alive and free of the outcome on some day", 1_204, 51_094),
        ],
    }
    for cohort, rules in chains.items():
        for position, (rule, removed, left) in enumerate(rules, start=1):
            yield {
                "cohort": cohort,
                "position": position,
                "rule": rule,
                "n_in": left + removed,
                "n_excluded": removed,
                "n_remaining": left,
            }


def _sampling(persons: Persons, unmatched: int) -> Row:
    n_controls, matched = int((~persons.case).sum()), int(persons.case.sum())
    return {
        "n_cases": matched + unmatched,
        "n_cases_matched": matched,
        "n_cases_unmatched": unmatched,
        "n_controls": n_controls,
        "n_control_persons": round(0.98 * n_controls),
        "mean_controls_per_case": n_controls / (matched + unmatched) if matched + unmatched else None,
        "risk_set_size_min": 0,
        "risk_set_size_median": 811,
        "risk_set_size_max": 2_260,
        "mean_inclusion_probability": 0.0061,
    }


def _matching(persons: Persons, unmatched: int) -> Iterator[Row]:
    sizes = np.r_[np.zeros(unmatched, dtype=int), _sizes(persons)]
    for size, n in zip(*np.unique(sizes, return_counts=True), strict=True):
        yield {"controls_in_set": int(size), "n_sets": int(n)}


def _characteristics(persons: Persons) -> Iterator[Row]:
    age = persons.age
    base = {"n_cases": _n(persons.case), "n_controls": _n(~persons.case), "n_cases_missing": 0, "n_controls_missing": 0}
    numeric = {"variable": "Age on the index date (years)", "level": None} | base
    cases, controls = age[persons.case], age[~persons.case]
    if len(cases) > 1:
        yield numeric | {
            "statistic": "mean",
            "value_cases": cases.mean(),
            "spread_cases": cases.std(ddof=1),
            "value_controls": controls.mean(),
            "spread_controls": controls.std(ddof=1),
            "standardized_difference": (cases.mean() - controls.mean()) / age.std(),
        }
    for variable, codes, levels in (
        ("Sex", persons.sex, ("female", "male")),
        ("Peptic ulcer", persons.ulcer.astype(int), ("no", "yes")),
    ):
        for code, level in enumerate(levels):
            n_cases, n_controls = _n(persons.case & (codes == code)), _n(~persons.case & (codes == code))
            yield {
                "variable": variable,
                "level": level,
                "statistic": "count",
                "n_cases": n_cases,
                "n_controls": n_controls,
                "value_cases": _percent(n_cases, _n(persons.case)),
                "value_controls": _percent(n_controls, _n(~persons.case)),
                "standardized_difference": 0.04,
            }


def _exposure(persons: Persons, e: int, name: str) -> Iterator[Row]:
    for w, window in enumerate(WINDOWS):
        seen = persons.observable[:, w]
        use = {"exposure": name, "window": window}
        here = persons.level[:, e] == w + 1
        yield (
            use | {"reading": "any_use", "factor": window, "level": f"used, {window}"} | _counts(persons, seen, here)
        )
        factor = {"reading": "initiation", "factor": " + ".join(WINDOWS)}
        yield use | factor | {"level": f"first used, {window}"} | _counts(persons, seen, here)
        never = persons.level[:, e] == 0
        yield use | factor | {"level": "never used"} | _counts(persons, seen, never)


def _counts(persons: Persons, seen: np.ndarray, exposed: np.ndarray) -> Row:
    row: Row = {"dose_unit": "mg"}
    for who, group in (("cases", persons.case), ("controls", ~persons.case)):
        n, n_exposed = _n(group & seen), _n(group & seen & exposed)
        row |= {
            f"n_{who}": n,
            f"n_exposed_{who}": n_exposed,
            f"n_unexposed_{who}": n - n_exposed,
            f"percent_exposed_{who}": _percent(n_exposed, n),
            f"n_{who}_not_observable": _n(group & ~seen),
            f"median_days_observed_{who}": 365.0 if n else None,
            f"mean_dispensings_{who}": 3.4 if n_exposed else None,
        }
    return row


def _coexposure(persons: Persons, exposures: list[str]) -> Iterator[Row]:
    for w, window in enumerate(WINDOWS):
        for a, first in enumerate(exposures):
            for b, second in enumerate(exposures):
                if a != b:
                    yield {"exposure": first, "other_exposure": second, "window": window} | _both(persons, w, a, b)


def _both(persons: Persons, w: int, a: int, b: int) -> Row:
    row: Row = {}
    for who, group in (("cases", persons.case), ("controls", ~persons.case)):
        one = group & persons.observable[:, w] & (persons.level[:, a] == w + 1)
        both = one & (persons.level[:, b] == w + 1)
        row |= {
            f"n_exposed_{who}": _n(one),
            f"n_{who}_both": _n(both),
            f"percent_{who}_both": _percent(_n(both), _n(one)),
        }
    return row


def _estimates(persons: Persons, e: int, name: str) -> Iterator[Row]:
    for reading, verb in (("any_use", "used"), ("initiation", "first used")):
        for w, window in enumerate(WINDOWS):
            seen = persons.observable[:, w]
            target = f"{verb}, {window}"
            reference = f"not used, {window}" if reading == "any_use" else "never used"
            for adjustment in ("crude", "adjusted"):
                yield {
                    "exposure": name,
                    "window": window,
                    "reading": reading,
                    "subgroup": "overall",
                    "subgroup_level": "overall",
                    "outcome": "gi_bleed",
                    "time_point_days": None,
                    "adjustment": adjustment,
                    "contrast": f"{target} against {reference}",
                    "model": "conditional logistic regression",
                    "term": f"{name} | {reading} | {window}",
                    "measure": "odds_ratio",
                    "target_level": target,
                    "reference_level": reference,
                } | _estimate(
                    persons, seen, persons.level[:, e] == w + 1, persons.level[:, e] == 0, reading, adjustment
                )


def _estimate(
    persons: Persons, seen: np.ndarray, exposed: np.ndarray, never: np.ndarray, reading: str, adjustment: str
) -> Row:
    reference = ~exposed if reading == "any_use" else never
    cells = [_n(seen & who & level) for level in (exposed, reference) for who in (persons.case, ~persons.case)]
    row = {
        "n_sets": _n(seen & persons.case),
        "n_persons": _n(seen),
        "n_cases": _n(seen & persons.case),
        "n_exposed_cases": cells[0],
        "n_exposed_controls": cells[1],
    }
    if 0 in cells:
        return row | {"reason": "SEPARATION" if cells[0] + cells[1] else "ONE_ARM_EMPTY"}
    a, b, c, d = cells
    log_ratio = float(np.log(a * d / (b * c))) - (0.06 if adjustment == "adjusted" else 0)
    error = float(np.sqrt(1 / a + 1 / b + 1 / c + 1 / d))
    return row | {
        "estimate": float(np.exp(log_ratio)),
        "conf_low": float(np.exp(log_ratio - 1.96 * error)),
        "conf_high": float(np.exp(log_ratio + 1.96 * error)),
        "p_value": erfc(abs(log_ratio / error) / sqrt(2)),
        "log_estimate": log_ratio,
        "std_error": error,
    }


def _concepts(name: str, n: int) -> Row:
    return {"name": name, "domain": "drug", "n_concepts": 14, "n_records": 3 * n, "n_persons": n, "warning": None}


def _quality() -> Iterator[Row]:
    found = [
        (
            "no birth date",
            "person",
            "the person is kept without age, and excluded by every rule that needs one",
            12,
            12,
        ),
        ("event after death", "drug_exposure", "the record is left out", 3, 2),
        ("event outside observation", "drug_exposure", "kept: the study's rules say whether it counts", 1_830, 402),
        ("several deaths of a person", "death", "the earliest counts", 0, 0),
    ]
    for position, (check, name, rule, n_records, n_persons) in enumerate(found, start=1):
        yield {
            "position": position,
            "check": check,
            "table": name,
            "rule": rule,
            "n_records": n_records,
            "n_persons": n_persons,
        }


def _n(mask: np.ndarray) -> int:
    return int(mask.sum())


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
