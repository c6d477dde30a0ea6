"""Names that a study uses and names that it defines, checked on the plain values of the file.

It works on the unvalidated dictionary, so that a wrong name is reported together with wrong types elsewhere.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from equipoise.errors import Fault
from equipoise.spec.follow_up import DEATH
from equipoise.spec.places import Path, place

Use = tuple[Path, str, str]  # where, the kind of thing named, the name
KEYS = {
    "concept set": "concept_sets",
    "cohort": "cohorts",
    "exposure": "exposures",
    "window": "windows",
    "covariate set": "covariate_sets",
}


def check_references(raw: Any) -> list[Fault]:
    """Every name that is used but not defined, and every id or covariate name that is defined twice."""
    defined = {kind: {key for key in table(raw, name) if isinstance(key, str)} for kind, name in KEYS.items()}
    defined["covariate"] = set(_texts(raw, "covariates", "name"))
    defined["analysis"] = set(_texts(raw, "analyses", "id"))
    defined["any analysis"] = defined["analysis"] | set(_texts(raw, "sensitivity", "id"))
    unknown = [_unknown(use, defined[use[1]], raw) for use in _uses(raw) if use[2] not in defined[use[1]]]
    return unknown + _twice(raw)


def _unknown(use: Use, defined: set[str], raw: Any) -> Fault:
    where, (kind, name) = use[0], (use[1].removeprefix("any "), use[2])
    close = get_close_matches(name, sorted(defined), n=1)
    remedy = f"did you mean {close[0]!r}?" if close else f"define it or name a defined {kind}"
    allowed = ", ".join(map(repr, sorted(defined))) or f"no {kind} is defined yet"
    return Fault(place(where, raw), f"unknown {kind} {name!r}", allowed, remedy)


def _twice(raw: Any) -> list[Fault]:
    faults = []
    for label, lists in (("name", ("covariates",)), ("id", ("analyses", "sensitivity", "grids"))):
        seen: set[str] = set()
        for key in lists:
            for i, item in items(raw, key):
                name = _text(item, label)
                if name in seen:
                    found = f"{name!r} is used twice"
                    faults.append(Fault(place((key, i, label), raw), found, f"each {label} once", "choose another"))
                seen |= {name} if name is not None else set()
    return faults


def _uses(raw: Any) -> Iterator[Use]:
    for name, cohort in table(raw, "cohorts").items():
        yield from _cohort_uses(("cohorts", name), cohort)
    for name, exposure in table(raw, "exposures").items():
        yield from _listed(exposure, ("exposures", name), "concept_sets", "concept set")
    for i, covariate in items(raw, "covariates"):
        yield from _named(covariate, ("covariates", i), "concept_set", "concept set")
        for j, level in items(covariate, "levels"):
            yield from _named(level, ("covariates", i, "levels", j), "concept_set", "concept set")
    for i, analysis in items(raw, "analyses"):
        yield from _analysis_uses(("analyses", i), analysis)
    for i, item in items(raw, "sensitivity"):
        yield from _named(item, ("sensitivity", i), "base", "analysis")
        yield from _analysis_uses(("sensitivity", i, "change"), table(item, "change"))
    for i, item in items(raw, "grids"):
        yield from _grid_uses(("grids", i), item)
    for name, item in table(raw, "covariate_sets").items():
        yield from _listed(item, ("covariate_sets", name), "leave_out", "concept set")
    controls = table(raw, "negative_controls")
    for key, kind in (("outcomes", "concept set"), ("exposures", "exposure"), ("analyses", "any analysis")):
        yield from _listed(controls, ("negative_controls",), key, kind)
    for i, item in items(raw, "contrasts"):
        yield from _named(item, ("contrasts", i), "base", "analysis")
    for i, item in items(table(raw, "triangulation"), "answers"):
        for key, kind in (("analysis", "any analysis"), ("exposure", "exposure"), ("window", "window")):
            yield from _named(item, ("triangulation", "answers", i), key, kind)
    for i, item in items(raw, "published"):
        for key, kind in (("exposure", "exposure"), ("window", "window"), ("subgroup", "covariate")):
            yield from _named(item, ("published", i), key, kind)
        yield from _named(item, ("published", i), "analysis", "any analysis")


def _grid_uses(where: Path, grid: Any) -> Iterator[Use]:
    yield from _named(grid, where, "base", "analysis")
    yield from _listed(grid, where, "targets", "exposure")
    yield from (use for use in _listed(grid, where, "comparators", "exposure") if use[2] != "none")
    yield from (use for use in _listed(grid, where, "outcomes", "concept set") if use[2] != DEATH)
    for i, item in items(grid, "variations"):
        yield from _analysis_uses((*where, "variations", i, "change"), table(item, "change"))


def _cohort_uses(where: Path, cohort: Any) -> Iterator[Use]:
    for key in ("entry", "exit"):
        yield from _named(table(cohort, key), (*where, key), "concept_set", "concept set")
    yield from _listed(table(cohort, "entry"), (*where, "entry"), "also", "concept set")
    for key in ("exclude_prior", "rules"):
        for i, item in items(cohort, key):
            yield from _named(item, (*where, key, i), "concept_set", "concept set")


def _analysis_uses(where: Path, analysis: Any) -> Iterator[Use]:
    for key in ("adjust_for", "subgroups"):
        yield from _listed(analysis, where, key, "covariate")
    pairs = analysis.get("interactions")
    for i, pair in enumerate(pairs if isinstance(pairs, list | tuple) else ()):
        for place_in_pair, kind, name in _listed({"": pair}, (*where, "interactions", i), "", "covariate"):
            yield tuple(part for part in place_in_pair if part != ""), kind, name
    design = table(analysis, "design")
    inside = (*where, "design")
    yield from (use for use in _named(design, inside, "indication", "covariate") if use[2] != "none")
    for key, kind in (
        ("cases", "cohort"),
        ("within", "cohort"),
        ("population", "cohort"),
        ("window", "window"),
    ):
        yield from _named(design, inside, key, kind)
    lists = (("free_of", "concept set"), ("exposures", "exposure"), ("windows", "window"), ("target", "exposure"))
    for key, kind in lists:
        yield from _listed(design, inside, key, kind)
    yield from _trial_uses(inside, design)
    yield from (use for use in _named(design, inside, "comparator", "exposure") if use[2] != "none")
    entered = _named(table(design, "follow_up"), (*inside, "follow_up"), "delayed_entry", "concept set")
    yield from (use for use in entered if use[2] != "none")
    yield from _named(table(design, "adjustment"), (*inside, "adjustment"), "covariate_set", "covariate set")
    for key in ("any_of", "competing"):
        named = _listed(table(design, "outcome"), (*inside, "outcome"), key, "concept set")
        yield from (use for use in named if use[2] != DEATH)
    for i, item in items(table(design, "score"), "scored"):
        yield from _named(item, (*inside, "score", "scored", i), "concept_set", "concept set")
    function = table(design, "function")
    for key in ("total", "onset", "gastrostomy", "ventilation"):
        yield from _named(function, (*inside, "function"), key, "concept set")
    yield from _listed(function, (*inside, "function"), "items", "concept set")


def _trial_uses(where: Path, design: Any) -> Iterator[Use]:
    yield from _listed(design, where, "time_varying", "covariate")
    for i, rule in items(design, "eligibility"):
        yield from _named(rule, (*where, "eligibility", i), "concept_set", "concept set")
    for i, strategy in items(design, "strategies"):
        found = _named(strategy, (*where, "strategies", i), "start", "exposure")
        yield from (use for use in found if use[2] != "none")
        yield from _named(strategy, (*where, "strategies", i), "when", "covariate")


def table(raw: Any, key: str) -> dict[str, Any]:
    """The table under `key`; an empty one where there is none."""
    value = raw.get(key) if isinstance(raw, dict) else None
    return value if isinstance(value, dict) else {}


def items(raw: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The tables in the list under `key`, with their positions; none where there is no list."""
    value = raw.get(key) if isinstance(raw, dict) else None
    for i, item in enumerate(value if isinstance(value, list | tuple) else ()):
        if isinstance(item, dict):
            yield i, item


def _text(raw: dict[str, Any], key: str) -> str | None:
    return raw[key].strip() if isinstance(raw.get(key), str) else None


def _texts(raw: Any, key: str, label: str) -> Iterator[str]:
    return (name for _, item in items(raw, key) if (name := _text(item, label)) is not None)


def _named(raw: dict[str, Any], where: Path, key: str, kind: str) -> Iterator[Use]:
    if (name := _text(raw, key)) is not None:
        yield (*where, key), kind, name


def _listed(raw: Any, where: Path, key: str, kind: str) -> Iterator[Use]:
    value = raw.get(key) if isinstance(raw, dict) else None
    for i, name in enumerate(value if isinstance(value, list | tuple) else ()):
        if isinstance(name, str):
            yield (*where, key, i), kind, name.strip()
