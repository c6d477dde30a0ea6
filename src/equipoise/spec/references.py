"""Names that a study uses and names that it defines, checked on the plain values of the file.

It works on the unvalidated dictionary, so that a wrong name is reported together with wrong types elsewhere.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from equipoise.errors import Fault

Path = tuple[str | int, ...]
Use = tuple[Path, str, str]  # where, the kind of thing named, the name


def check_references(raw: dict[str, Any]) -> list[Fault]:
    """Every name that is used but not defined, and every id or covariate name that is defined twice."""
    defined = {
        "concept set": set(_table(raw, "concept_sets")),
        "cohort": set(_table(raw, "cohorts")),
        "exposure": set(_table(raw, "exposures")),
        "window": set(_table(raw, "windows")),
        "covariate": {str(item.get("name")) for _, item in _items(raw, "covariates")},
        "analysis": {str(item.get("id")) for _, item in _items(raw, "analyses")},
    }
    unknown = [_unknown(use, defined[use[1]]) for use in _uses(raw) if use[2] not in defined[use[1]]]
    return unknown + _twice(raw)


def path_text(path: Path) -> str:
    """A place in a study file as a reader writes it: `analyses[0].design.windows`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _unknown(use: Use, defined: set[str]) -> Fault:
    where, kind, name = use
    close = get_close_matches(name, sorted(defined), n=1)
    remedy = f"did you mean {close[0]!r}?" if close else f"define it or name a defined {kind}"
    return Fault(path_text(where), f"unknown {kind} {name!r}", ", ".join(sorted(defined)) or f"no {kind} yet", remedy)


def _twice(raw: dict[str, Any]) -> list[Fault]:
    faults = []
    for label, lists in (("name", ("covariates",)), ("id", ("analyses", "sensitivity"))):
        seen = set()
        for where, name in ((path, item.get(label)) for key in lists for path, item in _placed(raw, key)):
            if name in seen and isinstance(name, str):
                faults.append(Fault(path_text((*where, label)), f"{name!r} is used twice", "a name of its own"))
            seen.add(str(name))
    return faults


def _placed(raw: dict[str, Any], key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    return (((key, i), item) for i, item in _items(raw, key))


def _uses(raw: dict[str, Any]) -> Iterator[Use]:
    for name, cohort in _table(raw, "cohorts").items():
        yield from _cohort_uses(("cohorts", name), cohort)
    for name, exposure in _table(raw, "exposures").items():
        yield from _listed(exposure, ("exposures", name), "concept_sets", "concept set")
    for i, covariate in _items(raw, "covariates"):
        yield from _named(covariate, ("covariates", i), "concept_set", "concept set")
    for i, analysis in _items(raw, "analyses"):
        yield from _analysis_uses(("analyses", i), analysis)
    for i, item in _items(raw, "sensitivity"):
        yield from _named(item, ("sensitivity", i), "base", "analysis")
        if isinstance(item.get("change"), dict):
            yield from _analysis_uses(("sensitivity", i, "change"), item["change"])


def _cohort_uses(where: Path, cohort: Any) -> Iterator[Use]:
    for key in ("entry", "exit"):
        yield from _named(_table(cohort, key), (*where, key), "concept_set", "concept set")
    for key in ("exclude_prior", "rules"):
        for i, item in _items(cohort, key):
            yield from _named(item, (*where, key, i), "concept_set", "concept set")


def _analysis_uses(where: Path, analysis: Any) -> Iterator[Use]:
    yield from _listed(analysis, where, "adjust_for", "covariate")
    pairs = analysis.get("interactions") if isinstance(analysis, dict) else None
    for i, pair in enumerate(pairs if isinstance(pairs, list | tuple) else ()):
        yield from _listed({"pair": pair}, (*where, "interactions", i), "pair", "covariate")
    design = _table(analysis, "design")
    for key in ("cases", "within"):
        yield from _named(design, (*where, "design"), key, "cohort")
    for key, kind in (("free_of", "concept set"), ("exposures", "exposure"), ("windows", "window")):
        yield from _listed(design, (*where, "design"), key, kind)


def _table(raw: Any, key: str) -> dict[str, Any]:
    value = raw.get(key) if isinstance(raw, dict) else None
    return value if isinstance(value, dict) else {}


def _items(raw: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    value = raw.get(key) if isinstance(raw, dict) else None
    for i, item in enumerate(value if isinstance(value, list | tuple) else ()):
        if isinstance(item, dict):
            yield i, item


def _named(raw: dict[str, Any], where: Path, key: str, kind: str) -> Iterator[Use]:
    if isinstance(raw.get(key), str):
        yield (*where, key), kind, raw[key].strip()


def _listed(raw: Any, where: Path, key: str, kind: str) -> Iterator[Use]:
    value = raw.get(key) if isinstance(raw, dict) else None
    for i, name in enumerate(value if isinstance(value, list | tuple) else ()):
        if isinstance(name, str):
            yield (*where, key, i), kind, name.strip()
