"""What a source holds of a block as tables like those of Swedish national registers, with the column names they use.

`mapping_text` is the mapping file that leads from them to the database floor. The tables hold exactly what the OMOP
form holds, no more: what a register would not see is in neither.
"""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np
import pyarrow as pa

from equipoise.simulate.block import NEVER, Records
from equipoise.simulate.care import MEASUREMENTS
from equipoise.simulate.cdm import PACK_DAYS, TABLETS
from equipoise.simulate.cdm_rows import coded_text
from equipoise.simulate.cdm_vocabulary import CONDITIONS, EDUCATION, INCOME, ONSET_SITE
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.function_items import ITEMS
from equipoise.simulate.life_events import EARNING_AT, EDUCATED_AT, attained, quality_register
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.streams import day_number
from equipoise.simulate.views import View

MAPPING = "mapping.toml"
COLUMNS: dict[str, dict[str, str]] = {
    "persons": {
        "LopNr": "number of the person",
        "Kon": "sex: 1 male, 2 female",
        "FodelseDatum": "date of birth",
        "FodelseLand": "country of birth: Sverige, or Utlandet for abroad",
        "Lan": "region",
    },
    "migrations": {
        "LopNr": "number of the person",
        "DATUM": "first day in the country of who comes, last day of who leaves",
        "POSTTYP": "Inv immigration, Utv emigration",
    },
    "deaths": {
        "LopNr": "number of the person",
        "DODSDATUM": "date of death",
        "ULORSAK": "underlying cause, ICD-10 without dots; R99 where it is not motor neuron disease",
    },
    "diagnoses": {
        "LopNr": "number of the person",
        "INDATUM": "first day of the contact",
        "DIAGNOS": "diagnosis, ICD-10 without dots",
        "DIAGNOSTYP": "H main, B further diagnosis of the contact",
        "VARDFORM": "S in-patient, O out-patient care; every contact of the nation is out-patient",
    },
    "dispensings": {
        "LopNr": "number of the person",
        "EDATUM": "date of dispensing",
        "ATC": "ATC code of the substance",
        "ANTAL": "packs",
        "ANTNUM": "tablets in a pack",
        "STYRKNUM": "milligrams in a tablet",
        "FORPDDD": "defined daily doses in a pack",
        "DAGAR": "days that the packs last as prescribed (in real registers derived from the text of the dosage)",
    },
    "procedures": {
        "LopNr": "number of the person",
        "DATUM": "date",
        "ATGARD": "care measure: DG021 non-invasive ventilation, JDB10 gastrostomy, GBB00 tracheostomy",
    },
    "education": {
        "LopNr": "number of the person",
        "DATUM": "date from which it holds",
        "SUN2000NIVA": "highest education: 1 primary, 2 secondary, 3 tertiary",
    },
    "income": {
        "LopNr": "number of the person",
        "DATUM": "date from which it holds",
        "DISPINKKVINTIL": "fifth of disposable income, 1 the lowest",
    },
    "parents": {
        "LopNr": "number of the child",
        "LopNrMor": "number of the mother, also where no other table holds her",
        "LopNrFar": "number of the father, also where no other table holds him",
    },
    "marriages": {
        "LopNr": "number of the person; a marriage has a row for each of the two",
        "LopNrPartner": "number of the partner",
        "FROMDATUM": "day of marriage, or first day in the registers of who was married before",
        "TOMDATUM": "day of divorce or of the partner's death",
        "ORSAK": "skilsmassa divorce, dodsfall death of the partner, empty while it lasts",
    },
    "mnd_register": {
        "LopNr": "number of the patient",
        "INKLDATUM": "day of inclusion in the quality register, which is that of the diagnosis",
        "DEBUT": "site of onset: spinal or bulbar",
        "DEBUTDATUM": "day of the first symptom; empty where the person was not under observation then",
    },
    "mnd_visits": {
        "LopNr": "number of the patient",
        "DATUM": "day of the visit",
        **{f"ALSFRS{at}": f"item {at} of ALSFRS-R, {item}, 0 to 4" for at, item in enumerate(ITEMS, start=1)},
        "ALSFRSTotal": "total of ALSFRS-R, 0 to 48",
        "VC": "vital capacity, % of predicted",
    },
}
"""Table → column → what it holds."""
BEYOND = 10_000_000_000  # numbers of parents who are in no table begin here, and those of each block further on
A_BLOCK = 100_000_000
PROCEDURE_CODES = ("DG021", "JDB10", "GBB00")  # as the classification of care measures (KVÅ) codes `PROCEDURES`
VISIT_COLUMNS = tuple(COLUMNS["mnd_visits"])[2:]
Maker = Callable[[View, NationSpec], pa.Table]


def register_tables(view: View, spec: NationSpec) -> dict[str, pa.Table]:
    """The rows of every register, in the order of the block's persons."""
    return {name: made(view, spec) for name, made in MAKERS.items()}


