"""Settings that are each allowed but contradict one another."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from equipoise.errors import Fault
from equipoise.spec import published_meaning
from equipoise.spec.contradictions import Said, interactions, is_death, repeated
from equipoise.spec.contrast_meaning import answer_faults, contrast_faults
from equipoise.spec.control_meaning import control_contradictions
from equipoise.spec.covariates import records_behind
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.dose_meaning import dose_contradictions, indication_contradictions
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.follow_up_meaning import follow_up_contradictions
from equipoise.spec.gate_meaning import gate_contradictions
from equipoise.spec.grid_meaning import grid_faults
from equipoise.spec.missing_meaning import missing_contradictions, subgroup_contradictions
from equipoise.spec.parts import Parts, sound_parts
from equipoise.spec.places import Path, place
from equipoise.spec.published import Published
from equipoise.spec.relatives_meaning import relatives_contradictions
from equipoise.spec.study import Analysis, Sensitivity, changed
from equipoise.spec.target_trial import TargetTrial
from equipoise.spec.target_trial_meaning import target_trial_contradictions
from equipoise.spec.values import shown
from equipoise.spec.wording import worded

WITH_VALUES = ("measurement", "observation")  # domains whose records hold a number


def check_meaning(raw: Any) -> list[Fault]:
    """Every contradiction between the sound parts of a study file, given as plain values."""
    parts = sound_parts(raw)
    found = [*_cohorts(parts), *_exposures(parts), *_windows(parts), *_covariates(parts)]
    for i, analysis in parts.analyses.items():
        found += _analysis(parts, analysis, ("analyses", i))
    found += control_contradictions(parts)
    faults = [Fault(place(path, raw), *said) for path, *said in found]
    for i, item in parts.sensitivity.items():
        faults += _sensitivity(parts, item, ("sensitivity", i), raw)
    faults += [Fault(place(path, raw), *said) for path, *said in gate_contradictions(parts, raw)]
    faults += [Fault(place(path, raw), *said) for path, *said in (*contrast_faults(parts), *answer_faults(parts))]
    faults += grid_faults(parts, raw, _analysis)
    for i, figure in parts.published.items():
        faults += [Fault(place(path, raw), *said) for path, *said in _published(parts, figure, ("published", i))]
    return faults


# Levels that initiation has beside the study's windows; a window of that name could not be told from them.
LEVELS = ("never", "below minimum", "prevalent", "within the lag", "outside the windows")


def _cohorts(parts: Parts) -> Iterator[Said]:
    for name, cohort in parts.cohorts.items():
        where: Path = ("cohorts", name)
        if cohort.washout_days is not None and cohort.entry.occurrence == "first":
            yield (
                (*where, "washout_days"),
                "a washout of the entry event, where entry is the first ever event",
                'a washout with entry.occurrence = "every"',
                "leave the washout out: no event comes before the first one",
            )
        yield from repeated((*where, "sex"), cohort.sex or ())
        yield from repeated((*where, "rules"), [rule.name for rule in cohort.rules])


def _exposures(parts: Parts) -> Iterator[Said]:
    for name, exposure in parts.exposures.items():
        where = ("exposures", name, "concept_sets")
        yield from repeated(where, exposure.concept_sets)
        for concept_set in exposure.concept_sets:
            if is_death(parts, concept_set):
                yield where, f"{concept_set!r} is a set of deaths", "concept sets of what a person receives"


def _windows(parts: Parts) -> Iterator[Said]:
    for name in parts.windows:
        if name in LEVELS:
            yield ("windows", name), "a level of exposure has this name", "another name", "call the window by its days"


def _covariates(parts: Parts) -> Iterator[Said]:
    for i, covariate in parts.covariates.items():
        for concept_set in records_behind(covariate):
            where: Path = ("covariates", i, *(("levels",) if covariate.kind == "category" else ("concept_set",)))
            if is_death(parts, concept_set):
                found = f"{concept_set!r} is a set of deaths"
                yield where, found, "records that can come before an index date"
            named = parts.concept_sets.get(concept_set)
            if covariate.kind == "measurement" and named is not None and named.domain not in WITH_VALUES:
                found = f"{concept_set!r} is a set of the domain {shown(named.domain)}, which holds no values"
                yield where, found, " or ".join(f"a set of the domain {name!r}" for name in WITH_VALUES)


def _on_time_zero(parts: Parts, analysis: Analysis, where: Path) -> Iterator[Said]:
    """Covariates of time zero itself, in designs where something else of that day is the outcome or the treatment."""
    design = analysis.design
    used: list[tuple[Path, str]] = [
        ((*where, key, i), name) for key in ("adjust_for", "subgroups") for i, name in enumerate(getattr(analysis, key))
    ]
    used += [
        ((*where, "design", "time_varying", i), name) for i, name in enumerate(getattr(design, "time_varying", ()))
    ]
    if (indication := getattr(design, "indication", None)) is not None:
        used.append(((*where, "design", "indication"), indication))
    for i, strategy in enumerate(getattr(design, "strategies", ())):
        used.append(((*where, "design", "strategies", i, "when"), strategy.when or ""))
    for path, name in used:
        window = getattr(parts.covariate(name), "window", None)
        if window is not None and window.time_zero and analysis.follow_up is None:
            found = f"covariate {name!r} counts time zero itself in a design of kind {design.kind!r}"
            remedy = "the outcome or the treatment of that day brings records with it"
            yield path, found, "such covariates in designs of kind 'follow_up'", remedy


def _profile_of_clusters(analysis: Analysis, where: Path) -> Iterator[Said]:
    if analysis.interval == "profile" and analysis.cluster is not None and analysis.target_trial is None:
        found = f"profile intervals with cluster = {shown(analysis.cluster)}"
        remedy = "the likelihood, and with it the profile, takes rows for independent"
        yield (*where, "interval"), found, 'interval = "wald", or cluster = "none"', remedy


def _analysis(parts: Parts, analysis: Analysis, where: Path) -> Iterator[Said]:
    yield from _on_time_zero(parts, analysis, where)
    yield from _profile_of_clusters(analysis, where)
    if isinstance(analysis.design, NestedCaseControl):
        yield from _nested_case_control(parts, analysis, analysis.design, where)
    elif isinstance(analysis.design, TargetTrial):
        yield from target_trial_contradictions(parts, analysis, analysis.design, where)
    else:
        yield from follow_up_contradictions(parts, analysis, analysis.design, where)
        yield from _of_matched_sets_only(analysis, where)


def _nested_case_control(parts: Parts, analysis: Analysis, design: NestedCaseControl, where: Path) -> Iterator[Said]:
    cases = parts.cohorts.get(design.cases)
    if cases is not None and cases.entry.occurrence != "first":
        yield (
            (*where, "design", "cases"),
            f"cohort {design.cases!r} is entered at every event",
            'a cohort with entry.occurrence = "first"',
            "a person is a case once, at the first event",
        )
    if cases is not None and cases.entry.also:
        yield (
            (*where, "design", "cases"),
            f"cohort {design.cases!r} is entered when several events have come",
            "a cohort with one entry event",
            "controls are free of the event that makes a case",
        )
    for key in ("comparisons", "exposures", "windows", "readings", "match_exact", "free_of"):
        yield from repeated((*where, "design", key), getattr(design, key))
    yield from relatives_contradictions(design, where)
    yield from dose_contradictions(parts, design, where)
    yield from indication_contradictions(parts, design, where)
    yield from subgroup_contradictions(parts, analysis, where)
    yield from missing_contradictions(parts, analysis, where)
    yield from repeated((*where, "adjust_for"), analysis.adjust_for)
    yield from interactions(analysis.adjust_for, analysis.interactions, where)
    yield from _without_variation(parts, analysis, design, where)


def _of_matched_sets_only(analysis: Analysis, where: Path) -> Iterator[Said]:
    if analysis.cluster == "family":
        yield (*where, "cluster"), '"family" in a follow-up design', '"person" or "none"'


def _published(parts: Parts, figure: Published, where: Path) -> Iterator[Said]:
    """Figures that belong to no estimate of their analysis."""
    analysis = parts.every_analysis(figure.analysis)
    if analysis is None:
        return
    design = analysis.design
    if isinstance(design, FollowUpDesign):
        yield from published_meaning.of_follow_up(parts, figure, analysis, design, where)
        return
    if not isinstance(design, NestedCaseControl):
        yield (*where, "analysis"), f"{figure.analysis!r} is of kind {design.kind!r}", "a nested case-control study"
        return
    yield from published_meaning.of_case_control(figure, where)
    named = (
        ("comparison", design.comparisons),
        ("exposure", design.exposures),
        ("window", design.windows),
        ("reading", design.readings),
        ("subgroup", analysis.subgroups),
    )
    for key, known in named:
        value = getattr(figure, key)
        if value is not None and value not in known and _is_defined(parts, key, value):
            allowed = ", ".join(map(repr, known)) or f"no {key}, for the analysis has none"
            yield (*where, key), f"{value!r} is not part of analysis {figure.analysis!r}", allowed


def _is_defined(parts: Parts, key: str, name: str) -> bool:
    """Whether the study defines the name; one that it does not define is a fault of its own."""
    defined: dict[str, Any] = {"exposure": parts.exposures, "window": parts.windows}
    if key == "subgroup":
        return parts.covariate(name) is not None
    return key not in defined or name in defined[key]


def _without_variation(parts: Parts, analysis: Analysis, design: NestedCaseControl, where: Path) -> Iterator[Said]:
    """Covariates that matching makes equal for a case and its controls."""
    matched = {"calendar_year": "is the year of the index date, which a case and its controls share"}
    if "population" in design.comparisons:
        matched |= {kind: f"is {kind}, on which sets are matched exactly" for kind in design.match_exact}
    if "population" in design.comparisons and design.birth_year_caliper == 0:
        matched["birth_year"] = "is the year of birth, on which sets are matched exactly"
    for i, name in enumerate(analysis.adjust_for):
        covariate = parts.covariate(name)
        if covariate is not None and covariate.kind in matched:
            yield (
                (*where, "adjust_for", i),
                f"covariate {name!r} {matched[covariate.kind]}",
                "covariates that vary within matched sets",
                "remove it: within a set it is constant and has no coefficient",
            )


def _sensitivity(parts: Parts, item: Sensitivity, where: Path, raw: Any) -> Iterator[Fault]:
    own = sorted({"id", "label"} & set(item.change))
    for key in own:
        remedy = "a sensitivity analysis has its own id, and its label is its why"
        yield Fault(place((*where, "change", key), raw), "cannot be changed", "settings of an analysis", remedy)
    base = parts.analysis(item.base)
    if base is None or own:
        return
    try:
        analysis = changed(base, item)
    except ValidationError as error:
        yield from worded(error, Analysis, raw, (*where, "change"))
        return
    if analysis == base.model_copy(update={"id": analysis.id, "label": analysis.label}):
        found = f"leaves analysis {item.base!r} as it is"
        yield Fault(place((*where, "change"), raw), found, "a change", "name a setting with another value")
    already = list(_analysis(parts, base, ()))
    for path, *said in (new for new in _analysis(parts, analysis, ()) if new not in already):
        yield Fault(place((*where, "change", *path), raw), *said)
