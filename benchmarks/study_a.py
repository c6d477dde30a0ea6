"""Study A (psychiatric medication and ALS) on a synthetic nation, step by step, beside what a user would script.

Equipoise carries out `studies/psychotropics-als.toml` whole: population, sibling and spouse controls, each window,
crude and adjusted, by sex and age, lag scan, sensitivity analyses, data quality, suppression. The rivals do the
population comparison alone: cases, controls, 12 adjusted estimates.

    equipoise simulate --persons 1000000 --to /tmp/nation
    python benchmarks/study_a.py /tmp/nation
    python benchmarks/study_a.py /tmp/nation --rivals equipoise pandas --limit-seconds 600
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import Measurement, measure

RIVALS = Path(__file__).parent / "rivals"
NAMES = ("equipoise", "pandas", "data.table")


def command(name: str, nation: str, scratch: str) -> list[str]:
    """What to run for a rival; R is given CSV files, which are written outside its time."""
    if name == "data.table":
        subprocess.run([sys.executable, str(RIVALS / "study_a_files.py"), nation, scratch], check=True)
        return ["Rscript", str(RIVALS / "study_a_data_table.R"), scratch]
    return [sys.executable, str(RIVALS / f"study_a_{name}.py"), nation]


def said(name: str, found: Measurement) -> str:
    if found.failure:
        return f"{name:12} {found.failure}, {found.peak_mib:,.0f} MiB"
    processor = found.output["processor_seconds"]
    ratios = ", ".join(f"{use} {value:.2f}" for use, value in found.output["estimates"].items())
    return f"{name:12} {found.seconds:8.1f} s {processor:8.1f} s of processor {found.peak_mib:8,.0f} MiB   {ratios}"


def main(nation: str, names: list[str], limit_seconds: float, limit_gib: float | None) -> None:
    for name in names:
        with tempfile.TemporaryDirectory() as scratch:
            found = measure(command(name, nation, scratch), limit_seconds, limit_gib)
        print(said(name, found), flush=True)
        for step, seconds, processor, peak in found.output.get("steps", []):
            if seconds >= 1:
                print(f"    {seconds:8.1f} s {processor:8.1f} s of processor {peak:8,.0f} MiB so far   {step}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("nation")
    options.add_argument("--rivals", nargs="+", choices=NAMES, default=list(NAMES))
    options.add_argument("--limit-seconds", type=float, default=1800.0)
    options.add_argument("--limit-gib", type=float, default=None, help="address space of each process")
    given = options.parse_args()
    main(given.nation, given.rivals, given.limit_seconds, given.limit_gib)
