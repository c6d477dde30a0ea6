"""The result table of what hazard ratios assume: proportional hazards, and no confounder left out."""

from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, real, text
from equipoise.results.follow_up_tables import CONTRAST
from equipoise.results.schema import ColumnSchema, TableSchema

HAZARD_CHECKS = TableSchema(
    "hazard_checks",
    "What hazard ratios assume: score tests of proportional hazards (Grambsch and Therneau), and E-values: how strong"
    " a confounder that was left out would have to be. Numbers are absent where the hazard ratio is.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        text("adjustment", "as in the table of estimates", required=True),
        *(
            column
            for prefix, of in (("arm", "the arm"), ("all", "all terms of the model"))
            for column in (
                real(f"{prefix}_statistic", f"chi-squared of hazards of {of} that change with time"),
                ColumnSchema(f"{prefix}_df", "int", f"degrees of freedom of the test of {of}"),
                real(f"{prefix}_p_value", f"p-value of the test of {of}", "probability"),
            )
        ),
        text(
            "outcome",
            "`common` where 15 % or more had the outcome, for which E-values take another form; else `rare`",
            values=("common", "rare"),
        ),
        real("e_value", "risk ratio a confounder would need with both, to explain the estimate away", ""),
        real("e_value_limit", "the same for the confidence limit nearest to 1; 1 where the interval holds 1", ""),
    ),
    (*CONTRAST, "adjustment"),
)
NUMBERS = (*(column.name for column in HAZARD_CHECKS.columns if column.type in ("int", "float")), "outcome")
"""What goes where the hazard ratio itself is withheld."""
