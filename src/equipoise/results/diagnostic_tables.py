"""The result table of the gate: each diagnostic of each comparison with what became of it."""

from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, SET, count, real, text
from equipoise.results.schema import ColumnSchema, Levels, TableSchema, Total

CONTRAST = (*SET, "exposure")

DIAGNOSTICS = TableSchema(
    "diagnostics",
    "The diagnostics of a study's gate. Outcomes by arm of a comparison are sealed unless all its diagnostics passed."
    " Of a target trial, `exposure` is a strategy.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        ColumnSchema("position", "int", "place in the gate, from 1", required=True),
        text(
            "diagnostic",
            "what was looked at",
            required=True,
            values=(
                "balance",
                "equipoise",
                "power",
                "systematic_error",
                "generalizability",
                "positivity",
                "largest_weight",
                "effective_size",
            ),
        ),
        text(
            "status",
            "one not evaluated has not passed; one that is reported decides nothing",
            required=True,
            values=("passed", "failed", "not_evaluated", "reported"),
        ),
        real(
            "value",
            "largest standardized difference, share in equipoise, minimal detectable ratio, expected absolute"
            " systematic error, or largest standardized difference of those left from those before; of a strategy of a"
            " target trial, first percentile of the probability of what it asks for, largest weight, effective share of"
            " those who keep to it",
            "",
            "n_events",
        ),
        real("threshold", "what the gate asks for"),
        count("n_events", "persons of both arms with the outcome, of the diagnostic of power"),
        text("covariates", "covariates beyond the threshold significantly"),
    ),
    (*CONTRAST, "diagnostic"),
    (Levels(("n_events",), CONTRAST, (Total("estimates", "n_cases", CONTRAST),), known=False),),
)
