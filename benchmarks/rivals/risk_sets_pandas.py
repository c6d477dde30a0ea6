"""pandas: the script an analyst would write, persons grouped by sex and birth year. Usage: FOLDER CONTROLS CALIPER

For each case: the persons of the same sex and of the birth years within the caliper, those observed on the index day,
a sample of them without replacement.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from risk_set_population import read_population


def sampled(people: pd.DataFrame, controls: int, caliper: int) -> pd.DataFrame:
    random = np.random.default_rng(1)
    last_day = people["exit"] - people["case"]
    groups = dict(list(people.assign(last_day=last_day).groupby(["sex", "birth_year"])))
    sets = []
    for case in people[people["case"] == 1].itertuples():
        years = range(case.birth_year - caliper, case.birth_year + caliper + 1)
        near = pd.concat([groups[case.sex, year] for year in years if (case.sex, year) in groups])
        pool = near[(near["start"] <= case.exit) & (near["last_day"] >= case.exit) & (near["id"] != case.id)]
        chosen = pool.sample(min(controls, len(pool)), random_state=random)
        sets.append(pd.DataFrame({"case": case.id, "control": chosen["id"], "size": len(pool)}))
    return pd.concat(sets)


def main(folder: Path, controls: int, caliper: int) -> None:
    people = pd.DataFrame(read_population(folder))
    begin = time.perf_counter()
    sets = sampled(people, controls, caliper)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "sets": int(people["case"].sum()), "controls": len(sets)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
