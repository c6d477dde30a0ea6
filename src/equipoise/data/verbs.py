"""The dozen relational verbs: everything the left wing does to relations inside the database.

`events` relations have the columns person_id (int64) and day (int32), and any others, which are carried along. `spans`
relations have person_id, start_day and end_day (int32), both ends inclusive. No column a verb works on may be NULL.
Each verb has a row-at-a-time twin in `tests/oracle/relational.py`, against which every engine is held.

>>> import ibis
>>> events = ibis.memtable({"person_id": [1, 1, 2], "day": [5, 9, 7]})
>>> ibis.duckdb.connect().execute(first_per_person(events).order_by("person_id")).values.tolist()
[[1, 5], [2, 7]]
"""

from functools import reduce

import ibis
import ibis.expr.types as ir


def keep_persons(rows: ir.Table, persons: ir.Table) -> ir.Table:
    """The rows of persons who are in `persons` (person_id), however often they are there."""
    return rows.semi_join(persons, "person_id")


def drop_persons(rows: ir.Table, persons: ir.Table) -> ir.Table:
    """The rows of persons who are not in `persons` (person_id)."""
    return rows.anti_join(persons, "person_id")


def on_or_after(events: ir.Table, day: int) -> ir.Table:
    """The events on or after a day."""
    return events.filter(events.day >= day)


def on_or_before(events: ir.Table, day: int) -> ir.Table:
    """The events on or before a day."""
    return events.filter(events.day <= day)


def between_days(events: ir.Table, first: int, last: int) -> ir.Table:
    """The events from `first` to `last`, both inclusive; none if `last` is before `first`."""
    return events.filter((events.day >= first) & (events.day <= last))


def first_per_person(events: ir.Table) -> ir.Table:
    """One event a person: that of the earliest day; of several on that day, the least by the other columns in order.

    NULL counts as more than any value.
    """
    others = [events[name].asc(nulls_first=False) for name in events.columns if name not in ("person_id", "day")]
    rank = ibis.row_number().over(group_by=events.person_id, order_by=[events.day, *others])
    ranked = events.mutate(rank_in_person=rank)
    return ranked.filter(ranked.rank_in_person == 0).select(*events.columns)


def distinct_days(events: ir.Table) -> ir.Table:
    """The days on which each person has at least one event: (person_id, day), each pair once."""
    return events.select("person_id", "day").distinct()


def within_spans(events: ir.Table, spans: ir.Table) -> ir.Table:
    """The events whose day lies in at least one span of the same person, each event once."""
    return events.semi_join(spans, _day_in_span(events, spans))


def outside_spans(events: ir.Table, spans: ir.Table) -> ir.Table:
    """The events whose day lies in no span of the same person."""
    return events.anti_join(spans, _day_in_span(events, spans))


def _day_in_span(events: ir.Table, spans: ir.Table) -> list[ir.BooleanValue]:
    return [events.person_id == spans.person_id, events.day >= spans.start_day, events.day <= spans.end_day]


def merge_spans(spans: ir.Table, gap: int = 0) -> ir.Table:
    """Disjoint spans that cover the same days: (person_id, start_day, end_day).

    Spans of a person are joined if they overlap or touch (one ends the day before the next starts), or if at most `gap`
    uncovered days lie between them, which are then covered. This is the gaps-and-islands query: a span opens an island
    if it starts more than `gap` + 1 days after everything before it has ended.
    """
    ordered = {"group_by": spans.person_id, "order_by": [spans.start_day, spans.end_day]}
    reached = spans.end_day.max().over(ibis.window(**ordered, preceding=(None, 1)))
    opens = (reached.isnull() | (spans.start_day > reached + (gap + 1))).ifelse(1, 0)
    marked = spans.select("person_id", "start_day", "end_day", opens=opens.cast("int64"))
    so_far = ibis.window(
        group_by=marked.person_id, order_by=[marked.start_day, marked.end_day], preceding=None, following=0
    )
    islands = marked.mutate(island=marked.opens.sum().over(so_far))
    merged = islands.group_by("person_id", "island").aggregate(
        start_day=islands.start_day.min(), end_day=islands.end_day.max()
    )
    return merged.select("person_id", "start_day", "end_day")


def span_overlaps(left: ir.Table, right: ir.Table) -> ir.Table:
    """For every pair of spans, one of each side, of the same person that share a day: the days they share.

    (person_id, start_day, end_day), one row a pair.
    """
    right = right.select(person_id="person_id", other_start="start_day", other_end="end_day")
    pairs = left.join(
        right,
        [
            left.person_id == right.person_id,
            left.start_day <= right.other_end,
            right.other_start <= left.end_day,
        ],
    )
    return pairs.select(
        "person_id",
        start_day=ibis.greatest(pairs.start_day, pairs.other_start),
        end_day=ibis.least(pairs.end_day, pairs.other_end),
    )


def count_by(rows: ir.Table, *keys: str) -> ir.Table:
    """Records and different persons for each combination of the key columns: (*keys, n_records, n_persons), int64."""
    counts = {"n_records": rows.count().cast("int64"), "n_persons": rows.person_id.nunique().cast("int64")}
    return rows.group_by(*keys).aggregate(**counts) if keys else rows.aggregate(**counts)


def union(*relations: ir.Table) -> ir.Table:
    """All rows of relations with the same columns, duplicates kept."""
    columns = relations[0].columns
    return reduce(lambda left, right: left.union(right.select(*columns), distinct=False), relations)
