"""Tables of what is missing, and of likelihood profiles."""

from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, SET, count, pairs, real, text
from equipoise.results.schema import ColumnSchema, Levels, Parts, Same, TableSchema, Total

CONTRAST = (*SET, "exposure")
ANY = "any of these"
GROUPS = ("target", "reference", "cases", "controls")

MISSING_DATA = (
    text(
        "missing_data",
        "`complete cases` where persons with a missing covariate are left out, `multiple imputation` where values are"
        " imputed; null where none is missing",
        values=("complete cases", "multiple imputation"),
    ),
    real("degrees_of_freedom", "of the t distribution behind limits and p-value; multiple imputation only"),
    real("fraction_missing", "share of the information that is missing; multiple imputation only", "share"),
)
"""Columns of `estimates` about missing covariates."""

MISSINGNESS = TableSchema(
    "missingness",
    "Missing covariates by arm, or among cases and controls.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        text("group", "the arm, or cases and controls", required=True, values=GROUPS),
        ColumnSchema("position", "int", "place of the covariate in the study, from 1; the last is any", required=True),
        text("covariate", f"the covariate, or `{ANY}`", required=True),
        count("n_persons", "persons of the group; in matched sets a person counts once in each set"),
        count("n_missing", "of these, persons without a value"),
        count("n_complete", "of these, persons with a value"),
        real("percent_missing", "persons without a value per 100 persons", "percent", "n_missing", "n_complete"),
    ),
    (*CONTRAST, "group", "position"),
    (
        Parts("n_persons", ("n_missing", "n_complete")),
        Levels(("n_complete",), (*CONTRAST, "position"), (Total("estimates", "n_persons", CONTRAST),), known=False),
        Levels(("n_persons",), (*CONTRAST, "position"), (Total("estimates", "n_persons", CONTRAST),), known=False),
        Same("n_persons", "missingness", "n_persons", pairs(*SET, "exposure", "group")),
        *(
            Same("n_persons", "follow_up", name, (*pairs(*CONTRAST), ("group", "arm")))
            for name in ("n_persons", "n_at_time_zero")
        ),
        *(
            Same(
                f"n_{what}",
                "characteristics_by_arm",
                f"n_{arm}{suffix}",
                (*pairs(*CONTRAST), ("covariate", "variable")),
            )
            for arm in ("target", "reference")
            for what, suffix in (("missing", "_missing"), ("complete", ""))
        ),
        *(
            Same(f"n_{what}", "characteristics", f"n_{who}{suffix}", (*pairs(*SET), ("covariate", "variable")))
            for who in ("cases", "controls")
            for what, suffix in (("missing", "_missing"), ("complete", ""))
        ),
        *(Same("n_persons", "sampling", name, pairs(*SET)) for name in ("n_cases_matched", "n_controls")),
    ),
)

LIKELIHOOD_PROFILES = TableSchema(
    "likelihood_profiles",
    "The partial log-likelihood of a hazard ratio on a grid, maximised over the other terms, less its maximum. Added up"
    " over sites it gives a common hazard ratio without normal approximations.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        text("outcome", "name of the outcome"),
        text("subgroup", "characteristic that defines a subgroup, or `overall`"),
        text("subgroup_level", "level of that characteristic"),
        text("adjustment", "as in `estimates`"),
        text("target_level", "exposure level the ratio is about"),
        text("reference_level", "exposure level it is compared with"),
        ColumnSchema("position", "int", "place on the grid, from 1", required=True),
        real("log_ratio", "natural logarithm of the hazard ratio"),
        count("n_persons", "persons it rests on"),
        count("n_cases", "persons with the outcome"),
        count("n_exposed_cases", "persons of the target arm with the outcome"),
        count("n_exposed_controls", "persons of the target arm without the outcome"),
        real(
            "log_likelihood",
            "profile log-likelihood less its maximum",
            "",
            "n_persons",
            "n_cases",
            "n_exposed_cases",
            "n_exposed_controls",
        ),
    ),
    (*CONTRAST, "outcome", "subgroup", "subgroup_level", "adjustment", "position"),
    (
        Parts("n_cases", ("n_exposed_cases", ".n_unexposed_cases")),
        Parts("n_persons", ("n_cases", "n_exposed_controls", ".n_unexposed_controls")),
        *(
            Same(name, "estimates", name, pairs(*CONTRAST, "outcome", "subgroup", "subgroup_level"))
            for name in ("n_persons", "n_cases", "n_exposed_cases", "n_exposed_controls")
        ),
    ),
)
