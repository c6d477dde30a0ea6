"""Two studies as one: parts that say the same thing share a name, parts that differ have names of their own.

Works on canonical forms. Study A keeps its names; of study B, a part that A has under any name takes A's name, and one
whose name means something else in A gets a new one. Labels make no difference.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from equipoise.spec.follow_up import DEATH

Raw = dict[str, Any]
# In an order in which each names only those before it.
KINDS = ("concept_sets", "windows", "exposures", "cohorts", "covariate_sets")
WORDING = ("label", "name")
LEFT_OUT: Raw = {
    "sensitivity": [],
    "published": [],
    "gate": None,
    "grids": [],
    "negative_controls": None,
    "contrasts": [],
    "triangulation": None,
}  # what belongs to the study as a whole


@dataclass(frozen=True, slots=True)
class JoinedStudy:
    """The parts of both studies, and the analysis of B in the names of these parts."""

    parts: Raw
    analysis_b: Raw


def joined_study(study_a: Raw, study_b: Raw, analysis_b: Raw) -> JoinedStudy:
    """Both studies in canonical form, and an analysis of B, joined. The parts not named here are those of A."""
    parts = {key: LEFT_OUT.get(key, part) for key, part in study_a.items()}
    names: dict[str, dict[str, str]] = {}
    for kind in KINDS:
        names[kind], own = _joined(study_a[kind], _with_names(study_b[kind], names.get("concept_sets", {})))
        parts[kind] = {**study_a[kind], **own}
    sets = names["concept_sets"]
    of_a = {item["name"]: item for item in study_a["covariates"]}
    of_b = {item["name"]: _with_names(item, sets) for item in study_b["covariates"]}
    names["covariates"], own = _joined(of_a, of_b)
    parts["covariates"] = [*study_a["covariates"], *({**item, "name": name} for name, item in own.items())]
    return JoinedStudy(parts, _renamed_analysis(analysis_b, names))


def _joined(of_a: Mapping[str, Raw], of_b: Mapping[str, Raw]) -> tuple[dict[str, str], dict[str, Raw]]:
    """The name of each part of B in the joined study, and the parts that A does not have."""
    names: dict[str, str] = {}
    own: dict[str, Raw] = {}
    for name, part in of_b.items():
        same = [other for other in (name, *of_a) if other in of_a and _content(of_a[other]) == _content(part)]
        names[name] = same[0] if same else _free_name(name, {*of_a, *(of_b if name in of_a else ()), *own})
        if not same:
            own[names[name]] = part
    return names, own


def _content(part: Raw) -> Raw:
    return {key: value for key, value in part.items() if key not in WORDING}


def _free_name(name: str, taken: Iterable[str]) -> str:
    made, number = name, 0
    while made in taken:
        number += 1
        made = f"{name[:70]} (B{number if number > 1 else ''})"
    return made


def _with_names(part: Any, sets: Mapping[str, str]) -> Any:
    """A part with the concept sets that it names renamed, wherever they stand in it."""
    if isinstance(part, list):
        return [_with_names(item, sets) for item in part]
    if not isinstance(part, dict):
        return part
    return {key: _named(key, value, sets) for key, value in part.items()}


def _named(key: str, value: Any, sets: Mapping[str, str]) -> Any:
    if key == "concept_set" and isinstance(value, str):
        return sets.get(value, value)
    if key in ("concept_sets", "leave_out", "also") and isinstance(value, list):
        # An item of a concept set has an `also` of its own, of codes.
        return [sets.get(name, name) if isinstance(name, str) else name for name in value]
    return _with_names(value, sets)


def _renamed_analysis(analysis: Raw, names: Mapping[str, Mapping[str, str]]) -> Raw:
    design = dict(analysis["design"])
    design["population"] = names["cohorts"][design["population"]]
    design["target"] = [names["exposures"][name] for name in design["target"]]
    design["comparator"] = names["exposures"].get(design["comparator"])
    design["window"] = names["windows"].get(design["window"])
    design["outcome"] = {
        key: [name if name == DEATH else names["concept_sets"][name] for name in events]
        for key, events in design["outcome"].items()
    }
    if (entered := design["follow_up"].get("delayed_entry")) is not None:
        design["follow_up"] = {**design["follow_up"], "delayed_entry": names["concept_sets"][entered]}
    if design["adjustment"].get("covariate_set") is not None:
        renamed = names["covariate_sets"][design["adjustment"]["covariate_set"]]
        design["adjustment"] = {**design["adjustment"], "covariate_set": renamed}
    covariates = names["covariates"]
    return {
        **analysis,
        "design": design,
        "adjust_for": [covariates[name] for name in analysis["adjust_for"]],
        "interactions": [[covariates[name] for name in pair] for pair in analysis["interactions"]],
    }
