"""The table of associations within and between families."""

from equipoise.results.columns import (
    ANALYSIS,
    COMPARISON,
    EXPOSURE,
    READING,
    REASON,
    SET,
    WINDOW,
    count,
    pairs,
    real,
    text,
)
from equipoise.results.schema import Parts, Same, TableSchema

QUANTITIES: dict[str, str] = {
    "population": "population controls, families left aside",
    "within": "within families: relatives as controls",
    "within_given_mean": "within families: own exposure at the same mean of the family",
    "between": "between families",
    "ratio": "between over within",
}
OF_POPULATION = ("population", "within_given_mean", "between", "ratio")
USE = ("exposure", "window", "reading")
COUNTS = ("n_cases", "n_controls", "n_exposed_cases", "n_exposed_controls")
RATIO = ("estimate", "conf_low", "conf_high", "p_value", "log_estimate", "std_error")

WITHIN_BETWEEN = TableSchema(
    "within_between",
    "Odds ratios within and between families: own exposure beside the mean exposure of the family.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        WINDOW,
        READING,
        text("adjustment", "`crude`, or `adjusted` with the covariates of the study"),
        text(
            "quantity",
            "`population`: population controls, families left aside; `within`: the relatives as controls, crude with"
            " sex and birth year; `within_given_mean` and `between`: own exposure, and own exposure with the family's"
            " mean, in one model of population controls; `ratio`: between over within in that model",
            required=True,
            values=tuple(QUANTITIES),
        ),
        real("estimate", "odds ratio; for `ratio` a ratio of odds ratios"),
        real("conf_low", "lower confidence limit"),
        real("conf_high", "upper confidence limit"),
        real("p_value", "two-sided p-value against a ratio of 1", "probability"),
        real("log_estimate", "natural logarithm of the estimate"),
        real("std_error", "robust standard error of log_estimate, cases of one sibship as a cluster"),
        count("n_cases", "cases with a relative; the rows of one model have them once"),
        count("n_controls", "their controls: persons of the population with a relative, or relatives", "controls"),
        count("n_exposed_cases", "of these cases, those at the level; for `between`, those with a relative at it"),
        count("n_exposed_controls", "the same of these controls", "controls"),
        REASON,
    ),
    (*SET, *USE, "adjustment", "quantity"),
    (
        Parts("n_cases", ("n_exposed_cases", ".n_unexposed_cases")),
        Parts("n_controls", ("n_exposed_controls", ".n_unexposed_controls")),
        *(Same(name, "within_between", name, pairs("analysis")) for name in COUNTS[:2]),
        *(Same(name, "within_between", name, pairs(*SET, *USE)) for name in COUNTS[2:]),
        *(Same(name, "exposure", name, pairs(*SET, *USE)) for name in COUNTS),
    ),
)
