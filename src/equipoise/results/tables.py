"""The result tables, declared once. What writes, reads, suppresses or explains them reads this declaration."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from equipoise.errors import EquipoiseError, Fault
from equipoise.results.adjusted_tables import ADJUSTED_CURVES, CHARACTERISTICS_ADJUSTED, SCORES
from equipoise.results.bridge_tables import BRIDGE_CONTRIBUTIONS, BRIDGE_STEPS
from equipoise.results.case_control_tables import DISCORDANCE, HETEROGENEITY, INITIATION_RATES, LAG_SCAN
from equipoise.results.columns import ANALYSIS, COMPARISON, EXPOSURE, REASON, SET, WINDOW
from equipoise.results.columns import count as _count
from equipoise.results.columns import pairs as _on
from equipoise.results.columns import real as _float
from equipoise.results.columns import text as _text
from equipoise.results.contrast_tables import FLAWED_ESTIMATES, TRIANGULATION
from equipoise.results.control_tables import (
    EMPIRICAL_NULL,
    NEGATIVE_CONTROLS,
    POSITIVE_CONTROLS,
    SYSTEMATIC_ERROR,
)
from equipoise.results.diagnostic_tables import DIAGNOSTICS
from equipoise.results.dose_tables import DOSE_TABLES
from equipoise.results.family_tables import WITHIN_BETWEEN
from equipoise.results.follow_up_tables import ADJUSTMENT, BALANCE, CHARACTERISTICS_BY_ARM, CURVES, FOLLOW_UP
from equipoise.results.function_tables import FUNCTION, STAGES, TRAJECTORIES
from equipoise.results.hazard_tables import HAZARD_CHECKS
from equipoise.results.indication_tables import INDICATION
from equipoise.results.missing_tables import LIKELIHOOD_PROFILES, MISSING_DATA, MISSINGNESS
from equipoise.results.run_tables import RUN_SUMMARY
from equipoise.results.sampling_tables import MATCHING, SAMPLING
from equipoise.results.schema import Chain, ColumnSchema, Joined, Levels, Overlap, Parts, Same, TableSchema, Total
from equipoise.results.score_tables import SCORE_RESPONSE
from equipoise.results.trial_tables import (
    TRIAL_CURVES,
    TRIAL_FOLLOW_UP,
    TRIAL_POSITIVITY,
    TRIAL_PROTOCOL,
    TRIAL_STRATEGIES,
)

OVERALL = "overall"
"""The value of `subgroup` in rows that concern the whole study population."""

READINGS: dict[str, str] = {
    "any_use": "any use in the window",
    "initiation": "initiation in the window",
}

MEASURES: dict[str, str] = {
    "odds_ratio": "odds ratio",
    "hazard_ratio": "hazard ratio",
    "subdistribution_hazard_ratio": "subdistribution hazard ratio",
    "rate_ratio": "rate ratio",
    "rate": "rate per 1,000 person-years",
    "risk_ratio": "risk ratio",
    "risk": "risk",
    "risk_difference": "risk difference",
    "rmst": "restricted mean survival time",
    "rmst_difference": "difference in restricted mean survival time",
    "log_rank_statistic": "log-rank chi-squared",
    "gray_statistic": "chi-squared of equal cumulative incidence",
    "slope_difference": "difference in slope",
}


def _matched(who: str) -> Total:
    """Where the number of all cases, or all controls, that enter the analysis stands."""
    return Total("sampling", "n_cases_matched" if who == "cases" else "n_controls", SET)


READING = _text("reading", "how use is read: any use inside the window, or initiation in it", values=tuple(READINGS))
USE = (*SET, "exposure", "window")

ATTRITION = TableSchema(
    "attrition",
    "Persons that each rule of a cohort removed, in the order of the rules.",
    (
        ANALYSIS,
        _text("cohort", "name of the cohort in the study", required=True),
        ColumnSchema("position", "int", "place of the rule in the order of application, from 1", required=True),
        _text("rule", "the rule in words", required=True),
        _count("n_in", "persons before the rule"),
        _count("n_excluded", "persons removed by the rule"),
        _count("n_remaining", "persons left after the rule"),
    ),
    ("analysis", "cohort", "position"),
    (
        Chain(("analysis", "cohort"), "position", "n_in", "n_excluded", "n_remaining"),
        # A comparison starts from those whom the rules of its population left.
        Same("n_in", "attrition", "n_remaining", _on("analysis")),
        # Analyses of the same cohort apply the same rules to the same persons.
        *(Same(name, "attrition", name, _on("cohort", "position", "rule")) for name in ("n_excluded", "n_remaining")),
        Same("n_remaining", "sampling", "n_cases", _on("analysis")),
        Same("n_remaining", "sampling", "n_cases_matched", _on("analysis")),
        Same("n_excluded", "sampling", "n_cases_unmatched", _on("analysis")),
    ),
)

DATA_QUALITY = TableSchema(
    "data_quality",
    "Records that contradict themselves or one another, and the stated rule by which each kind was handled.",
    (
        ColumnSchema("position", "int", "place in the report, from 1", required=True),
        _text("check", "what was looked for", required=True),
        _text("table", "table of the common data model", required=True),
        _text("rule", "what was done with the records", required=True),
        _count("n_records", "records found", "records"),
        _count("n_persons", "persons with such a record; null where the table has no persons"),
    ),
    ("position",),
)

CONCEPT_SETS = TableSchema(
    "concept_sets",
    "What each concept set of the study found in the database.",
    (
        _text("name", "name of the concept set in the study", required=True),
        _text("domain", "domain of the records", required=True),
        ColumnSchema("n_concepts", "int", "concepts the set resolves to", "concepts"),
        _count("n_records", "records that match", "records"),
        _count("n_persons", "persons with a matching record"),
        _text("warning", "what a reader should know, such as a set that matches nothing"),
    ),
    ("name",),
    # Persons with a record of the outcome are the cases where no rule removed any.
    (Same("n_persons", "sampling", "n_cases", ()), Same("n_persons", "sampling", "n_cases_matched", ())),
)

CHARACTERISTICS = TableSchema(
    "characteristics",
    "Table 1: characteristics of cases and controls on the index date.",
    (
        ANALYSIS,
        COMPARISON,
        _text("variable", "the characteristic", required=True),
        _text("level", "level of a categorical characteristic, or `missing`; null for a numeric one"),
        _text(
            "statistic",
            "`count`: n and percent at this level; `mean`: mean and standard deviation; `median`: median and"
            " interquartile range",
            required=True,
            values=("count", "mean", "median"),
        ),
        _count("n_cases", "cases at this level, or with a value"),
        _count("n_controls", "controls at this level, or with a value", "controls"),
        _count("n_cases_missing", "cases without a value (numeric characteristics)"),
        _count("n_controls_missing", "controls without a value (numeric characteristics)", "controls"),
        _float("value_cases", "percent, mean or median among cases", "", "n_cases"),
        _float("spread_cases", "standard deviation or interquartile range among cases", "", "n_cases"),
        _float("value_controls", "percent, mean or median among controls", "", "n_controls"),
        _float("spread_controls", "standard deviation or interquartile range among controls", "", "n_controls"),
        _float(
            "standardized_difference",
            "difference between cases and controls in units of their pooled standard deviation: cases less controls for"
            " numeric characteristics, without sign for categorical ones",
            "standard deviations",
            "n_cases",
            "n_controls",
            derived_over=(*SET, "variable"),
        ),
    ),
    (*SET, "variable", "level", "statistic"),
    tuple(
        link
        for who in ("cases", "controls")
        for link in (
            Levels(
                (f"n_{who}",),
                (*SET, "variable", "statistic"),
                (_matched(who),),
                where=("statistic", "count"),
            ),
            *(
                Levels(
                    (f"n_{who}", f"n_{who}_missing"),
                    (*SET, "variable", "statistic"),
                    (_matched(who),),
                    where=("statistic", statistic),
                )
                for statistic in ("mean", "median")
            ),
            Same(f"n_{who}", "characteristics", f"n_{who}", _on(*SET, "variable", "level")),
            Same(f"n_{who}_missing", "characteristics", f"n_{who}_missing", _on(*SET, "variable", "level")),
            Same(f"n_{who}", "sampling", _matched(who).column, _on(*SET)),
        )
    ),
)

EXPOSURE_TABLE = TableSchema(
    "exposure",
    "Exposed cases and controls by exposure, window and reading, among those observable over the whole window.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        WINDOW,
        READING,
        _text("level", "level of the exposure that the row counts as exposed"),
        _text("factor", "levels with the same factor exclude one another; null where a row stands for itself"),
        _count("n_cases", "cases observable over the window"),
        _count("n_controls", "controls observable over the window", "controls"),
        _count("n_exposed_cases", "of these cases, those at the level"),
        _count("n_exposed_controls", "of these controls, those at the level", "controls"),
        _count("n_unexposed_cases", "of these cases, those not at the level"),
        _count("n_unexposed_controls", "of these controls, those not at the level", "controls"),
        _float("percent_exposed_cases", "exposed cases per 100 cases", "percent", "n_exposed_cases", "n_cases"),
        _float(
            "percent_exposed_controls",
            "exposed controls per 100 controls",
            "percent",
            "n_exposed_controls",
            "n_controls",
        ),
        _count("n_cases_not_observable", "cases left out: not observable over the window, or no control is"),
        _count("n_controls_not_observable", "controls left out: they or their case are not observable", "controls"),
        _float(
            "median_days_observed_cases", "median days of the window in which cases were observed", "days", "n_cases"
        ),
        _float(
            "median_days_observed_controls",
            "median days of the window in which controls were observed",
            "days",
            "n_controls",
        ),
        *(
            _float(f"mean_{what}_{who}", f"mean {text} among exposed {who}", unit, f"n_exposed_{who}")
            for what, text, unit in (
                ("dispensings", "number of dispensings in the window", "dispensings"),
                ("days_supplied", "days supplied in the window", "days"),
                ("dose", "cumulative dose in the window, where quantities allow", "dose_unit"),
            )
            for who in ("cases", "controls")
        ),
        _text("dose_unit", "unit of the cumulative dose"),
    ),
    (*USE, "reading", "factor", "level"),
    tuple(
        link
        for who in ("cases", "controls")
        for link in (
            Parts(f"n_{who}", (f"n_exposed_{who}", f"n_unexposed_{who}")),
            Levels(
                (f"n_{who}", f"n_{who}_not_observable"),
                (*USE, "reading", "factor", "level"),
                (_matched(who),),
            ),
            Levels(
                (f"n_exposed_{who}",),
                (*SET, "exposure", "reading", "factor", f"n_{who}"),
                once="level",
                within=f"n_{who}",
            ),
            Same(f"n_{who}", "exposure", f"n_{who}", _on(*SET)),
            Same(f"n_{who}_not_observable", "exposure", f"n_{who}_not_observable", _on(*SET)),
            Same(f"n_exposed_{who}", "exposure", f"n_exposed_{who}", _on(*SET, "exposure", "level")),
            Same(f"n_{who}", "sampling", _matched(who).column, _on(*SET)),
        )
    ),
)

COEXPOSURE = TableSchema(
    "coexposure",
    "Persons with two exposures in the same window.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        _text("other_exposure", "name of the second exposure"),
        WINDOW,
        _count("n_exposed_cases", "cases with the first exposure"),
        _count("n_exposed_controls", "controls with the first exposure", "controls"),
        _count("n_cases_both", "of these, cases with the second exposure too"),
        _count("n_controls_both", "of these, controls with the second exposure too", "controls"),
        _float(
            "percent_cases_both", "per 100 cases with the first exposure", "percent", "n_cases_both", "n_exposed_cases"
        ),
        _float(
            "percent_controls_both",
            "per 100 controls with the first exposure",
            "percent",
            "n_controls_both",
            "n_exposed_controls",
        ),
    ),
    (*SET, "exposure", "other_exposure", "window"),
    (
        *(
            link
            for who in ("cases", "controls")
            for link in (
                Parts(f"n_exposed_{who}", (f"n_{who}_both", f".n_{who}_first_only")),
                Same(
                    f"n_{who}_both",
                    "coexposure",
                    f"n_{who}_both",
                    (*_on(*SET, "window"), ("exposure", "other_exposure"), ("other_exposure", "exposure")),
                ),
                Same(f"n_exposed_{who}", "coexposure", f"n_exposed_{who}", _on(*SET, "exposure", "window")),
                Same(f"n_exposed_{who}", "exposure", f"n_exposed_{who}", _on(*USE)),
            )
        ),
        Overlap(
            ("n_cases_both", "n_controls_both"),
            ("n_exposed_cases", "n_exposed_controls"),
            "exposure",
            SET,
            (*SET, "window"),
            "exposure",
            "other_exposure",
        ),
    ),
)

ESTIMATE_KEYS = (
    *USE,
    "reading",
    "subgroup",
    "subgroup_level",
    "outcome",
    "time_point_days",
    "adjustment",
    "contrast",
    "model",
    "term",
)
CONTRAST = (*USE, "reading", "subgroup", "subgroup_level", "outcome", "time_point_days")
ESTIMATE_COUNTS = ("n_sets", "n_persons", "n_cases", "n_exposed_cases", "n_exposed_controls")


def _estimate_links() -> tuple[Any, ...]:
    without_level = tuple(key for key in ESTIMATE_KEYS if key != "subgroup_level")
    whole = tuple(key for key in without_level if key != "subgroup")
    same_use = (*_on(*USE, "reading"), ("target_level", "level"))
    return (
        Parts("n_cases", ("n_exposed_cases", ".n_unexposed_cases")),
        Joined("n_persons", ("n_cases",), "exposure", "n_controls", same_use),
        Parts("n_persons", ("n_cases", "n_exposed_controls", ".n_unexposed_controls")),
        *(
            Levels((name,), without_level, (Total("estimates", name, whole, ("subgroup", OVERALL)),), known=False)
            for name in ESTIMATE_COUNTS
        ),
        Same("n_sets", "estimates", "n_cases", _on(*SET)),
        Same("n_sets", "estimates", "n_sets", _on(*SET)),
        Same("n_cases", "estimates", "n_cases", _on(*SET)),
        Same("n_persons", "estimates", "n_persons", _on(*SET)),
        # Cases of one subgroup that agree in number are taken for the same, whatever they are compared with.
        Same("n_sets", "estimates", "n_cases", _on("subgroup", "subgroup_level")),
        Same("n_cases", "estimates", "n_cases", _on("subgroup", "subgroup_level")),
        Same("n_cases", "exposure", "n_cases", _on(*SET)),
        *(Same(f"n_exposed_{who}", "estimates", f"n_exposed_{who}", _on(*CONTRAST, "target_level"))
          for who in ("cases", "controls")),
        *(Same(f"n_exposed_{who}", "exposure", f"n_exposed_{who}", same_use)
          for who in ("cases", "controls")),
    )  # fmt: skip


ESTIMATES = TableSchema(
    "estimates",
    "One row for every estimate the study asked for, whether or not the data could give it.",
    (
        ANALYSIS,
        COMPARISON,
        EXPOSURE,
        WINDOW,
        READING,
        _text("subgroup", f"characteristic that defines a subgroup; `{OVERALL}` for the whole study population"),
        _text("subgroup_level", "level of that characteristic"),
        _text("outcome", "name of the outcome"),
        ColumnSchema("time_point_days", "int", "time since time zero to which the estimate refers", "days"),
        _text("adjustment", "`crude`, `adjusted`, `matched`, `weighted`, `stratified` or a named set of covariates"),
        _text("contrast", "the groups compared, in words"),
        _text("model", "the statistical model"),
        _text("term", "the term of the model"),
        _text("measure", "what kind of number the estimate is", values=tuple(MEASURES)),
        _text("target_level", "exposure level the estimate is about"),
        _text("reference_level", "exposure level it is compared with"),
        _float("estimate", "the estimate, on the scale of the measure"),
        _float("conf_low", "lower confidence limit, on the scale of the measure"),
        _float("conf_high", "upper confidence limit, on the scale of the measure"),
        _float("p_value", "two-sided p-value against no association", "probability"),
        _float("log_estimate", "natural logarithm of the estimate; ratios only"),
        _float("std_error", "standard error of log_estimate for ratios, else of estimate"),
        *(
            _float(f"calibrated_{name}", f"{meaning}, counting the systematic error of negative controls")
            for name, meaning in (
                ("estimate", "the estimate"),
                ("conf_low", "lower confidence limit"),
                ("conf_high", "upper confidence limit"),
                ("p_value", "p-value"),
            )
        ),
        _count("n_sets", "matched sets the estimate rests on", "sets"),
        _count(
            "n_persons",
            "cases and controls it rests on, a person in several sets counting in each; or persons of both arms",
            "rows",
        ),
        _count("n_cases", "cases among them, or persons with the outcome"),
        _count("n_exposed_cases", "cases at the target level, or persons of the target arm with the outcome"),
        _count(
            "n_exposed_controls",
            "controls at the target level, or persons of the target arm without the outcome",
            "persons",
        ),
        REASON,
        *MISSING_DATA,
        _text("failed_diagnostics", "of a sealed estimate, the diagnostics of the gate that did not pass"),
    ),
    ESTIMATE_KEYS,
    _estimate_links(),
)

TABLES: dict[str, TableSchema] = {
    schema.name: schema
    for schema in (
        RUN_SUMMARY,
        ATTRITION,
        DATA_QUALITY,
        CONCEPT_SETS,
        SAMPLING,
        MATCHING,
        CHARACTERISTICS,
        EXPOSURE_TABLE,
        COEXPOSURE,
        FOLLOW_UP,
        CHARACTERISTICS_BY_ARM,
        MISSINGNESS,
        CURVES,
        ADJUSTMENT,
        BALANCE,
        CHARACTERISTICS_ADJUSTED,
        SCORES,
        ADJUSTED_CURVES,
        DIAGNOSTICS,
        ESTIMATES,
        NEGATIVE_CONTROLS,
        EMPIRICAL_NULL,
        POSITIVE_CONTROLS,
        SYSTEMATIC_ERROR,
        LIKELIHOOD_PROFILES,
        HETEROGENEITY,
        DISCORDANCE,
        LAG_SCAN,
        INITIATION_RATES,
        SCORE_RESPONSE,
        HAZARD_CHECKS,
        FUNCTION,
        TRAJECTORIES,
        STAGES,
        TRIAL_PROTOCOL,
        TRIAL_STRATEGIES,
        TRIAL_FOLLOW_UP,
        TRIAL_CURVES,
        TRIAL_POSITIVITY,
        FLAWED_ESTIMATES,
        TRIANGULATION,
        *DOSE_TABLES,
        INDICATION,
        WITHIN_BETWEEN,
        BRIDGE_STEPS,
        BRIDGE_CONTRIBUTIONS,
    )
}


def schema_of(name: str) -> TableSchema:
    """The declaration of one result table; an unknown name is an `EquipoiseError` that lists the known ones."""
    try:
        return TABLES[name]
    except KeyError:
        raise EquipoiseError(Fault(f"result table {name!r}", "no such table", ", ".join(TABLES))) from None


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as a result table, checked against its declaration; nothing is suppressed yet.

    >>> table("matching", [{"analysis": "risk", "comparison": "cases", "controls_in_set": 5, "n_sets": 12}]).num_rows
    1
    """
    return schema_of(name).build(rows)