def mapping_text(spec: NationSpec) -> str:
    """The mapping file for these tables, with the nation's own register period.

    >>> "file = \\"dispensings.parquet\\"" in mapping_text(NationSpec())
    True
    """
    text = (files("equipoise.simulate") / "swedish-registers.toml").read_text(encoding="utf-8")
    usual, own = NationSpec().population, spec.population
    text = text.replace(f"from = {usual.register_from}", f"from = {own.register_from}")
    return text.replace(f"to = {usual.register_to}", f"to = {own.register_to}")


def _number(view: View, person: np.ndarray) -> np.ndarray:
    return person.astype(np.int64) + view.block.place.first_person


def _dates(days: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    missing = None if known is None else ~known
    return pa.array(days.astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())


def _table(**columns: Any) -> pa.Table:
    return pa.table(columns)


def _persons(view: View, spec: NationSpec) -> pa.Table:
    people, row = view.block.people, view.persons
    abroad = (people.mother_key[row] < 0) & (people.father_key[row] < 0)
    regions = [f"R{region}" for region in range(spec.population.regions + 1)]
    return _table(
        LopNr=_number(view, row),
        Kon=coded_text(people.female[row], ["1", "2"]),
        FodelseDatum=_dates(people.born[row]),
        FodelseLand=coded_text(abroad, ["Sverige", "Utlandet"]),
        Lan=coded_text(people.region[row], regions),
    )


def _migrations(view: View, spec: NationSpec) -> pa.Table:
    """First days there of those who come, last days there of those who leave."""
    people, row = view.block.people, view.persons
    first, last = (day_number(day) for day in (spec.population.register_from, spec.population.register_to))
    came = row[view.start[row] > np.maximum(people.born[row], first)]
    left = row[(view.end[row] < last) & (view.end[row] < view.block.death[row])]
    away = row[view.gap_start[row] < NEVER]
    back = away[view.gap_end[away] < view.end[away]]
    parts = ((came, view.start, "Inv"), (left, view.end, "Utv"), (away, view.gap_start - 1, "Utv"))
    moves = [(person, day[person], kind) for person, day, kind in parts]
    moves.append((back, view.gap_end[back] + 1, "Inv"))
    person, day = (np.concatenate([move[at] for move in moves]) for at in (0, 1))
    comes = np.repeat([move[2] == "Inv" for move in moves], [len(move[0]) for move in moves])
    order = np.lexsort((comes, day, person))
    return _table(
        LopNr=_number(view, person[order]),
        DATUM=_dates(day[order]),
        POSTTYP=coded_text(comes[order], ["Utv", "Inv"]),
    )


def _deaths(view: View, spec: NationSpec) -> pa.Table:
    block, dead = view.block, np.flatnonzero(view.death < NEVER)
    diagnosed = np.zeros(len(block.people), bool)
    diagnosed[block.disease.person[block.course.diagnosed]] = True
    of_disease = (diagnosed & (block.death < block.people.dies))[dead]
    code = _undotted(CONDITIONS[-1].code)
    return _table(
        LopNr=_number(view, dead), DODSDATUM=_dates(view.death[dead]), ULORSAK=coded_text(of_disease, ["R99", code])
    )


def _diagnoses(view: View, spec: NationSpec) -> pa.Table:
    """The first diagnosis of a person on a day is the main one."""
    records = view.conditions
    main = np.ones(len(records), bool)
    main[1:] = (records.person[1:] != records.person[:-1]) | (records.day[1:] != records.day[:-1])
    return _table(
        LopNr=_number(view, records.person),
        INDATUM=_dates(records.day),
        DIAGNOS=coded_text(records.what, [_undotted(each.code) for each in CONDITIONS]),
        DIAGNOSTYP=coded_text(main, ["B", "H"]),
        VARDFORM=coded_text(np.zeros(len(records)), ["O"]),
    )


def _undotted(code: str) -> str:
    return code.replace(".", "")


def _dispensings(view: View, spec: NationSpec) -> pa.Table:
    records = view.dispensings
    milligrams = np.array([drug.milligrams for drug in FORMULARY], np.float64)
    daily = np.array([drug.ddd for drug in FORMULARY], np.float64)
    what = records.what
    return _table(
        LopNr=_number(view, records.person),
        EDATUM=_dates(records.day),
        ATC=coded_text(what, [drug.atc for drug in FORMULARY]),
        ANTAL=records.amount.astype(np.float64),
        ANTNUM=TABLETS[what].astype(np.float64),
        STYRKNUM=milligrams[what],
        FORPDDD=(TABLETS * milligrams / daily)[what],
        DAGAR=(records.amount * PACK_DAYS[what]).astype(np.int64),
    )


def _seen(view: View, records: Records) -> np.ndarray:
    return np.flatnonzero(view.sees(records.person, records.day))


def _procedures(view: View, spec: NationSpec) -> pa.Table:
    records = view.procedures
    row = _seen(view, records)
    return _table(
        LopNr=_number(view, records.person[row]),
        DATUM=_dates(records.day[row]),
        ATGARD=coded_text(records.what[row], list(PROCEDURE_CODES)),
    )


def _visits(view: View, spec: NationSpec) -> pa.Table:
    """One row a visit with all that is measured at it."""
    records = view.visits
    row = _seen(view, records)
    width = len(MEASUREMENTS)
    values = records.amount[row].reshape(-1, width)
    assert (records.what[row].reshape(-1, width) == np.arange(width)).all(), "every visit measures everything"
    measured = {name: values[:, at].astype(np.float64) for at, name in enumerate(VISIT_COLUMNS)}
    return _table(
        LopNr=_number(view, records.person[row[::width]]), DATUM=_dates(records.day[row[::width]]), **measured
    )


def _education(view: View, spec: NationSpec) -> pa.Table:
    person, day, what = _attained(view, view.block.people.education, EDUCATION, EDUCATED_AT)
    return _table(LopNr=person, DATUM=day, SUN2000NIVA=coded_text(what, ["1", "2", "3"]))


def _income(view: View, spec: NationSpec) -> pa.Table:
    person, day, what = _attained(view, view.block.people.income, INCOME, EARNING_AT)
    return _table(LopNr=person, DATUM=day, DISPINKKVINTIL=coded_text(what, ["1", "2", "3", "4", "5"]))


def _attained(view: View, level: np.ndarray, first: int, age: int) -> tuple[np.ndarray, pa.Array, np.ndarray]:
    person, day, what = attained(view.block, level, first, age)
    seen = view.sees(person, day)
    return _number(view, person[seen]), _dates(day[seen]), what[seen] - first


def _parents(view: View, spec: NationSpec) -> pa.Table:
    """Numbers of parents, those included who died before the registers began; none of persons born abroad."""
    people, row = view.block.people, view.persons
    sides = []
    for parent, key, step in ((people.mother, people.mother_key, 0), (people.father, people.father_key, 1)):
        unseen = BEYOND + view.block.place.block * A_BLOCK + 2 * key[row].astype(np.int64) + step
        number = np.where(parent[row] >= 0, _number(view, parent[row]), unseen)
        sides.append(pa.array(number, pa.int64(), mask=key[row] < 0))
    known = (people.mother_key[row] >= 0) | (people.father_key[row] >= 0)
    return _table(LopNr=_number(view, row), LopNrMor=sides[0], LopNrFar=sides[1]).filter(pa.array(known))


def _marriages(view: View, spec: NationSpec) -> pa.Table:
    """One row for each of the two, with the days on which the register saw that person marry and part."""
    couples, people, death = view.block.partnerships, view.block.people, view.block.death
    ended, parts = couples.end < NEVER, []
    for person, spouse in ((couples.one, couples.other), (couples.other, couples.one)):
        married = np.maximum(couples.start, people.start[person])
        begins = (married < couples.end) & view.sees(person, married)
        ends = ended & (couples.end < death[person]) & view.sees(person, couples.end)
        parts.append((person, spouse, married, begins, couples.end, ends, couples.end == death[spouse]))
    person, spouse, married, begins, end, ends, widowed = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((married, person))
    return _table(
        LopNr=_number(view, person[order]),
        LopNrPartner=_number(view, spouse[order]),
        FROMDATUM=_dates(married[order], begins[order]),
        TOMDATUM=_dates(end[order], ends[order]),
        ORSAK=coded_text(np.where(ends, 1 + widowed, 0)[order], ["", "skilsmassa", "dodsfall"]),
    )


def _quality_register(view: View, spec: NationSpec) -> pa.Table:
    (person, day, _), (_, _, site), (_, onset, _) = quality_register(view.block)
    order = np.lexsort((day, person))
    order = order[view.sees(person[order], day[order])]
    return _table(
        LopNr=_number(view, person[order]),
        INKLDATUM=_dates(day[order]),
        DEBUT=coded_text(site[order] - ONSET_SITE, ["spinal", "bulbar"]),
        DEBUTDATUM=_dates(onset[order], view.sees(person[order], onset[order])),
    )


MAKERS: dict[str, Maker] = {
    "persons": _persons,
    "migrations": _migrations,
    "deaths": _deaths,
    "diagnoses": _diagnoses,
    "dispensings": _dispensings,
    "procedures": _procedures,
    "education": _education,
    "income": _income,
    "parents": _parents,
    "marriages": _marriages,
    "mnd_register": _quality_register,
    "mnd_visits": _visits,
}
"""Table → what makes its rows."""
