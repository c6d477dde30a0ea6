"""Linear mixed models beside their rivals: ten measurements a person, five covariates, random intercept and slope.

The time goes from a data frame to the fit, compiling and reading not counted; the memory is the peak of the whole
process; `difference` is the largest of a coefficient from Equipoise's, `growth` the power of the number of persons with
which time grew since the size before. A rival is not asked for a larger size once it failed, or where even time in
proportion to size would be twice the limit.

    python benchmarks/linear_mixed.py
    python benchmarks/linear_mixed.py --persons 1000 10000 --method ml --limit-seconds 120
"""

import argparse
import math
import shutil
import sys
import tempfile
from pathlib import Path

from harness import LIMIT_GIB, LIMIT_SECONDS, Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
PERSONS = (10**3, 10**5, 10**6)
OURS = "Equipoise"


def commands(folder: str, method: str) -> dict[str, list[str]]:
    """One command a program; R's only where it is installed."""
    python = sys.executable
    found = {
        OURS: [python, str(RIVALS / "linear_mixed_equipoise.py"), folder, method],
        "statsmodels": [python, str(RIVALS / "linear_mixed_statsmodels.py"), folder, method],
    }
    if rscript := shutil.which("Rscript"):
        for package in ("lme4", "nlme"):
            script = str(RIVALS / "linear_mixed_r.R")
            found[f"R {package}"] = [rscript, "--vanilla", script, folder, method, package]
    return found


def run(sizes: list[int], method: str, limit_seconds: float) -> None:
    past: dict[str, dict[int, Measurement]] = {}
    for persons in sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = measure([sys.executable, str(RIVALS / "linear_mixed_population.py"), folder, str(persons)])
            if made.failure:
                raise SystemExit(f"the rows could not be made: {made.failure}")
            for name, command in commands(folder, method).items():
                before = past.setdefault(name, {})
                if may_end(before, persons, limit_seconds):
                    limits = {"limit_seconds": limit_seconds, "limit_gib": LIMIT_GIB}
                    before[persons] = best_of(3 if name == OURS else 1, command, **limits)
                    show(name, persons, before, past[OURS].get(persons))


def may_end(past: dict[int, Measurement], persons: int, limit_seconds: float) -> bool:
    """Whether a program is worth asking, from what it took for fewer persons."""
    return not any(taken.failure or taken.seconds * persons / size > 2 * limit_seconds for size, taken in past.items())


def show(name: str, persons: int, past: dict[int, Measurement], ours: Measurement | None) -> None:
    now = past[persons]
    if now.failure or ours is None or ours.failure:
        cells = [now.failure or f"{now.seconds:.3f} s", "", "", "", ""]
    else:
        pairs = zip(now.output["coefficients"], ours.output["coefficients"], strict=True)
        difference = max(abs(a - b) for a, b in pairs)
        ratio = f"{now.seconds / ours.seconds:,.1f} x"
        likelihood = f"{now.output['answer']:.10g}"
        cells = [f"{now.seconds:.3f} s", ratio, growth(persons, past), likelihood, f"{difference:.1e}"]
    print(f"| {persons:,} | {name} | {' | '.join(cells)} | {now.peak_mib:,.0f} MiB |")
    sys.stdout.flush()


def growth(persons: int, past: dict[int, Measurement]) -> str:
    smaller = [size for size in past if size < persons]
    if not smaller:
        return ""
    power = math.log(past[persons].seconds / past[smaller[-1]].seconds) / math.log(persons / smaller[-1])
    return f"n^{power:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, nargs="+", default=PERSONS, metavar="N")
    parser.add_argument("--method", default="reml", choices=("reml", "ml"))
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS)
    options = parser.parse_args()
    print("| persons | program | time | to Equipoise | growth | log-likelihood | difference | peak memory |")
    print("|---|---|---|---|---|---|---|---|")
    run(sorted(options.persons), options.method, options.limit_seconds)


if __name__ == "__main__":
    main()
