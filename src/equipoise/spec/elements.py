"""The elements of a follow-up design, the difference of two designs read off element by element, and their mixtures."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from equipoise.errors import DesignError, Fault, SpecError
from equipoise.spec.canonical import canonical
from equipoise.spec.element_words import setting_words
from equipoise.spec.joined_study import joined_study
from equipoise.spec.places import Path
from equipoise.spec.read import parse_study
from equipoise.spec.study import Analysis, Study

Raw = dict[str, Any]
MIXED = "mixed"  # id of the one analysis of a mixture

ELEMENTS: dict[str, tuple[Path, ...]] = {
    "data_view": (("data_needs",),),
    "population": (("design", "population"), ("design", "common_period")),
    "time_zero": (("design", "time_zero"),),
    "new_users": (("design", "new_users"),),
    "exposure": (("design", "target"), ("design", "timing"), ("design", "window"), ("design", "use")),
    "comparator": (("design", "comparator"), ("design", "both"), ("design", "below_minimum")),
    "lag": (("design", "lag_days"),),
    "outcome": (("design", "outcome"),),
    "covariates": (("adjust_for",), ("interactions",), ("missing",)),
    "adjustment": (("design", "adjustment"),),
    "censoring": (("design", "censoring"),),
    "follow_up": (("design", "follow_up"),),
    "estimator": (("design", "estimator"), ("interval",)),
}
"""Every element in the order in which it is switched by default, and the settings that make it up."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One element in which the studies differ: the settings that are switched together, and both in words."""

    element: str
    settings: tuple[Path, ...]
    in_a: str
    in_b: str


