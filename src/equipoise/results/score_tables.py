"""The result table of a graded score: hazard ratios per point, and of its categories against the lowest."""

from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, REASON, count, pairs, real, text
from equipoise.results.follow_up_tables import CONTRAST
from equipoise.results.schema import ColumnSchema, Levels, Parts, Same, TableSchema, Total

_BOTH = ("n_persons", "n_events")
_GROUP = (*CONTRAST, "adjustment")

SCORE_RESPONSE = TableSchema(
    "score_response",
    "The outcome by the graded score of the drugs used, in the arms of a follow-up design: hazard ratio of one point"
    " more, and of the categories of the score against the lowest.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        text("combined_by", "how scores of several drugs become one", values=("highest", "sum", "mean")),
        text("adjustment", "`crude`, or `adjusted` by covariates in the model", required=True),
        ColumnSchema("position", "int", "place in the list, the trend first", required=True),
        text("kind", "`trend`: per point; `category`: against the lowest", values=("trend", "category")),
        text("level", "the scores of the category", required=True),
        text("reference_level", "the scores it is compared with"),
        real("score_from", "lowest score of the category", "points"),
        real("score_below", "the score at which the next category begins; null for the last", "points"),
        count("n_persons", "persons of both arms with such a score"),
        count("n_events", "of these, with the outcome"),
        real("estimate", "hazard ratio; null for the reference category", "", rests_on=_BOTH),
        real("conf_low", "lower confidence limit", "", rests_on=_BOTH),
        real("conf_high", "upper confidence limit", "", rests_on=_BOTH),
        real("p_value", "two-sided p-value; of the trend, the test for trend", "probability", rests_on=_BOTH),
        real("log_estimate", "natural logarithm of the estimate", "", rests_on=_BOTH),
        real("std_error", "standard error of log_estimate", "", rests_on=_BOTH),
        REASON,
    ),
    (*CONTRAST, "adjustment", "position"),
    (
        Parts("n_persons", ("n_events", ".n_without")),
        *(
            Levels(
                (name,), _GROUP, (Total("score_response", name, _GROUP, ("kind", "trend")),), where=("kind", "category")
            )
            for name in _BOTH
        ),
        *(Same(name, "score_response", name, pairs(*CONTRAST, "level")) for name in _BOTH),
        Levels(("n_persons",), (*_GROUP, "kind"), (Total("estimates", "n_persons", CONTRAST),), known=False),
        Levels(("n_events",), (*_GROUP, "kind"), (Total("estimates", "n_cases", CONTRAST),), known=False),
        Same("n_persons", "estimates", "n_persons", pairs(*CONTRAST)),
        Same("n_events", "estimates", "n_cases", pairs(*CONTRAST)),
    ),
)
