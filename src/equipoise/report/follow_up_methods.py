"""The methods of a follow-up design in words, and the rows of its design diagram."""

from collections.abc import Iterator

from equipoise.report.function_words import function_words
from equipoise.report.methods import Paragraph, covariate_text, days_text, listed, rules_text, source_text
from equipoise.report.missing import missing_words
from equipoise.report.numbers import level_text
from equipoise.report.protocol import (
    cohort_label,
    concept_set_label,
    covariate_label,
    covariate_rows,
    exposure_label,
    population_rows,
    window_days,
)
from equipoise.report.score import COMBINED
from equipoise.report.timeline import DiagramRow
from equipoise.spec.follow_up import (
    DEATH,
    EXPOSURE_END,
    FollowUpDesign,
    Match,
    PropensityScore,
    Stratify,
    TimeAtRisk,
    Weigh,
)
from equipoise.spec.study import Analysis, Study

QUANTITIES = {
    "cox": "Hazard ratios were estimated by Cox regression with {ties} handling of ties",
    "survival": "Risks at {times} were one less the Kaplan-Meier estimate, and were compared as difference and ratio",
    "rmst": "Restricted mean survival up to {times} was the area under the Kaplan-Meier curve",
    "logrank": "Curves were compared by the log-rank test",
    "cumulative_incidence": "Risks at {times} were Aalen-Johansen estimates of cumulative incidence",
    "fine_gray": "Subdistribution hazard ratios were estimated by Fine and Gray's regression",
    "poisson": "Rates were events over person-time with exact intervals, and rate ratios came from Poisson regression",
    "logistic": "Odds ratios of the outcome came from logistic regression, where follow-up that ended early counts as "
    "without the outcome",
}
ADJUSTED_BY = {"ps": "propensity score", "logit": "logit of the propensity score", "preference": "preference score"}
ORIGINS = {"time_zero": "time zero", EXPOSURE_END: "the end of use"}
CENSORED = {
    "at_stop": "at the end of use",
    "at_switch": "on the first dispensing of the other arm's drug",
    "at_exit": "on leaving the population",
}


def follow_up_methods(study: Study, analysis: Analysis, design: FollowUpDesign) -> list[Paragraph]:
    """Paragraphs for one analysis: population and time zero, arms, outcome and follow-up, covariates, model."""
    return [
        ("Population and time zero", _population(study, design)),
        ("Arms", _arms(study, design)),
        ("Outcome and follow-up", _outcome(study, design)),
        ("Covariates", _covariates(study, analysis, design)),
        ("Statistical analysis", _model(study, analysis, design)),
        *([] if design.function is None else [("Function", function_words(study, design.function))]),
    ]


def _population(study: Study, design: FollowUpDesign) -> str:
    cohort = study.cohorts[design.population]
    rules = list(rules_text(study, cohort))
    required = f" Required on entry: {listed(rules)}." if rules else ""
    zero = (
        "Time zero was the day of entering the population; a person entered once."
        if design.time_zero == "entry"
        else "Time zero was the day on which a drug of either arm was first dispensed to a member of the population."
    )
    return f"The population was {source_text(study, design.population, False)}.{required} {zero}"


def _arms(study: Study, design: FollowUpDesign) -> str:
    targets = listed([_defined(study, name) for name in design.target])
    other = _defined(study, design.comparator) if design.comparator else "persons without that use"
    text = (
        f"The target arms were users of {targets}, each compared by itself with {other}."
        if len(design.target) > 1
        else f"The target arm was users of {targets}, compared with {other}."
    )
    if design.use == "ongoing":
        text += f" Use counted where it went on at time zero: {_supply(design)}."
    if design.window is not None:
        days = window_days(study.windows[design.window])
        text += f" Use counted {'on' if days.startswith('any') else 'from'} {days}"
        text += f", the last {days_text(design.lag_days)} left out." if design.lag_days else "."
    if design.comparator is not None:
        twice = {
            "exclude": "were left out",
            "first": "were in the arm of the drug used first",
            "target": "were in the target arm",
        }
        text += f" Persons with use of both {twice[design.both]}."
    if design.common_period:
        text += " Persons outside the period in which both arms had a time zero were left out."
    if design.new_users is None:
        return text + " Users were not required to be new ones."
    before = "the window" if design.window else "time zero"
    return (
        f"{text} Persons in all arms were observed for {days_text(design.new_users.washout_days)} before {before} "
        "without a dispensing of either arm."
    )


def _defined(study: Study, name: str) -> str:
    least = study.exposures[name].min_dispensings
    label = exposure_label(study, name)
    return label if least == 1 else f"{label} (dispensings on at least {least} distinct dates)"


