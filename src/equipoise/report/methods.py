"""The methods in words, made from the protocol: what a methods section would say."""

from collections.abc import Iterable, Iterator
from typing import Any

from equipoise.report.families import family_words
from equipoise.report.missing import missing_words
from equipoise.report.numbers import level_text
from equipoise.report.protocol import (
    analysis_title,
    cohort_label,
    concept_set_label,
    covariate_label,
    exposure_label,
    window_days,
)
from equipoise.spec.cohorts import CohortDefinition
from equipoise.spec.relatives import RelativeControls
from equipoise.spec.study import Analysis, Study

Paragraph = tuple[str, str]  # heading, text

TIES = {
    "exact": "the exact conditional likelihood",
    "efron": "Efron's approximation for sets with several cases",
    "breslow": "Breslow's approximation for sets with several cases",
}
MATCHED_ON = {"care_site": "care site"}


def methods(study: Study, analysis: Analysis) -> list[Paragraph]:
    """Paragraphs for one analysis: population, controls, exposure, covariates, model."""
    return [
        ("Cases", _cases(study, analysis)),
        *_control_paragraphs(study, analysis),
        ("Exposure", _exposure(study, analysis)),
        ("Covariates", _covariates(study, analysis)),
        ("Statistical analysis", _model(analysis)),
        *family_words(analysis.case_control.within_between),
    ]


def disclosure(min_cell_count: int) -> str:
    """How small counts are kept from the reader."""
    if min_cell_count <= 1:
        return "Counts are shown as they are; none are hidden."
    return (
        f"Counts of {_span(min_cell_count)} are hidden, zero is shown. Where a hidden count could be worked out from "
        "sums or differences, further counts are hidden with it, and so are percentages, means and estimates that rest "
        "on hidden counts. In attrition, rules that together removed few persons are shown as one block."
    )


def _span(min_cell_count: int) -> str:
    return "1" if min_cell_count == 2 else f"1 to {min_cell_count - 1}"


def hidden_note(min_cell_count: int) -> str:
    """The footnote to a table with hidden counts."""
    return f"Hidden: a count of {_span(min_cell_count)}, or one from which such a count could be worked out."


def changes(settings: dict[str, Any], path: str = "") -> list[str]:
    """The settings of a sensitivity analysis, one text each: `design.run_in_days = 180`."""
    found = []
    for key, value in settings.items():
        found += changes(value, f"{path}{key}.") if isinstance(value, dict) else [f"{path}{key} = {_setting(value)}"]
    return found


def _setting(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)


def _cases(study: Study, analysis: Analysis) -> str:
    cohort = study.cohorts[analysis.case_control.cases]
    event = concept_set_label(study, cohort.entry.concept_set)
    first = "the first record" if cohort.entry.occurrence == "first" else "every record"
    rules = list(rules_text(study, cohort))
    where = "while under observation"
    if analysis.case_control.within is not None:
        where += f" and a member of the cohort {source_text(study, analysis.case_control.within)}"
    text = (
        f"Cases ({cohort_label(study, analysis.case_control.cases)}) were persons with {first} of {event} {where}; "
        "its date was the index date."
    )
    return f"{text} Required on that date: {listed(rules)}." if rules else text


def rules_text(study: Study, cohort: CohortDefinition) -> Iterator[str]:
    """The rules of a cohort that concern the day of entry, one text each."""
    if cohort.age:
        yield f"age {cohort.age.min} to {cohort.age.max} years"
    if cohort.sex:
        yield f"recorded sex {' or '.join(cohort.sex)}"
    if cohort.calendar:
        since = f"from {cohort.calendar.first}" if cohort.calendar.first else ""
        until = f"to {cohort.calendar.last}" if cohort.calendar.last else ""
        yield f"a date {since} {until}".replace("  ", " ").strip()
    if cohort.prior_observation_days:
        yield f"at least {days_text(cohort.prior_observation_days)} of prior observation"
    if cohort.washout_days:
        yield f"no such record in the {days_text(cohort.washout_days)} before"
    for item in cohort.exclude_prior:
        when = f"in the {days_text(item.days)} before" if item.days else "at any time before"
        yield f"no {concept_set_label(study, item.concept_set)} {when}"
    for rule in cohort.rules:
        yield f"{rule.name} ({window_days(rule.window)})"


def _control_paragraphs(study: Study, analysis: Analysis) -> Iterator[Paragraph]:
    """One paragraph a comparison."""
    design = analysis.case_control
    several = len(design.comparisons) > 1
    for comparison in design.comparisons:
        if comparison == "population":
            yield "Population controls" if several else "Controls", _controls(study, analysis)
        elif comparison == "siblings":
            yield "Siblings as controls", _siblings(design.relatives) + _RELATIVES_SERVE
        elif comparison in _OTHER_RELATIVES:
            heading, who = _OTHER_RELATIVES[comparison]
            yield heading, f"Each case was compared with its {who}, by the rules of siblings. " + _RELATIVES_SERVE
        else:
            yield (
                "Spouses as controls",
                "Each case was compared with its partner on the index date. " + _RELATIVES_SERVE,
            )


