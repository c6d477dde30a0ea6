"""The JSON Schema describes the studies that ship, and refuses what the reader refuses."""

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from equipoise.spec.canonical import canonical
from equipoise.spec.read import parse_study, read_study
from equipoise.spec.schema import study_schema
from tests.spec_model.examples import changed, full, minimal

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "studies").glob("*.toml"))


def as_editors_see_it(value: Any) -> Any:
    """TOML dates as text; editors hand them to a JSON Schema so. Infinities stay numbers."""
    if isinstance(value, dict):
        return {key: as_editors_see_it(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_editors_see_it(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(study_schema())
    return jsonschema.Draft202012Validator(study_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_studies_follow_the_schema(path: Path, schema: jsonschema.Draft202012Validator) -> None:
    with path.open("rb") as file:
        schema.validate(as_editors_see_it(tomllib.load(file)))
    schema.validate(canonical(read_study(path)))


@pytest.mark.parametrize("make", [full, minimal])
def test_files_and_canonical_forms_follow_the_schema(make: Any, schema: jsonschema.Draft202012Validator) -> None:
    schema.validate(as_editors_see_it(make()))
    schema.validate(canonical(parse_study(make())))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("titel", "x"),
        ("title", ...),
        ("seed", "7"),
        ("spec_version", 2),
        ("windows/past/years_before", [1]),
        ("windows/past/years_before", [1, "inf"]),
        ("covariates/1/kind", "colour"),
        ("analyses/0/design/controls_per_case", 0),
        ("analyses/0/design/birth_year_caliper", "off"),
        ("analyses/0/ties", "exakt"),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(
    path: str, value: Any, schema: jsonschema.Draft202012Validator
) -> None:
    assert not schema.is_valid(as_editors_see_it(changed(full(), path, value)))


def test_every_key_is_closed_to_unknown_ones() -> None:
    definitions = study_schema()["$defs"]
    assert definitions
    for name, definition in definitions.items():
        if definition.get("type") == "object":
            assert definition.get("additionalProperties") is False, name


def test_the_schema_is_plain_json() -> None:
    assert json.loads(json.dumps(study_schema(), allow_nan=False)) == study_schema()
