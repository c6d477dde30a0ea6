"""The result tables of follow-up designs: arms, how they were followed, and their curves."""

from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, SET, count, pairs, real, text
from equipoise.results.schema import Chain, ColumnSchema, Levels, Link, Parts, Same, TableSchema, Total

ARMS = ("target", "reference")
CONTRAST = (*SET, "exposure")
ARM = text("arm", "`target` for users of the exposure, `reference` for those they are compared with", values=ARMS)
CENSORED = {
    "n_censored_observation": "censored at the end of observation",
    "n_censored_limit": "censored on the last day of follow-up",
    "n_censored_study_end": "censored on the last day of the study",
    "n_censored_exit": "censored on leaving the population",
    "n_censored_stop": "censored at the end of use",
    "n_censored_switch": "censored on a switch to the other arm's drug, or on first use where exposure varies in time",
}


def _of_arm(arm: str) -> Total:
    return Total("follow_up", "n_persons", CONTRAST, where=("arm", arm))


FOLLOW_UP = TableSchema(
    "follow_up",
    "Persons, events and time at risk by arm, and how follow-up ended.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ARM,
        text("label", "the arm in words", required=True),
        count("n_persons", "persons followed"),
        count("n_events", "persons with the outcome"),
        count("n_competing", "persons with a competing event"),
        *(count(name, f"persons {meaning}") for name, meaning in CENSORED.items()),
        count("n_at_time_zero", "persons in the arm from time zero on, where exposure varies in time; null elsewhere"),
        count(
            "n_began", "persons who came into the arm during follow-up, where exposure varies in time; null elsewhere"
        ),
        real("person_years", "time at risk", "years of 365.25 days", "n_persons", "n_events"),
        real("rate", "events per 1,000 person-years", "per 1,000 person-years", "n_persons", "n_events"),
        real("median_days", "median time from time zero to the end of follow-up", "days", "n_persons"),
    ),
    (*CONTRAST, "arm"),
    (
        Parts("n_persons", ("n_events", "n_competing", *CENSORED)),
        Parts("n_persons", ("n_at_time_zero", "n_began")),
        Levels(("n_at_time_zero",), CONTRAST, (Total("estimates", "n_persons", CONTRAST),), known=False),
        Levels(("n_at_time_zero",), CONTRAST, (Total("attrition", "n_remaining", ("analysis",)),), known=False),
        Same("n_began", "follow_up", "n_censored_switch", pairs(*CONTRAST)),
        Same("n_at_time_zero", "follow_up", "n_persons", pairs(*CONTRAST, "arm")),
        Levels(("n_persons",), CONTRAST, (Total("estimates", "n_persons", CONTRAST),), known=False),
        Levels(("n_persons",), CONTRAST, (Total("attrition", "n_remaining", ("analysis",)),), known=False),
        Levels(("n_events",), CONTRAST, (Total("estimates", "n_cases", CONTRAST),), known=False),
        Same("n_events", "estimates", "n_exposed_cases", pairs(*CONTRAST)),
    ),
)

CHARACTERISTICS_BY_ARM = TableSchema(
    "characteristics_by_arm",
    "Table 1 of a follow-up design: characteristics of each arm at time zero.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        text("variable", "the characteristic", required=True),
        text("level", "level of a categorical characteristic, or `missing`; null for a numeric one"),
        text(
            "statistic",
            "`count`: n and percent at this level; `mean`: mean and standard deviation; `median`: median and"
            " interquartile range",
            required=True,
            values=("count", "mean", "median"),
        ),
        count("n_target", "persons of the target arm at this level, or with a value"),
        count("n_reference", "persons of the reference arm at this level, or with a value"),
        count("n_target_missing", "persons of the target arm without a value (numeric characteristics)"),
        count("n_reference_missing", "persons of the reference arm without a value (numeric characteristics)"),
        real("value_target", "percent, mean or median in the target arm", "", "n_target"),
        real("spread_target", "standard deviation or interquartile range in the target arm", "", "n_target"),
        real("value_reference", "percent, mean or median in the reference arm", "", "n_reference"),
        real("spread_reference", "standard deviation or interquartile range in the reference arm", "", "n_reference"),
        real(
            "standardized_difference",
            "difference between the arms in units of their pooled standard deviation: target less reference for"
            " numeric characteristics, without sign for categorical ones",
            "standard deviations",
            "n_target",
            "n_reference",
            derived_over=(*CONTRAST, "variable"),
        ),
    ),
    (*CONTRAST, "variable", "level", "statistic"),
    tuple(
        link
        for arm in ARMS
        for link in (
            Levels(
                (f"n_{arm}", f"n_{arm}_missing"),
                (*CONTRAST, "variable", "statistic"),
                (_of_arm(arm), Total("follow_up", "n_at_time_zero", CONTRAST, where=("arm", arm))),
            ),
            Same(
                f"n_{arm}_missing",
                "characteristics_by_arm",
                f"n_{arm}_missing",
                pairs(*CONTRAST, "variable", "level"),
            ),
            Same(f"n_{arm}", "characteristics_by_arm", f"n_{arm}", pairs(*CONTRAST, "variable", "level")),
            Same(f"n_{arm}", "follow_up", "n_persons", pairs(*CONTRAST)),
        )
    ),
)


