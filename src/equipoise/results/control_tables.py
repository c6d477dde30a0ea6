"""The result tables of negative controls: what the design finds for each, and the systematic error that it shows."""

from collections.abc import Sequence

from equipoise.errors import Reason
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
from equipoise.results.schema import ColumnSchema, Parts, Same, TableSchema

CONTROL_KINDS = ("outcome", "exposure")
RESTS_ON = ("n_exposed_cases", "n_unexposed_cases")
LEVEL = text("target_level", "exposure level the estimate is about")
ADJUSTMENT = text("adjustment", "as in `estimates`", required=True)
MEASURE = text("measure", "kind of ratio, as in `estimates`", required=True)
DESIGN_KEYS = ("window", "reading", "adjustment", "measure")
OF_AN_ESTIMATE = (
    ANALYSIS,
    COMPARISON,
    text("exposure", "exposure that it calibrates", required=True),
    WINDOW,
    READING,
    ADJUSTMENT,
    MEASURE,
)


def _shown(names: Sequence[str], meaning: str) -> list[ColumnSchema]:
    return [
        real(name, f"{words} of {meaning}") for name, words in zip(names, ("lower limit", "upper limit"), strict=True)
    ]


NEGATIVE_CONTROLS = TableSchema(
    "negative_controls",
    "Negative controls run through the designs of the study, in place of its outcome or its exposure. Whoever had a"
    " control outcome before time zero is left out, so that counts of persons differ from those of the study.",
    (
        ANALYSIS,
        COMPARISON,
        text("kind", "whether the control stands in place of the outcome or the exposure", values=CONTROL_KINDS),
        text("control", "name of the control in the study", required=True),
        EXPOSURE,
        WINDOW,
        READING,
        LEVEL,
        ADJUSTMENT,
        MEASURE,
        *(
            real(name, meaning, "", rests_on=RESTS_ON)
            for name, meaning in (
                ("estimate", "the ratio, of which the truth is 1"),
                ("conf_low", "lower confidence limit"),
                ("conf_high", "upper confidence limit"),
                ("p_value", "two-sided p-value against no association"),
                ("log_estimate", "natural logarithm of the estimate"),
                ("std_error", "standard error of log_estimate"),
                ("calibrated_p_value", "the p-value when the other controls of the same design calibrate it"),
            )
        ),
        count("n_cases", "persons with the outcome, or cases"),
        count("n_exposed_cases", "of these, of the target arm, or at the target level"),
        count("n_unexposed_cases", "of these, the others"),
        REASON,
    ),
    (*SET, "kind", "control", "exposure", *DESIGN_KEYS, "target_level"),
    (
        Parts("n_cases", RESTS_ON),
        *(
            Same(name, "negative_controls", name, pairs(*SET, "kind", "control", "exposure", "target_level"))
            for name in ("n_cases", *RESTS_ON)
        ),
        Same("n_cases", "estimates", "n_cases", pairs(*SET)),
        Same("n_cases", "negative_controls", "n_cases", pairs(*SET, "kind")),
    ),
)

POSITIVE_CONTROLS = TableSchema(
    "positive_controls",
    "Positive controls made of the control outcomes by adding outcomes in the target arm, so that the true hazard ratio"
    " is known. They are shown where the negative control that they are made of is. Where fewer than 25 of the target"
    " arm have the outcome, nothing is added: `TOO_FEW_EVENTS`.",
    (
        ANALYSIS,
        COMPARISON,
        text("control", "name of the negative control that it is made of", required=True),
        real("effect", "the true hazard ratio", ""),
        EXPOSURE,
        WINDOW,
        READING,
        LEVEL,
        ADJUSTMENT,
        MEASURE,
        real("injected", "the ratio that the added outcomes make in the target arm, against its own before", ""),
        real("estimate", "the ratio as it is estimated", ""),
        real("conf_low", "lower confidence limit", ""),
        real("conf_high", "upper confidence limit", ""),
        real("p_value", "two-sided p-value against no association", "probability"),
        real("log_estimate", "natural logarithm of the estimate"),
        real("std_error", "standard error of log_estimate"),
        REASON,
    ),
    (*SET, "control", "effect", "exposure", *DESIGN_KEYS, "target_level"),
)

SYSTEMATIC_ERROR = TableSchema(
    "systematic_error",
    "Systematic error of log ratios as negative and positive controls show it: of a true log ratio t, normal with mean"
    " mean_intercept + mean_slope t and standard deviation sd_intercept + sd_slope |t|. Intervals are calibrated by it."
    " Rounded to two decimals where the estimate of a control is hidden.",
    (
        *OF_AN_ESTIMATE,
        ColumnSchema("n_negative", "int", "negative controls with an estimate", "controls", required=True),
        ColumnSchema("n_positive", "int", "positive controls with an estimate", "controls", required=True),
        real("mean_intercept", "mean error where there is no effect"),
        real("mean_slope", "mean log estimate that a true log ratio of one adds; 1 where error is the same everywhere"),
        real("sd_intercept", "standard deviation of the error where there is no effect"),
        real("sd_slope", "what a true log ratio of one adds to it"),
        real(
            "share_covered",
            "share of the controls shown whose interval, of the level of the analysis, holds the true ratio",
            "probability",
        ),
        real("share_calibrated", "the same, each interval calibrated by the other controls", "probability"),
        text("reason", "why there are no numbers, or limits of them", values=tuple(Reason)),
    ),
    (*SET, "exposure", *DESIGN_KEYS),
)

EMPIRICAL_NULL = TableSchema(
    "empirical_null",
    "Systematic error of log ratios as the negative controls of an analysis show it: normal with mean and sd. Rounded"
    " to two decimals where the estimate of a control is hidden, so that it cannot be worked out from the others.",
    (
        *OF_AN_ESTIMATE,
        ColumnSchema("n_controls", "int", "negative controls run through the design", "controls", required=True),
        ColumnSchema("n_usable", "int", "of these, with an estimate", "controls", required=True),
        real("mean", "mean error"),
        *_shown(("mean_low", "mean_high"), "the mean"),
        real("sd", "standard deviation of the error"),
        *_shown(("sd_low", "sd_high"), "the standard deviation"),
        real("ease", "expected absolute systematic error"),
        *_shown(("ease_low", "ease_high"), "the expected absolute systematic error"),
        real("share_significant", "share of the controls shown with a p-value below 0.05", "probability"),
        real("share_calibrated", "share of them with a calibrated p-value below 0.05", "probability"),
        text("reason", "why there are no numbers", values=tuple(Reason)),
    ),
    (*SET, "exposure", *DESIGN_KEYS),
)