def _supply(design: FollowUpDesign) -> str:
    rule = design.censoring
    return (
        f"a dispensing lasted for the days recorded, else {days_text(rule.supply_days)}, supply left over was added to "
        f"the next one, and up to {days_text(rule.grace_days)} without supply did not end use"
    )


def event_words(study: Study, names: tuple[str, ...]) -> str:
    """Events of an outcome in words: `death or invasive ventilation`."""
    return " or ".join(DEATH if name == DEATH else concept_set_label(study, name) for name in names)


def _outcome(study: Study, design: FollowUpDesign) -> str:
    outcome, time, censoring = design.outcome, design.follow_up, design.censoring
    first_of = "the first of: " if len(outcome.any_of) > 1 else ""
    text = (
        f"The outcome was {first_of}{event_words(study, outcome.any_of)}. Persons with it on or before time zero "
        f"were left out. Persons were followed from day {time.starts_day + 1:,} after {ORIGINS[time.start_anchor]}"
    )
    text += f" up to day {time.days:,}" if time.days is not None else ""
    text += f" after {ORIGINS[time.counts_to]}" if time.counts_to != time.start_anchor else ""
    if time.delayed_entry is not None:
        entered = concept_set_label(study, time.delayed_entry)
        text += (
            f", and were at risk from the day after their first record of {entered} on (delayed entry; those without "
            "it, or whose follow-up had ended by then, were left out)"
        )
    ends = ["at the end of observation", *(words for key, words in CENSORED.items() if getattr(censoring, key))]
    if censoring.last_day is not None:
        ends.append(f"after {censoring.last_day}")
    text += f", and censored {listed(ends)}, whichever came first; an event on the last day counted."
    if censoring.at_stop:
        after = censoring.grace_days if censoring.after_stop_days is None else censoring.after_stop_days
        text += f" Follow-up reached {days_text(after)} beyond the end of use: {_supply(design)}."
    if time.by_use:
        text += f" The end of use is the last day supplied of the drug of the arm: {_supply(design)}."
    if time.start_anchor == EXPOSURE_END:
        text += " Times are days from there, and events and ends of follow-up before it left persons out."
    if outcome.competing:
        text += f" Competing events: {event_words(study, outcome.competing)}."
    if time.minimum_days:
        text += f" Persons observed for less than {days_text(time.minimum_days)} without an event were left out."
    return text


def _covariates(study: Study, analysis: Analysis, design: FollowUpDesign) -> str:
    if not analysis.adjust_for:
        return "Estimates were not adjusted."
    described = [covariate_text(study, name) for name in analysis.adjust_for]
    text = f"Adjusted estimates took account of {listed(described)}, as they were at time zero, {_adjusted_by(design)}."
    text = " ".join(filter(None, (text, missing_words(study, analysis))))
    given = design.adjustment
    if not isinstance(given, PropensityScore):
        return text
    how = (
        "logistic regression" if given.penalty == "none" else "logistic regression with an L1 penalty, cross-validated"
    )
    return f"{text} The score was estimated by {how}.{_trimmed(given)}{_preset(given)}"


def _trimmed(given: PropensityScore) -> str:
    """Whom trimming left out; the score is then estimated anew."""
    if given.trim_equipoise is not None:
        whom = "a preference score outside {:g} to {:g}".format(*given.trim_equipoise)
    elif given.trim_bounds is not None:
        whom = "a score outside {:g} to {:g}".format(*given.trim_bounds)
    elif given.trim_fraction is not None:
        whom = (
            f"a score below the quantile {given.trim_fraction:g} of the target arm or above the quantile "
            f"{1 - given.trim_fraction:g} of the reference arm"
        )
    else:
        return ""
    return f" Persons with {whom} were left out, and the score was estimated anew."


def _preset(given: PropensityScore) -> str:
    """Where settings stand for a tool: what its makers say of it, and what is assumed."""
    if not isinstance(given, Match) or given.preset is None:
        return ""
    return (
        " The settings are assumed: they stand for the matching of the web tool of a large research network, whose "
        "makers document greedy nearest-neighbour matching of one to one without replacement within 0.1 standard "
        "deviations, of persons in random order, and neither whose standard deviation that is nor on which scale."
    )


