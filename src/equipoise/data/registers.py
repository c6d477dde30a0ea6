"""Opens registers through a mapping file: their tables as those of the database floor, computed when asked for."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.catalog import Catalog, Check, RawTable
from equipoise.data.engine import DuckDBEngine, EngineOptions
from equipoise.data.files import files_fingerprint
from equipoise.data.register_codes import NO_STRENGTH, CodeBook
from equipoise.data.register_columns import RegisterTable
from equipoise.data.register_events import (
    MeasurementColumns,
    RecordColumns,
    VisitColumns,
    as_declared,
    event_table,
    in_form,
    occurring,
    one_code_a_row,
    records,
)
from equipoise.data.register_families import (
    CODES,
    MOST_CHILDREN,
    VOCABULARY,
    ParentColumns,
    relationship_table,
)
from equipoise.data.register_files import RegisterFile
from equipoise.data.register_mapping import RegisterMapping, read_mapping
from equipoise.data.register_marriages import MarriageColumns
from equipoise.data.register_people import RegisteredPeople
from equipoise.data.tables import EVENT_TABLES
from equipoise.data.verbs import union
from equipoise.errors import Fault, SourceError

KIND = "registers"
_DOMAINS = {
    "dispensings": "drug",
    "diagnoses": "condition",
    "procedures": "procedure",
    "measurements": "measurement",
    "observations": "observation",
    "visits": "visit",
}
_LEFT_OUT = "the record is left out"
MIGRATION_RULES = {
    "migration without person identifier": _LEFT_OUT,
    "migration of a person not in PERSON": _LEFT_OUT,
    "migration without date or direction": _LEFT_OUT,
    "immigration of a person who is there, or emigration of one who is away": "the first one counts",
    "immigration and emigration on the same day": "leaving comes before coming",
}
BEYOND_LIMITS = "value beyond the limits of the mapping"
RETURNED = "dispensing of no or a negative quantity, as of drugs returned"
NO_DAILY_DOSES = "dispensing without a number of defined daily doses"
COMPLETED = "date without month or day"
MARRIAGE_RULES = {
    "marriage of which one of the two is not named": "it links nobody; its days count for the one who is named",
    "marriage without a day of marriage": "the two are linked; its end is left out",
    "marriage that ends before it starts": "its end is treated as unknown",
    "same marriage recorded several times, rows identical": "counted once",
    "same marriage recorded several times, its end differs": "the earliest end counts",
}
STAND_IN = f"parent of more than {MOST_CHILDREN} children: a number that stands for an unknown one"
PARENT_RULES = {
    "parents of a child who is not named": _LEFT_OUT,
    "parents of a child recorded several times, rows identical": "counted once",
    STAND_IN: "this parent of these children is treated as unknown",
    "child with several mothers or several fathers": "that parent is treated as unknown",
    "child whose mother and father are the same person": "both are treated as unknown",
}
MAPPING_RULES = {
    **{check: ("migrations", rule) for check, rule in MIGRATION_RULES.items()},
    RETURNED: ("drug_exposure", _LEFT_OUT),
    NO_DAILY_DOSES: ("drug_exposure", "milligrams divided by the daily dose that the study states; unknown without"),
    BEYOND_LIMITS: ("measurement", _LEFT_OUT),
    **{check: ("marriages", rule) for check, rule in MARRIAGE_RULES.items()},
    **{check: ("parents", rule) for check, rule in PARENT_RULES.items()},
    COMPLETED: ("the table of the mapping", "no month: 1 July; no day: the 15th"),
}
"""Check → the table it is reported under, and its rule."""


def open_mapping(path: Path, snapshot: str | None, options: EngineOptions) -> Catalog:
    """The registers that a mapping file names; its paths are seen from the folder it lies in.

    Raises SpecError with every fault of the mapping file, or SourceError with every file that cannot be opened and
    every column that is not there or is of a type that cannot be used.
    """
    mapping = read_mapping(path)
    paths = _existing(path.parent, mapping)
    engine = DuckDBEngine(options)
    try:
        tables = _opened(engine, mapping, paths)
        made = _Registers(engine, mapping, tables)
    except BaseException:
        engine.close()
        raise
    every = sorted({file for files in paths.values() for file in files})
    return Catalog(
        KIND,
        path.name,
        engine,
        made.floor(),
        lambda: _fingerprint(path, every, snapshot),
        has_shared_concepts=False,
        checks=made.checks(),
    )


def _fingerprint(path: Path, files: list[Path], snapshot: str | None) -> str:
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashlib.sha256(f"{files_fingerprint(files, snapshot)} {content}".encode()).hexdigest()


def _existing(folder: Path, mapping: RegisterMapping) -> dict[str, tuple[Path, ...]]:
    found = {place: tuple(folder / name for name in table.file) for place, table in mapping.tables()}
    faults = [
        Fault(f"{place}.file", f"{name!r}: there is no such file", "the path of a file, seen from the mapping file")
        for place, table in mapping.tables()
        for name, path in zip(table.file, found[place], strict=True)
        if not path.is_file()
    ]
    if faults:
        raise SourceError(faults)
    return found


def _opened(
    engine: DuckDBEngine, mapping: RegisterMapping, paths: Mapping[str, tuple[Path, ...]]
) -> dict[str, RegisterTable]:
    """Every mapped table. Files that cannot be opened are all named."""
    files: dict[tuple[Path, ...], RegisterFile] = {}
    tables: dict[str, RegisterTable] = {}
    faults: list[Fault] = []
    for place, mapped in mapping.tables():
        try:
            if paths[place] not in files:
                files[paths[place]] = RegisterFile(engine, paths[place])
            tables[place] = RegisterTable(place, mapped, files[paths[place]], engine)
        except SourceError as error:
            faults += error.faults
    if faults:
        raise SourceError(list(dict.fromkeys(faults)))
    return tables


class _Registers:
    """The mapped tables as the tables of the floor."""

    def __init__(self, engine: DuckDBEngine, mapping: RegisterMapping, tables: Mapping[str, RegisterTable]):
        self.engine, self.mapping, self.tables = engine, mapping, tables
        get = tables.get
        self.people = RegisteredPeople(mapping.period, tables["persons"], get("deaths"), get("migrations"))
        self.parents = ParentColumns(tables["parents"]) if "parents" in tables else None
        self.marriages = MarriageColumns(tables["marriages"]) if "marriages" in tables else None
        self.events = {domain: self._readers(key) for key, domain in _DOMAINS.items()}
        faults = [fault for table in tables.values() for fault in table.faults]
        if faults:
            raise SourceError(list(dict.fromkeys(faults)))
        found = {domain: self._occurring(domain) for domain in EVENT_TABLES if self._has(domain)}
        if self.parents or self.marriages:
            found["relationship"] = self._relationships
        self.codes = CodeBook(engine, found)

    def floor(self) -> dict[str, RawTable]:
        """The tables of the floor that these registers have, not yet computed."""
        made: dict[str, Callable[[], ir.Table]] = {
            "person": self.people.person,
            "observation_period": self.people.observation_period,
            "location": self.people.location,
            "concept": self.codes.concept,
            "concept_ancestor": self.codes.concept_ancestor,
            "drug_strength": self.codes.drug_strength,
            "cdm_source": self._label,
        }
        for domain, declared in EVENT_TABLES.items():
            if self._has(domain):
                made[declared.table] = self._event_table(domain)
        if self.parents or self.marriages:
            made["fact_relationship"] = self._links
        return {name: self._raw(name, table) for name, table in made.items()}

    def checks(self) -> tuple[Check, ...]:
        """What the mapping's own rules leave out or change, counted beside the checks of the floor."""
        found: list[tuple[str, Callable[[], ir.Table]]] = []
        if "migrations" in self.tables:
            found += self._migration_checks()
        drugs = [reader for reader in self.events["drug"] if isinstance(reader, RecordColumns)]
        if dispensed := [reader for reader in drugs if reader.counts_returns]:
            found.append((RETURNED, lambda: union(*(reader.returned() for reader in dispensed))))
        if counting := [reader for reader in drugs if "daily_doses" in reader.cells]:
            found.append((NO_DAILY_DOSES, lambda: union(*(reader.without_daily_doses() for reader in counting))))
        limited = [reader for reader in self.events["measurement"] if isinstance(reader, MeasurementColumns)]
        if limited:
            found.append((BEYOND_LIMITS, lambda: union(*(reader.outside() for reader in limited))))
        if both := self.marriages:
            rows = (both.of_one, both.undated, both.ends_too_early, both.repeated, both.ends_otherwise)
            found += zip(MARRIAGE_RULES, rows, strict=True)
        if up := self.parents:
            rows = (up.unnamed, up.repeated, up.stand_ins, up.several, up.both_in_one)
            found += zip(PARENT_RULES, rows, strict=True)
        checks = [Check(check, *MAPPING_RULES[check], rows) for check, rows in found]
        rule = MAPPING_RULES[COMPLETED][1]
        checks += [
            Check(COMPLETED, place, rule, table.completed_rows)
            for place, table in self.tables.items()
            if table.completed
        ]
        return tuple(checks)

    def _migration_checks(self) -> list[tuple[str, Callable[[], ir.Table]]]:
        people = self.people

        def unknown() -> ir.Table:
            named = people.moves.filter(people.moves.person_id.notnull())
            return named.anti_join(people.rows, named.person_id == people.rows.person_id).select("person_id")

        def undated() -> ir.Table:
            moves = people.moves
            return moves.filter(moves.day.isnull() | moves.comes.isnull()).select("person_id")

        def idle() -> ir.Table:
            moves = people.real_moves()
            return moves.filter(~moves.changes).select("person_id")

        def both_ways() -> ir.Table:
            moves = people.real_moves()
            days = moves.group_by("person_id", "day").aggregate(n=moves.count())
            return days.filter(days.n > 1).select("person_id")

        rows = (lambda: people.moves.filter(people.moves.person_id.isnull()).select("person_id"), unknown, undated)
        return list(zip(MIGRATION_RULES, (*rows, idle, both_ways), strict=True))

    def _readers(self, key: str) -> list[RecordColumns | VisitColumns | MeasurementColumns]:
        tables = getattr(self.mapping, key)
        return [records(self.tables[f"{key}[{at}]"]) for at in range(len(tables))]

    def _has(self, domain: str) -> bool:
        if domain == "death":
            return self.mapping.deaths is not None
        return bool(self.events[domain]) or (domain == "observation" and self.marriages is not None)

    def _rows(self, domain: str) -> list[ir.Table]:
        if domain == "death":
            return [self._deaths()]
        rows = [reader.rows() for reader in self.events[domain]]
        if domain == "observation" and self.marriages:
            rows += self.marriages.observations()
        return rows

    def _deaths(self) -> ir.Table:
        assert self.mapping.deaths is not None
        rows = self.people.deaths
        if "code_0" in rows.columns:
            rows = one_code_a_row(rows)
        return in_form(rows.mutate(vocabulary=ibis.literal(self.mapping.deaths.vocabulary)))

    def _occurring(self, domain: str) -> Callable[[], ir.Table]:
        return lambda: occurring(self._rows(domain))

    def _event_table(self, domain: str) -> Callable[[], ir.Table]:
        return lambda: event_table(domain, self._rows(domain), self.codes)

    def _relationships(self) -> ir.Table:
        rows = {"vocabulary": [VOCABULARY] * len(CODES), "code": list(CODES), "strength": [NO_STRENGTH] * len(CODES)}
        return self.engine.upload(pa.table(rows))

    def _links(self) -> ir.Table:
        links = [self.parents.links(self.people.rows)] if self.parents else []
        links += [self.marriages.links()] if self.marriages else []
        return relationship_table(links, self.codes)

    def _label(self) -> ir.Table:
        return self.engine.upload(pa.table({"cdm_source_name": [self.mapping.name]}))

    def _raw(self, name: str, made: Callable[[], ir.Table]) -> RawTable:
        return RawTable(f"{name} of the registers", lambda: as_declared(name, made()), counted=False, is_normal=True)
