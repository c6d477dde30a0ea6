"""Steps that fail: which of them stop a run, and what is said of the others in its summary."""

import traceback
from dataclasses import dataclass
from pathlib import Path

from equipoise.errors import EquipoiseError, SourceError

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed. Steps that need it share its failure."""

    step: str
    error: Exception

    @property
    def kind(self) -> str:
        return type(self.error).__name__

    @property
    def says(self) -> str:
        """The faults; of an unforeseen error, whose text might quote data, only where it came from."""
        if isinstance(self.error, EquipoiseError):
            return str(self.error).replace("\n", "; ")
        frame = origin(self.error)
        place = f" at {Path(frame.filename).name}:{frame.lineno}" if frame else ""
        return f"a defect of Equipoise{place}; please report it"


def origin(error: BaseException) -> traceback.FrameSummary | None:
    """The deepest frame in Equipoise's own modules, for those of a library below it say little; else the deepest."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if PACKAGE in Path(frame.filename).parents]
    return next(reversed(own or frames), None)


def stops_the_run(error: Exception, reads_source: bool) -> bool:
    """Whether an error concerns more than one step: the database, the store, memory, or an interruption.

    Libraries turn Ctrl-C into errors of their own, those of databases without a trace of it: an unforeseen error of a
    step that reads the database is never taken for the failure of one analysis.
    """
    if isinstance(error, SourceError | MemoryError | OSError) or _interrupted(error):
        return True
    return reads_source and not isinstance(error, EquipoiseError)


def _interrupted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
