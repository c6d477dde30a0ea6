"""Lasso logistic regression on sparse 0/1 columns beside scikit-learn, skglm, glum and R's glmnet, each in a process.

Run: python benchmarks/regularised_logistic.py [--rows N] [--columns P] [--nonzeros Z] [--share S] [--limit-seconds S]

Two problems: one penalty, a SHARE of the largest; and 5-fold cross-validation of 20 penalties down to SHARE of the
largest, with the same folds and path. Prints seconds, ratios, peak memory, columns in the model, by how much a
program's objective lies above Equipoise's (relative), and the least deviance. Rivals that are not installed say so;
`--python` names an interpreter with scikit-learn, skglm or glum if this one has none.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from harness import LIMIT_SECONDS, Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
PYTHON_RIVALS = {"skglm": "1e-5", "liblinear": "1e-4", "saga": "1e-4", "glum": "1e-5"}
OURS, SEED = "equipoise", 20260101


def commands(folder: str, work: str, share: float, python: str) -> dict[str, list[str]]:
    """One command a rival; Equipoise first."""
    found = {OURS: [sys.executable, str(RIVALS / "regularised_equipoise.py"), folder, work, str(share)]}
    if work == "one":
        script = str(RIVALS / "regularised_python.py")
        found |= {name: [python, script, folder, name, str(share), tol] for name, tol in PYTHON_RIVALS.items()}
    rscript = shutil.which("Rscript")
    if rscript:
        name = "glmnet" if work == "one" else "cv.glmnet"
        found[name] = [rscript, "--vanilla", str(RIVALS / "regularised_glmnet.R"), folder, work, str(share)]
    return found


def run(shape: list[str], shares: dict[str, float], python: str, limit_seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure([sys.executable, str(RIVALS / "regularised_population.py"), folder, *shape, str(SEED)])
        for work, share in shares.items():
            ours = None
            for name, command in commands(folder, work, share, python).items():
                now = best_of(1, command, limit_seconds=limit_seconds)
                ours = ours or now
                show(work, name, now, ours)


def show(work: str, name: str, now: Measurement, ours: Measurement) -> None:
    took = now.failure[:60] or f"{now.seconds:.3f} s"
    done = not (now.failure or ours.failure)
    ratio = f"{now.seconds / ours.seconds:,.1f} x" if done else ""
    above = f"{now.output['objective'] / ours.output['objective'] - 1.0:.1e}" if done else ""
    cells = [work, name, took, ratio, f"{now.peak_mib:,.0f} MiB", str(now.output.get("nonzero", "")), above]
    print("| " + " | ".join([*cells, f"{now.output.get('deviance', '')}"]) + " |")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 100_000), ("columns", 10_000), ("nonzeros", 8_000_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--share", type=float, default=0.05, help="smallest penalty over the largest")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS)
    options = parser.parse_args()
    print("| problem | program | time | to Equipoise | peak memory | columns | objective above | least deviance |")
    print("|---|---|---|---|---|---|---|---|")
    shape = [str(options.rows), str(options.columns), str(options.nonzeros)]
    run(shape, dict.fromkeys(("one", "path"), options.share), options.python, options.limit_seconds)


if __name__ == "__main__":
    main()