_OTHER_RELATIVES = {
    "half_siblings": ("Half siblings as controls", "half siblings, who share one parent with it"),
    "cousins": ("Cousins as controls", "first cousins, the children of full siblings of its parents"),
}
_RELATIVES_SERVE = (
    "They had to be alive, under observation and free of the outcome, and of everything population controls are free "
    "of, on that day, and meet the rules for cases that do not concern the outcome. Cases without such a relative were "
    "counted and left the comparison. A relative who fell ill later still served. Relatives are not matched on sex and "
    "age: sex and year of birth entered every adjusted model, and were left out where the design separates cases from "
    "controls by them, as sex does in a subgroup of one sex."
)


def _siblings(rules: RelativeControls) -> str:
    which = "full or half siblings" if rules.half_siblings else "full siblings (the same two parents)"
    number = "all their" if rules.siblings_per_case is None else f"up to {rules.siblings_per_case} of their"
    near = "" if rules.birth_year_caliper is None else f", born at most {rules.birth_year_caliper} years apart"
    day = {
        "index_date": "on the index date",
        "case_age": "on the day they were as old as the case on its index date, with the look-back of a set cut to the "
        "shortest of its members",
    }[rules.compared_on]
    return f"Cases were compared with {number} {which}{near}, {day}. "


def _controls(study: Study, analysis: Analysis) -> str:
    design = analysis.case_control
    matched = [MATCHED_ON.get(name, name) for name in design.match_exact]
    if design.birth_year_caliper is not None:
        matched.append(_within("year of birth", design.birth_year_caliper, "year"))
    if design.time_in_cohort_caliper_days is not None:
        since = "time under observation" if design.within is None else "time since entry into the cohort"
        matched.append(_within(since, design.time_in_cohort_caliper_days, "day"))
    free = [f"free of {concept_set_label(study, name)}" for name in design.free_of]
    member = [] if design.within is None else ["a member of the cohort"]
    risk = ["alive", "under observation", *member, "free of the outcome up to and including that date", *free]
    return (
        "Controls were drawn by incidence-density (risk-set) sampling: for each case up to "
        f"{design.controls_per_case}, at random and without replacement, from the persons who on the case's index date "
        f"were {listed(risk)}, and who met the rules for cases that do not concern the outcome."
        + (f" Controls were matched to the case on {listed(matched)}." if matched else " Controls were not matched.")
        + " Sets were drawn independently of one another, so a person could be a control of several cases and could "
        "become a case later. Cases without any eligible control were counted and left the analysis."
    )


def entry_text(study: Study, cohort: CohortDefinition) -> str:
    """What is recorded on entry, in words."""
    return " and of ".join(concept_set_label(study, name) for name in cohort.entry.concept_sets)


def source_text(study: Study, name: str, with_rules: bool = True) -> str:
    """A cohort in which a study is nested: what is entered with, until when."""
    cohort = study.cohorts[name]
    entry = "the first" if cohort.entry.occurrence == "first" else "every"
    ends = {
        "end_of_observation": "the end of observation",
        "death": "the end of observation",
        "fixed_time": f"{days_text(cohort.exit.days or 0)} after entry",
        "event": f"the first record of {concept_set_label(study, cohort.exit.concept_set or '')} after entry",
    }
    event = entry_text(study, cohort)
    rules = list(rules_text(study, cohort)) if with_rules else []
    required = f"; required on entry: {listed(rules)}" if rules else ""
    return f"{cohort_label(study, name)} (from {entry} record of {event} to {ends[cohort.exit.kind]}{required})"


def _within(name: str, caliper: int, unit: str) -> str:
    return name if caliper == 0 else f"{name} (± {caliper} {unit}{'s' if caliper != 1 else ''})"


def _exposure(study: Study, analysis: Analysis) -> str:
    design = analysis.case_control
    names = [_defined(study, name) for name in design.exposures]
    windows = [f"{name} ({window_days(study.windows[name])})" for name in design.windows]
    parts = [f"Exposures were {listed(names)}. Only days before the index date counted."]
    parts.append(f"The windows were {listed(windows)}.")
    if "any_use" in design.readings:
        reference = {
            "none_in_window": "persons without qualifying use in that window, who may have used it at another time",
            "never_before_index": "persons without qualifying use at any time before the index date",
        }[design.any_use_reference]
        parts.append(
            "Any use: enough dispensings on distinct dates inside the window. The reference was " + reference + "."
        )
    if "initiation" in design.readings:
        parts.append(_initiation(design))
    if study.data_needs.drug_recording_from is not None:
        parts.append(f"Dispensings are recorded from {study.data_needs.drug_recording_from}.")
    parts.append(_observability(design))
    return " ".join(parts)


