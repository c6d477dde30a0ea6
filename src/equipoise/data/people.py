"""Who is in the database: one row a person, and the spans of time in which each is observed.

The rules, in words, stand beside each step and again in the data-quality table (`quality`).
"""

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.day_numbers import date_exists, day_number, year_of
from equipoise.data.source import Source
from equipoise.data.verbs import merge_spans

FEMALE, MALE = 8532, 8507
_UNKNOWN_SEX = (0, 8551)
PEOPLE_COLUMNS = (
    "person_id",
    "birth_day",
    "birth_year",
    "sex",
    "race_concept_id",
    "ethnicity_concept_id",
    "region",
    "care_site_id",
    "death_day",
)


def people(source: Source) -> ir.Table:
    """One row a person who can be used.

    person_id int64; birth_day, death_day int32 or NULL (days since 1970-01-01); birth_year int64 or NULL;
    sex "female", "male", "other" or "unknown"; race_concept_id, ethnicity_concept_id, care_site_id int64 or NULL;
    region text or NULL (the state of the person's location, else the location's identifier);
    earliest_birth_day int32 or NULL, the first day that the recorded parts of the birth date allow.

    Left out: rows without an identifier, persons with conflicting rows, persons who died before they were born.
    Persons without a birth date stay, with NULL. Of several deaths the earliest counts.
    """
    rows = with_death(source, one_row_each(person_rows(source)))
    rows = rows.filter(~died_before_birth(rows))
    places = _regions(source)
    rows = rows.left_join(places, rows.location_id == places.place_id)
    # A birth day that was completed by rule (15th, 1 July) cannot come after death.
    birth_day = (rows.death_day < rows.birth_day).ifelse(rows.death_day, rows.birth_day)
    region = ibis.coalesce(rows.state, rows.location_id.cast("string"))
    return rows.mutate(birth_day=birth_day, region=region).select(*PEOPLE_COLUMNS, "earliest_birth_day")


def known_people(source: Source) -> ir.Table:
    """`people`, computed once for the life of the source and then read from a temporary table."""
    return source.once("people", lambda: people(source))


def observation_spans(source: Source, known: ir.Table | None = None) -> ir.Table:
    """When each of `people` is observed: (person_id, start_day, end_day), both inclusive, disjoint, never touching.

    Periods without dates or that end before they start are left out; the others are cut to life (birth to death) and
    joined where they overlap or touch. `known` stands in for `people`, if that is computed already.
    """
    return merge_spans(usable_periods(source, people(source) if known is None else known))


def usable_periods(source: Source, known: ir.Table) -> ir.Table:
    """The observation periods of `known` people, in order and cut to life, not yet joined."""
    period = source.table("observation_period").select(
        "person_id", start_day="observation_period_start_date", end_day="observation_period_end_date"
    )
    period = period.filter((period.start_day <= period.end_day).fill_null(False))
    lived = period.join(known.select("person_id", "birth_day", "death_day"), "person_id")
    cut = lived.select(
        "person_id",
        start_day=ibis.greatest(lived.start_day, ibis.coalesce(lived.birth_day, lived.start_day)),
        end_day=ibis.least(lived.end_day, ibis.coalesce(lived.death_day, lived.end_day)),
    )
    return cut.filter(cut.start_day <= cut.end_day)


def known_spans(source: Source) -> ir.Table:
    """`observation_spans`, computed once for the life of the source and then read from a temporary table."""
    return source.once("observation_spans", lambda: observation_spans(source, known_people(source)))


def extract_people(source: Source) -> pa.Table:
    """`people` without earliest_birth_day, computed, ordered by person_id."""
    return source.to_arrow(known_people(source).select(*PEOPLE_COLUMNS).order_by("person_id"))


def extract_spans(source: Source) -> pa.Table:
    """`observation_spans`, computed, ordered by person_id and start_day."""
    return source.to_arrow(known_spans(source).order_by("person_id", "start_day"))


