"""The network view of a block: the same persons, with the same identifiers, as a network of hospitals records them.

Only persons in care are in it, from a first to a last day in care; of their prescriptions, diagnoses and deaths it
holds a part. Draws belong to the person and to the record, so that the view of a person does not depend on who else is
in it.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from equipoise.kernels.philox import uniforms
from equipoise.simulate.block import NEVER, YEAR, Place, Records
from equipoise.simulate.cdm import cdm_tables
from equipoise.simulate.cdm_vocabulary import EHR, EHR_PRESCRIPTION, EHR_PROBLEM_LIST
from equipoise.simulate.course_draws import FIRST_STREAM
from equipoise.simulate.course_episodes import RILUZOLE
from equipoise.simulate.nation import Block
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.problems import draw_problems
from equipoise.simulate.views import View

STREAM = FIRST_STREAM + 0x100  # beyond the purposes of the course
IN_CARE, BEFORE, LEAVES, WRITES, RILUZOLE_WRITTEN, DEATH, PRESCRIPTION, DIAGNOSIS, RACE, PROBLEM, SITE = range(11)
RACES = (8527, 8516, 8515, 0)  # White, Black or African American, Asian, no matching concept
RECORD_TYPES = {
    "person": None,
    "observation_period": ("period_type_concept_id", EHR),
    "death": ("death_type_concept_id", EHR),
    "visit_occurrence": ("visit_type_concept_id", EHR),
    "condition_occurrence": ("condition_type_concept_id", EHR),
    "drug_exposure": ("drug_type_concept_id", EHR_PRESCRIPTION),
    "procedure_occurrence": ("procedure_type_concept_id", EHR),
    "measurement": ("measurement_type_concept_id", EHR),
    "observation": ("observation_type_concept_id", EHR),
}
"""The tables of a hospital network, which knows neither relatives nor education, and how their rows came about."""


def network_tables(spec: NationSpec, block: Block) -> tuple[dict[str, pa.Table], int]:
    """Rows of the block's persons in care, and how many of them have a recorded prescription of riluzole."""
    view = network_view(spec, block)
    tables = cdm_tables(view)
    found = {name: _typed(tables[name], kind) for name, kind in RECORD_TYPES.items()}
    found["condition_occurrence"] = _listed(found["condition_occurrence"])
    found["person"] = _with(found["person"], "race_concept_id", _race(spec, view))
    treated = view.dispensings.person[view.dispensings.what == RILUZOLE]
    return found, len(np.unique(treated))


def network_view(spec: NationSpec, block: Block) -> View:
    """What the network holds of one block."""
    rules, complete = spec.network, not spec.switches.incomplete_capture
    chance = _Chance(block.place, np.arange(len(block.people)))
    start, end = _in_care(spec, block, chance)
    here = start <= end
    recorded = here & (block.death <= end) & (complete | (chance.of(DEATH) < rules.death_captured))
    writes = complete | (chance.of(WRITES) < rules.prescribed_in_network)
    riluzole = complete | (chance.of(RILUZOLE_WRITTEN) < rules.riluzole_captured)

    def kept(records: Records, purpose: int, share: float) -> Records:
        inside = (records.day >= start[records.person]) & (records.day <= end[records.person])
        captured = complete | (chance.of_records(records, purpose) < share)
        return take_records(records, inside & captured)

    drugs = kept(block.dispensings, PRESCRIPTION, rules.prescription_captured)
    written = np.where(drugs.what == RILUZOLE, riluzole[drugs.person], writes[drugs.person])
    noted = complete | (chance.of(SITE) < spec.problems.onset_site)
    listed = draw_problems(spec.problems, block.place, block.people, block.course.breathing)
    nowhere = np.full(len(block.people), NEVER)
    return View(
        block,
        persons=np.flatnonzero(here),
        start=start,
        end=end,
        gap_start=nowhere,
        gap_end=nowhere,
        death=np.where(recorded, block.death, NEVER),
        conditions=kept(block.conditions, DIAGNOSIS, rules.diagnosis_captured),
        dispensings=take_records(drugs, written),
        visits=kept(block.course.visits, DIAGNOSIS, 2.0),  # where care takes place it is recorded
        procedures=kept(block.course.procedures, DIAGNOSIS, 2.0),
        problems=kept(listed, PROBLEM, rules.diagnosis_captured),
        sited=np.flatnonzero(block.course.diagnosed & noted[block.disease.person]),
        civil=False,
    )


