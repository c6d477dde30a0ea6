"""Contrast runs: an analysis beside a version of itself with one named flaw, to show how large the avoided bias is."""

from typing import Literal

from equipoise.spec.model import Model
from equipoise.spec.values import Name

Flaw = Literal[
    "immortal_time", "prevalent_users", "no_lag", "covariates_after_time_zero", "non_user_comparator"
]  # fmt: skip
FLAWS: dict[Flaw, str] = {
    "immortal_time": "FLAWED: users are those who ever use the drug, later use included",
    "prevalent_users": "FLAWED: users enter whenever they began",
    "no_lag": "FLAWED: use up to the day before counts",
    "covariates_after_time_zero": "FLAWED: covariates are read a year late",
    "non_user_comparator": "FLAWED: users are compared with persons who do not use the drug",
}
"""What each flawed run does, in the words of tables and report."""


class Contrast(Model):
    """A flawed run beside an analysis. Its estimates stand in a table of their own and are no result of the study."""

    base: Name
    """The id of an analysis under `analyses`."""
    flaw: Flaw
    """Users told by use after time zero (`immortal_time`), users without a washout (`prevalent_users`), no lag before
    time zero or the index date (`no_lag`), covariates read a year after time zero (`covariates_after_time_zero`), or
    persons without use in place of an active comparator (`non_user_comparator`)."""