@dataclass(frozen=True, slots=True)
class Mixture:
    """A study with some elements of A and others of B, or in words why there is no such study."""

    study: Study | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two follow-up analyses in one set of names, with their differences in the order of `ELEMENTS`."""

    parts: Raw
    data_needs: tuple[Raw, Raw]
    analyses: tuple[Raw, Raw]
    differences: tuple[Difference, ...]

    def mixture(self, number: int) -> Mixture:
        """The study whose difference i is taken from B where bit i of `number` is set."""
        settings = set(self._switched(number))
        analysis, needs = dict(self.analyses[0]), self.data_needs[("data_needs",) in settings]
        for path in settings - {("data_needs",)}:
            analysis = _with_setting(analysis, path, _setting(self.analyses[1], path))
        raw = {**self.parts, "data_needs": needs, "analyses": [analysis]}
        try:
            return Mixture(parse_study(raw))
        except SpecError as error:
            return Mixture(None, "; ".join(f"{fault.found} (allowed: {fault.allowed})" for fault in error.faults))

    def _switched(self, number: int) -> Iterator[Path]:
        for i, difference in enumerate(self.differences):
            if number >> i & 1:
                yield from difference.settings


def compare(
    studies: tuple[Study, Study],
    analyses: tuple[str, str],
    targets: tuple[str | None, str | None] = (None, None),
    *,
    other_data: bool = False,
) -> Comparison:
    """Read the difference of two follow-up analyses off, element by element.

    `targets` names the exposure of an analysis that has several. `other_data` says that study B has a database of its
    own, which makes the data view an element. The confidence level is that of A throughout.

    Settings that cannot be switched apart move together: the window of use with time zero, where one study begins at
    entry and the other at first use; covariates with adjustment, where one study has neither and the other a propensity
    score.

    Raises `DesignError` for unknown ids, designs of other kinds, a design without a hazard ratio, a study whose gate
    may seal its estimates, two analyses that do not differ, and two that have no element in common.
    """
    sides = [_side(*item) for item in zip(studies, analyses, targets, ("A", "B"), strict=True)]
    conf_level = sides[0]["conf_level"]
    raw = [_ungated(canonical(study), which) for study, which in zip(studies, "AB", strict=True)]
    joined = joined_study(raw[0], raw[1], sides[1] | {"conf_level": conf_level})
    pair = sides[0], _in_order_of(sides[0], joined.analysis_b)
    needs = raw[0]["data_needs"], raw[1]["data_needs"]
    groups = _grouped(pair, needs, other_data)
    found = tuple(
        Difference(element, settings, *setting_words(joined.parts, settings, pair, needs, other_data))
        for element, settings in groups.items()
    )
    _check(found)
    return Comparison(joined.parts, needs, pair, found)


def _ungated(raw: Raw, which: str) -> Raw:
    """The study, if its estimates may be shown without the diagnostics of a gate."""
    if raw.get("gate") is not None and raw["purpose"] == "estimation":
        found = "a gate that may seal its estimates, which a bridge would show"
        allowed = "purpose = 'design_comparison' or 'replication', or a study without a gate"
        raise DesignError(Fault(f"study {which}", found, allowed))
    return raw


def _side(study: Study, id: str, target: str | None, which: str) -> Raw:
    """One analysis in canonical form, reduced to one target and to the hazard ratio."""
    where = f"analysis {id!r} of study {which}"
    analysis = next((item for item in study.every_analysis() if item.id == id), None)
    if analysis is None:
        known = ", ".join(repr(item.id) for item in study.every_analysis())
        raise DesignError(Fault(where, f"not in the study {study.id!r}", known))
    if analysis.follow_up is None:
        raise DesignError(Fault(where, f"a design of kind {analysis.design.kind!r}", "a design of kind 'follow_up'"))
    raw = canonical(analysis) | {"id": MIXED, "label": None}
    estimator = raw["design"]["estimator"]
    ratios = [kind for kind in ("cox", "fine_gray") if kind in estimator["kinds"]]
    if not ratios:
        raise DesignError(Fault(where, "no hazard ratio among its estimates", "estimator.kinds with 'cox'"))
    own = {"target": [_one_target(analysis, target, where)], "estimator": _ratio_only(estimator, ratios[0])}
    return raw | {"design": raw["design"] | own | {"function": None, "score": None}}


def _ratio_only(estimator: Raw, kind: str) -> Raw:
    """Ties matter to Cox regression alone."""
    ties = estimator["ties"] if kind == "cox" else "efron"
    none = {"likelihood_profile": None, "bootstrap": None}
    return {**estimator, "kinds": [kind], "time_points_days": [], "ties": ties, **none}


def _one_target(analysis: Analysis, target: str | None, where: str) -> str:
    assert analysis.follow_up is not None
    known = analysis.follow_up.target
    if target is None and len(known) == 1:
        return known[0]
    if target not in known:
        found = f"{len(known)} targets and none chosen" if target is None else f"unknown target {target!r}"
        remedy = "name it: STUDY.toml:ANALYSIS:TARGET"
        raise DesignError(Fault(where, found, ", ".join(map(repr, known)), remedy))
    return target


def _in_order_of(a: Raw, b: Raw) -> Raw:
    """Covariates in the order of A where they are the same."""
    same = sorted(a["adjust_for"]) == sorted(b["adjust_for"])
    return b | {"adjust_for": a["adjust_for"]} if same else b


def _grouped(pair: tuple[Raw, Raw], needs: tuple[Raw, Raw], other_data: bool) -> dict[str, tuple[Path, ...]]:
    """The settings in which the analyses differ, by the element with which each has to move."""
    groups: dict[str, list[Path]] = {}
    for element, settings in ELEMENTS.items():
        for path in settings:
            if path == ("data_needs",):
                differ = other_data or needs[0]["drug_recording_from"] != needs[1]["drug_recording_from"]
            else:
                differ = _setting(pair[0], path) != _setting(pair[1], path)
            if differ:
                groups.setdefault(_moves_with(pair, element, path), []).append(path)
    return {element: tuple(groups[element]) for element in ELEMENTS if element in groups}


def _moves_with(pair: tuple[Raw, Raw], element: str, path: Path) -> str:
    if path == ("design", "window") and pair[0]["design"]["time_zero"] != pair[1]["design"]["time_zero"]:
        return "time_zero"
    kinds = {side["design"]["adjustment"]["kind"] for side in pair}
    if element == "covariates" and "none" in kinds and kinds & {"match", "weigh", "stratify"}:
        return "adjustment"
    return element


def _setting(analysis: Raw, path: Path) -> Any:
    value: Any = analysis
    for key in path:
        value = value[key]
    return value


def _with_setting(analysis: Raw, path: Path, value: Any) -> Raw:
    key, *rest = map(str, path)
    return {**analysis, key: _with_setting(analysis[key], tuple(rest), value) if rest else value}


def _check(found: tuple[Difference, ...]) -> None:
    where = "studies A and B"
    own = [item for item in found if item.element != "data_view"]
    if not found:
        raise DesignError(Fault(where, "no element in which they differ", "two analyses that differ"))
    if len(own) == len(ELEMENTS) - 1:
        raise DesignError(Fault(where, "no element in common", "two analyses that share an element at least"))
