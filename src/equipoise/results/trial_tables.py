"""The result tables of target trials: the protocol beside its emulation, follow-up, curves, positivity."""

from equipoise.results.columns import ANALYSIS, count, pairs, real, text
from equipoise.results.schema import Chain, ColumnSchema, Levels, Parts, Same, TableSchema, Total

ARM = ("analysis", "strategy")
STRATEGY = text("strategy", "name of the strategy in the study", required=True)

TRIAL_PROTOCOL = TableSchema(
    "trial_protocol",
    "The protocol of the target trial, element by element, beside its emulation with the data.",
    (
        ANALYSIS,
        ColumnSchema("position", "int", "place in the protocol, from 1", required=True),
        text("element", "the element of the protocol", required=True),
        text("target_trial", "what the trial would do", required=True),
        text("emulation", "what was done with the data", required=True),
    ),
    ("analysis", "position"),
)

TRIAL_STRATEGIES = TableSchema(
    "trial_strategies",
    "How the follow-up of each strategy ended. Where persons are copied, each counts under every strategy until they do"
    " what it does not allow; with trials in several intervals, each trial of a person counts.",
    (
        ANALYSIS,
        STRATEGY,
        text("label", "the strategy in words", required=True),
        count("n_trials", "persons at time zero, or trials of persons", "trials"),
        count("n_events", "of these, with the outcome while they kept to the strategy", "trials"),
        count("n_competing", "with a competing event", "trials"),
        count("n_deviated", "who did what the strategy does not allow", "trials"),
        count("n_lost", "lost to follow-up", "trials"),
        count("n_completed", "followed to the end", "trials"),
    ),
    ARM,
    (
        Parts("n_trials", ("n_events", "n_competing", "n_deviated", "n_lost", "n_completed")),
        Same("n_trials", "trial_strategies", "n_trials", pairs("analysis")),
        Same("n_trials", "attrition", "n_remaining", pairs("analysis")),
    ),
)

TRIAL_FOLLOW_UP = TableSchema(
    "trial_follow_up",
    "Numbers that keep to each strategy over time, and the weights of those who do. How many deviated or were lost in"
    " an interval of time can follow from the rest.",
    (
        ANALYSIS,
        STRATEGY,
        ColumnSchema("position", "int", "place of the interval in order, from 1", required=True),
        ColumnSchema("time_days", "int", "end of the interval, in days from time zero", "days", required=True),
        count("n_at_risk", "followed beyond the end of the interval before", "trials"),
        count("n_events", "with the outcome in the interval", "trials"),
        count("n_left", "whose follow-up ended in the interval", "trials"),
        count("n_remaining", "followed beyond the end of the interval", "trials"),
        real("weight_mean", "mean weight in the last part of the interval", "", "n_at_risk", "n_left"),
        real("weight_maximum", "largest weight there", "", "n_at_risk", "n_left"),
        real("effective_size", "squared sum of weights there over the sum of their squares", "trials", "n_at_risk",
             "n_left"),
    ),
    (*ARM, "position"),
    (
        Chain(ARM, "position", "n_at_risk", "n_left", "n_remaining"),
        Same("n_at_risk", "trial_strategies", "n_trials", pairs(*ARM)),
        Levels(("n_events",), ARM, (Total("trial_strategies", "n_events", ARM),), known=False),
    ),
)  # fmt: skip

TRIAL_CURVES = TableSchema(
    "trial_curves",
    "The risk of the outcome over time had everybody followed a strategy, from models that are smooth in time.",
    (
        ANALYSIS,
        text("method", "the method, `crude` for the first without weights and covariates", required=True),
        STRATEGY,
        ColumnSchema("time_days", "int", "days from time zero", "days", required=True),
        real("risk", "risk of the outcome up to this day", "probability"),
        real("conf_low", "lower confidence limit of the risk", "probability"),
        real("conf_high", "upper confidence limit of the risk", "probability"),
    ),
    ("analysis", "method", "strategy", "time_days"),
)

TRIAL_POSITIVITY = TableSchema(
    "trial_positivity",
    "Whether treatment varied where it could: rows of persons and intervals in which somebody who is followed could"
    " change treatment, and how many did.",
    (
        ANALYSIS,
        text("previous", "treatment in the interval before: `none`, or the name of an exposure", required=True),
        ColumnSchema("position", "int", "the interval, from 1; 0 for all intervals together", required=True),
        count("n_rows", "persons in the interval, or persons and intervals", "rows"),
        count("n_changes", "of these, who changed treatment", "rows"),
        count("n_left", "who are not in the next row: treated, dead, lost or at the end", "rows"),
        count("n_remaining", "who are in the next row", "rows"),
        real("percent", "changes per 100 rows", "percent", "n_rows", "n_changes"),
        text("violated", "`yes` where nobody or everybody changed", values=("yes", "no")),
    ),
    ("analysis", "previous", "position"),
    (
        Parts("n_rows", ("n_changes", ".n_unchanged")),
        Chain(("analysis", "previous"), "position", "n_rows", "n_left", "n_remaining"),
        Same("n_rows", "trial_strategies", "n_trials", pairs("analysis")),
    ),
)
