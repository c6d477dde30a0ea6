"""What two studies say of an element, in words: the names of things, and of the rest only what differs."""

from collections.abc import Iterator, Mapping
from typing import Any

from equipoise.spec.places import Path

Raw = dict[str, Any]
NAMES: dict[Path, str] = {
    ("design", "population"): "cohorts",
    ("design", "target"): "exposures",
    ("design", "window"): "windows",
    ("design", "comparator"): "exposures",
}
PHRASES: dict[tuple[str, str | None], str] = {
    ("time_zero", "entry"): "time zero at entry into the population",
    ("time_zero", "first_use"): "time zero at first use",
    ("new_users", None): "prevalent users included",
    ("comparator", None): "no use of the target",
    ("window", None): "no window",
    ("days", None): "to the end of observation",
}
VIEWS: dict[str | None, str] = {"register": "national registers", "network": "a network of hospitals"}


def setting_words(
    parts: Raw, settings: tuple[Path, ...], pair: tuple[Raw, Raw], needs: tuple[Raw, Raw], other_data: bool
) -> tuple[str, str]:
    """Some settings of A and of B as phrases, separated by semicolons; `other_data` where B has its own database."""
    said: tuple[list[str], ...] = [], []
    if other_data and ("data_needs",) in settings:
        apart = needs[0]["view"] != needs[1]["view"]
        said = tuple(
            [VIEWS.get(needs[i]["view"] if apart else None, f"the {which} database")]
            for i, which in enumerate(("first", "second"))
        )
    for path in settings:
        values = [needs[i] if path == ("data_needs",) else _value(pair[i], path) for i in (0, 1)]
        for side, words in zip(said, _words(parts, path, values), strict=True):
            side.append(words)
    return "; ".join(filter(None, said[0])), "; ".join(filter(None, said[1]))


def _words(parts: Raw, path: Path, values: list[Any]) -> tuple[str, str]:
    if path == ("data_needs",):
        days = [value["drug_recording_from"] for value in values]
        first, second = (
            (f"drugs recorded from {day}" if day else "" for day in days) if days[0] != days[1] else ("", "")
        )
        return first, second
    if path in (("adjust_for",), ("interactions",)):
        return _listed(path, values[0]), _listed(path, values[1])
    if path in NAMES:
        return _things(parts, path, values)
    one, other = _leaves(path[-1], values)
    if path == ("design", "new_users"):
        return _new_users(values[0], one), _new_users(values[1], other)
    return one, other


def _new_users(value: Any, words: str) -> str:
    return words if value is None else f"new users, {words}"


def _value(analysis: Raw, path: Path) -> Any:
    value: Any = analysis
    for key in path:
        value = value[key]
    return value


def _listed(path: Path, items: list[Any]) -> str:
    kind = "covariates" if path == ("adjust_for",) else "interactions"
    named = [item if isinstance(item, str) else " × ".join(item) for item in items]
    return f"{kind}: {', '.join(named)}" if named else f"no {kind}"


def _things(parts: Raw, path: Path, values: list[Any]) -> tuple[str, str]:
    """Two named things: by their labels where these differ, else with the settings that do."""
    names = [value[0] if isinstance(value, list) else value for value in values]
    defined: Mapping[str, Any] = parts[NAMES[path]]
    labels = [_label(defined, name, str(path[-1])) for name in names]
    if labels[0] != labels[1]:
        return labels[0], labels[1]
    one, other = _leaves("", [defined[name] for name in names])
    return f"{labels[0]} ({one})", f"{labels[1]} ({other})"


def _label(defined: Mapping[str, Any], name: str | None, key: str) -> str:
    if name is None:
        return PHRASES[key, None]
    return defined[name].get("label") or name


def _leaves(key: Any, values: list[Any]) -> tuple[str, str]:
    """The settings inside two values that differ, as `key = value`."""
    flat = [dict(_flattened(str(key), value)) for value in values]
    keys = [name for name in dict.fromkeys([*flat[0], *flat[1]]) if flat[0].get(name, ...) != flat[1].get(name, ...)]
    first, second = (", ".join(_said(name, side[name]) for name in keys if name in side) for side in flat)
    return first, second


def _flattened(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for inner, item in value.items():
            if inner != "label":
                yield from _flattened(inner, item)
    else:
        yield key, value


def _said(key: str, value: Any) -> str:
    if not isinstance(value, list) and (key, value) in PHRASES:
        return PHRASES[key, value]
    if isinstance(value, list):
        return f"{key}: {', '.join(map(_plain, value)) or 'none'}"
    return f"{key} = {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {_plain(item)}" for key, item in value.items() if item is not None)
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
