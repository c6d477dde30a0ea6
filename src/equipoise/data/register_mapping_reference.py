"""The reference page of the mapping file, made from its models and rules."""

from collections.abc import Iterator
from typing import Any

from equipoise.data.register_mapping import Mapped, RegisterMapping
from equipoise.data.registers import MAPPING_RULES

OPENING = """# The mapping file: registers as data

`DATA` may be a mapping file: it says which table and column of national registers hold what OMOP would hold in PERSON,
OBSERVATION_PERIOD, DRUG_EXPOSURE and so on. The data stay where and as they are.

```sh
equipoise simulate --form registers --persons 100000 --to registers/    # registers of persons who do not exist
equipoise run STUDY.toml --data registers/mapping.toml --to results/
```

A mapping file is TOML 1.0 in UTF-8. It holds names of files and columns, filters, date formats and lists of values: no
code, no password, no person. `studies/mappings/swedish-registers.toml` is a complete example, for [tables with the
columns of Swedish registers](register-tables.md); a study gives the same estimates from these and from the OMOP form of
the same people.

- Every fault of the file is named at once, with exit code 10. Then every file that is not there, every column that is
  not there or is of a type that cannot be used, with exit code 11. All of it before anything is computed.
- Paths are seen from the folder of the mapping file. Files: `.parquet`, `.csv`, `.csv.gz`, `.tsv`, `.tsv.gz`, SAS
  (`.sas7bdat`, `.xpt`) and Stata (`.dta`); the last two kinds need the package pyreadstat
  (`pip install 'equipoise[statistical-files]'`) and are copied into the embedded engine once.
- A column may be written in any letter case that tells it apart. Where a table stands below as the form of a column,
  its name alone will do: `date = "EDATUM"` for `date = { column = "EDATUM" }`.
- Numbers of persons are whole numbers. Cells are read as strictly as those of [an OMOP database](data-sources.md);
  those that cannot be read stop the run with the column and their number, and so does a value that a list of values
  does not name. No message holds the content of a cell.
- The fingerprint of the data is that of every file, and the content of the mapping.

## What becomes of the tables

TABLES

**Codes.** Registers have codes and no concepts of OMOP. Every code that occurs is a concept of its vocabulary here: a
study names it by `vocabulary` and `code`, or by `code_prefix`, as ever; dots and letter case do not matter. Descendants
follow the letters of ATC (`N06A`, `N06AB`, `N06AB04`) and of ICD-10 (`G12`, `G122`). A concept set that names a
`concept_id` is refused: the number would mean nothing, or something else. Relatives are codes of SNOMED CT, as
`[data_needs.relationships]` expects by default.

**Birth country**, and whatever else of `persons` a study asks for, is an observation: a table of `[[observations]]` may
read the same file, dated by the birth.

**Doses** need `quantity` and `strength`: milligrams are units dispensed times milligrams in a unit. Defined daily doses
are those of `daily_doses`; where that is not named, or a dispensing has none, they are milligrams divided by the daily
dose that a study states for the concept set ([dose-response](../methods/dose-response.md)).
"""
FLOOR = {
    "`persons`": "PERSON, with the region as LOCATION",
    "`period`, `migrations`, `deaths`, births": "OBSERVATION_PERIOD: from the first day of the period, birth or "
    "immigration to the last day of the period, emigration or death. Whoever leaves and has not come before was there "
    "from the start; whoever never moves was there all the time",
    "`deaths`": "DEATH",
    "`dispensings`, `diagnoses`, `procedures`, `visits`": "DRUG_EXPOSURE, CONDITION_OCCURRENCE, PROCEDURE_OCCURRENCE, "
    "VISIT_OCCURRENCE",
    "`observations`, `measurements`": "OBSERVATION, MEASUREMENT",
    "`parents`": "FACT_RELATIONSHIP: mothers and fathers who are in `persons`; full siblings where both parents are "
    "known and the same, half siblings where one is the same and the others are known and differ. Parents need not be "
    "in `persons` for that. Several rows of a child are one: what they name differently is unknown",
    "`marriages`": "FACT_RELATIONSHIP, and the days of beginning and end in OBSERVATION. Rows with the same two "
    "persons and the same beginning are one marriage; one that ends after the person's next one begins has no end of "
    "its own",
}
HEADINGS = {
    "RegisterMapping": "top of the file",
    "Mapped": "every table of a register",
    "Period": "`[period]`",
    "Persons": "`[persons]`",
    "Migrations": "`[migrations]`",
    "Deaths": "`[deaths]`",
    "Dispensings": "`[[dispensings]]`",
    "Diagnoses": "`[[diagnoses]]`",
    "Procedures": "`[[procedures]]`",
    "Visits": "`[[visits]]`",
    "Observations": "`[[observations]]`",
    "Measurements": "`[[measurements]]`",
    "Parents": "`[parents]`",
    "Marriages": "`[marriages]`",
    "Dated": "a column of days",
    "Coded": "a column of codes",
    "Measured": "a column of measured values",
    "Sexes": "`sex` of persons",
    "Directions": "`direction` of migrations",
    "Contacts": "`kind` of visits",
    "Ranks": "`rank` of diagnoses",
}
CLOSING = """## Data quality

Every check of [data sources](data-sources.md#data-quality) is made, and these beside them. The rules of
`fact_relationship` count bad family links (a person among their own ancestors, several mothers, …) where a study asks
for relatives.

| table | check | rule |
|---|---|---|
"""
AGAIN = "python -m equipoise.data.register_mapping_reference > docs/reference/register-mapping.md"


