"""What one block of the synthetic nation consists of, as arrays.

A block is a closed population of whole families: relatives and partners of its persons are in the block or not in the
nation at all. Blocks are drawn one by one, each from random streams of its own, so that a nation of any size has the
same blocks whoever draws them and in whatever order. Rows, not identifiers, link the arrays: row i of a block is person
`first_person + i`. Days are int32 since 1970-01-01; what never happens is on day `NEVER`. "Latent" arrays are written
into the truth and into no table of the database.
"""

from dataclasses import dataclass

import numpy as np

YEAR = 365.25
MONTH = YEAR / 12
NEVER = np.int32(2**31 - 1)


@dataclass(frozen=True, slots=True)
class Place:
    """Which block of which nation: what every draw is keyed by."""

    seed: int
    block: int
    first_person: int  # identifier of row 0
    persons: int


@dataclass(frozen=True, slots=True)
class People:
    """One row a person of the database, arrays of length n, before anybody has ALS.

    born                  day of birth
    start, leaves         first day of observation; day observation ends by emigration or by the end of the register
    dies                  day of death from causes other than ALS (may lie after `leaves`; every life ends)
    gap_start, gap_end    a stay abroad inside observation (first and last day not observed), or NEVER
    region                1..regions
    education             0 primary, 1 secondary, 2 tertiary
    income                fifth of disposable income, 0 lowest to 4
    mother, father        row of a parent in the database, or -1
    mother_key, father_key  who the parent is, also where that parent is in no table (dead before registers began);
                          -1 unknown (born abroad). Equal keys: same parent. Full siblings share both, half siblings one
    vulnerability         latent, standard normal; a share of its variance is familial
    carrier               latent, carries the dominant ALS gene
    """

    female: np.ndarray
    born: np.ndarray
    start: np.ndarray
    leaves: np.ndarray
    dies: np.ndarray
    gap_start: np.ndarray
    gap_end: np.ndarray
    region: np.ndarray
    education: np.ndarray
    income: np.ndarray
    mother: np.ndarray
    father: np.ndarray
    mother_key: np.ndarray
    father_key: np.ndarray
    vulnerability: np.ndarray
    carrier: np.ndarray

    def __len__(self) -> int:
        return len(self.born)


@dataclass(frozen=True, slots=True)
class Partnerships:
    """Marriages and registered partnerships: rows of the two partners, first and last day (NEVER: not ended)."""

    one: np.ndarray
    other: np.ndarray
    start: np.ndarray
    end: np.ndarray


@dataclass(frozen=True, slots=True)
class Episodes:
    """Treatment episodes, sorted by person and start.

    person (row), drug (position in the formulary), start, stop (last day with drug in hand, had nothing cut it short),
    dispensings (how many), reason (0 background, 1 prodrome, 2 after diagnosis)
    """

    person: np.ndarray
    drug: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    dispensings: np.ndarray
    reason: np.ndarray

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True, slots=True)
class Records:
    """One row a record, sorted by person, day and what: person (int32 row), day, what (int16, which drug, diagnosis,
    procedure or measurement), amount (float32; packs dispensed or the measured value; see the table that holds it)."""

    person: np.ndarray
    day: np.ndarray
    what: np.ndarray
    amount: np.ndarray

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True, slots=True)
class Disease:
    """Persons who get motor neuron disease while alive, one row each, sorted by person; all of it latent.

    person      row of `People`
    kind        0 ALS, 1 another motor neuron disease
    onset       day of the first symptom
    onset_untreated  the same had the person never had a drug of the studied classes (common random numbers);
                     NEVER where that person would have stayed free
    diagnosis   day the diagnosis would be made if the person lived to see it
    bulbar      onset in speech or swallowing
    slope       loss of ALSFRS-R points a month, positive
    """

    person: np.ndarray
    kind: np.ndarray
    onset: np.ndarray
    onset_untreated: np.ndarray
    diagnosis: np.ndarray
    bulbar: np.ndarray
    slope: np.ndarray

    def __len__(self) -> int:
        return len(self.person)


STRATEGIES = (
    "natural",
    "never_antidepressant",
    "suppressing_at_diagnosis",
    "non_suppressing_at_diagnosis",
    "every_antidepressant_suppressing",
    "every_antidepressant_non_suppressing",
)
"""The worlds in which the course of every patient is lived, with the same random numbers.

natural                               what happens, and what the registers show
never_antidepressant                  no antidepressant from the diagnosis on
suppressing_at_diagnosis              a REM-suppressing antidepressant from the diagnosis until death
non_suppressing_at_diagnosis          another antidepressant from the diagnosis until death
every_antidepressant_suppressing      antidepressants whenever the natural course has them, each of them REM-suppressing
every_antidepressant_non_suppressing  the same, none of them REM-suppressing
"""


@dataclass(frozen=True, slots=True)
class Course:
    """From the first symptom to death, one row for each row of `Disease`.

    death, ventilation   shape (strategies, rows): day of death from any cause, and of tracheostomy with invasive
                         ventilation (NEVER: none), in each of `STRATEGIES`; lived to the end, beyond the register's
    diagnosed            whether the person lived to the diagnosis in the natural course
    registered           whether the quality register holds the person
    episodes             antidepressants and other drugs begun or cut short after onset because of the disease, riluzole
                         included: replaces the background episodes of these persons from the diagnosis on
    cut                  (rows,) day on which background episodes of antidepressants end; NEVER keeps them
    visits               ALSFRS-R items, total and vital capacity as `Records` (`what` indexes `course.MEASUREMENTS`)
    procedures           NIV, gastrostomy, tracheostomy as `Records` (`what` indexes `course.PROCEDURES`)
    breathing            first day on which weak breathing is recognised (`what` indexes `breathing.BREATHING`)
    """

    death: np.ndarray
    ventilation: np.ndarray
    diagnosed: np.ndarray
    registered: np.ndarray
    cut: np.ndarray
    episodes: Episodes
    visits: Records
    procedures: Records
    breathing: Records
