"""What the study's protocol says, in the words of the page: names, windows, rows of the design diagram."""

from collections.abc import Iterator

from equipoise.report.timeline import DiagramRow
from equipoise.results.tables import READINGS
from equipoise.spec.cohorts import CohortDefinition
from equipoise.spec.concepts import ConceptItem, ConceptSet
from equipoise.spec.study import Analysis, Study
from equipoise.spec.windows import Window


def analysis_title(analysis: Analysis) -> str:
    return analysis.label or analysis.id


def exposure_label(study: Study, name: str | None) -> str:
    """The exposure as the study labels it; its name where it has no label."""
    exposure = study.exposures.get(name or "")
    return (exposure.label if exposure else None) or name or ""


def cohort_label(study: Study, name: str) -> str:
    cohort = study.cohorts.get(name)
    return (cohort.label if cohort else None) or name[:1].upper() + name[1:]


def covariate_label(study: Study, name: str) -> str:
    return study.covariate(name).label or name


def concept_set_label(study: Study, name: str) -> str:
    concepts = study.concept_sets.get(name)
    return (concepts.label if concepts else None) or name


def reading_text(reading: str | None) -> str:
    return READINGS.get(reading or "", reading or "")


def window_days(window: Window) -> str:
    """`day −90 to day −1`; an open window: `any day up to day −1827`."""
    last = f"day {_minus(window.last_day)}"
    return f"any day up to {last}" if window.first_day is None else f"day {_minus(window.first_day)} to {last}"


def item_text(item: ConceptItem) -> str:
    """One way of naming concepts, in words."""
    if item.code_prefix is not None:
        return f"{item.vocabulary or 'source'} codes beginning with {item.code_prefix}"
    named = f"concept {item.concept_id}" if item.concept_id is not None else f"{item.vocabulary} {item.code}"
    return f"{named} and its descendants" if item.descendants else named


def concept_set_text(concepts: ConceptSet) -> str:
    """What a concept set holds, in words."""
    if concepts.include is None:
        return "any death"
    text = "; ".join(item_text(item) for item in concepts.include)
    if concepts.exclude:
        text += "; without " + "; ".join(item_text(item) for item in concepts.exclude)
    return text


def diagram_rows(study: Study, analysis: Analysis) -> list[DiagramRow]:
    """The windows of a nested case-control analysis, eligibility first, exposure last."""
    return [
        *_eligibility_rows(study, analysis),
        *covariate_rows(study, analysis),
        *_exposure_rows(study, analysis),
    ]


def population_rows(study: Study, cohort: CohortDefinition) -> Iterator[DiagramRow]:
    """What a cohort requires before the day of entry."""
    if cohort.prior_observation_days:
        yield DiagramRow("Under observation", -cohort.prior_observation_days, -1, "eligibility")
    if cohort.washout_days:
        yield DiagramRow("Washout: no earlier event", -cohort.washout_days, -1, "exclusion")
    for item in cohort.exclude_prior:
        label = f"No {concept_set_label(study, item.concept_set)}"
        yield DiagramRow(label, -item.days if item.days else None, -1, "exclusion")
    for rule in cohort.rules:
        yield DiagramRow(rule.name, rule.window.first_day, rule.window.last_day, "eligibility")


def _eligibility_rows(study: Study, analysis: Analysis) -> Iterator[DiagramRow]:
    design = analysis.case_control
    yield from population_rows(study, study.cohorts[design.cases])
    yield DiagramRow("Controls free of the outcome", None, 0, "exclusion")
    for name in design.free_of:
        yield DiagramRow(f"Controls free of {concept_set_label(study, name)}", None, 0, "exclusion")


def covariate_rows(study: Study, analysis: Analysis) -> Iterator[DiagramRow]:
    """The windows of covariates, and those that are known on the day itself."""
    on_the_day = []
    for name in analysis.adjust_for:
        covariate = study.covariate(name)
        if getattr(covariate, "window", None) is not None:
            window = covariate.window
            yield DiagramRow(covariate_label(study, name), window.first_day, window.last_day, "covariate")
        else:
            on_the_day.append(covariate_label(study, name))
    if on_the_day:
        yield DiagramRow(", ".join(on_the_day), 0, 0, "covariate")


def _exposure_rows(study: Study, analysis: Analysis) -> Iterator[DiagramRow]:
    design = analysis.case_control
    windows = {name: study.windows[name] for name in design.windows}
    edge = min((w.first_day if w.first_day is not None else w.last_day) for w in windows.values())
    if "initiation" in design.readings and design.run_in_days:
        note = f"first {design.run_in_days:,} days in which use can be seen"
        yield DiagramRow("Run-in", edge - design.run_in_days, edge - 1, "run_in", note)
    for name, window in windows.items():
        yield DiagramRow(f"Exposure window {name}", window.first_day, window.last_day, "exposure")
    nearest = max(window.last_day for window in windows.values())
    if nearest < -1:
        yield DiagramRow("Lag", nearest + 1, -1, "lag")


def _minus(day: int) -> str:
    return f"{day:,}".replace("-", "\u2212")
