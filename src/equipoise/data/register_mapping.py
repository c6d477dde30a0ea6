"""The mapping file: which table and column of a set of registers holds what the database floor needs, as a value.

A mapping is data (TOML): names of files and columns, filters, date formats and lists of values. It holds no code, and
no place but that of the files beside it.
"""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from equipoise.errors import Fault, SpecError
from equipoise.spec.model import Model
from equipoise.spec.read import file_content
from equipoise.spec.values import Wrong, shown
from equipoise.spec.wording import worded

Name = Annotated[str, Field(min_length=1, max_length=1000)]
T = TypeVar("T")
DATE_PARTS = {"%Y": r"([0-9]{4})", "%m": r"([0-9]{2})", "%d": r"([0-9]{2})"}


def _in_table(key: str) -> BeforeValidator:
    """A word alone stands for the table with that word under `key`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _in_list(value: Any) -> Any:
    """One value stands for a list of one."""
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


Names = Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(_in_list)]


class Dated(Model):
    """A column of days. Without `format` and `origin`: a date, a time stamp, or text such as 2024-02-29 or 20240229."""

    column: Name
    """The column."""
    format: str | None = None
    """How the day is written, in the parts %Y (four digits), %m and %d (two each), such as "%d.%m.%Y". A birth may be
    written "%Y%m" or "%Y"."""
    origin: date | None = None
    """Day 0 of days that are kept as numbers, such as 1960-01-01 for those of SAS."""
    incomplete: bool = False
    """Whether a day written 00 is unknown and counts as the 15th, and a month written 00 as 1 July; such dates are
    counted. Needs a format."""

    @model_validator(mode="after")
    def _readable(self) -> "Dated":
        if self.format is not None and self.origin is not None:
            raise Wrong("a format and an origin", "one of them", "text has a format, numbers have an origin")
        if self.incomplete and self.format is None:
            raise Wrong("incomplete dates without a format", "a format with them", "add format = '%Y%m%d', say")
        parts = re.findall("%.", self.format or "%Y%m%d")
        if sorted(parts) not in (["%Y"], ["%Y", "%m"], ["%Y", "%d", "%m"]):
            raise Wrong(shown(self.format), "%Y, %m and %d once each, such as '%Y%m%d'", "births: also '%Y%m' and '%Y'")
        return self

    @property
    def whole(self) -> bool:
        """Whether it says the day, and not the month or year alone."""
        return self.format is None or "%d" in self.format


class Coded(Model):
    """Codes: one or several columns, or the same code in every row."""

    column: Annotated[tuple[Name, ...], BeforeValidator(_in_list)] = ()
    """The column, or a list of columns: then each one that holds a code makes a record."""
    constant: Name | None = None
    """The code of every row."""
    values: dict[str, Name] = Field(default={})
    """Value of the column → code. A value that is not named is a code itself."""

    @model_validator(mode="after")
    def _one_form(self) -> "Coded":
        if bool(self.column) == (self.constant is not None):
            found = "a column and a constant" if self.column else "neither a column nor a constant"
            raise Wrong(found, "a column or a constant", "keep one")
        if self.constant is not None and self.values:
            raise Wrong("a constant with values", "values for a column", "remove values")
        return self


class Sexes(Model):
    """The column of sex."""

    column: Name
    """The column."""
    values: Annotated[dict[str, Literal["female", "male", "other", "unknown"]], Field(min_length=1)]
    """Every value that occurs → female, male, other or unknown."""


class Directions(Model):
    """The column that tells immigration from emigration."""

    column: Name
    """The column."""
    values: Annotated[dict[str, Literal["in", "out"]], Field(min_length=1)]
    """Every value that occurs → in or out."""


class Contacts(Model):
    """The column of the kind of a visit."""

    column: Name
    """The column."""
    values: Annotated[dict[str, Literal["inpatient", "outpatient", "emergency"]], Field(min_length=1)]
    """Every value that occurs → inpatient, outpatient or emergency."""


class Ranks(Model):
    """The column that tells the main diagnosis from others."""

    column: Name
    """The column."""
    values: Annotated[dict[str, Literal["primary", "secondary"]], Field(min_length=1)]
    """Every value that occurs → primary or secondary."""


class Measured(Model):
    """A column of measured values."""

    column: Name
    """The column."""
    least: float | None = None
    """Values below it are left out, and counted."""
    most: float | None = None
    """Values above it are left out, and counted."""

    @model_validator(mode="after")
    def _ordered(self) -> "Measured":
        if self.least is not None and self.most is not None and self.least > self.most:
            raise Wrong(f"least {self.least:g} above most {self.most:g}", "least at most most")
        return self


Day = Annotated[Dated, _in_table("column")]
Codes = Annotated[Coded, BeforeValidator(lambda value: {"column": value} if isinstance(value, str | tuple) else value)]
Value = Annotated[Measured, _in_table("column")]
Kept = Annotated[tuple[str | int, ...], Field(min_length=1), BeforeValidator(_in_list)]


class Mapped(Model):
    """What every table says, besides what stands with each."""

    file: Names
    """Its file, or a list of the files of its parts: .parquet, .csv, .csv.gz, .tsv, .tsv.gz, .sas7bdat, .xpt or .dta,
    seen from the mapping file."""
    person: Name
    """The column of the person's number."""
    where: dict[Name, Kept] = Field(default={})
    """Column → the value, or list of values, that a row must hold to be read."""