def reference_page() -> str:
    """The page in Markdown."""
    rules = "\n".join(f"| `{table}` | {check} | {rule} |" for check, (table, rule) in MAPPING_RULES.items())
    made = f"This page is made from the models in `equipoise.data`; print it anew with\n`{AGAIN}`.\n"
    floor = [
        "| in the registers | on the floor |",
        "|---|---|",
        *(f"| {one} | {other} |" for one, other in FLOOR.items()),
    ]
    opening = OPENING.replace("TABLES", "\n".join(floor))
    return "\n".join([opening, "## Keys\n", *_tables(), CLOSING + rules, "", made])


def _tables() -> Iterator[str]:
    schema = RegisterMapping.model_json_schema(by_alias=True)
    tables = schema["$defs"] | {"RegisterMapping": schema, "Mapped": Mapped.model_json_schema()}
    for name, heading in HEADINGS.items():
        table = tables[name]
        needed = set(table.get("required", ()))
        said = set(Mapped.model_fields) if _is_register(table) and name != "Mapped" else set()
        rows = [_row(key, item, key in needed) for key, item in table["properties"].items() if key not in said]
        yield f"### {heading}\n\n{table['description']}\n"
        yield "\n".join(["| key | form | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def _is_register(table: dict[str, Any]) -> bool:
    return set(Mapped.model_fields) <= set(table["properties"])


def _row(key: str, item: dict[str, Any], needed: bool) -> str:
    meaning = str(item.get("description", "")).replace("\n", " ")
    return f"| `{key}` | {_form(item)} | {'**required**' if needed else _default(item)} | {meaning} |"


def _default(item: dict[str, Any]) -> str:
    value = item.get("default")
    return "" if value is None or value in ([], {}, ()) else f"`{_said(value)}`"


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_said(item)}" for key, item in value.items() if item not in (None, [], {}))
    return f'"{value}"' if isinstance(value, str) else str(value)


def _form(item: dict[str, Any]) -> str:
    if "anyOf" in item:
        return " or ".join(dict.fromkeys(_form(option) for option in item["anyOf"] if option.get("type") != "null"))
    if "$ref" in item:
        return HEADINGS[item["$ref"].rpartition("/")[2]]
    if "const" in item:
        return f"`{item['const']}`"
    if "enum" in item:
        return " or ".join(f"`{value}`" for value in item["enum"])
    if item.get("type") == "array":
        inside = _form(item["items"])
        return f"{inside}, or a list of them" if inside in ("text", "text or whole number") else f"tables {inside}"
    if item.get("type") == "object":
        return f"table: name = {_form(item['additionalProperties'])}"
    words = {"string": "date" if item.get("format") == "date" else "text", "integer": "whole number"}
    return words.get(str(item.get("type")), str(item.get("type")))


if __name__ == "__main__":
    print(reference_page(), end="")
