"""Dispensings of treatment episodes.

Purpose    each episode of n dispensings becomes rows: the first on its first day, the others at equal intervals, early
           or late at random; some are left out, some hand out two packs and replace the next. Rows before a person's
           first or after the last visible day, or inside the gap, are dropped.
Order      episodes sorted by person and start; rows come out sorted by person, day and drug. Rows of one person, day
           and drug become one, with their packs added.
Random     one Philox draw a refill, keyed by seed, person's identifier, first day and drug of the episode and number
           of the refill: no row depends on another episode, on the cut, or on the block.
Cost       one pass; two overlapping episodes of a person are merged from the back.
"""

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.philox import LOW_WORD, WORD, philox4x32

STREAM = 0x44_49  # high half of a counter word whose low half is the number of the refill
UNIT = 2.0**-32


@compiled
def refill_uniforms(seed, identifier, start, drug, refill):
    """Two numbers in [0, 1) for a refill of an episode."""
    key, person = np.uint64(seed), np.uint64(identifier)
    purpose = (np.uint64(STREAM) << np.uint64(16)) ^ (np.uint64(drug) << np.uint64(12)) ^ np.uint64(refill)
    day = np.uint64(start) & LOW_WORD
    word_0, word_1, _, _ = philox4x32(
        person & LOW_WORD, person >> WORD, day, purpose & LOW_WORD, key & LOW_WORD, key >> WORD
    )
    return np.float64(word_0) * UNIT, np.float64(word_1) * UNIT


@compiled
def _append_episode(seed, identifier, start, stop, drug, count, rules, bounds, day, packs):
    """Fill `day` and `packs` with the visible rows of one episode; returns how many. Days ascend."""
    spread, missed, double = rules
    first, last, gap_start, gap_end = bounds
    interval = (np.int64(stop) - start + 1) / count
    n, k = 0, 0
    while k < count:
        on, amount, step = np.int64(start), 1, 1
        if k:
            shift, event = refill_uniforms(seed, identifier, start, drug, k)
            on = np.int64(np.floor(start + interval * (k + spread * (2.0 * shift - 1.0))))
            if event < missed:
                amount = 0
            elif event < missed + double and k + 1 < count:
                amount, step = 2, 2
        if on > last and start + interval * (k - spread) > last:
            break
        if amount and first <= on <= last and not gap_start <= on <= gap_end:
            day[n], packs[n] = on, amount
            n += 1
        k += step
    return n


@compiled
def _merge_back(key, packs, begin, end, new_key, new_packs, n):
    """Merge n ascending new rows into the ascending rows begin..end-1, from the back."""
    i, j, at = end - 1, n - 1, end + n - 1
    while j >= 0:
        if i >= begin and key[i] > new_key[j]:
            key[at], packs[at] = key[i], packs[i]
            i -= 1
        else:
            key[at], packs[at] = new_key[j], new_packs[j]
            j -= 1
        at -= 1


@compiled
def _unite(key, packs, begin, end):
    """Join rows with equal keys; returns the new end."""
    out = begin
    for i in range(begin, end):
        if out > begin and key[out - 1] == key[i]:
            packs[out - 1] += packs[i]
        else:
            key[out], packs[out] = key[i], packs[i]
            out += 1
    return out


@compiled
def dispensed(seed, first_person, episodes, visible, rules):
    """Rows of all episodes: person (int32), day (int32), drug (int16) and packs (float32).

    `episodes` is (person, start, stop, drug, dispensings); `visible` is (first, last, gap_start, gap_end) of each
    person; `rules` is (spread, missed, double). The first row of an episode lies on its first day.
    """
    person, start, stop, drug, count = episodes
    first, last, gap_start, gap_end = visible
    room = np.int64(0)
    longest = np.int64(1)
    for i in range(len(person)):
        room += count[i]
        longest = max(longest, np.int64(count[i]))
    who = np.empty(room, dtype=np.int32)
    key, packs = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.float32)
    day, some = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.float32)
    begin, end = 0, 0
    for i in range(len(person)):
        p = person[i]
        bounds = (np.int64(first[p]), np.int64(last[p]), np.int64(gap_start[p]), np.int64(gap_end[p]))
        if stop[i] >= bounds[0] and start[i] <= bounds[1]:
            n = _append_episode(seed, first_person + p, start[i], stop[i], drug[i], count[i], rules, bounds, day, some)
            for j in range(n):
                day[j] = (day[j] << 16) | drug[i]
            _merge_back(key, packs, begin, end, day, some, n)
            end += n
        if i + 1 == len(person) or person[i + 1] != p:
            end = _unite(key, packs, begin, end)
            who[begin:end] = p
            begin = end
    days, drugs = np.empty(end, dtype=np.int32), np.empty(end, dtype=np.int16)
    for i in range(end):
        days[i], drugs[i] = key[i] >> 16, key[i] & 0xFFFF
    return who[:end].copy(), days, drugs, packs[:end].copy()
