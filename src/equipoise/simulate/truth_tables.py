"""The truth about a block, which no table of the database holds: latent values, the disease, other worlds."""

from typing import Any

import numpy as np
import pyarrow as pa

from equipoise.simulate.block import NEVER, STRATEGIES
from equipoise.simulate.nation import Block

TRUTHS = ("latent", "disease", "counterfactuals")
_NAMES = pa.array(STRATEGIES)


def truth_tables(block: Block) -> dict[str, pa.Table]:
    """Tables of the truth, by file name. Days that never come are null.

    latent           a row a person: vulnerability, carrier, day of death from causes other than the disease
    disease          a row a person with motor neuron disease, diagnosed or not
    counterfactuals  a row for each of them and each strategy of `STRATEGIES`: onset, diagnosis, death, ventilation
    """
    return dict(zip(TRUTHS, (_latent(block), _disease(block), _counterfactuals(block)), strict=True))


def _days(day: np.ndarray) -> pa.Array:
    return pa.array(day.astype(np.int32), mask=day == NEVER).cast(pa.date32())


def _latent(block: Block) -> pa.Table:
    people = block.people
    return pa.table(
        {
            "person_id": np.arange(len(people)) + block.place.first_person,
            "vulnerability": people.vulnerability,
            "carrier": people.carrier,
            "dies_of_other_causes": _days(people.dies),
        }
    )


def _disease(block: Block) -> pa.Table:
    disease, course = block.disease, block.course
    return pa.table(
        {
            "person_id": _patients(block),
            "als": disease.kind == 0,
            "onset": _days(disease.onset),
            "onset_untreated": _days(disease.onset_untreated),
            "diagnosis": _days(disease.diagnosis),
            "diagnosed": course.diagnosed,
            "registered": course.registered,
            "bulbar_onset": disease.bulbar,
            "slope": disease.slope,
        }
    )


def _patients(block: Block) -> np.ndarray:
    return block.disease.person.astype(np.int64) + block.place.first_person


def _counterfactuals(block: Block) -> pa.Table:
    worlds, patients = len(STRATEGIES), len(block.disease)
    columns: dict[str, Any] = {
        "person_id": np.repeat(_patients(block), worlds),
        "strategy": pa.DictionaryArray.from_arrays(np.tile(np.arange(worlds, dtype=np.int32), patients), _NAMES),
        "onset": _days(np.repeat(block.disease.onset, worlds)),
        "diagnosis": _days(np.repeat(block.disease.diagnosis, worlds)),
        "death": _days(block.course.death.T.ravel()),
        "ventilation": _days(block.course.ventilation.T.ravel()),
    }
    return pa.table(columns)
