"""Treatment episodes of one class of drugs: which of the drawn ones can take place.

Purpose    a person under treatment does not begin it anew; the episode that would begin then is dropped.
Order      rows sorted by person and start.
Returns    bool (n,): the episode takes place. A dropped episode blocks nothing.
Cost       one pass.
"""

import numpy as np

from equipoise.kernels.jit import compiled


@compiled
def begun_untreated(person, start, stop):
    """Whether each episode begins after the last one of the same person that took place has stopped.

    >>> begun_untreated(np.array([1, 1, 1]), np.array([0, 5, 11]), np.array([10, 20, 12])).tolist()
    [True, False, True]
    """
    kept = np.zeros(len(person), dtype=np.bool_)
    current, until = -1, 0
    for i in range(len(person)):
        if person[i] != current or start[i] > until:
            kept[i] = True
            current, until = person[i], stop[i]
    return kept