class Persons(Mapped):
    """The register of the population, one row a person."""

    sex: Sexes
    """Sex."""
    birth: Day
    """Date of birth."""
    region: Name | None = None
    """The column of the region of residence."""


class Migrations(Mapped):
    """Immigrations and emigrations, one row each."""

    date: Day
    """The first day in the country of who comes, the last of who leaves."""
    direction: Directions
    """Immigration or emigration."""

    @model_validator(mode="after")
    def _to_the_day(self) -> "Migrations":
        return _with_whole_days(self, self.date)


class Deaths(Mapped):
    """The register of deaths."""

    date: Day
    """Day of death."""
    cause: Codes | None = None
    """Code of the underlying cause."""
    vocabulary: Name = "ICD10"
    """What the codes are codes of."""

    @model_validator(mode="after")
    def _to_the_day(self) -> "Deaths":
        return _with_whole_days(self, self.date)


class Records(Mapped):
    """A table of dated records with a code."""

    date: Day
    """Day of the record."""
    code: Codes
    """What it is."""
    vocabulary: Name
    """What the codes are codes of, such as ATC or ICD10."""
    end: Day | None = None
    """Last day."""

    @model_validator(mode="after")
    def _to_the_day(self) -> "Records":
        return _with_whole_days(self, self.date, self.end)


class Dispensings(Records):
    """Dispensings of drugs."""

    vocabulary: Name = "ATC"
    """What the codes are codes of."""
    quantity: Names | None = None
    """The column of units dispensed (tablets, say), or a list of columns to multiply, such as packs and their size."""
    days_supply: Names | None = None
    """The column of days that they last, or a list of columns to multiply, such as packs and DDD in a pack."""
    strength: Name | None = None
    """The column of milligrams of the substance in a unit, from which doses follow."""
    daily_doses: Names | None = None
    """The column of defined daily doses (DDD) dispensed, or a list of columns to multiply, such as packs and DDD in a
    pack. They go before those that follow from quantity, strength and the study."""


class Diagnoses(Records):
    """Diagnoses made in care."""

    vocabulary: Name = "ICD10"
    """What the codes are codes of."""
    rank: Ranks | None = None
    """Main or further diagnosis."""


class Procedures(Records):
    """Procedures."""


class Visits(Mapped):
    """Contacts with care."""

    date: Day
    """First day."""
    kind: Contacts
    """In-patient, out-patient or emergency."""
    end: Day | None = None
    """Last day."""

    @model_validator(mode="after")
    def _to_the_day(self) -> "Visits":
        return _with_whole_days(self, self.date, self.end)


class Observations(Records):
    """Facts of life with a date: education, income, inclusion in a quality register."""

    vocabulary: Name = "register"
    """What the codes are codes of."""
    value: Name | None = None
    """The column of a number that goes with it."""


class Measurements(Mapped):
    """Visits of a quality register, one column a measurement."""

    date: Day
    """Day of the visit."""
    values: Annotated[dict[Name, Value], Field(min_length=1)]
    """Code → the column of its values."""
    vocabulary: Name = "register"
    """What the codes are codes of."""

    @model_validator(mode="after")
    def _to_the_day(self) -> "Measurements":
        return _with_whole_days(self, self.date)


