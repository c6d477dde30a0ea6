"""Tables of dose-response in nested case-control studies: groups of dose, tests, and the curve."""

from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, REASON, SET, WINDOW, count, pairs, real, text
from equipoise.results.schema import ColumnSchema, Levels, Same, TableSchema, Total

DOSE_UNITS = {
    "dispensings": "dispensings",
    "days_supplied": "days supplied",
    "milligrams": "mg",
    "daily_doses": "defined daily doses",
}
DOSE_KEYS = (*SET, "exposure", "window", "dose", "adjustment")
_KEY_COLUMNS = (
    ANALYSIS,
    COMPARISON,
    EXPOSURE,
    WINDOW,
    text("dose", "what is added up over the window", required=True, values=tuple(DOSE_UNITS)),
    text("adjustment", "`crude`, `adjusted` or a named set of covariates"),
)
_RATIO = (
    real("conf_low", "lower confidence limit; null for the reference"),
    real("conf_high", "upper confidence limit; null for the reference"),
)

DOSE_GROUPS = TableSchema(
    "dose_groups",
    "The odds ratio of each group of dose against nothing in the window. Every dispensing counts.",
    (
        *_KEY_COLUMNS,
        ColumnSchema("position", "int", "place of the group in rising order of dose, from 0", required=True),
        text("dose_group", "amounts of the group; `none` is the reference"),
        text(
            "at_minimum",
            "groups of numbers of dispensings: whether all have the least number of a user; null where some have",
            values=("yes", "no"),
        ),
        count("n_cases", "cases of the group"),
        count("n_controls", "controls of the group", "controls"),
        real("median_dose", "median dose of its controls", "units of `dose`", "n_controls"),
        real("estimate", "odds ratio against no dose; 1 for the reference"),
        *_RATIO,
        real("p_value", "two-sided p-value against no association", "probability"),
        real("log_estimate", "natural logarithm of the estimate"),
        real("std_error", "standard error of log_estimate"),
        REASON,
    ),
    (*DOSE_KEYS, "dose_group"),
    tuple(
        link
        for who in ("cases", "controls")
        for link in (
            Levels(
                (f"n_{who}",),
                DOSE_KEYS,
                (Total("exposure", f"n_{who}", (*SET, "window")), Total("lag_scan", f"n_{who}", SET)),
                shared=(*SET, "window"),
            ),
            # Those with the least number of a user are the exposed of any use.
            Levels(
                (f"n_{who}",),
                (*DOSE_KEYS, "at_minimum"),
                (
                    Total("exposure", f"n_exposed_{who}", (*SET, "exposure", "window"), ("reading", "any_use")),
                    Total("lag_scan", f"n_exposed_{who}", (*SET, "exposure")),
                ),
                False,
                where=("at_minimum", "yes"),
            ),
            Same(f"n_{who}", "dose_groups", f"n_{who}", pairs(*SET, "exposure", "window", "dose_group")),
            Same(f"n_{who}", "exposure", f"n_exposed_{who}", pairs(*SET, "exposure", "window")),
        )
    ),
)

DOSE_TESTS = TableSchema(
    "dose_tests",
    "Whether the odds ratio changes with dose: trends over groups, and tests of the spline.",
    (
        *_KEY_COLUMNS,
        text(
            "test",
            "`trend`: one group higher, none included; `trend among users`: the same beside any use against none; "
            "`any dose`: the spline differs from 1; `not linear`: it is no straight line",
            required=True,
            values=("trend", "trend among users", "any dose", "not linear"),
        ),
        real("estimate", "odds ratio of one group higher; trends only"),
        *_RATIO,
        real("log_estimate", "natural logarithm of the estimate"),
        real("std_error", "standard error of log_estimate"),
        real("statistic", "Wald's chi-squared"),
        ColumnSchema("degrees_of_freedom", "int", "degrees of freedom of the statistic"),
        real("p_value", "p-value of the test", "probability"),
        REASON,
    ),
    (*DOSE_KEYS, "test"),
)

DOSE_CURVES = TableSchema(
    "dose_curves",
    "The odds ratio by dose as a restricted cubic spline, against nothing in the window.",
    (
        *_KEY_COLUMNS,
        real("amount", "dose, from 0 to the 95th percentile of users", "units of `dose`", required=True),
        real("estimate", "odds ratio against no dose"),
        *_RATIO,
    ),
    (*DOSE_KEYS, "amount"),
)

DOSE_TABLES = (DOSE_GROUPS, DOSE_TESTS, DOSE_CURVES)
