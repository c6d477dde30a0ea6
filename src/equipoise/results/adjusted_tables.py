"""The result tables behind the figures of an adjustment: curves of the adjusted arms, and the spread of scores."""

from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, count, pairs, real, text
from equipoise.results.follow_up_tables import ADJUSTMENT_NAME, ARM, ARMS, CONTRAST
from equipoise.results.schema import Chain, ColumnSchema, Levels, Parts, Same, TableSchema, Total

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

_HAS = ("with", "without")


def _shares(arm: str, when: str) -> tuple[str, ...]:
    kept = "_kept" if when == "after" else ""
    return tuple(f"n_{arm}_{has}{kept}" for has in _HAS)


CHARACTERISTICS_ADJUSTED = TableSchema(
    "characteristics_adjusted",
    "Covariates of a propensity score in both arms before adjustment, those trimmed left out, and after it: means of"
    " numeric ones, shares of levels. After weighting the values are weighted, and every person is counted once.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ADJUSTMENT_NAME,
        ColumnSchema("position", "int", "place in the list, from 1", required=True),
        text("covariate", "the covariate, with its level where it has some", required=True),
        text("kind", "`mean` of a number, or `share` of persons", required=True, values=("mean", "share")),
        *(
            count(f"n_{arm}_{has}{kept}", f"persons of the {arm} arm {has} it, {words}; null for means")
            for arm in ARMS
            for kept, words in (("", "before"), ("_kept", "of those kept"))
            for has in _HAS
        ),
        *(
            real(f"value_{arm}_{when}", f"mean or share in the {arm} arm {when}", "", *_shares(arm, when))
            for when in ("before", "after")
            for arm in ARMS
        ),
        *(
            real(
                f"smd_{when}",
                f"difference {when}, target less reference, over the standard deviation before",
                "standard deviations",
                *(name for arm in ARMS for name in _shares(arm, when)),
            )
            for when in ("before", "after")
        ),
    ),
    (*CONTRAST, "adjustment", "position"),
    tuple(
        link
        for arm in ARMS
        for link in (
            Levels(
                _shares(arm, "before"),
                (*CONTRAST, "adjustment", "position"),
                (Total("follow_up", "n_persons", CONTRAST, where=("arm", arm)),),
                known=False,
            ),
            Levels(
                _shares(arm, "after"),
                (*CONTRAST, "adjustment", "position"),
                (Total("adjustment", f"n_{arm}_kept", (*CONTRAST, "adjustment")),),
                known=False,
            ),
            *(Parts(f"n_{arm}_{has}", (f"n_{arm}_{has}_kept", f".n_{arm}_{has}_dropped")) for has in _HAS),
            *(
                Same(f"n_{arm}_{has}", "balance", f"n_{arm}_{has}", pairs(*CONTRAST, "adjustment", "covariate"))
                for has in _HAS
            ),
            *(Same(f"n_{arm}_{has}", "characteristics_by_arm", f"n_{arm}", pairs(*CONTRAST)) for has in _HAS),
            # Where nobody of an arm was left out, those kept are those before.
            *(
                Same(
                    f"n_{arm}_{has}_kept",
                    "characteristics_adjusted",
                    f"n_{arm}_{has}",
                    pairs(*CONTRAST, "adjustment", "position"),
                )
                for has in _HAS
            ),
        )
    ),
)