class Parents(Mapped):
    """The register of generations, one row a child."""

    mother: Name
    """The column of the mother's number; she need not be in `persons`."""
    father: Name
    """The column of the father's number; he need not be in `persons`."""


class Marriages(Mapped):
    """Marriages and registered partnerships."""

    partner: Name
    """The column of the partner's number."""
    start: Day
    """Day of marriage."""
    end: Day | None = None
    """Day of divorce, or of the partner's death."""
    begins: Name = "Married or registered partner"
    """The code of the start, as an observation of both."""
    ends: Codes = Coded(constant="Partnership ended")
    """The code of the end, as an observation."""
    vocabulary: Name = "register"
    """What these codes are codes of."""
    each_row: Literal["person", "couple"] = "person"
    """Whether a marriage has a row for each of the two, or one for both."""

    @model_validator(mode="after")
    def _to_the_day(self) -> "Marriages":
        return _with_whole_days(self, self.start, self.end)


class Period(Model):
    """The time that the registers cover."""

    start: Annotated[date, Field(alias="from")]
    """First day."""
    end: Annotated[date, Field(alias="to")]
    """Last day."""

    @model_validator(mode="after")
    def _ordered(self) -> "Period":
        if self.start > self.end:
            raise Wrong(f"from {self.start} to {self.end}", "from no later than to", "swap them")
        return self


class RegisterMapping(Model):
    """What a mapping file says."""

    mapping_version: Literal[1]
    """Version of the form of mapping files."""
    name: Name
    """What the data are called."""
    period: Period
    """The time that the registers cover; observation outside it does not count."""
    persons: Persons
    """The population."""
    migrations: Migrations | None = None
    """Immigration and emigration."""
    deaths: Deaths | None = None
    """Deaths."""
    dispensings: tuple[Dispensings, ...] = ()
    """Tables of dispensings."""
    diagnoses: tuple[Diagnoses, ...] = ()
    """Tables of diagnoses."""
    procedures: tuple[Procedures, ...] = ()
    """Tables of procedures."""
    visits: tuple[Visits, ...] = ()
    """Tables of contacts."""
    observations: tuple[Observations, ...] = ()
    """Tables of observations."""
    measurements: tuple[Measurements, ...] = ()
    """Tables of measurements."""
    parents: Parents | None = None
    """Parents."""
    marriages: Marriages | None = None
    """Marriages."""

    def tables(self) -> list[tuple[str, Mapped]]:
        """Every table with its place in the file."""
        found: list[tuple[str, Mapped]] = []
        for key in type(self).model_fields:
            part = getattr(self, key)
            if isinstance(part, Mapped):
                found.append((key, part))
            elif isinstance(part, tuple):
                found += [(f"{key}[{at}]", table) for at, table in enumerate(part)]
        return found


def read_mapping(path: str | Path) -> RegisterMapping:
    """Read a mapping file (TOML 1.0 in UTF-8); the files it names are not opened.

    Raises `SpecError` (exit code 10) with every fault: unreadable file, broken TOML, unknown keys, wrong types.

    >>> read_mapping("no-such-mapping.toml")
    Traceback (most recent call last):
    equipoise.errors.SpecError: no-such-mapping.toml: no such file; allowed: the path of a mapping file (TOML)
    """
    text = file_content(Path(path), "mapping")
    try:
        raw = tomllib.loads(text)
    except RecursionError:
        raise SpecError(Fault(str(path), "tables or lists nested too deeply", "a mapping file in TOML 1.0")) from None
    except ValueError as error:
        raise SpecError(Fault(str(path), f"not TOML: {error}", "a mapping file in TOML 1.0")) from None
    try:
        return RegisterMapping.model_validate(raw)
    except ValidationError as error:
        faults = dict.fromkeys(worded(error, RegisterMapping, raw))
    raise SpecError(sorted(faults, key=lambda fault: fault.where))


def _with_whole_days(table: T, *dates: Dated | None) -> T:
    for each in dates:
        if each is not None and not each.whole:
            raise Wrong(
                f"{shown(each.format)} in column {each.column!r}", "%Y, %m and %d", "a birth alone may lack a day"
            )
    return table
