"""Survival curves and competing risks beside their rivals, on follow-up of up to ten years in two arms.

Tasks: one Kaplan-Meier curve with limits, times in whole days (km-days) or continuous (km-times); the log-rank test;
cumulative incidence of two causes by arm with standard errors and Gray's test (gray); Fine-Gray regression on five
columns (fine-gray). The time goes from a data frame to the answer, compiling and reading not counted; the memory is the
peak of the whole process.

    python benchmarks/survival_curve.py
    python benchmarks/survival_curve.py --tasks km-days --sizes 10000 1000000 --limit-seconds 120
"""

import shutil
import sys

from tasks import OURS, RIVALS, Comparison, main

TASKS = ("km-days", "km-times", "log-rank", "gray", "fine-gray")
LIFELINES = TASKS[:3]


def commands(task: str) -> dict[str, tuple[str, ...]]:
    """Programs that can do the task."""
    found = {OURS: (sys.executable, str(RIVALS / "survival_curve_equipoise.py"))}
    if task in LIFELINES:
        found["lifelines"] = (sys.executable, str(RIVALS / "survival_curve_lifelines.py"))
    if rscript := shutil.which("Rscript"):
        name = "R survival" if task in LIFELINES else "R cmprsk"
        found[name] = (rscript, "--vanilla", str(RIVALS / "survival_curve_r.R"))
    return found


COMPARISON = Comparison(
    "survival_curve_population.py",
    TASKS,
    (10**4, 10**6, 10**7),
    commands,
    ("answer", lambda output: f"{output['answer']:.8g}"),
    lambda task: 3,  # time, event, group
)

if __name__ == "__main__":
    main(COMPARISON, __doc__)
