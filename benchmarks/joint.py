"""Joint models beside their rivals: yearly measurements, random intercept and slope, current value.

The time goes from two data frames to the fit, compiling and reading not counted; the memory is the peak of the whole
process. R's JM is asked where it is installed; "R's start" is what it needs before it begins, the mixed model of nlme
and a Cox model, and no joint model. A rival is not asked for a larger size once it failed, or where even time in
proportion to size would be twice the limit.

    python benchmarks/joint.py
    python benchmarks/joint.py --persons 300 3000 --baselines weibull
"""

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import LIMIT_GIB, LIMIT_SECONDS, Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
PERSONS = (300, 3_000, 30_000)
BASELINES = ("weibull", "piecewise", "spline")
OURS = "Equipoise"


def commands(folder: str, baseline: str) -> dict[str, list[str]]:
    """One command a program; R's only where it is installed."""
    found = {OURS: [sys.executable, str(RIVALS / "joint_equipoise.py"), folder, baseline]}
    if rscript := shutil.which("Rscript"):
        script = [rscript, "--vanilla", str(RIVALS / "joint_r.R"), folder, baseline]
        found["R's start"] = [*script, "start"]
        if subprocess.run([rscript, "-e", "stopifnot(requireNamespace('JM'))"], capture_output=True).returncode == 0:
            found["R JM"] = [*script, "JM"]
    return found


def run(sizes: list[int], baselines: list[str], limit_seconds: float) -> None:
    past: dict[tuple[str, str], dict[int, Measurement]] = {}
    for persons in sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = measure([sys.executable, str(RIVALS / "joint_population.py"), folder, str(persons)])
            if made.failure:
                raise SystemExit(f"the rows could not be made: {made.failure}")
            for baseline in baselines:
                for name, command in commands(folder, baseline).items():
                    before = past.setdefault((baseline, name), {})
                    if may_end(before, persons, limit_seconds):
                        limits = {"limit_seconds": limit_seconds, "limit_gib": LIMIT_GIB}
                        before[persons] = best_of(3 if name == OURS else 1, command, **limits)
                        show(baseline, name, persons, before, past[(baseline, OURS)].get(persons))


def may_end(past: dict[int, Measurement], persons: int, limit_seconds: float) -> bool:
    """Whether a program is worth asking, from what it took for fewer persons."""
    return not any(taken.failure or taken.seconds * persons / size > 2 * limit_seconds for size, taken in past.items())


def show(baseline: str, name: str, persons: int, past: dict[int, Measurement], ours: Measurement | None) -> None:
    now = past[persons]
    if now.failure or ours is None or ours.failure:
        cells = [now.failure or f"{now.seconds:.3f} s", "", "", "", ""]
    else:
        found = now.output
        ratio = f"{now.seconds / ours.seconds:,.1f} x"
        answer = ["", ""]
        if "association" in found:
            answer = [f"{found['log_likelihood']:.8g}", f"{found['association']:.6f} ({found['std_error']:.6f})"]
        cells = [f"{now.seconds:.3f} s", ratio, growth(persons, past), *answer]
    print(f"| {baseline} | {persons:,} | {name} | {' | '.join(cells)} | {now.peak_mib:,.0f} MiB |")
    sys.stdout.flush()


def growth(persons: int, past: dict[int, Measurement]) -> str:
    """The power of the number of persons with which time grew since the size before."""
    before = [size for size, taken in past.items() if size < persons and not taken.failure]
    if not before:
        return ""
    size = max(before)
    return f"{math.log(past[persons].seconds / past[size].seconds) / math.log(persons / size):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, nargs="+", default=PERSONS, metavar="N")
    parser.add_argument("--baselines", nargs="+", default=BASELINES, choices=BASELINES)
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS)
    options = parser.parse_args()
    print(
        "| baseline | persons | program | time | to Equipoise | growth | log-likelihood | association | peak memory |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    run(sorted(options.persons), list(options.baselines), options.limit_seconds)


if __name__ == "__main__":
    main()
