"""Turns a column as a database stores it into the declared type, exactly, and says which cells could not be turned.

Identifiers never pass through floating point on their way out: a whole number stored as DOUBLE is taken over only
where it is whole and small enough that DOUBLE holds it exactly. Text is read as a number or date only in the forms
listed in `docs/reference/data-sources.md`; nothing is rounded or guessed.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from equipoise.data.day_numbers import date_exists, day_number
from equipoise.data.tables import Kind

TYPES: dict[Kind, str] = {Kind.IDENTIFIER: "int64", Kind.DAY: "int32", Kind.NUMBER: "float64", Kind.TEXT: "string"}

# What stands for "nothing" in a text file, in any letter case.
_MISSING = r"(?i)^\s*(na|n/a|nan|null|none|[\\]n|[.])?\s*$"
_WHOLE = r"^[+-]?[0-9]+([.]0*)?$"
_DECIMAL = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
_ISO_DATE = r"^[0-9]{4,6}-[0-9]{2}-[0-9]{2}([T ].*)?$"
_COMPACT_DATE = r"^[0-9]{8}$"
_EXACT_IN_DOUBLE = 2**53 - 1  # beyond it, two whole numbers share one DOUBLE
_EXACT_IN_SINGLE = 2**24 - 1
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an engine lacks.

    `try_cast`  text that is no number or date can be cast to NULL; without it, text is taken apart piece by piece
    `has_nan`   floating point columns can hold NaN
    """

    try_cast: bool
    has_nan: bool


@dataclass(frozen=True, slots=True)
class Normalised:
    """A column in its declared type.

    `held`  whether a cell holds anything: a cell that does and has no value could not be read. None: every cell can be.
    """

    value: ir.Value
    held: ir.BooleanValue | None = None

    def bad(self) -> ir.BooleanValue | None:
        """Whether a cell could not be read; None where that cannot happen."""
        return None if self.held is None else self.held & self.value.isnull()


def normalised(raw: ir.Value, kind: Kind, dialect: Dialect) -> Normalised | None:
    """The column in the type of `kind`; None where the stored type cannot stand for that kind at all."""
    stored = raw.type()
    if stored.is_null():
        return Normalised(ibis.null(TYPES[kind]))
    if kind is Kind.IDENTIFIER:
        return _identifier(raw, stored, dialect)
    if kind is Kind.DAY:
        return _day(raw, stored, dialect)
    if kind is Kind.NUMBER:
        return _number(raw, stored, dialect)
    return _text(raw, stored, dialect)


def _identifier(raw: ir.Value, stored: dt.DataType, dialect: Dialect) -> Normalised | None:
    if stored.is_string():
        return _whole_from_text(raw, dialect)
    if stored.is_floating():
        limit = _EXACT_IN_SINGLE if stored.is_float32() or stored.is_float16() else _EXACT_IN_DOUBLE
        return _whole_where(raw, _is_whole(raw, limit, dialect), dialect)
    if stored.is_decimal() and stored.scale != 0:
        return _whole_where(raw, _is_whole(raw, _INT64_MAX, dialect), dialect)
    if stored.is_decimal() or stored.is_uint64():
        return _whole_where(raw, raw.between(-_INT64_MAX, _INT64_MAX), dialect)
    if stored.is_integer():
        return Normalised(raw.cast("int64"))
    return None


def _is_whole(raw: ir.NumericValue, limit: int, dialect: Dialect) -> ir.BooleanValue:
    # The range comes first: rounding a number down passes through int64, which holds neither infinity nor NaN. NaN is
    # asked for by name: the statistics of a Parquet file leave it out, and DuckDB believes them.
    return (raw.between(-limit, limit) & ~_is_nan(raw, dialect)).fill_null(False).ifelse(raw == raw.floor(), False)


def _is_nan(raw: ir.NumericValue, dialect: Dialect) -> ir.BooleanValue:
    can_be = raw.type().is_floating() and dialect.has_nan
    return raw.isnan().fill_null(False) if can_be else ibis.literal(False)


def _whole_where(raw: ir.NumericValue, exact: ir.BooleanValue, dialect: Dialect) -> Normalised:
    value = exact.fill_null(False).ifelse(raw, ibis.null(raw.type())).cast("int64")
    return Normalised(value, raw.notnull() & ~_is_nan(raw, dialect))


def held_text(raw: ir.StringValue) -> ir.BooleanValue:
    """Whether a text is more than nothing: not blank and no word for a missing value."""
    return raw.notnull() & ~raw.re_search(_MISSING).fill_null(False)


