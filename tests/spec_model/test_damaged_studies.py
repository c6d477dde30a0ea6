"""Whatever is in a study file, reading it ends in a study or in a `SpecError` that says where to look."""

from collections.abc import Callable
from datetime import date, datetime, time
from math import inf, nan
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import SpecError
from equipoise.lint.study import lint_study
from equipoise.spec.canonical import canonical, study_hash
from equipoise.spec.read import parse_study, study_from_bytes
from equipoise.spec.study import Study
from tests.spec_model.examples import FULL, full

ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**63, 10**400, 0.5, -0.0, inf, -inf, nan),
    *("", " ", "none", "drug", "past", "main", "a\x00b", "\ud800", "é" * 100, "Infinity", "2015-01-01", "[key]"),
    *(date(2015, 1, 1), datetime(2015, 1, 1), time(1), date.max),
    *([], [[]], [None], ["past"], ["past", "past"], [1, 2], [0, inf], {}, {"": {}}, {"x": {"y": []}}, {"kind": []}),
]
odd = st.sampled_from(ODD) | st.recursive(
    st.sampled_from(ODD[:20]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "kind", "id", ""]), inner),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in plain values, tables and lists included."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, item in inside for deeper in places(item, (*path, key)))]


PLACES = places(full())[1:]


def damage(raw: Any, place: tuple[Any, ...], how: str, value: Any) -> None:
    """Replace, remove, or add a key beside; nothing where earlier damage took the place away."""
    *way, last = place
    for part in way:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            return
    if not isinstance(raw, dict | list) or (isinstance(raw, list) and not isinstance(last, int)):
        return
    if how == "replace" and (isinstance(raw, dict) or last < len(raw)):
        raw[last] = value
    elif how == "remove" and (last in raw if isinstance(raw, dict) else last < len(raw)):
        del raw[last]
    elif how == "add":
        raw.append(value) if isinstance(raw, list) else raw.update({"extra": value})


damages = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(["replace", "remove", "add"]), odd), min_size=1)


@given(damages)
@settings(max_examples=500)
def test_damaged_values_end_in_a_study_or_a_complete_list(damaged: list[Any]) -> None:
    raw = full()
    for place, how, value in damaged:
        damage(raw, place, how, value)
    check(raw)


@given(odd)
def test_any_value_ends_in_a_study_or_a_complete_list(value: Any) -> None:
    check(value)


def outcome(read: Callable[[Any], Study], content: Any) -> Study | SpecError:
    """What reading came to; any other exception fails the test."""
    try:
        return read(content)
    except SpecError as error:
        return error


def check(raw: Any) -> None:
    study = outcome(parse_study, raw)
    if isinstance(study, SpecError):
        assert study.faults
        assert all(fault.where and fault.found for fault in study.faults)
        assert len(set(study.faults)) == len(study.faults)
        return
    assert parse_study(canonical(study)) == study
    assert len(study_hash(study)) == 64
    assert len(study.every_analysis()) == len(study.analyses) + len(study.sensitivity)
    assert all(finding.code for finding in lint_study(study))


LINES = FULL.splitlines()


@given(
    st.lists(st.tuples(st.sampled_from(range(len(LINES))), st.sampled_from(["drop", "double", "cut"])), min_size=1),
    st.binary(max_size=3),
    st.integers(0, len(FULL)),
)
@settings(max_examples=300)
def test_damaged_text_ends_in_a_study_or_a_complete_list(cuts: list[Any], noise: bytes, at: int) -> None:
    lines = list(LINES)
    for i, how in cuts:
        lines[i] = {"drop": "", "double": f"{lines[i]}\n{lines[i]}", "cut": lines[i][: len(lines[i]) // 2]}[how]
    content = "\n".join(lines).encode()
    study = outcome(lambda text: study_from_bytes(text, "x"), content[:at] + noise + content[at:])
    assert isinstance(study, Study) or study.faults
