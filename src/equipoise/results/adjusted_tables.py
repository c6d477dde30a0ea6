"""The result tables behind the figures of an adjustment: curves of the adjusted arms, and the spread of scores."""

from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, count, pairs, real, text
from equipoise.results.follow_up_tables import ADJUSTMENT_NAME, ARM, ARMS, CONTRAST
from equipoise.results.schema import Chain, ColumnSchema, Levels, Same, TableSchema, Total

_OF_ARM = (*CONTRAST, "adjustment", "arm")
_SHOWS_RISK = ("n_at_risk", "n_events", "n_left")
_COUNTS = ("n_at_risk", "n_events", "n_competing", "n_left", "n_remaining")

ADJUSTED_CURVES = TableSchema(
    "adjusted_curves",
    "The risk of the outcome over time by arm after matching, weighting or stratification, at the ends of intervals of"
    " equal length, with the persons behind it, each counted once.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ADJUSTMENT_NAME,
        ARM,
        ColumnSchema("position", "int", "place of the interval in order, from 1", required=True),
        ColumnSchema("time_days", "int", "end of the interval, in days from time zero", "days", required=True),
        count("n_at_risk", "persons followed beyond the end of the interval before"),
        count("n_events", "persons with the outcome in the interval"),
        count("n_competing", "persons with a competing event in the interval"),
        count("n_left", "persons whose follow-up ended in the interval"),
        count("n_remaining", "persons followed beyond the end of the interval"),
        real("risk", "adjusted risk of the outcome up to the end of the interval", "probability", *_SHOWS_RISK),
        real("conf_low", "lower confidence limit of the risk", "probability", *_SHOWS_RISK),
        real("conf_high", "upper confidence limit of the risk", "probability", *_SHOWS_RISK),
    ),
    (*_OF_ARM, "position"),
    (
        Chain(_OF_ARM, "position", "n_at_risk", "n_left", "n_remaining"),
        *(Same(name, "curves", name, pairs(*CONTRAST, "arm", "time_days")) for name in _COUNTS),
        *(Same("n_at_risk", "adjustment", f"n_{arm}_kept", pairs(*CONTRAST, "adjustment")) for arm in ARMS),
        Same("n_at_risk", "follow_up", "n_persons", pairs(*CONTRAST, "arm")),
        Levels(("n_events",), _OF_ARM, (Total("follow_up", "n_events", (*CONTRAST, "arm")),), known=False),
        Levels(("n_competing",), _OF_ARM, (Total("follow_up", "n_competing", (*CONTRAST, "arm")),), known=False),
        Levels(
            ("n_events",), _OF_ARM, (Total("estimates", "n_exposed_cases", (*CONTRAST, "adjustment")),), known=False
        ),
        Levels(
            ("n_events",),
            (*CONTRAST, "adjustment"),
            (Total("estimates", "n_cases", (*CONTRAST, "adjustment")),),
            known=False,
        ),
    ),
)

SCORES = TableSchema(
    "scores",
    "How many persons of each arm, those trimmed left out, have a score in each group of equal width: the overlap of"
    " the arms.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ADJUSTMENT_NAME,
        text("scale", "`preference` or `propensity` score", required=True, values=("preference", "propensity")),
        ColumnSchema("position", "int", "place of the group in order, from 1", required=True),
        real("score_from", "lowest score of the group", "probability", required=True),
        real("score_below", "score at which the next group begins; of the last, its highest", required=True),
        *(count(f"n_{arm}", f"persons of the {arm} arm") for arm in ARMS),
    ),
    (*CONTRAST, "adjustment", "scale", "position"),
    tuple(
        link
        for arm in ARMS
        for link in (
            Levels(
                (f"n_{arm}",),
                (*CONTRAST, "adjustment", "scale"),
                (Total("follow_up", "n_persons", CONTRAST, where=("arm", arm)),),
                known=False,
            ),
            Levels(
                (f"n_{arm}",),
                (*CONTRAST, "adjustment", "scale"),
                (Total("adjustment", f"n_{arm}_kept", (*CONTRAST, "adjustment")),),
                known=False,
            ),
            Same(f"n_{arm}", "follow_up", "n_persons", pairs(*CONTRAST)),
        )
    ),
)
