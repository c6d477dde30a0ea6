"""A row-at-a-time evaluator of the relational verbs: the obvious second implementation.

A relation is a list of dicts, one a row. Nothing is sorted, keyed or vectorised; each verb asks its question of every
row, in the words of its docstring in `equipoise.data.verbs`.
"""

from typing import Any

Row = dict[str, Any]
Relation = list[Row]


def keep_persons(rows: Relation, persons: Relation) -> Relation:
    return [row for row in rows if any(person["person_id"] == row["person_id"] for person in persons)]


def drop_persons(rows: Relation, persons: Relation) -> Relation:
    return [row for row in rows if not any(person["person_id"] == row["person_id"] for person in persons)]


def on_or_after(events: Relation, day: int) -> Relation:
    return [event for event in events if event["day"] >= day]


def on_or_before(events: Relation, day: int) -> Relation:
    return [event for event in events if event["day"] <= day]


def between_days(events: Relation, first: int, last: int) -> Relation:
    return [event for event in events if first <= event["day"] <= last]


def first_per_person(events: Relation) -> Relation:
    """The least row of each person by day, then by the other columns in order; nothing counts as more than anything."""

    def rank(event: Row) -> list[tuple[bool, Any]]:
        others = [value for name, value in event.items() if name not in ("person_id", "day")]
        return [(value is None, value if value is not None else 0) for value in (event["day"], *others)]

    best: dict[int, Row] = {}
    for event in events:
        person = event["person_id"]
        if person not in best or rank(event) < rank(best[person]):
            best[person] = event
    return list(best.values())


def distinct_days(events: Relation) -> Relation:
    found: Relation = []
    for event in events:
        row = {"person_id": event["person_id"], "day": event["day"]}
        if row not in found:
            found.append(row)
    return found


def _lies_in(event: Row, span: Row) -> bool:
    return event["person_id"] == span["person_id"] and span["start_day"] <= event["day"] <= span["end_day"]


def within_spans(events: Relation, spans: Relation) -> Relation:
    return [event for event in events if any(_lies_in(event, span) for span in spans)]


def outside_spans(events: Relation, spans: Relation) -> Relation:
    return [event for event in events if not any(_lies_in(event, span) for span in spans)]


def merge_spans(spans: Relation, gap: int = 0) -> Relation:
    """Marks every covered day on a calendar, fills short gaps, and reads the marks off again."""
    merged: Relation = []
    for person in {span["person_id"] for span in spans}:
        days = set()
        for span in spans:
            if span["person_id"] == person:
                days |= set(range(span["start_day"], span["end_day"] + 1))
        start = before = None
        for day in sorted(days):
            if before is None or day - before - 1 > gap:
                if start is not None:
                    merged.append({"person_id": person, "start_day": start, "end_day": before})
                start = day
            before = day
        merged.append({"person_id": person, "start_day": start, "end_day": before})
    return merged


def span_overlaps(left: Relation, right: Relation) -> Relation:
    shared: Relation = []
    for one in left:
        for other in right:
            if one["person_id"] == other["person_id"]:
                mine = set(range(one["start_day"], one["end_day"] + 1))
                days = mine & set(range(other["start_day"], other["end_day"] + 1))
                if days:
                    shared.append({"person_id": one["person_id"], "start_day": min(days), "end_day": max(days)})
    return shared


def count_by(rows: Relation, *keys: str) -> Relation:
    groups: dict[tuple[Any, ...], Relation] = {} if keys else {(): []}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [
        dict(zip(keys, group, strict=True))
        | {"n_records": len(members), "n_persons": len({member["person_id"] for member in members})}
        for group, members in groups.items()
    ]


def union(*relations: Relation) -> Relation:
    return [row for relation in relations for row in relation]
