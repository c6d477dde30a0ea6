"""Logistic, Poisson and case series models of 10 columns beside statsmodels and R, each in a process of its own.

Run: python benchmarks/counts.py [--sizes ROWS …] [--models …] [--limit-seconds S]

Prints, for each model and size: seconds of the fit alone, peak memory of the whole process, how many times longer than
Equipoise, the largest difference of a coefficient in standard errors, and how the cost grows with size. R's gnm and
clogit are asked where R and the package are installed. A rival that failed at one size is not asked for a larger one.
"""

import argparse
import math
import shutil
import sys
import tempfile
from pathlib import Path

from harness import LIMIT_SECONDS, Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
SIZES = (10_000, 120_000, 1_000_000)
MODELS = ("logistic", "poisson", "series")
COLUMNS, SEED = 10, 20260101
OURS = "equipoise"


def commands(folder: str, model: str) -> dict[str, list[str]]:
    """One command a rival; Equipoise first."""
    ours, theirs = (
        [sys.executable, str(RIVALS / f"counts_{name}.py"), folder, model] for name in (OURS, "statsmodels")
    )
    found = {OURS: [*ours, "plain"], f"{OURS}, clustered": [*ours, "clustered"], "statsmodels": [*theirs, "plain"]}
    rscript = shutil.which("Rscript")
    if model != "series":
        found["statsmodels, clustered"] = [*theirs, "clustered"]
    if rscript:
        r = [rscript, "--vanilla", str(RIVALS / "counts_r.R"), folder, model]
        variants = {"R gnm": "plain", "R clogit": "clogit"} if model == "series" else {
            "R glm": "plain", "R glm, clustered": "clustered"
        }  # fmt: skip
        found |= {name: [*r, how] for name, how in variants.items()}
    return found


def run(models: list[str], sizes: list[int], limit_seconds: float) -> None:
    for model in models:
        past: dict[str, dict[int, Measurement]] = {}
        for n in sizes:
            with tempfile.TemporaryDirectory() as folder:
                shape = [model, str(n), str(COLUMNS), str(SEED)]
                measure([sys.executable, str(RIVALS / "count_population.py"), folder, *shape])
                for name, command in commands(folder, model).items():
                    before = past.setdefault(name, {})
                    if not any(found.failure for found in before.values()):
                        before[n] = best_of(1, command, limit_seconds=limit_seconds)
                        show(model, name, n, before, past[OURS][n])


def show(model: str, name: str, n: int, past: dict[int, Measurement], ours: Measurement) -> None:
    now = past[n]
    took = now.failure or f"{now.seconds:.3f} s"
    ratio = "" if now.failure or ours.failure else f"{now.seconds / ours.seconds:,.1f} x"
    cells = [model, f"{n:,}", name, took, ratio, f"{now.peak_mib:,.0f} MiB", difference(now, ours), growth(past, n)]
    print("| " + " | ".join(cells) + " |")
    sys.stdout.flush()


def difference(one: Measurement, other: Measurement) -> str:
    """The largest difference of a coefficient, in Equipoise's standard errors."""
    triples = zip(
        *(m.output.get("coefficients", ()) for m in (one, other)), other.output.get("std_errors", ()), strict=False
    )
    return f"{max((abs(a - b) / se for a, b, se in triples), default=math.nan):.0e}"


def growth(past: dict[int, Measurement], n: int) -> str:
    """The exponent b in time = n ** b between this size and the one before."""
    smaller = [size for size in past if size < n and not past[size].failure]
    if past[n].failure or not smaller:
        return ""
    return f"n^{math.log(past[n].seconds / past[max(smaller)].seconds) / math.log(n / max(smaller)):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="ROWS")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS)
    options = parser.parse_args()
    print("| model | rows | program | time | to Equipoise | peak memory | difference | growth |")
    print("|---|---|---|---|---|---|---|---|")
    run(list(options.models), sorted(options.sizes), options.limit_seconds)


if __name__ == "__main__":
    main()
