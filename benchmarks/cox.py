"""Cox regression on ten columns and whole days, Efron's ties, beside its rivals.

Three tasks: plain; with entry times and weights (robust variance); with a variance robust to clusters of about three
rows. The time goes from a data frame to the table of estimates, compiling and reading not counted; the memory is the
peak of the whole process. A rival is not asked for a larger size once it failed, or where even time in proportion to
size would be twice the limit.

    python benchmarks/cox.py
    python benchmarks/cox.py --tasks plain --sizes 10000 1000000 --limit-seconds 120
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from harness import LIMIT_GIB, LIMIT_SECONDS, Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
SIZES = (10**4, 83_000, 10**6, 10**7)
TASKS = ("plain", "entry", "cluster")
OURS = "Equipoise"


def commands(task: str) -> dict[str, tuple[str, ...]]:
    """Programs that can do the task."""
    python = {OURS: "cox_equipoise.py", "lifelines": "cox_lifelines.py"}
    if task == "plain":
        python["statsmodels"] = "cox_statsmodels.py"
    found = {name: (sys.executable, str(RIVALS / script)) for name, script in python.items()}
    if rscript := shutil.which("Rscript"):
        found["survival::coxph"] = (rscript, "--vanilla", str(RIVALS / "cox_survival.R"))
    return found


def run(tasks: list[str], sizes: list[int], limit_seconds: float) -> None:
    past: dict[tuple[str, str], dict[int, Measurement]] = {}
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = measure([sys.executable, str(RIVALS / "cox_population.py"), folder, str(n)])
            if made.failure:
                raise SystemExit(f"the rows could not be made: {made.failure}")
            for task in tasks:
                for name, command in commands(task).items():
                    before = past.setdefault((task, name), {})
                    if may_end(before, n, limit_seconds):
                        repeats = 3 if name == OURS else 1
                        limits = {"limit_seconds": limit_seconds, "limit_gib": LIMIT_GIB}
                        before[n] = best_of(repeats, [*command, folder, task], **limits)
                        show(task, name, n, before[n], past[(task, OURS)].get(n))


def may_end(past: dict[int, Measurement], n: int, limit_seconds: float) -> bool:
    """Whether a program is worth asking, from what it took for fewer rows."""
    return not any(taken.failure or taken.seconds * n / size > 2 * limit_seconds for size, taken in past.items())


def show(task: str, name: str, n: int, now: Measurement, ours: Measurement | None) -> None:
    took = now.failure or f"{now.seconds:.3f} s"
    ratio = "" if now.failure or not ours or ours.failure else f"{now.seconds / ours.seconds:,.1f} x"
    answer = "" if now.failure else f"{now.output['estimate']:.6f} ({now.output['std_error']:.6f})"
    print(f"| {task} | {n:,} | {name} | {took} | {ratio} | {now.peak_mib:,.0f} MiB | {answer} |")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N")
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS)
    options = parser.parse_args()
    print("| task | rows | program | time | to Equipoise | peak memory | first estimate (standard error) |")
    print("|---|---|---|---|---|---|---|")
    run(list(options.tasks), sorted(options.sizes), options.limit_seconds)


if __name__ == "__main__":
    main()
