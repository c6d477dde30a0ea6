"""The result tables of function after time zero: what was estimated of it, mean scores over time, stages."""

from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, REASON, count, pairs, real, text
from equipoise.results.follow_up_tables import ARM, ARMS, CONTRAST
from equipoise.results.schema import Chain, ColumnSchema, Levels, Link, Parts, Same, TableSchema, Total

FUNCTION_MEASURES: dict[str, str] = {
    "score": "mean score at time zero",
    "slope": "slope of the score, points a month",
    "slope_difference": "difference in slope, points a month",
    "score_difference": "difference in score, points",
    "progression_rate": "progression rate at time zero, points lost a month",
    "progression_rate_difference": "difference in progression rate, points a month",
    "mean_rank": "mean rank of function and survival",
    "mean_rank_difference": "difference in mean rank",
    "win_ratio": "win ratio",
    "win_odds": "win odds",
    "net_benefit": "net benefit",
    "association": "hazard ratio of the association",
    "direct_hazard_ratio": "direct hazard ratio",
    "mediated_hazard_ratio": "hazard ratio mediated by the trajectory",
    "total_hazard_ratio": "total hazard ratio",
}
FUNCTION_RATIOS = (
    "win_ratio",
    "win_odds",
    "association",
    "direct_hazard_ratio",
    "mediated_hazard_ratio",
    "total_hazard_ratio",
)
_COUNTS = tuple(f"n_{arm}{what}" for arm in ARMS for what in ("", "_events"))
WITH, WITHOUT = "with what the estimate needs (a score; for ranks none)", "without it"


def _arm_counts() -> tuple[ColumnSchema, ...]:
    return tuple(
        column
        for arm in ARMS
        for column in (
            count(f"n_{arm}", f"persons of the {arm} arm {WITH}"),
            count(f"n_{arm}_without", f"persons of the {arm} arm {WITHOUT}"),
            count(f"n_{arm}_events", f"persons of the {arm} arm with the outcome, where the estimate rests on it"),
        )
    )


def _arm_links() -> tuple[Link, ...]:
    return tuple(
        link
        for arm in ARMS
        for link in (
            Levels(
                (f"n_{arm}", f"n_{arm}_without"),
                FUNCTION_KEYS,
                (Total("follow_up", "n_persons", CONTRAST, where=("arm", arm)),),
                known=False,
            ),
            Same(f"n_{arm}", "follow_up", "n_persons", pairs(*CONTRAST)),
            Same(f"n_{arm}", "function", f"n_{arm}", pairs(*CONTRAST)),
            Same(f"n_{arm}_without", "function", f"n_{arm}_without", pairs(*CONTRAST)),
            Parts(f"n_{arm}", (f"n_{arm}_events", f".n_{arm}_eventless")),
            Same(f"n_{arm}_events", "function", f"n_{arm}_events", pairs(*CONTRAST)),
            Same(f"n_{arm}_events", "follow_up", "n_events", pairs(*CONTRAST)),
        )
    )


FUNCTION_KEYS = (*CONTRAST, "measure", "adjustment", "term", "time_point_days")

FUNCTION = TableSchema(
    "function",
    "What was estimated of function after time zero (ALSFRS-R): slopes and their difference, progression before time"
    " zero, ranks of function and survival, the joint model of function and the outcome.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        text("measure", "what kind of number the estimate is", required=True, values=tuple(FUNCTION_MEASURES)),
        text("adjustment", "`crude`, or `adjusted` with covariates in the model", required=True),
        text("term", "the arm, the contrast or the term in words", required=True),
        ColumnSchema("time_point_days", "int", "days after time zero to which the estimate refers", "days"),
        text("model", "the statistical model"),
        text("target_level", "the arm or level the estimate is about"),
        text("reference_level", "the one it is compared with"),
        real("estimate", "the estimate, on the scale of the measure", rests_on=_COUNTS),
        real("conf_low", "lower confidence limit, on the scale of the measure", rests_on=_COUNTS),
        real("conf_high", "upper confidence limit, on the scale of the measure", rests_on=_COUNTS),
        real("p_value", "two-sided p-value against no difference", "probability", rests_on=_COUNTS),
        real("log_estimate", "natural logarithm of the estimate; ratios only", rests_on=_COUNTS),
        real("std_error", "standard error of log_estimate for ratios, else of estimate", rests_on=_COUNTS),
        *_arm_counts(),
        count("n_scores", "scores it rests on", "scores"),
        REASON,
    ),
    FUNCTION_KEYS,
    (*_arm_links(), Same("n_scores", "function", "n_scores", pairs(*CONTRAST))),
)

