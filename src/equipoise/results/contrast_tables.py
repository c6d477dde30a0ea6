"""The result tables of contrast runs and of triangulation. Both hold ratios and no counts."""

from equipoise.errors import Reason
from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, real, text
from equipoise.results.schema import ColumnSchema, TableSchema

FLAW_NAMES = ("immortal_time", "prevalent_users", "no_lag", "covariates_after_time_zero", "non_user_comparator")
BIASES = ("upward", "downward", "towards", "away from null", "none expected")
WHICH = (
    text("window", "name of the window in the study"),
    text("reading", "how a nested case-control study reads use"),
)

FLAWED_ESTIMATES = TableSchema(
    "flawed_estimates",
    "Contrast runs: each estimate of an analysis beside what the same analysis would have said with a deliberate flaw."
    " The flawed numbers are no results of the study; their difference shows how large the avoided bias is.",
    (
        ANALYSIS,
        text("flaw", "the flaw of the flawed run", required=True, values=FLAW_NAMES),
        text("flawed_design", "what the flawed run does, in words", required=True),
        COMPARISON,
        EXPOSURE,
        *WHICH,
        ColumnSchema("time_point_days", "int", "days after time zero by which a risk ratio of a target trial is"),
        text("outcome", "name of the outcome"),
        text("adjustment", "`crude`, `adjusted` or a named adjustment"),
        text("measure", "what is estimated", required=True),
        real("estimate", "the analysis's own estimate, as in `estimates`"),
        real("conf_low", "its lower confidence limit"),
        real("conf_high", "its upper confidence limit"),
        text("reason", "why it is absent; null where it is given", values=tuple(Reason)),
        real("flawed_estimate", "the estimate of the flawed run"),
        real("flawed_conf_low", "its lower confidence limit"),
        real("flawed_conf_high", "its upper confidence limit"),
        text("flawed_reason", "why it is absent; null where it is given", values=tuple(Reason)),
        real(
            "log_difference",
            "logarithm of flawed_estimate less that of estimate: the avoided bias, what the flaw changes about the"
            " question, and chance",
        ),
    ),
    ("analysis", "flaw", "comparison", "exposure", "window", "reading", "adjustment", "measure"),
)

TRIANGULATION = TableSchema(
    "triangulation",
    "One question answered by several analyses, each with the direction of bias that was expected of it.",
    (
        ColumnSchema("position", "int", "place in the figure, from 1", required=True),
        ANALYSIS,
        text("design", "kind of the design", required=True),
        text("comparison", "groups that are compared, or the comparator; null where there is no estimate"),
        EXPOSURE,
        *WHICH,
        text("contrast", "the groups compared, in words: target against reference"),
        text("outcome", "name of the outcome"),
        text("adjustment", "`crude`, `adjusted` or a named adjustment"),
        text("measure", "what is estimated"),
        real("estimate", "the ratio, as in `estimates`"),
        real("conf_low", "its lower confidence limit"),
        real("conf_high", "its upper confidence limit"),
        text("reason", "why it is absent; null where it is given", values=tuple(Reason)),
        text("expected_bias", "where it is expected to lie from the truth", required=True, values=BIASES),
        text("why", "why", required=True),
    ),
    ("position",),
)