def _whole_from_text(raw: ir.StringValue, dialect: Dialect) -> Normalised:
    text = raw.strip()
    readable = text.re_search(_WHOLE)
    if not dialect.try_cast:
        whole = readable.ifelse(text.re_extract(r"^([+-]?[0-9]+)", 1), ibis.null("string")).cast("int64")
        return Normalised(whole, held_text(raw))
    slowly = readable.ifelse(text.try_cast("int64"), ibis.null("int64"))
    return Normalised(_as_written(raw, raw.try_cast("int64"), slowly), held_text(raw))


def _as_written(raw: ir.StringValue, quick: ir.Value, slowly: ir.Value) -> ir.Value:
    """The quick reading where it is written back as exactly the same text; else the slow one, which looks closer."""
    return ibis.cases((raw.isnull(), ibis.null(quick.type())), (quick.cast("string") == raw, quick), else_=slowly)


def _day(raw: ir.Value, stored: dt.DataType, dialect: Dialect) -> Normalised | None:
    if stored.is_string():
        return _day_from_text(raw, dialect)
    if stored.is_timestamp():
        return Normalised(_days_since_1970(raw.cast("timestamp").date()))
    if stored.is_date():
        return Normalised(_days_since_1970(raw))
    return None


def _days_since_1970(date: ir.DateValue) -> ir.IntegerValue:
    return date.delta(ibis.date(1970, 1, 1), unit="day").cast("int32")


def _day_from_text(raw: ir.StringValue, dialect: Dialect) -> Normalised:
    text = raw.strip()
    iso = text.re_search(_ISO_DATE)
    date = iso.ifelse(text.re_extract(r"^([0-9]+-[0-9]{2}-[0-9]{2})", 1), _dashed(text))
    if dialect.try_cast:
        as_date = _as_written(raw, raw.try_cast("date"), date.try_cast("date"))
        return Normalised(_days_since_1970(as_date), held_text(raw))
    year, month, day = (
        date.re_extract(r"^([0-9]+)-([0-9]{2})-([0-9]{2})$", part).nullif("").cast("int64") for part in (1, 2, 3)
    )
    value = date_exists(year, month, day).ifelse(day_number(year, month, day), ibis.null("int32"))
    return Normalised(value, held_text(raw))


def _dashed(text: ir.StringValue) -> ir.StringValue:
    """A date written as eight digits, with dashes put in; NULL for anything else."""
    dashed = text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2)
    return text.re_search(_COMPACT_DATE).ifelse(dashed, ibis.null("string"))


def _number(raw: ir.Value, stored: dt.DataType, dialect: Dialect) -> Normalised | None:
    if stored.is_string():
        return _number_from_text(raw, dialect)
    if stored.is_floating():
        return Normalised(_finite(raw.cast("float64"), dialect))
    if stored.is_numeric() and not stored.is_boolean():
        return Normalised(raw.cast("float64"))
    return None


def _finite(value: ir.FloatingValue, dialect: Dialect) -> ir.FloatingValue:
    if not dialect.has_nan:
        return value
    return (value.isnan() | value.isinf()).ifelse(ibis.null("float64"), value)


def _number_from_text(raw: ir.StringValue, dialect: Dialect) -> Normalised:
    if dialect.try_cast:
        slowly = raw.strip().re_search(_DECIMAL).ifelse(raw.strip().try_cast("float64"), ibis.null("float64"))
        value = raw.re_search(_DECIMAL).fill_null(False).ifelse(raw.try_cast("float64"), slowly)
    else:
        value = raw.strip().re_search(_DECIMAL).ifelse(raw.strip(), ibis.null("string")).cast("float64")
    return Normalised(value, held_text(raw))


def _text(raw: ir.Value, stored: dt.DataType, dialect: Dialect) -> Normalised | None:
    if stored.is_string():
        return Normalised(raw.nullif(""))
    if stored.is_floating():
        # A code kept in a DOUBLE column reads 428251008.0; the code is 428251008.
        whole = _is_whole(raw, _EXACT_IN_DOUBLE, dialect)
        as_whole = whole.ifelse(raw, ibis.null(raw.type())).cast("int64").cast("string")
        return Normalised(ibis.coalesce(as_whole, raw.cast("string")))
    if stored.is_numeric() or stored.is_temporal() or stored.is_uuid():
        return Normalised(raw.cast("string"))
    return None