TRAJECTORIES = TableSchema(
    "trajectories",
    "Mean scores over time by arm: observed in intervals, and of the unadjusted linear mixed model at their middle.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ARM,
        ColumnSchema("position", "int", "place of the interval in order, from 1", required=True),
        ColumnSchema("from_day", "int", "first day of the interval, in days from time zero", "days", required=True),
        ColumnSchema("to_day", "int", "last day of the interval, in days from time zero", "days", required=True),
        ColumnSchema("time_days", "int", "day at which the model's mean is given", "days", required=True),
        count("n_measured", "persons of the arm with a score at any time"),
        count("n_persons", "persons with a score in the interval"),
        count("n_scores", "scores in the interval", "scores"),
        real("observed_mean", "mean of the scores in the interval", "points", rests_on=("n_persons",)),
        real("mean", "mean score of the model", "points", rests_on=("n_measured",)),
        real("conf_low", "lower confidence limit of the mean", "points", rests_on=("n_measured",)),
        real("conf_high", "upper confidence limit of the mean", "points", rests_on=("n_measured",)),
    ),
    (*CONTRAST, "arm", "position"),
    (
        *(
            Same(name, "function", f"n_{arm}", pairs(*CONTRAST), where=("arm", arm))
            for arm in ARMS
            for name in ("n_measured", "n_persons")
        ),
        Same("n_measured", "trajectories", "n_measured", pairs(*CONTRAST, "arm")),
        Parts("n_measured", ("n_persons", ".n_others")),
        Same("n_persons", "trajectories", "n_scores", pairs(*CONTRAST, "arm", "position")),
        Levels(("n_scores",), CONTRAST, (Total("function", "n_scores", CONTRAST),), known=False),
    ),
)

SCALES = {"kings": "King's", "mitos": "MiToS"}
UNKNOWN_STAGE = ("stage", "not known")
_OF_SCALE = (*CONTRAST, "arm", "scale")

STAGES = TableSchema(
    "stages",
    "Clinical stages at time zero by arm, the highest first, and the time from there to each stage or the outcome.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ARM,
        text("scale", "`kings` (regions affected, 0 to 4) or `mitos` (independence lost, 0 to 4)", required=True,
             values=tuple(SCALES)),
        ColumnSchema("position", "int", "place in the list, from 1", required=True),
        text("stage", "the stage at time zero; `not known` where no score stands for time zero", required=True),
        count("n_at_most", "persons at this stage or a lower one; in the first row everyone"),
        count("n_persons", "persons at this stage"),
        count("n_below", "persons below this stage; in the first row those whose stage is known"),
        real("percent", "share of all persons of the arm", "percent", "n_persons", "n_at_most"),
        real("median_days", "of those below it: median time to a visit at this stage or a higher one, or the outcome",
             "days", rests_on=("n_below",)),
        real("conf_low", "lower confidence limit of the median time", "days", rests_on=("n_below",)),
        real("conf_high", "upper confidence limit of the median time", "days", rests_on=("n_below",)),
    ),
    (*_OF_SCALE, "position"),
    (
        Chain(_OF_SCALE, "position", "n_at_most", "n_persons", "n_below"),
        Same("n_at_most", "follow_up", "n_persons", pairs(*CONTRAST, "arm")),
        # The stages of both scales are known of the same persons: those with a score at time zero.
        Same("n_persons", "stages", "n_persons", pairs(*CONTRAST, "arm", "stage"), where=UNKNOWN_STAGE),
        Same("n_below", "stages", "n_below", pairs(*CONTRAST, "arm", "position"), where=("position", 1)),
        *(Same("n_below", "function", f"n_{arm}", pairs(*CONTRAST), where=("arm", arm)) for arm in ARMS),
        *(Same("n_persons", "function", f"n_{arm}_without", pairs(*CONTRAST), where=UNKNOWN_STAGE) for arm in ARMS),
    ),
)  # fmt: skip