def _defined(study: Study, name: str) -> str:
    exposure = study.exposures[name]
    least = exposure.min_dispensings
    dispensings = "at least one dispensing" if least == 1 else f"dispensings on at least {least} distinct dates"
    return f"{exposure_label(study, name)} ({dispensings})"


def _initiation(design: Any) -> str:
    decisive = "first dispensing" if design.initiation_date == "first" else "dispensing that made use qualify"
    return (
        f"Initiation: each person had one level, by the date of the {decisive}: never, one of the windows, too few "
        "dispensings, within the lag, at another time, or prevalent (first seen to use it before or within the first "
        f"{days_text(design.run_in_days)} from which use could be seen). "
        f"The reference was never. {_lag(design)}"
    )


def _lag(design: Any) -> str:
    if design.lag_dispensings == "ignore":
        return "Dispensings after the latest window, in the lag, were ignored."
    return (
        "All dispensings before the index date counted towards use and its minimum, also those after the latest "
        "window: where early symptoms of the outcome lead to prescribing, this moves cases out of the reference."
    )


def _observability(design: Any) -> str:
    if design.unobservable == "leave_out":
        return (
            "Estimates rest on the sets in which exposure of the case could be observed over the whole window, with "
            "the controls for whom it could be as well; of a window without a far end, the latest day had to be "
            "observable. For initiation, the run-in had to be over by then. Levels beside the windows rest on every "
            "set."
        )
    return "Sets were kept where exposure could not be observed over the whole window; the shortfall is shown."


def _covariates(study: Study, analysis: Analysis) -> str:
    if not analysis.adjust_for:
        return "Estimates were not adjusted beyond the matching."
    described = [covariate_text(study, name) for name in analysis.adjust_for]
    text = " ".join(
        filter(None, (f"Adjusted estimates took account of {listed(described)}.", missing_words(study, analysis)))
    )
    if analysis.interactions:
        pairs = [" × ".join(covariate_label(study, name) for name in pair) for pair in analysis.interactions]
        text += f" Interactions: {listed(pairs)}."
    return text


def covariate_text(study: Study, name: str) -> str:
    """A covariate with how it is made."""
    covariate = study.covariate(name)
    label = covariate_label(study, name)
    if covariate.kind == "event":
        times = "recorded" if covariate.at_least == 1 else f"recorded on at least {covariate.at_least} days"
        return f"{label} ({times}, {window_days(covariate.window)})"
    if covariate.kind == "count":
        return f"{label} (number of days with a record, {window_days(covariate.window)})"
    if covariate.kind == "measurement":
        return f"{label} (last value, {covariate.unit}, {window_days(covariate.window)})"
    if covariate.kind == "category":
        levels = listed([level.name for level in covariate.levels])
        return f"{label} (last of {levels}, {window_days(covariate.window)})"
    if covariate.kind == "age" and covariate.groups_from:
        return f"{label} (in groups {', '.join(covariate.levels)})"
    return label


def _model(analysis: Analysis) -> str:
    interval = "Wald" if analysis.interval == "wald" else "profile-likelihood"
    level = level_text(analysis.conf_level)
    adjusted = "Crude estimates account for the matching only. " if analysis.adjust_for else ""
    variance = {
        None: "Standard errors are model-based.",
        "person": "Standard errors are robust; a set is a cluster, together with sets of which its case is a member.",
        "family": "Standard errors are robust, clustered by family: a set is a cluster, together with sets that have a "
        "member of the sibship of its case.",
    }[analysis.cluster]
    return (
        f"Odds ratios with {level} {interval} confidence intervals and two-sided p-values were estimated by "
        f"conditional logistic regression with {TIES[analysis.ties]}, one model for each exposure, window and reading. "
        f"{adjusted}Under incidence-density sampling the odds ratio estimates the incidence rate ratio in the "
        f"population from which the cases arose. {variance} "
        "P-values and intervals are not corrected for the number of comparisons."
    )


def days_text(number: int) -> str:
    """`1 day`, `365 days`."""
    return "1 day" if number == 1 else f"{number:,} days"


def listed(items: Iterable[str]) -> str:
    """`a, b and c`."""
    *head, last = list(items)
    return f"{', '.join(head)} and {last}" if head else last


def sensitivity_rows(study: Study) -> list[dict[str, Any]]:
    """The sensitivity analyses: id, what they vary, why."""
    titles = {analysis.id: analysis_title(analysis) for analysis in study.analyses}
    return [
        {"id": item.id, "base": titles.get(item.base, item.base), "why": item.why, "changes": changes(item.change)}
        for item in study.sensitivity
    ]
