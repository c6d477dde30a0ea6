"""Equipoise: `sample_risk_sets`, from unsorted columns to matched sets. Usage: FOLDER CONTROLS CALIPER"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from risk_set_population import population, read_population

from equipoise.kernels.risk_sets import RiskSets, sample_risk_sets
from equipoise.kernels.spans import Spans


def sampled(people: dict[str, np.ndarray], controls: int, caliper: int) -> RiskSets:
    case = np.flatnonzero(people["case"])
    last_day = people["exit"] - people["case"]  # a case is free of the outcome until the day before
    return sample_risk_sets(
        people["id"],
        people["sex"],
        people["birth_year"],
        Spans(np.arange(len(last_day) + 1), people["start"], last_day),
        case_person=case,
        index_day=people["exit"][case],
        controls_per_case=controls,
        birth_year_caliper=caliper,
        seed=1,
    )


def main(folder: Path, controls: int, caliper: int) -> None:
    small = {name: values.astype(np.int32) for name, values in population(1000).items()}
    sampled(small | {"id": small["id"].astype(np.int64)}, controls, caliper)  # compiles
    people = read_population(folder)
    begin = time.perf_counter()
    sets = sampled(people, controls, caliper)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "sets": len(sets), "controls": len(sets.controls)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
