"""The result table that says what became of every analysis of a run."""

from equipoise.results.columns import text
from equipoise.results.schema import ColumnSchema, TableSchema

RUN_SUMMARY = TableSchema(
    "run_summary",
    "What became of every analysis. One that fails stops none of the others.",
    (
        ColumnSchema("position", "int", "place in the study, from 1", required=True),
        text("analysis", "id of the analysis in the study", required=True),
        text("label", "the analysis in words"),
        text("design", "kind of design", required=True),
        text(
            "state",
            "`completed`: every part of it was done; `incomplete`: a part failed; `failed`: nothing could be estimated",
            required=True,
            values=("completed", "incomplete", "failed"),
        ),
        ColumnSchema("n_estimates", "int", "rows of `estimates`", "estimates"),
        ColumnSchema("n_given", "int", "of these, with a number", "estimates"),
        ColumnSchema("n_sealed", "int", "of these, sealed by the gate", "estimates"),
        text("step", "what failed first; null where nothing did"),
        text("error", "kind of error"),
        text("says", "what was wrong, what is allowed, what to do"),
    ),
    ("analysis",),
)
