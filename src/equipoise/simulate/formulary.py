"""The formulary of the nation: which drugs its pharmacies dispense, by calendar year.

ATC codes, names and defined daily doses: WHO Collaborating Centre for Drug Statistics Methodology. Shares follow the
Swedish market in broad strokes (citalopram gave way to sertraline, zolpidem and zopiclone to melatonin, diazepam to
hydroxyzine) and are no counts of anything.
"""

from typing import NamedTuple

import numpy as np


class Drug(NamedTuple):
    """One drug.

    atc              ATC code, level 5
    substance        international nonproprietary name
    milligrams       strength of a tablet
    ddd              defined daily dose in milligrams
    pack_days        days that one dispensed pack lasts, a mean over the sizes sold
    shares           (year, weight within the class) in ascending years; linear between them, constant beyond
    rem_suppressing  whether polysomnography finds less REM sleep; None where studies conflict (trazodone, moclobemide)
    """

    atc: str
    substance: str
    milligrams: float
    ddd: float
    pack_days: int
    shares: tuple[tuple[int, float], ...]
    rem_suppressing: bool | None = False

    @property
    def tablets(self) -> int:
        """Tablets in a pack: one defined daily dose a day, at least one tablet."""
        return max(1, round(self.pack_days * max(self.ddd / self.milligrams, 1.0)))


def _always(weight: float) -> tuple[tuple[int, float], ...]:
    return ((2000, weight),)


FORMULARY = (
    Drug("N05BA01", "diazepam", 5, 10, 28, ((2000, 22), (2023, 8))),
    Drug("N05BA04", "oxazepam", 10, 50, 28, ((2000, 38), (2023, 34))),
    Drug("N05BA06", "lorazepam", 1, 2.5, 28, _always(3)),
    Drug("N05BA12", "alprazolam", 0.5, 1, 28, ((2000, 8), (2023, 4))),
    Drug("N05BB01", "hydroxyzine", 25, 75, 28, ((2000, 26), (2023, 48))),
    Drug("N05BE01", "buspirone", 10, 30, 28, _always(2)),
    Drug("N05CD02", "nitrazepam", 5, 5, 28, ((2000, 12), (2023, 2))),
    Drug("N05CD03", "flunitrazepam", 0.5, 1, 28, ((2000, 9), (2012, 2), (2023, 0))),
    Drug("N05CF01", "zopiclone", 7.5, 7.5, 28, ((2000, 38), (2023, 36))),
    Drug("N05CF02", "zolpidem", 10, 10, 28, ((2000, 20), (2010, 20), (2023, 8))),
    Drug("N05CH01", "melatonin", 2, 2, 28, ((2007, 0), (2009, 2), (2023, 32))),
    Drug("N05CM06", "propiomazine", 25, 25, 28, ((2000, 20), (2023, 20))),
    Drug("N06AA04", "clomipramine", 25, 100, 38, ((2000, 4), (2023, 1)), True),
    Drug("N06AA09", "amitriptyline", 25, 75, 38, ((2000, 8), (2023, 9)), True),
    Drug("N06AA10", "nortriptyline", 25, 75, 38, _always(0.5), True),
    Drug("N06AB03", "fluoxetine", 20, 20, 38, ((2000, 6), (2023, 7)), True),
    Drug("N06AB04", "citalopram", 20, 20, 38, ((2000, 40), (2008, 30), (2016, 15), (2023, 8)), True),
    Drug("N06AB05", "paroxetine", 20, 20, 38, ((2000, 10), (2023, 3)), True),
    Drug("N06AB06", "sertraline", 50, 50, 38, ((2000, 15), (2008, 18), (2016, 27), (2023, 30)), True),
    Drug("N06AB08", "fluvoxamine", 100, 100, 38, _always(0.3), True),
    Drug("N06AB10", "escitalopram", 10, 10, 38, ((2001, 0), (2005, 5), (2009, 4), (2016, 10), (2023, 14)), True),
    Drug("N06AG02", "moclobemide", 150, 300, 38, _always(0.5), None),
    Drug("N06AX03", "mianserin", 10, 60, 38, ((2000, 3), (2023, 1)), False),
    Drug("N06AX05", "trazodone", 100, 300, 38, ((2000, 0.2), (2023, 0.1)), None),
    Drug("N06AX11", "mirtazapine", 15, 30, 38, ((2000, 7), (2008, 9), (2023, 10)), False),
    Drug("N06AX12", "bupropion", 150, 300, 38, ((2006, 0), (2010, 2), (2023, 4)), False),
    Drug("N06AX16", "venlafaxine", 75, 100, 38, ((2000, 7), (2023, 8)), True),
    Drug("N06AX21", "duloxetine", 60, 60, 38, ((2004, 0), (2010, 3), (2023, 5)), True),
    Drug("N06AX22", "agomelatine", 25, 25, 38, ((2009, 0), (2012, 1), (2023, 0.5)), False),
    Drug("N06AX26", "vortioxetine", 10, 10, 38, ((2013, 0), (2023, 3)), True),
    Drug("A02BC01", "omeprazole", 20, 20, 90, ((2000, 60), (2023, 70))),
    Drug("A02BC02", "pantoprazole", 40, 40, 90, _always(12)),
    Drug("A02BC03", "lansoprazole", 30, 30, 90, ((2000, 15), (2023, 4))),
    Drug("A02BC05", "esomeprazole", 20, 30, 90, _always(14)),
    Drug("C08CA01", "amlodipine", 5, 5, 90, _always(40)),
    Drug("C08CA02", "felodipine", 5, 5, 90, ((2000, 25), (2023, 8))),
    Drug("C09AA02", "enalapril", 10, 10, 90, ((2000, 40), (2023, 34))),
    Drug("C09AA05", "ramipril", 5, 2.5, 90, ((2000, 12), (2023, 18))),
    Drug("J01CE02", "phenoxymethylpenicillin", 1000, 2000, 10, _always(10)),
    Drug("R06AX27", "desloratadine", 5, 5, 90, _always(10)),
    Drug("H03AA01", "levothyroxine", 0.1, 0.15, 90, _always(10)),
    Drug("N07XX02", "riluzole", 50, 100, 28, _always(1), False),
)
"""Every drug; `Episodes.drug` and `Records.what` of dispensings index it."""

