"""Waist 1: one design's rows as arrays. People become numbers here; dates and person identifiers end here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault


@dataclass(frozen=True, slots=True)
class AttritionRow:
    """One inclusion rule with the persons who came to it and the persons it removed."""

    rule: str
    persons_in: int
    persons_out: int

    @property
    def persons_left(self) -> int:
        return self.persons_in - self.persons_out


@dataclass(frozen=True, slots=True)
class Attrition:
    """Ordered rules of one cohort. Counts never rise: each row starts from what the row before it left."""

    cohort: str
    rows: tuple[AttritionRow, ...] = ()

    def __post_init__(self) -> None:
        for before, after in zip(self.rows, self.rows[1:], strict=False):
            if after.persons_in != before.persons_left or after.persons_out < 0:
                raise DesignError(
                    Fault(
                        f"attrition of {self.cohort!r}, rule {after.rule!r}",
                        f"{after.persons_in} persons come in where the rule before left {before.persons_left}",
                        "counts that never rise",
                    )
                )

    def then(self, rule: str, persons_left: int) -> "Attrition":
        """The attrition with one more rule, which leaves `persons_left` of the persons still in."""
        persons_in = self.rows[-1].persons_left if self.rows else persons_left
        return Attrition(self.cohort, (*self.rows, AttritionRow(rule, persons_in, persons_in - persons_left)))

    def __iter__(self) -> Iterator[AttritionRow]:
        return iter(self.rows)


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of `AnalysisSet.x` holds.

    `role` says what it is for: "exposure", "covariate", "matching", "observability", "sampling" or "summary".
    `tags` carry the keys a design wants back, such as exposure, window, reading and level.
    """

    name: str
    role: str
    tags: tuple[tuple[str, str], ...] = ()

    def tag(self, key: str) -> str | None:
        return dict(self.tags).get(key)


@dataclass(frozen=True, slots=True)
class AnalysisSet:
    """The rows of one design as arrays of equal length n.

    person   int64, codes 0..n_persons-1 (never identifiers)
    event    int8, 0 censored or control, k = cause k (1 for a case)
    start    int32, days from time zero, open end of (start, stop]
    stop     int32, days from time zero, closed end
    stratum  int64 or None: matched set, or person in a case series
    arm      int8 or None: 0 reference, 1 target, …
    weight   float64
    offset   float64 or None
    x        float64 of shape (n, p), dense or CSR, columns described by `columns`
    """

    person: np.ndarray
    event: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    weight: np.ndarray
    x: Any
    columns: tuple[Column, ...]
    stratum: np.ndarray | None = None
    arm: np.ndarray | None = None
    offset: np.ndarray | None = None
    attrition: tuple[Attrition, ...] = field(default=())

    def __post_init__(self) -> None:
        n = len(self.person)
        for name in ("event", "start", "stop", "weight", "stratum", "arm", "offset"):
            values = getattr(self, name)
            if values is not None and len(values) != n:
                raise DesignError(Fault(f"AnalysisSet.{name}", f"{len(values)} rows", f"{n} rows, as in person"))
        if len(set(self.names)) < len(self.names):
            raise DesignError(Fault("AnalysisSet.columns", "two columns with the same name", "each name once"))
        if self.x.shape != (n, len(self.columns)):
            raise DesignError(Fault("AnalysisSet.x", f"shape {self.x.shape}", f"shape {(n, len(self.columns))}"))

    def __len__(self) -> int:
        return len(self.person)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def n_persons(self) -> int:
        return len(np.unique(self.person))

    def index_of(self, name: str) -> int:
        """Position of a column; an unknown name is an error that lists the known ones."""
        try:
            return self.names.index(name)
        except ValueError:
            known = ", ".join(self.names)
            raise DesignError(Fault(f"column {name!r}", "not in the analysis set", known)) from None

    def column(self, name: str) -> np.ndarray:
        """One column of x as a dense float64 vector of length n."""
        values = self.x[:, self.index_of(name)]
        return np.asarray(values.todense()).ravel() if hasattr(values, "todense") else np.asarray(values)

    def select(self, names: Sequence[str]) -> "AnalysisSet":
        """The same rows with only the named columns, in the order given."""
        at = [self.index_of(name) for name in names]
        return replace(self, x=self.x[:, at], columns=tuple(self.columns[i] for i in at))

    def where(self, keep: np.ndarray) -> "AnalysisSet":
        """The rows where `keep` (boolean, length n) is true; person and stratum codes are kept as they are."""
        parts: dict[str, Any] = {
            name: None if (values := getattr(self, name)) is None else values[keep]
            for name in ("person", "event", "start", "stop", "weight", "stratum", "arm", "offset")
        }
        return replace(self, x=self.x[keep], **parts)

    def __repr__(self) -> str:
        sets = "" if self.stratum is None else f", {len(np.unique(self.stratum)):,} strata"
        events = int(np.count_nonzero(self.event))
        return f"AnalysisSet({len(self):,} rows, {events:,} events{sets}, {len(self.columns)} columns)"


@dataclass(frozen=True, slots=True)
class Measurements:
    """Repeated measurements of the persons of an `AnalysisSet` with one row a person: one row a person and day.

    person   int64 (m,), codes as in `AnalysisSet.person`, ascending
    day      int32 (m,), days from time zero, 0 to `stop`, ascending within a person
    values   float64 (m, k), nan where a quantity was not measured on that day
    names    the k quantities
    marks    name → float64 (n,), day from time zero of the first record of an event, negative before it, nan without
    """

    person: np.ndarray
    day: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    marks: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        m = len(self.person)
        if len(self.day) != m or self.values.shape != (m, len(self.names)):
            found = f"{len(self.day)} days and values of shape {self.values.shape}"
            raise DesignError(Fault("Measurements", found, f"{m} rows, as in person, of {len(self.names)} quantities"))

    def __len__(self) -> int:
        return len(self.person)

    def column(self, name: str) -> np.ndarray:
        """One quantity, nan where it was not measured: float64 (m,)."""
        if name not in self.names:
            raise DesignError(Fault(f"quantity {name!r}", "not measured", ", ".join(self.names)))
        return np.asarray(self.values[:, self.names.index(name)])

    def __repr__(self) -> str:
        persons = len(np.unique(self.person))
        return f"Measurements({len(self):,} rows of {persons:,} persons, {', '.join(self.names)})"
