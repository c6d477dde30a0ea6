"""The result tables of a bridge between two studies: its mixtures, and what each element contributes."""

from equipoise.errors import Reason
from equipoise.results.columns import REASON, count, real, text
from equipoise.results.schema import ColumnSchema, Parts, Same, TableSchema

NOTHING = "none"
"""The value of `switched` for study A itself."""
COUNTS = ("n_persons", "n_cases", "n_exposed_cases", "n_exposed_controls")

BRIDGE_STEPS = TableSchema(
    "bridge_steps",
    "One row for every mixture of two studies: the study with the named elements taken from B and the others from A."
    " First the path that is shown, in its order, then the others. Counts of a row are hidden where one of them"
    " differs from that of another row by fewer persons than a count must have to be shown.",
    (
        ColumnSchema("position", "int", "place in the table, from 1", required=True),
        ColumnSchema("path_position", "int", "place on the path that is shown: 0 for study A; null beside the path"),
        text("element", "the element that was switched at this step of the path; null for A and beside the path"),
        text("switched", f"the elements taken from B, separated by commas; `{NOTHING}` for study A", required=True),
        text("contrast", "the groups compared, in words: target against reference"),
        text("outcome", "name of the outcome"),
        text("adjustment", "`crude`, `adjusted` or a named adjustment"),
        text("model", "the statistical model"),
        count("n_persons", "persons of both arms"),
        count("n_cases", "persons with the outcome"),
        count("n_exposed_cases", "persons of the target arm with the outcome"),
        count("n_exposed_controls", "persons of the target arm without the outcome"),
        real("estimate", "hazard ratio of target against reference"),
        real("conf_low", "lower confidence limit of the hazard ratio"),
        real("conf_high", "upper confidence limit of the hazard ratio"),
        real("p_value", "two-sided p-value against no association", "probability"),
        real("log_estimate", "natural logarithm of the hazard ratio"),
        real("std_error", "standard error of log_estimate"),
        real("change", "log_estimate less that of the step before; on the path only"),
        real("change_low", "lower limit of the change, from persons drawn again; on the path only"),
        real("change_high", "upper limit of the change"),
        real("true_value", "on a synthetic nation, the true logarithm of the hazard ratio that this mixture aims at"),
        real("true_error", "Monte Carlo standard error of true_value"),
        real("true_change", "true_value less that of the step before; on the path only"),
        real("bias", "log_estimate less true_value: bias and chance"),
        real("bias_change", "bias less that of the step before; on the path only"),
        text("no_truth", "why there is no true value; null where it is given, and where no truth was asked for"),
        REASON,
        text("why_not", "why this mixture is not a study that can be carried out; null where it is one"),
    ),
    ("position",),
    (
        Parts("n_cases", ("n_exposed_cases", ".n_unexposed_cases")),
        Parts("n_persons", ("n_cases", "n_exposed_controls", ".n_unexposed_controls")),
        *(Same(name, "bridge_steps", name, ()) for name in COUNTS),
    ),
)

BRIDGE_CONTRIBUTIONS = TableSchema(
    "bridge_contributions",
    "What each element contributes to the difference between two studies, on the scale of log hazard ratios: its change"
    " averaged over the orders in which every mixture on the way has an estimate. The contributions add up to the whole"
    " difference.",
    (
        ColumnSchema("position", "int", "place in the order of elements, from 1", required=True),
        text("element", "the element", required=True),
        text("in_a", "what study A says of it"),
        text("in_b", "what study B says of it"),
        real("contribution", "mean change of log_estimate over the orders, B against A"),
        real("ratio", "the same as a factor of the hazard ratio"),
        real("conf_low", "lower limit of the contribution, from persons drawn again; null without a bootstrap"),
        real("conf_high", "upper limit of the contribution"),
        ColumnSchema("n_replicates", "int", "draws of persons in which it has a value; null without a bootstrap"),
        real("true_contribution", "the part of it by which the true value of what is aimed at changes"),
        real("bias_contribution", "the rest: the part by which bias and chance change"),
        real("least", "smallest change over the orders"),
        real("most", "largest change over the orders"),
        real("monte_carlo_error", "standard error of the contribution where orders were sampled; else null"),
        ColumnSchema("n_orders", "int", "orders averaged over; 0 where there is none", "orders", required=True),
        text("reason", "why there is no contribution; null where it is given", values=tuple(Reason)),
    ),
    ("position",),
)
