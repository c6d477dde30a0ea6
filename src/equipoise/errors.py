"""Every exception Equipoise raises on purpose, with its exit code, and the reasons an answer can be absent.

A study that cannot be read, a database that cannot be used, a design that cannot be carried out and a combination
that is not offered are exceptions. What the *data* cannot answer is a value: a `Reason` beside a missing number.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what was found there, what is allowed, what to do about it."""

    where: str
    found: str
    allowed: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.found}"]
        if self.allowed:
            parts.append(f"allowed: {self.allowed}")
        if self.remedy:
            parts.append(f"to mend it: {self.remedy}")
        return "; ".join(parts)


class EquipoiseError(Exception):
    """Base of all errors a user can act on. `faults` holds every fault that was found, not only the first."""

    exit_code = 70

    def __init__(self, faults: Fault | Iterable[Fault]):
        self.faults = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SpecError(EquipoiseError):
    """The study file cannot be read or says something that is not a study."""

    exit_code = 10


class SourceError(EquipoiseError):
    """A place that should hold data cannot be read, or does not hold what it should."""

    exit_code = 11


class OutputError(SourceError):
    """A place that should take results or intermediates cannot be written."""


class DesignError(EquipoiseError):
    """The study is well-formed but cannot be carried out as written."""

    exit_code = 12


class UnsupportedError(EquipoiseError):
    """A combination of options that Equipoise does not offer, refused rather than answered wrongly."""

    exit_code = 13


class Reason(StrEnum):
    """Why a number is absent. Written into the `reason` column of result tables."""

    NO_CASES = "NO_CASES"
    NO_CONTROLS = "NO_CONTROLS"
    NO_EVENTS = "NO_EVENTS"
    TOO_FEW_EVENTS = "TOO_FEW_EVENTS"
    NO_INFORMATIVE_SETS = "NO_INFORMATIVE_SETS"
    ONE_ARM_EMPTY = "ONE_ARM_EMPTY"
    SEPARATION = "SEPARATION"
    COLLINEAR = "COLLINEAR"
    CONSTANT = "CONSTANT"
    NOT_CONVERGED = "NOT_CONVERGED"
    SMALL_CELLS = "SMALL_CELLS"
    NOT_OBSERVABLE = "NOT_OBSERVABLE"
    BEYOND_FOLLOW_UP = "BEYOND_FOLLOW_UP"
    NOT_DEFINED = "NOT_DEFINED"
    NOT_IDENTIFIED = "NOT_IDENTIFIED"
    BOUNDARY = "BOUNDARY"
    SEALED = "SEALED"


REASON_TEXT: dict[Reason, str] = {
    Reason.NO_CASES: "no case met the study's rules",
    Reason.NO_CONTROLS: "no case had an eligible control",
    Reason.NO_EVENTS: "no outcome event occurred",
    Reason.TOO_FEW_EVENTS: "fewer outcome events occurred than this needs",
    Reason.NO_INFORMATIVE_SETS: "exposure does not vary within any matched set",
    Reason.ONE_ARM_EMPTY: "nobody, or everybody, was exposed",
    Reason.SEPARATION: "the exposure separates cases from controls completely: the estimate is infinite",
    Reason.COLLINEAR: "the term is a linear combination of other terms in the model",
    Reason.CONSTANT: "the term does not vary",
    Reason.NOT_CONVERGED: "the likelihood maximisation did not converge",
    Reason.SMALL_CELLS: "the estimate rests on a count that is suppressed",
    Reason.NOT_OBSERVABLE: "no matched set is observable over the whole window",
    Reason.BEYOND_FOLLOW_UP: "follow-up ends before this time",
    Reason.NOT_DEFINED: "the quantity is not defined for this design",
    Reason.NOT_IDENTIFIED: "the data cannot tell this quantity from others of the model",
    Reason.BOUNDARY: "the estimate lies on the boundary of its range",
    Reason.SEALED: "a pre-set diagnostic failed, so the estimate is sealed",
}