def _typed(table: pa.Table, kind: tuple[str, int] | None) -> pa.Table:
    return table if kind is None else _with(table, kind[0], np.full(len(table), kind[1]))


def _listed(conditions: pa.Table) -> pa.Table:
    """Diagnoses without a visit are entries of problem lists."""
    without = np.asarray(conditions["visit_occurrence_id"].is_null())
    return _with(conditions, "condition_type_concept_id", np.where(without, EHR_PROBLEM_LIST, EHR))


def _with(table: pa.Table, column: str, values: np.ndarray) -> pa.Table:
    at = table.schema.get_field_index(column)
    return table.set_column(at, column, pa.array(values).cast(table.schema.field(at).type))


def _race(spec: NationSpec, view: View) -> np.ndarray:
    """Race as hospitals record it; a person's own draw, related to nothing else."""
    rules = spec.network
    u = _Chance(view.block.place, view.persons).of(RACE)
    return np.array(RACES)[np.searchsorted(np.cumsum([rules.white, rules.black, rules.asian]), u)]


def take_records(records: Records, kept: np.ndarray) -> Records:
    """The records where `kept` is true, in their order."""
    return replace(records, **{name: getattr(records, name)[kept] for name in Records.__slots__})


def _in_care(spec: NationSpec, block: Block, chance: "_Chance") -> tuple[np.ndarray, np.ndarray]:
    """First and last day in care of everybody, int32; the last before the first for persons who are not."""
    people, disease = block.people, block.disease
    first = people.start.astype(np.int64)
    last = np.minimum(people.leaves, block.death).astype(np.int64)
    if not spec.switches.incomplete_capture:
        return people.start, last.astype(np.int32)
    rules = spec.network
    known = np.full(len(people), int(NEVER))
    known[disease.person[block.course.diagnosed]] = disease.diagnosis[block.course.diagnosed]
    ill = known != NEVER
    before = -np.log(chance.of(BEFORE)) * rules.years_before * YEAR
    stays = -np.log(chance.of(LEAVES)) / max(rules.leaves, 1e-9) * YEAR
    # A person without the disease is in care around a day of life of their own.
    anchor = np.where(ill, known, first + np.floor(chance.of(BEFORE, 1) * (last - first)))
    start = np.maximum(first, np.floor(anchor - before)).astype(np.int64)
    end = np.minimum(last, np.floor(np.minimum(anchor + stays, float(NEVER)))).astype(np.int64)
    here = (chance.of(IN_CARE) < np.where(ill, rules.ill_in_care, rules.in_care)) & (start <= end)
    return np.where(here, start, 0).astype(np.int32), np.where(here, end, -1).astype(np.int32)


@dataclass(frozen=True, slots=True)
class _Chance:
    """Uniform numbers of the persons of a block and of their records."""

    place: Place
    rows: np.ndarray

    def of(self, purpose: int, draw: int = 0) -> np.ndarray:
        return uniforms(self.place.seed, STREAM + purpose, self.place.first_person + self.rows, draw)

    def of_records(self, records: Records, purpose: int) -> np.ndarray:
        """One number for each record, by person, day and what: two records of a day and kind share it."""
        person = self.place.first_person + records.person.astype(np.int64)
        draw = (records.day.astype(np.int64) + 40_000) * 1024 + records.what
        return uniforms(self.place.seed, STREAM + purpose, person, draw % 2**32)
