"""The reference page of the study file, made from its models."""

from typing import Any

from equipoise.spec.schema import study_schema

OPENING = """# The study file

A study file is TOML 1.0 in UTF-8. It says what a study *is*: a protocol, written before any data are touched, in the
order of the HARPER template (Wang et al., Pharmacoepidemiol Drug Saf 2023;32:44). It holds no connection, password,
schema or number of cores, and nothing in it is ever run as code, so it can travel between sites.

- A key that is not listed here is a fault, and so is a value of another type. `equipoise validate STUDY.toml` names
  every fault at once: where, what was found, what is allowed, what to do.
- Things are defined once under a name and referred to by that name.
- Defaults are written out in the canonical form, whose hash identifies the study: order of keys, comments and defaults
  that are spelled out make no difference.
- TOML has no null. The word `none` switches off a setting that has one.
- Only days before the index date count, so day -1 is the last: `[0, 1]` years is [-365, -1], `[1, 5]` years is
  [-1826, -366], `[5, inf]` years is all time up to day -1827, `[0, 90]` days is [-90, -1].
- `equipoise schema` prints the JSON Schema of this page for editors.

This page is made from the models in `equipoise.spec`; print it anew with
`python -m equipoise.spec.reference > docs/study-file.md`. A complete example is `studies/nsaid-gi-bleed.toml`.
"""
IN_TOML = {"Infinity": "inf"}
# Tables of a study in the order of the protocol, with how each is written.
HEADINGS = {
    "Study": "top of the file",
    "Question": "`[question]`",
    "DataNeeds": "`[data_needs]`",
    "Relationships": "`[data_needs.relationships]`",
    "ConceptSet": "`[concept_sets.NAME]`",
    "ValueLimits": "`value` of a concept set",
    "ConceptItem": "an item of `include`, `exclude` or a list of relationships",
    "SameConcept": "an item of `also`",
    "CohortDefinition": "`[cohorts.NAME]`",
    "EntryEvent": "`entry` of a cohort",
    "AgeLimits": "`age` of a cohort",
    "CalendarLimits": "`calendar` of a cohort",
    "PriorExclusion": "an item of `exclude_prior`",
    "InclusionRule": "an item of `rules`",
    "CohortExit": "`exit` of a cohort",
    "Exposure": "`[exposures.NAME]`",
    "Window": "`[windows]`, and wherever a window stands",
    "CovariateWindow": "`window` of a covariate",
    "AgeCovariate": "`[[covariates]]` of kind `age`",
    "CharacteristicCovariate": "`[[covariates]]` of kind `sex`, `region`, `race`, `ethnicity` or `care_site`",
    "CalendarYearCovariate": "`[[covariates]]` of kind `calendar_year`",
    "BirthYearCovariate": "`[[covariates]]` of kind `birth_year`",
    "EventCovariate": "`[[covariates]]` of kind `event`",
    "CountCovariate": "`[[covariates]]` of kind `count`",
    "MeasurementCovariate": "`[[covariates]]` of kind `measurement`",
    "CategoryCovariate": "`[[covariates]]` of kind `category`",
    "CategoryLevel": "an item of `levels` of a covariate of kind `category`",
    "CovariateSet": "`[covariate_sets.NAME]`",
    "Analysis": "`[[analyses]]`",
    "CompleteCases": "`missing` of an analysis, method `complete_case`",
    "MultipleImputation": "`missing` of an analysis, method `multiple_imputation`",
    "NestedCaseControl": "`[analyses.design]` of kind `nested_case_control`",
    "RelativeControls": "`relatives` of a nested case-control design",
    "LagScan": "`lag_scan` of a nested case-control design",
    "DoseResponse": "Each of `dose_response` of a nested case-control design",
    "FollowUpDesign": "`[analyses.design]` of kind `follow_up`",
    "NewUsers": "`new_users` of a follow-up design or target trial",
    "FollowUpOutcome": "`outcome` of a follow-up design or target trial",
    "TimeAtRisk": "`follow_up` of a follow-up design",
    "Censoring": "`censoring` of a follow-up design",
    "NoAdjustment": "`adjustment` of kind `none`",
    "Regression": "`adjustment` of kind `regression`",
    "Match": "`adjustment` of kind `match`",
    "Weigh": "`adjustment` of kind `weigh`",
    "Stratify": "`adjustment` of kind `stratify`",
    "Estimator": "`estimator` of a follow-up design",
    "LikelihoodProfile": "`likelihood_profile` of an estimator",
    "Bootstrap": "`bootstrap` of an estimator",
    "Score": "`score` of a follow-up design",
    "ScoredDrugs": "an item of `scored` of a score",
    "Function": "`function` of a follow-up design",
    "TargetTrial": "`[analyses.design]` of kind `target_trial`",
    "EligibilityRule": "an item of `eligibility` of a target trial",
    "TreatmentStrategy": "`[[analyses.design.strategies]]` of a target trial",
    "Supply": "`supply` of a target trial",
    "TrialEstimation": "`estimation` of a target trial",
    "TrialWeights": "`weights` of the estimation of a target trial",
    "Sensitivity": "`[[sensitivity]]`",
    "Contrast": "`[[contrasts]]`",
    "Triangulation": "`[triangulation]`",
    "Answer": "an item of `answers` of a triangulation",
    "Grid": "`[[grids]]`",
    "Variation": "an item of `variations` of a grid",
    "NegativeControls": "`[negative_controls]`",
    "Published": "`[[published]]`",
    "GateRules": "`[gate]`",
    "TrialGate": "`[gate.target_trials]`",
}


