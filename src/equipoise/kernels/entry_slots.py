"""Spans of the candidates sorted by cell and by the day the cohort was entered.

Purpose: with a time-in-cohort caliper the eligible of a cell are one run of these slots, so that only they are looked
at and not everybody in the cell.
Order: cell of the candidate array, then entry day. Where spans of one cell and entry day
stand among each other never shows: they are put back into the order of ranks before anybody is drawn.
Cost: one sort of the entry days; 12 bytes a span are kept.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.candidates import CandidateArray
from equipoise.kernels.jit import compiled
from equipoise.kernels.radix import ascending_order
from equipoise.kernels.rank_bits import ONE, add_rank, bits_from, lowest_bit


@dataclass(frozen=True, slots=True)
class EntrySlots:
    """slot int32 (n_spans,) of each span; rank and entry day int32 (n_spans,) of each slot.

    cell_start int64 (n_cells + 1,): cell g owns slots cell_start[g] to cell_start[g + 1] - 1, entry days ascending.
    """

    slot: np.ndarray
    rank: np.ndarray
    entry: np.ndarray
    cell_start: np.ndarray


def sort_entries(array: CandidateArray, rank_of_span: np.ndarray, entry_day: np.ndarray) -> EntrySlots:
    """Slots of spans that belong to `rank_of_span` (int32) and were entered on `entry_day` (int32)."""
    n_cells = len(array.cell_key)
    cell_of_rank = np.repeat(np.arange(n_cells, dtype=np.int32), np.diff(array.cell_start))
    return EntrySlots(*_sort_entries(ascending_order(entry_day), cell_of_rank, n_cells, rank_of_span, entry_day))


@compiled
def _sort_entries(by_entry, cell_of_rank, n_cells, rank_of_span, entry_day):
    cell_start = np.zeros(n_cells + 1, dtype=np.int64)
    for i in range(len(by_entry)):
        cell_start[cell_of_rank[rank_of_span[i]] + 1] += 1
    for g in range(n_cells):
        cell_start[g + 1] += cell_start[g]
    place = cell_start.copy()
    slot = np.empty(len(by_entry), dtype=np.int32)
    rank = np.empty(len(by_entry), dtype=np.int32)
    entry = np.empty(len(by_entry), dtype=np.int32)
    for span in by_entry:
        cell = cell_of_rank[rank_of_span[span]]
        at = place[cell]
        place[cell] = at + 1
        slot[span] = at
        rank[at] = rank_of_span[span]
        entry[at] = entry_day[span]
    return slot, rank, entry, cell_start


@compiled
def first_slot(entry, lo, hi, day):
    """The first of the slots lo..hi-1 entered on `day` or later; hi where there is none."""
    while lo < hi:
        middle = (lo + hi) // 2
        if entry[middle] < day:
            lo = middle + 1
        else:
            hi = middle
    return lo


@compiled
def keep_close(slot_words, slots, first_cell, stop_cell, entry, caliper, words, blocks):
    """Add the rank of every eligible slot of a run of cells entered within `caliper` days of `entry`."""
    slot_rank, slot_entry, cell_start = slots
    for cell in range(first_cell, stop_cell):
        at = first_slot(slot_entry, cell_start[cell], cell_start[cell + 1], np.int64(entry) - caliper)
        stop = first_slot(slot_entry, at, cell_start[cell + 1], np.int64(entry) + caliper + 1)
        while at < stop:
            bits, width = bits_from(slot_words, at, stop)
            while bits:
                add_rank(words, blocks, slot_rank[at + lowest_bit(bits)])
                bits &= bits - ONE
            at += width
