"""Equipoise: the bridge from study A's prognosis to study B. Usage: NATION SCRATCH REPLICATES

The store lies in SCRATCH, so that a second call finds there what the first one made. Prints one JSON object.
"""

import json
import sys
import time
from pathlib import Path

import equipoise as eq
from equipoise.simulate.places import data_of_view, truth_beside

STUDIES = Path(__file__).parents[2] / "studies"


def main(nation: str, scratch: str, replicates: int) -> None:
    studies = [eq.read_study(STUDIES / name) for name in ("psychotropics-als.toml", "rem-suppression-als.toml")]
    places = [data_of_view(nation, study.data_needs.view) for study in studies]
    began, processor = time.perf_counter(), time.process_time()
    results = eq.bridge(
        *studies,
        eq.connect(places[0]),
        source_b=eq.connect(places[1]),
        analyses=("prognosis", "published-settings"),
        targets=("antidepressants", None),
        truth=truth_beside(*places),
        replicates=replicates,
        to=Path(scratch) / f"results-{replicates}",
        store=Path(scratch) / "store",
    )
    rows = results.rows("bridge_steps")
    answer = {
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - processor,
        "mixtures": len(rows),
        "with_estimate": sum(row["estimate"] is not None for row in rows),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
