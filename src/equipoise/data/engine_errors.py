"""What a database engine complains about, said again in the user's words and without any value from the data."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from ibis.common.exceptions import IbisError

from equipoise.errors import EquipoiseError, Fault, SourceError

# Class of exception, what was found, how to mend it. An engine's own message may quote a cell, so only its class is
# used. The first class that fits decides.
Complaint = tuple[type[Exception], str, str]
_COMPLAINTS: tuple[Complaint, ...] = (
    (
        duckdb.OutOfMemoryException,
        "the query needs more memory than DuckDB may use",
        "give a larger memory_limit, or free disk space in the temporary folder",
    ),
    (
        duckdb.ConversionException,
        "a value cannot be read as the declared type of its column",
        "look for dates or numbers that are out of range",
    ),
    (
        duckdb.OutOfRangeException,
        "a number is too large for its column",
        "look for dates or numbers that are out of range",
    ),
    (
        duckdb.ResourceInUseException,
        "the file is open in this process with other rights",
        "close the connection that may write to it",
    ),
    (duckdb.PermissionException, "reading is not permitted", "ask for permission to read it"),
    (duckdb.IOException, "the file cannot be read", "check that it is whole, of the stated format, and not in use"),
    (
        duckdb.InvalidInputException,
        "the file is damaged or its rows do not have the columns of its first line",
        "write the file again: UTF-8, a header line, the same number of fields in every row",
    ),
    (PermissionError, "reading is not permitted", "ask for permission to read it"),
    (OSError, "the file cannot be read", "check that it is there and whole"),
)


@contextmanager
def said_plainly(where: str, complaints: tuple[Complaint, ...] = ()) -> Iterator[None]:
    """Turns an engine's exception inside the block into a `SourceError` about `where`.

    `complaints` are those of the engine's own driver, besides those of DuckDB, ibis and the operating system.
    The engine's own exception is not chained, since its text may hold a value from the data or a password.

    >>> with said_plainly("table 'person'"):
    ...     raise duckdb.IOException("broken")
    Traceback (most recent call last):
    equipoise.errors.SourceError: table 'person': the file cannot be read; ...
    """
    expected = (duckdb.Error, IbisError, OSError, *(kind for kind, _, _ in complaints))
    try:
        yield
    except EquipoiseError:
        raise
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except expected as error:
        raise SourceError(_fault(where, error, complaints)) from None


def _fault(where: str, error: Exception, complaints: tuple[Complaint, ...]) -> Fault:
    for kind, found, remedy in (*complaints, *_COMPLAINTS):
        if isinstance(error, kind):
            return Fault(where, found, remedy=remedy)
    return Fault(where, f"the database refused ({type(error).__name__})", remedy="check the connection and your rights")
