"""The page as a whole: which analysis shows what, in which section."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup
from pydantic import ValidationError

from equipoise.errors import Fault, SourceError
from equipoise.report import (
    balance,
    comparisons,
    contrast_runs,
    findings,
    follow_up,
    follow_up_words,
    function,
    methods,
    overlap,
    sections,
    target_trial,
)
from equipoise.report.arm_subgroups import subgroup_tables
from equipoise.report.characteristics_adjusted import characteristics_adjusted
from equipoise.report.contrast import contrast_figure
from equipoise.report.controls import calibrated_table, control_figures, control_table, null_table
from equipoise.report.curves import curve_figure, curve_table
from equipoise.report.dose import dose_figures
from equipoise.report.families import family_figures
from equipoise.report.follow_up_methods import follow_up_methods, follow_up_rows, time_origin
from equipoise.report.forest import forest
from equipoise.report.gate import gate_table, gate_words
from equipoise.report.hazard_checks import hazard_table
from equipoise.report.indication import indication_tables
from equipoise.report.lags import initiation_figure, lag_figure
from equipoise.report.many import grid_tables, run_table
from equipoise.report.missing import missing_table
from equipoise.report.positive_controls import positive_figures, positive_table, systematic_error_table
from equipoise.report.protocol import analysis_title, cohort_label, diagram_rows, exposure_label
from equipoise.report.published import published_directions, published_hazards
from equipoise.report.score import score_tables
from equipoise.report.side_by_side import side_by_side
from equipoise.report.timeline import KINDS, DiagramRow, timeline
from equipoise.report.views import Cell, Part, Table, grouped, head
from equipoise.report.wording import worded, wording
from equipoise.results.results import Results
from equipoise.spec.canonical import canonical_json
from equipoise.spec.study import Analysis, Study

Row = dict[str, Any]
EVERY_DESIGN = (
    "attrition",
    "missingness",
    "estimates",
    "negative_controls",
    "empirical_null",
    "positive_controls",
    "systematic_error",
    "flawed_estimates",
)
CASE_CONTROL = ("sampling", "matching", "characteristics", "exposure", "coexposure")
COMPARED = ("heterogeneity", "discordance", "lag_scan", "initiation_rates", "indication", "within_between")
DOSES = ("dose_groups", "dose_tests", "dose_curves")
FOLLOW_UP = (
    "score_response",
    "scores",
    "adjusted_curves",
    "characteristics_adjusted",
    "follow_up",
    "characteristics_by_arm",
    "curves",
    "adjustment",
    "balance",
    "diagnostics",
)
FUNCTION = ("function", "trajectories", "stages", "hazard_checks")
TRIAL = ("trial_protocol", "trial_strategies", "trial_follow_up", "trial_curves", "trial_positivity")
SHOWN = (*EVERY_DESIGN, *CASE_CONTROL, *COMPARED, *DOSES, *FOLLOW_UP, *FUNCTION, *TRIAL)


@dataclass(frozen=True, slots=True)
class Step:
    """One box of an attrition flow."""

    text: str
    removed: str
    left: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The attrition of one cohort as a flow, with its table."""

    label: str
    steps: Sequence[Step]
    table: Table


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of one comparison with their arms and their table."""

    caption: str
    figure: Markup
    arms: Sequence[tuple[str, str]]
    table: Table


@dataclass(frozen=True, slots=True)
class Diagram:
    """A design diagram with its table and the kinds of bars it uses."""

    figure: Markup
    kinds: Sequence[tuple[str, str]]
    table: Table


def study_of(results: Results) -> Study:
    """The study kept in the manifest. Raises `SourceError` where there is none that this version can read."""
    kept = results.manifest.get("study")
    if kept is None:
        raise SourceError(Fault("manifest", "holds no study", "the results of a run"))
    try:
        return Study.model_validate(kept)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, item["loc"])) for item in error.errors(include_url=False)[:5])
        remedy = "make the report with the version of Equipoise that its manifest names"
        raise SourceError(Fault("study of the manifest", f"cannot be read at {places}", "a study", remedy)) from None


def context(results: Results) -> dict[str, Any]:
    """Everything the template shows."""
    page = _Page(results, study_of(results))
    return {
        "study": page.study,
        "question": page.question(),
        "found": page.found(),
        "side_by_side": page.side_by_side(),
        "caution": findings.CAUTION,
        "designs": page.parts(page.design),
        "sensitivity": methods.sensitivity_rows(page.study),
        "attrition": page.parts(page.attrition),
        "characteristics": page.parts(page.characteristics),
        "trials": page.parts(page.trial),
        "exposure": page.parts(page.exposure),
        "follow_up": page.parts(page.follow_up),
        "balance": page.parts(page.balance),
        "estimates": page.parts(page.estimates),
        "function": page.parts(page.function),
        "analyses": page.analyses(results),
        "controls": page.parts(page.controls),
        "flawed": page.parts(page.flawed),
        "flawed_caution": contrast_runs.CAUTION,
        "triangulation": page.triangulation(page.worded(results, "triangulation")),
        "matching": page.parts(page.matching),
        "data_quality": sections.data_quality(results.rows("data_quality")),
        "concept_sets": sections.concept_sets(page.study, results.rows("concept_sets")),
        "methods": page.parts(page.methods),
        "disclosure": methods.disclosure(page.min_cell_count),
        "hidden_note": methods.hidden_note(page.min_cell_count),
        "provenance": provenance(results.manifest),
        "protocol": canonical_json(results.manifest["study"]),
    }


class _Page:
    """The rows of each analysis, read once."""

    def __init__(self, results: Results, study: Study):
        self.study = study
        self.min_cell_count = int(results.manifest.get("min_cell_count", 0))
        self.words, self.prose = wording(study), wording(study, prose=True)
        self.rows = {name: grouped(self.worded(results, name), lambda row: row["analysis"]) for name in SHOWN}
        self.unsealed: str | None = results.manifest.get("unsealed")
        self.main = {analysis.id for analysis in study.analyses}
        self.in_grids = {analysis.id for analysis in study.grid_analyses()}

    def worded(self, results: Results, name: str) -> list[Row]:
        """The rows of a result table with labels and age bands as they stand in a sentence; protocols are prose."""
        words = self.prose if name == "trial_protocol" else self.words
        return [worded(row, words) for row in results.rows(name)]

    def of(self, name: str, analysis: Analysis) -> list[Row]:
        return self.rows[name].get(analysis.id, [])

    def question(self) -> list[tuple[str, str]]:
        parts = self.study.question
        named = (
            ("Population", parts.population),
            ("Exposure", parts.exposure),
            ("Comparator", parts.comparator),
            ("Outcome", parts.outcome),
            ("Background", parts.background),
        )
        return [(name, text) for name, text in named if text]

    def found(self) -> list[Part]:
        return [self._found(analysis) for analysis in self.study.analyses]

    def side_by_side(self) -> list[Table]:
        """The follow-up analyses that share an outcome, those of grids left out: they have tables of their own."""
        shown = [analysis for analysis in self.study.every_analysis() if analysis.id not in self.in_grids]
        return side_by_side(self.study, shown, self.rows["estimates"])

    def _found(self, analysis: Analysis) -> Part:
        if analysis.follow_up is not None:
            return self._found_in_follow_up(analysis)
        if analysis.target_trial is not None:
            words = target_trial.opening(analysis, self.of("trial_strategies", analysis))
            diagnostics = self.of("diagnostics", analysis)
            names = {row["strategy"]: sections.sentence(row["label"]) for row in self.of("trial_strategies", analysis)}
            words = [*gate_words(self.study, diagnostics, self.unsealed, names), *words]
            tables = [target_trial.findings(analysis, self.of("estimates", analysis))]
            tables += [gate_table(self.study, diagnostics, names)] if diagnostics else []
            return self._part(analysis, words=words, tables=tables)
        by_comparison = self._by_comparison("sampling", analysis) or {"": []}
        words = [findings.opening(rows, analysis, name) for name, rows in by_comparison.items()]
        estimates = comparisons.whole(self.of("estimates", analysis))
        chosen = findings.chosen_estimates(self.study, estimates)
        if not chosen:
            return self._part(analysis, words=words)
        first = [row for row in chosen if row["comparison"] == chosen[0]["comparison"]]
        said, table = findings.tally(first), findings.findings(self.study, first, analysis.conf_level)
        if len(analysis.case_control.comparisons) > 1:
            name = comparisons.label(first[0]["comparison"])
            said = f"{sections.sentence(name)}: {said[:1].lower()}{said[1:]}"
            table = replace(table, caption=f"{table.caption}: {name}")
        return self._part(analysis, words=[*words, said], tables=[table, *self._beside(analysis)])

    def _beside(self, analysis: Analysis) -> list[Table]:
        """Comparisons side by side, and published figures, where there are any."""
        estimates, tests = self.of("estimates", analysis), self.of("heterogeneity", analysis)
        tables = []
        if len(analysis.case_control.comparisons) > 1:
            tables.append(comparisons.side_by_side(self.study, analysis, estimates, tests))
        if any(figure.analysis == analysis.id for figure in self.study.published):
            tables.append(comparisons.published(self.study, analysis, estimates))
        return tables

    def _by_comparison(self, name: str, analysis: Analysis) -> dict[str, list[Row]]:
        """Rows of each comparison under its label, without a label where there is only one."""
        found = grouped(self.of(name, analysis), lambda row: row["comparison"])
        several = len(analysis.case_control.comparisons) > 1
        return {comparisons.label(key) if several else "": rows for key, rows in found.items()}

    def _titled(self, name: str, analysis: Analysis, make: Callable[[list[Row]], Table]) -> list[Table]:
        """One table for each comparison, with its label in the caption where there are several."""
        made = [(text, make(rows)) for text, rows in self._by_comparison(name, analysis).items()]
        return [replace(table, caption=f"{table.caption}: {text}") if text else table for text, table in made]

    def _found_in_follow_up(self, analysis: Analysis) -> Part:
        estimates = comparisons.whole(self.of("estimates", analysis))
        diagnostics = self.of("diagnostics", analysis)
        words = gate_words(self.study, diagnostics, self.unsealed)
        words += follow_up_words.opening(self.of("follow_up", analysis))
        words += follow_up_words.contradictions(self.study, estimates, self.of("curves", analysis))
        words += published_directions(self.study, analysis)
        words += balance.imbalances(self.study, self.of("balance", analysis))
        tables = [follow_up_words.findings(self.study, estimates, analysis.conf_level)]
        tables.append(published_hazards(self.study, analysis, estimates, self.of("function", analysis)))
        tables += [gate_table(self.study, diagnostics)] if diagnostics else []
        return self._part(analysis, words=words, tables=[table for table in tables if table.rows])

    def parts(self, make: Any) -> list[Part]:
        """A part for each analysis; those of sensitivity analyses are folded, those of grids have tables instead."""
        shown = (analysis for analysis in self.study.every_analysis() if analysis.id not in self.in_grids)
        return [made for analysis in shown if (made := make(analysis)) is not None]

    def analyses(self, results: Results) -> list[Table]:
        """What became of every analysis, and the estimates of grids."""
        became = run_table(results.rows("run_summary"))
        return [*([became] if became else []), *grid_tables(self.study, results.rows("estimates"))]

    def _part(self, analysis: Analysis, words: Sequence[Any] = (), **content: Any) -> Part:
        """A part whose words, texts or pairs of heading and text, have labels as they stand in a sentence."""
        said = [self.prose(text) if isinstance(text, str) else (text[0], self.prose(text[1])) for text in words]
        return Part(analysis_title(analysis), folded=analysis.id not in self.main, words=said, **content)

    def design(self, analysis: Analysis) -> Part:
        if analysis.target_trial is not None:
            return self._part(analysis, figure=self._diagram(target_trial.diagram(self.study, analysis), "time zero"))
        design = analysis.follow_up
        rows = follow_up_rows(self.study, analysis, design) if design else diagram_rows(self.study, analysis)
        return self._part(analysis, figure=self._diagram(rows, "time zero" if design else "index date"))

    def _diagram(self, rows: Sequence[DiagramRow], anchor: str) -> Diagram:
        return diagram([replace(row, label=self.words(row.label)) for row in rows], anchor)

    def trial(self, analysis: Analysis) -> Part | None:
        """Protocol and emulation, how strategies were followed, curves, weights, positivity, agreement of methods."""
        if analysis.target_trial is None:
            return None
        return target_trial.section(self.study, analysis, lambda name: self.of(name, analysis), self._part)

    def attrition(self, analysis: Analysis) -> Part:
        cohorts = grouped(self.of("attrition", analysis), lambda row: row["cohort"])
        return self._part(
            analysis, figure=[flow(rows, cohort_label(self.study, name)) for name, rows in cohorts.items()]
        )

    def characteristics(self, analysis: Analysis) -> Part | None:
        if analysis.target_trial is not None:
            return None
        if analysis.follow_up is not None:
            by_arm, arms = self.of("characteristics_by_arm", analysis), self.of("follow_up", analysis)
            made = follow_up.characteristics_by_arm(self.study, by_arm, arms)
            made += characteristics_adjusted(self.study, self.of("characteristics_adjusted", analysis))
            return self._part(analysis, tables=[*made, *missing_table(self.study, self.of("missingness", analysis))])
        sampled = {row["comparison"]: row for row in self.of("sampling", analysis)}
        tables = self._titled(
            "characteristics",
            analysis,
            lambda rows: sections.characteristics(rows, sampled.get(rows[0]["comparison"])),
        )
        tables += missing_table(self.study, self.of("missingness", analysis))
        return self._part(analysis, tables=tables or [sections.characteristics([], None)])

    def exposure(self, analysis: Analysis) -> Part | None:
        if analysis.follow_up is not None or analysis.target_trial is not None:
            return None
        tables = self._titled("exposure", analysis, lambda rows: sections.exposure(self.study, rows))
        extra = self._titled("exposure", analysis, lambda rows: sections.use(self.study, rows))
        extra += self._titled("coexposure", analysis, lambda rows: sections.coexposure(self.study, rows))
        if len(analysis.case_control.comparisons) > 1:
            extra.append(comparisons.discordance(self.study, self.of("discordance", analysis)))
        return self._part(analysis, tables=tables or [sections.exposure(self.study, [])], extra=extra)

    def follow_up(self, analysis: Analysis) -> Part | None:
        if analysis.follow_up is None:
            return None
        rows = self.of("follow_up", analysis)
        tables = [follow_up.follow_up(self.study, rows), follow_up.endings(self.study, rows)]
        by_exposure = grouped(self.of("curves", analysis), lambda row: row["exposure"])
        figures = [self._curves(name, members, rows) for name, members in by_exposure.items()]
        adjusted = grouped(self.of("adjusted_curves", analysis), lambda row: row["exposure"])
        figures += [self._curves(name, members, rows, members[0]["adjustment"]) for name, members in adjusted.items()]
        return self._part(analysis, tables=tables, figure=figures)

    def function(self, analysis: Analysis) -> Part | None:
        if analysis.follow_up is None or analysis.follow_up.function is None:
            return None
        rows, stages = self.of("function", analysis), self.of("stages", analysis)
        figures = function.trajectory_figures(
            self.study, self.of("trajectories", analysis), self.of("follow_up", analysis)
        )
        tables = function.function_tables(self.study, rows, stages, analysis.conf_level)
        return self._part(analysis, tables=tables, figure=figures)

    def balance(self, analysis: Analysis) -> Part | None:
        adjusted = self.of("adjustment", analysis)
        if not adjusted:
            return None
        tables = [balance.adjustments(self.study, adjusted)]
        return self._part(analysis, tables=tables, figure=self._overlap(analysis))

    def _overlap(self, analysis: Analysis) -> list[Curves]:
        """The spread of scores in both arms, and the differences of covariates before and after."""
        arms = [("target", "target arm"), ("reference", "reference arm")]
        made = []
        for (exposure, scale), groups in overlap.by_scale(self.of("scores", analysis)).items():
            caption = f"Spread of the {overlap.SCALES[scale]}: {exposure_label(self.study, exposure)}"
            made.append(Curves(caption, overlap.score_figure(groups), arms, overlap.score_table(groups)))
        for exposure, rows in grouped(self.of("balance", analysis), lambda row: row["exposure"]).items():
            caption = f"Standardized differences before and after: {exposure_label(self.study, exposure)}"
            marks = [("reference", "before adjustment"), ("target", "after adjustment")]
            made.append(Curves(caption, overlap.balance_figure(rows), marks, balance.balance(self.study, rows)))
        return made

    def flawed(self, analysis: Analysis) -> Part | None:
        rows = self.of("flawed_estimates", analysis)
        if not rows:
            return None
        words = list(contrast_runs.flawed_words(self.study, rows))
        return self._part(analysis, words=words, tables=[contrast_runs.flawed_table(self.study, rows)])

    def triangulation(self, rows: list[Row]) -> Part | None:
        if not rows:
            return None
        words = list(contrast_runs.triangulation_words(rows))
        return Part(self.study.question.text, words=words, tables=[contrast_runs.triangulation_table(self.study, rows)])

    def _curves(self, exposure: str, members: Sequence[Row], arms: Sequence[Row], adjusted: str = "crude") -> Curves:
        labels = {row["arm"]: row["label"] for row in arms if row["exposure"] == exposure}
        caption = f"Risk of the outcome over time, {adjusted}: {exposure_label(self.study, exposure)}"
        figure = curve_figure(members, time_origin(self.study, members[0]["analysis"]))
        return Curves(caption, figure, list(labels.items()), curve_table(members, labels))

    def estimates(self, analysis: Analysis) -> Part:
        rows = self.of("estimates", analysis)
        if analysis.target_trial is not None:
            return self._part(analysis, tables=[target_trial.risks(analysis, rows), *target_trial.hazard_ratios(rows)])
        if analysis.follow_up is None:
            return self._odds_ratios(analysis, rows)
        everyone, tests = comparisons.whole(rows), self.of("heterogeneity", analysis)
        tables = follow_up.hazards(self.study, everyone, analysis.conf_level)
        tables += subgroup_tables(self.study, rows, tests, analysis.conf_level)
        if checks := self.of("hazard_checks", analysis):
            tables.append(hazard_table(self.study, checks))
        tables += score_tables(self.study, self.of("score_response", analysis), analysis.conf_level)
        risks = follow_up.risks(self.study, everyone, analysis.conf_level)
        return self._part(analysis, tables=[*tables, risks] if risks.rows or not tables else tables)

    def _odds_ratios(self, analysis: Analysis, rows: Sequence[Row]) -> Part:
        tests, scans = self.of("heterogeneity", analysis), self.of("lag_scan", analysis)
        tables = self._titled(
            "estimates",
            analysis,
            lambda own: forest(self.study, comparisons.whole(own), analysis.conf_level),
        )
        doses = (self.of(name, analysis) for name in DOSES)
        figures: list[Any] = []
        if len(analysis.case_control.comparisons) > 1 and rows:
            beside = comparisons.side_by_side(self.study, analysis, rows, tests)
            figures.append(contrast_figure(self.study, analysis, rows, tests, beside))
        figures += family_figures(self.study, analysis, self.of("within_between", analysis))
        figures += dose_figures(self.study, *doses)
        figures += [
            lag_figure(own, exposure_label(self.study, name))
            for name, own in grouped(scans, lambda row: row["exposure"]).items()
        ]
        figures += [
            initiation_figure(own, exposure_label(self.study, name))
            for name, own in grouped(self.of("initiation_rates", analysis), lambda row: row["exposure"]).items()
        ]
        extra = list(comparisons.subgroups(self.study, analysis, rows, tests))
        extra += indication_tables(self.study, self.of("indication", analysis))
        made = tables or [forest(self.study, [], analysis.conf_level)]
        return self._part(analysis, tables=made, extra=extra, figure=figures)

    def controls(self, analysis: Analysis) -> Part | None:
        controls, nulls = self.of("negative_controls", analysis), self.of("empirical_null", analysis)
        if not controls:
            return None
        estimates = self.of("estimates", analysis)
        calibrated = calibrated_table(self.study, estimates)
        tables = [null_table(self.study, nulls), *([calibrated] if calibrated else [])]
        figures, extra = control_figures(self.study, nulls, controls, estimates), [control_table(self.study, controls)]
        if positive := self.of("positive_controls", analysis):
            errors = self.of("systematic_error", analysis)
            tables.insert(1, systematic_error_table(self.study, errors, analysis.conf_level))
            figures += positive_figures(self.study, errors, controls, positive)
            extra.append(positive_table(self.study, positive))
        return self._part(analysis, tables=tables, extra=extra, figure=figures)

    def matching(self, analysis: Analysis) -> Part | None:
        if analysis.follow_up is not None or analysis.target_trial is not None:
            return None
        tables = self._titled("sampling", analysis, lambda rows: sections.sampling(rows[0]))
        tables += self._titled("matching", analysis, sections.matching)
        return self._part(analysis, tables=tables or [sections.matching([])])

    def methods(self, analysis: Analysis) -> Part:
        if analysis.target_trial is not None:
            return self._part(analysis, words=target_trial.methods_words(self.study, analysis))
        design = analysis.follow_up
        words = follow_up_methods(self.study, analysis, design) if design else methods.methods(self.study, analysis)
        return self._part(analysis, words=words)


def diagram(rows: Sequence[DiagramRow], anchor: str = "index date") -> Diagram:
    body = [[Cell(row.label, head=True), Cell(row.days), Cell(KINDS[row.kind])] for row in rows]
    table = Table("Windows of the design diagram", head("Window", "Days", "What for", numbers_from=9), body)
    kinds = [(kind, text) for kind, text in KINDS.items() if any(row.kind == kind for row in rows)]
    return Diagram(timeline(rows, anchor), kinds, table)


def flow(rows: Sequence[Row], label: str) -> Flow:
    table = sections.attrition(rows, label)
    steps = [Step(*(cell.content for cell in (line[0], line[2], line[3]))) for line in table.rows]
    return Flow(label, steps, table)


def provenance(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the numbers come from. Which steps were computed anew is not part of it: it does not change them."""
    return [(name, text) for name, text in _provenance(manifest) if text]


def _provenance(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Study", str(manifest["study"].get("id", ""))
    yield "Hash of the study (SHA-256)", str(manifest.get("study_hash", ""))
    yield "Random seed", str(manifest.get("seed", ""))
    source = manifest.get("source") or {}
    if isinstance(source, Mapping):
        names = {
            "name": "Database",
            "kind": "Kind of database",
            "cdm_version": "OMOP CDM version",
            "vocabulary_version": "Vocabulary version",
            "fingerprint": "Fingerprint of the data",
        }
        for key, text in names.items():
            yield text, str(source.get(key) or "")
    else:
        yield "Database", str(source)
    versions = manifest.get("versions") or {}
    yield "Software", ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    yield "Platform", str(manifest.get("platform") or "")
    yield "Smallest count shown", str(manifest.get("min_cell_count", ""))
