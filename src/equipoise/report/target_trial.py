"""What the page shows of a target trial: protocol and emulation, follow-up, curves, weights, agreement of methods."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from equipoise.report.methods import Paragraph, listed, rules_text, source_text
from equipoise.report.numbers import ABSENT, count_text, decimal_text, interval_text, level_text, p_text, ratio_text
from equipoise.report.protocol import covariate_rows, exposure_label, population_rows
from equipoise.report.timeline import DiagramRow
from equipoise.report.trial_curves import Contrast, agreement_figure, risk_figure, style_of
from equipoise.report.views import Cell, Part, Table, group_row, grouped, head, numbers
from equipoise.spec.study import Analysis, Study
from equipoise.spec.target_trial import TargetTrial, interval_end

Row = dict[str, Any]
Rows = Callable[[str], list[Row]]
SIDES = ("target_trial", "emulation")


@dataclass(frozen=True, slots=True)
class TrialFigure:
    """A figure with its legend and table."""

    caption: str
    figure: Markup
    arms: Sequence[tuple[str, str]]
    table: Table


def design_of(analysis: Analysis) -> TargetTrial:
    """The design of an analysis that is known to be a target trial."""
    assert analysis.target_trial is not None
    return analysis.target_trial


def opening(analysis: Analysis, strategies: Sequence[Row]) -> list[str]:
    """Who is followed, and that each copy counts."""
    if not strategies or strategies[0]["n_trials"] is None:
        return ["Nobody could be followed under two strategies, so there is nothing to compare."]
    design = design_of(analysis)
    who = "persons at time zero" if design.time_zero == "entry" else "trials of persons"
    ways = "; ".join(f"{row['label']}: {count_text(row, 'n_events')} with the outcome" for row in strategies)
    number = count_text(strategies[0], "n_trials")
    text = f"{number} {who} are followed under each strategy while they keep to it ({ways})."
    return [text.replace("hidden with", "a hidden number with")]


def findings(analysis: Analysis, estimates: Sequence[Row]) -> Table:
    """Contrasts at every time point, one column a method."""
    methods = _methods(estimates)
    top = [*head("Contrast", numbers_from=9), *head(*(_sentence(name) for name in methods), numbers_from=0)]
    body: list[list[Cell]] = []
    chosen = [row for row in estimates if row["measure"] in ("risk_difference", "risk_ratio", "hazard_ratio")]
    for (day, measure), members in grouped(chosen, lambda row: (row["time_point_days"], row["measure"])).items():
        words = {"risk_difference": "Risk difference", "risk_ratio": "Risk ratio", "hazard_ratio": "Hazard ratio"}
        when = "averaged over follow-up" if day is None else f"at day {day:,}"
        body.append(group_row(f"{words[measure]} {when}", len(top)))
        for contrast, same in grouped(members, lambda row: (row["exposure"], row["comparison"])).items():
            given = {row["adjustment"]: row for row in same}
            cells = [_number(given.get(name)) for name in methods]
            body.append([Cell(f"{contrast[0]} against {contrast[1]}", "level", head=True), *numbers(*cells)])
    level = level_text(analysis.conf_level)
    notes = [
        f"Estimate ({level} interval); risk differences in points of percent.",
        "Crude: those who keep to their strategy as they are, without weights or covariates.",
        "Methods that agree support one another; where they differ, one of the models is wrong, or the data are few.",
    ]
    return Table("Strategies compared, method by method", top, body, notes)


def risks(analysis: Analysis, estimates: Sequence[Row]) -> Table:
    """The risk under each strategy at every time point, one column a method."""
    methods = _methods(estimates)
    top = [*head("Strategy", numbers_from=9), *head(*(_sentence(name) for name in methods), numbers_from=0)]
    body: list[list[Cell]] = []
    for day, members in grouped([r for r in estimates if r["measure"] == "risk"], _day).items():
        body.append(group_row(f"By day {day:,}", len(top)))
        for _, same in grouped(members, lambda row: row["exposure"]).items():
            given = {row["adjustment"]: row for row in same}
            label = _sentence(same[0]["target_level"])
            body.append([Cell(label, "level", head=True), *numbers(*(_number(given.get(name)) for name in methods))])
    return Table("Risk of the outcome had everybody followed a strategy, percent", top, body)


def hazard_ratios(estimates: Sequence[Row]) -> list[Table]:
    """Hazard ratios with their p-values, where the study asks for them."""
    rows = [row for row in estimates if row["measure"] == "hazard_ratio"]
    if not rows:
        return []
    top = head("Strategy", "Against", "Hazard ratio", "Interval", "p-value", numbers_from=2)
    body = [
        [Cell(_sentence(row["target_level"]), "level", head=True), Cell(row["reference_level"]),
         *numbers(_plain(row), interval_text(row), p_text(row["p_value"]))]
        for row in rows
    ]  # fmt: skip
    notes = ["From a Cox marginal structural model: an average over follow-up, in which grace periods count as well."]
    return [Table("Hazard ratios", top, body, notes)]


def protocol(rows: Sequence[Row]) -> Table:
    """The target trial and its emulation side by side."""
    top = head("Element", "Target trial", "Emulation with these data", numbers_from=9)
    body = [
        [Cell(row["element"], "level", head=True), *(Cell(_sentence(row[name]), "words") for name in SIDES)]
        for row in rows
    ]
    return Table("Protocol of the target trial and its emulation", top, body)


def endings(rows: Sequence[Row]) -> Table:
    """How the follow-up of each strategy ended."""
    names = ("n_trials", "n_events", "n_competing", "n_deviated", "n_lost", "n_completed")
    top = head("Strategy", "At time zero", "Outcome", "Competing event", "Deviated", "Lost", "To the end")
    body = [
        [Cell(_sentence(row["label"]), "level", head=True), *numbers(*(count_text(row, name) for name in names))]
        for row in rows
    ]
    return Table("How the follow-up of each strategy ended", top, body)


def weights(rows: Sequence[Row]) -> Table:
    """Numbers that keep to each strategy, and their weights."""
    top = head("Strategy", "Up to day", "Keeping to it", "Outcomes", "Mean weight", "Largest", "Effective number")
    body = [
        [
            Cell(row["strategy"], "level", head=True),
            *numbers(
                f"{row['time_days']:,}",
                count_text(row, "n_at_risk"),
                count_text(row, "n_events"),
                decimal_text(row["weight_mean"], 2),
                decimal_text(row["weight_maximum"], 2),
                decimal_text(row["effective_size"], 0),
            ),
        ]
        for row in rows
    ]
    notes = ["Weights in the last part of each stretch. Stabilised weights have a mean near one where models hold."]
    return Table("Weights over time", top, body, notes)


def positivity(study: Study, rows: Sequence[Row]) -> Table:
    """Whether treatment varied where it could."""
    top = head("Treated before with", "Interval", "Could change", "Changed", "Percent", "Nobody, or everybody")
    body = []
    for row in rows:
        when = "all" if row["position"] == 0 else f"{row['position']:,}"
        before = "nothing" if row["previous"] == "none" else exposure_label(study, row["previous"])
        cells = [when, count_text(row, "n_rows"), count_text(row, "n_changes"), decimal_text(row["percent"], 1)]
        body.append([Cell(before, "level", head=True), *numbers(*cells, row["violated"] or ABSENT)])
    notes = ["Where nobody or everybody changes treatment, nothing is known of the other course (positivity)."]
    return Table("Positivity: who could change treatment, and who did", top, body, notes)


def figures(analysis: Analysis, of: Rows) -> Iterator[TrialFigure]:
    """Curves of every method with numbers at risk."""
    design = design_of(analysis)
    names = [strategy.name for strategy in design.strategies]
    legend = [(style_of(k), label) for k, label in enumerate(_labels(of, names))]
    for method, rows in grouped(of("trial_curves"), lambda row: row["method"]).items():
        if not any(row["risk"] is not None for row in rows):
            continue
        caption = f"Risk of the outcome under each strategy: {method}"
        figure = risk_figure(rows, of("trial_follow_up"), names)
        yield TrialFigure(caption, figure, legend, _curve_table(rows))


def agreement(analysis: Analysis, estimates: Sequence[Row]) -> Iterator[TrialFigure]:
    """Risk differences at the last time point, method beside method."""
    rows = [row for row in estimates if row["measure"] == "risk_difference"]
    last = max((_day(row) for row in rows), default=None)
    methods = _methods(rows)
    if last is None or len(methods) < 2:
        return
    lines = []
    body: list[list[Cell]] = []
    for (target, reference), same in grouped(
        [row for row in rows if _day(row) == last], lambda row: (row["exposure"], row["comparison"])
    ).items():
        given = {row["adjustment"]: row for row in same}
        found = [given.get(name) for name in methods]
        marks = [
            None if row is None or row["estimate"] is None else (row["estimate"], row["conf_low"], row["conf_high"])
            for row in found
        ]
        lines.append(Contrast(f"{target} against {reference}", marks))
        body.append([Cell(lines[-1].label, "level", head=True), *numbers(*(_number(row) for row in found))])
    top = [*head("Contrast", numbers_from=9), *head(*(_sentence(name) for name in methods), numbers_from=0)]
    caption = f"Agreement of methods: risk differences by day {last:,}"
    legend = [(style_of(k), name) for k, name in enumerate(methods)]
    yield TrialFigure(caption, agreement_figure(lines, methods), legend, Table(caption, top, body))


def diagram(study: Study, analysis: Analysis) -> list[DiagramRow]:
    """Windows before time zero, grace periods and follow-up."""
    design = design_of(analysis)
    rows = list(population_rows(study, study.cohorts[design.population]))
    if design.new_users is not None:
        rows.append(DiagramRow("No drug that is compared", -design.new_users.washout_days, -1, "exclusion"))
    rows += [DiagramRow(rule.name, rule.days[0], rule.days[1], "eligibility") for rule in design.eligibility]
    rows += list(covariate_rows(study, analysis))
    grace = max(strategy.within for strategy in design.strategies)
    rows.append(DiagramRow("Strategies start", 0, interval_end(design.interval, grace), "exposure"))
    rows.append(DiagramRow("Follow-up, in intervals", 1, design.days, "follow_up"))
    return rows


def methods_words(study: Study, analysis: Analysis) -> list[Paragraph]:
    """Paragraphs for one analysis."""
    design = design_of(analysis)
    rules = list(rules_text(study, study.cohorts[design.population]))
    required = f" Required on entry: {listed(rules)}." if rules else ""
    varying = [study.covariate(name).label or name for name in design.time_varying]
    fixed = [study.covariate(name).label or name for name in analysis.adjust_for]
    moving = f" Read anew at the beginning of every {design.interval}: {listed(varying)}." if varying else ""
    gaps = " A missing number was the mean of those known, with an indicator of its own." if varying or fixed else ""
    return [
        ("Population", f"The population was {source_text(study, design.population, False)}.{required}"),
        ("Target trial", "Protocol and emulation stand side by side above."),
        ("Covariates", f"At time zero: {listed(fixed) if fixed else 'none'}.{moving}{gaps}"),
        ("Statistical analysis", _estimation(analysis, design)),
        ("Assumptions", " ".join(design.assumptions) or "None were stated."),
    ]


def _estimation(analysis: Analysis, design: TargetTrial) -> str:
    asked, texts = design.estimation, []
    words = {
        "sequential_trials": "Trials that start in every eligible interval were analysed together by a marginal "
        "structural model (pooled logistic regression).",
        "clone_censor_weight": "Every person was copied once for each strategy; a copy was censored when the person "
        "did what the strategy does not allow, and weights made up for it (marginal structural model, pooled logistic "
        "regression, risks standardized over covariates at time zero).",
        "g_formula": "By the parametric g-formula, covariates, treatment and outcome were modelled interval by "
        f"interval (logistic models, a weak prior on slopes), and {asked.simulations:,} persons followed through them.",
        "doubly_robust": "By a doubly robust method, outcomes were regressed back interval by interval among those "
        "who keep to a strategy, with inverse-probability weights; limits are from the influence function.",
    }
    texts += [words[method] for method in asked.methods]
    if asked.bootstrap:
        texts.append(f"Other limits are percentiles of {asked.bootstrap:,} bootstrap samples of persons.")
    else:
        texts.append("Other limits rest on a variance that is robust to persons.")
    return " ".join([*texts, f"Intervals are {level_text(analysis.conf_level)}."])


def section(study: Study, analysis: Analysis, of: Rows, part: Callable[..., Part]) -> Part:
    """The section of one analysis: protocol and endings, figures, then weights and positivity."""
    made = [*figures(analysis, of), *agreement(analysis, of("estimates"))]
    tables = [protocol(of("trial_protocol")), endings(of("trial_strategies"))]
    extra = [weights(of("trial_follow_up")), positivity(study, of("trial_positivity"))]
    return part(analysis, tables=tables, figure=made, extra=extra)


def _labels(of: Rows, names: Sequence[str]) -> list[str]:
    known = {row["strategy"]: row["label"] for row in of("trial_strategies")}
    return [f"{name}: {known.get(name, name)}" for name in names]


def _curve_table(rows: Sequence[Row]) -> Table:
    top = head("Strategy", "Day", "Risk, percent")
    body = [
        [Cell(row["strategy"], head=True), *numbers(f"{row['time_days']:,}", _percent(row, "risk"))] for row in rows
    ]
    return Table("Risk over time", top, body)


def _methods(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["adjustment"] for row in rows))


def _day(row: Row) -> int:
    return int(row["time_point_days"])


def _plain(row: Row) -> str:
    return _reason(row) if row["estimate"] is None else ratio_text(row["estimate"])


def _number(row: Row | None) -> str:
    """An estimate with its limits, in points of percent where it is a risk or a difference of risks."""
    if row is None:
        return ABSENT
    if row["estimate"] is None:
        return _reason(row)
    if row["measure"] in ("risk", "risk_difference"):
        return _percent(row, "estimate")
    return f"{ratio_text(row['estimate'])} ({interval_text(row)})"


def _percent(row: Row, name: str) -> str:
    if row[name] is None:
        return ABSENT
    text = decimal_text(100.0 * row[name], 1)
    if row["conf_low"] is None or row["conf_high"] is None:
        return text
    return f"{text} ({decimal_text(100.0 * row['conf_low'], 1)} to {decimal_text(100.0 * row['conf_high'], 1)})"


def _reason(row: Row) -> str:
    return row["reason"].replace("_", " ").lower() if row["reason"] else ABSENT


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
