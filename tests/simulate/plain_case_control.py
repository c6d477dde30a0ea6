"""A nested case-control study done plainly, with no code of the package: what the nation must show.

Both readings of exposure to a class of drugs, at least two dispensings on distinct days before the index day. Any use:
at least two such days more than a year before, against fewer. Initiation: the first dispensing decides the window,
persons never dispensed are the reference, and everybody else has a level of their own.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

RECORDED_FROM = int(np.datetime64("2005-07-01", "D").astype(int))
FIRST_CASE = int(np.datetime64("2012-01-01", "D").astype(int))
RUN_IN, YEAR, FIVE_YEARS, CONTROLS = 365, 365, 1826, 5
LEVELS = ("never", "0-1 y", "1-5 y", ">5 y", "one dispensing", "prevalent")


@dataclass
class Sets:
    """Matched sets as one row a person: number of the set, case or control, index day, person (0, 1, …), entry day."""

    matched_set: np.ndarray
    case: np.ndarray
    index: np.ndarray
    person: np.ndarray
    entry: np.ndarray


def query(folder: Path, sql: str) -> dict[str, np.ndarray]:
    """Columns of a query in which `@name` stands for a table and a day number for a date less 1970-01-01."""
    with duckdb.connect() as connection:
        return connection.sql(sql.replace("@", f"{folder}/").replace("EPOCH", "date '1970-01-01'")).fetchnumpy()


def sample_sets(folder: Path, seed: int = 1) -> Sets:
    """Cases from 2012, each with controls of the same sex and birth year at risk; all observed for a year before."""
    people = query(
        folder,
        """select gender_concept_id * 10000 + year_of_birth as stratum, observation_period_end_date - EPOCH as last,
                  observation_period_start_date - EPOCH as entry,
                  coalesce(min(condition_start_date) - EPOCH, 999999) as als
           from '@person.parquet' join '@observation_period.parquet' using (person_id)
           left join (select * from '@condition_occurrence.parquet' where condition_source_value = 'G12.2')
           using (person_id) group by person_id, stratum, entry, last order by person_id""",
    )
    draw = np.random.default_rng(seed)
    rows = []
    enough = people["entry"] + YEAR <= people["als"]
    for number, case in enumerate(np.flatnonzero((people["als"] < 999999) & (people["als"] >= FIRST_CASE) & enough)):
        index = people["als"][case]
        at_risk = (people["stratum"] == people["stratum"][case]) & (people["als"] > index)
        at_risk &= (people["entry"] + YEAR <= index) & (people["last"] >= index)
        chosen = draw.permutation(np.flatnonzero(at_risk))[:CONTROLS]
        rows += [(number, True, index, case), *((number, False, index, control) for control in chosen)]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Sets(*columns, people["entry"][columns[3]])


def dispensed_days(folder: Path, sets: Sets, atc: str) -> list[np.ndarray]:
    """For every row, how many days before its index day each dispensing of the class was, the earliest first."""
    drugs = query(
        folder,
        f"""select distinct person_id - 1 as person, drug_exposure_start_date - EPOCH as day
            from '@drug_exposure.parquet' where drug_source_value like '{atc}%' order by 1, 2""",
    )
    begins = np.searchsorted(drugs["person"], sets.person)
    ends = np.searchsorted(drugs["person"], sets.person, side="right")
    ago = [index - drugs["day"][a:b] for index, a, b in zip(sets.index, begins, ends, strict=True)]
    return [days[days > 0] for days in ago]


def any_use_before_last_year(ago: list[np.ndarray]) -> np.ndarray:
    """1 with at least two dispensing days more than a year before the index day, else 0."""
    return np.array([float(np.count_nonzero(days > YEAR) >= 2) for days in ago])


def initiation(ago: list[np.ndarray], sets: Sets) -> np.ndarray:
    """Position in LEVELS of every row."""
    observable = sets.index - np.maximum(sets.entry, RECORDED_FROM) - RUN_IN
    return np.array([_level(days, limit) for days, limit in zip(ago, observable, strict=True)])


def _level(days: np.ndarray, observable: int) -> int:
    if not len(days):
        return 0
    if len(days) < 2:
        return 4
    if days[0] > observable:
        return 5
    return 1 if days[0] <= YEAR else 2 if days[0] <= FIVE_YEARS else 3
