"""Tables of nested case-control studies beside the estimates: tests of heterogeneity, informative sets, lag scan."""

from equipoise.errors import Reason
from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, READING, SET, WINDOW, count, pairs, real, text
from equipoise.results.schema import ColumnSchema, Parts, Same, TableSchema

_REASON = text("reason", "why the number is absent; null where it is given", values=tuple(Reason))
_KEYS = (*SET, "exposure", "window", "reading", "term")

HETEROGENEITY = TableSchema(
    "heterogeneity",
    "Whether an estimate differs between the levels of a subgroup, or between comparisons.",
    (
        ANALYSIS,
        text("comparison", "groups that are compared; `every` where the test is between them", required=True),
        EXPOSURE,
        WINDOW,
        READING,
        text("term", "the term of the model"),
        text("outcome", "name of the outcome"),
        text("measure", "what kind of number the estimates are"),
        ColumnSchema("time_point_days", "int", "time since time zero to which the estimates refer", "days"),
        text("adjustment", "adjustment of the estimates"),
        text("target_level", "exposure level the estimates are about"),
        text("across", "the subgroup, or `comparison`", required=True),
        ColumnSchema("n_levels", "int", "levels with an estimate", "levels"),
        real("statistic", "chi-squared statistic: Cochran's Q, or Wald's over estimates that share cases"),
        ColumnSchema("degrees_of_freedom", "int", "degrees of freedom of the statistic"),
        real("p_value", "p-value against no difference", "probability"),
        _REASON,
    ),
    (*_KEYS, "outcome", "measure", "time_point_days", "adjustment", "across"),
)

DISCORDANCE = TableSchema(
    "discordance",
    "Matched sets by whether exposure varies in them. Only discordant sets tell of an exposure.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        WINDOW,
        READING,
        text("term", "the term of the model"),
        text("target_level", "exposure level that counts as exposed"),
        count("n_sets", "matched sets the estimate rests on", "sets"),
        count("n_discordant_sets", "of these, sets with exposed and unexposed persons", "sets"),
        count("n_sets_all_exposed", "of these, sets in which everyone is exposed", "sets"),
        count("n_sets_none_exposed", "of these, sets in which nobody is exposed", "sets"),
    ),
    _KEYS,
    (
        Parts("n_sets", ("n_discordant_sets", "n_sets_all_exposed", "n_sets_none_exposed")),
        # Every set has one case.
        Same("n_sets", "exposure", "n_cases", pairs(*SET)),
        Same("n_sets", "discordance", "n_sets", pairs(*SET)),
    ),
)

LAG_SCAN = TableSchema(
    "lag_scan",
    "The odds ratio of any use up to each lag before the index date.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        text("outcome", "name of the outcome"),
        ColumnSchema("lag_days", "int", "last days before the index date that do not count", "days", required=True),
        text(
            "population",
            "`observable`: sets observable at this lag; `fixed`: the sets observable at the longest lag",
            required=True,
            values=("observable", "fixed"),
        ),
        text("adjustment", "`crude`, `adjusted` or a named set of covariates"),
        real("estimate", "odds ratio"),
        real("conf_low", "lower confidence limit"),
        real("conf_high", "upper confidence limit"),
        real("p_value", "two-sided p-value against no association", "probability"),
        real("log_estimate", "natural logarithm of the estimate"),
        real("std_error", "standard error of log_estimate"),
        count("n_sets", "matched sets that remain at this lag", "sets"),
        count("n_cases", "cases among them"),
        count("n_controls", "controls among them", "controls"),
        count("n_exposed_cases", "cases with use before the lag"),
        count("n_exposed_controls", "controls with use before the lag", "controls"),
        _REASON,
    ),
    (*SET, "exposure", "lag_days", "population"),
    (
        Parts("n_cases", ("n_exposed_cases", ".n_unexposed_cases")),
        Parts("n_controls", ("n_exposed_controls", ".n_unexposed_controls")),
        *(Same(name, "lag_scan", name, pairs(*SET)) for name in ("n_sets", "n_cases", "n_controls")),
        Same("n_sets", "lag_scan", "n_cases", pairs(*SET)),
        Same("n_cases", "exposure", "n_cases", pairs(*SET)),
        Same("n_controls", "exposure", "n_controls", pairs(*SET)),
        *(
            Same(f"n_exposed_{who}", "lag_scan", f"n_exposed_{who}", pairs(*SET, "exposure"))
            for who in ("cases", "controls")
        ),
    ),
)

INITIATION_RATES = TableSchema(
    "initiation_rates",
    "How often cases and controls began use, by time before the index date.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        text("who", "cases or controls", required=True, values=("cases", "controls")),
        ColumnSchema("from_day", "int", "first day of the stretch, relative to the index date", "days", required=True),
        ColumnSchema("to_day", "int", "last day of the stretch", "days", required=True),
        count("n_at_risk", "observed over the whole stretch and the run-in before it, without use before it"),
        count("n_initiating", "of these, first dispensed it in the stretch"),
        real("person_years", "time at risk until first use", "years", "n_initiating"),
        real("rate", "persons who began use per 1,000 person-years", "per 1,000 years", "n_initiating"),
    ),
    (*SET, "exposure", "who", "from_day"),
    (Parts("n_at_risk", ("n_initiating", ".n_not_initiating")),),
)
