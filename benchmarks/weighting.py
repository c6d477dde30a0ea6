"""Propensity-score weighting beside its rivals: ten covariates, follow-up in whole days, arms of about equal size.

Tasks: from a data frame to the propensity model, ATE weights and the risk difference with the variance that accounts
for the model (risk); the same with stabilised weights and a Cox model (cox). No rival corrects the Cox model's variance
for the estimation of the weights: R's is `coxph(robust = TRUE)` there, statsmodels has no weighted Cox model. Standard
errors of `risk` are the same sandwich, written out with matrices for R and statsmodels.

    python benchmarks/weighting.py
    python benchmarks/weighting.py --tasks risk --sizes 10000 1000000
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from harness import LIMIT_GIB, LIMIT_SECONDS, Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
SIZES = (10**4, 10**6)
TASKS = ("risk", "cox")
OURS = "Equipoise"


def commands(task: str) -> dict[str, list[str]]:
    """Programs that can do the task."""
    found = {OURS: [sys.executable, str(RIVALS / "weighting_equipoise.py")]}
    if task == "risk":
        found["statsmodels"] = [sys.executable, str(RIVALS / "weighting_statsmodels.py")]
    if rscript := shutil.which("Rscript"):
        found["R"] = [rscript, "--vanilla", str(RIVALS / "weighting_r.R")]
    return found


def run(tasks: list[str], sizes: list[int], limit_seconds: float) -> None:
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = measure([sys.executable, str(RIVALS / "weighting_population.py"), folder, str(n)])
            if made.failure:
                raise SystemExit(f"the rows could not be made: {made.failure}")
            for task in tasks:
                ours = None
                for name, command in commands(task).items():
                    limits = {"limit_seconds": limit_seconds, "limit_gib": LIMIT_GIB}
                    now = best_of(3 if name == OURS else 1, [*command, folder, task], **limits)
                    ours = ours or now
                    show(task, name, n, now, ours)


def show(task: str, name: str, n: int, now: Measurement, ours: Measurement) -> None:
    took = now.failure or f"{now.seconds:.3f} s"
    ratio = "" if now.failure or ours.failure else f"{now.seconds / ours.seconds:,.1f} x"
    answer = "" if now.failure else f"{now.output['estimate']:.8g} ({now.output['std_error']:.8g})"
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
