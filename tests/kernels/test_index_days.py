"""Spans by the index days on which they begin and cease to hold: walking the days tells who is inside."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from equipoise.kernels.index_days import TABLE, day_events
from equipoise.kernels.spans import DAY_MAX, DAY_MIN

days = st.one_of(st.integers(-20, 60), st.sampled_from([DAY_MIN, DAY_MIN + 1, 100_000, DAY_MAX - 1, DAY_MAX]))


def int32(values) -> np.ndarray:
    return np.array(values, dtype=np.int32)


@given(st.lists(st.tuples(days, days).map(sorted), max_size=20), st.sets(days, max_size=10))
def test_walking_the_days_tells_which_spans_hold(spans: list[list[int]], index_days: set[int]) -> None:
    asked = sorted(index_days)
    events = day_events(
        np.arange(len(spans), dtype=np.int32), int32([s for s, _ in spans]), int32([e for _, e in spans]), int32(asked)
    )
    inside: set[int] = set()
    for d, day in enumerate(asked):
        ceased = events.off[events.off_offsets[d] : events.off_offsets[d + 1]].tolist()
        begun = events.on[events.on_offsets[d] : events.on_offsets[d + 1]].tolist()
        assert inside >= set(ceased)
        inside = (inside - set(ceased)) | set(begun)
        assert inside == {i for i, (start, end) in enumerate(spans) if start <= day <= end}


def test_days_far_apart_share_buckets_and_are_still_told_apart() -> None:
    far = [0, 1, 2, 5 * TABLE, 5 * TABLE + 1]
    events = day_events(int32([7, 8]), int32([2, 3]), int32([5 * TABLE, 5 * TABLE - 1]), int32(far))
    assert (events.on.tolist(), events.on_offsets.tolist()) == ([7], [0, 0, 0, 1, 1, 1])
    assert (events.off.tolist(), events.off_offsets.tolist()) == ([7], [0, 0, 0, 0, 0, 1])