PRESCRIBED = ("N05B", "N05C", "N06A", "A02BC", "C08CA", "C09AA", "J01CE", "R06AX", "H03AA")
"""Classes that background treatment is drawn for."""

STUDIED = ("N05B", "N05C", "N06A")
"""Classes that may change the hazard of ALS, and that the prodrome raises."""

RILUZOLE = next(position for position, drug in enumerate(FORMULARY) if drug.atc == "N07XX02")


def members(atc: str) -> np.ndarray:
    """Positions in the formulary of the drugs of a class, ascending.

    >>> [FORMULARY[position].substance for position in members("C08CA")]
    ['amlodipine', 'felodipine']
    """
    return np.array([position for position, drug in enumerate(FORMULARY) if drug.atc.startswith(atc)], dtype=np.int64)


def shares(positions: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Share of each of the drugs in treatment begun with any of them: shape (years, drugs), rows sum to 1.

    >>> shares(members("C08CA"), np.array([2000, 2023])).round(2).tolist()
    [[0.62, 0.38], [0.83, 0.17]]
    """
    weights = np.column_stack([_weight(FORMULARY[position], years) for position in positions])
    return weights / weights.sum(axis=1, keepdims=True)


def _weight(drug: Drug, years: np.ndarray) -> np.ndarray:
    known, weights = zip(*drug.shares, strict=True)
    return np.interp(years, known, weights)


def pick_drug(atc: str, day: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """The drug of class `atc` that treatment begun on `day` is begun with: int16 positions, by inversion of `uniform`.

    >>> int(pick_drug("C08CA", np.array([12000]), np.array([0.99]))[0]) == int(members("C08CA")[1])
    True
    """
    positions = members(atc)
    if not len(day):
        return np.zeros(0, dtype=np.int16)
    year = (1970 + np.asarray(day) / 365.25).astype(np.int64)
    first = int(year.min())
    cumulative = np.cumsum(shares(positions, np.arange(first, int(year.max()) + 1)), axis=1)[:, :-1]
    chosen = (cumulative[year - first] < np.asarray(uniform)[:, None]).sum(axis=1)
    return positions[chosen].astype(np.int16)


CLASS_OF = np.array(
    [next((c for c, atc in enumerate(PRESCRIBED) if drug.atc.startswith(atc)), -1) for drug in FORMULARY],
    dtype=np.int16,
)
"""Position in `PRESCRIBED` of each drug's class; -1 for riluzole, which only the disease brings about."""

PACK_DAYS = np.array([drug.pack_days for drug in FORMULARY], dtype=np.float64)
"""Days that one pack of each drug lasts."""
