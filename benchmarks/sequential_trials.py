"""Sequential target trials beside pySEQTarget on the same formula, and larger than it can go.

Tasks: as assigned; per protocol with stabilised, truncated weights; clones with a grace period, weighted. Sizes are
rows of the expansion. The time goes from a data frame to the table of estimates with a variance robust to persons
(pySEQTarget has none). pySEQTarget takes part in the first task where PYSEQTARGET_PYTHON names an interpreter with it.

    PYSEQTARGET_PYTHON=/path/to/python python benchmarks/sequential_trials.py
    python benchmarks/sequential_trials.py --tasks per_protocol --sizes 15000000
"""

import os
import sys

from tasks import OURS, RIVALS, Comparison, main


def commands(task: str) -> dict[str, tuple[str, ...]]:
    """Programs that can do the task."""
    found = {OURS: (sys.executable, str(RIVALS / "sequential_trials_equipoise.py"))}
    if task == "as_assigned" and (python := os.environ.get("PYSEQTARGET_PYTHON")):
        found["pySEQTarget"] = (python, str(RIVALS / "sequential_trials_pyseqtarget.py"))
    return found


COMPARISON = Comparison(
    "sequential_trials_population.py",
    ("as_assigned", "per_protocol", "clones"),
    (150_000, 1_500_000, 15_000_000, 150_000_000),
    commands,
    ("rows, log odds ratio of the drug", lambda output: f"{output['rows']:,}, {output['estimate']:.9f}"),
    lambda task: 9,  # columns of the expansion, if it were written: weight, outcome and seven covariates
)

if __name__ == "__main__":
    main(COMPARISON, __doc__)
