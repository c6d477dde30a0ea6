"""Persons, deaths and observation from the registers of population, deaths and migration."""

from datetime import date
from functools import cached_property

import ibis
import ibis.expr.types as ir

from equipoise.data.day_numbers import date_exists, day_number
from equipoise.data.people import FEMALE, MALE
from equipoise.data.register_columns import Cell, RegisterTable
from equipoise.data.register_mapping import Deaths, Migrations, Period, Persons
from equipoise.data.verbs import union

_SEX = {"female": FEMALE, "male": MALE, "other": 8521, "unknown": 0}
_DIRECTION = {"in": 1, "out": 0}
_DAY_0 = date(1970, 1, 1).toordinal()


class RegisteredPeople:
    """Who is in the registers, and when they were observed."""

    def __init__(
        self, period: Period, persons: RegisterTable, deaths: RegisterTable | None, migrations: RegisterTable | None
    ):
        self.first_day, self.last_day = period.start.toordinal() - _DAY_0, period.end.toordinal() - _DAY_0
        self._persons, self._deaths, self._migrations = persons, deaths, migrations
        self._person_cells = _person_cells(persons)
        self._death_cells = {} if deaths is None else _death_cells(deaths)
        self._migration_cells = {} if migrations is None else _migration_cells(migrations)

    @cached_property
    def rows(self) -> ir.Table:
        """The register of the population: person_id, sex, year, month, day, exact_day and region."""
        return self._persons.relation(self._person_cells)

    @cached_property
    def deaths(self) -> ir.Table:
        """person_id, day and, if the mapping names it, the code of the cause."""
        assert self._deaths is not None
        return self._deaths.relation(self._death_cells)

    @cached_property
    def moves(self) -> ir.Table:
        """person_id, day and whether they came (1) or left (0)."""
        assert self._migrations is not None
        return self._migrations.relation(self._migration_cells)

    def person(self) -> ir.Table:
        """PERSON. A birth to the day stands in birth_datetime, one without a day in year and month."""
        rows, places = self.rows, self.location()
        rows = rows.left_join(places, rows.region == places.state)
        unknown = ibis.literal(0, "int64")
        return rows.select(
            person_id=rows.person_id,
            gender_concept_id=rows.sex,
            year_of_birth=rows.year,
            month_of_birth=rows.month,
            day_of_birth=rows.day,
            birth_datetime=rows.exact_day,
            race_concept_id=unknown,
            ethnicity_concept_id=unknown,
            location_id=rows.location_id,
        )

    def location(self) -> ir.Table:
        """LOCATION: one a region, in the order of their names."""
        named = self.rows.filter(self.rows.region.notnull()).select(state="region").distinct()
        number = ibis.row_number().over(order_by=named.state).cast("int64") + 1
        return named.select(location_id=number, state=named.state)

    def observation_period(self) -> ir.Table:
        """OBSERVATION_PERIOD: days in the country from birth to death, within the time that the registers cover."""
        lives = self._lives()
        stays = self._stays(lives)
        start = ibis.greatest(stays.start_day, stays.born, ibis.literal(self.first_day, "int32"))
        end = ibis.least(stays.end_day, stays.dies, ibis.literal(self.last_day, "int32"))
        cut = stays.select(
            "person_id",
            observation_period_start_date=start.cast("int32"),
            observation_period_end_date=end.cast("int32"),
        )
        return cut.filter(cut.observation_period_start_date <= cut.observation_period_end_date)

    def real_moves(self) -> ir.Table:
        """The migrations in their order, with `changes`: whether each changes who is in the country.

        On one day leaving comes before coming. Who comes and is there already, or leaves twice, does not change it.
        """
        rows = self.moves
        rows = rows.filter(rows.person_id.notnull() & rows.day.notnull() & rows.comes.notnull()).distinct()
        order = ibis.window(group_by=rows.person_id, order_by=[rows.day, rows.comes])
        before = rows.comes.lag().over(order)
        return rows.mutate(changes=before.isnull() | (before != rows.comes))

    def _lives(self) -> ir.Table:
        """Every person with days of birth (completed by the rule of the database floor) and death."""
        rows = self.rows.filter(self.rows.person_id.notnull())
        has_month = rows.month.between(1, 12).fill_null(False)
        has_day = date_exists(rows.year, rows.month, rows.day)
        one = ibis.literal(1, "int64")
        of_month = ibis.cases((~has_month, one), (has_day, rows.day), else_=one * 15)
        completed = day_number(rows.year, has_month.ifelse(rows.month, 7), of_month)
        born = ibis.coalesce(rows.exact_day, rows.year.notnull().ifelse(completed, ibis.null("int32")))
        lives = rows.select("person_id", born=born).group_by("person_id").aggregate(born=lambda t: t.born.min())
        if self._deaths is None:
            return lives.mutate(born=_or_ever(lives.born, self.first_day), dies=ibis.literal(self.last_day, "int32"))
        dead = self.deaths.filter(self.deaths.person_id.notnull() & self.deaths.day.notnull())
        dead = dead.group_by(dead_person="person_id").aggregate(dies=dead.day.min())
        joined = lives.left_join(dead, lives.person_id == dead.dead_person)
        return joined.select(
            "person_id", born=_or_ever(joined.born, self.first_day), dies=_or_ever(joined.dies, self.last_day)
        )

    def _stays(self, lives: ir.Table) -> ir.Table:
        """Times in the country, with born and dies: (person_id, born, dies, start_day, end_day)."""
        first, last = ibis.literal(self.first_day, "int32"), ibis.literal(self.last_day, "int32")
        if self._migrations is None:
            return lives.mutate(start_day=first, end_day=last)
        moves = self.real_moves()
        moves = moves.filter(moves.changes)
        order = ibis.window(group_by=moves.person_id, order_by=[moves.day, moves.comes])
        moves = moves.mutate(next_day=moves.day.lead().over(order), number=ibis.row_number().over(order))
        came = moves.filter(moves.comes == 1)
        came = came.select(mover="person_id", start_day=came.day, end_day=_or_ever(came.next_day, self.last_day))
        begins = moves.filter(moves.number == 0)
        lived = lives.left_join(begins, lives.person_id == begins.person_id)
        native = lived.filter(lived.comes.isnull() | (lived.comes == 0))
        native = native.select(
            "person_id", "born", "dies", start_day=first, end_day=_or_ever(native.day, self.last_day)
        )
        later = lives.join(came, lives.person_id == came.mover)
        return union(native, later.select("person_id", "born", "dies", "start_day", "end_day"))