def _adjusted_by(design: FollowUpDesign) -> str:
    """How, in words; where a setting of the score can change the answer, it is said."""
    given = design.adjustment
    if isinstance(given, Match):
        seekers = "the target arm" if given.estimand == "ATT" else "the reference arm"
        unit = f" times its {given.caliper_sd} standard deviation" if given.caliper_sd else ""
        drawn = ", in random order" if given.order == "random" else ""
        caliper = "" if given.caliper is None else f" within a caliper of {given.caliper:g}{unit}"
        return (
            f"by greedy matching of up to {given.ratio} to each person of {seekers} on the "
            f"{ADJUSTED_BY[given.caliper_scale]}{caliper}{drawn}; variances are clustered by matched set"
        )
    if isinstance(given, Weigh):
        stabilised = "stabilised " if given.stabilised else ""
        cut = "" if given.truncate is None else f", truncated at quantile {given.truncate:g}"
        return f"by {stabilised}weights for {given.estimand} from the propensity score{cut}"
    if isinstance(given, Stratify):
        return f"by {given.strata} strata of the propensity score, each with a baseline hazard of its own"
    return "as terms of the regression model"


def _model(study: Study, analysis: Analysis, design: FollowUpDesign) -> str:
    days = design.follow_up.days
    points = design.estimator.time_points_days or ((days,) if days is not None else ())
    times = listed([f"day {point:,}" for point in points]) if points else ""
    ties = design.estimator.ties.capitalize() + ("'s" if design.estimator.ties != "exact" else "")
    said = [QUANTITIES[kind].format(times=times, ties=ties) for kind in design.estimator.kinds]
    if design.score is not None:
        said.append(
            f"As a dose, {COMBINED[design.score.combine]} entered Cox models in place of the arm, per point and by "
            "category"
        )
    said += _more(study, analysis, design)
    level = level_text(analysis.conf_level)
    return (
        f"{'. '.join(said)}. Every ratio is of the target arm against the reference arm, with {level} confidence "
        "intervals and two-sided p-values. They are not corrected for the number of comparisons."
    )


def _more(study: Study, analysis: Analysis, design: FollowUpDesign) -> Iterator[str]:
    """What was asked for beside the estimates: draws, profiles, robust variances, subgroups."""
    if design.estimator.bootstrap is not None:
        yield (
            "Limits of risks and restricted means are percentiles of "
            f"{design.estimator.bootstrap.replicates:,} samples of persons drawn with replacement"
        )
    if design.estimator.likelihood_profile is not None:
        yield "The profile of the likelihood of the hazard ratio is given on a grid"
    if analysis.cluster == "person":
        yield "Standard errors of regressions are robust, clustered by person"
    if analysis.subgroups:
        names = listed([covariate_label(study, name) for name in analysis.subgroups])
        yield (
            f"Estimates were repeated by {names}, adjusted anew within each level, and differences between levels "
            "tested by Cochran's Q"
        )


def follow_up_rows(study: Study, analysis: Analysis, design: FollowUpDesign) -> list[DiagramRow]:
    """The rows of the design diagram: population, washout, use, covariates, follow-up."""
    return [
        *population_rows(study, study.cohorts[design.population]),
        *_use_rows(study, design),
        *covariate_rows(study, analysis),
        *_time_rows(study, design),
    ]


def _use_rows(study: Study, design: FollowUpDesign) -> Iterator[DiagramRow]:
    window = study.windows[design.window] if design.window else None
    first = (window.first_day if window else 0) or 0
    if design.new_users is not None:
        label = "Washout: no drug of either arm"
        yield DiagramRow(label, first - design.new_users.washout_days, first - 1, "exclusion")
    if design.use == "ongoing":
        yield DiagramRow("Use that goes on: makes the arm", 0, 0, "exposure")
        return
    if window is None:
        yield DiagramRow("First use: arm and time zero", 0, 0, "exposure")
        return
    last = min(window.last_day, -design.lag_days - 1)
    yield DiagramRow(f"Use, {design.window}: makes the arm", window.first_day, last, "exposure")
    if last < -1:
        yield DiagramRow("Lag", last + 1, -1, "lag")


def _time_rows(study: Study, design: FollowUpDesign) -> Iterator[DiagramRow]:
    yield DiagramRow(f"No {event_words(study, design.outcome.any_of)} yet", None, 0, "exclusion")
    label = f"Follow-up of {cohort_label(study, design.population)}"
    time = design.follow_up
    note = _days_of_use(time) if time.by_use else None
    yield DiagramRow(label, time.starts_day + 1, time.days, "follow_up", note)


def time_origin(study: Study, name: str) -> str:
    """What the days of the curves of an analysis count from, in words."""
    analysis = next(each for each in study.every_analysis() if each.id == name)
    return ORIGINS["time_zero" if analysis.follow_up is None else analysis.follow_up.follow_up.start_anchor]


def _days_of_use(time: TimeAtRisk) -> str:
    """Time at risk whose place or length differs by person, in words."""
    begins = f"day {time.starts_day + 1:,} after {ORIGINS[time.start_anchor]}"
    ends = "the end of observation" if time.days is None else f"day {time.days:,} after {ORIGINS[time.counts_to]}"
    return f"{begins} to {ends}"
