"""The table of users with and without an indication."""

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
from equipoise.results.schema import ColumnSchema, Levels, Same, TableSchema, Total

INDICATION_KEYS = (*SET, "indication", "exposure", "window", "reading", "adjustment")

INDICATION = TableSchema(
    "indication",
    "Users with and users without an indication, and persons with the indication alone, against persons with neither.",
    (
        ANALYSIS,
        COMPARISON,
        text("indication", "name of the covariate that is the indication", required=True),
        EXPOSURE,
        WINDOW,
        READING,
        text("adjustment", "`crude`, `adjusted` or a named set of covariates, the indication left out"),
        ColumnSchema("position", "int", "place of the level, from 0", required=True),
        text("level", "use and diagnosis; `neither` is the reference"),
        text("uses", "`yes`: at the level of exposure; `no`: at its reference; null at another level of use"),
        text("diagnosed", "whether the indication was recorded", values=("yes", "no")),
        count("n_cases", "cases at the level"),
        count("n_controls", "controls at the level", "controls"),
        real("estimate", "odds ratio against neither; 1 for the reference"),
        real("conf_low", "lower confidence limit; null for the reference"),
        real("conf_high", "upper confidence limit; null for the reference"),
        real("p_value", "two-sided p-value against no association", "probability"),
        real("log_estimate", "natural logarithm of the estimate"),
        real("std_error", "standard error of log_estimate"),
        real("p_difference", "p-value against equal odds ratios of users with and without", "probability"),
        REASON,
    ),
    (*INDICATION_KEYS, "level"),
    tuple(
        link
        for who in ("cases", "controls")
        for link in (
            # All levels are the observable sets, users the exposed of other tables, and the diagnosed are the same
            # for every exposure, in Table 1 too where all sets are observable.
            Levels(
                (f"n_{who}",),
                INDICATION_KEYS,
                (Total("exposure", f"n_{who}", (*SET, "window")),),
                shared=(*SET, "window"),
            ),
            Levels(
                (f"n_{who}",),
                (*INDICATION_KEYS, "uses"),
                tuple(
                    Total("exposure", f"n_{what}_{who}", (*SET, "exposure", "window", "reading"))
                    for what in ("exposed", "unexposed")
                ),
                shared=(*SET, "exposure", "window", "reading", "uses"),
            ),
            Levels(
                (f"n_{who}",),
                (*INDICATION_KEYS, "diagnosed"),
                (Total("characteristics", f"n_{who}", SET, ("statistic", "count")),),
                shared=(*SET, "indication", "diagnosed"),
            ),
            Same(f"n_{who}", "indication", f"n_{who}", pairs(*SET, "exposure", "window", "reading", "level")),
        )
    ),
)
