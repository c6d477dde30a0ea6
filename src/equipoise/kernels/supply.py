"""Time under a drug: how long the dispensings of a person last without a gap.

Purpose    the last day supplied of the use that goes on at a time zero, so that follow-up can end where use does.
Order      compressed rows: person p owns dispensings offsets[p] to offsets[p+1]-1, on strictly ascending days.
Time       a dispensing on day d lasts from d on; one before the last has run out waits its turn (stockpiling). Use goes
           on while the days without supply between two dispensings are at most `grace`.
Cost       one pass over the dispensings of each row's person up to the end of its use.
"""

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.spans import DAY_MIN


def supplied_until(
    offsets: np.ndarray,
    days: np.ndarray,
    supply: np.ndarray,
    person: np.ndarray,
    day: np.ndarray,
    grace: int,
) -> np.ndarray:
    """Last day supplied of the use that goes on on `day`, for every row; DAY_MIN where no use goes on then.

    offsets int64 (n_persons + 1,); days int32 (d,); supply float64 (d,), days each lasts, 1 or more; person int64 (r,);
    day int32 (r,). Use goes on up to `grace` days after the last day supplied.

    >>> offsets, days = np.array([0, 3]), np.array([0, 20, 70], dtype=np.int32)
    >>> supplied_until(offsets, days, np.full(3, 30.0), np.array([0]), np.array([0], dtype=np.int32), 10).tolist()
    [99]
    >>> supplied_until(offsets, days, np.full(3, 30.0), np.array([0]), np.array([0], dtype=np.int32), 9).tolist()
    [59]
    """
    until = np.empty(len(person), dtype=np.int32)
    _supplied_until(offsets, days, np.ceil(supply).astype(np.int64), person, day, grace, until)
    return until


@compiled
def _supplied_until(offsets, days, supply, person, day, grace, until):
    for r in range(len(person)):
        covered = np.int64(DAY_MIN)
        begun = False
        for i in range(offsets[person[r]], offsets[person[r] + 1]):
            gap = days[i] - covered - 1
            if begun and gap > grace:
                if covered + grace >= day[r]:
                    break  # the use that goes on at the day ends before this dispensing
                begun = False
            if not begun:
                if days[i] > day[r]:
                    break
                begun = True
                covered = np.int64(days[i]) - 1
            covered = max(covered, np.int64(days[i]) - 1) + supply[i]
        goes_on = begun and covered + grace >= day[r]
        until[r] = covered if goes_on else DAY_MIN