def reference_page() -> str:
    """The page in Markdown."""
    schema = study_schema()
    tables = schema["$defs"] | {"Study": schema}
    if missing := set(tables) - set(HEADINGS):
        raise KeyError(f"tables without a heading: {sorted(missing)}")
    return "\n".join([OPENING, *(_section(heading, tables[name]) for name, heading in HEADINGS.items())])


def _section(heading: str, table: dict[str, Any]) -> str:
    keys = table["properties"]
    lines = [
        f"## {heading[0].upper()}{heading[1:]}",
        "",
        table["description"].partition("\n>>>")[0].rstrip(),
        "",
        "| key | value | default | meaning |",
        "|---|---|---|---|",
        *(_line(name, key, name in table.get("required", ())) for name, key in keys.items()),
        "",
    ]
    return "\n".join(lines)


def _line(name: str, key: dict[str, Any], required: bool) -> str:
    default = "required" if required else _default(key.get("default"))
    meaning = " ".join(key["description"].split())  # a row of a table is one line
    return f"| `{name}` | {_value(key)} | {default} | {meaning} |"


def _default(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return "its defaults"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(f"{item['vocabulary']} {item['code']}" for item in value)
    if isinstance(value, list):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{str(value).lower()}`"


def _value(key: dict[str, Any]) -> str:
    """What may stand at a key, in words."""
    if "anyOf" in key:
        return " or ".join(dict.fromkeys(_value(option) for option in key["anyOf"] if option.get("type") != "null"))
    if "$ref" in key or "discriminator" in key:
        return "a table"
    if "enum" in key or "const" in key:
        words = (IN_TOML.get(value, value) for value in key.get("enum") or [key["const"]])
        return ", ".join(f"`{word}`" for word in words)
    return _plain(key)


def _plain(key: dict[str, Any]) -> str:
    kind = key.get("type")
    if kind == "array":
        parts = key.get("prefixItems")
        return f"a pair: {_value(parts[0])}" if parts else f"a list: {_value(key['items'])}"
    if kind == "object":
        inside = key.get("additionalProperties")
        return f"tables by name: {_value(inside)} each" if isinstance(inside, dict) else "a table of settings"
    if kind == "string":
        return "a date" if key.get("format") == "date" else "text"
    words = {"integer": "a whole number", "number": "a number", "boolean": "`true` or `false`"}
    return words[str(kind)] + _limits(key)


def _limits(key: dict[str, Any]) -> str:
    low, high = key.get("minimum"), key.get("maximum")
    above, below = key.get("exclusiveMinimum"), key.get("exclusiveMaximum")
    least = f" from {low:,}" if low is not None else f" above {above:,}" if above is not None else ""
    most = f" to {high:,}" if high is not None else f" and below {below:,}" if below is not None else ""
    return least + most


if __name__ == "__main__":
    print(reference_page(), end="")