def person_rows(source: Source) -> ir.Table:
    """The rows of PERSON with an identifier, in the terms of `people`, before duplicates are settled."""
    person = source.table("person")
    person = person.filter(person.person_id.notnull())
    person = person.mutate(**_birth(person))
    return person.select(
        "person_id",
        "birth_day",
        "earliest_birth_day",
        "birth_is_completed",
        "race_concept_id",
        "ethnicity_concept_id",
        "location_id",
        "care_site_id",
        birth_year=_birth_year(person),
        sex=_sex(person),
    )


def repeated_persons(rows: ir.Table) -> ir.Table:
    """Identifiers with several rows in PERSON: (person_id, n_rows, n_different)."""
    often = rows.group_by("person_id").aggregate(n_rows=rows.count())
    often = often.filter(often.n_rows > 1)
    different = rows.semi_join(often, "person_id").distinct()
    counted = different.group_by("person_id").aggregate(n_different=different.count())
    return often.join(counted, "person_id").select("person_id", "n_rows", "n_different")


def one_row_each(rows: ir.Table) -> ir.Table:
    """Identical rows of a person are one; a person whose rows differ is left out."""
    often = repeated_persons(rows)
    alike = often.filter(often.n_different == 1)
    return rows.anti_join(often, "person_id").union(rows.semi_join(alike, "person_id").distinct(), distinct=False)


def deaths(source: Source) -> ir.Table:
    """The earliest recorded day of death of each person: (person_id, death_day)."""
    death = source.table("death")
    death = death.filter(death.person_id.notnull() & death.death_date.notnull())
    return death.group_by("person_id").aggregate(death_day=death.death_date.min())


def with_death(source: Source, rows: ir.Table) -> ir.Table:
    """The rows of persons with their death_day, NULL for the living."""
    died = deaths(source).rename(dead_person="person_id")
    return rows.left_join(died, rows.person_id == died.dead_person).drop("dead_person")


def died_before_birth(rows: ir.Table) -> ir.BooleanValue:
    """Whether death lies before the earliest day of birth that the recorded parts of the birth date allow."""
    return (rows.death_day < rows.earliest_birth_day).fill_null(False)


def _birth(person: ir.Table) -> dict[str, ir.Value]:
    """Day of birth, the earliest day that the recorded parts allow, and whether parts were missing.

    No month, or none from 1 to 12: 1 July. No day, or none of that month: the 15th. No year: birth_datetime.
    """
    year, month, day = person.year_of_birth, person.month_of_birth, person.day_of_birth
    has_year = year.between(1, 9999).fill_null(False)
    has_month = month.between(1, 12).fill_null(False)
    has_day = date_exists(year, month, day)
    one = ibis.literal(1, "int64")
    completed = day_number(
        year, has_month.ifelse(month, 7), ibis.cases((~has_month, one), (has_day, day), else_=one * 15)
    )
    earliest = day_number(year, has_month.ifelse(month, 1), (has_month & has_day).ifelse(day, 1))
    return {
        "birth_day": has_year.ifelse(completed, person.birth_datetime),
        "earliest_birth_day": has_year.ifelse(earliest, person.birth_datetime),
        "birth_is_completed": has_year & ~has_day,
    }


def _birth_year(person: ir.Table) -> ir.IntegerValue:
    year = person.year_of_birth
    return year.between(1, 9999).fill_null(False).ifelse(year, year_of(person.birth_datetime))


def _sex(person: ir.Table) -> ir.StringValue:
    concept = person.gender_concept_id
    return ibis.cases(
        (concept == FEMALE, "female"),
        (concept == MALE, "male"),
        (concept.isnull() | concept.isin(_UNKNOWN_SEX), "unknown"),
        else_="other",
    )


def _regions(source: Source) -> ir.Table:
    """The state of each location; of several, the first in the alphabet."""
    location = source.table("location")
    location = location.filter(location.location_id.notnull())
    return location.group_by(place_id="location_id").aggregate(state=location.state.min())
