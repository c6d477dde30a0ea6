"""The diagnoses of a block in the natural and in the untreated world, and who was exposed at them."""

from dataclasses import dataclass

import numpy as np

from equipoise.simulate.block import YEAR, Episodes, People, Place, Records
from equipoise.simulate.disease import ALS, draw_onsets, planned_diagnosis
from equipoise.simulate.dispensing import dispense
from equipoise.simulate.estimands import OnsetEstimand
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.prescribing import take
from equipoise.simulate.streams import day_number


@dataclass(frozen=True, slots=True)
class Onsets:
    """Persons of a block exposed at a diagnosis in the natural world, in the untreated world: booleans, shape (n,)."""

    natural: np.ndarray
    untreated: np.ndarray

    def __len__(self) -> int:
        return len(self.natural)

    @classmethod
    def concatenated(cls, parts: "list[Onsets]") -> "Onsets":
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


def onset_ratio(cases: Onsets, rows: np.ndarray) -> float:
    """Exposed diagnoses of the natural world for each one of the untreated world."""
    return float(cases.natural[rows].sum() / cases.untreated[rows].sum())


def onsets_of(
    spec: NationSpec,
    place: Place,
    people: People,
    background: Episodes,
    estimand: OnsetEstimand,
    multiplier: float = 1.0,
) -> Onsets:
    """The exposed diagnoses of one block, from its background treatment."""
    onsets = draw_onsets(spec, place, people, background, multiplier)
    days = [_diagnosed(spec, place, people, als, onsets.other, estimand) for als in (onsets.als, onsets.als_untreated)]
    either = np.flatnonzero(np.isfinite(days[0]) | np.isfinite(days[1]))
    theirs = take(background, np.flatnonzero(np.isin(background.person, either)))
    dates = _class_dates(dispense(spec, place, people, theirs, np.minimum(people.leaves, people.dies)), estimand.atc)
    return Onsets(*(exposed_at(dates, day, estimand)[either] for day in days))


def _diagnosed(
    spec: NationSpec, place: Place, people: People, als: np.ndarray, other: np.ndarray, estimand: OnsetEstimand
) -> np.ndarray:
    """Day of the diagnosis of ALS of everybody in one world; infinite unless eligible on it."""
    kind = np.where(als <= other, ALS, 1 - ALS)
    onset = np.where((kind == ALS) & (als <= np.minimum(people.leaves, people.dies - 1)), als, np.inf)
    day = planned_diagnosis(spec, place, onset, kind)
    first, last = (day_number(limit) for limit in estimand.calendar)
    seen = (day >= np.maximum(people.start, first)) & (day <= np.minimum(np.minimum(people.leaves, people.dies), last))
    old = np.where(np.isfinite(day), day, 0.0) - people.born >= YEAR * estimand.youngest
    return np.where(seen & old, day, np.inf)


def _class_dates(dispensings: Records, atc: str) -> tuple[np.ndarray, np.ndarray]:
    """Persons and days of the distinct dates on which the class was dispensed, sorted."""
    of_class = np.array([drug.atc.startswith(atc) for drug in FORMULARY])[dispensings.what]
    person, day = dispensings.person[of_class].astype(np.int64), dispensings.day[of_class].astype(np.int64)
    new = np.append(True, (person[1:] != person[:-1]) | (day[1:] != day[:-1]))[: len(person)]
    return person[new], day[new]


def exposed_at(dates: tuple[np.ndarray, np.ndarray], index: np.ndarray, estimand: OnsetEstimand) -> np.ndarray:
    """Who is exposed on the day `index` (persons,), infinite where there is none; `dates` as `_class_dates` gives.

    >>> import numpy as np
    >>> dates = np.array([0, 0, 1, 1]), np.array([100, 200, 100, 900])
    >>> exposed_at(dates, np.array([600.0, 1000.0]), OnsetEstimand(days_before=(366, 1000))).tolist()
    [True, True]
    >>> exposed_at(dates, np.array([600.0, 1000.0]), OnsetEstimand(days_before=(366, 1000), reading="any_use")).tolist()
    [True, False]
    """
    person, day = dates
    nearest, farthest = estimand.days_before
    ago = index[person] - day
    past = ago >= 1
    window = (ago >= nearest) & (ago <= farthest)
    counted = past if estimand.reading == "initiation" else window
    enough = np.bincount(person[counted], minlength=len(index)) >= estimand.dispensings
    if estimand.reading == "any_use":
        return enough & np.isfinite(index)
    first = np.append(True, person[1:] != person[:-1])[: len(person)]
    begun = np.bincount(person[first & window], minlength=len(index)) > 0
    return enough & begun & np.isfinite(index)
