"""Calendar arithmetic on whole-number columns: the same on every engine, without the engine's own date type.

Days count from 1970-01-01 in the proleptic Gregorian calendar, as DuckDB, PostgreSQL and Spark do. Years must be
positive. Source: E. M. Reingold and N. Dershowitz, *Calendrical Calculations*, 2018, chapter 2, with years that begin
in March so that the leap day is the last day of the year.

>>> import ibis
>>> ibis.duckdb.connect().execute(day_number(ibis.literal(2000), ibis.literal(3), ibis.literal(1)))
11017
"""

import ibis
import ibis.expr.types as ir

_MARCH_FIRST_YEAR_0 = 719468  # days from 0000-03-01 to 1970-01-01
_DAYS_IN_400_YEARS = 146097


def day_number(year: ir.IntegerValue, month: ir.IntegerValue, day: ir.IntegerValue) -> ir.IntegerValue:
    """Days since 1970-01-01 of a date that exists, int32. Any other date gives a meaningless number: check it first."""
    march_year = year - (month <= 2).ifelse(1, 0)
    march_month = month + (month <= 2).ifelse(9, -3)
    leap_days = march_year // 4 - march_year // 100 + march_year // 400
    days = march_year * 365 + leap_days + (march_month * 153 + 2) // 5 + day - 1
    return (days - _MARCH_FIRST_YEAR_0).cast("int32")


def month_length(year: ir.IntegerValue, month: ir.IntegerValue) -> ir.IntegerValue:
    """Number of days in a month 1 to 12 of a year."""
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    return ibis.cases(((month == 2) & leap, 29), (month == 2, 28), (month.isin([4, 6, 9, 11]), 30), else_=31)


def date_exists(year: ir.IntegerValue, month: ir.IntegerValue, day: ir.IntegerValue) -> ir.BooleanValue:
    """Whether year, month and day name a day of the calendar; NULL counts as no."""
    exists = (year >= 1) & month.between(1, 12) & (day >= 1) & (day <= month_length(year, month))
    return exists.fill_null(False)


def year_of(day: ir.IntegerValue) -> ir.IntegerValue:
    """Calendar year of a day number, int64."""
    since = day.cast("int64") + _MARCH_FIRST_YEAR_0
    cycle = since // _DAYS_IN_400_YEARS
    in_cycle = since - cycle * _DAYS_IN_400_YEARS
    year_in_cycle = (in_cycle - in_cycle // 1460 + in_cycle // 36524 - in_cycle // 146096) // 365
    day_of_year = in_cycle - (year_in_cycle * 365 + year_in_cycle // 4 - year_in_cycle // 100)
    return (year_in_cycle + cycle * 400 + (day_of_year >= 306).ifelse(1, 0)).cast("int64")
