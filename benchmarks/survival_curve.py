"""Survival curves and competing risks beside their rivals, on follow-up of up to ten years in two arms.

Tasks: one Kaplan-Meier curve with limits, times in whole days (km-days) or continuous (km-times); the log-rank test;
cumulative incidence of two causes by arm with standard errors and Gray's test (gray); Fine-Gray regression on five
columns (fine-gray). The time goes from a data frame to the answer, compiling and reading not counted; the memory is the
peak of the whole process. A rival is not asked for a larger size once it failed, or where even time in proportion to
size would be twice the limit.

    python benchmarks/survival_curve.py
    python benchmarks/survival_curve.py --tasks km-days --sizes 10000 1000000 --limit-seconds 120
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from harness import LIMIT_GIB, LIMIT_SECONDS, Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
SIZES = (10**4, 10**6, 10**7)
TASKS = ("km-days", "km-times", "log-rank", "gray", "fine-gray")
LIFELINES = TASKS[:3]
OURS = "Equipoise"


def commands(task: str) -> dict[str, tuple[str, ...]]:
    """Programs that can do the task."""
    found = {OURS: (sys.executable, str(RIVALS / "survival_curve_equipoise.py"))}
    if task in LIFELINES:
        found["lifelines"] = (sys.executable, str(RIVALS / "survival_curve_lifelines.py"))
    if rscript := shutil.which("Rscript"):
        name = "R survival" if task in LIFELINES else "R cmprsk"
        found[name] = (rscript, "--vanilla", str(RIVALS / "survival_curve_r.R"))
    return found


def run(tasks: list[str], sizes: list[int], limit_seconds: float) -> None:
    past: dict[tuple[str, str], dict[int, Measurement]] = {}
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = measure([sys.executable, str(RIVALS / "survival_curve_population.py"), folder, str(n)])
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
    answer = "" if now.failure else f"{now.output['answer']:.8g}"
    print(f"| {task} | {n:,} | {name} | {took} | {ratio} | {now.peak_mib:,.0f} MiB | {answer} |")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N")
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS)
    options = parser.parse_args()
    print("| task | rows | program | time | to Equipoise | peak memory | answer |")
    print("|---|---|---|---|---|---|---|")
    run(list(options.tasks), sorted(options.sizes), options.limit_seconds)


if __name__ == "__main__":
    main()
