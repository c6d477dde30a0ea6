"""Equipoise: the whole of study A on a nation, from its folder to tables and manifest. Usage: NATION [STUDY]

Prints the seconds, processor seconds and peak memory of each step. Compiled kernels are taken from the cache of an
earlier run, if there is one.
"""

import json
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from equipoise import connect, read_study, run

STUDY = Path(__file__).parents[2] / "studies" / "psychotropics-als.toml"
CLASSES = ("anxiolytics", "hypnotics", "antidepressants")


@dataclass
class Meter:
    """Listens to a run: what each step took, and the highest memory of the process when it ended (MiB)."""

    steps: list[tuple[str, float, float, float]] = field(default_factory=list)
    since: tuple[float, float] = (0.0, 0.0)

    def start(self, total: int) -> None: ...

    def begin(self, name: str) -> None:
        self.since = (time.perf_counter(), time.process_time())

    def step(self, name: str, state: str) -> None:
        self.note(name)

    def finish(self) -> None:
        self.begin("")

    def note(self, name: str) -> None:
        wall, processor = time.perf_counter() - self.since[0], time.process_time() - self.since[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.steps.append((name, round(wall, 2), round(processor, 2), round(peak)))
        print(*self.steps[-1], file=sys.stderr, flush=True)  # for whoever waits


def main(nation: str, study: str) -> None:
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder:
        begin, processor = time.perf_counter(), time.process_time()
        with connect(nation, threads=2, memory_limit="3GB") as source:
            results = run(read_study(study), source, to=f"{folder}/out", store=f"{folder}/store", progress=meter)
        meter.note("suppression and writing")
        answer = {"seconds": time.perf_counter() - begin, "processor_seconds": time.process_time() - processor}
    rows = [
        row
        for row in results.tables["estimates"].to_pylist()
        if (row["analysis"], row["comparison"], row["subgroup"]) == ("risk", "population", "overall")
        and row["window"] == ">1 y"
        and row["adjustment"] == "adjusted"
    ]
    estimates = {row["exposure"]: row["estimate"] for row in rows if row["exposure"] in CLASSES}
    print(json.dumps(answer | {"estimates": estimates, "steps": meter.steps}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else str(STUDY))
