"""Conditional logistic regression of 1:5 sets with 10 covariates beside its rivals, each in a process of its own.

Run: python benchmarks/conditional_logistic.py [SETS …]     (default 1,000, 10,000 and 166,667 sets)

Prints, for each size: seconds of the fit alone, peak memory of the whole process, how many times longer than Equipoise,
the largest difference of a coefficient, and how the cost grows from one size to the next. A rival that does not end in
ten minutes, or in 16 GiB of address space, is shown as such. statsmodels stops its search early: see its difference.
"""

import math
import shutil
import sys
import tempfile
from pathlib import Path

from harness import Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
SIZES = (1_000, 10_000, 166_667)
ROWS_A_SET, COLUMNS, SEED = 6, 10, 20260101
OURS = "equipoise, AnalysisSet"


def commands(folder: str) -> dict[str, list[str]]:
    """One command a rival; Equipoise first, R only where it is installed."""
    python = [sys.executable]
    found = {
        OURS: [*python, str(RIVALS / "clogit_equipoise.py"), folder, "analysis_set"],
        "equipoise, pandas": [*python, str(RIVALS / "clogit_equipoise.py"), folder, "pandas"],
        "statsmodels": [*python, str(RIVALS / "clogit_statsmodels.py"), folder],
    }
    rscript = shutil.which("Rscript")
    if rscript:
        for ties in ("exact", "efron"):
            found[f"R clogit, {ties}"] = [rscript, str(RIVALS / "clogit_survival.R"), folder, ties]
    return found


def run_size(n_sets: int) -> dict[str, Measurement]:
    with tempfile.TemporaryDirectory() as folder:
        shape = [str(value) for value in (n_sets, ROWS_A_SET, COLUMNS, SEED)]
        measure([sys.executable, str(RIVALS / "matched_sets.py"), folder, *shape])
        return {name: best_of(1, command) for name, command in commands(folder).items()}


def difference(one: Measurement, other: Measurement) -> float:
    pairs = zip(one.output.get("coefficients", ()), other.output.get("coefficients", ()), strict=False)
    return max((abs(a - b) for a, b in pairs), default=math.nan)


def report(n_sets: int, results: dict[str, Measurement], before: tuple[int, dict[str, Measurement]] | None) -> None:
    rows = n_sets * ROWS_A_SET
    print(f"\n{n_sets:,} sets of 1:{ROWS_A_SET - 1}, {rows:,} rows x {COLUMNS} ({rows * COLUMNS * 8 / 2**20:,.0f} MiB)")
    print(f"{'':24} {'seconds':>9} {'peak MiB':>9} {'times ours':>11} {'difference':>11} {'growth':>7}")
    ours = results[OURS]
    for name, found in results.items():
        if found.failure:
            print(f"{name:24} {found.failure}")
            continue
        ratio = found.seconds / ours.seconds
        print(
            f"{name:24} {found.seconds:9.3f} {found.peak_mib:9,.0f} {ratio:11.1f} "
            f"{difference(found, ours):11.1e} {growth(n_sets, found, before, name):>7}"
        )
    print(
        f"first fit of a process, kernels loaded from disk or compiled: {ours.output.get('first_fit', math.nan):.2f} s"
    )


def growth(n_sets: int, found: Measurement, before: tuple[int, dict[str, Measurement]] | None, name: str) -> str:
    """The power of the number of sets with which time grew since the size before."""
    if before is None or before[1][name].failure:
        return ""
    return f"n^{math.log(found.seconds / before[1][name].seconds) / math.log(n_sets / before[0]):.2f}"


def main(sizes: list[int]) -> None:
    before = None
    for n_sets in sizes:
        results = run_size(n_sets)
        report(n_sets, results, before)
        before = (n_sets, results)


if __name__ == "__main__":
    main([int(text.replace(",", "")) for text in sys.argv[1:]] or list(SIZES))