def _interval_links() -> tuple[Link, ...]:
    of_arm = (*CONTRAST, "arm")
    return (
        Chain(of_arm, "position", "n_at_risk", "n_left", "n_remaining"),
        Chain(of_arm, "position", "n_awaited", "n_entered", "n_to_enter"),
        Parts("n_at_risk", ("n_awaited", ".under observation")),
        Parts("n_remaining", ("n_to_enter", "n_at_risk_after")),
        Same("n_at_risk", "follow_up", "n_persons", pairs(*of_arm)),
        Levels(("n_events",), of_arm, (Total("follow_up", "n_events", of_arm),), known=False),
        Levels(("n_competing",), of_arm, (Total("follow_up", "n_competing", of_arm),), known=False),
    )


_SHOWS_RISK = ("n_at_risk", "n_events", "n_left", "n_awaited", "n_entered")

CURVES = TableSchema(
    "curves",
    "The crude risk of the outcome over time by arm, at the ends of intervals of equal length, with the numbers at"
    " risk: one less the Kaplan-Meier estimate, or with competing events the Aalen-Johansen estimate. How many were"
    " censored in an interval can follow from the rest: it tells how long the database saw persons, and nothing about"
    " their health.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ARM,
        ColumnSchema("position", "int", "place of the interval in order, from 1", required=True),
        ColumnSchema("time_days", "int", "end of the interval, in days from time zero", "days", required=True),
        count("n_at_risk", "persons followed beyond the end of the interval before"),
        count("n_events", "persons with the outcome in the interval"),
        count("n_competing", "persons with a competing event in the interval"),
        count("n_left", "persons whose follow-up ended in the interval"),
        count("n_remaining", "persons followed beyond the end of the interval"),
        count("n_awaited", "with delayed entry, of `n_at_risk`: those who enter after the end of the interval before"),
        count("n_entered", "with delayed entry: persons who enter in the interval"),
        count("n_to_enter", "with delayed entry, of `n_remaining`: those who enter after the interval"),
        count("n_at_risk_after", "with delayed entry, of `n_remaining`: those who have entered, the number at risk"),
        real("risk", "risk of the outcome up to the end of the interval", "probability", *_SHOWS_RISK),
        real("conf_low", "lower confidence limit of the risk", "probability", *_SHOWS_RISK),
        real("conf_high", "upper confidence limit of the risk", "probability", *_SHOWS_RISK),
    ),
    (*CONTRAST, "arm", "position"),
    _interval_links(),
)

ADJUSTMENT_NAME = text("adjustment", "`matched`, `weighted` or `stratified`", required=True)

ADJUSTED = ("kept", "left_out", "trimmed", "unpaired")

ADJUSTMENT = TableSchema(
    "adjustment",
    "What adjustment by a propensity score did: persons kept, overlap of the arms, largest difference.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ADJUSTMENT_NAME,
        *(
            column
            for arm in ARMS
            for column in (
                count(f"n_{arm}", f"persons of the {arm} arm before"),
                count(f"n_{arm}_kept", f"persons of the {arm} arm whom estimates rest on"),
                count(f"n_{arm}_left_out", f"persons of the {arm} arm left out by trimming, or without a partner"),
                count(f"n_{arm}_trimmed", f"of these, left out by trimming, of the {arm} arm"),
                count(f"n_{arm}_unpaired", f"of these, without a partner or in a stratum of one arm, of the {arm} arm"),
            )
        ),
        real("auc", "probability that the score tells a person of the target arm from one of the reference arm"),
        real("equipoise", "share of persons with a preference score from 0.3 to 0.7", "probability"),
        real("largest_before", "largest absolute standardized difference of a covariate before", "standard deviations"),
        real("largest_after", "largest absolute standardized difference of a covariate after", "standard deviations"),
        text(
            "findings",
            "what a reader should know; null where a count of the row is hidden",
            derived_from=tuple(f"n_{arm}_{what}" for arm in ARMS for what in ADJUSTED),
        ),
    ),
    (*CONTRAST, "adjustment"),
    tuple(
        link
        for arm in ARMS
        for link in (
            Parts(f"n_{arm}", (f"n_{arm}_kept", f"n_{arm}_left_out")),
            Parts(f"n_{arm}_left_out", (f"n_{arm}_trimmed", f"n_{arm}_unpaired")),
            Same(f"n_{arm}", "follow_up", "n_persons", pairs(*CONTRAST)),
        )
    ),
)

_WITH = tuple(f"n_{arm}_{has}" for arm in ARMS for has in ("with", "without"))

BALANCE = TableSchema(
    "balance",
    "Standardized differences of covariates between the arms before and after adjustment by a propensity score.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ADJUSTMENT_NAME,
        ColumnSchema("position", "int", "place in the list, the score first", required=True),
        text("covariate", "the column, or the propensity score", required=True),
        *(
            count(f"n_{arm}_{has}", f"persons of the {arm} arm {has} it before; null for numeric covariates")
            for arm in ARMS
            for has in ("with", "without")
        ),
        *(
            real(
                f"smd_{when}",
                f"difference of means {when}, target less reference, over the standard deviation before",
                "standard deviations",
                *_WITH,
            )
            for when in ("before", "after")
        ),
        *(
            real(
                f"variance_ratio_{when}",
                f"variance in the target arm over that in the reference arm {when}",
                "",
                *_WITH,
            )
            for when in ("before", "after")
        ),
    ),
    (*CONTRAST, "adjustment", "position"),
    tuple(
        Levels(
            (f"n_{arm}_with", f"n_{arm}_without"), (*CONTRAST, "adjustment", "position"), (_of_arm(arm),), known=False
        )
        for arm in ARMS
    ),
)
