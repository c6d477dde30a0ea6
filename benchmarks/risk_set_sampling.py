"""Risk-set sampling, 1:5, from 10,000 to 10,000,000 persons of whom 1 in 100 is a case, beside its rivals.

Two tasks, because Epi::ccwc has no calipers: sex and birth year within one year (Equipoise and pandas), and sex and
birth year exactly (Equipoise and ccwc). The time is that of the sampling, sorting included, reading and compiling
not; the memory is the peak of the whole process. A rival is not asked for a larger size once it failed, or where even
time in proportion to size would be twice the limit.

    python benchmarks/risk_set_sampling.py
    python benchmarks/risk_set_sampling.py --sizes 10000 100000 --limit-seconds 60
"""

import argparse
import math
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness import LIMIT_GIB, LIMIT_SECONDS, Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
SIZES = (10**4, 10**5, 10**6, 10**7)
CONTROLS = 5
OURS = "Equipoise"


@dataclass(frozen=True)
class Rival:
    """One way to do one task: a command to which the folder with the population is added first."""

    task: str
    name: str
    command: tuple[str, ...]
    options: tuple[str, ...]
    repeats: int = 1

    def run(self, folder: str, limit_seconds: float) -> Measurement:
        return best_of(
            self.repeats,
            [*self.command, folder, *self.options],
            limit_seconds=limit_seconds,
            limit_gib=LIMIT_GIB,
        )


def rivals() -> list[Rival]:
    ours = (sys.executable, str(RIVALS / "risk_sets_equipoise.py"))
    found = [
        Rival("birth year ± 1", OURS, ours, (str(CONTROLS), "1"), repeats=3),
        Rival("birth year ± 1", "pandas", (sys.executable, str(RIVALS / "risk_sets_pandas.py")), (str(CONTROLS), "1")),
        Rival("birth year exactly", OURS, ours, (str(CONTROLS), "0"), repeats=3),
    ]
    if rscript := shutil.which("Rscript"):
        ccwc = (rscript, "--vanilla", str(RIVALS / "risk_sets_ccwc.R"))
        found.append(Rival("birth year exactly", "Epi::ccwc", ccwc, (str(CONTROLS),)))
    return found


def run(sizes: list[int], limit_seconds: float) -> dict[tuple[str, str], dict[int, Measurement]]:
    """All measurements by task and rival, then by number of persons."""
    found: dict[tuple[str, str], dict[int, Measurement]] = {}
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = measure([sys.executable, str(RIVALS / "risk_set_population.py"), folder, str(n)])
            if made.failure:
                raise SystemExit(f"the population of {n} persons could not be made: {made.failure}")
            for rival in rivals():
                past = found.setdefault((rival.task, rival.name), {})
                if may_end(past, n, limit_seconds):
                    past[n] = rival.run(folder, limit_seconds)
                    show(rival.task, rival.name, n, past, found[(rival.task, OURS)].get(n))
    return found


def may_end(past: dict[int, Measurement], n: int, limit_seconds: float) -> bool:
    """Whether a program is worth asking, from what it took for fewer persons."""
    return not any(taken.failure or taken.seconds * n / size > 2 * limit_seconds for size, taken in past.items())


def show(task: str, name: str, n: int, past: dict[int, Measurement], ours: Measurement | None) -> None:
    """One line of the table: time, how many times ours, memory, and how time grew since the size before."""
    now = past[n]
    took = now.failure or f"{now.seconds:.3f} s"
    ratio = "" if now.failure or not ours or ours.failure else f"{now.seconds / ours.seconds:,.0f} x"
    controls = now.output.get("controls", "")
    print(f"| {task} | {n:,} | {name} | {took} | {ratio} | {now.peak_mib:,.0f} MiB | {growth(past, n)} | {controls} |")
    sys.stdout.flush()


def growth(past: dict[int, Measurement], n: int) -> str:
    """The exponent b in time = n ** b between this size and the one before."""
    smaller = [size for size in past if size < n and not past[size].failure]
    if past[n].failure or not smaller:
        return ""
    last = max(smaller)
    return f"n^{math.log(past[n].seconds / past[last].seconds) / math.log(n / last):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N")
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS)
    options = parser.parse_args()
    print("| matched on sex and | persons | program | time | to Equipoise | peak memory | growth | controls |")
    print("|---|---|---|---|---|---|---|---|")
    run(sorted(options.sizes), options.limit_seconds)


if __name__ == "__main__":
    main()
