"""Cox regression on ten columns and whole days, Efron's ties, beside its rivals.

Three tasks: plain; with entry times and weights (robust variance); with a variance robust to clusters of about three
rows. The time goes from a data frame to the table of estimates, compiling and reading not counted; the memory is the
peak of the whole process.

    python benchmarks/cox.py
    python benchmarks/cox.py --tasks plain --sizes 10000 1000000 --limit-seconds 120
"""

import shutil
import sys

from tasks import OURS, RIVALS, Comparison, main


def commands(task: str) -> dict[str, tuple[str, ...]]:
    """Programs that can do the task."""
    python = {OURS: "cox_equipoise.py", "lifelines": "cox_lifelines.py"}
    if task == "plain":
        python["statsmodels"] = "cox_statsmodels.py"
    found = {name: (sys.executable, str(RIVALS / script)) for name, script in python.items()}
    if rscript := shutil.which("Rscript"):
        found["survival::coxph"] = (rscript, "--vanilla", str(RIVALS / "cox_survival.R"))
    return found


COMPARISON = Comparison(
    "cox_population.py",
    ("plain", "entry", "cluster"),
    (10**4, 83_000, 10**6, 10**7),
    commands,
    ("first estimate (standard error)", lambda output: f"{output['estimate']:.6f} ({output['std_error']:.6f})"),
    {"plain": 12, "entry": 14, "cluster": 13}.__getitem__,
)

if __name__ == "__main__":
    main(COMPARISON, __doc__)