def _or_ever(day: ir.IntegerValue, otherwise: int) -> ir.IntegerValue:
    return ibis.coalesce(day, ibis.literal(otherwise, "int32")).cast("int32")


def _person_cells(table: RegisterTable) -> dict[str, Cell]:
    mapped = table.mapped
    assert isinstance(mapped, Persons)
    nothing = {part: ibis.null("int64") for part in ("year", "month", "day")} | {"exact_day": ibis.null("int32")}
    cells = {
        "person_id": table.identifier("person", mapped.person),
        "sex": table.choice("sex", mapped.sex, _SEX, "int64"),
        "region": table.text("region", mapped.region) if mapped.region else table.nothing(ibis.null("string")),
        **{name: table.nothing(value) for name, value in nothing.items()},
    }
    if mapped.birth.whole and not mapped.birth.incomplete:
        cells["exact_day"] = table.day("birth", mapped.birth)
    else:
        cells |= table.date_parts("birth", mapped.birth)
    return cells


def _death_cells(table: RegisterTable) -> dict[str, Cell]:
    mapped = table.mapped
    assert isinstance(mapped, Deaths)
    cells = {"person_id": table.identifier("person", mapped.person), "day": table.day("date", mapped.date)}
    return cells if mapped.cause is None else cells | table.codes("cause", mapped.cause)


def _migration_cells(table: RegisterTable) -> dict[str, Cell]:
    mapped = table.mapped
    assert isinstance(mapped, Migrations)
    return {
        "person_id": table.identifier("person", mapped.person),
        "day": table.day("date", mapped.date),
        "comes": table.choice("direction", mapped.direction, _DIRECTION, "int64"),
    }
